/* Chat requests -> /v1/messages: every row of wire.md 2, rules of 6.4, 10 G. */
#include "check.h"

#include "prov/prov.h"
#include "prov_ask.h"

static struct prov_target
target(const char *model)
{
	return (struct prov_target){
		.kind = prov_kind_find(STR("anthropic")),
		.provider = STR("claude"),
		.model = str_z(model),
	};
}
#define NEW target("claude-opus-4-7")
#define V46 target("claude-sonnet-4-6")
#define V45 target("claude-sonnet-4-5-20250929")
#define V4 target("claude-sonnet-4-20250514")
#define V35 target("claude-3-5-sonnet-20241022")

#define IS(t, req, body, dropped)                                        \
	do {                                                             \
		struct prov_target t_ = (t);                             \
		assert_true(prov_ask_is(&t_, (req), (body), (dropped))); \
	} while (0)
#define HAS(t, req, path, want, dropped)                                  \
	do {                                                              \
		struct prov_target t_ = (t);                              \
		assert_true(                                              \
		    prov_ask_has(&t_, (req), (path), (want), (dropped))); \
	} while (0)
#define FAILS(t, req, err, param)                                        \
	do {                                                             \
		struct prov_target t_ = (t);                             \
		assert_true(prov_ask_fails(&t_, (req), (err), (param))); \
	} while (0)

/* A request with these members after the messages. */
#define WITH(members) \
	"{'model':'m','messages':[{'role':'user','content':'hi'}]," members "}"
/* A request with these messages. */
#define MSGS(list) "{'model':'m','messages':[" list "]}"
#define USER(text) "{'role':'user','content':'" text "'}"
#define TEXT(text) "{'type':'text','text':'" text "'}"
#define TOOL_F                                                    \
	"{'type':'function','function':{'name':'f','parameters':" \
	"{'type':'object','properties':{}}}}"
#define CALL(id, name, args)                                         \
	"{'id':'" id "','type':'function','function':{'name':'" name \
	"','arguments':'" args "'}}"
#define RESULT(id, text) \
	"{'role':'tool','tool_call_id':'" id "','content':'" text "'}"
#define USE(id, name) \
	"{'type':'tool_use','id':'" id "','name':'" name "','input':{}}"
#define ANSWERED(id, text) \
	"{'type':'tool_result','tool_use_id':'" id "','content':'" text "'}"

static void
builds_the_smallest_request(void **state)
{
	(void)state;
	IS(V4, "{'model':'m','messages':[{'role':'user','content':'hi'}]}",
	    "{'model':'claude-sonnet-4-20250514','max_tokens':32000,"
	    "'messages':[{'role':'user','content':[" TEXT("hi") "]}]}",
	    "");
}

static void
asks_with_the_right_headers(void **state)
{
	struct prov_target t = V4;
	struct prov_ask a = { 0 };

	(void)state;
	prov_ask(&a, &t, WITH("'stream':true"));
	assert_int_equal(a.err, ERR_OK);
	assert_str(a.http.url, "https://api.anthropic.com/v1/messages");
	assert_str(http_headers_find(&a.http.headers, "anthropic-version"),
	    "2023-06-01");
	assert_string_equal(a.http.key_header, "x-api-key");
	assert_string_equal(a.http.key_prefix, "");
	assert_false(
	    str_present(http_headers_find(&a.http.headers, "anthropic-beta")));
	prov_ask_fini(&a);
	t.api_version = STR("2026-10-21");
	t.base_url = STR("http://proxy/v1/");
	prov_ask(&a, &t, WITH("'temperature':1"));
	assert_str(a.http.url, "http://proxy/v1/messages");
	assert_str(http_headers_find(&a.http.headers, "anthropic-version"),
	    "2026-10-21");
	prov_ask_fini(&a);
}

/* Under 2026-10-21 they are refused even at their defaults (wire.md 1.1). */
static void
leaves_sampling_out_under_the_new_version(void **state)
{
	struct prov_target t = V4;

	(void)state;
	t.api_version = STR("2026-10-21");
	HAS(t, WITH("'temperature':1"), "temperature", NULL, "");
	HAS(t, WITH("'temperature':0.5,'top_p':0.9"), "temperature", NULL,
	    "temperature,top_p");
}

static void
hoists_system_and_developer(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS("{'role':'system','content':'a'}," USER(
		"hi") ","
		      "{'role':'developer','content':[" TEXT(
			  "b") ","
			       "{'type':'text','text':'c','cache_control':"
			       "{'type':'ephemeral'}}]}"),
	    "system",
	    "[" TEXT("a") "," TEXT(
		"b") ",{'type':'text','text':'c',"
		     "'cache_control':{'type':'ephemeral'}}]",
	    "");
	HAS(V4, MSGS("{'role':'system','content':'a'}," USER("hi")), "messages",
	    "[{'role':'user','content':[" TEXT("hi") "]}]", "");
	/* a system message alone still needs a user's */
	HAS(V4, MSGS("{'role':'system','content':'a'}"), "messages.0.role",
	    "'user'", "");
	HAS(V4, MSGS("{'role':'system','content':''}," USER("hi")), "system",
	    NULL, "");
}

