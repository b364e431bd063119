#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov_run.h"

/* The template is a provider like any other: what it shows must be right. */
static const struct prov_run stream = { .kind = "skeleton", .stream = true };

static void
builds(void **state)
{
	struct prov_build b = { .kind = "skeleton", .stream = true };
	char *url, *z;

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":"
	    "\"r\\n\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	    "\"text\":\"q\"}]}],\"max_tokens\":9,\"temperature\":0.50,"
	    "\"seed\":1}",
	    "{\"model\":\"model-1\",\"turns\":[{\"who\":\"rules\",\"say\":"
	    "\"r\\n\"},{\"who\":\"human\",\"say\":\"q\"}],\"limit\":9,"
	    "\"heat\":0.50,\"flow\":true}",
	    "seed");
	z = prov_build(&b,
	    "{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":"
	    "\"q\"}]}",
	    NULL, &url);
	assert_string_equal(url, "https://skeleton.invalid/v1/talk");
	free(url);
	free(z);
}

static void
refuses_what_it_cannot_say(void **state)
{
	struct prov_build b = { .kind = "skeleton" };

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":[{"
	    "\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;"
	    "base64,AAAA\"}}]}]}",
	    "FAIL invalid messages[0].content: messages[0].content is not "
	    "supported by the model's provider (prov)",
	    NULL);
}

static void
answers(void **state)
{
	(void)state;
	prov_run_is(&stream,
	    "data: {\"id\":\"x\",\"model\":\"m\"}\n\ndata: "
	    "{\"say\":\"Hel\"}\n\n"
	    "data: {\"say\":\"lo\"}\n\ndata: {\"why\":\"end\",\"tokens\":{"
	    "\"in\":5,\"out\":7}}\n\n",
	    "START id=x model=m\nTEXT 0 Hel\nTEXT 0 lo\nFINISH 0 stop\n"
	    "USAGE prompt=5 completion=7\nEND\n");
	prov_run_is(&stream, "{\"id\":\"x\",\"say\":\"Hi\",\"why\":\"tired\"}",
	    "START id=x\nTEXT 0 Hi\nFINISH 0 stop native=tired\nEND\n");
}

static void
failures(void **state)
{
	(void)state;
	prov_run_is(&stream, "data: {\"id\":\"x\",\"say\":\"Hi\"}\n\n",
	    "START id=x\nTEXT 0 Hi\nFAIL cut: the provider's answer broke off "
	    "before its end\n");
	prov_run_is(&stream,
	    "data: {\"oops\":{\"message\":\"no\",\"code\":429}}\n\n",
	    "FAIL rate_limit: prov: no\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds),
		cmocka_unit_test(refuses_what_it_cannot_say),
		cmocka_unit_test(answers),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
