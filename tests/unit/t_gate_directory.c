/* Looking up, waiting, changes, and a database that is away. */
#include "gate/directory.h"

#include "gate_directory_help.h"

#include <stdlib.h>

static void
test_a_miss_and_then_hits(void **state)
{
	struct bed b;
	int runs;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	runs = b.fake.runs;
	for (int i = 0; i < 10; i++)
		assert_get(&b, 1, GATE_WELCOME, true);
	assert_int_equal(b.fake.runs, runs);
	tear_down(&b);
}

static void
test_nobody_is_remembered_for_a_while(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	assert_get(&b, 99, GATE_UNKNOWN, true);
	assert_int_equal(b.fake.looks, 1);
	pass(&b, GATE_UNKNOWN_FOR);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	assert_int_equal(b.fake.looks, 2);
	/* and becomes known after the change is seen */
	b.fake.row[b.fake.n].first = 99;
	b.fake.row[b.fake.n++].key_id = 99;
	change(&b, GATE_CHANGE_KEY, 99);
	pass(&b, POLL);
	assert_get(&b, 99, GATE_WELCOME, false);
	tear_down(&b);
}

static void
test_revoked_within_a_poll(void **state)
{
	struct bed b;
	struct asker a;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 2, GATE_WELCOME, false);
	b.fake.row[0].is_blocked = true;
	change(&b, GATE_CHANGE_KEY, 1);
	pass(&b, POLL);
	assert_get(&b, 2, GATE_WELCOME, true); /* not concerned */
	assert_get(&b, 1, GATE_WELCOME, false);
	ask(&b, &a, 1, 0);
	loop_turn(b.loop);
	assert_true(a.is_blocked);
	tear_down(&b);
}

static void
test_least_recently_seen_goes(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	for (unsigned char i = 1; i <= 4; i++)
		assert_get(&b, i, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, true);
	assert_get(&b, 5, GATE_WELCOME, false); /* drives out 2 */
	assert_get(&b, 1, GATE_WELCOME, true);
	assert_get(&b, 2, GATE_WELCOME, false);
	gate_directory_state(b.d, &st);
	assert_int_equal(st.n_people, 4);
	options.max_people = 1;
	gate_directory_set(b.d, &options);
	gate_directory_state(b.d, &st);
	assert_int_equal(st.n_people, 1);
	assert_get(&b, 2, GATE_WELCOME, true);
	options.max_people = 4;
	tear_down(&b);
}

static void
test_database_away(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	b.fake.is_away = true;
	pass(&b, 10 * POLL);
	assert_get(&b, 1, GATE_WELCOME, true);
	assert_get(&b, 2, GATE_AWAY, false);
	assert_get(&b, 99, GATE_AWAY, false);
	gate_directory_state(b.d, &st);
	assert_true(st.is_away);
	assert_true(st.away_for >= 10 * POLL);
	pass(&b, STALE - 11 * POLL);
	assert_get(&b, 1, GATE_WELCOME, true);
	pass(&b, 2 * POLL);
	assert_get(&b, 1, GATE_AWAY, false); /* too long */
	b.fake.is_away = false;
	pass(&b, POLL);
	assert_get(&b, 1, GATE_WELCOME, true); /* it has been there */
	assert_get(&b, 2, GATE_WELCOME, false);
	gate_directory_state(b.d, &st);
	assert_false(st.is_away);
	assert_int_equal(st.away_for, 0);
	tear_down(&b);
}

/* Who is known on the host, while the database is away. */
static void
test_known_on_the_host(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	b.fake.is_away = true;
	b.fake.known_at = clock_wall() - STALE / 2;
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, false); /* it is not kept */
	assert_get(&b, 99, GATE_AWAY, false); /* may be new */
	gate_directory_state(b.d, &st);
	assert_true(st.is_away);
	b.fake.known_at = clock_wall() - STALE - 1;
	assert_get(&b, 1, GATE_AWAY, false);
	b.fake.is_away = false;
	pass(&b, POLL);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, true);
	tear_down(&b);
}

/* A fault of one row is not the database's, and not a "no" either. */
static void
test_one_row_that_cannot_be_read(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	b.fake.is_broken = true;
	assert_get(&b, 1, GATE_AWAY, false);
	gate_directory_state(b.d, &st);
	assert_false(st.is_away);
	b.fake.is_broken = false;
	assert_get(&b, 1, GATE_WELCOME, false);
	tear_down(&b);
}

