#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov_run.h"

static const struct prov_run stream = { .kind = "openai", .stream = true };
static const struct prov_run whole = { .kind = "openai" };

#define HEAD "\"id\":\"c1\",\"model\":\"m\",\"created\":5"
#define START "START id=c1 model=m created=5\n"
#define CHUNK(choices) "data: {" HEAD ",\"choices\":[" choices "]}\n\n"
#define DELTA(members) \
	CHUNK("{\"index\":0,\"delta\":{" members "},\"finish_reason\":null}")
#define FIN(word) \
	CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}")
#define DONE "data: [DONE]\n\n"
#define CALLS(list) DELTA("\"tool_calls\":[" list "]")
#define BODY(choices) "{" HEAD ",\"choices\":[" choices "]}"
#define MESSAGE(members)                                                 \
	BODY("{\"index\":0,\"message\":{\"role\":\"assistant\"," members \
	     "},\"finish_reason\":\"stop\"}")

static void
text_stream(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"role\":\"assistant\",\"content\":\"\"")
		DELTA("\"content\":\"Hel\"") DELTA("\"content\":\"l\\u00f6\"")
		    FIN("stop") "data: {" HEAD
				",\"choices\":[],\"usage\":{\"prompt_tokens\":"
				"5,\"completion_tokens\":7,"
				"\"total_tokens\":12}}\n\n" DONE,
	    START "TEXT 0 Hel\nTEXT 0 l\\u00f6\nFINISH 0 stop\n"
		  "USAGE prompt=5 completion=7\nEND\n");
}

static void
whole_body(void **state)
{
	(void)state;
	prov_run_is(&whole, "\n\n  " MESSAGE("\"content\":\"Hi\""),
	    START "TEXT 0 Hi\nFINISH 0 stop\nEND\n");
}

/* wire.md 5.3: streaming was asked for, a body came */
static void
body_for_a_stream(void **state)
{
	(void)state;
	prov_run_is(&stream, MESSAGE("\"content\":\"Hi\""),
	    START "TEXT 0 Hi\nFINISH 0 stop\nEND\n");
}

static void
several_choices(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CHUNK("{\"index\":1,\"delta\":{\"content\":\"b\"}}")
		CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"},"
		      "\"finish_reason\":\"stop\"}")
		    CHUNK("{\"index\":1,\"delta\":{},"
			  "\"finish_reason\":\"length\"}") DONE,
	    START "TEXT 1 b\nTEXT 0 a\nFINISH 0 stop\n"
		  "FINISH 1 length\nEND\n");
}

static void
reasoning_of_both_names(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":null,\"reasoning_content\":\"a\"")
		DELTA("\"reasoning\":\"b\"")
		    DELTA("\"reasoning\":\"c\",\"reasoning_content\":\"c\"")
			DELTA("\"content\":\"x\",\"reasoning_content\":null")
			    FIN("stop") DONE,
	    START "REASONING 0 a\nREASONING 0 b\nREASONING 0 c\n"
		  "TEXT 0 x\nFINISH 0 stop\nEND\n");
}

static void
openrouter_details_are_kept(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"reasoning\":\"a\",\"reasoning_details\":[{\"type\":"
		  "\"reasoning.text\",\"text\":\"a\"}]")
		DELTA("\"reasoning_details\":[{\"type\":\"reasoning.summary\","
		      "\"summary\":\"s\"}]") FIN("stop") DONE,
	    START "REASONING 0 a delta=\"reasoning_details\":[{\"type\":"
		  "\"reasoning.text\",\"text\":\"a\"}]\n"
		  "REASONING 0 s delta=\"reasoning_details\":[{\"type\":"
		  "\"reasoning.summary\",\"summary\":\"s\"}]\n"
		  "FINISH 0 stop\nEND\n");
}

static void
refusal_and_logprobs(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"refusal\":\"no\"")
		CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},"
		      "\"logprobs\":{\"content\":[{\"token\":\"x\"}]}}")
		    CHUNK("{\"index\":0,\"delta\":{},"
			  "\"logprobs\":{\"content\":[1]}}") FIN("stop") DONE,
	    START "REFUSAL 0 no\n"
		  "TEXT 0 x raw={\"content\":[{\"token\":\"x\"}]}\n"
		  "LOGPROBS 0 raw={\"content\":[1]}\n"
		  "FINISH 0 stop\nEND\n");
}