static void
begins_with_a_user(void **state)
{
	(void)state;
	HAS(V4, MSGS("{'role':'assistant','content':'x'}," USER("hi")),
	    "messages",
	    "[{'role':'user','content':[" TEXT(
		"Please continue.") "]},"
				    "{'role':'assistant','content':[" TEXT(
					"x") "]},"
					     "{'role':'user','content':[" TEXT(
						 "hi") "]}]",
	    "");
}

static void
row_64_merges_runs_of_one_role(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("a") "," USER(
		"b") ",{'role':'assistant','content':'1'},"
		     "{'role':'assistant','content':'2'},"
		     "{'role':'assistant','content':'3'}," USER("c")),
	    "messages",
	    "[{'role':'user','content':[" TEXT("a") "," TEXT(
		"b") "]},"
		     "{'role':'assistant','content':[" TEXT("1") "," TEXT(
			 "2") "," TEXT("3") "]},{'role':'user','content':"
					    "[" TEXT("c") "]}]",
	    "");
}

static void
row_63_merges_the_results_of_a_turn(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','content':null,'tool_calls':"
			   "[" CALL("a", "f", "{}") "," CALL(
			       "b", "g", "") "]}," RESULT("a",
			       "1") "," RESULT("b", "2") "," USER("go on")),
	    "messages",
	    "[{'role':'user','content':[" TEXT(
		"q") "]},"
		     "{'role':'assistant','content':[" USE("a", "f") "," USE(
			 "b", "g") "]},{'role':'user','content':[" ANSWERED("a",
			 "1") "," ANSWERED("b", "2") "," TEXT("go on") "]}]",
	    "");
}

static void
row_65_puts_results_before_text(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a", "f", "{}") "," CALL("b", "g", "{}") "]}," RESULT("b",
		"2") "," USER("wait") "," RESULT("a", "1")),
	    "messages.2.content",
	    "[" ANSWERED("a", "1") "," ANSWERED("b", "2") "," TEXT("wait") "]",
	    "");
}

static void
row_66_takes_the_first_of_two_results(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a", "f", "{}") "]}," RESULT("a", "1") "," RESULT("a", "2")),
	    "messages.2.content", "[" ANSWERED("a", "1") "]", "messages[3]");
}

static void
fills_missing_results(void **state)
{
	const char *filled =
	    "[{'type':'tool_result','tool_use_id':'a','content':"
	    "'(no result)','is_error':true}]";

	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a", "f", "{}") "]}"),
	    "messages.2.content", filled, "messages[].tool_calls[]:no-result");
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a", "f", "{}") "]},{'role':'assistant','content':'x'}"),
	    "messages.2.content", filled, "messages[].tool_calls[]:no-result");
}

static void
keeps_a_result_without_a_call_as_text(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL("a", "f",
		"{}") "]}," RESULT("a", "1") ",{'role':"
					     "'assistant','content':'x'}," USER(
						 "q") "," RESULT("a", "late")),
	    "messages.4.content", "[" TEXT("q") "," TEXT("late") "]",
	    "messages[5].tool_call_id");
}

static void
row_69_leaves_a_blank_result_without_content(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a", "f", "{}") "]}," RESULT("a", "")),
	    "messages.2.content", "[{'type':'tool_result','tool_use_id':'a'}]",
	    "");
}

static void
makes_ids_that_are_taken(void **state)
{
	struct prov_target t = V4;
	struct prov_ask a = { 0 };
	struct json j;
	struct str use, result;

	(void)state;
	prov_ask(&a, &t,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a.b:1", "f.x", "{}") "]}," RESULT("a.b:1", "1")));
	assert_int_equal(a.err, ERR_OK);
	assert_int_equal(
	    json_scan(&j, a.arena, buf_str(&a.http.body), NULL, NULL), ERR_OK);
	json_ref m = json_get(&j, 0, "messages");
	json_ref c =
	    json_elem(&j, json_get(&j, json_elem(&j, m, 1), "content"), 0);
	json_ref r =
	    json_elem(&j, json_get(&j, json_elem(&j, m, 2), "content"), 0);
	use = json_inner(&j, json_get(&j, c, "id"));
	result = json_inner(&j, json_get(&j, r, "tool_use_id"));
	assert_true(use.n > 5 && str_starts(use, STR("call_")));
	assert_true(str_eq(use, result));
	assert_str(json_inner(&j, json_get(&j, c, "name")), "f_x");
	prov_ask_fini(&a);
}

/* Servers that count from call_0 in each turn. */
static void
makes_ids_unique(void **state)
{
	struct prov_target t = V4;
	struct prov_ask a = { 0 };
	struct str body;

	(void)state;
	prov_ask(&a, &t,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"call_0", "f", "{}") "]}," RESULT("call_0",
		"1") ","
		     "{'role':'assistant','tool_calls':[" CALL(
			 "call_0", "f", "{}") "]}," RESULT("call_0", "2")));
	assert_int_equal(a.err, ERR_OK);
	assert_int_equal(a.http.dropped.n, 0);
	body = buf_str(&a.http.body);
	/* once as an id, once as the id of a result */
	size_t at = str_find(body, STR("\"call_0\""));
	body = str_skip(body, at + 8);
	body = str_skip(body, str_find(body, STR("\"call_0\"")) + 8);
	assert_false(str_contains(body, STR("\"call_0\"")));
	assert_true(str_contains(body, STR("\"content\":\"2\"")));
	prov_ask_fini(&a);
}

