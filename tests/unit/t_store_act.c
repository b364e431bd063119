#include "store/act.h"

#include "store_people.h"

#include <pthread.h>

static const struct store_sql sql[] = {
	{ "SELECT COUNT(*) FROM audit WHERE actor = 'cli:kim' AND"
	  " action = 'team.create' AND object = 'team:4' AND tenant_id = 2"
	  " AND result = 'ok' AND reason = 'asked for' AND address = ''"
	  " AND detail = '{\"name\":\"red\"}' AND source_id IS NULL"
	  " AND seq = 1 AND at > 0 AND day = at / 86400000000",
	    "SELECT COUNT(*) FROM audit WHERE actor = 'cli:kim' AND"
	    " action = 'team.create' AND object = 'team:4' AND tenant_id = 2"
	    " AND result = 'ok' AND reason = 'asked for' AND address = ''"
	    " AND detail = '{\"name\":\"red\"}' AND source_id IS NULL"
	    " AND seq = 1 AND at > 0 AND day = at DIV 86400000000" },
	{ "SELECT COUNT(*) FROM change_log WHERE sort = 'team' AND"
	  " object_id = 4 AND at > 0",
	    NULL },
	{ "SELECT COUNT(*) FROM audit", NULL },
	{ "SELECT COUNT(*) FROM change_log", NULL },
	{ "SELECT MAX(seq) FROM audit", NULL },
	/* Where the audit and the log have another order. */
	{ "SELECT COUNT(*) FROM audit a JOIN change_log c"
	  " ON a.object = 'team:' || c.object_id WHERE a.seq <>"
	  " c.seq - (SELECT MIN(seq) FROM change_log) + 1",
	    NULL },
	{ "SELECT COUNT(*) FROM audit a JOIN change_log c"
	  " ON a.object = 'team:' || c.object_id JOIN audit b"
	  " JOIN change_log d ON b.object = 'team:' || d.object_id"
	  " WHERE a.seq < b.seq AND c.seq > d.seq",
	    NULL },
	STORE_SQL_END,
};

static enum err
note(struct store *s, void *arg)
{
	const struct store_act act = { STR("cli:kim"), STR("asked for"),
		{ 0 } };
	enum err e = store_act_note(s, &act, "team.create", STR("team:4"), 2,
	    STR("{\"name\":\"red\"}"), "team", 4);

	return e != ERR_OK || arg == NULL ? e : *(enum err *)arg;
}

static void
test_one_row_each(void **state)
{
	(void)state;
	assert_int_equal(store_atomically(bed_store, note, NULL), ERR_OK);
	assert_int_equal(count(&sql[0]), 1);
	assert_int_equal(count(&sql[1]), 1);
	assert_int_equal(count(&sql[2]), 1);
	assert_int_equal(count(&sql[3]), 1);
}

/* A change that fails has never been. */
static void
test_with_the_change(void **state)
{
	enum err e = ERR_DENIED;

	(void)state;
	assert_int_equal(store_atomically(bed_store, note, &e), ERR_DENIED);
	assert_int_equal(count(&sql[2]), 0);
	assert_int_equal(count(&sql[3]), 0);
}

#define WRITERS 4
#define NOTES 20

struct writer {
	pthread_t thread;
	struct store *store;
	int64_t first; /* id of what it changes; each its own */
	unsigned failed;
};

static enum err
note_own(struct store *s, void *arg)
{
	const struct store_act act = { STR("cli:kim"), { 0 }, { 0 } };
	int64_t id = *(const int64_t *)arg;
	char object[32];
	int n = snprintf(object, sizeof(object), "team:%lld", (long long)id);

	return store_act_note(s, &act, "team.set", str_of(object, (size_t)n), 0,
	    (struct str){ 0 }, "team", id);
}

static void *
write_notes(void *arg)
{
	struct writer *w = arg;

	for (int64_t i = 0; i < NOTES; i++) {
		int64_t id = w->first + i;

		w->failed +=
		    store_atomically(w->store, note_own, &id) != ERR_OK;
	}
	return NULL;
}

/*
 * Many at once stand in line: no gap in the chain, none lost, and the log has
 * the order of the chain, so that a reader misses nothing.
 */
static void
test_at_once(void **state)
{
	static const struct store_options patient = {
		.timeout = 60 * USEC_PER_SEC,
	};
	struct writer w[WRITERS] = { 0 };

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		w[i].store = bed_open(&patient);
		w[i].first = 1000 * (i + 1);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(
		    pthread_create(&w[i].thread, NULL, write_notes, &w[i]), 0);
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		store_close(w[i].store);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(w[i].failed, 0);
	assert_int_equal(count(&sql[2]), WRITERS * NOTES);
	assert_int_equal(count(&sql[3]), WRITERS * NOTES);
	assert_int_equal(count(&sql[4]), WRITERS * NOTES);
	/* Rolled back tries leave gaps in MariaDB's numbers, no other order. */
	if (!bed_is_mariadb())
		assert_int_equal(count(&sql[5]), 0);
	else
		assert_int_equal(count(&sql[6]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_one_row_each),
		BED_TEST(test_with_the_change),
		BED_TEST(test_at_once),
	};

	return bed_run("act", tests, COUNT(tests));
}
