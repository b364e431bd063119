/* Answers of /v1/messages -> events (wire.md 3, 5.4, rows of 10). */
#include "check.h"

#include "prov/prov.h"
#include "prov_ask.h"

static struct prov_target target = { .provider = { "claude", 6 },
	.model = { "claude-sonnet-4-5", 17 } };

#define HEARS(bytes, want) assert_true(prov_hear_is(&target, bytes, true, want))
#define READS(bytes, want) \
	assert_true(prov_hear_is(&target, bytes, false, want))

#define EV(type, members) \
	"event: " type "\ndata: {'type':'" type "'" members " }   \n\n"
#define BEGIN                                                               \
	EV("message_start",                                                 \
	    ",'message':{'id':'msg_1','type':'message','role':'assistant'," \
	    "'content':[],'model':'claude-x','stop_reason':null,"           \
	    "'usage':{'input_tokens':10,'output_tokens':1}}")
#define BEGUN                             \
	"START id=msg_1 model=claude-x\n" \
	"USAGE 10 1 cached=-1 written=-1 reasoning=-1\n"
#define START(i, block) \
	EV("content_block_start", ",'index':" i ",'content_block':{" block "}")
#define DELTA(i, delta) \
	EV("content_block_delta", ",'index':" i ",'delta':{" delta "}")
#define STOP(i) EV("content_block_stop", ",'index':" i)
#define TEXT_BLOCK(i, text)                 \
	START(i, "'type':'text','text':''") \
	DELTA(i, "'type':'text_delta','text':'" text "'") STOP(i)
#define FINISH(reason)                                             \
	EV("message_delta",                                        \
	    ",'delta':{'stop_reason':'" reason                     \
	    "','stop_sequence':null},'usage':{'output_tokens':5}") \
	EV("message_stop", "")
#define FINISHED(reason)                                 \
	"USAGE 10 5 cached=-1 written=-1 reasoning=-1\n" \
	"FINISH " reason "\nEND"

static void
reads_a_stream_of_text(void **state)
{
	(void)state;
	HEARS(BEGIN START("0", "'type':'text','text':''") EV("ping", "")
		  DELTA("0", "'type':'text_delta','text':'h\\u00e9 \\'x\\''")
		      DELTA("0", "'type':'text_delta','text':'y'") STOP("0")
			  FINISH("end_turn"),
	    BEGUN "TEXT h\\u00e9 \\'x\\'y\n" FINISHED("stop end_turn"));
}

/* #1, #2, #16: calls have keys of their own, words are OpenAI's. */
static void
row_01_keys_calls_by_block(void **state)
{
	(void)state;
	HEARS(BEGIN TEXT_BLOCK("0", "t")
		  START("1", "'type':'tool_use','id':'toolu_1','name':'f',"
			     "'input':{}")
		      DELTA("1", "'type':'input_json_delta','partial_json':''")
			  DELTA("1", "'type':'input_json_delta','partial_json':"
				     "'{\\'a\\':'")
			      DELTA("1", "'type':'input_json_delta',"
					 "'partial_json':' 1}'") STOP("1")
				  START("2", "'type':'tool_use','id':'toolu_2',"
					     "'name':'g','input':{}") STOP("2")
				      FINISH("tool_use"),
	    BEGUN "TEXT t\nCALL 1 id=toolu_1 name=f\nARGS 1 {\\'a\\': 1}\n"
		  "CALLEND 1\nCALL 2 id=toolu_2 name=g\nCALLEND 2\n" FINISHED(
		      "tool_calls tool_use"));
}

/* The whole input in the block's start, no piece after it. */
static void
row_12_sends_a_whole_input(void **state)
{
	(void)state;
	HEARS(BEGIN START("0", "'type':'tool_use','id':'t','name':'f',"
			       "'input':{'a':'\\n'}") STOP("0")
		  FINISH("tool_use"),
	    BEGUN "CALL 0 id=t name=f\nARGS 0 {\\'a\\':\\'\\\\n\\'}\n"
		  "CALLEND 0\n" FINISHED("tool_calls tool_use"));
	/* with pieces, the start's copy is not said twice */
	HEARS(BEGIN START("0", "'type':'tool_use','id':'t','name':'f',"
			       "'input':{'a':1}")
		  DELTA("0", "'type':'input_json_delta','partial_json':'{}'")
		      STOP("0") FINISH("tool_use"),
	    BEGUN "CALL 0 id=t name=f\nARGS 0 {}\nCALLEND 0\n" FINISHED(
		"tool_calls tool_use"));
}