static void
drops_empty_text_and_trailing_blanks(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS("{'role':'user','content':[" TEXT("") "," TEXT(
		" \\n ") "," TEXT("x ") "]},{'role':'assistant','content':'"
					"Sure: \\n\\t '}"),
	    "messages",
	    "[{'role':'user','content':[" TEXT(
		"x ") "]},"
		      "{'role':'assistant','content':[" TEXT("Sure:") "]}]",
	    "");
	/* an escaped backslash before an n is no line feed */
	HAS(V4, MSGS(USER("q") ",{'role':'assistant','content':'a\\\\n \\n'}"),
	    "messages.1.content.0.text", "'a\\\\n'", "");
	HAS(V4, MSGS(USER("")), "messages.0.content",
	    "[" TEXT("(empty message)") "]", "");
}

static void
row_58_replays_thinking_first(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER(
		"q") ",{'role':'assistant','content':'t','thinking_blocks'"
		     ":[{'type':'thinking','thinking':'a\\u00e9b','signature':'"
		     "s+/='"
		     "},{'type':'redacted_thinking','data':'zz'}],'tool_calls':"
		     "[" CALL("a", "f", "{}") "]}," RESULT("a", "1")),
	    "messages.1.content",
	    "[{'type':'thinking','thinking':'a\\u00e9b','signature':'s+/='},"
	    "{'type':'redacted_thinking','data':'zz'}," TEXT("t") "," USE(
		"a", "f") "]",
	    "");
}

static void
row_59_keeps_signed_blocks_without_text(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(
		USER("q") ",{'role':'assistant','content':'t','thinking_blocks'"
			  ":[{'type':'thinking','thinking':'','signature':'1'},"
			  "{'type':'thinking','thinking':'x','signature':'2'},"
			  "{'type':'thinking','thinking':'made "
			  "up','signature':''}]}," USER("go")),
	    "messages.1.content",
	    "[{'type':'thinking','thinking':'','signature':'1'},"
	    "{'type':'thinking','thinking':'x','signature':'2'}," TEXT("t") "]",
	    "messages[].thinking_blocks");
}

static void
row_60_replays_thinking_byte_for_byte(void **state)
{
	static const char block[] =
	    "{ 'signature' : 's' ,'thinking':'\\u00e9 \\/','type':'thinking'}";
	struct prov_target t = V4;
	struct prov_ask a = { 0 };
	char want[sizeof(block)];

	(void)state;
	for (size_t i = 0; i < sizeof(block); i++)
		want[i] = block[i] == '\'' ? '"' : block[i];
	prov_ask(&a, &t,
	    MSGS(USER(
		"q") ",{'role':'assistant','content':'t','thinking_blocks'"
		     ":[{ 'signature' : 's' ,'thinking':'\\u00e9 \\/','type':"
		     "'thinking'}]}," USER("go")));
	assert_int_equal(a.err, ERR_OK);
	assert_true(str_contains(buf_str(&a.http.body), str_z(want)));
	prov_ask_fini(&a);
}

static void
replays_reasoning_details(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER(
		"q") ",{'role':'assistant','content':'t',"
		     "'reasoning_details':[{'type':'reasoning.text','text':'x',"
		     "'signature':'1','index':0}]}," USER("go")),
	    "messages.1.content",
	    "[{'type':'thinking','thinking':'x','signature':'1'}," TEXT(
		"t") "]",
	    "");
}

static void
reports_reasoning_that_cannot_be_replayed(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','content':'t',"
			   "'reasoning_content':'hm'}," USER("go")),
	    "messages.1.content", "[" TEXT("t") "]",
	    "messages[].reasoning_content");
}

#define LOOP(thinking, members)                                              \
	"{'model':'m','messages':[" USER(                                    \
	    "q") ",{'role':'assistant'," thinking "'tool_calls':[" CALL("a", \
	    "f", "{}") "]}," RESULT("a", "1") "]," members "}"

static void
thinks_not_in_a_loop_without_blocks(void **state)
{
	(void)state;
	HAS(V4, LOOP("", "'reasoning_effort':'low'"), "thinking", NULL,
	    "reasoning_effort");
	HAS(V4,
	    LOOP("'thinking_blocks':[{'type':'thinking','thinking':'x',"
		 "'signature':'1'}],",
		"'reasoning_effort':'low'"),
	    "thinking", "{'type':'enabled','budget_tokens':1024}", "");
}

static void
maps_arguments(void **state)
{
	(void)state;
#define ARGS(args, want, dropped)                                      \
	HAS(V4,                                                        \
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL( \
		"a", "f", args) "]}," RESULT("a", "1")),               \
	    "messages.1.content.0.input", want, dropped)
	ARGS("{\\\"x\\\":\\\"a\\\\n\\\"}", "{'x':'a\\n'}", "");
	ARGS("", "{}", "");
	ARGS("null", "{}", "");
	ARGS("{\\\"x\\\":", "{'_raw':'{\\\"x\\\":'}",
	    "messages[1].tool_calls[].function.arguments");
	ARGS("[1]", "{'_raw':'[1]'}",
	    "messages[1].tool_calls[].function.arguments");
}

