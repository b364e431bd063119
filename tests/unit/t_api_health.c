#include "api/health.h"

#include "check.h"

static struct buf out;

static const char *
page(struct api_health h, bool want)
{
	buf_reset(&out);
	if (api_health_print(&h, &out) != want)
		fail_msg("ready is not %d", want);
	buf_addc(&out, '\0');
	assert_false(out.failed);
	return out.p;
}

static void
test_live(void **state)
{
	(void)state;
	buf_reset(&out);
	api_live_print(&out);
	assert_str(buf_str(&out), "{\"status\":\"live\"}\n");
}

static void
test_ready(void **state)
{
	struct api_health h = {
		.has_conf = true, .n_models = 3, .n_usable = 1
	};

	(void)state;
	assert_string_equal(page(h, true),
	    "{\"status\":\"ready\",\"problems\":[],\"models\":3,"
	    "\"usable\":1}\n");
}

/* The last good configuration serves on, and it is told. */
static void
test_refused_newer_file(void **state)
{
	struct api_health h = { .has_conf = true,
		.n_models = 1,
		.n_usable = 1,
		.conf_problem = STR("llmgw.yaml:3: \"x\"\nis wrong") };

	(void)state;
	assert_string_equal(page(h, true),
	    "{\"status\":\"ready\",\"problems\":[\"llmgw.yaml:3: \\\"x\\\"\\n"
	    "is wrong\"],\"models\":1,\"usable\":1}\n");
}

static void
test_not_ready(void **state)
{
	struct api_health h = { .conf_problem = STR("llmgw.yaml: missing") };

	(void)state;
	assert_string_equal(page(h, false),
	    "{\"status\":\"not_ready\",\"problems\":[\"no valid configuration "
	    "has been loaded\",\"llmgw.yaml: missing\"],\"models\":0,"
	    "\"usable\":0}\n");
	h = (struct api_health){ .has_conf = true };
	assert_non_null(strstr(page(h, false), "no model is configured"));
	h.n_models = 2;
	assert_non_null(strstr(page(h, false), "circuit breakers are open"));
	h.n_usable = 2;
	(void)page(h, true);
	h.is_draining = true;
	assert_non_null(strstr(page(h, false), "shutting down"));
}

static int
setup(void **state)
{
	(void)state;
	buf_init(&out, 1 << 16);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_fini(&out);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_ready),
		cmocka_unit_test(test_refused_newer_file),
		cmocka_unit_test(test_not_ready),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
