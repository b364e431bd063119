#include "base/price.h"

#include "check.h"

static struct price_row
row_of(const char *provider, const char *model)
{
	struct price_row r;

	price_row_init(&r);
	r.provider = str_z(provider);
	r.model = str_z(model);
	return r;
}

static void
parents(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PRICE__MAX; i++) {
		enum price_part parent = price_part_table[i].parent;

		assert_non_null(price_part_table[i].name);
		/* so that one pass fills all children in */
		assert_true(parent == PRICE__MAX || parent < i);
	}
}

static void
compared(void **state)
{
	struct price_row a = row_of("openai", "gpt-4o");
	struct price_row b = a;

	(void)state;
	assert_true(price_row_is_empty(&a));
	assert_true(price_row_eq(&a, &b));
	b.part[PRICE_CACHED] = 0;
	assert_false(price_row_is_empty(&b));
	assert_int_equal(price_row_cmp(&a, &b), 0);
	assert_false(price_row_eq(&a, &b));
	b = a;
	b.above = 1;
	assert_true(price_row_cmp(&a, &b) < 0);
	a.is_batch = true;
	assert_true(price_row_cmp(&a, &b) > 0);
	b.model = STR("gpt-4o-mini");
	assert_true(price_row_cmp(&a, &b) < 0);
	b.provider = STR("anthropic");
	assert_true(price_row_cmp(&a, &b) > 0);
}

static void
wrong(void **state)
{
	struct price_row r = row_of("openai", "gpt-4o");
	static char long_name[PRICE_MODEL_MAX + 1];

	(void)state;
	assert_null(price_row_wrong(&r));
	r.provider = (struct str){ 0 };
	assert_string_equal(price_row_wrong(&r), "has no provider");
	r = row_of("*", "");
	assert_string_equal(price_row_wrong(&r), "has no model");
	r.model = STR("gpt 4");
	assert_non_null(price_row_wrong(&r));
	r.model = STR("gpt\n4");
	assert_non_null(price_row_wrong(&r));
	r.model = STR("gpt\xff");
	assert_non_null(price_row_wrong(&r));
	memset(long_name, 'x', sizeof(long_name));
	r.model = str_of(long_name, PRICE_MODEL_MAX);
	assert_null(price_row_wrong(&r));
	r.model.n++;
	assert_non_null(price_row_wrong(&r));
	r.model = STR("*");
	r.above = -1;
	assert_non_null(price_row_wrong(&r));
	r.above = 0;
	r.part[PRICE_PER_REQUEST] = -2;
	assert_string_equal(price_row_wrong(&r), "has a price below zero");
}

static void
texts(void **state)
{
	char text[MONEY_TEXT_SIZE];
	int64_t v = 0;

	(void)state;
	assert_int_equal(
	    price_part_parse(PRICE_OUTPUT, STR("0.60"), &v), ERR_OK);
	assert_true(v == 600000);
	price_part_print(PRICE_OUTPUT, v, text);
	assert_string_equal(text, "0.6");
	assert_int_equal(
	    price_part_parse(PRICE_PER_REQUEST, STR("$0.005"), &v), ERR_OK);
	assert_true(v == 5000000);
	price_part_print(PRICE_PER_REQUEST, v, text);
	assert_string_equal(text, "0.005");
	assert_int_equal(
	    price_part_parse(PRICE_PER_REQUEST, STR("0.005 per million"), &v),
	    ERR_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents),
		cmocka_unit_test(compared),
		cmocka_unit_test(wrong),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
