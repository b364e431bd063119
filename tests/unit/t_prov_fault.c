/*
 * Memory that runs out while providers' modules build and read: the n-th
 * block fails, for every n, once and for good. Each subject must say so or give
 * the whole right result, and leak nothing (ASan). Needs --enable-faults; says
 * so without.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/chat.h"
#include "base/fault.h"
#include "check.h"
#include "json_same.h"
#include "prov_ask.h"

static const char request[] =
    "{'model':'m','messages':[{'role':'system','content':'s'},{'role':'user',"
    "'content':[{'type':'text','text':'q'},{'type':'file','file':{'filename':"
    "'a','file_data':'data:text/plain;base64,YWI='}}]},{'role':'assistant',"
    "'thinking_blocks':[{'type':'thinking','thinking':'t','signature':'s'}],"
    "'tool_calls':[{'id':'a','type':'function','function':{'name':'f',"
    "'arguments':'{\\'x\\':1}'}},{'id':'b.c','type':'function','function':{"
    "'name':'g','arguments':''}}]},{'role':'tool','tool_call_id':'a','content'"
    ":'{\\'r\\':1}'},{'role':'tool','tool_call_id':'b.c','content':'2'}],"
    "'tools':[{'type':'function','function':{'name':'f','parameters':{'type':"
    "'object','properties':{'a':{'type':'integer','minimum':1}}}}}],'stop':["
    "'a','b'],'user':'u','reasoning_effort':'low','service_tier':'default',"
    "'web_search_options':{'user_location':{'type':'approximate',"
    "'approximate':{'city':'B'}}},'response_format':{'type':'json_schema',"
    "'json_schema':{'name':'n','schema':{'type':'object','properties':{'q':{"
    "'type':'integer','minimum':3}}}}}}";

static char *text;
static struct msg_request req;

/* The body that comes out when nothing fails, by model. */
static bool
build(const char *kind, const char *model, char **right)
{
	struct prov_target t = { .kind = prov_kind_find(str_z(kind)),
		.provider = STR("p"),
		.model = str_z(model),
		.on_unsupported = PROV_DROP_ALL };
	struct arena *a = arena_new((size_t)16 << 20);
	struct prov_call call = { &req, &t, a, true };
	struct msg_fail fail;
	struct prov_http http;
	enum err e;

	if (a == NULL)
		return false;
	prov_http_init(&http, 65536);
	e = t.kind->build(&call, &http, &fail);
	if (e != ERR_OK)
		assert_int_equal(e, ERR_NOMEM);
	if (e == ERR_OK) {
		buf_addc(&http.body, '\0');
		if (http.body.failed)
			e = ERR_NOMEM;
		else if (*right == NULL)
			*right = strdup(http.body.p);
		else
			assert_string_equal(http.body.p, *right);
	}
	prov_http_fini(&http);
	arena_free(a);
	return e == ERR_OK;
}

static char *rights[9];

static bool
build_anthropic(void)
{
	return build("anthropic", "claude-sonnet-4-5", &rights[0]);
}

static bool
build_old_anthropic(void)
{
	return build("anthropic", "claude-3-7-sonnet", &rights[1]);
}

static bool
build_gemini(void)
{
	return build("gemini", "gemini-3-pro", &rights[2]);
}

static bool
build_old_gemini(void)
{
	return build("gemini", "gemini-2.0-flash", &rights[3]);
}

struct heard {
	struct buf out;
	bool is_failed;
};

/* Texts and arguments only: extras are left out when there is no room. */
static void
hear(void *arg, const struct msg_event *ev)
{
	struct heard *h = arg;

	buf_printf(&h->out, "%d:%.*s%.*s%.*s|", (int)ev->type,
	    STR_ARG(ev->text), STR_ARG(ev->id), STR_ARG(ev->raw));
	h->is_failed |= ev->type == MSG_EV_FAIL;
}

static bool
answer(const char *kind, const char *bytes, char **right)
{
	struct prov_target t = { .kind = prov_kind_find(str_z(kind)),
		.provider = STR("p"),
		.model = STR("m") };
	struct prov_answer_options o = { true, 65536, 65536 };
	static char room[65536];
	struct heard h = {
		.out = { .p = room, .cap = sizeof(room), .max = sizeof(room) }
	};
	struct prov_answer *a =
	    t.kind->answer_new(&t, &o, (struct msg_sink){ hear, &h });
	char *json = json_quoted(bytes);
	size_t n = strlen(json);

	if (a != NULL) {
		for (size_t i = 0; i < n; i += 11)
			t.kind->answer_feed(
			    a, json + i, n - i < 11 ? n - i : 11);
		t.kind->answer_end(a);
		t.kind->answer_free(a);
	}
	free(json);
	assert_false(h.out.failed);
	if (a == NULL || h.is_failed)
		return false;
	room[h.out.n] = '\0';
	if (*right == NULL)
		*right = strdup(room);
	assert_string_equal(room, *right);
	return true;
}

#define EV(type, members) "data: {'type':'" type "'," members "}\n\n"

