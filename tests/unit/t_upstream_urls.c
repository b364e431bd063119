#include "upstream/urls.h"

#include <stdio.h>

#include "check.h"

static struct urls urls;

static int
teardown(void **state)
{
	(void)state;
	urls_fini(&urls);
	return 0;
}

static void
assert_part(const struct urls_entry *e, CURLUPart part, const char *want)
{
	char *got = NULL;

	assert_int_equal(curl_url_get(e->parsed, part, &got, 0), CURLUE_OK);
	assert_string_equal(got, want);
	curl_free(got);
}

static void
test_kept(void **state)
{
	struct str text = STR("https://api.example.com:8443/v1/x?y=z");
	struct urls_entry *a = urls_take(&urls, text), *b;
	CURLU *parsed;

	(void)state;
	assert_non_null(a);
	parsed = a->parsed;
	assert_part(a, CURLUPART_SCHEME, "https");
	assert_part(a, CURLUPART_HOST, "api.example.com");
	assert_part(a, CURLUPART_PORT, "8443");
	assert_part(a, CURLUPART_PATH, "/v1/x");
	assert_part(a, CURLUPART_QUERY, "y=z");
	b = urls_take(&urls, text);
	assert_ptr_equal(b, a);
	assert_ptr_equal(b->parsed, parsed);
	urls_put(a);
	urls_put(b);
	b = urls_take(&urls, text);
	assert_ptr_equal(b->parsed, parsed);
	urls_put(b);
	urls_put(NULL);
}

/* Many more than there are places: nobody is given another's. */
static void
test_places(void **state)
{
	struct urls_entry *e[4 * URLS_MAX];
	char text[4 * URLS_MAX][64];
	unsigned kept = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 4 * URLS_MAX; i++) {
			snprintf(
			    text[i], sizeof(text[i]), "http://host-%d:1/v1", i);
			e[i] = urls_take(&urls, str_z(text[i]));
			kept += e[i] != NULL;
		}
		for (int i = 0; i < 4 * URLS_MAX; i++) {
			if (!e[i])
				continue;
			assert_int_equal(e[i]->users, 1);
			assert_part(e[i], CURLUPART_URL, text[i]);
			urls_put(e[i]);
		}
	}
	assert_true(kept > 0 && kept <= 2 * URLS_MAX);
}

static void
test_not_kept(void **state)
{
	static char text[URLS_BYTES_MAX + 2] = "http://h/";

	(void)state;
	assert_null(urls_take(&urls, STR("")));
	assert_null(urls_take(&urls, STR("http://a b/")));
	assert_null(urls_take(&urls, str_of("http://a\0b/", 11)));
	memset(text + 9, 'x', sizeof(text) - 10);
	assert_null(urls_take(&urls, str_z(text)));
	text[URLS_BYTES_MAX] = '\0';
	urls_put(urls_take(&urls, str_z(text)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_kept, teardown),
		cmocka_unit_test_teardown(test_places, teardown),
		cmocka_unit_test_teardown(test_not_kept, teardown),
	};

	return cmocka_run_group_tests_name("upstream/urls", tests, NULL, NULL);
}