static void
maps_images(void **state)
{
	(void)state;
#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define PART(part, want, dropped)                             \
	HAS(V4, MSGS("{'role':'user','content':[" part "]}"), \
	    "messages.0.content.0", want, dropped)
	PART(
	    "{'type':'image_url','image_url':{'url':'data:image/png;base64," PNG
	    "'}}",
	    "{'type':'image','source':{'type':'base64','media_type':"
	    "'image/png','data':'" PNG "'}}",
	    "");
	PART("{'type':'image_url','image_url':{'url':'https://x/y.png',"
	     "'detail':'high'}}",
	    "{'type':'image','source':{'type':'url','url':'https://x/y.png'}}",
	    "messages[0].content[0].image_url.detail");
}

static void
row_80_sniffs_the_image_type(void **state)
{
	(void)state;
	PART(
	    "{'type':'image_url','image_url':{'url':'data:image/jpg;base64," PNG
	    "'}}",
	    "{'type':'image','source':{'type':'base64','media_type':"
	    "'image/png','data':'" PNG "'}}",
	    "");
}

static void
row_82_makes_a_document_of_a_pdf_image(void **state)
{
	(void)state;
	PART("{'type':'image_url','image_url':{'url':"
	     "'data:application/pdf;base64,JVBERi0x'}}",
	    "{'type':'document','source':{'type':'base64','media_type':"
	    "'application/pdf','data':'JVBERi0x'}}",
	    "");
}

static void
row_81_maps_files_by_their_type(void **state)
{
	struct prov_target t = V4;
	struct prov_ask a = { 0 };

	(void)state;
	PART("{'type':'file','file':{'filename':'a.pdf','file_data':"
	     "'data:application/pdf;base64,JVBERi0x'}}",
	    "{'type':'document','source':{'type':'base64','media_type':"
	    "'application/pdf','data':'JVBERi0x'},'title':'a.pdf'}",
	    "");
	PART("{'type':'file','file':{'filename':'a.txt','file_data':"
	     "'data:text/csv;base64,YSxi'}}",
	    "{'type':'document','source':{'type':'text','media_type':"
	    "'text/plain','data':'a,b'},'title':'a.txt'}",
	    "");
	PART("{'type':'file','file':{'filename':'a.png','file_data':"
	     "'data:image/png;base64," PNG "'}}",
	    "{'type':'image','source':{'type':'base64','media_type':"
	    "'image/png','data':'" PNG "'}}",
	    "");
	prov_ask(&a, &t,
	    MSGS("{'role':'user','content':[{'type':'file','file':{'file_id':"
		 "'file_1'}}]}"));
	assert_int_equal(a.err, ERR_OK);
	assert_true(str_contains(buf_str(&a.http.body),
	    STR("\"source\":{\"type\":\"file\",\"file_id\":\"file_1\"}")));
	assert_str(http_headers_find(&a.http.headers, "anthropic-beta"),
	    "files-api-2025-04-14");
	prov_ask_fini(&a);
}

static void
refuses_parts_without_a_place(void **state)
{
	(void)state;
	FAILS(V4,
	    MSGS("{'role':'user','content':[{'type':'input_audio',"
		 "'input_audio':{'data':'AAAA','format':'wav'}}]}"),
	    ERR_UNSUPPORTED, "messages[0].content[0]");
	FAILS(V4,
	    MSGS("{'role':'user','content':[" TEXT(
		"x") ",{'type':'video_url',"
		     "'video_url':{'url':'https://x/y.mp4'}}]}"),
	    ERR_UNSUPPORTED, "messages[0].content[1]");
	FAILS(V4,
	    MSGS("{'role':'user','content':[{'type':'image_url','image_url':"
		 "{'url':'ftp://x/y'}}]}"),
	    ERR_UNSUPPORTED, "messages[0].content[0]");
}

static void
maps_refusals_and_names(void **state)
{
	(void)state;
	HAS(V4,
	    MSGS("{'role':'user','name':'bob','content':'q'},{'role':"
		 "'assistant','content':[{'type':'refusal','refusal':'no'}]}"
		 "," USER("go")),
	    "messages.1.content.0", TEXT("no"), "messages[].name");
}

static void
maps_tools(void **state)
{
	(void)state;
	HAS(V45,
	    WITH("'tools':[{'type':'function','function':{'name':'f',"
		 "'description':'d','strict':true,'parameters':{'type':'object'"
		 ",'properties':{'a':{'type':'string'}}}}},"
		 "{'type':'function','function':{'name':'g'}},"
		 "{'type':'function','function':{'name':'h','parameters':"
		 "{'properties':{}}}}]"),
	    "tools",
	    "[{'name':'f','description':'d','strict':true,'input_schema':"
	    "{'type':'object','properties':{'a':{'type':'string'}}}},"
	    "{'name':'g','input_schema':{'type':'object','properties':{}}},"
	    "{'name':'h','input_schema':{'type':'object','properties':{}}}]",
	    "");
	HAS(V4,
	    WITH("'tools':[{'type':'function','function':{'name':'f',"
		 "'strict':true,'parameters':{}}}]"),
	    "tools", "[{'name':'f','input_schema':{'type':'object'}}]",
	    "tools[0].function.strict");
}

