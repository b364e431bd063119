/* Chat histories -> /v1/messages: rules of wire.md 2, 6.4 and 10 G. */
#include "check.h"

#include "prov_anthropic.h"

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

/* Fetched by the maker, or refused; never left out without a word. */
static void
row_83_refuses_urls_that_are_not_fetched(void **state)
{
	(void)state;
	FAILS(V4,
	    MSGS("{'role':'user','content':[{'type':'image_url','image_url':"
		 "{'url':'http://10.0.0.1/y.png'}}]}"),
	    ERR_UNSUPPORTED, "messages[0].content[0]");
}

/* A flag that the backend does not know is a 400. */
static void
row_75_sends_no_beta_flag_unasked(void **state)
{
	struct prov_target t = NEW;
	struct prov_ask a = { 0 };

	(void)state;
	prov_ask(&a, &t,
	    "{'model':'m','anthropic_beta':['x'],'messages':[" USER(
		"q") "],'reasoning_effort':'high'}");
	assert_int_equal(a.err, ERR_OK);
	assert_false(
	    str_present(http_headers_find(&a.http.headers, "anthropic-beta")));
	assert_false(str_contains(buf_str(&a.http.body), STR("beta")));
	assert_str(buf_str(&a.http.dropped), "anthropic_beta");
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
	(void)state;
	assert_spliced(V4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(row_83_refuses_urls_that_are_not_fetched),
		cmocka_unit_test(row_75_sends_no_beta_flag_unasked),
		cmocka_unit_test(refuses_parts_without_a_place),
		cmocka_unit_test(maps_refusals_and_names),
		cmocka_unit_test(carries_cache_markers),
		cmocka_unit_test(splices_text_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
