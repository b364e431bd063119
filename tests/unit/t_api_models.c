#include "api/models.h"

#include "check.h"

static void
lists_and_single_models(void **state)
{
	const struct str tags[] = { STR("chat"), STR("\"eu") };
	const struct api_model models[] = {
		{ STR("org/a:\"1"), 1700000000, STR("llmgw"), tags, 2 },
		{ STR("b"), 0, STR("x"), NULL, 0 },
	};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	api_models_print(models, 2, &b);
	assert_str(buf_str(&b),
	    "{\"object\":\"list\",\"data\":[{\"id\":\"org/a:\\\"1\","
	    "\"object\":\"model\",\"created\":1700000000,\"owned_by\":"
	    "\"llmgw\",\"tags\":[\"chat\",\"\\\"eu\"]},{\"id\":\"b\","
	    "\"object\":\"model\",\"created\":0,"
	    "\"owned_by\":\"x\"}]}");
	buf_reset(&b);
	api_models_print(NULL, 0, &b);
	assert_str(buf_str(&b), "{\"object\":\"list\",\"data\":[]}");
	buf_reset(&b);
	api_model_print(&models[1], &b);
	assert_str(buf_str(&b), "{\"id\":\"b\",\"object\":\"model\","
				"\"created\":0,\"owned_by\":\"x\"}");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_single_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