static void
own_members_go_along(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    "data: {" HEAD ",\"provider\":\"X\",\"nothing\":null,\"none\":[],"
	    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\","
	    "\"token_id\":7},\"seed\":9,\"finish_reason\":\"stop\","
	    "\"native_finish_reason\":\"STOP\"}],"
	    "\"obfuscation\":\"zz\"}\n\n" DONE,
	    START "TEXT 0 a top=\"provider\":\"X\",\"obfuscation\":\"zz\" "
		  "choice=\"seed\":9 delta=\"token_id\":7\n"
		  "FINISH 0 stop native=STOP\nEND\n");
}

static void
padding_of_mistral_is_dropped(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    "data: {" HEAD ",\"p\":\"abcdef\",\"choices\":[{\"index\":0,"
	    "\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}"
	    "\n\n" DONE,
	    START "TEXT 0 a\nFINISH 0 stop\nEND\n");
}

static void
images_and_annotations(void **state)
{
	(void)state;
	prov_run_is(&whole,
	    MESSAGE("\"content\":\"x\",\"images\":[{\"type\":\"image_url\"}],"
		    "\"annotations\":[{\"type\":\"url_citation\"}]"),
	    START "TEXT 0 x\nIMAGE 0 raw={\"type\":\"image_url\"}\n"
		  "ANNOTATION 0 raw={\"type\":\"url_citation\"}\n"
		  "FINISH 0 stop\nEND\n");
}

/* ---- tool calls -------------------------------------------------------- */

#define CALL1                                               \
	"\"id\":\"a\",\"type\":\"function\",\"function\":{" \
	"\"name\":\"f\",\"arguments\":\"\"}"

static void
call_in_pieces(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CALLS("{\"index\":0," CALL1 "}")
		CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"\"}}")
		    CALLS("{\"index\":0,\"function\":{\"arguments\":\"a\\\":"
			  "1}\"}}") FIN("tool_calls") DONE,
	    START "CALL 0.0 id=a name=f\nARGS 0.0 {\\\"\nARGS 0.0 a\\\":1}\n"
		  "FINISH 0 tool_calls\nEND\n");
}

static void
row_04_index_0_for_every_call(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CALLS("{\"index\":0," CALL1 "}")
		CALLS("{\"index\":0,\"function\":{\"arguments\":\"{}\"}}")
		    CALLS("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":"
			  "\"g\",\"arguments\":\"\"}}")
			CALLS("{\"index\":0,\"function\":{\"arguments\":\"{"
			      "}\"}}") FIN("tool_calls") DONE,
	    START "CALL 0.0 id=a name=f\nARGS 0.0 {}\nCALL 0.1 id=b name=g\n"
		  "ARGS 0.1 {}\nFINISH 0 tool_calls\nEND\n");
}

static void
row_07_new_name_begins_a_new_call(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CALLS("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":"
		  "\"{}\"}}") CALLS("{\"index\":0,\"function\":{\"name\":\"g\","
				    "\"arguments\":\"{}\"}}") FIN("tool_calls")
		DONE,
	    START "CALL 0.0 name=f\nARGS 0.0 {}\nCALL 0.1 name=g\n"
		  "ARGS 0.1 {}\nFINISH 0 tool_calls\nEND\n");
}

static void
row_08_several_calls_in_one_chunk(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CALLS("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":"
		  "\"{}\"}},{\"id\":\"b\",\"function\":{\"name\":\"f\","
		  "\"arguments\":\"{}\"}}") FIN("tool_calls") DONE,
	    START "CALL 0.0 id=a name=f\nARGS 0.0 {}\nCALL 0.1 id=b name=f\n"
		  "ARGS 0.1 {}\nFINISH 0 tool_calls\nEND\n");
}

static void
row_09_id_type_and_name_on_every_piece(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CALLS("{\"index\":0," CALL1 "}")
		CALLS("{\"index\":0,\"id\":\"a\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
		    CALLS("{\"index\":0,\"id\":\"\",\"type\":\"function\","
			  "\"function\":{\"name\":\"\",\"arguments\":\"}\"}}")
			FIN("tool_calls") DONE,
	    START "CALL 0.0 id=a name=f\nARGS 0.0 {\nARGS 0.0 }\n"
		  "FINISH 0 tool_calls\nEND\n");
}