/* The same key asked for many times at once is one look-up. */
static void
test_batches(void **state)
{
	static struct asker a[300];
	struct bed b;

	(void)state;
	set_up(&b);
	for (unsigned i = 0; i < COUNT(a); i++)
		ask(&b, &a[i], 1, (unsigned char)(i % 100));
	loop_turn(b.loop);
	for (unsigned i = 0; i < COUNT(a); i++) {
		assert_int_equal(a[i].told, 1);
		assert_int_equal(a[i].refusal, GATE_WELCOME);
	}
	assert_int_equal(b.fake.looks, 100);
	assert_int_equal(b.fake.widest, GATE_BATCH_MAX);
	tear_down(&b);
}

static void
test_cancel(void **state)
{
	struct asker a, c, e;
	struct bed b;

	(void)state;
	set_up(&b);
	ask(&b, &a, 1, 0);
	ask(&b, &c, 2, 0);
	ask(&b, &e, 3, 0);
	gate_directory_cancel(b.d, &c.look);
	gate_directory_cancel(b.d, &c.look);
	a.victim = &e; /* whose answer is there, but not told yet */
	loop_turn(b.loop);
	assert_int_equal(a.told, 1);
	assert_int_equal(c.told, 0);
	assert_int_equal(e.told, 0);
	ask(&b, &a, 4, 0);
	gate_directory_cancel(b.d, &a.look);
	tear_down(&b); /* with a job under way */
	assert_int_equal(a.told, 0);
}

static void
test_not_more_than_so_many_wait(void **state)
{
	struct asker *a = calloc(GATE_LOOKS_MAX + 1, sizeof(*a));
	struct bed b;

	(void)state;
	assert_non_null(a);
	set_up(&b);
	for (uint32_t i = 0; i < GATE_LOOKS_MAX; i++)
		ask(&b, &a[i], 1, (unsigned char)i);
	a[GATE_LOOKS_MAX].look.want = want(1, 1);
	assert_false(gate_directory_look(
	    b.d, &a[GATE_LOOKS_MAX].look, on_told, &a[GATE_LOOKS_MAX]));
	loop_turn(b.loop);
	for (uint32_t i = 0; i < GATE_LOOKS_MAX; i++)
		assert_int_equal(a[i].told, 1);
	assert_int_equal(a[GATE_LOOKS_MAX].told, 0);
	tear_down(&b);
	free(a);
}

static int n_away, n_back;

static void
on_away(void *arg, bool is_away)
{
	(void)arg;
	n_away += is_away;
	n_back += !is_away;
}

static void
test_tells_of_being_away(void **state)
{
	struct gate_directory_options o = options;
	struct bed b;

	(void)state;
	n_away = n_back = 0;
	o.on_away = on_away;
	set_up(&b);
	gate_directory_set(b.d, &o);
	b.fake.is_away = true;
	pass(&b, 3 * POLL);
	assert_int_equal(n_away, 1);
	assert_int_equal(n_back, 0);
	b.fake.is_away = false;
	pass(&b, 3 * POLL);
	assert_int_equal(n_away, 1);
	assert_int_equal(n_back, 1);
	tear_down(&b);
}

/* A loop that stands still between requests. */
static void
test_refresh(void **state)
{
	struct bed b;
	usec_t later;
	int runs;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	runs = b.fake.runs;
	gate_directory_refresh(b.d);
	assert_int_equal(b.fake.runs, runs);
	later = clock_mono() + POLL;
	clock_set(later, later + 1000 * USEC_PER_SEC);
	change(&b, GATE_CHANGE_KEY, 1);
	gate_directory_refresh(b.d);
	assert_int_equal(b.fake.runs, runs + 1);
	assert_get(&b, 1, GATE_WELCOME, false);
	tear_down(&b);
}

/* Nor are those kept who were asked for before, and looked up later. */
static void
test_forget(void **state)
{
	struct asker first, second, third;
	struct bed b;

	(void)state;
	set_up(&b);
	ask(&b, &first, 1, 0);
	ask(&b, &second, 2, 0); /* in the next job */
	gate_directory_forget(b.d);
	loop_turn(b.loop);
	assert_int_equal(first.told + second.told, 2);
	assert_int_equal(second.refusal, GATE_WELCOME);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 2, GATE_WELCOME, false);
	assert_get(&b, 2, GATE_WELCOME, true);
	ask(&b, &third, 3, 0);
	loop_turn(b.loop);
	gate_directory_forget(b.d);
	assert_get(&b, 3, GATE_WELCOME, false);
	assert_get(&b, 3, GATE_WELCOME, true);
	tear_down(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_miss_and_then_hits),
		cmocka_unit_test(test_nobody_is_remembered_for_a_while),
		cmocka_unit_test(test_revoked_within_a_poll),
		cmocka_unit_test(test_least_recently_seen_goes),
		cmocka_unit_test(test_database_away),
		cmocka_unit_test(test_known_on_the_host),
		cmocka_unit_test(test_one_row_that_cannot_be_read),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_not_more_than_so_many_wait),
		cmocka_unit_test(test_tells_of_being_away),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
