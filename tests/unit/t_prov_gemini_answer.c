/* Answers of generateContent -> events (wire.md 3, 5.4, rows of 10). */
#include "check.h"

#include "prov/prov.h"
#include "prov_ask.h"

static struct prov_target target = { .provider = { "google", 6 },
	.model = { "gemini-2.5-flash", 16 } };

#define HEARS(bytes, want) assert_true(prov_hear_is(&target, bytes, true, want))
#define READS(bytes, want) \
	assert_true(prov_hear_is(&target, bytes, false, want))

/* Google sends CR LF. */
#define EV(members) "data: {" members "}\r\n\r\n"
#define ID ",'responseId':'r1','modelVersion':'g'"
#define PARTS(list) \
	"'candidates':[{'content':{'parts':[" list "],'role':'model'}"
#define USAGE                                                              \
	",'usageMetadata':{'promptTokenCount':3,'candidatesTokenCount':5," \
	"'totalTokenCount':8}"
#define USED "USAGE 3 5 cached=-1 written=-1 reasoning=-1\n"
#define BEGUN "START id=r1 model=g\n"

static void
reads_a_stream_of_text(void **state)
{
	(void)state;
	HEARS(
	    EV(PARTS("{'text':'h\\n'}") "}]" ID)
		EV(PARTS("{'text':''}") "}]" ID) EV(PARTS(
		    "{'text':'\xc3\xa9'}") ",'finishReason':'STOP'}]" ID USAGE),
	    BEGUN "TEXT h\\n\xc3\xa9\nFINISH stop STOP\n" USED "END");
}

/* The call in one chunk, STOP in a later one: api/norm makes tool_calls. */
static void
row_18_keeps_a_call_apart_from_its_finish(void **state)
{
	(void)state;
	HEARS(EV(PARTS("{'functionCall':{'name':'f','args':{'a':1}},"
		       "'thoughtSignature':'SIG'},{'functionCall':{'name':'g'}"
		       "}") "}]" ID)
		  EV(PARTS("{'text':''}") ",'finishReason':'STOP'}]"),
	    BEGUN "CALL 0 name=f signature=SIG\nARGS 0 {\\'a\\':1}\nCALLEND 0\n"
		  "CALL 1 name=g\nCALLEND 1\nFINISH stop STOP\nEND");
	HEARS(EV(PARTS(
		  "{'functionCall':{'id':'x1','name':'f','args':{}}}") ",'"
								       "finishR"
								       "eason':"
								       "'STOP'}"
								       "]" ID),
	    BEGUN "CALL 0 id=x1 name=f\nCALLEND 0\nFINISH stop STOP\nEND");
}

static void
row_20_maps_all_finish_reasons(void **state)
{
	(void)state;
#define REASON(word, want)                                                   \
	READS("{" PARTS("{'text':'t'}") ",'finishReason':" word "}]" ID "}", \
	    BEGUN "TEXT t\nFINISH " want "\nEND")
	REASON("'STOP'", "stop STOP");
	REASON("'FINISH_REASON_UNSPECIFIED'", "stop FINISH_REASON_UNSPECIFIED");
	REASON("'MAX_TOKENS'", "length MAX_TOKENS");
	REASON("'CONTINUATION'", "length CONTINUATION");
	REASON("'SAFETY'", "content_filter SAFETY");
	REASON("'RECITATION'", "content_filter RECITATION");
	REASON("'BLOCKLIST'", "content_filter BLOCKLIST");
	REASON("'PROHIBITED_CONTENT'", "content_filter PROHIBITED_CONTENT");
	REASON("'SPII'", "content_filter SPII");
	REASON("'LANGUAGE'", "content_filter LANGUAGE");
	REASON("'IMAGE_SAFETY'", "content_filter IMAGE_SAFETY");
	REASON("'IMAGE_PROHIBITED_CONTENT'",
	    "content_filter IMAGE_PROHIBITED_CONTENT");
	REASON("'IMAGE_RECITATION'", "content_filter IMAGE_RECITATION");
	REASON("'MODEL_ARMOR'", "content_filter MODEL_ARMOR");
	REASON("'MALFORMED_FUNCTION_CALL'", "stop MALFORMED_FUNCTION_CALL");
	REASON("'UNEXPECTED_TOOL_CALL'", "stop UNEXPECTED_TOOL_CALL");
	REASON("'TOO_MANY_TOOL_CALLS'", "stop TOO_MANY_TOOL_CALLS");
	REASON("'OTHER'", "stop OTHER");
	REASON("'NO_IMAGE'", "stop NO_IMAGE");
	REASON("'A_NEW_ONE'", "stop A_NEW_ONE");
	/* enums as numbers */
	REASON("1", "stop STOP");
	REASON("2", "length MAX_TOKENS");
	REASON("3", "content_filter SAFETY");
	REASON("77", "stop ");
}