static void
row_14_object_arguments_without_id(void **state)
{
	(void)state;
	prov_run_is(&whole,
	    MESSAGE("\"content\":null,\"tool_calls\":[{\"function\":{"
		    "\"name\":\"f\",\"arguments\":{\"a\":\"b\"}}},"
		    "{\"function\":{\"name\":\"f\",\"arguments\":null}}]"),
	    START "CALL 0.0 name=f\nARGS 0.0 {\\\"a\\\":\\\"b\\\"}\n"
		  "CALL 0.1 name=f\nFINISH 0 stop\nEND\n");
}

static void
call_id_before_its_name(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":null,"
		  "\"arguments\":null}}")
		CALLS("{\"index\":0,\"function\":{\"name\":\"f\"}}")
		    CALLS("{\"index\":0,\"function\":{\"arguments\":\"{}\"}}")
			FIN("tool_calls") DONE,
	    START "CALL 0.0 id=a name=f\nARGS 0.0 {}\n"
		  "FINISH 0 tool_calls\nEND\n");
}

static void
custom_legacy_and_signature(void **state)
{
	(void)state;
	prov_run_is(&whole,
	    MESSAGE("\"tool_calls\":[{\"id\":\"a\",\"type\":\"custom\","
		    "\"custom\":{\"name\":\"f\",\"input\":\"4 + 4\"}},"
		    "{\"id\":\"b\",\"type\":\"function\",\"function\":{"
		    "\"name\":\"g\",\"arguments\":\"{}\"},\"extra_content\":{"
		    "\"google\":{\"thought_signature\":\"SIG\"}}}]"),
	    START "CALL 0.0 id=a name=f custom\nARGS 0.0 4 + 4\n"
		  "CALL 0.1 id=b name=g sig=SIG\nARGS 0.1 {}\n"
		  "FINISH 0 stop\nEND\n");
	prov_run_is(&stream,
	    DELTA("\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}")
		DELTA("\"function_call\":{\"arguments\":\"{}\"}")
		    FIN("function_call") DONE,
	    START "CALL 0.0 name=f\nARGS 0.0 {}\n"
		  "FINISH 0 tool_calls\nEND\n");
}

/* ---- finish and end ---------------------------------------------------- */

static void
row_22_finish_beside_logprobs(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},\"logprobs\":{"
		  "\"content\":[]},\"finish_reason\":\"stop\"}") DONE,
	    START "TEXT 0 x raw={\"content\":[]}\nFINISH 0 stop\nEND\n");
}

static void
row_23_empty_finish_is_none(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},"
		  "\"finish_reason\":\"\"}") FIN("length") DONE,
	    START "TEXT 0 x\nFINISH 0 length\nEND\n");
}

static void
row_24_finish_on_the_last_content_chunk(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},"
		  "\"finish_reason\":\"stop\",\"stop_reason\":42}") DONE,
	    START "TEXT 0 x choice=\"stop_reason\":42\n"
		  "FINISH 0 stop\nEND\n");
}

static void
row_26_no_done_but_finish_is_success(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"")
		FIN("stop") "data: {" HEAD
			    ",\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
			    "\"completion_tokens\":2}}",
	    START "TEXT 0 x\nFINISH 0 stop\nUSAGE prompt=1 completion=2\n"
		  "END\n");
}

static void
row_38_end_without_finish_is_a_cut(void **state)
{
	(void)state;
	prov_run_is(&stream, DELTA("\"content\":\"x\""),
	    START "TEXT 0 x\nFAIL cut: the provider's stream broke off "
		  "before its end\n");
	/* one of two choices is finished */
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") CHUNK(
		"{\"index\":1,\"delta\":{\"content\":\"y\"}}") FIN("stop"),
	    START "TEXT 0 x\nTEXT 1 y\nFINISH 0 stop\nFAIL cut: the "
		  "provider's stream broke off before its end\n");
	prov_run_is(&stream, "",
	    "FAIL cut: the provider ended its answer without a body\n");
	prov_run_is(&whole, "{\"id\":\"c1\",\"choi",
	    "FAIL bad_answer: the provider's answer is not valid JSON: "
	    "unterminated string at byte 16\n");
}