/* Keys of the client's tool object must not travel (#74). */
static void
row_74_builds_tools_anew(void **state)
{
	(void)state;
	HAS(V4,
	    WITH("'tools':[{'type':'function','extra':1,'function':{'name':'f'"
		 ",'parameters':{'type':'object'},'other':2},'cache_control':"
		 "{'type':'ephemeral'}}]"),
	    "tools",
	    "[{'name':'f','input_schema':{'type':'object'},'cache_control':"
	    "{'type':'ephemeral'}}]",
	    "");
}

static void
refuses_tools_that_cannot_be_named(void **state)
{
	(void)state;
	FAILS(V4,
	    WITH("'tools':[{'type':'function','function':{'name':'a.b'}}]"),
	    ERR_SYNTAX, "tools[0].function.name");
	FAILS(V4,
	    WITH("'tools':[{'type':'function','function':{'name':"
		 "'llmgw_structured_answer'}}]"),
	    ERR_SYNTAX, "tools[0].function.name");
	FAILS(V4, WITH("'tools':[{'type':'custom','custom':{'name':'c'}}]"),
	    ERR_UNSUPPORTED, "tools[0]");
	/* the maker's own server tools go as they are */
	HAS(V4,
	    WITH("'tools':[{'type':'web_search_20250305','name':'web_search',"
		 "'max_uses':3}]"),
	    "tools",
	    "[{'type':'web_search_20250305','name':'web_search','max_uses':3}]",
	    "");
}

static void
maps_tool_choice(void **state)
{
	(void)state;
#define CHOICE(members, want) \
	HAS(V4, WITH("'tools':[" TOOL_F "]," members), "tool_choice", want, "")
	CHOICE("'tool_choice':'auto'", "{'type':'auto'}");
	CHOICE("'tool_choice':'none'", "{'type':'none'}");
	CHOICE("'tool_choice':'required'", "{'type':'any'}");
	CHOICE("'tool_choice':{'type':'function','function':{'name':'f'}}",
	    "{'type':'tool','name':'f'}");
	CHOICE("'parallel_tool_calls':false",
	    "{'type':'auto','disable_parallel_tool_use':true}");
	CHOICE("'parallel_tool_calls':false,'tool_choice':'required'",
	    "{'type':'any','disable_parallel_tool_use':true}");
	CHOICE("'parallel_tool_calls':false,'tool_choice':'none'",
	    "{'type':'none'}");
	CHOICE("'parallel_tool_calls':true", NULL);
}

static void
keeps_tools_when_none_may_be_called(void **state)
{
	(void)state;
	HAS(V4, WITH("'tools':[" TOOL_F "],'tool_choice':'none'"),
	    "tools.0.name", "'f'", "");
}

static void
filters_allowed_tools(void **state)
{
	static const char req[] =
	    WITH("'tools':[" TOOL_F ",{'type':'function','function':{'name':'g'"
		 "}}],'tool_choice':{'type':'allowed_tools','allowed_tools':{"
		 "'mode':'required','tools':[{'type':'function','function':{"
		 "'name':'g'}}]}}");

	(void)state;
	HAS(V4, req, "tools",
	    "[{'name':'g','input_schema':{'type':'object','properties':{}}}]",
	    "");
	HAS(V4, req, "tool_choice", "{'type':'any'}", "");
}

static void
drops_thinking_for_a_forced_tool(void **state)
{
	(void)state;
	HAS(V4,
	    WITH("'tools':[" TOOL_F "],'tool_choice':'required',"
		 "'reasoning_effort':'high'"),
	    "thinking", NULL, "reasoning_effort");
	HAS(V4,
	    WITH("'tools':[" TOOL_F "],'tool_choice':'required',"
		 "'reasoning_effort':'high'"),
	    "tool_choice", "{'type':'any'}", "reasoning_effort");
}

static void
maps_legacy_functions(void **state)
{
	(void)state;
	HAS(V4,
	    "{'model':'m','messages':[" USER(
		"q") ",{'role':'assistant',"
		     "'content':null,'function_call':{'name':'f','arguments':'{"
		     "}'}},"
		     "{'role':'function','name':'f','content':'1'}],'functions'"
		     ":[{"
		     "'name':'f','parameters':{'type':'object'}}],"
		     "'function_call':{'name':'f'}}",
	    "tools", "[{'name':'f','input_schema':{'type':'object'}}]", "");
	HAS(V4,
	    "{'model':'m','messages':[" USER(
		"q") ",{'role':'assistant',"
		     "'content':null,'function_call':{'name':'f','arguments':'{"
		     "}'}},"
		     "{'role':'function','name':'f','content':'1'}]}",
	    "messages.2.content.0.content", "'1'", "");
	HAS(V4,
	    WITH("'functions':[{'name':'f','parameters':{'type':'object'}}],"
		 "'function_call':{'name':'f'}"),
	    "tool_choice", "{'type':'tool','name':'f'}", "");
}