static void
tells_what_was_blocked(void **state)
{
	(void)state;
	HEARS("data: {'promptFeedback':{'blockReason':'SAFETY'}}\r\n\r\n",
	    "START\nFINISH content_filter SAFETY\nEND");
	READS("{'promptFeedback':{'blockReason':'MODEL_ARMOR',"
	      "'blockReasonMessage':'no'}" ID
	      ",'usageMetadata':{'trafficType':'ON_DEMAND'}}",
	    BEGUN "FINISH content_filter MODEL_ARMOR extra='finish_message':"
		  "'no'\n"
		  "USAGE -1 0 cached=-1 written=-1 reasoning=-1\nEND");
	READS("{" PARTS(
		  "{'functionCall':{'name':'f','args':{}}}") ",'finishReason':'"
							     "UNEXPECTED_TOOL_"
							     "CALL','"
							     "finishMessage':'"
							     "m'}]" ID "}",
	    BEGUN "CALL 0 name=f\nCALLEND 0\nFINISH stop UNEXPECTED_TOOL_CALL "
		  "extra='finish_message':'m'\nEND");
}

static void
row_42_counts_thoughts_as_completion(void **state)
{
	(void)state;
	READS(
	    "{" PARTS(
		"{'text':'x','thought':true},{'text':'t'}") ",'finishReason':'"
							    "STOP'}]" ID
							    ",'usageMetadata':{"
							    "'promptTokenCount'"
							    ":11,"
							    "'candidatesTokenCo"
							    "unt':16,'"
							    "thoughtsTokenCount"
							    "':232,"
							    "'cachedContentToke"
							    "nCount':4,'"
							    "toolUsePromptToken"
							    "Count':2,"
							    "'totalTokenCount':"
							    "261}}",
	    BEGUN "REASONING x\nTEXT t\nFINISH stop STOP\n"
		  "USAGE 13 248 cached=4 written=-1 reasoning=232\nEND");
	/* all went into thinking */
	READS("{'candidates':[{'content':{},'finishReason':'MAX_TOKENS'}]" ID
	      ",'usageMetadata':{'promptTokenCount':1,'thoughtsTokenCount':9}}",
	    BEGUN "FINISH length MAX_TOKENS\n"
		  "USAGE 1 9 cached=-1 written=-1 reasoning=9\nEND");
	/* audio and images have prices of their own */
	READS("{'candidates':[{'content':{},'finishReason':'STOP'}]" ID
	      ",'usageMetadata':{'promptTokenCount':9,'candidatesTokenCount':1,"
	      "'promptTokensDetails':[{'modality':'TEXT','tokenCount':1},"
	      "{'modality':'AUDIO','tokenCount':5},"
	      "{'modality':'IMAGE','tokenCount':3}],"
	      "'candidatesTokensDetails':[{'modality':'TEXT',"
	      "'tokenCount':1},{'modality':'IMAGE','tokenCount':1}]}}",
	    BEGUN "FINISH stop STOP\n"
		  "USAGE 9 1 cached=-1 written=-1 reasoning=-1 audio=5 "
		  "images=3 images_out=1\nEND");
	/* what cannot be a count is none */
	READS("{'candidates':[{'content':{},'finishReason':'MAX_TOKENS'}]" ID
	      ",'usageMetadata':{'promptTokenCount':1,'thoughtsTokenCount':"
	      "9223372036854775807}}",
	    BEGUN "FINISH length MAX_TOKENS\n"
		  "USAGE 1 0 cached=-1 written=-1 reasoning=-1\nEND");
}

static void
row_61_carries_signatures_of_texts(void **state)
{
	(void)state;
	HEARS(EV(PARTS("{'text':'t'}") "}]" ID) EV(
		  PARTS("{'text':'','thoughtSignature':'S='}") ",'finishReason'"
							       ":'STOP'}]"),
	    BEGUN "TEXT t\nEXTRA delta='extra_content':{'google':{"
		  "'thought_signature':'S='}}\nFINISH stop STOP\nEND");
}

static void
reads_several_candidates(void **state)
{
	(void)state;
	READS("{'candidates':[{'content':{'parts':[{'text':'a'}]},"
	      "'finishReason':'STOP'},{'content':{'parts':[{'text':'b'}]},"
	      "'finishReason':'MAX_TOKENS','index':1}]" ID "}",
	    BEGUN "TEXT a\nFINISH stop STOP\nTEXT[1] b\n"
		  "FINISH [1]length MAX_TOKENS\nEND");
}