static void
done_without_finish_is_complete(void **state)
{
	(void)state;
	prov_run_is(&stream, DELTA("\"content\":\"x\"") DONE,
	    START "TEXT 0 x\nFINISH 0 stop\nEND\n");
	prov_run_is(&stream, DONE,
	    "FAIL bad_answer: the provider's stream ended without a "
	    "choice\n");
}

static void
finish_words_of_other_makers(void **state)
{
	(void)state;
	prov_run_is(&stream, DELTA("\"content\":\"x\"") FIN("eos") DONE,
	    START "TEXT 0 x\nFINISH 0 stop native=eos\nEND\n");
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") FIN("model_length") DONE,
	    START "TEXT 0 x\nFINISH 0 length native=model_length\nEND\n");
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") FIN("insufficient_system_resource") DONE,
	    START "TEXT 0 x\nFAIL overloaded: prov ended its answer with "
		  "\"insufficient_system_resource\"\n");
}

/* ---- failures inside a 200 --------------------------------------------- */

static void
row_32_error_in_mid_stream(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA(
		"\"content\":\"x\"") "data: "
				     "{\"error\":{\"message\":\"Overloaded\","
				     "\"type\":"
				     "\"overloaded_error\",\"code\":null}}\n\n",
	    START "TEXT 0 x\nFAIL overloaded: prov: Overloaded\n");
}

static void
row_34_event_error(void **state)
{
	(void)state;
	/* Groq */
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") "event: error\ndata: "
				       "{\"error\":{\"message\":\"bad tool\","
				       "\"type\":\"invalid_request_error\","
				       "\"code\":\"tool_use_failed\","
				       "\"status_code\":400}}\n\n",
	    START "TEXT 0 x\nFAIL invalid: prov: bad tool\n");
	prov_run_is(&stream, "event: error\ndata: {\"message\":\"gone\"}\n\n",
	    "FAIL unavailable: prov: gone\n");
}

static void
errors_of_other_shapes(void **state)
{
	(void)state;
	/* OpenRouter */
	prov_run_is(&stream,
	    ": OPENROUTER PROCESSING\n\ndata: {" HEAD
	    ",\"error\":{\"code\":\"server_error\",\"message\":\"Provider "
	    "disconnected\"},\"choices\":[{\"index\":0,\"delta\":{"
	    "\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
	    "FAIL unavailable: prov: Provider disconnected\n");
	prov_run_is(&whole,
	    "   \n\n{\"error\":{\"message\":\"Too many\",\"code\":429}}",
	    "FAIL rate_limit: prov: Too many\n");
	/* an array, and one in the middle of a stream without data: */
	prov_run_is(&whole, "[{\"error\":{\"code\":503,\"message\":\"no\"}}]",
	    "FAIL unavailable: prov: no\n");
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") "{\n \"error\": {\"code\": 499, "
				       "\"message\": \"no\",\n"
				       " \"status\": \"CANCELLED\"}\n}\n",
	    START "TEXT 0 x\nFAIL invalid: prov: no\n");
	/* older vLLM */
	prov_run_is(&whole,
	    "{\"object\":\"error\",\"message\":\"no\",\"code\":500}",
	    "FAIL unavailable: prov: no\n");
	prov_run_is(&whole, "{\"detail\":\"Not here\"}",
	    "FAIL unavailable: prov: Not here\n");
}

static void
an_error_that_is_none(void **state)
{
	static const char *const none[] = { "null", "\"\"", "false", "0", "{}",
		"[]" };
	char body[512];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		(void)snprintf(body, sizeof(body),
		    "{" HEAD ",\"error\":%s,\"choices\":[{\"message\":{"
		    "\"content\":\"x\"},\"finish_reason\":\"stop\"}]}",
		    none[i]);
		prov_run_is(
		    &whole, body, START "TEXT 0 x\nFINISH 0 stop\nEND\n");
	}
}

static void
not_the_protocol(void **state)
{
	(void)state;
	prov_run_is(&whole, "<html>busy</html>",
	    "FAIL bad_answer: the provider's answer is not valid JSON: "
	    "unexpected character at byte 0\n");
	prov_run_is(&whole, "{\"id\":\"x\"}",
	    "START id=x\n"
	    "FAIL bad_answer: the provider's answer has no choices\n");
	prov_run_is(&stream, "data: 7\n\n",
	    "FAIL bad_answer: the provider's answer is no JSON object\n");
	prov_run_is(&stream,
	    CHUNK("{\"index\":128,\"delta\":{\"content\":\"x\"}}"),
	    START "FAIL bad_answer: the provider's answer has a choice with "
		  "index 128\n");
}