#define SCHEMA(inner)                                            \
	"'response_format':{'type':'json_schema','json_schema':" \
	"{'name':'n','schema':" inner "}}"
#define CLOSED                                                   \
	"{'type':'object','properties':{'a':{'type':'string'}}," \
	"'required':['a'],'additionalProperties':false}"

static void
maps_json_object_to_an_instruction(void **state)
{
	(void)state;
	HAS(V4,
	    "{'model':'m','messages':[{'role':'system','content':'s'}," USER(
		"q") "],'response_format':{'type':'json_object'}}",
	    "system.0.text", "'s'", "");
	HAS(V4, WITH("'response_format':{'type':'json_object'}"),
	    "system.0.type", "'text'", "");
	HAS(V4, WITH("'response_format':{'type':'text'}"), "system", NULL, "");
}

static void
maps_json_schema_natively(void **state)
{
	(void)state;
	HAS(V45, WITH(SCHEMA(CLOSED)), "output_config",
	    "{'format':{'type':'json_schema','schema':" CLOSED "}}", "");
	HAS(V45,
	    WITH(
		SCHEMA("{'type':'object','properties':{'minimum':{'type':"
		       "'integer','minimum':3,'description':'d'},'b':{'type':"
		       "'array','items':{'type':'object','properties':{}}}}}")),
	    "output_config.format.schema",
	    "{'type':'object','additionalProperties':false,'properties':{"
	    "'minimum':{'type':'integer','description':'d (minimum: 3)'},'b':"
	    "{'type':'array','items':{'type':'object','properties':{},"
	    "'additionalProperties':false}}}}",
	    "response_format.json_schema.schema");
}

static void
row_77_forces_a_tool_of_its_own_name(void **state)
{
	(void)state;
	HAS(V4, WITH(SCHEMA(CLOSED)), "tool_choice",
	    "{'type':'tool','name':'llmgw_structured_answer'}", "");
	HAS(V4, WITH(SCHEMA(CLOSED)), "tools.0.input_schema", CLOSED, "");
	HAS(V4, WITH(SCHEMA(CLOSED) ",'tools':[" TOOL_F "]"), "tool_choice",
	    "{'type':'any'}", "");
	HAS(V4, WITH(SCHEMA(CLOSED) ",'tools':[" TOOL_F "]"), "tools.1.name",
	    "'llmgw_structured_answer'", "");
	/* the client forces a tool of its own: no content will come */
	HAS(V4,
	    WITH(SCHEMA(CLOSED) ",'tools':[" TOOL_F "],"
				"'tool_choice':'required'"),
	    "tools.1", NULL, "");
}

static void
row_78_sends_a_temperature_of_zero(void **state)
{
	(void)state;
	HAS(V4, WITH("'temperature':0.0"), "temperature", "0.0", "");
	HAS(V4, WITH("'temperature':0"), "temperature", "0", "");
	HAS(V4, WITH("'temperature':1.7"), "temperature", "1", "temperature");
	HAS(NEW, WITH("'temperature':0.2,'top_p':0.5,'top_k':3"), "temperature",
	    NULL, "temperature,top_p,top_k");
	HAS(V45, WITH("'temperature':0.2,'top_p':0.5"), "top_p", NULL, "top_p");
	HAS(V45, WITH("'top_p':0.5"), "top_p", "0.5", "");
	HAS(V4, WITH("'temperature':0.2,'top_p':0.5,'top_k':7"), "top_k", "7",
	    "");
	/* thinking takes none but 1 */
	HAS(V4, WITH("'temperature':0.2,'reasoning_effort':'low'"),
	    "temperature", NULL, "temperature");
}

static void
maps_max_tokens(void **state)
{
	struct prov_target t = V4;

	(void)state;
	HAS(V4, WITH("'max_tokens':7"), "max_tokens", "7", "");
	HAS(V4, WITH("'max_completion_tokens':8"), "max_tokens", "8", "");
	HAS(V35, WITH("'n':1"), "max_tokens", "8192", "");
	HAS(target("claude-3-haiku-20240307"), WITH("'n':1"), "max_tokens",
	    "4096", "");
	HAS(target("MiniMax-M2"), WITH("'n':1"), "max_tokens", "4096", "");
	t.default_max_tokens = 99;
	HAS(t, WITH("'n':1"), "max_tokens", "99", "");
}