static void
reads_pictures_and_code(void **state)
{
	(void)state;
	READS("{" PARTS("{'inlineData':{'mimeType':'image/png','data':'AA=='}},"
			"{'executableCode':{'language':'PYTHON','code':'1+1'}},"
			"{'codeExecutionResult':{'outcome':'OUTCOME_OK',"
			"'output':'2\\n'}}") ",'finishReason':'STOP'}]" ID "}",
	    BEGUN "IMAGE raw={'type':'image_url','image_url':{'url':"
		  "'data:image/png;base64,AA=='}}\n"
		  "TEXT \\n```python\\n1+1\\n```\\n\\n```\\n2\\n```\\n\n"
		  "FINISH stop STOP\nEND");
}

static void
reads_log_probabilities(void **state)
{
	(void)state;
	READS("{" PARTS("{'text':'Hi'}") ",'finishReason':'STOP','"
					 "logprobsResult':{'chosenCandidates':"
					 "[{'token':'Hi','logProbability':-0.5,"
					 "'tokenId':1}],"
					 "'topCandidates':[{'candidates':[{'"
					 "token':'Yo',"
					 "'logProbability':-2}]}]}}]" ID "}",
	    BEGUN "TEXT Hi\nLOGPROBS raw={'content':[{'token':'Hi','logprob':"
		  "-0.5,'bytes':null,'top_logprobs':[{'token':'Yo','logprob':-2"
		  ",'bytes':null}]}],'refusal':null}\nFINISH stop STOP\nEND");
}

/* Chunks repeat it; it is told once. */
static void
makes_annotations_of_grounding(void **state)
{
#define GROUNDING                                                            \
	"'groundingMetadata':{'groundingChunks':[{'web':{'uri':'https://x'," \
	"'title':'T'}}],'groundingSupports':[{'segment':{'startIndex':1,"    \
	"'endIndex':2},'groundingChunkIndices':[0,7]}]}"
	(void)state;
	HEARS(EV(PARTS("{'text':'ab'}") "," GROUNDING "}]" ID) EV(PARTS(
		  "{'text':'c'}") "," GROUNDING ",'finishReason':'STOP'}]"),
	    BEGUN "TEXT abc\nFINISH stop STOP\nANNOTATION raw={'type':"
		  "'url_citation','url_citation':{'url':'https://x','title':"
		  "'T','start_index':1,'end_index':2}}\n"
		  "EXTRA choice='grounding_metadata':{'groundingChunks':[{'web'"
		  ":{'uri':'https://x','title':'T'}}],'groundingSupports':[{"
		  "'segment':{'startIndex':1,'endIndex':2},"
		  "'groundingChunkIndices':[0,7]}]}\nEND");
}

static void
reads_an_array_stream(void **state)
{
	(void)state;
	HEARS("[{" PARTS("{'text':'a]'}") "}]" ID "}\n,\r\n{" PARTS(
		  "{'text':'[b'}") ",'finishReason':'STOP'}]" USAGE "}\n]\n",
	    BEGUN "TEXT a][b\nFINISH stop STOP\n" USED "END");
	/* an error as an array */
	READS("[{'error':{'code':429,'message':'slow down','status':"
	      "'RESOURCE_EXHAUSTED'}}]",
	    "FAIL rate_limit google: slow down");
}

static void
row_38_calls_a_cut_stream_a_failure(void **state)
{
	(void)state;
	HEARS(EV(PARTS("{'text':'a'}") "}]" ID),
	    BEGUN "TEXT a\nFAIL cut the provider's answer ended before it was "
		  "complete");
	HEARS("[{" PARTS("{'text':'a'}") "}]" ID "}\n,{'candid",
	    BEGUN "TEXT a\nFAIL cut the provider's answer ended before it was "
		  "complete");
}

static void
row_34_reports_an_error_in_mid_stream(void **state)
{
	(void)state;
	HEARS(EV(PARTS(
		  "{'text':'a'}") "}]" ID) "{\r\n  'error': {\r\n    'code': "
					   "503,\r\n    'message': 'busy',"
					   "\r\n    'status': "
					   "'UNAVAILABLE'\r\n  }\r\n}\r\n",
	    BEGUN "TEXT a\nFAIL unavailable google: busy");
	HEARS("data: {'error':{'code':503,'message':'busy','status':"
	      "'UNAVAILABLE'}}\n\n",
	    "FAIL unavailable google: busy");
}

