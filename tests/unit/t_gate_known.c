#include "gate/known.h"

#include "check.h"

/* Person i is key i of user 10 + i % 2 of tenant 100; its id begins with i. */
static const unsigned char *
id(unsigned char i)
{
	static unsigned char bytes[HASH_KEY_BYTES];

	bytes[0] = i;
	return bytes;
}

static void
put(struct gate_known *k, unsigned char i)
{
	const struct store_person facts = { .tenant_id = 100,
		.user_id = 10 + i % 2,
		.key_id = i,
		.key = STR("k") };
	struct gate_person *p;

	assert_int_equal(gate_person_new(&facts, &p), ERR_OK);
	gate_known_put(k, id(i), p);
	gate_person_unref(p);
}

static enum gate_refusal
find(struct gate_known *k, unsigned char i)
{
	struct gate_person *p = NULL;
	enum gate_refusal r = gate_known_find(k, id(i), &p);

	assert_int_equal(r == GATE_WELCOME, p != NULL);
	if (p)
		assert_int_equal(p->facts.key_id, i);
	return r;
}

static void
change(struct gate_known *k, enum gate_change_sort sort, int64_t which)
{
	const struct gate_change c = { sort, which };

	gate_known_change(k, &c);
}

static struct gate_known *
make(uint32_t max_people)
{
	struct gate_known *k = gate_known_new();

	assert_non_null(k);
	clock_set(1000 * USEC_PER_SEC, 2000 * USEC_PER_SEC);
	gate_known_limit(k, max_people);
	return k;
}

static void
test_changes_concern_who_belongs_to_it(void **state)
{
	static const struct {
		struct gate_change change;
		bool drops_1, drops_2; /* 1: user 11, 2: user 10 */
	} rows[] = {
		{ { GATE_CHANGE_USER, 11 }, true, false },
		{ { GATE_CHANGE_USER, 10 }, false, true },
		{ { GATE_CHANGE_TENANT, 100 }, true, true },
		{ { GATE_CHANGE_TENANT, 101 }, false, false },
		{ { GATE_CHANGE_KEY, 10 }, false, false },
		{ { GATE_CHANGE_KEY, 2 }, false, true },
		{ { GATE_CHANGE_ALL, 0 }, true, true },
	};
	struct gate_known *k = make(4);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		put(k, 1);
		put(k, 2);
		assert_int_equal(find(k, 1), GATE_WELCOME);
		change(k, rows[i].change.sort, rows[i].change.id);
		assert_int_equal(
		    find(k, 1), rows[i].drops_1 ? GATE_AWAY : GATE_WELCOME);
		assert_int_equal(
		    find(k, 2), rows[i].drops_2 ? GATE_AWAY : GATE_WELCOME);
	}
	gate_known_free(k);
}

/* More changes than are remembered: who was not asked for is looked up. */
static void
test_many_changes(void **state)
{
	struct gate_known *k = make(4);

	(void)state;
	put(k, 1);
	put(k, 2);
	for (int i = 0; i < 600; i++) {
		change(k, GATE_CHANGE_KEY, 1000 + i);
		if (i == 300)
			assert_int_equal(find(k, 1), GATE_WELCOME);
	}
	assert_int_equal(find(k, 1), GATE_WELCOME);
	assert_int_equal(find(k, 2), GATE_AWAY);
	gate_known_free(k);
}

static void
test_least_recently_seen_goes(void **state)
{
	struct gate_known *k = make(4);

	(void)state;
	for (unsigned char i = 1; i <= 4; i++)
		put(k, i);
	assert_int_equal(find(k, 1), GATE_WELCOME);
	put(k, 5); /* drives out 2 */
	assert_int_equal(find(k, 2), GATE_AWAY);
	assert_int_equal(find(k, 1), GATE_WELCOME);
	put(k, 5); /* the same one drives out nobody */
	assert_int_equal(gate_known_count(k), 4);
	assert_int_equal(find(k, 3), GATE_WELCOME);
	gate_known_limit(k, 1);
	assert_int_equal(gate_known_count(k), 1);
	assert_int_equal(find(k, 3), GATE_WELCOME);
	gate_known_free(k);
}

static void
test_not_found(void **state)
{
	struct gate_known *k = make(4);

	(void)state;
	assert_int_equal(find(k, 9), GATE_AWAY);
	gate_known_put_unknown(k, id(9), GATE_FOREIGN);
	assert_int_equal(find(k, 9), GATE_FOREIGN);
	change(k, GATE_CHANGE_KEY, 1); /* it may be this one */
	assert_int_equal(find(k, 9), GATE_AWAY);
	gate_known_put_unknown(k, id(9), GATE_UNKNOWN);
	clock_set(1000 * USEC_PER_SEC + GATE_UNKNOWN_FOR, 0);
	assert_int_equal(find(k, 9), GATE_AWAY);
	gate_known_free(k);
}

static void
test_forget(void **state)
{
	struct gate_known *k = make(4);

	(void)state;
	put(k, 1);
	gate_known_put_unknown(k, id(9), GATE_UNKNOWN);
	gate_known_forget_unknown(k);
	assert_int_equal(find(k, 9), GATE_AWAY);
	assert_int_equal(find(k, 1), GATE_WELCOME);
	gate_known_put_unknown(k, id(9), GATE_UNKNOWN);
	gate_known_forget(k);
	assert_int_equal(find(k, 9), GATE_AWAY);
	assert_int_equal(find(k, 1), GATE_AWAY);
	assert_int_equal(gate_known_count(k), 0);
	gate_known_free(k);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_concern_who_belongs_to_it),
		cmocka_unit_test(test_many_changes),
		cmocka_unit_test(test_least_recently_seen_goes),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
