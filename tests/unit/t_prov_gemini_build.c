/* Chat requests -> generateContent: every row of wire.md 2, rules of 6.3. */
#include "check.h"

#include "prov/prov.h"
#include "prov_requests.h"

static struct prov_target
target(const char *model)
{
	return (struct prov_target){
		.kind = prov_kind_find(STR("gemini")),
		.provider = STR("google"),
		.model = str_z(model),
	};
}
#define V3 target("gemini-3-pro-preview")
#define V31 target("gemini-3.1-pro-preview")
#define V3F target("gemini-3-flash-preview")
#define V25 target("gemini-2.5-flash")
#define V25P target("gemini-2.5-pro")
#define V2 target("gemini-2.0-flash")

#define CALLS(list) \
	"{'role':'assistant','content':null,'tool_calls':[" list "]}"
#define FC(name, args) "{'functionCall':{'name':'" name "','args':" args "}}"
#define FR(name, response) \
	"{'functionResponse':{'name':'" name "','response':" response "}}"
#define TEXT(text) "{'text':'" text "'}"
#define IN(role, parts) "{'role':'" role "','parts':[" parts "]}"
#define TOOL(name, schema)                             \
	"{'type':'function','function':{'name':'" name \
	"','description':'d','parameters':" schema "}}"
#define OBJECT "{'type':'object','properties':{'a':{'type':'string'}}}"

static void
builds_the_smallest_request(void **state)
{
	(void)state;
	IS(V25, MSGS(USER("hi")), "{'contents':[" IN("user", TEXT("hi")) "]}",
	    "");
}

