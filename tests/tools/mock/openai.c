#include "mock.h"

/* OpenAI's chat completions (wire.md 3, 5.3; key order as recorded). */

static void
add_id(struct mock_answer *a, struct buf *b)
{
	buf_addz(b, "chatcmpl-mock");
	buf_addi(b, (int64_t)a->seq);
}

static void
add_usage(struct mock_answer *a, struct buf *b)
{
	buf_addz(b, "{\"prompt_tokens\":");
	buf_addi(b, a->prompt_tokens);
	buf_addz(b, ",\"completion_tokens\":");
	buf_addi(b, a->completion_tokens);
	buf_addz(b, ",\"total_tokens\":");
	buf_addi(b, a->prompt_tokens + a->completion_tokens);
	buf_addz(b, ",\"prompt_tokens_details\":{\"cached_tokens\":0,"
		    "\"audio_tokens\":0},\"completion_tokens_details\":{"
		    "\"reasoning_tokens\":0,\"audio_tokens\":0,"
		    "\"accepted_prediction_tokens\":0,"
		    "\"rejected_prediction_tokens\":0}}");
}

static const char *
finish_word(const struct mock_answer *a)
{
	if (a->n_calls)
		return "tool_calls";
	if (str_eqz(a->knobs.finish, "length"))
		return "length";
	if (str_eqz(a->knobs.finish, "filter"))
		return "content_filter";
	return "stop";
}

/* --- streams --------------------------------------------------------------- */

static void
chunk_open(struct mock_answer *a, unsigned index)
{
	buf_adds(&a->body, buf_str(&a->prefix));
	buf_addi(&a->body, index);
	buf_addz(&a->body, ",\"delta\":{");
}