static void
builds_arguments_from_pieces(void **state)
{
#define PIECE(path, members)                                          \
	EV(PARTS("{'functionCall':{'partialArgs':[{'jsonPath':'" path \
		 "'," members "}],'willContinue':true}}") "}]")
	(void)state;
	HEARS(EV(PARTS("{'functionCall':{'name':'f','id':'c1','willContinue':"
		       "true},'thoughtSignature':'S'}") "}]" ID) PIECE("$.city",
		  "'stringValue':'New \\u00e9','willContinue':true")
		  PIECE("$.city", "'stringValue':'York'") PIECE("$.n",
		      "'numberValue':4.5") PIECE("$.l[0].a", "'boolValue':true")
		      PIECE("$.l[1][\\'b c\\']", "'nullValue':null") EV(PARTS(
			  "{'functionCall':{}}") ",'finishReason':'STOP'}]"),
	    BEGUN "CALL 0 id=c1 name=f signature=S\n"
		  "ARGS 0 {\\'city\\':\\'New \\\\u00e9York\\',\\'n\\':4.5,"
		  "\\'l\\':[{\\'a\\':true},{\\'b c\\':null}]}\nCALLEND 0\n"
		  "FINISH stop STOP\nEND");
	/* without an end of its own */
	HEARS(EV(PARTS(
		  "{'functionCall':{'name':'f','willContinue':true}}") "}]" ID)
		  PIECE("$.a", "'numberValue':1")
		      EV(PARTS("{'text':'t'}") ",'finishReason':'STOP'}]"),
	    BEGUN "CALL 0 name=f\nTEXT t\nARGS 0 {\\'a\\':1}\nCALLEND 0\n"
		  "FINISH stop STOP\nEND");
}

static void
fails_on_pieces_that_do_not_fit(void **state)
{
	(void)state;
#define BAD(path, why)                                                         \
	HEARS(                                                                 \
	    EV(PARTS(                                                          \
		"{'functionCall':{'name':'f','willContinue':true}}") "}]" ID)  \
		PIECE("$.a", "'numberValue':1")                                \
		    PIECE(path, "'numberValue':2"),                            \
	    BEGUN "CALL 0 name=f\nFAIL bad_answer the provider's pieces of a " \
		  "tool call do not fit together: " why)
	BAD("$.a.b", "malformed");
	BAD("a", "malformed");
	BAD("$", "malformed");
	BAD("$.", "malformed");
	BAD("$[0]", "malformed");
	BAD("$.l[-1]", "malformed");
	BAD("$.l[x]", "malformed");
	BAD("$.l[999999999]", "over a limit");
}

static void
reads_bodies_that_are_odd(void **state)
{
	(void)state;
	/* complete, though without a reason (R) */
	READS("{'candidates':[{'content':{'parts':[{'text':'t'}]}}]}",
	    "START\nTEXT t\nFINISH stop \nEND");
#define NOTHING                                                             \
	"START\nFAIL bad_answer the provider's answer has neither content " \
	"nor a reason"
	READS("{'candidates':[{'content':{'invalid-field':true},'index':0}]}",
	    NOTHING);
	READS("{'candidates':[]}", NOTHING);
	READS("{'candidates':7,'x':null}", NOTHING);
	READS("[1]", "FAIL bad_answer the provider's answer is no JSON object");
	READS("", "FAIL cut the provider ended its answer without a body");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_stream_of_text),
		cmocka_unit_test(row_18_keeps_a_call_apart_from_its_finish),
		cmocka_unit_test(row_20_maps_all_finish_reasons),
		cmocka_unit_test(tells_what_was_blocked),
		cmocka_unit_test(row_42_counts_thoughts_as_completion),
		cmocka_unit_test(row_61_carries_signatures_of_texts),
		cmocka_unit_test(reads_several_candidates),
		cmocka_unit_test(reads_pictures_and_code),
		cmocka_unit_test(reads_log_probabilities),
		cmocka_unit_test(makes_annotations_of_grounding),
		cmocka_unit_test(reads_an_array_stream),
		cmocka_unit_test(row_38_calls_a_cut_stream_a_failure),
		cmocka_unit_test(row_34_reports_an_error_in_mid_stream),
		cmocka_unit_test(builds_arguments_from_pieces),
		cmocka_unit_test(fails_on_pieces_that_do_not_fit),
		cmocka_unit_test(reads_bodies_that_are_odd),
	};

	target.kind = prov_kind_find(STR("gemini"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