static void
row_16_turns_tool_use_into_a_call(void **state)
{
	(void)state;
	HEARS(BEGIN START("0", "'type':'tool_use','id':'t','name':'f',"
			       "'input':{}")
		  DELTA("0", "'type':'input_json_delta','partial_json':'{}'")
		      STOP("0") FINISH("tool_use"),
	    BEGUN "CALL 0 id=t name=f\nARGS 0 {}\nCALLEND 0\n" FINISHED(
		"tool_calls tool_use"));
}

static void
row_28_turns_end_turn_into_stop(void **state)
{
	(void)state;
	READS("{'id':'m','model':'c','content':[{'type':'text','text':'t'}],"
	      "'stop_reason':'end_turn','usage':{'input_tokens':1}}",
	    "START id=m model=c\nTEXT t\n"
	    "USAGE 1 -1 cached=-1 written=-1 reasoning=-1\n"
	    "FINISH stop end_turn\nEND");
}

static void
row_21_maps_all_finish_reasons(void **state)
{
	(void)state;
#define REASON(word, want)                             \
	HEARS(BEGIN TEXT_BLOCK("0", "t") FINISH(word), \
	    BEGUN "TEXT t\n" FINISHED(want " " word))
	REASON("end_turn", "stop");
	REASON("stop_sequence", "stop");
	REASON("pause_turn", "stop");
	REASON("compaction", "stop");
	REASON("a_new_word", "stop");
	REASON("max_tokens", "length");
	REASON("model_context_window_exceeded", "length");
	REASON("tool_use", "tool_calls");
	REASON("refusal", "content_filter");
}

static void
tells_the_stop_sequence(void **state)
{
	(void)state;
	HEARS(BEGIN TEXT_BLOCK("0", "t") EV("message_delta",
		  ",'delta':{'stop_reason':'stop_sequence','stop_sequence':"
		  "'END'},'usage':{'output_tokens':5}") EV("message_stop", ""),
	    BEGUN "TEXT t\n" FINISHED(
		"stop stop_sequence extra='stop_sequence':'END'"));
}

static void
row_59_keeps_every_thinking_block(void **state)
{
	(void)state;
	HEARS(BEGIN START("0", "'type':'thinking','thinking':'','signature':''")
		  DELTA("0", "'type':'thinking_delta','thinking':'a\\n'") DELTA(
		      "0", "'type':'thinking_delta','thinking':'b'")
		      DELTA("0", "'type':'signature_delta','signature':'S+/'")
			  STOP("0") START("1", "'type':'thinking',"
					       "'thinking':'','signature':''")
			      DELTA("1", "'type':'signature_delta',"
					 "'signature':'T='") STOP("1")
				  START("2", "'type':'redacted_thinking',"
					     "'data':'R=='") STOP("2")
				      TEXT_BLOCK("3", "t") FINISH("end_turn"),
	    BEGUN "REASONING a\\nb\n"
		  "THINKING raw={'type':'thinking','thinking':'a\\nb',"
		  "'signature':'S+/'}\n"
		  "THINKING raw={'type':'thinking','thinking':'',"
		  "'signature':'T='}\n"
		  "THINKING raw={'type':'redacted_thinking','data':'R=='}\n"
		  "TEXT t\n" FINISHED("stop end_turn"));
}

static void
row_39_counts_cache_tokens_as_prompt(void **state)
{
	(void)state;
	HEARS(EV("message_start",
		  ",'message':{'id':'m','model':'c','usage':{'input_tokens':7,"
		  "'cache_read_input_tokens':0,'cache_creation_input_tokens':"
		  "9993,'output_tokens':1}}") TEXT_BLOCK("0", "t")
		  FINISH("end_turn"),
	    "START id=m model=c\n"
	    "USAGE 10000 1 cached=0 written=9993 reasoning=-1\nTEXT t\n"
	    "USAGE 10000 5 cached=0 written=9993 reasoning=-1\n"
	    "FINISH stop end_turn\nEND");
}

