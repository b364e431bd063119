#include "api/answer_int.h"

#include "base/json_out.h"

void
answer_put_text(struct str text, struct buf *out)
{
	buf_addc(out, '"');
	json_escape(out, text);
	buf_addc(out, '"');
}

void
answer_put_inner(struct str inner, struct buf *out)
{
	buf_addc(out, '"');
	buf_adds(out, inner);
	buf_addc(out, '"');
}

void
answer_put_members(struct str members, struct buf *out)
{
	if (members.n == 0)
		return;
	buf_addc(out, ',');
	buf_adds(out, members);
}

static void
put_name(const char *name, struct buf *out)
{
	buf_addc(out, '"');
	buf_addz(out, name);
	buf_add(out, "\":", 2);
}

static void
put_element(const char *name, struct str raw, struct buf *out)
{
	put_name(name, out);
	buf_addc(out, '[');
	buf_adds(out, raw);
	buf_addc(out, ']');
}

static void
put_string(const char *name, struct str inner, struct buf *out)
{
	put_name(name, out);
	answer_put_inner(inner, out);
}

static void
put_call_start(const struct msg_event *ev, struct buf *out)
{
	bool custom = ev->is_custom;

	buf_addz(out, "\"tool_calls\":[{\"index\":");
	buf_addi(out, ev->call);
	buf_addz(out, ",\"id\":");
	answer_put_text(ev->id, out);
	buf_addz(out, custom
			  ? ",\"type\":\"custom\",\"custom\":{\"name\":"
			  : ",\"type\":\"function\",\"function\":{\"name\":");
	answer_put_text(ev->name, out);
	buf_addz(out, custom ? ",\"input\":\"\"}" : ",\"arguments\":\"\"}");
	if (ev->signature.n > 0) {
		buf_addz(out, ",\"extra_content\":{\"google\":"
			      "{\"thought_signature\":");
		answer_put_text(ev->signature, out);
		buf_addz(out, "}}");
	}
	buf_addz(out, "}]");
}

/* Only one call fits the legacy form: the first. */
static void
put_legacy(const struct msg_event *ev, struct buf *out)
{
	if (ev->call != 0)
		return;
	buf_addz(out, "\"function_call\":{");
	if (ev->type == MSG_EV_CALL_START) {
		buf_addz(out, "\"name\":");
		answer_put_text(ev->name, out);
		buf_addc(out, ',');
	}
	put_string("arguments", ev->text, out);
	buf_addc(out, '}');
}

static void
put_call(
    const struct api_answer *a, const struct msg_event *ev, struct buf *out)
{
	if (a->o.legacy_functions) {
		put_legacy(ev, out);
	} else if (ev->type == MSG_EV_CALL_START) {
		put_call_start(ev, out);
	} else {
		buf_addz(out, "\"tool_calls\":[{\"index\":");
		buf_addi(out, ev->call);
		buf_addz(out, ev->is_custom ? ",\"custom\":{\"input\":"
					    : ",\"function\":{\"arguments\":");
		answer_put_inner(ev->text, out);
		buf_addz(out, "}}]");
	}
}

void
answer_put_delta(
    const struct api_answer *a, const struct msg_event *ev, struct buf *out)
{
	switch (ev->type) {
	case MSG_EV_TEXT:
		put_string("content", ev->text, out);
		break;
	case MSG_EV_REASONING:
		put_string("reasoning_content", ev->text, out);
		break;
	case MSG_EV_REFUSAL:
		put_string("refusal", ev->text, out);
		break;
	case MSG_EV_THINKING:
		put_element("thinking_blocks", ev->raw, out);
		break;
	case MSG_EV_IMAGE:
		put_element("images", ev->raw, out);
		break;
	case MSG_EV_ANNOTATION:
		put_element("annotations", ev->raw, out);
		break;
	case MSG_EV_CALL_START:
	case MSG_EV_CALL_ARGS:
		put_call(a, ev, out);
		break;
	case MSG_EV_START:
	case MSG_EV_CALL_END:
	case MSG_EV_LOGPROBS:
	case MSG_EV_EXTRA:
	case MSG_EV_FINISH:
	case MSG_EV_USAGE:
	case MSG_EV_PING:
	case MSG_EV_FAIL:
	case MSG_EV_END:
	case MSG_EV__MAX:
		break;
	}
}

struct detail {
	const char *name;
	int64_t value;
};

static void
put_details(const char *name, const struct detail *d, size_t n, struct buf *out)
{
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (d[i].value < 0)
			continue;
		buf_addc(out, ',');
		if (!any) {
			put_name(name, out);
			buf_addc(out, '{');
		}
		any = true;
		put_name(d[i].name, out);
		buf_addi(out, d[i].value);
	}
	if (any)
		buf_addc(out, '}');
}

void
answer_put_usage(const struct msg_usage *u, struct buf *out)
{
	int64_t prompt = u->prompt > 0 ? u->prompt : 0;
	int64_t completion = u->completion > 0 ? u->completion : 0;
	struct detail in[] = {
		{ "cached_tokens", u->cached },
		{ "cache_write_tokens", u->written },
		{ "audio_tokens", u->audio_in },
	};
	struct detail comp[] = {
		{ "reasoning_tokens", u->reasoning },
		{ "audio_tokens", u->audio_out },
		{ "accepted_prediction_tokens", u->accepted_prediction },
		{ "rejected_prediction_tokens", u->rejected_prediction },
	};
	int64_t total;

	if (u->prompt < 0 && u->completion < 0) {
		buf_addz(out, "null");
		return;
	}
	if (__builtin_add_overflow(prompt, completion, &total))
		total = INT64_MAX;
	buf_addz(out, "{\"prompt_tokens\":");
	buf_addi(out, prompt);
	buf_addz(out, ",\"completion_tokens\":");
	buf_addi(out, completion);
	buf_addz(out, ",\"total_tokens\":");
	buf_addi(out, total);
	put_details(
	    "prompt_tokens_details", in, sizeof(in) / sizeof(in[0]), out);
	put_details("completion_tokens_details", comp,
	    sizeof(comp) / sizeof(comp[0]), out);
	answer_put_members(u->extra, out);
	buf_addc(out, '}');
}

void
answer_put_finish(const struct api_answer *a, enum msg_finish f,
    struct str native, struct str extra_choice, struct buf *out)
{
	const char *word = msg_finish_word(f);

	if (a->o.legacy_functions && f == MSG_FINISH_TOOL_CALLS)
		word = "function_call";
	buf_addz(out, "\"finish_reason\":\"");
	buf_addz(out, word);
	buf_addc(out, '"');
	if (native.n == 0 || str_eqz(native, word) ||
	    str_contains(extra_choice, STR("\"native_finish_reason\":")))
		return;
	buf_addz(out, ",\"native_finish_reason\":");
	answer_put_text(native, out);
}