static void
asks_at_the_right_url(void **state)
{
	static const struct {
		const char *base, *model, *stream, *url;
	} rows[] = {
		{ "", "gemini-2.5-pro", "false",
		    "https://generativelanguage.googleapis.com/v1beta/models/"
		    "gemini-2.5-pro:generateContent" },
		{ "", "models/gemini-2.5-pro", "true",
		    "https://generativelanguage.googleapis.com/v1beta/models/"
		    "gemini-2.5-pro:streamGenerateContent?alt=sse" },
		{ "https://aiplatform.googleapis.com/v1/publishers/google/",
		    "gemini-3-pro", "true",
		    "https://aiplatform.googleapis.com/v1/publishers/google/"
		    "models/gemini-3-pro:streamGenerateContent?alt=sse" },
		{ "http://x/v1beta", "tunedModels/a b", "false",
		    "http://x/v1beta/tunedModels/a%20b:generateContent" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct prov_target t = target(rows[i].model);
		struct prov_ask a = { 0 };

		t.base_url = str_z(rows[i].base);
		prov_ask(&a, &t,
		    rows[i].stream[0] == 't' ? WITH("'stream':true")
					     : WITH("'stream':false"));
		assert_int_equal(a.err, ERR_OK);
		assert_str(a.http.url, rows[i].url);
		assert_string_equal(a.http.key_header, "x-goog-api-key");
		prov_ask_fini(&a);
	}
}

static void
hoists_system_and_developer(void **state)
{
	static const char req[] = MSGS("{'role':'system','content':'a'}," USER(
	    "hi") ",{'role':"
		  "'developer','content':[{'type':'text','text':'b'}]}");

	(void)state;
	IS(V25, req,
	    "{'systemInstruction':{'parts':[" TEXT("a") "," TEXT(
		"b") "]},"
		     "'contents':[" IN("user", TEXT("hi")) "]}",
	    "");
	/* Gemma takes none */
	IS(target("gemma-3-27b-it"), req,
	    "{'contents':[" IN("user", TEXT("a") "," TEXT("b")) "," IN(
		"user", TEXT("hi")) "]}",
	    "");
	/* contents may not be empty */
	IS(V25, MSGS("{'role':'system','content':'a'}"),
	    "{'systemInstruction':{'parts':[" TEXT("a") "]},'contents':[" IN(
		"user", TEXT("Please continue.")) "]}",
	    "");
}

static void
merges_runs_and_drops_empty_text(void **state)
{
	(void)state;
	HAS(V25,
	    MSGS(USER("a") "," USER(
		"b") ",{'role':'assistant','content':'1'},"
		     "{'role':'assistant','content':''},"
		     "{'role':'assistant','content':'2'}," USER("")),
	    "contents",
	    "[" IN("user", TEXT("a") "," TEXT("b")) "," IN(
		"model", TEXT("1") "," TEXT("2")) "," IN("user",
		TEXT("(empty message)")) "]",
	    "");
}

static void
pairs_calls_and_responses(void **state)
{
	static const char req[] = MSGS(USER("q") "," CALLS(CALL(
	    "a", "f", "{\\\"x\\\":1}") "," CALL("b", "g", "")) "," RESULT("b",
	    "{\\\"y\\\":[2]}") "," USER("wait") "," RESULT("a", "one\\n"));

	(void)state;
	/* names are looked up by id, the results are a turn of their own */
	HAS(V25, req, "contents",
	    "[" IN("user", TEXT("q")) "," IN(
		"model", FC("f", "{'x':1}") "," FC("g", "{}")) "," IN("user",
		FR("f", "{'result':'one\\n'}") "," FR(
		    "g", "{'y':[2]}")) "," IN("user", TEXT("wait")) "]",
	    "");
	/* 3: ids too */
	HAS(V3, req, "contents.2.parts.0.functionResponse.id", "'a'", "");
	HAS(V3, req, "contents.1.parts.1.functionCall.id", "'b'", "");
}

static void
row_66_takes_the_first_of_two_results(void **state)
{
	(void)state;
	HAS(V25,
	    MSGS(USER("q") "," CALLS(CALL("a", "f", "{}")) "," RESULT(
		"a", "1") "," RESULT("a", "2")),
	    "contents.2", IN("user", FR("f", "{'result':'1'}")), "messages[3]");
}

static void
fills_missing_results(void **state)
{
	(void)state;
	HAS(V25, MSGS(USER("q") "," CALLS(CALL("a", "f", "{}"))), "contents.2",
	    IN("user", FR("f", "{'error':'(no result)'}")),
	    "messages[].tool_calls[]:no-result");
	HAS(V25,
	    MSGS(USER("q") "," CALLS(CALL("a", "f", "{}")) "," USER(
		"x") ","
		     "{'role':'assistant','content':'y'}," RESULT("a", "late")),
	    "contents.5", IN("user", TEXT("late")),
	    "messages[].tool_calls[]:no-result,messages[4].tool_call_id");
}

static void
row_69_sends_an_empty_result(void **state)
{
	(void)state;
	HAS(V25,
	    MSGS(USER("q") "," CALLS(CALL("a", "f", "{}")) "," RESULT("a", "")),
	    "contents.2", IN("user", FR("f", "{'result':''}")), "");
}

static void
row_61_carries_thought_signatures(void **state)
{
#define SIGNED                                                                 \
	"{'id':'a','type':'function','function':{'name':'f','arguments':'{}'}" \
	",'extra_content':{'google':{'thought_signature':'SIG'}}}"
	static const char req[] = MSGS(USER("q") "," CALLS(SIGNED "," CALL(
	    "b", "g", "{}")) "," RESULT("a", "1") "," RESULT("b", "2"));

	(void)state;
	HAS(V25, req, "contents.1.parts.0.thoughtSignature", "'SIG'", "");
	HAS(V3, req, "contents.1.parts.0.thoughtSignature", "'SIG'", "");
	HAS(V3, req, "contents.1.parts.1.thoughtSignature", NULL, "");
	/* another model's call: the documented dummy, on the first only */
#define FOREIGN                                                 \
	MSGS(USER("q") "," CALLS(CALL("a", "f", "{}") "," CALL( \
	    "b", "g", "{}")) "," RESULT("a", "1") "," RESULT("b", "2"))
	HAS(V3, FOREIGN, "contents.1.parts.0.thoughtSignature",
	    "'skip_thought_signature_validator'", "");
	HAS(V3, FOREIGN, "contents.1.parts.1.thoughtSignature", NULL, "");
	HAS(V25, FOREIGN, "contents.1.parts.0.thoughtSignature", NULL, "");
	/* of a text */
	HAS(V3,
	    MSGS(USER("q") ",{'role':'assistant','content':'t','extra_content'"
			   ":{'google':{'thought_signature':'TS'}}}," USER(
			       "go")),
	    "contents.1.parts.0", "{'text':'t','thoughtSignature':'TS'}", "");
}

static void
maps_arguments(void **state)
{
	(void)state;
	HAS(V25,
	    MSGS(USER("q") "," CALLS(CALL("a", "f", "{\\\"x\\\":")) "," RESULT(
		"a", "1")),
	    "contents.1.parts.0.functionCall.args", "{'_raw':'{\\\"x\\\":'}",
	    "messages[1].tool_calls[].function.arguments");
}

#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define PART(part, want, dropped)                              \
	HAS(V25, MSGS("{'role':'user','content':[" part "]}"), \
	    "contents.0.parts.0", want, dropped)

static void
row_80_sniffs_the_image_type(void **state)
{
	(void)state;
	PART(
	    "{'type':'image_url','image_url':{'url':'data:image/jpg;base64," PNG
	    "','detail':'low'}}",
	    "{'inlineData':{'mimeType':'image/png','data':'" PNG "'}}",
	    "messages[0].content[0].image_url.detail");
}

static void
maps_media(void **state)
{
	(void)state;
	PART("{'type':'image_url','image_url':{'url':'https://x/y.webp?z'}}",
	    "{'fileData':{'mimeType':'image/webp','fileUri':"
	    "'https://x/y.webp?z'}}",
	    "");
	PART("{'type':'input_audio','input_audio':{'data':'AAAA','format':"
	     "'wav'}}",
	    "{'inlineData':{'mimeType':'audio/wav','data':'AAAA'}}", "");
	PART("{'type':'file','file':{'filename':'a.pdf','file_data':"
	     "'data:application/pdf;base64,JVBERi0x'}}",
	    "{'inlineData':{'mimeType':'application/pdf','data':'JVBERi0x'}}",
	    "");
	PART("{'type':'file','file':{'file_id':'files/abc'}}",
	    "{'fileData':{'fileUri':'https://generativelanguage.googleapis.com"
	    "/v1beta/files/abc'}}",
	    "");
	PART("{'type':'video_url','video_url':{'url':"
	     "'https://www.youtube.com/watch?v=1'}}",
	    "{'fileData':{'fileUri':'https://www.youtube.com/watch?v=1'}}", "");
	FAILS(V25,
	    MSGS("{'role':'user','content':[{'type':'file','file':{'file_id':"
		 "'file-1'}}]}"),
	    ERR_UNSUPPORTED, "messages[0].content[0]");
}

static void
reports_what_has_no_place_in_messages(void **state)
{
	(void)state;
	HAS(V25,
	    MSGS("{'role':'user','name':'bob','content':[{'type':'text','text':"
		 "'q','cache_control':{'type':'ephemeral'}}]},{'role':"
		 "'assistant','reasoning_content':'hm','content':[{'type':"
		 "'refusal','refusal':'no'}]}," USER("go")),
	    "contents.1", IN("model", TEXT("no")),
	    "cache_control,messages[].name,messages[].reasoning_content");
}

static void
maps_tools(void **state)
{
	(void)state;
	HAS(V25,
	    WITH("'tools':[" TOOL("f", OBJECT) ",{'type':'function',"
					       "'function':{'name':'g'}},{'"
					       "type':'function','function':"
					       "{'name':'h','parameters':{'"
					       "type':'object','properties':"
					       "{}}}}]"),
	    "tools",
	    "[{'functionDeclarations':[{'name':'f','description':'d',"
	    "'parameters':" OBJECT "},{'name':'g'},{'name':'h'}]}]",
	    "");
	/* newer: unchanged */
	HAS(V3,
	    WITH("'tools':[" TOOL("f", "{'$schema':'x','type':'object'}") "]"),
	    "tools.0.functionDeclarations.0.parametersJsonSchema",
	    "{'$schema':'x','type':'object'}", "");
	HAS(V25,
	    WITH("'tools':[{'type':'function','function':{'name':'f','strict':"
		 "true}}]"),
	    "tools.0.functionDeclarations.0", "{'name':'f'}",
	    "tools[0].function.strict");
	FAILS(V25,
	    WITH("'tools':[{'type':'function','function':{'name':'1f'}}]"),
	    ERR_SYNTAX, "tools[0].function.name");
	FAILS(V25, WITH("'tools':[{'type':'custom','custom':{'name':'c'}}]"),
	    ERR_UNSUPPORTED, "tools[0]");
}

static void
row_51_converts_schemas_for_older_models(void **state)
{
	(void)state;
	HAS(V25,
	    WITH("'tools':[" TOOL("f",
		"{'$schema':'x','type':'object','properties':{'pattern'"
		":{'type':['string','null']}},'required':['pattern',"
		"'z'],'additionalProperties':false}") "]"),
	    "tools.0.functionDeclarations.0.parameters",
	    "{'type':'object','properties':{'pattern':{'type':'string',"
	    "'nullable':true}},'required':['pattern']}",
	    "");
	HAS(V25,
	    WITH("'tools':[" TOOL("f",
		"{'type':'object','properties':{'a':{'type':'integer',"
		"'multipleOf':2}}}") "]"),
	    "tools.0.functionDeclarations.0.parameters.properties.a",
	    "{'type':'integer'}", "tools[0].function.parameters");
}

static void
maps_tool_choice(void **state)
{
	(void)state;
#define CHOICE(members, want)                            \
	HAS(V25,                                         \
	    WITH("'tools':[" TOOL("f", OBJECT) "," TOOL( \
		"g", OBJECT) "]," members),              \
	    "toolConfig", want, "")
	CHOICE("'tool_choice':'auto'",
	    "{'functionCallingConfig':{'mode':'AUTO'}}");
	CHOICE("'tool_choice':'none'",
	    "{'functionCallingConfig':{'mode':'NONE'}}");
	CHOICE("'tool_choice':'required'",
	    "{'functionCallingConfig':{'mode':'ANY'}}");
	CHOICE("'tool_choice':{'type':'function','function':{'name':'f'}}",
	    "{'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':"
	    "['f']}}");
#define ALLOWED(mode)                                                          \
	"'tool_choice':{'type':'allowed_tools','allowed_tools':{'mode':'" mode \
	"','tools':[{'type':'function','function':{'name':'g'}}]}}"
	CHOICE(ALLOWED("required"),
	    "{'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':"
	    "['g']}}");
	CHOICE(ALLOWED("auto"), "{'functionCallingConfig':{'mode':'AUTO'}}");
	HAS(V25,
	    WITH("'tools':[" TOOL("f", OBJECT) "," TOOL(
		"g", OBJECT) "]," ALLOWED("auto")),
	    "tools.0.functionDeclarations.1", NULL, "");
	HAS(V25,
	    WITH("'tools':[" TOOL("f", OBJECT) "],'parallel_tool_calls':false"),
	    "toolConfig", NULL, "parallel_tool_calls");
}

static void
maps_server_tools(void **state)
{
	(void)state;
	HAS(V25, WITH("'web_search_options':{}"), "tools",
	    "[{'googleSearch':{}}]", "");
}

static void
maps_legacy_functions(void **state)
{
	static const char req[] = "{'model':'m','messages':[" USER(
	    "q") ",{'role':'assistant',"
		 "'content':null,'function_call':{'name':'f','arguments':'{}'}}"
		 ","
		 "{'role':'function','name':'f','content':'1'}],'functions':[{"
		 "'name':'f','parameters':" OBJECT
		 "}],'function_call':{'name':'f'}}";

	(void)state;
	HAS(V25, req, "contents.2", IN("user", FR("f", "{'result':'1'}")), "");
	HAS(V25, req, "toolConfig.functionCallingConfig.allowedFunctionNames",
	    "['f']", "");
}

static void
maps_parameters(void **state)
{
	(void)state;
	HAS(V25,
	    WITH("'temperature':0.0,'top_p':0.5,'top_k':7,'seed':3,"
		 "'presence_penalty':0.1,'frequency_penalty':-0.1,"
		 "'max_tokens':9,'stop':['a','','b'],'n':2,'logprobs':true,"
		 "'top_logprobs':4"),
	    "generationConfig",
	    "{'temperature':0.0,'topP':0.5,'topK':7,'seed':3,"
	    "'presencePenalty':0.1,'frequencyPenalty':-0.1,"
	    "'maxOutputTokens':9,'stopSequences':['a','b'],'candidateCount':2,"
	    "'responseLogprobs':true,'logprobs':4}",
	    "");
	HAS(V25, WITH("'stop':'x'"), "generationConfig.stopSequences", "['x']",
	    "");
	FAILS(V25, WITH("'stop':['1','2','3','4','5','6']"), ERR_UNSUPPORTED,
	    "stop[5]");
	FAILS(V25, WITH("'n':9"), ERR_UNSUPPORTED, "n");
	HAS(V25, WITH("'max_completion_tokens':8"),
	    "generationConfig.maxOutputTokens", "8", "");
	HAS(V25, WITH("'service_tier':'flex'"), "serviceTier", "'flex'", "");
	HAS(V25, WITH("'modalities':['text','image']"),
	    "generationConfig.responseModalities", "['TEXT','IMAGE']", "");
	FAILS(V25, WITH("'modalities':['text','audio']"), ERR_UNSUPPORTED,
	    "modalities");
	FAILS(V25, WITH("'audio':{'voice':'a','format':'wav'}"),
	    ERR_UNSUPPORTED, "audio");
}

static void
drops_what_tunes(void **state)
{
	(void)state;
	IS(V25,
	    WITH("'logit_bias':{'1':2},'user':'u','metadata':{'a':'b'},"
		 "'store':true,'prediction':{'type':'content','content':'x'},"
		 "'prompt_cache_key':'k','verbosity':'low','frobnicate':1,"
		 "'n':1,'logprobs':false"),
	    "{'contents':[" IN("user", TEXT("hi")) "]}",
	    "logit_bias,user,metadata,store,prediction,prompt_cache_key,"
	    "verbosity,frobnicate");
}

static void
passes_safety_settings(void **state)
{
	(void)state;
	HAS(V25,
	    WITH("'safety_settings':[{'category':'C','threshold':'OFF'}],"
		 "'cached_content':'cachedContents/1'"),
	    "safetySettings", "[{'category':'C','threshold':'OFF'}]", "");
	HAS(V25, WITH("'cached_content':'cachedContents/1'"), "cachedContent",
	    "'cachedContents/1'", "");
}

static void
maps_reasoning_by_family(void **state)
{
	(void)state;
#define THINKS(t, effort, want, dropped)                \
	HAS(t, WITH("'reasoning_effort':'" effort "'"), \
	    "generationConfig.thinkingConfig", want, dropped)
	THINKS(
	    V25, "low", "{'thinkingBudget':1024,'includeThoughts':true}", "");
	THINKS(V25, "none", "{'thinkingBudget':0}", "");
	THINKS(
	    V25, "max", "{'thinkingBudget':24576,'includeThoughts':true}", "");
	THINKS(V25P, "none", "{'thinkingBudget':128}", "reasoning_effort");
	THINKS(V25P, "high", "{'thinkingBudget':16384,'includeThoughts':true}",
	    "");
	THINKS(V3, "low", "{'thinkingLevel':'low','includeThoughts':true}", "");
	THINKS(V3, "medium", "{'thinkingLevel':'high','includeThoughts':true}",
	    "");
	THINKS(V31, "medium",
	    "{'thinkingLevel':'medium','includeThoughts':true}", "");
	THINKS(V3F, "minimal",
	    "{'thinkingLevel':'minimal','includeThoughts':true}", "");
	THINKS(V3F, "none", "{'thinkingLevel':'minimal'}", "reasoning_effort");
	THINKS(V2, "low", NULL, "reasoning_effort");
	THINKS(V2, "none", NULL, "");
	HAS(V25, WITH("'reasoning':{'max_tokens':2000,'exclude':true}"),
	    "generationConfig.thinkingConfig", "{'thinkingBudget':2000}", "");
}

#define SCHEMA(inner)                                            \
	"'response_format':{'type':'json_schema','json_schema':" \
	"{'name':'n','schema':" inner "}}"
#define CLOSED                                                   \
	"{'type':'object','properties':{'a':{'type':'string'}}," \
	"'additionalProperties':false}"

static void
maps_response_format(void **state)
{
	(void)state;
	HAS(V25, WITH("'response_format':{'type':'json_object'}"),
	    "generationConfig", "{'responseMimeType':'application/json'}", "");
	HAS(V25, WITH(SCHEMA(CLOSED)), "generationConfig",
	    "{'responseMimeType':'application/"
	    "json','responseJsonSchema':" CLOSED "}",
	    "");
	HAS(V2, WITH(SCHEMA(CLOSED)), "generationConfig.responseSchema", OBJECT,
	    "");
	/* with tools: 3 only */
	HAS(V3, WITH(SCHEMA(CLOSED) ",'tools':[" TOOL("f", OBJECT) "]"),
	    "generationConfig.responseJsonSchema", CLOSED, "");
	FAILS(V25, WITH(SCHEMA(CLOSED) ",'tools':[" TOOL("f", OBJECT) "]"),
	    ERR_UNSUPPORTED, "response_format");
	HAS(V25,
	    WITH("'response_format':{'type':'json_object'},'tools':[" TOOL(
		"f", OBJECT) "]"),
	    "generationConfig", NULL, "");
}

/* Text goes as the escaped bytes that it is. */
static void
splices_text_unchanged(void **state)
{
	(void)state;
	assert_spliced(V25);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_the_smallest_request),
		cmocka_unit_test(asks_at_the_right_url),
		cmocka_unit_test(hoists_system_and_developer),
		cmocka_unit_test(merges_runs_and_drops_empty_text),
		cmocka_unit_test(pairs_calls_and_responses),
		cmocka_unit_test(row_66_takes_the_first_of_two_results),
		cmocka_unit_test(fills_missing_results),
		cmocka_unit_test(row_69_sends_an_empty_result),
		cmocka_unit_test(row_61_carries_thought_signatures),
		cmocka_unit_test(maps_arguments),
		cmocka_unit_test(row_80_sniffs_the_image_type),
		cmocka_unit_test(maps_media),
		cmocka_unit_test(reports_what_has_no_place_in_messages),
		cmocka_unit_test(maps_tools),
		cmocka_unit_test(row_51_converts_schemas_for_older_models),
		cmocka_unit_test(maps_tool_choice),
		cmocka_unit_test(maps_server_tools),
		cmocka_unit_test(maps_legacy_functions),
		cmocka_unit_test(maps_parameters),
		cmocka_unit_test(drops_what_tunes),
		cmocka_unit_test(passes_safety_settings),
		cmocka_unit_test(maps_reasoning_by_family),
		cmocka_unit_test(maps_response_format),
		cmocka_unit_test(splices_text_unchanged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
