#include "mock.h"

/*
 * Gemini's generateContent (wire.md 5.4, 6.3). Streams use CR LF and repeat
 * the usage in every chunk, as recorded; calls come whole, in one chunk, with
 * finishReason STOP.
 */

static const char *
finish_word(const struct mock_answer *a)
{
	if (str_eqz(a->knobs.finish, "length"))
		return "MAX_TOKENS";
	if (str_eqz(a->knobs.finish, "filter"))
		return "SAFETY";
	return "STOP";
}

static void
add_tail(struct mock_answer *a, int64_t output)
{
	struct buf *b = &a->body;

	if (a->knobs.nousage == KNOB_OFF) {
		buf_addz(b, ",\"usageMetadata\": {\"promptTokenCount\": ");
		buf_addi(b, a->prompt_tokens);
		if (output > 0) {
			buf_addz(b, ",\"candidatesTokenCount\": ");
			buf_addi(b, output);
		}
		buf_addz(b, ",\"totalTokenCount\": ");
		buf_addi(b, a->prompt_tokens + output);
		buf_addz(b,
		    ",\"promptTokensDetails\": [{\"modality\": \"TEXT\","
		    "\"tokenCount\": ");
		buf_addi(b, a->prompt_tokens);
		buf_addz(b, "}]}");
	}
	buf_addz(b, ",\"modelVersion\": ");
	mock_json_str(b, str_z(a->model));
	buf_addz(b, ",\"responseId\": \"mock");
	buf_addi(b, (int64_t)a->seq);
	buf_addz(b, "\"}");
}

static void
open_parts(struct mock_answer *a)
{
	buf_addz(&a->body, "{\"candidates\": [{\"content\": {\"parts\": [");
}

static void
close_parts(struct mock_answer *a, const char *finish)
{
	buf_addz(&a->body, "],\"role\": \"model\"}");
	if (finish) {
		buf_addz(&a->body, ",\"finishReason\": \"");
		buf_addz(&a->body, finish);
		buf_addc(&a->body, '"');
	}
	buf_addz(&a->body, ",\"index\": 0}]");
}

static void
add_text(struct mock_answer *a, struct str s)
{
	buf_addz(&a->body, "{\"text\": ");
	mock_json_str(&a->body, s);
	buf_addc(&a->body, '}');
}

static void
add_calls(struct mock_answer *a)
{
	struct buf *b = &a->body;

	for (unsigned k = 0; k < a->n_calls; k++) {
		buf_addz(b, k ? "," : "");
		buf_addz(b, "{\"functionCall\": {\"name\": ");
		mock_json_str(b, str_z(a->calls[k].name));
		buf_addz(b, ",\"args\": ");
		buf_add(b, a->calls[k].args, a->calls[k].n_args);
		buf_addz(b, "}}");
	}
}

static void
gemini_begin(struct mock_answer *a)
{
	(void)a;
}

static void
gemini_text(struct mock_answer *a, struct str piece)
{
	buf_addz(&a->body, "data: ");
	open_parts(a);
	add_text(a, piece);
	close_parts(a, NULL);
	add_tail(a, 0);
	buf_addz(&a->body, "\r\n\r\n");
}

static void
gemini_call_start(struct mock_answer *a, unsigned k)
{
	(void)a;
	(void)k;
}

static void
gemini_call_args(struct mock_answer *a, unsigned k, struct str piece)
{
	(void)a;
	(void)k;
	(void)piece;
}

static void
gemini_finish(struct mock_answer *a)
{
	buf_addz(&a->body, "data: ");
	open_parts(a);
	if (a->n_calls)
		add_calls(a);
	else
		add_text(a, STR(""));
	close_parts(a, a->knobs.nodone == 1 ? NULL : finish_word(a));
	add_tail(a, a->completion_tokens);
	buf_addz(&a->body, "\r\n\r\n");
}

static void
gemini_whole(struct mock_answer *a)
{
	open_parts(a);
	if (a->n_calls)
		add_calls(a);
	else
		add_text(a, str_of(a->text, a->n_text));
	close_parts(a, finish_word(a));
	add_tail(a, a->completion_tokens);
}

static void
gemini_error(struct buf *b, const struct mock_error *e, struct str message)
{
	buf_addz(b, "{\"error\": {\"code\": ");
	buf_addi(b, e->status);
	buf_addz(b, ",\"message\": ");
	mock_json_str(b, message);
	buf_addz(b, ",\"status\": \"");
	buf_addz(b, e->gemini_status);
	buf_addz(b, "\"}}");
}

/* Not an event: the bare object in the middle of the stream (golden). */
static void
gemini_error_event(
    struct buf *b, const struct mock_error *e, struct str message)
{
	buf_addz(b, "{\n  \"error\": {\n    \"code\": ");
	buf_addi(b, e->status);
	buf_addz(b, ",\n    \"message\": ");
	mock_json_str(b, message);
	buf_addz(b, ",\n    \"status\": \"");
	buf_addz(b, e->gemini_status);
	buf_addz(b, "\"\n  }\n}\n");
}

static void
gemini_models(struct buf *b)
{
	buf_addz(b,
	    "{\"models\": [{\"name\": \"models/mock\",\"version\": \"001\","
	    "\"displayName\": \"Mock\",\"inputTokenLimit\": 1048576,"
	    "\"outputTokenLimit\": 65536,\"supportedGenerationMethods\": "
	    "[\"generateContent\",\"countTokens\"]}]}");
}

const struct mock_maker mock_gemini = {
	.name = "gemini",
	.stream_type = "text/event-stream",
	.json_type = "application/json; charset=UTF-8",
	.extra = "x-gemini-service-tier: standard\r\nx-mock-request: ",
	.begin = gemini_begin,
	.text = gemini_text,
	.call_start = gemini_call_start,
	.call_args = gemini_call_args,
	.call_end = gemini_call_start,
	.finish = gemini_finish,
	.whole = gemini_whole,
	.error = gemini_error,
	.error_event = gemini_error_event,
	.models = gemini_models,
};
