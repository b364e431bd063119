/* Answers of /v1/messages, streamed or whole -> events (wire.md 3, 5.4). */
#include "prov/anthropic.h"

#include <stdlib.h>

#include "base/fault.h"

/* Ids, names and the like that have escapes; a rare case. */
#define EXTRA_MAX 65536
#define CITATIONS_MAX 262144

enum block_type {
	BLOCK_OTHER, /* server tools, what is yet unknown */
	BLOCK_TEXT,
	BLOCK_THINKING,
	BLOCK_REDACTED,
	BLOCK_TOOL,
	BLOCK_ANSWER, /* the reserved tool: its input is the content */
};

struct anthropic_answer {
	struct prov_collect c; /* first */
	/* The open block; they never overlap there. */
	enum block_type block;
	uint32_t index;
	bool has_delta;
	struct buf input; /* the tool's input as the block's start had it */
	struct buf thinking; /* inner */
	struct buf signature; /* inner */
	struct buf redacted; /* raw data */
	struct buf citations; /* one a line, unfinished: see put_citation */
	int64_t block_start; /* in characters of the content */
	int64_t chars; /* of the content so far */
	struct msg_usage usage;
	struct buf usage_extra; /* of message_start */
	struct buf scratch;
	bool has_finish;
};

static void
emit(struct anthropic_answer *a, struct msg_event ev)
{
	prov_answer_emit(&a->c.a, &ev);
}

static struct str
text_of(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	return prov_answer_text(&a->c, j, v);
}

/* Characters that an escaped text stands for. */
static int64_t
count_chars(struct str s)
{
	int64_t n = 0;
	size_t i = 0;

	while (i < s.n) {
		unsigned char c = (unsigned char)s.p[i];

		if (c != '\\')
			i++;
		else if (i + 1 < s.n && s.p[i + 1] == 'u')
			i += 6;
		else
			i += 2;
		/* a continuation byte does not begin a character */
		n += (c & 0xC0) != 0x80;
	}
	return n;
}

static void
put_text(struct anthropic_answer *a, struct str inner)
{
	if (inner.n == 0)
		return;
	a->chars += count_chars(inner);
	emit(a, (struct msg_event){ .type = MSG_EV_TEXT, .text = inner });
}

static void
put_reasoning(struct anthropic_answer *a, struct str inner)
{
	if (inner.n != 0)
		emit(a, (struct msg_event){
			    .type = MSG_EV_REASONING, .text = inner });
}

static void
put_arguments(struct anthropic_answer *a, struct str inner)
{
	if (a->block == BLOCK_ANSWER)
		put_text(a, inner);
	else if (inner.n != 0)
		emit(a, (struct msg_event){ .type = MSG_EV_CALL_ARGS,
			    .call = a->index,
			    .text = inner });
}

/* A buffer of ours is full: the answer is larger than what was allowed. */
static void
too_large(struct anthropic_answer *a)
{
	prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
	    "a block of the provider's answer is too large");
}

/* ---- usage -------------------------------------------------------------- */

static void
count(const struct json *j, json_ref v, const char *key, int64_t *out)
{
	int64_t n = prov_answer_count(j, json_get(j, v, key));

	/* Presence counts: 0 is told, absent is not (wire.md 10 #41). */
	if (n >= 0)
		*out = n;
}

/* Counted here, or nothing that the client has to know. */
static const char *const counted[] = { "input_tokens", "output_tokens",
	"cache_read_input_tokens", "cache_creation_input_tokens",
	"output_tokens_details", NULL };

/*
 * Counts are cumulative and may come again, corrected (server tools): the
 * last wins, field by field. The three kinds of input are apart there and
 * parts of the prompt here (wire.md 3.3).
 */
static void
put_usage(
    struct anthropic_answer *a, const struct json *j, json_ref v, bool is_first)
{
	struct msg_usage *u = &a->usage;
	int64_t input = u->prompt;
	int64_t other = 0;

	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	if (input >= 0)
		input -= (u->cached > 0 ? u->cached : 0) +
			 (u->written > 0 ? u->written : 0);
	count(j, v, "input_tokens", &input);
	count(j, v, "cache_read_input_tokens", &u->cached);
	count(j, v, "cache_creation_input_tokens", &u->written);
	count(j, json_get(j, v, "cache_creation"), "ephemeral_1h_input_tokens",
	    &u->written_1h);
	count(j, v, "output_tokens", &u->completion);
	count(j, json_get(j, v, "output_tokens_details"), "thinking_tokens",
	    &u->reasoning);
	other =
	    (u->cached > 0 ? u->cached : 0) + (u->written > 0 ? u->written : 0);
	if (input >= 0)
		u->prompt = input + other;
	buf_reset(&a->scratch);
	buf_adds(&a->scratch, buf_str(&a->usage_extra));
	prov_put_members(&a->scratch, j, v, counted);
	if (is_first && !a->scratch.failed)
		prov_put_members(&a->usage_extra, j, v, counted);
	u->extra = a->scratch.failed ? str_of(NULL, 0) : buf_str(&a->scratch);
	emit(a, (struct msg_event){ .type = MSG_EV_USAGE, .usage = *u });
}

