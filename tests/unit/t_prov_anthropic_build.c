/* Chat requests -> /v1/messages: parameters, tools, formats (wire.md 2). */
#include "check.h"

#include "prov_anthropic.h"

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
row_68_keeps_tools_when_none_may_be_called(void **state)
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
	HAS(V46, WITH("'reasoning':{'effort':'low','exclude':true}"),
	    "thinking", "{'type':'adaptive','display':'omitted'}", "");
	HAS(V4, WITH("'reasoning':{'effort':'low','exclude':true}"), "thinking",
	    "{'type':'enabled','budget_tokens':1024}", "reasoning.exclude");
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
		cmocka_unit_test(maps_tools),
		cmocka_unit_test(row_74_builds_tools_anew),
		cmocka_unit_test(refuses_tools_that_cannot_be_named),
		cmocka_unit_test(maps_tool_choice),
		cmocka_unit_test(row_68_keeps_tools_when_none_may_be_called),
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
		cmocka_unit_test(stops_at_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
