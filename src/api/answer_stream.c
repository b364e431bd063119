#include "api/answer_int.h"

/* Streams of both dialects: every event is a chunk of its own. */

#define TEXT_OPENAI "\"},\"finish_reason\":null}]}\n\n"
#define TEXT_OPENAI_USAGE "\"},\"finish_reason\":null}],\"usage\":null}\n\n"
#define TEXT_CHAT "\"}}\n\n"

/* Members longer than this do not go the short way. */
#define TOP_MAX 65536u

static bool
is_chat(const struct api_answer *a)
{
	return a->o.dialect == MSG_DIALECT_CHAT;
}

static void
suffix_set(struct api_answer *a, const char *z)
{
	a->text_suffix = z;
	a->text_suffix_n = strlen(z);
}

void
answer_stream_start(struct api_answer *a)
{
	struct buf *p = &a->prefix;

	buf_addz(p, "data: {\"id\":");
	answer_put_text(buf_str(&a->id), p);
	if (is_chat(a)) {
		buf_addz(p, ",\"model\":");
		answer_put_text(a->o.model, p);
		buf_addz(p, ",\"provider\":");
		answer_put_text(a->o.provider, p);
		suffix_set(a, TEXT_CHAT);
	} else {
		buf_addz(
		    p, ",\"object\":\"chat.completion.chunk\",\"created\":");
		buf_addi(p, a->created);
		buf_addz(p, ",\"model\":");
		answer_put_text(a->o.model, p);
		suffix_set(
		    a, a->o.include_usage ? TEXT_OPENAI_USAGE : TEXT_OPENAI);
	}
	buf_addc(p, ',');
	buf_adds(&a->text_prefix, buf_str(p));
	buf_addz(&a->text_prefix,
	    is_chat(a) ? "\"delta\":{\"content\":\""
		       : "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
	if (p->failed || a->text_prefix.failed)
		a->err = ERR_NOMEM;
}

/*
 * The hot path: one growth check and some copies. top: members of the maker's
 * that every chunk has (system_fingerprint ...); they stand before "choices".
 */
static void
text_chunk(
    struct api_answer *a, struct str top, struct str text, struct buf *out)
{
	struct str head = buf_str(&a->text_prefix);
	size_t n = head.n + a->text_suffix_n + 1, split = a->prefix.n;
	char *p;

	if (text.n > SIZE_MAX - n - TOP_MAX) {
		out->failed = true;
		return;
	}
	p = buf_room(out, n + top.n + text.n);
	if (!p)
		return;
	if (top.n > 0) {
		memcpy(p, head.p, split);
		p += split;
		memcpy(p, top.p, top.n);
		p += top.n;
		*p++ = ',';
		head = str_skip(head, split);
	}
	memcpy(p, head.p, head.n);
	p += head.n;
	memcpy(p, text.p, text.n);
	p += text.n;
	memcpy(p, a->text_suffix, a->text_suffix_n);
	p += a->text_suffix_n;
	out->n = (size_t)(p - out->p);
}

static void
chunk_top(struct api_answer *a, struct buf *out)
{
	buf_adds(out, buf_str(&a->prefix));
	if (a->extra_top.b.n > 0) {
		buf_adds(out, buf_str(&a->extra_top.b));
		buf_addc(out, ',');
		buf_reset(&a->extra_top.b);
	}
}

static void
chunk_begin(struct api_answer *a, uint32_t choice, struct buf *out)
{
	chunk_top(a, out);
	if (is_chat(a)) {
		buf_addz(out, "\"delta\":{");
	} else {
		buf_addz(out, "\"choices\":[{\"index\":");
		buf_addi(out, choice);
		buf_addz(out, ",\"delta\":{");
	}
}

/* Behind delta's last member. ev NULL: the role chunk, which takes no extras */
static void
chunk_end(struct api_answer *a, struct answer_choice *c,
    const struct msg_event *ev, struct buf *out)
{
	struct str logprobs = { NULL, 0 };
	struct str extra = { NULL, 0 };

	if (ev) {
		extra = buf_str(&c->extra_choice.b);
		if (ev->type == MSG_EV_TEXT || ev->type == MSG_EV_LOGPROBS)
			logprobs = ev->raw;
	}
	buf_addc(out, '}');
	if (logprobs.n > 0) {
		buf_addz(out, ",\"logprobs\":");
		buf_adds(out, logprobs);
	}
	if (ev && ev->type == MSG_EV_FINISH) {
		buf_addc(out, ',');
		answer_put_finish(a, ev->finish, ev->native, extra, out);
	} else if (!is_chat(a)) {
		buf_addz(out, ",\"finish_reason\":null");
	}
	answer_put_members(extra, out);
	if (ev)
		buf_reset(&c->extra_choice.b);
	if (is_chat(a))
		return;
	buf_addz(out, "}]");
	if (a->o.include_usage)
		buf_addz(out, ",\"usage\":null");
}

static void
chunk_close(struct buf *out)
{
	buf_addz(out, "}\n\n");
}

static void
role_chunk(struct api_answer *a, uint32_t choice, struct answer_choice *c,
    struct buf *out)
{
	if (c->role_sent)
		return;
	c->role_sent = true;
	if (is_chat(a))
		return;
	chunk_begin(a, choice, out);
	buf_addz(out, "\"role\":\"assistant\",\"content\":\"\"");
	chunk_end(a, c, NULL, out);
	chunk_close(out);
}

/* Extras wait for the chunk that is written next. */
static void
extras_add(
    struct api_answer *a, struct answer_choice *c, const struct msg_event *ev)
{
	answer_members_add(a, &a->extra_top, ev->extra_top, false);
	answer_members_add(a, &c->extra_choice, ev->extra_choice, false);
	answer_members_add(a, &c->extra_delta, ev->extra_delta, true);
}

static bool
is_plain_text(const struct api_answer *a, const struct answer_choice *c,
    const struct msg_event *ev)
{
	return ev->type == MSG_EV_TEXT && ev->choice == 0 && ev->raw.n == 0 &&
	       ev->extra_top.n <= TOP_MAX &&
	       ev->extra_choice.n + ev->extra_delta.n == 0 &&
	       a->extra_top.b.n + c->extra_choice.b.n + c->extra_delta.b.n == 0;
}

/* A legacy answer's second call has no place. */
static bool
has_place(const struct api_answer *a, const struct msg_event *ev)
{
	bool is_call =
	    ev->type == MSG_EV_CALL_START || ev->type == MSG_EV_CALL_ARGS;

	return !(a->o.legacy_functions && is_call && ev->call != 0);
}

static void
content_chunk(struct api_answer *a, struct answer_choice *c,
    const struct msg_event *ev, struct buf *out)
{
	size_t begun;

	extras_add(a, c, ev);
	if (!has_place(a, ev))
		return;
	chunk_begin(a, ev->choice, out);
	begun = out->n;
	answer_put_delta(a, ev, out);
	if (c->extra_delta.b.n > 0) {
		if (out->n > begun)
			buf_addc(out, ',');
		buf_adds(out, buf_str(&c->extra_delta.b));
		buf_reset(&c->extra_delta.b);
	}
	chunk_end(a, c, ev, out);
	if (is_chat(a) && ev->type == MSG_EV_FINISH) {
		/* the usage follows and closes it */
		c->has_finish = true;
		return;
	}
	chunk_close(out);
}

static void
usage_chunk(struct api_answer *a, const struct msg_usage *u, struct buf *out)
{
	if (is_chat(a)) {
		if (!a->choices[0].has_finish)
			return;
		a->choices[0].has_finish = false;
		buf_addz(out, ",\"usage\":");
		answer_put_usage(u, out);
		chunk_close(out);
		return;
	}
	if (!a->o.include_usage)
		return;
	chunk_top(a, out);
	buf_addz(out, "\"choices\":[],\"usage\":");
	answer_put_usage(u, out);
	chunk_close(out);
}

static void
done(struct api_answer *a, struct buf *out)
{
	struct msg_usage unknown = MSG_USAGE_UNKNOWN;

	if (is_chat(a) && a->n_choices > 0)
		usage_chunk(a, &unknown, out);
	buf_addz(out, "data: [DONE]\n\n");
}

void
answer_stream_event(
    struct api_answer *a, const struct msg_event *ev, struct buf *out)
{
	struct answer_choice *c;

	if (ev->type == MSG_EV_END) {
		done(a, out);
		return;
	}
	/* /v1/chat shows one message */
	if (is_chat(a) && ev->choice != 0)
		return;
	c = answer_choice_get(a, ev->choice);
	if (!c)
		return;
	switch (ev->type) {
	case MSG_EV_EXTRA:
	case MSG_EV_CALL_END:
	case MSG_EV_START:
		extras_add(a, c, ev);
		return;
	case MSG_EV_USAGE:
		usage_chunk(a, &ev->usage, out);
		return;
	default:
		role_chunk(a, ev->choice, c, out);
		break;
	}
	if (is_plain_text(a, c, ev))
		text_chunk(a, ev->extra_top, ev->text, out);
	else
		content_chunk(a, c, ev, out);
}