/* ---- odd chunks -------------------------------------------------------- */

static void
row_48_azure_first_chunk(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    "data: {\"id\":\"\",\"model\":\"\",\"object\":\"\",\"created\":0,"
	    "\"choices\":[],\"prompt_filter_results\":[1]}\n\n" DELTA(
		"\"content\":\"x\"") FIN("stop") DONE,
	    START "TEXT 0 x top=\"prompt_filter_results\":[1]\n"
		  "FINISH 0 stop\nEND\n");
}

static void
row_49_azure_choice_without_delta(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"")
		FIN("stop") "data: "
			    "{\"id\":\"\",\"model\":\"\",\"created\":0,"
			    "\"choices\":[{"
			    "\"index\":0,\"finish_reason\":null,\"content_"
			    "filter_results\":{"
			    "\"a\":1},\"content_filter_offsets\":{\"b\":2}}]}"
			    "\n\n" DONE,
	    START "TEXT 0 x\nFINISH 0 stop\nEXTRA 0 "
		  "choice=\"content_filter_results\":{\"a\":1},"
		  "\"content_filter_offsets\":{\"b\":2}\nEND\n");
}

static void
row_44_usage_on_the_finish_chunk(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") "data: {" HEAD
				       ",\"choices\":[{\"index\":0,\"delta\":{"
				       "\"content\":\"\"},"
				       "\"finish_reason\":\"stop\"}],\"usage\":"
				       "{\"prompt_tokens\":3,"
				       "\"total_tokens\":5,\"completion_"
				       "tokens\":2}}\n\n" DONE,
	    START "TEXT 0 x\nFINISH 0 stop\nUSAGE prompt=3 completion=2\n"
		  "END\n");
}

static void
row_45_groq_usage(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"") FIN(
		"stop") "data: {" HEAD
			",\"choices\":[],\"x_groq\":{\"id\":\"r\",\"usage\":{"
			"\"prompt_tokens\":3,\"completion_tokens\":2,\"queue_"
			"time\":0.5}}"
			"}\n\n" DONE,
	    START "TEXT 0 x\nFINISH 0 stop\nEXTRA 0 top=\"x_groq\":{\"id\":"
		  "\"r\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\""
		  ":2,\"queue_time\":0.5}}\n"
		  "USAGE prompt=3 completion=2 extra=\"queue_time\":0.5\n"
		  "END\n");
}

static void
llama_cpp_cache(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":\"x\"")
		FIN("stop") "data: {" HEAD
			    ",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
			    "\"completion_tokens\":2,\"total_tokens\":11},"
			    "\"timings\":{\"cache_n\":7}}\n\n" DONE,
	    START "TEXT 0 x\nFINISH 0 stop\nEXTRA 0 top=\"timings\":{"
		  "\"cache_n\":7}\n"
		  "USAGE prompt=9 completion=2 cached=7\nEND\n");
}

static void
mistral_content_array(void **state)
{
	(void)state;
	prov_run_is(&whole,
	    MESSAGE("\"content\":[{\"type\":\"thinking\",\"thinking\":[{"
		    "\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\","
		    "\"text\":\"4\"},{\"type\":\"reference\","
		    "\"reference_ids\":[1]}]"),
	    START "REASONING 0 hm\nTEXT 0 4\nANNOTATION 0 raw={\"type\":"
		  "\"reference\",\"reference_ids\":[1]}\n"
		  "FINISH 0 stop\nEND\n");
}

static void
cloudflare_object_content(void **state)
{
	(void)state;
	prov_run_is(&whole, MESSAGE("\"content\":{\"a\":1}"),
	    START "TEXT 0 {\\\"a\\\":1}\nFINISH 0 stop\nEND\n");
}

static void
perplexity_message_beside_delta(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CHUNK("{\"index\":0,\"message\":{\"content\":\"ab\"},\"delta\":{"
		  "\"content\":\"b\"},\"finish_reason\":\"stop\"}"),
	    START "TEXT 0 b\nFINISH 0 stop\nEND\n");
}

