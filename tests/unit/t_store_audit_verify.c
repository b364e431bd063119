#include "store_audit.h"

#include <sys/wait.h>
#include <unistd.h>

/* Days go on meanwhile. */
static enum err
add_one(struct store *s, void *arg)
{
	const int *i = arg;
	struct store_audit row = an_event(5 + *i / 100, "auth.refused", "");

	return store_audit_add(s, &row);
}

static void
test_whole(void **state)
{
	struct store_audit_verdict v;

	(void)state;
	assert_whole(0);
	fill(1);
	assert_whole(3);
	fill(0);
	for (int d = 1; d < 5; d++)
		add(an_event(d, "tenant.create", "tenant:1"));
	v = verify();
	assert_true(v.is_whole);
	assert_int_equal(v.rows, 7);
	assert_int_equal(v.first_seq, 1);
	assert_int_equal(v.end.seq, 7);
	assert_int_equal(v.end.day, FIRST_DAY + 4);
	assert_string_equal(v.why, "");
}

/* More rows than one portion. */
static void
test_many(void **state)
{
	struct store_audit row = an_event(0, "auth.refused", "key");

	(void)state;
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (int i = 0; i < 4500; i++) {
		row.at += i == 2100 ? A_DAY : 1;
		assert_int_equal(store_audit_add(bed_store, &row), ERR_OK);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
	assert_whole(4500);
}

/* Events that come late have the day of those before. */
static void
test_late(void **state)
{
	(void)state;
	add(an_event(3, "a", "x"));
	add(an_event(1, "late", "x"));
	add(an_event(4, "b", "x"));
	assert_whole(3);
}

/* Every column of every row. */
static void
test_tampering(void **state)
{
	static const struct store_sql sets[] = {
		{ "UPDATE audit SET day = day + 1 WHERE seq = ?", NULL },
		{ "UPDATE audit SET at = at + 1 WHERE seq = ?", NULL },
		{ "UPDATE audit SET actor = 'cli:eve' WHERE seq = ?", NULL },
		{ "UPDATE audit SET action = 'key.delete' WHERE seq = ?",
		    NULL },
		{ "UPDATE audit SET object = 'key:8' WHERE seq = ?", NULL },
		{ "UPDATE audit SET tenant_id = IFNULL(tenant_id, 0) + 1"
		  " WHERE seq = ?",
		    NULL },
		{ "UPDATE audit SET tenant_id = CASE WHEN tenant_id IS NULL"
		  " THEN 0 ELSE NULL END WHERE seq = ?",
		    NULL },
		{ "UPDATE audit SET result = 'denied' WHERE seq = ?", NULL },
		{ "UPDATE audit SET reason = '' WHERE seq = ?", NULL },
		{ "UPDATE audit SET address = '10.0.0.2' WHERE seq = ?", NULL },
		{ "UPDATE audit SET detail = '{}' WHERE seq = ?", NULL },
		{ "UPDATE audit SET source_id = CASE WHEN source_id IS NULL"
		  " THEN x'00' ELSE NULL END WHERE seq = ?",
		    NULL },
		{ "UPDATE audit SET hash = x'00' WHERE seq = ?", NULL },
		{ "UPDATE audit SET hash ="
		  " x'000102030405060708090a0b0c0d0e0f"
		  "000102030405060708090a0b0c0d0e0f' WHERE seq = ?",
		    NULL },
		/* from one column into the next */
		{ "UPDATE audit SET actor = 'cli:ki', action = 'm' || action"
		  " WHERE seq = ?",
		    NULL },
	};
	static const struct store_sql keep = {
		"CREATE TEMPORARY TABLE kept AS SELECT * FROM audit", NULL
	};
	static const struct store_sql back[] = {
		{ "DELETE FROM audit", NULL },
		{ "INSERT INTO audit SELECT * FROM kept", NULL },
	};

	(void)state;
	make_schema();
	fill(3);
	without_triggers();
	run(&keep, NULL, 0);
	for (size_t i = 0; i < COUNT(sets); i++)
		for (int64_t seq = 1; seq <= 9; seq++) {
			struct store_audit_verdict v;
			struct store_value row = store_int(seq);

			run(&sets[i], &row, 1);
			v = verify();
			if (v.is_whole || v.bad_seq != seq)
				fail_msg("row %lld: '%s' was not found: %s",
				    (long long)seq, sets[i].text, v.why);
			run(&back[0], NULL, 0);
			run(&back[1], NULL, 0);
		}
	assert_whole(9);
}

static void
test_missing(void **state)
{
	static const struct store_sql drop[] = {
		{ "DELETE FROM audit WHERE seq = 5", NULL },
		{ "DELETE FROM audit WHERE seq >= 8", NULL },
		{ "DELETE FROM audit WHERE seq <= 3", NULL },
		{ "DELETE FROM audit", NULL },
	};
	static const struct store_sql shift = {
		"UPDATE audit SET seq = seq - 1 WHERE seq > 5",
		"UPDATE audit SET seq = seq - 1 WHERE seq > 5 ORDER BY seq"
	};

	(void)state;
	make_schema();
	fill(3);
	without_triggers();
	run(&drop[0], NULL, 0);
	assert_bad(5, "row 5 is missing");
	run(&shift, NULL, 0);
	assert_bad(5, "row 5, or the one before it");
	run(&drop[1], NULL, 0);
	run(&drop[2], NULL, 0);
	assert_bad(1, "row 1 is missing");
	run(&drop[3], NULL, 0);
	assert_bad(1, "rows 1 to 9 are missing at the end");
}

static void
test_end(void **state)
{
	static const struct store_sql sql[] = {
		{ "DELETE FROM audit WHERE seq >= 8", NULL },
		{ "UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM"
		  " audit WHERE seq = 7) WHERE day = 0 OR seq = 9",
		    NULL },
		{ "DELETE FROM audit_head WHERE day = 0", NULL },
	};
	struct store_audit_check check = { 0 };
	struct store_audit_verdict v;

	(void)state;
	make_schema();
	fill(3);
	check.known = verify().end;
	without_triggers();
	run(&sql[0], NULL, 0);
	assert_bad(8, "rows 8 to 9 are missing at the end");
	/* Who changes the heads too is told by a head that was kept. */
	run(&sql[1], NULL, 0);
	assert_whole(7);
	v = verify_with(&check);
	assert_false(v.is_whole);
	assert_int_equal(v.bad_seq, 8);
	assert_non_null(strstr(v.why, "ends before row 9"));
	run(&sql[2], NULL, 0);
	assert_bad(7, "behind the end");
}

/* All of it written anew, with heads that fit. */
static void
test_written_anew(void **state)
{
	static const struct store_sql empty[] = {
		{ "DELETE FROM audit", NULL },
		{ "DELETE FROM audit_head", NULL },
	};
	struct store_audit_check check = { 0 };
	struct store_audit_verdict v;

	(void)state;
	make_schema();
	fill(2);
	check.known = verify().end;
	without_triggers();
	run(&empty[0], NULL, 0);
	run(&empty[1], NULL, 0);
	for (int i = 0; i < 7; i++)
		add(an_event(0, "nothing", "to see"));
	assert_whole(7);
	v = verify_with(&check);
	assert_false(v.is_whole);
	assert_int_equal(v.bad_seq, 6);
	assert_non_null(strstr(v.why, "head was kept"));
}

static void
test_heads(void **state)
{
	static const struct store_sql sql[] = {
		{ "UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE"
		  " seq = 2) WHERE seq = 3",
		    NULL },
		{ "UPDATE audit_head SET seq = 2 WHERE seq = 3", NULL },
		{ "DELETE FROM audit_head WHERE seq = 2", NULL },
		{ "INSERT INTO audit_head (day, seq, hash) SELECT 20002, seq,"
		  " hash FROM audit WHERE seq = 6",
		    NULL },
		{ "UPDATE audit_head SET hash = x'01' WHERE day = 20000",
		    NULL },
	};

	(void)state;
	fill(2);
	run(&sql[3], NULL, 0);
	assert_bad(0, "a day after the last row");
	run(&sql[0], NULL, 0);
	assert_bad(3, "not the last row of that day");
	run(&sql[1], NULL, 0);
	assert_bad(3, "the head of 2024-10-04");
	run(&sql[2], NULL, 0);
	assert_bad(3, "the head of 2024-10-04 is missing");
}

static void
test_broken_head(void **state)
{
	static const struct store_sql sql = {
		"UPDATE audit_head SET hash = x'01' WHERE day = 20000", NULL
	};

	(void)state;
	fill(2);
	run(&sql, NULL, 0);
	assert_bad(0, "a head is not as it was written");
}

static void
test_from_a_day(void **state)
{
	static const struct store_sql change = {
		"UPDATE audit SET actor = 'eve' WHERE seq = 2", NULL
	};
	struct store_audit_check check = { .from_day = FIRST_DAY + 1 };
	struct store_audit_verdict v;

	(void)state;
	make_schema();
	fill(3);
	without_triggers();
	run(&change, NULL, 0);
	v = verify_with(&check);
	assert_true(v.is_whole);
	assert_int_equal(v.first_seq, 4);
	assert_int_equal(v.rows, 6);
	check.from_day = FIRST_DAY;
	assert_false(verify_with(&check).is_whole);
	check.from_day = FIRST_DAY + 9;
	v = verify_with(&check);
	assert_true(v.is_whole);
	assert_int_equal(v.rows, 0);
}

/* Others write while it is read: that is no damage. */
static void
test_while_others_write(void **state)
{
	enum {
		WRITERS = 2,
		EACH = 400
	};
	pid_t pid[WRITERS];
	int code, looks = 0;

	(void)state;
	fill(2);
	for (int w = 0; w < WRITERS; w++) {
		pid[w] = fork();
		assert_true(pid[w] >= 0);
		if (pid[w] != 0)
			continue;
		bed_store = bed_open(NULL);
		for (int i = 0; i < EACH; i++)
			if (store_atomically(bed_store, add_one, &i) != ERR_OK)
				_exit(1);
		_exit(0);
	}
	for (int w = 0; w < WRITERS;) {
		struct store_audit_verdict v = verify();

		assert_string_equal(v.why, "");
		looks++;
		if (waitpid(pid[w], &code, WNOHANG) == pid[w]) {
			assert_int_equal(code, 0);
			w++;
		}
	}
	assert_whole(6 + WRITERS * EACH);
	print_message("#| %d looks at a chain that grew\n", looks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_whole),
		BED_TEST(test_many),
		BED_TEST(test_late),
		BED_TEST_EMPTY(test_tampering),
		BED_TEST_EMPTY(test_missing),
		BED_TEST_EMPTY(test_end),
		BED_TEST_EMPTY(test_written_anew),
		BED_TEST(test_heads),
		BED_TEST(test_broken_head),
		BED_TEST(test_while_others_write),
		BED_TEST_EMPTY(test_from_a_day),
	};

	return bed_run("audit: verify", tests, COUNT(tests));
}