/* A part of what was written: it has a price of its own. */
static void
counts_what_is_written_for_an_hour(void **state)
{
	(void)state;
	HEARS(EV("message_start",
		  ",'message':{'id':'m','model':'c','usage':{'input_tokens':7,"
		  "'cache_creation_input_tokens':93,'cache_creation':{"
		  "'ephemeral_5m_input_tokens':53,"
		  "'ephemeral_1h_input_tokens':40},"
		  "'output_tokens':1}}") TEXT_BLOCK("0", "t")
		  FINISH("end_turn"),
	    "START id=m model=c\n"
	    "USAGE 100 1 cached=-1 written=93 reasoning=-1 1h=40\nTEXT t\n"
	    "USAGE 100 5 cached=-1 written=93 reasoning=-1 1h=40\n"
	    "FINISH stop end_turn\nEND");
}

/* The last counts are cumulative and correct the first (server tools). */
static void
row_46_takes_the_last_counts(void **state)
{
	(void)state;
	HEARS(BEGIN TEXT_BLOCK("0", "t") EV("message_delta",
		  ",'delta':{'stop_reason':'end_turn'},'usage':{'input_tokens':"
		  "404500,'cache_creation_input_tokens':3,"
		  "'cache_read_input_tokens':0,'output_tokens':943,"
		  "'output_tokens_details':{'thinking_tokens':261}}")
		  EV("message_stop", ""),
	    BEGUN "TEXT t\n"
		  "USAGE 404503 943 cached=0 written=3 reasoning=261\n"
		  "FINISH stop end_turn\nEND");
}

/* What cannot be a count is none; nothing overflows. */
static void
takes_no_absurd_counts(void **state)
{
	(void)state;
	HEARS(EV("message_start",
		  ",'message':{'id':'m','model':'c','usage':{'input_tokens':7,"
		  "'cache_read_input_tokens':9223372036854775807,"
		  "'cache_creation_input_tokens':9223372036854775807,"
		  "'output_tokens':1}}") TEXT_BLOCK("0", "t")
		  FINISH("end_turn"),
	    "START id=m model=c\n"
	    "USAGE 7 1 cached=-1 written=-1 reasoning=-1\nTEXT t\n"
	    "USAGE 7 5 cached=-1 written=-1 reasoning=-1\n"
	    "FINISH stop end_turn\nEND");
}

static void
row_32_fails_on_an_error_event(void **state)
{
	(void)state;
	HEARS(
	    BEGIN TEXT_BLOCK("0", "t") EV("error",
		",'error':{'type':'overloaded_error','message':'Overloaded'}"),
	    BEGUN "TEXT t\nFAIL overloaded claude: Overloaded");
	/* also as the first and only thing */
	HEARS(
	    EV("error",
		",'error':{'type':'overloaded_error','message':'Overloaded'}"),
	    "FAIL overloaded claude: Overloaded");
}

static void
row_38_calls_a_cut_stream_a_failure(void **state)
{
	(void)state;
	HEARS(BEGIN START("0", "'type':'text','text':''")
		  DELTA("0", "'type':'text_delta','text':'h'"),
	    BEGUN "TEXT h\nFAIL cut the provider's answer ended before it was "
		  "complete");
	/* the finish was seen, only the last event is missing: complete */
	HEARS(BEGIN TEXT_BLOCK("0", "t") "data: {'type':'message_delta',"
					 "'delta':{'stop_reason':'end_turn'}}",
	    BEGUN "TEXT t\nFINISH stop end_turn\nEND");
}

static void
ignores_what_is_unknown(void **state)
{
	(void)state;
	HEARS(BEGIN EV("new_event", ",'x':1") START("0",
		  "'type':'server_tool_use','id':'s','name':'web_search',"
		  "'input':{}") DELTA("0",
		  "'type':'input_json_delta','partial_json':'{}'") STOP("0")
		  START("1", "'type':'web_search_tool_result','content':[]")
		      STOP("1") START("2", "'type':'text','text':''")
			  DELTA("2", "'type':'odd_delta','x':'y'")
			      DELTA("2", "'type':'text_delta','text':'t'")
				  STOP("2") FINISH("end_turn"),
	    BEGUN "TEXT t\n" FINISHED("stop end_turn"));
}

static void
makes_annotations_of_web_citations(void **state)
{
	(void)state;
	HEARS(BEGIN TEXT_BLOCK("0", "\\u00e9\\n\xc3\xa9") START(
		  "1", "'citations':[],'type':'text','text':''") DELTA("1",
		  "'type':'citations_delta','citation':{'type':"
		  "'web_search_result_location','url':'https://x','title':'T',"
		  "'cited_text':'c'}")
		  DELTA("1", "'type':'text_delta','text':'abcd'") STOP("1")
		      FINISH("end_turn"),
	    BEGUN "TEXT \\u00e9\\n\xc3\xa9"
		  "abcd\n"
		  "ANNOTATION raw={'type':'url_citation','url_citation':{'url':"
		  "'https://"
		  "x','title':'T','start_index':3,'end_index':7}}\n" FINISHED(
		      "stop end_turn"));
}

