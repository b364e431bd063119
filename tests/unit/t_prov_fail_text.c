#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov/fail.h"

static void
strips(const char *text, bool has_tags, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	prov_text_strip(&b, str_z(text), has_tags);
	buf_addc(&b, '\0');
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void
redacts(const char *text, const char *want)
{
	struct buf b;

	buf_init(&b, 4096);
	prov_text_redact(&b, str_z(text), STR("my-res.openai.azure.com"));
	buf_addc(&b, '\0');
	assert_string_equal(b.p, want);
	buf_fini(&b);
}

static void
tags(void **state)
{
	(void)state;
	strips("<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title>"
	       "<style>p { color: red }</style></head><body><h1>Sorry</h1>"
	       "<!-- <b>hidden</b> --><script>alert('<p>')</script> nginx"
	       "</body></html>",
	    true, "502 Bad Gateway Sorry nginx");
	strips("a < b and 1<2", true, "a < b and 1<2");
	strips("cut <b", true, "cut");
	strips("<script>never closed", true, "");
	strips("", true, "");
	strips("keep <tool> here", false, "keep <tool> here");
	strips("  a\r\n\tb\x7f\x01 c ", false, "a b c");
}

static void
keys(void **state)
{
	(void)state;
	redacts("Incorrect API key provided: sk-abcd1234efgh. See "
		"https://platform.openai.com/account/api-keys.",
	    "Incorrect API key provided: [redacted]. See "
	    "https://platform.openai.com/account/api-keys.");
	redacts("Incorrect API key provided: bad-key-*****test.",
	    "Incorrect API key provided: [redacted].");
	redacts("Incorrect API key provided: sk-.",
	    "Incorrect API key provided: [redacted].");
	redacts("got Bearer abc", "got Bearer [redacted]");
	redacts("key AIzaSyA1234567 and xai-abcdef and gsk_12345678",
	    "key [redacted] and [redacted] and [redacted]");
	redacts("in organization `org-REDACTED` of proj_abc123",
	    "in organization `[redacted]` of [redacted]");
	redacts("token 0123456789abcdef0123456789abcdef!", "token [redacted]!");
	redacts("'//aiplatform.googleapis.com/projects/my-proj-1/locations/x'",
	    "'//aiplatform.googleapis.com/[redacted]/locations/x'");
	redacts("for consumer 'project_number:123456789'.",
	    "for consumer '[redacted]'.");
}

static void
hosts(void **state)
{
	(void)state;
	redacts("POST https://my-res.openai.azure.com/openai/x failed",
	    "POST https://[redacted]/openai/x failed");
	redacts("xMY-res.openai.azure.com.", "x[redacted].");
}

static void
what_is_no_secret(void **state)
{
	static const char *const texts[] = {
		"The model `gpt-5.2-proo` does not exist",
		"meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
		"a key- of a sentence, the org- too, user-friendly",
		"request req_011CeCGmMJJGRCp7xgjqapmJ",
		"Unsupported value: 'messages[0].role' does not support",
		"id 2f1d-4c3e, 200000 maximum",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		redacts(texts[i], texts[i]);
	for (size_t i = 3; i < sizeof(texts) / sizeof(*texts); i++)
		redacts(texts[i], texts[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags),
		cmocka_unit_test(keys),
		cmocka_unit_test(hosts),
		cmocka_unit_test(what_is_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