/* ---- blocks ------------------------------------------------------------- */

/*
 * {"type":"web_search_result_location","url":..,"title":..}: held until the
 * block ends, since only then it is known which characters it covers. Of the
 * other kinds none has an address.
 */
static void
put_citation(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	struct str url = json_raw(j, json_get_set(j, v, "url"));
	struct str title = json_raw(j, json_get_set(j, v, "title"));
	size_t start = a->citations.n;

	if (!json_str_is(
		j, json_get(j, v, "type"), "web_search_result_location") ||
	    !str_present(url))
		return;
	buf_addz(&a->citations,
	    "{\"type\":\"url_citation\",\"url_citation\":{\"url\":");
	buf_adds(&a->citations, url);
	buf_addz(&a->citations, ",\"title\":");
	buf_adds(&a->citations, str_present(title) ? title : STR("\"\""));
	buf_addc(&a->citations, '\n');
	if (a->citations.failed) { /* too many: the rest is left out */
		a->citations.failed = false;
		a->citations.n = start;
	}
}

static void
flush_citations(struct anthropic_answer *a)
{
	struct str rest = buf_str(&a->citations);

	while (rest.n != 0) {
		struct str one = str_cut(&rest, '\n');

		buf_reset(&a->scratch);
		buf_adds(&a->scratch, one);
		buf_printf(&a->scratch,
		    ",\"start_index\":%lld,\"end_index\":%lld}}",
		    (long long)a->block_start, (long long)a->chars);
		if (!a->scratch.failed)
			emit(a, (struct msg_event){ .type = MSG_EV_ANNOTATION,
				    .raw = buf_str(&a->scratch) });
	}
	buf_reset(&a->citations);
}

static void
start_tool(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	json_ref input = json_get(j, v, "input");
	json_ref name = json_get(j, v, "name");

	a->block = json_str_is(j, name, ANTHROPIC_ANSWER_TOOL) ? BLOCK_ANSWER
							       : BLOCK_TOOL;
	if (json_count(j, input) != 0)
		buf_adds(&a->input, json_raw(j, input));
	if (a->block == BLOCK_ANSWER)
		return;
	emit(a, (struct msg_event){ .type = MSG_EV_CALL_START,
		    .call = a->index,
		    .id = text_of(a, j, json_get(j, v, "id")),
		    .name = text_of(a, j, name) });
}

static void
block_start(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	json_ref type = json_get(j, v, "type");

	a->block = BLOCK_OTHER;
	a->has_delta = false;
	a->block_start = a->chars;
	buf_reset(&a->input);
	buf_reset(&a->thinking);
	buf_reset(&a->signature);
	buf_reset(&a->redacted);
	if (json_str_is(j, type, "text")) {
		a->block = BLOCK_TEXT;
		put_text(a, json_inner(j, json_get(j, v, "text")));
		json_each (j, json_get(j, v, "citations"), e)
			put_citation(a, j, e);
	} else if (json_str_is(j, type, "thinking")) {
		struct str text = json_inner(j, json_get(j, v, "thinking"));

		a->block = BLOCK_THINKING;
		put_reasoning(a, text);
		buf_adds(&a->thinking, text);
		buf_adds(
		    &a->signature, json_inner(j, json_get(j, v, "signature")));
	} else if (json_str_is(j, type, "redacted_thinking")) {
		a->block = BLOCK_REDACTED;
		buf_adds(&a->redacted, json_raw(j, json_get(j, v, "data")));
	} else if (json_str_is(j, type, "tool_use")) {
		start_tool(a, j, v);
	}
}

static void
block_delta(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	json_ref type = json_get(j, v, "type");
	struct str s;

	if (json_str_is(j, type, "text_delta")) {
		put_text(a, json_inner(j, json_get(j, v, "text")));
	} else if (json_str_is(j, type, "input_json_delta")) {
		s = json_inner(j, json_get(j, v, "partial_json"));
		a->has_delta |= s.n != 0;
		if (a->block == BLOCK_TOOL || a->block == BLOCK_ANSWER)
			put_arguments(a, s);
	} else if (json_str_is(j, type, "thinking_delta")) {
		s = json_inner(j, json_get(j, v, "thinking"));
		put_reasoning(a, s);
		buf_adds(&a->thinking, s);
	} else if (json_str_is(j, type, "signature_delta")) {
		buf_adds(
		    &a->signature, json_inner(j, json_get(j, v, "signature")));
	} else if (json_str_is(j, type, "citations_delta")) {
		put_citation(a, j, json_get(j, v, "citation"));
	}
	if (a->thinking.failed || a->signature.failed)
		too_large(a);
}