static void
maps_reasoning_by_family(void **state)
{
	(void)state;
	HAS(V4, WITH("'reasoning_effort':'medium'"), "thinking",
	    "{'type':'enabled','budget_tokens':4096}", "");
	HAS(V4, WITH("'reasoning_effort':'high','max_tokens':4000"), "thinking",
	    "{'type':'enabled','budget_tokens':3200}", "");
	HAS(V4, WITH("'reasoning_effort':'high','max_tokens':1000"), "thinking",
	    NULL, "reasoning_effort");
	HAS(V4, WITH("'reasoning_effort':'none'"), "thinking",
	    "{'type':'disabled'}", "");
	HAS(V4, WITH("'thinking':{'type':'enabled','budget_tokens':40000}"),
	    "max_tokens", "72000", "");
	HAS(V4, WITH("'reasoning':{'max_tokens':2000}"), "thinking",
	    "{'type':'enabled','budget_tokens':2000}", "");
	HAS(V46, WITH("'reasoning_effort':'medium'"), "thinking",
	    "{'type':'adaptive'}", "");
	HAS(V46, WITH("'reasoning_effort':'xhigh'"), "output_config",
	    "{'effort':'high'}", "");
	HAS(NEW, WITH("'reasoning_effort':'xhigh'"), "output_config",
	    "{'effort':'xhigh'}", "");
	HAS(NEW, WITH("'reasoning_effort':'minimal'"), "thinking",
	    "{'type':'adaptive','display':'summarized'}", "");
	HAS(V35, WITH("'reasoning_effort':'low'"), "thinking", NULL,
	    "reasoning_effort");
	HAS(V35, WITH("'reasoning_effort':'none'"), "thinking", NULL, "");
	/* the family says it where the name hides it */
	struct prov_target t = target("prod-1");
	t.family = STR("claude-opus-4-6");
	HAS(t, WITH("'reasoning_effort':'max'"), "output_config",
	    "{'effort':'max'}", "");
}

static void
maps_stop(void **state)
{
	(void)state;
	HAS(V4, WITH("'stop':'END'"), "stop_sequences", "['END']", "");
	HAS(V4, WITH("'stop':['a','\\n','b']"), "stop_sequences", "['a','b']",
	    "stop");
	HAS(V4, WITH("'stop':'\\n'"), "stop_sequences", NULL, "stop");
}

static void
maps_user(void **state)
{
	(void)state;
	HAS(V4, WITH("'user':'u-1'"), "metadata", "{'user_id':'u-1'}", "");
	HAS(V4, WITH("'safety_identifier':'s'"), "metadata", "{'user_id':'s'}",
	    "");
	HAS(V4, WITH("'user':'a@b.de'"), "metadata", NULL, "user");
	HAS(V4, WITH("'user':'+49 170 1234567'"), "metadata", NULL, "user");
}

static void
maps_service_tier_and_search(void **state)
{
	(void)state;
	HAS(V4, WITH("'service_tier':'auto'"), "service_tier", "'auto'", "");
	HAS(V4, WITH("'service_tier':'default'"), "service_tier",
	    "'standard_only'", "");
	HAS(V4, WITH("'service_tier':'flex'"), "service_tier", NULL,
	    "service_tier");
	HAS(V4,
	    WITH("'web_search_options':{'user_location':{'type':'approximate',"
		 "'approximate':{'country':'DE'}}}"),
	    "tools",
	    "[{'type':'web_search_20250305','name':'web_search',"
	    "'user_location':{'type':'approximate','country':'DE'}}]",
	    "");
}

static void
drops_what_tunes(void **state)
{
	(void)state;
	IS(V4,
	    WITH("'seed':1,'presence_penalty':0.5,'frequency_penalty':0,"
		 "'logit_bias':{'1':2},'metadata':{'a':'b'},'store':true,"
		 "'prediction':{'type':'content','content':'x'},'verbosity':"
		 "'low','prompt_cache_key':'k','frobnicate':1,'n':1,"
		 "'logprobs':false,'modalities':['text']"),
	    "{'model':'claude-sonnet-4-20250514','max_tokens':32000,"
	    "'messages':[{'role':'user','content':[" TEXT("hi") "]}]}",
	    "seed,presence_penalty,logit_bias,metadata,store,prediction,"
	    "prompt_cache_key,verbosity,frobnicate");
}

static void
refuses_what_changes_the_contract(void **state)
{
	struct prov_target t = V4;

	(void)state;
	FAILS(V4, WITH("'n':2"), ERR_UNSUPPORTED, "n");
	FAILS(V4, WITH("'logprobs':true"), ERR_UNSUPPORTED, "logprobs");
	FAILS(V4, WITH("'modalities':['text','audio']"), ERR_UNSUPPORTED,
	    "modalities");
	FAILS(V4, WITH("'audio':{'voice':'a','format':'wav'}"), ERR_UNSUPPORTED,
	    "audio");
	t.on_unsupported = PROV_DROP_ALL;
	HAS(t, WITH("'n':2,'logprobs':true"), "n", NULL, "n,logprobs");
	t.on_unsupported = PROV_REFUSE_ALL;
	FAILS(t, WITH("'seed':2"), ERR_UNSUPPORTED, "seed");
}

