#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "prov/quirks.h"

static const char *
vendor_of(const char *vendor, const char *base_url)
{
	struct prov_target t = { .vendor = str_z(vendor),
		.base_url = str_z(base_url) };

	return prov_quirks_of(&t)->vendor;
}

static void
by_name(void **state)
{
	static const char *const names[] = { "groq", "deepseek", "xai",
		"openrouter", "together", "mistral", "huggingface", "vllm",
		"llamacpp", "lmstudio", "ollama", "perplexity", "cerebras",
		"generic", "openai", "azure" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_true(prov_vendor_known(str_z(names[i])));
		assert_string_equal(
		    vendor_of(names[i], "https://api.mistral.ai"), names[i]);
	}
	assert_false(prov_vendor_known(STR("groc")));
	assert_false(prov_vendor_known(STR("")));
}

static void
whose_prices(void **state)
{
	static const struct {
		const char *kind, *vendor, *url, *as;
	} rows[] = {
		{ "openai", NULL, NULL, "openai" },
		{ "azure", NULL, "https://x.openai.azure.com", "azure" },
		{ "gemini", NULL, NULL, "gemini" },
		{ "openai-compatible", "groq", "https://x.example", "groq" },
		{ "openai-compatible", NULL, "https://api.groq.com/openai/v1",
		    "groq" },
		{ "openai-compatible", NULL,
		    "https://api.cohere.ai:443/compatibility/v1", "cohere" },
		{ "openai-compatible", "vllm", "https://api.cohere.ai/v1",
		    "vllm" },
		{ "openai-compatible", NULL, "http://127.0.0.1:8000/v1",
		    "openai-compatible" },
		{ "new", NULL, NULL, "generic" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(
		    prov_price_as(str_z(rows[i].kind), str_z(rows[i].vendor),
			str_z(rows[i].url)),
		    rows[i].as);
}

static void
by_host(void **state)
{
	(void)state;
	assert_string_equal(
	    vendor_of(NULL, "https://api.groq.com/openai/v1"), "groq");
	assert_string_equal(
	    vendor_of(NULL, "https://API.Mistral.AI:443/v1"), "mistral");
	assert_string_equal(
	    vendor_of(NULL, "https://x1.endpoints.huggingface.cloud/v1"),
	    "huggingface");
	assert_string_equal(
	    vendor_of(NULL, "http://localhost:11434/v1"), "ollama");
	assert_string_equal(
	    vendor_of(NULL, "http://localhost:1234"), "lmstudio");
	assert_string_equal(
	    vendor_of(NULL, "http://localhost:8000/v1"), "generic");
	/* a host that only looks like one */
	assert_string_equal(
	    vendor_of(NULL, "https://notapi.groq.com"), "generic");
	assert_string_equal(
	    vendor_of(NULL, "https://api.groq.com.evil.example"), "generic");
	assert_string_equal(
	    vendor_of(NULL, "https://h.example/api.groq.com"), "generic");
	assert_string_equal(vendor_of(NULL, ""), "generic");
	/* an unknown name: the host may still tell */
	assert_string_equal(vendor_of("nobody", "https://api.x.ai/v1"), "xai");
}

static void
strict_rows_are_whole(void **state)
{
	const struct prov_quirks *q = prov_quirks_find(STR("mistral"));

	(void)state;
	assert_true(prov_quirk_knows(q->known, STR("temperature")));
	assert_false(prov_quirk_knows(q->known, STR("user")));
	assert_true(prov_quirk_knows(q->known_message, STR("prefix")));
	assert_string_equal(
	    prov_quirk_field(q->fields, STR("seed"))->renamed, "random_seed");
	assert_null(prov_quirk_field(q->fields, STR("temperature")));
	/* what a row renames to must be known to it */
	for (const struct prov_quirk_field *f = q->fields; f->name != NULL; f++)
		assert_true(f->renamed == NULL ||
			    prov_quirk_knows(q->known, str_z(f->renamed)));
}

static void
who_reasons_by_command(void **state)
{
	const struct prov_quirks *xai = prov_quirks_find(STR("xai"));
	const struct prov_quirks *openai = prov_quirks_find(STR("openai"));

	(void)state;
	assert_false(prov_quirk_has_effort(xai, STR("grok-4")));
	assert_false(prov_quirk_has_effort(xai, STR("grok-4-fast")));
	assert_false(prov_quirk_has_effort(xai, STR("grok-code-fast-1")));
	assert_true(prov_quirk_has_effort(xai, STR("grok-3-mini")));
	assert_true(prov_quirk_has_effort(xai, STR("grok-4.3")));
	assert_false(prov_quirk_has_effort(openai, STR("gpt-4o-mini")));
	assert_true(prov_quirk_has_effort(openai, STR("gpt-5")));
	assert_true(prov_quirk_has_effort(openai, STR("grok-4")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_name),
		cmocka_unit_test(by_host),
		cmocka_unit_test(whose_prices),
		cmocka_unit_test(strict_rows_are_whole),
		cmocka_unit_test(who_reasons_by_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