static void
row_77_unwraps_the_reserved_tool_only(void **state)
{
	(void)state;
	HEARS(BEGIN START("0", "'type':'tool_use','id':'t','name':"
			       "'llmgw_structured_answer','input':{}")
		  DELTA("0",
		      "'type':'input_json_delta','partial_json':'{\\'resp'")
		      DELTA("0", "'type':'input_json_delta','partial_json':"
				 "'onse\\':1}'") STOP("0") FINISH("tool_use"),
	    BEGUN "TEXT {\\'response\\':1}\n" FINISHED("tool_calls tool_use"));
	READS("{'type':'message','id':'m','model':'c','content':[{'type':"
	      "'tool_use','id':'t','name':'llmgw_structured_answer','input':{"
	      "'a':'b'}}],'stop_reason':'tool_use','usage':{}}",
	    "START id=m model=c\nTEXT {\\'a\\':\\'b\\'}\n"
	    "USAGE -1 -1 cached=-1 written=-1 reasoning=-1\n"
	    "FINISH tool_calls tool_use\nEND");
}

static void
reads_a_whole_answer(void **state)
{
	(void)state;
	READS(
	    "{'id':'msg_1','type':'message','role':'assistant','model':'c',"
	    "'content':[{'type':'thinking','thinking':'hm','signature':'S'},"
	    "{'type':'text','text':'a'},{'type':'text','text':'b'},"
	    "{'type':'tool_use','id':'t','name':'f','input':{ 'x': [1] }},"
	    "{'type':'tool_use','id':'u','name':'g','input':{}}],"
	    "'stop_reason':'tool_use','stop_sequence':null,'usage':{"
	    "'input_tokens':3,'cache_read_input_tokens':4,'output_tokens':5}}",
	    "START id=msg_1 model=c\nREASONING hm\nTHINKING raw={'type':"
	    "'thinking','thinking':'hm','signature':'S'}\nTEXT ab\n"
	    "CALL 3 id=t name=f\nARGS 3 { \\'x\\': [1] }\nCALLEND 3\n"
	    "CALL 4 id=u name=g\nCALLEND 4\n"
	    "USAGE 7 5 cached=4 written=-1 reasoning=-1\n"
	    "FINISH tool_calls tool_use\nEND");
}

static void
fails_on_bodies_that_are_none(void **state)
{
	(void)state;
	READS("{'type':'error','error':{'type':'api_error','message':'x'}}",
	    "FAIL unavailable claude: x");
	READS("{'type':'message'}",
	    "FAIL bad_answer the provider's answer has no content");
	READS("", "FAIL cut the provider ended its answer without a body");
	READS("{'content':[]}",
	    "START\n"
	    "FAIL cut the provider's answer ended before it was complete");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_stream_of_text),
		cmocka_unit_test(row_01_keys_calls_by_block),
		cmocka_unit_test(row_12_sends_a_whole_input),
		cmocka_unit_test(row_16_turns_tool_use_into_a_call),
		cmocka_unit_test(row_28_turns_end_turn_into_stop),
		cmocka_unit_test(row_21_maps_all_finish_reasons),
		cmocka_unit_test(tells_the_stop_sequence),
		cmocka_unit_test(row_59_keeps_every_thinking_block),
		cmocka_unit_test(row_39_counts_cache_tokens_as_prompt),
		cmocka_unit_test(counts_what_is_written_for_an_hour),
		cmocka_unit_test(row_46_takes_the_last_counts),
		cmocka_unit_test(takes_no_absurd_counts),
		cmocka_unit_test(row_32_fails_on_an_error_event),
		cmocka_unit_test(row_38_calls_a_cut_stream_a_failure),
		cmocka_unit_test(ignores_what_is_unknown),
		cmocka_unit_test(makes_annotations_of_web_citations),
		cmocka_unit_test(row_77_unwraps_the_reserved_tool_only),
		cmocka_unit_test(reads_a_whole_answer),
		cmocka_unit_test(fails_on_bodies_that_are_none),
	};

	target.kind = prov_kind_find(STR("anthropic"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
