#include "api/msg.h"

#include "check.h"

static void
every_parameter_has_a_row(void **state)
{
	int i, k;

	(void)state;
	for (i = 0; i < MSG_P__MAX; i++) {
		assert_non_null(msg_param_table[i].name);
		for (k = 0; k < i; k++)
			assert_string_not_equal(
			    msg_param_table[i].name, msg_param_table[k].name);
	}
}

static void
numbers(void **state)
{
	static const struct {
		const char *raw;
		bool is_int;
		int64_t want;
	} rows[] = {
		{ "12", true, 12 },
		{ "-3", true, -3 },
		{ "1.0", true, 1 },
		{ "1e3", true, 1000 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "1.5", false, 0 },
		{ "1e300", false, 0 },
		{ "true", false, 0 },
		{ "\"5\"", false, 0 },
	};
	struct msg_request r = { 0 };
	int64_t i64;
	double d;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		r.param[MSG_P_SEED] = str_z(rows[i].raw);
		assert_int_equal(
		    msg_param_i64(&r, MSG_P_SEED, &i64), rows[i].is_int);
		if (rows[i].is_int)
			assert_true(i64 == rows[i].want);
	}
	assert_false(msg_param_i64(&r, MSG_P_N, &i64));
	assert_false(msg_param_double(&r, MSG_P_TOP_P, &d));
	r.param[MSG_P_TOP_P] = STR("0.25");
	assert_true(msg_param_double(&r, MSG_P_TOP_P, &d));
	assert_true(d == 0.25);
}

static void
truth(void **state)
{
	struct msg_request r = { 0 };

	(void)state;
	assert_false(msg_param_true(&r, MSG_P_STORE));
	r.param[MSG_P_STORE] = STR("false");
	assert_false(msg_param_true(&r, MSG_P_STORE));
	r.param[MSG_P_STORE] = STR("true");
	assert_true(msg_param_true(&r, MSG_P_STORE));
}

static void
max_tokens(void **state)
{
	struct msg_request r = { 0 };

	(void)state;
	assert_int_equal(msg_max_tokens(&r, 9), 9);
	r.param[MSG_P_MAX_TOKENS] = STR("-1");
	assert_int_equal(msg_max_tokens(&r, 9), 9);
	r.param[MSG_P_MAX_TOKENS] = STR("5");
	assert_int_equal(msg_max_tokens(&r, 9), 5);
	r.param[MSG_P_MAX_COMPLETION_TOKENS] = STR("6");
	assert_int_equal(msg_max_tokens(&r, 9), 6);
	r.param[MSG_P_MAX_COMPLETION_TOKENS] = STR("-1");
	assert_int_equal(msg_max_tokens(&r, 9), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_parameter_has_a_row),
		cmocka_unit_test(numbers),
		cmocka_unit_test(truth),
		cmocka_unit_test(max_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
