/* The kinds that speak OpenAI's dialect: see fuzz_prov.h. */
#include "base/utf8.h"
#include "fuzz_prov.h"

static const char *const vendors[] = { "openai", "azure", "groq", "deepseek",
	"xai", "together", "mistral", "ollama", "perplexity", "generic" };

/* One chat request for each row of the quirk table. */
static void
build_all(struct str body)
{
	struct prov_target t = { .provider = STR("p"),
		.model = STR("gpt-5"),
		.base_url = STR("http://h/v1"),
		.on_unsupported = PROV_DROP_ALL };

	for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
		t.vendor = str_z(vendors[i]);
		t.kind = prov_kind_find(STR("openai-compatible"));
		fuzz_prov_build(&t, body);
	}
	t.kind = prov_kind_find(STR("azure"));
	fuzz_prov_build(&t, body);
}

/* Whatever came with an error status becomes a sentence. */
static void
fail_any(struct str body)
{
	static const int statuses[] = { 400, 429, 500 };
	struct prov_target t = { .provider = STR("p"),
		.base_url = STR("https://host.example/v1") };
	struct arena *a = arena_new(65536);
	struct http_headers h;
	struct msg_fail fail;

	FUZZ_CHECK(a != NULL);
	http_headers_init(&h, a);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		prov_fail_parse(&t, statuses[i], &h, body, &fail);
		FUZZ_CHECK(fail.class != MSG_FAIL_NONE);
		FUZZ_CHECK(fail.message[0] != '\0');
		FUZZ_CHECK(utf8_valid(str_z(fail.message)));
		FUZZ_CHECK(utf8_valid(str_z(fail.param)));
		FUZZ_CHECK(utf8_valid(str_z(fail.code)));
		FUZZ_CHECK(!str_case_contains(
		    str_z(fail.message), STR("host.example")));
	}
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const models[] = { "gpt-4o-mini", NULL };

	if (size > 2) {
		struct str body = str_of((const char *)data + 2, size - 2);

		fail_any(body);
		if (body.p[0] == '{')
			build_all(body);
	}
	return fuzz_prov("openai", models, data, size);
}