/* After the members of delta; finish NULL means null. */
static void
chunk_close(struct mock_answer *a, const char *finish)
{
	buf_addz(&a->body, "},\"logprobs\":null,\"finish_reason\":");
	if (finish) {
		buf_addc(&a->body, '"');
		buf_addz(&a->body, finish);
		buf_addc(&a->body, '"');
	} else {
		buf_addz(&a->body, "null");
	}
	buf_addz(
	    &a->body, a->include_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

static void
openai_begin(struct mock_answer *a)
{
	struct buf *b = &a->prefix;

	buf_addz(b, "data: {\"id\":\"");
	add_id(a, b);
	buf_addz(b, "\",\"object\":\"chat.completion.chunk\",\"created\":");
	buf_addi(b, MOCK_CREATED);
	buf_addz(b, ",\"model\":");
	mock_json_str(b, str_z(a->model));
	buf_addz(b,
	    ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock\","
	    "\"choices\":[{\"index\":");
	for (unsigned i = 0; i < a->n; i++) {
		chunk_open(a, i);
		buf_addz(&a->body, "\"role\":\"assistant\",\"content\":");
		buf_addz(&a->body, a->n_calls ? "null" : "\"\"");
		buf_addz(&a->body, ",\"refusal\":null");
		chunk_close(a, NULL);
	}
}

static void
openai_text(struct mock_answer *a, struct str piece)
{
	for (unsigned i = 0; i < a->n; i++) {
		chunk_open(a, i);
		buf_addz(&a->body, "\"content\":");
		mock_json_str(&a->body, piece);
		chunk_close(a, NULL);
	}
}

static void
add_call_head(struct mock_answer *a, unsigned k)
{
	buf_addz(&a->body, "\"id\":\"call_mock");
	buf_addi(&a->body, (int64_t)a->seq);
	buf_addc(&a->body, '_');
	buf_addi(&a->body, k);
	buf_addz(&a->body, "\",\"type\":\"function\",\"function\":{\"name\":");
	mock_json_str(&a->body, str_z(a->calls[k].name));
	buf_addz(&a->body, ",\"arguments\":");
}

static void
openai_call_start(struct mock_answer *a, unsigned k)
{
	chunk_open(a, 0);
	buf_addz(&a->body, "\"tool_calls\":[{\"index\":");
	buf_addi(&a->body, k);
	buf_addc(&a->body, ',');
	add_call_head(a, k);
	buf_addz(&a->body, "\"\"}}]");
	chunk_close(a, NULL);
}

static void
openai_call_args(struct mock_answer *a, unsigned k, struct str piece)
{
	chunk_open(a, 0);
	buf_addz(&a->body, "\"tool_calls\":[{\"index\":");
	buf_addi(&a->body, k);
	buf_addz(&a->body, ",\"function\":{\"arguments\":");
	mock_json_str(&a->body, piece);
	buf_addz(&a->body, "}}]");
	chunk_close(a, NULL);
}

static void
openai_call_end(struct mock_answer *a, unsigned k)
{
	(void)a;
	(void)k;
}

static void
openai_finish(struct mock_answer *a)
{
	struct buf *b = &a->body;

	for (unsigned i = 0; i < a->n; i++) {
		chunk_open(a, i);
		chunk_close(a, finish_word(a));
	}
	if (a->include_usage && a->knobs.nousage == KNOB_OFF) {
		/* the prefix up to its "[" */
		size_t n = str_find(buf_str(&a->prefix), STR("[{"));

		buf_add(b, a->prefix.p, n + 1);
		buf_addz(b, "],\"usage\":");
		add_usage(a, b);
		buf_addz(b, "}\n\n");
	}
	if (a->knobs.nodone == KNOB_OFF)
		buf_addz(b, "data: [DONE]\n\n");
}

/* --- whole answers ---------------------------------------------------------- */

static void
add_choice(struct mock_answer *a, unsigned index)
{
	struct buf *b = &a->body;

	buf_addz(b, "{\"index\":");
	buf_addi(b, index);
	buf_addz(b, ",\"message\":{\"role\":\"assistant\",\"content\":");
	if (a->n_calls)
		buf_addz(b, "null,\"tool_calls\":[");
	else
		mock_json_str(b, str_of(a->text, a->n_text));
	for (unsigned k = 0; k < a->n_calls; k++) {
		buf_addz(b, k ? ",{" : "{");
		add_call_head(a, k);
		mock_json_str(b, str_of(a->calls[k].args, a->calls[k].n_args));
		buf_addz(b, "}}");
	}
	buf_addz(b, a->n_calls ? "]" : "");
	buf_addz(b, ",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
		    "\"finish_reason\":\"");
	buf_addz(b, finish_word(a));
	buf_addz(b, "\"}");
}

static void
openai_whole(struct mock_answer *a)
{
	struct buf *b = &a->body;

	buf_addz(b, "{\"id\":\"");
	add_id(a, b);
	buf_addz(b, "\",\"object\":\"chat.completion\",\"created\":");
	buf_addi(b, MOCK_CREATED);
	buf_addz(b, ",\"model\":");
	mock_json_str(b, str_z(a->model));
	buf_addz(b, ",\"choices\":[");
	for (unsigned i = 0; i < a->n; i++) {
		buf_addz(b, i ? "," : "");
		add_choice(a, i);
	}
	buf_addc(b, ']');
	if (a->knobs.nousage == KNOB_OFF) {
		buf_addz(b, ",\"usage\":");
		add_usage(a, b);
	}
	buf_addz(b, ",\"service_tier\":\"default\","
		    "\"system_fingerprint\":\"fp_mock\"}");
}

static void
add_or_null(struct buf *b, const char *z)
{
	if (z)
		mock_json_str(b, str_z(z));
	else
		buf_addz(b, "null");
}

static void
openai_error(struct buf *b, const struct mock_error *e, struct str message)
{
	buf_addz(b, "{\"error\":{\"message\":");
	mock_json_str(b, message);
	buf_addz(b, ",\"type\":");
	add_or_null(b, e->openai_type);
	buf_addz(b, ",\"param\":");
	add_or_null(b, e->openai_param);
	buf_addz(b, ",\"code\":");
	add_or_null(b, e->openai_code);
	buf_addz(b, "}}");
}

static void
openai_error_event(
    struct buf *b, const struct mock_error *e, struct str message)
{
	buf_addz(b, "data: ");
	openai_error(b, e, message);
	buf_addz(b, "\n\n");
}

static void
openai_models(struct buf *b)
{
	buf_addz(b,
	    "{\"object\":\"list\",\"data\":["
	    "{\"id\":\"mock\",\"object\":\"model\",\"created\":1767225600,"
	    "\"owned_by\":\"mock\"},"
	    "{\"id\":\"mock-chunks=100-gap=20\",\"object\":\"model\","
	    "\"created\":1767225600,\"owned_by\":\"mock\"}]}");
}

const struct mock_maker mock_openai = {
	.name = "openai",
	.stream_type = "text/event-stream; charset=utf-8",
	.json_type = "application/json",
	.extra = "openai-version: 2020-10-01\r\n"
		 "x-ratelimit-limit-requests: 10000\r\n"
		 "x-ratelimit-remaining-requests: 9999\r\n"
		 "x-ratelimit-reset-requests: 6ms\r\n"
		 "x-request-id: req_mock",
	.begin = openai_begin,
	.text = openai_text,
	.call_start = openai_call_start,
	.call_args = openai_call_args,
	.call_end = openai_call_end,
	.finish = openai_finish,
	.whole = openai_whole,
	.error = openai_error,
	.error_event = openai_error_event,
	.models = openai_models,
};