/* A block of thinking, as a client has to send it back. */
static void
emit_block(struct anthropic_answer *a, struct buf *raw)
{
	if (raw->failed)
		too_large(a);
	else
		emit(a, (struct msg_event){
			    .type = MSG_EV_THINKING, .raw = buf_str(raw) });
	buf_fini(raw);
}

/* The block as it has to be replayed: every one, also without text (#59). */
static void
end_thinking(struct anthropic_answer *a)
{
	struct buf raw;

	if (a->signature.n == 0)
		return;
	buf_init(&raw, a->thinking.n + a->signature.n + 128);
	buf_addz(&raw, "{\"type\":\"thinking\",\"thinking\":\"");
	buf_adds(&raw, buf_str(&a->thinking));
	buf_addz(&raw, "\",\"signature\":\"");
	buf_adds(&raw, buf_str(&a->signature));
	buf_addz(&raw, "\"}");
	emit_block(a, &raw);
}

static void
end_redacted(struct anthropic_answer *a)
{
	struct buf raw;

	if (a->redacted.n == 0)
		return;
	buf_init(&raw, a->redacted.n + 64);
	buf_addz(&raw, "{\"type\":\"redacted_thinking\",\"data\":");
	buf_adds(&raw, buf_str(&a->redacted));
	buf_addc(&raw, '}');
	emit_block(a, &raw);
}

/* The whole input came with the block's start and no piece after it. */
static void
end_tool(struct anthropic_answer *a)
{
	struct buf inner;

	if (!a->has_delta && a->input.n != 0) {
		buf_init(&inner, a->c.body.max);
		json_escape(&inner, buf_str(&a->input));
		if (inner.failed)
			too_large(a);
		else
			put_arguments(a, buf_str(&inner));
		buf_fini(&inner);
	}
	if (a->block == BLOCK_TOOL)
		emit(a, (struct msg_event){
			    .type = MSG_EV_CALL_END, .call = a->index });
}

static void
block_stop(struct anthropic_answer *a)
{
	if (a->input.failed || a->thinking.failed || a->signature.failed ||
	    a->redacted.failed) {
		too_large(a);
		return;
	}
	switch (a->block) {
	case BLOCK_OTHER:
		break;
	case BLOCK_TEXT:
		flush_citations(a);
		break;
	case BLOCK_THINKING:
		end_thinking(a);
		break;
	case BLOCK_REDACTED:
		end_redacted(a);
		break;
	case BLOCK_TOOL:
	case BLOCK_ANSWER:
		end_tool(a);
		break;
	}
	a->block = BLOCK_OTHER;
}

/* ---- message ------------------------------------------------------------ */

static const struct {
	const char *word;
	enum msg_finish finish;
} finishes[] = {
	{ "end_turn", MSG_FINISH_STOP },
	{ "stop_sequence", MSG_FINISH_STOP },
	{ "pause_turn", MSG_FINISH_STOP },
	{ "compaction", MSG_FINISH_STOP },
	{ "max_tokens", MSG_FINISH_LENGTH },
	{ "model_context_window_exceeded", MSG_FINISH_LENGTH },
	{ "tool_use", MSG_FINISH_TOOL_CALLS },
	{ "refusal", MSG_FINISH_CONTENT_FILTER },
};

/* v has stop_reason and what goes with it; null while there is none. */
static void
put_finish(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	static const char *const also[] = { "stop_sequence", "stop_details" };
	json_ref word = json_get_set(j, v, "stop_reason");
	struct msg_event ev = { .type = MSG_EV_FINISH };

	if (json_type(j, word) != JSON_T_STRING)
		return;
	ev.native = text_of(a, j, word);
	for (size_t i = 0; i < sizeof(finishes) / sizeof(*finishes); i++) {
		if (str_eqz(ev.native, finishes[i].word))
			ev.finish = finishes[i].finish;
	}
	buf_reset(&a->scratch);
	for (size_t i = 0; i < 2; i++) {
		struct str raw = json_raw(j, json_get_set(j, v, also[i]));

		if (str_present(raw)) {
			buf_printf(&a->scratch,
			    "%s\"%s\":", a->scratch.n == 0 ? "" : ",", also[i]);
			buf_adds(&a->scratch, raw);
		}
	}
	if (a->scratch.n != 0 && !a->scratch.failed)
		ev.extra_choice = buf_str(&a->scratch);
	a->has_finish = true;
	emit(a, ev);
}