static bool
answer_anthropic(void)
{
	return answer("anthropic",
	    EV("message_start", "'message':{'id':'\\u0061','usage':{}}") EV(
		"content_block_start",
		"'index':0,'content_block':{'type':'thinking','thinking':"
		"'a','signature':'s'}") EV("content_block_stop", "'index':0")
		EV("content_block_start",
		    "'index':1,'content_block':{'type':'tool_use',"
		    "'id':'t\\n','name':'f','input':{'a':1}}")
		    EV("content_block_stop", "'index':1") EV(
			"message_delta", "'delta':{'stop_reason':'tool_use'}")
			EV("message_stop", "'x':1"),
	    &rights[4]);
}

static bool
answer_gemini(void)
{
	return answer("gemini",
	    "[{'responseId':'\\u0061','candidates':[{'content':{'parts':[{"
	    "'text':'t'},{'inlineData':{'mimeType':'image/png','data':'AA'}},{"
	    "'functionCall':{'name':'f','args':{'a':1}}},{'functionCall':{'"
	    "name'"
	    ":'g','willContinue':true}},{'functionCall':{'partialArgs':[{"
	    "'jsonPath':'$.a[0].b','stringValue':'x'}]}}]},'finishReason':'"
	    "STOP'"
	    ",'logprobsResult':{'chosenCandidates':[{'token':'a',"
	    "'logProbability':-1}]}}]}]",
	    &rights[5]);
}

static bool
build_openai(void)
{
	return build("openai", "gpt-5", &rights[6]);
}

#define CHUNK(members)                                                         \
	"data: {'id':'\\u0061','provider':'p','choices':[{'index':0,'seed':1," \
	"'delta':{'x':1," members "}}]}\n\n"

static bool
answer_openai(void)
{
	return answer("openai",
	    CHUNK("'content':'t'") CHUNK(
		"'tool_calls':[{'index':0,'id':'i\\n',"
		"'function':{}}]") CHUNK("'tool_calls':[{'index':0,'function':{"
					 "'name':'f',"
					 "'arguments':{'a':1}}},{'id':'b','"
					 "function':{'name':"
					 "'g','arguments':''}}]")
		CHUNK(
		    "'content':[{'type':'text','text':'u'}]") "data: "
							      "{'usage':{'"
							      "prompt_tokens':"
							      "1,'completion_"
							      "tokens':2,"
							      "'cost':3},'"
							      "choices':[{'"
							      "index':1,'delta'"
							      ":{'content':'v'}"
							      ","
							      "'finish_reason':"
							      "'stop'}]}"
							      "\n\ndata: "
							      "[DONE]\n\n",
	    &rights[7]);
}

static bool
body_openai(void)
{
	return answer("openai",
	    "{'id':'x','citations':[1],'choices':[{'message':{'content':{'a':1}"
	    "},'finish_reason':'stop'}]}",
	    &rights[8]);
}

static const struct {
	const char *name;
	bool (*run)(void);
} subjects[] = {
	{ "build anthropic", build_anthropic },
	{ "build old anthropic", build_old_anthropic },
	{ "build gemini", build_gemini },
	{ "build old gemini", build_old_gemini },
	{ "answer anthropic", answer_anthropic },
	{ "answer gemini", answer_gemini },
	{ "build openai", build_openai },
	{ "answer openai", answer_openai },
	{ "body openai", body_openai },
};
static const char *const points[] = { "arena.block", "json.tape", "map.grow",
	"buf.grow", "prov.openai" };

/* How many faults there were before all went well. */
static unsigned
torture(size_t i, const char *point, bool for_good)
{
	unsigned n = 0;
	bool ok;

	do {
		char spec[64];

		(void)snprintf(spec, sizeof(spec), "%s:%u%s", point, ++n,
		    for_good ? "+" : "");
		fault_setup(spec);
		ok = subjects[i].run();
		fault_setup(NULL);
	} while (!ok && n < 200);
	assert_true(ok);
	return n - 1;
}

static void
every_block(void **state)
{
	unsigned faults = 0;
	struct arena *a = arena_new((size_t)1 << 20);
	struct msg_fail fail;

	(void)state;
#ifndef WITH_FAULTS
	print_message("fault points are not compiled in\n");
	arena_free(a);
	skip();
#endif
	text = json_quoted(request);
	if (api_chat_parse(a, str_z(text), NULL, &req, &fail) != ERR_OK)
		fail_msg("%s", fail.message);
	for (size_t i = 0; i < COUNT(subjects); i++) {
		unsigned n = 0;

		if (!subjects[i].run())
			fail_msg("%s: fails without faults", subjects[i].name);
		for (size_t k = 0; k < COUNT(points); k++)
			n += torture(i, points[k], false) +
			     torture(i, points[k], true);
		if (n == 0)
			fail_msg("%s: no faults", subjects[i].name);
		faults += n;
	}
	print_message("survived %u faults\n", faults);
	for (size_t i = 0; i < COUNT(rights); i++)
		free(rights[i]);
	free(text);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