static void
carries_cache_markers(void **state)
{
	(void)state;
#define MARK "'cache_control':{'type':'ephemeral','ttl':'1h'}"
	HAS(V4,
	    MSGS("{'role':'user','content':[" TEXT("a") ",{'type':'text',"
							"'text':'b'," MARK
							"}]}"),
	    "messages.0.content.1", "{'type':'text','text':'b'," MARK "}", "");
	HAS(V4, MSGS("{'role':'user','content':'a'," MARK "}"),
	    "messages.0.content.0", "{'type':'text','text':'a'," MARK "}", "");
	HAS(V4,
	    MSGS(USER("q") ",{'role':'assistant','tool_calls':[" CALL(
		"a", "f", "{}") "]},{'role':'tool','tool_call_id':'a',"
				"'content':'1'," MARK "}"),
	    "messages.2.content.0",
	    "{'type':'tool_result','tool_use_id':'a','content':'1'," MARK "}",
	    "");
	/* no more than four */
	HAS(V4,
	    MSGS("{'role':'user','content':[{'type':'text','text':'1'," MARK
		 "},{'type':'text','text':'2'," MARK "},{'type':'text','text':"
		 "'3'," MARK "},{'type':'text','text':'4'," MARK
		 "},{'type':'text','text':'5'," MARK "}]}"),
	    "messages.0.content.4", TEXT("5"), "cache_control");
}

/* Text goes as the escaped bytes that it is. */
static void
splices_text_unchanged(void **state)
{
	struct prov_target t = V4;
	struct prov_ask a = { 0 };

	(void)state;
	prov_ask(&a, &t, MSGS(USER("\\u00e9\\/\\ud83d\\ude00 \\\"x\\\"")));
	assert_int_equal(a.err, ERR_OK);
	assert_true(str_contains(buf_str(&a.http.body),
	    STR("\"\\u00e9\\/\\ud83d\\ude00 \\\"x\\\"\"")));
	prov_ask_fini(&a);
}

static void
stops_at_the_bound(void **state)
{
	struct prov_target t = V4;
	struct prov_ask a = { 0 };
	struct prov_call call = { .target = &t };
	struct prov_http small;

	(void)state;
	prov_ask(
	    &a, &t, MSGS(USER("0123456789012345678901234567890123456789")));
	call.req = &a.req;
	call.arena = a.arena;
	prov_http_init(&small, 90);
	assert_int_equal(t.kind->build(&call, &small, &a.fail), ERR_LIMIT);
	assert_int_equal(a.fail.class, MSG_FAIL_TOO_LARGE);
	prov_http_fini(&small);
	prov_ask_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_the_smallest_request),
		cmocka_unit_test(asks_with_the_right_headers),
		cmocka_unit_test(leaves_sampling_out_under_the_new_version),
		cmocka_unit_test(hoists_system_and_developer),
		cmocka_unit_test(begins_with_a_user),
		cmocka_unit_test(row_64_merges_runs_of_one_role),
		cmocka_unit_test(row_63_merges_the_results_of_a_turn),
		cmocka_unit_test(row_65_puts_results_before_text),
		cmocka_unit_test(row_66_takes_the_first_of_two_results),
		cmocka_unit_test(fills_missing_results),
		cmocka_unit_test(keeps_a_result_without_a_call_as_text),
		cmocka_unit_test(row_69_leaves_a_blank_result_without_content),
		cmocka_unit_test(makes_ids_that_are_taken),
		cmocka_unit_test(makes_ids_unique),
		cmocka_unit_test(drops_empty_text_and_trailing_blanks),
		cmocka_unit_test(row_58_replays_thinking_first),
		cmocka_unit_test(row_59_keeps_signed_blocks_without_text),
		cmocka_unit_test(row_60_replays_thinking_byte_for_byte),
		cmocka_unit_test(replays_reasoning_details),
		cmocka_unit_test(reports_reasoning_that_cannot_be_replayed),
		cmocka_unit_test(thinks_not_in_a_loop_without_blocks),
		cmocka_unit_test(maps_arguments),
		cmocka_unit_test(maps_images),
		cmocka_unit_test(row_80_sniffs_the_image_type),
		cmocka_unit_test(row_82_makes_a_document_of_a_pdf_image),
		cmocka_unit_test(row_81_maps_files_by_their_type),
		cmocka_unit_test(refuses_parts_without_a_place),
		cmocka_unit_test(maps_refusals_and_names),
		cmocka_unit_test(maps_tools),
		cmocka_unit_test(row_74_builds_tools_anew),
		cmocka_unit_test(refuses_tools_that_cannot_be_named),
		cmocka_unit_test(maps_tool_choice),
		cmocka_unit_test(keeps_tools_when_none_may_be_called),
		cmocka_unit_test(filters_allowed_tools),
		cmocka_unit_test(drops_thinking_for_a_forced_tool),
		cmocka_unit_test(maps_legacy_functions),
		cmocka_unit_test(maps_json_object_to_an_instruction),
		cmocka_unit_test(maps_json_schema_natively),
		cmocka_unit_test(row_77_forces_a_tool_of_its_own_name),
		cmocka_unit_test(row_78_sends_a_temperature_of_zero),
		cmocka_unit_test(maps_max_tokens),
		cmocka_unit_test(maps_reasoning_by_family),
		cmocka_unit_test(maps_stop),
		cmocka_unit_test(maps_user),
		cmocka_unit_test(maps_service_tier_and_search),
		cmocka_unit_test(drops_what_tunes),
		cmocka_unit_test(refuses_what_changes_the_contract),
		cmocka_unit_test(carries_cache_markers),
		cmocka_unit_test(splices_text_unchanged),
		cmocka_unit_test(stops_at_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