static void
put_start(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	emit(a, (struct msg_event){ .type = MSG_EV_START,
		    .id = text_of(a, j, json_get(j, v, "id")),
		    .model = text_of(a, j, json_get(j, v, "model")) });
}

static void
put_error(struct anthropic_answer *a, const struct json *j, json_ref v)
{
	json_ref e = json_get_set(j, v, "error");
	struct msg_fail fail;

	prov_fail_object(a->c.a.target, j, e == JSON_NONE ? v : e, 200, &fail);
	prov_answer_fail(&a->c.a, &fail);
}

static bool
is_error(const struct json *j, json_ref v)
{
	return json_str_is(j, json_get(j, v, "type"), "error") ||
	       (json_get_set(j, v, "error") != JSON_NONE &&
		   json_get(j, v, "content") == JSON_NONE);
}

static void
on_event(
    struct prov_collect *c, const struct json *j, json_ref v, struct str name)
{
	struct anthropic_answer *a = (struct anthropic_answer *)c;
	json_ref type = json_get(j, v, "type");

	(void)name; /* always the same as type */
	if (json_str_is(j, type, "content_block_delta")) {
		block_delta(a, j, json_get(j, v, "delta"));
	} else if (json_str_is(j, type, "content_block_start")) {
		a->index = (uint32_t)json_i64_or(
		    j, json_get(j, v, "index"), a->index + 1);
		block_start(a, j, json_get(j, v, "content_block"));
	} else if (json_str_is(j, type, "content_block_stop")) {
		block_stop(a);
	} else if (json_str_is(j, type, "message_start")) {
		json_ref m = json_get(j, v, "message");

		put_start(a, j, m);
		put_usage(a, j, json_get(j, m, "usage"), true);
	} else if (json_str_is(j, type, "message_delta")) {
		put_usage(a, j, json_get(j, v, "usage"), false);
		put_finish(a, j, json_get(j, v, "delta"));
	} else if (json_str_is(j, type, "message_stop")) {
		if (a->has_finish)
			prov_answer_end(&c->a);
	} else if (json_str_is(j, type, "ping")) {
		emit(a, (struct msg_event){ .type = MSG_EV_PING });
	} else if (is_error(j, v)) {
		put_error(a, j, v);
	}
	/* "You should ignore unknown events": so we do. */
}

static void
on_body(struct prov_collect *c, const struct json *j, json_ref v)
{
	struct anthropic_answer *a = (struct anthropic_answer *)c;
	json_ref content = json_get(j, v, "content");

	if (is_error(j, v)) {
		put_error(a, j, v);
		return;
	}
	if (json_type(j, content) != JSON_T_ARRAY) {
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer has no content");
		return;
	}
	put_start(a, j, v);
	json_each (j, content, e) {
		block_start(a, j, e);
		block_stop(a);
		a->index++;
	}
	put_usage(a, j, json_get(j, v, "usage"), true);
	put_finish(a, j, v);
}

/* The end of the body, with or without a message_stop before it. */
static void
on_end(struct prov_collect *c)
{
	struct anthropic_answer *a = (struct anthropic_answer *)c;

	if (a->has_finish)
		prov_answer_end(&c->a);
	else
		prov_answer_failf(&c->a, MSG_FAIL_CUT,
		    "the provider's answer ended before it was complete");
}

static const struct prov_collect_ops ops = {
	.event = on_event,
	.body = on_body,
	.end = on_end,
};

struct prov_answer *
anthropic_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink)
{
	struct anthropic_answer *a =
	    fault("prov.anthropic") ? NULL : calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	prov_collect_init(&a->c, target, o, sink, &ops);
	buf_init(&a->input, o->max_event);
	buf_init(&a->thinking, o->max_event);
	buf_init(&a->signature, o->max_event);
	buf_init(&a->redacted, o->max_event);
	buf_init(&a->citations, CITATIONS_MAX);
	buf_init(&a->usage_extra, EXTRA_MAX);
	buf_init(&a->scratch, EXTRA_MAX);
	a->usage = MSG_USAGE_UNKNOWN;
	return &a->c.a;
}

void
anthropic_answer_free(struct prov_answer *answer)
{
	struct anthropic_answer *a = (struct anthropic_answer *)answer;

	if (a == NULL)
		return;
	prov_collect_fini(&a->c);
	buf_fini(&a->input);
	buf_fini(&a->thinking);
	buf_fini(&a->signature);
	buf_fini(&a->redacted);
	buf_fini(&a->citations);
	buf_fini(&a->usage_extra);
	buf_fini(&a->scratch);
	free(a);
}