static void
together_text_beside_delta(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    CHUNK("{\"index\":0,\"text\":\"b\",\"delta\":{\"content\":\"b\"},"
		  "\"finish_reason\":\"eos\"}") DONE,
	    START "TEXT 0 b\nFINISH 0 stop native=eos\nEND\n");
}

/* ---- bytes ------------------------------------------------------------- */

static void
row_90_text_cut_inside_a_character(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    DELTA("\"content\":\"\xe6\x97\xa5\xf0\x9f\x98\x80\"") FIN("stop")
		DONE,
	    START "TEXT 0 \xe6\x97\xa5\xf0\x9f\x98\x80\nFINISH 0 stop\nEND\n");
}

static void
row_91_cr_lf_and_no_space(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    "data:{" HEAD ",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
	    "\"x\"},\"finish_reason\":\"stop\"}]}\r\n\r\ndata:[DONE]\r\n\r\n",
	    START "TEXT 0 x\nFINISH 0 stop\nEND\n");
}

static void
row_93_an_event_above_its_maximum(void **state)
{
	struct prov_run small = stream;
	char *z;

	(void)state;
	small.max_event = 64;
	z = prov_run_cut(&small,
	    str_z(DELTA("\"content\":\"0123456789012345678901234567890\"")));
	assert_string_equal(z, "FAIL bad_answer: an event of the provider's "
			       "stream is larger than 64 bytes\n");
	free(z);
	small.max_body = 16;
	z = prov_run_cut(&small, str_z(MESSAGE("\"content\":\"x\"")));
	assert_string_equal(z, "FAIL bad_answer: the provider's answer is "
			       "larger than 16 bytes\n");
	free(z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stream),
		cmocka_unit_test(whole_body),
		cmocka_unit_test(body_for_a_stream),
		cmocka_unit_test(several_choices),
		cmocka_unit_test(reasoning_of_both_names),
		cmocka_unit_test(openrouter_details_are_kept),
		cmocka_unit_test(refusal_and_logprobs),
		cmocka_unit_test(own_members_go_along),
		cmocka_unit_test(padding_of_mistral_is_dropped),
		cmocka_unit_test(images_and_annotations),
		cmocka_unit_test(call_in_pieces),
		cmocka_unit_test(row_04_index_0_for_every_call),
		cmocka_unit_test(row_07_new_name_begins_a_new_call),
		cmocka_unit_test(row_08_several_calls_in_one_chunk),
		cmocka_unit_test(row_09_id_type_and_name_on_every_piece),
		cmocka_unit_test(row_14_object_arguments_without_id),
		cmocka_unit_test(call_id_before_its_name),
		cmocka_unit_test(custom_legacy_and_signature),
		cmocka_unit_test(row_22_finish_beside_logprobs),
		cmocka_unit_test(row_23_empty_finish_is_none),
		cmocka_unit_test(row_24_finish_on_the_last_content_chunk),
		cmocka_unit_test(row_26_no_done_but_finish_is_success),
		cmocka_unit_test(row_38_end_without_finish_is_a_cut),
		cmocka_unit_test(done_without_finish_is_complete),
		cmocka_unit_test(finish_words_of_other_makers),
		cmocka_unit_test(row_32_error_in_mid_stream),
		cmocka_unit_test(row_34_event_error),
		cmocka_unit_test(errors_of_other_shapes),
		cmocka_unit_test(an_error_that_is_none),
		cmocka_unit_test(not_the_protocol),
		cmocka_unit_test(row_44_usage_on_the_finish_chunk),
		cmocka_unit_test(row_45_groq_usage),
		cmocka_unit_test(row_48_azure_first_chunk),
		cmocka_unit_test(row_49_azure_choice_without_delta),
		cmocka_unit_test(llama_cpp_cache),
		cmocka_unit_test(mistral_content_array),
		cmocka_unit_test(cloudflare_object_content),
		cmocka_unit_test(perplexity_message_beside_delta),
		cmocka_unit_test(together_text_beside_delta),
		cmocka_unit_test(row_90_text_cut_inside_a_character),
		cmocka_unit_test(row_91_cr_lf_and_no_space),
		cmocka_unit_test(row_93_an_event_above_its_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
