#include "mock.h"

/* Anthropic's messages (wire.md 5.4, 7; key order as recorded). */

static const char *
stop_reason(const struct mock_answer *a)
{
	if (a->n_calls)
		return "tool_use";
	if (str_eqz(a->knobs.finish, "length"))
		return "max_tokens";
	if (str_eqz(a->knobs.finish, "filter"))
		return "refusal";
	return "end_turn";
}

static void
add_usage(struct mock_answer *a, struct buf *b, int64_t output)
{
	bool none = a->knobs.nousage != KNOB_OFF;

	buf_addz(b, "{\"input_tokens\":");
	buf_addi(b, none ? 0 : a->prompt_tokens);
	buf_addz(b, ",\"cache_creation_input_tokens\":0,"
		    "\"cache_read_input_tokens\":0,\"output_tokens\":");
	buf_addi(b, none ? 0 : output);
}

static void
add_message(struct mock_answer *a)
{
	struct buf *b = &a->body;

	buf_addz(b, "{\"model\":");
	mock_json_str(b, str_z(a->model));
	buf_addz(b, ",\"id\":\"msg_mock");
	buf_addi(b, (int64_t)a->seq);
	buf_addz(b, "\",\"type\":\"message\",\"role\":\"assistant\",");
}

static void
event(struct buf *b, const char *name)
{
	buf_addz(b, "event: ");
	buf_addz(b, name);
	buf_addz(b, "\ndata: {\"type\":\"");
	buf_addz(b, name);
	buf_addc(b, '"');
}

/* An event about a block; the caller adds the rest and "}\n\n". */
static void
block_event(struct mock_answer *a, const char *name, unsigned index)
{
	event(&a->body, name);
	buf_addz(&a->body, ",\"index\":");
	buf_addi(&a->body, index);
}

static void
anthropic_begin(struct mock_answer *a)
{
	struct buf *b = &a->body;

	event(b, "message_start");
	buf_addz(b, ",\"message\":");
	add_message(a);
	buf_addz(b,
	    "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
	    "\"usage\":");
	a->told_tokens = a->knobs.nousage == KNOB_OFF;
	add_usage(a, b, a->told_tokens);
	/* the maker pads its events with blanks */
	buf_addz(b, ",\"service_tier\":\"standard\"}}   }\n\n");
	if (!a->n_calls) {
		block_event(a, "content_block_start", 0);
		buf_addz(b,
		    ",\"content_block\":{\"type\":\"text\",\"text\":\"\"}"
		    "         }\n\n");
	}
	buf_addz(b, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

static void
anthropic_text(struct mock_answer *a, struct str piece)
{
	block_event(a, "content_block_delta", 0);
	buf_addz(&a->body, ",\"delta\":{\"type\":\"text_delta\",\"text\":");
	mock_json_str(&a->body, piece);
	buf_addz(&a->body, "}   }\n\n");
}

static void
anthropic_call_args(struct mock_answer *a, unsigned k, struct str piece)
{
	block_event(a, "content_block_delta", k);
	buf_addz(&a->body,
	    ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":");
	mock_json_str(&a->body, piece);
	buf_addz(&a->body, "} }\n\n");
}

static void
add_tool_use(struct mock_answer *a, unsigned k)
{
	buf_addz(&a->body, "{\"type\":\"tool_use\",\"id\":\"toolu_mock");
	buf_addi(&a->body, (int64_t)a->seq);
	buf_addc(&a->body, '_');
	buf_addi(&a->body, k);
	buf_addz(&a->body, "\",\"name\":");
	mock_json_str(&a->body, str_z(a->calls[k].name));
	buf_addz(&a->body, ",\"input\":");
}

static void
anthropic_call_start(struct mock_answer *a, unsigned k)
{
	block_event(a, "content_block_start", k);
	buf_addz(&a->body, ",\"content_block\":");
	add_tool_use(a, k);
	buf_addz(&a->body, "{}}     }\n\n");
	/* the first piece is empty, as recorded */
	anthropic_call_args(a, k, STR(""));
}

static void
anthropic_call_end(struct mock_answer *a, unsigned k)
{
	block_event(a, "content_block_stop", k);
	buf_addz(&a->body, "  }\n\n");
}

static void
anthropic_finish(struct mock_answer *a)
{
	struct buf *b = &a->body;

	if (!a->n_calls)
		anthropic_call_end(a, 0);
	event(b, "message_delta");
	buf_addz(b, ",\"delta\":{\"stop_reason\":\"");
	buf_addz(b, stop_reason(a));
	buf_addz(b, "\",\"stop_sequence\":null},\"usage\":");
	add_usage(a, b, a->completion_tokens);
	buf_addz(b, "}     }\n\n");
	if (a->knobs.nodone == KNOB_OFF) {
		event(b, "message_stop");
		buf_addz(b, "   }\n\n");
	}
}

static void
anthropic_whole(struct mock_answer *a)
{
	struct buf *b = &a->body;

	add_message(a);
	buf_addz(b, "\"content\":[");
	if (!a->n_calls) {
		buf_addz(b, "{\"type\":\"text\",\"text\":");
		mock_json_str(b, str_of(a->text, a->n_text));
		buf_addc(b, '}');
	}
	for (unsigned k = 0; k < a->n_calls; k++) {
		buf_addz(b, k ? "," : "");
		add_tool_use(a, k);
		buf_add(b, a->calls[k].args, a->calls[k].n_args);
		buf_addc(b, '}');
	}
	buf_addz(b, "],\"stop_reason\":\"");
	buf_addz(b, stop_reason(a));
	buf_addz(b, "\",\"stop_sequence\":null,\"usage\":");
	add_usage(a, b, a->completion_tokens);
	buf_addz(b, ",\"service_tier\":\"standard\"}}");
}

static void
anthropic_error(struct buf *b, const struct mock_error *e, struct str message)
{
	buf_addz(b, "{\"type\":\"error\",\"error\":{\"type\":\"");
	buf_addz(b, e->anthropic_type);
	buf_addz(b, "\",\"message\":");
	mock_json_str(b, message);
	buf_addz(b, "},\"request_id\":\"req_mock\"}");
}

static void
anthropic_error_event(
    struct buf *b, const struct mock_error *e, struct str message)
{
	buf_addz(b, "event: error\ndata: ");
	anthropic_error(b, e, message);
	buf_addz(b, "\n\n");
}

static void
anthropic_models(struct buf *b)
{
	buf_addz(b,
	    "{\"data\":[{\"type\":\"model\",\"id\":\"mock\","
	    "\"display_name\":\"Mock\","
	    "\"created_at\":\"2026-01-01T00:00:00Z\"}],\"has_more\":false,"
	    "\"first_id\":\"mock\",\"last_id\":\"mock\"}");
}

const struct mock_maker mock_anthropic = {
	.name = "anthropic",
	.stream_type = "text/event-stream; charset=utf-8",
	.json_type = "application/json",
	.extra = "anthropic-ratelimit-requests-limit: 20000\r\n"
		 "anthropic-ratelimit-requests-remaining: 19998\r\n"
		 "request-id: req_mock",
	.begin = anthropic_begin,
	.text = anthropic_text,
	.call_start = anthropic_call_start,
	.call_args = anthropic_call_args,
	.call_end = anthropic_call_end,
	.finish = anthropic_finish,
	.whole = anthropic_whole,
	.error = anthropic_error,
	.error_event = anthropic_error_event,
	.models = anthropic_models,
};
