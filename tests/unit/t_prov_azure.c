#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov_run.h"

#define BODY(more)                                                       \
	"{\"model\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":" \
	"\"q\"}]" more "}"
#define SENT(more)                                                           \
	"{\"model\":\"dep 1\",\"messages\":[{\"role\":\"user\",\"content\":" \
	"\"q\"}]" more "}"

static const struct prov_build classic = { .kind = "azure",
	.model = "dep 1",
	.base_url = "https://res.openai.azure.com" };

static void
check_url(const struct prov_build *b, const char *want)
{
	char *url, *z = prov_build(b, BODY(""), NULL, &url);

	assert_string_equal(url, want);
	free(url);
	free(z);
}

static void
three_surfaces(void **state)
{
	struct prov_build b = classic;

	(void)state;
	check_url(&b, "https://res.openai.azure.com/openai/deployments/"
		      "dep%201/chat/completions?api-version=2024-10-21");
	b.api_version = "2025-03-01-preview";
	check_url(&b,
	    "https://res.openai.azure.com/openai/deployments/"
	    "dep%201/chat/completions?api-version=2025-03-01-preview");
	b.base_url = "https://res.openai.azure.com/openai/deployments/other";
	check_url(&b, "https://res.openai.azure.com/openai/deployments/"
		      "other/chat/completions?api-version=2025-03-01-preview");
	b.base_url = "https://res.openai.azure.com/openai/v1/";
	check_url(
	    &b, "https://res.openai.azure.com/openai/v1/chat/completions");
	b.base_url = "https://res.services.ai.azure.com/models";
	b.api_version = NULL;
	check_url(&b, "https://res.services.ai.azure.com/models/chat/"
		      "completions?api-version=2024-05-01-preview");
}

static void
row_72_the_family_decides(void **state)
{
	struct prov_build b = classic;

	(void)state;
	prov_build_is(
	    &b, BODY(",\"max_tokens\":5"), SENT(",\"max_tokens\":5"), NULL);
	b.family = "gpt-5-mini";
	prov_build_is(&b, BODY(",\"max_tokens\":5,\"temperature\":0"),
	    SENT(",\"max_completion_tokens\":5"), "temperature");
	check_url(&b,
	    "https://res.openai.azure.com/openai/deployments/dep%201/chat/"
	    "completions?api-version=2025-01-01-preview");
}

static void
what_older_versions_know(void **state)
{
	struct prov_build b = classic;

	(void)state;
	b.stream = true;
	b.api_version = "2024-06-01";
	prov_build_is(&b, BODY(",\"max_completion_tokens\":5"),
	    SENT(",\"max_tokens\":5,\"stream\":true"), NULL);
	b.api_version = "2025-01-01-preview";
	prov_build_is(&b, BODY(",\"max_completion_tokens\":5"),
	    SENT(",\"max_completion_tokens\":5,\"stream\":true,"
		 "\"stream_options\":{\"include_usage\":true}"),
	    NULL);
}

static void
no_name_for_a_deployment(void **state)
{
	struct prov_build b = classic;
	char *z;

	(void)state;
	b.model = "..";
	z = prov_build(&b, BODY(""), NULL, NULL);
	assert_string_equal(z, "FAIL internal : the model .. of provider prov "
			       "cannot be a deployment");
	free(z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_surfaces),
		cmocka_unit_test(row_72_the_family_decides),
		cmocka_unit_test(what_older_versions_know),
		cmocka_unit_test(no_name_for_a_deployment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
