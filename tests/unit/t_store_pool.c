#include "store/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"
#include "procs.h"
#include "store_bed.h"
#include "sys/stats.h"

static char why[STORE_WHY_SIZE];

static const struct store_sql one = { "SELECT 1", NULL };

static int64_t
ask(struct store *s)
{
	int64_t n = 0;

	assert_int_equal(
	    store_run(s, &one, NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

static struct store *
take(struct store_pool *p)
{
	struct store *s = NULL;

	if (store_pool_take(p, &s, why) != ERR_OK)
		fail_msg("%s", why);
	return s;
}

static void
test_keeps_what_is_given_back(void **state)
{
	struct store_pool *p = store_pool_new(bed_url(), NULL, 2);
	struct store *a = take(p), *b = take(p);

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_int_equal(ask(a), 1);
	store_pool_give(p, a, ERR_OK);
	assert_ptr_equal(take(p), a);
	/* what somebody left open is taken back */
	assert_int_equal(store_begin(a), ERR_OK);
	store_pool_give(p, a, ERR_DENIED);
	assert_ptr_equal(take(p), a);
	assert_false(store_in_transaction(a));
	store_pool_give(p, a, ERR_OK);
	store_pool_give(p, b, ERR_OK);
	assert_true(store_pool_is_up(p));
	store_pool_free(p);
	store_pool_free(NULL);
}

static void
test_all_are_taken(void **state)
{
	const struct store_options o = { .timeout = 30 * USEC_PER_MSEC };
	struct store_pool *p = store_pool_new(bed_url(), &o, 1);
	struct store *a, *b = NULL;

	(void)state;
	a = take(p);
	assert_int_equal(store_pool_take(p, &b, why), ERR_TIMEOUT);
	assert_non_null(strstr(why, "taken"));
	assert_null(b);
	assert_true(store_pool_is_up(p));
	store_pool_give(p, a, ERR_OK);
	store_pool_give(p, take(p), ERR_OK);
	store_pool_free(p);
}

/* Refused at once while it is down; one tries when the time has come. */
static void
test_away(void **state)
{
	struct store_pool *p = store_pool_new(
	    bed_is_mariadb()
		? STR("mariadb://root@localhost/x?socket=/nonexistent/s")
		: STR("sqlite:///nonexistent/x.db"),
	    NULL, 3);
	enum err as = bed_is_mariadb() ? ERR_CLOSED : ERR_NOT_FOUND;
	struct store *s;
	char first[STORE_WHY_SIZE];

	(void)state;
	clock_set(100 * USEC_PER_SEC, 0);
	assert_int_equal(store_pool_take(p, &s, first), as);
	assert_false(store_pool_is_up(p));
	assert_true(strlen(first) > 0);
	/* refused without a try says the same */
	assert_int_equal(store_pool_take(p, &s, why), as);
	assert_string_equal(why, first);
	clock_set(100 * USEC_PER_SEC + STORE_POOL_RETRY, 0);
	assert_int_equal(store_pool_take(p, &s, NULL), as);
	clock_real();
	store_pool_free(p);
}

static void
test_lost_and_found(void **state)
{
	struct store_pool *p = store_pool_new(bed_url(), NULL, 3);
	struct store *a = take(p), *b = take(p), *c = NULL;
	usec_t now = clock_mono();

	(void)state;
	clock_set(now, 0);
	store_pool_give(p, b, ERR_OK);
	store_pool_give(p, a, ERR_CLOSED);
	assert_false(store_pool_is_up(p));
	assert_int_equal(store_pool_take(p, &c, why), ERR_CLOSED);
	clock_set(now + STORE_POOL_RETRY, 0);
	c = take(p);
	assert_true(store_pool_is_up(p));
	clock_real();
	assert_int_equal(ask(c), 1);
	store_pool_give(p, c, ERR_OK);
	store_pool_free(p);
}

/* ---- a server that does not answer ---------------------------------------- */

/* From the file that tests/tools/mariadb_bed.py has made beside the socket. */
static pid_t
server_pid(void)
{
	char path[300], text[32] = "";
	int64_t pid = 0;
	char *slash;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s", bed_socket());
	slash = strrchr(path, '/');
	assert_non_null(slash);
	(void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/pid");
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	assert_int_equal(num_parse_i64(str_trim(str_z(text)), &pid), ERR_OK);
	return (pid_t)pid;
}

static pid_t held;

static int
let_go(void **state)
{
	clock_real();
	if (held > 0)
		(void)kill(held, SIGCONT);
	held = 0;
	return bed_teardown(state);
}

/*
 * It takes connections (the system does) and says nothing. One statement and
 * one try to connect wait for their time-out; nobody else waits.
 */
static void
test_held(void **state)
{
	const struct store_options o = { .timeout = USEC_PER_SEC };
	struct store_pool *p;
	struct store *a, *b, *c = NULL;
	usec_t now = clock_mono();

	(void)state;
	if (!bed_is_mariadb())
		skip();
	(void)alarm(120);
	p = store_pool_new(bed_url(), &o, 3);
	a = take(p);
	b = take(p);
	assert_int_equal(ask(a), 1);
	store_pool_give(p, b, ERR_OK);
	held = server_pid();
	procs_hold(held);
	assert_int_equal(store_run(a, &one, NULL, 0, NULL, NULL), ERR_CLOSED);
	clock_set(now, 0);
	store_pool_give(p, a, ERR_CLOSED);
	assert_false(store_pool_is_up(p));
	/* the idle one is not lent either */
	assert_int_equal(store_pool_take(p, &c, why), ERR_CLOSED);
	clock_set(now + STORE_POOL_RETRY, 0);
	assert_int_equal(store_pool_take(p, &c, why), ERR_CLOSED);
	assert_int_equal(kill(held, SIGCONT), 0);
	held = 0;
	clock_set(now + 2 * STORE_POOL_RETRY, 0);
	c = take(p);
	clock_real();
	assert_int_equal(ask(c), 1);
	store_pool_give(p, c, ERR_OK);
	assert_true(store_pool_is_up(p));
	store_pool_free(p);
	(void)alarm(0);
}

/*
 * One worker has waited: the others do not, though their connections seem well,
 * and one of them at a time tries whether it is over.
 */
static void
test_held_for_all(void **state)
{
	const struct store_options o = { .timeout = USEC_PER_SEC };
	struct store_pool *p[3];
	struct store *s[3], *c = NULL;
	struct shm *shm;
	usec_t now;

	(void)state;
	if (!bed_is_mariadb())
		skip();
	(void)alarm(120);
	assert_int_equal(shm_open_file(NULL, 16, &shm), ERR_OK);
	for (int i = 0; i < 3; i++) {
		p[i] = store_pool_new(bed_url(), &o, 2);
		store_pool_share(p[i], shm);
		s[i] = take(p[i]);
		if (i > 0)
			store_pool_give(p[i], s[i], ERR_OK);
	}
	held = server_pid();
	procs_hold(held);
	assert_int_equal(
	    store_run(s[0], &one, NULL, 0, NULL, NULL), ERR_CLOSED);
	store_pool_give(p[0], s[0], ERR_CLOSED);
	now = clock_mono();
	clock_set(now, 0);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(store_pool_take(p[i], &c, why), ERR_CLOSED);
		assert_non_null(strstr(why, "another worker"));
	}
	/* one finds out, with the connection that it has */
	clock_set(now + STORE_POOL_RETRY, 0);
	assert_ptr_equal(take(p[1]), s[1]);
	assert_int_equal(store_pool_take(p[2], &c, why), ERR_CLOSED);
	assert_int_equal(store_pool_take(p[1], &c, why), ERR_CLOSED);
	assert_int_equal(kill(held, SIGCONT), 0);
	held = 0;
	assert_int_equal(ask(s[1]), 1);
	store_pool_give(p[1], s[1], ERR_OK);
	assert_ptr_equal(take(p[2]), s[2]);
	assert_int_equal(ask(s[2]), 1);
	store_pool_give(p[2], s[2], ERR_OK);
	clock_real();
	for (int i = 0; i < 3; i++)
		store_pool_free(p[i]);
	shm_close(shm);
	(void)alarm(0);
}

/* A time of another boot says nothing; nor does a connection that broke. */
static void
test_held_says_nothing(void **state)
{
	struct store_pool *p = store_pool_new(bed_url(), NULL, 2);
	struct store *s;
	struct shm *shm;

	(void)state;
	assert_int_equal(shm_open_file(NULL, 16, &shm), ERR_OK);
	store_pool_share(p, shm);
	stats_set(shm, STATS_V_STORE_HELD, clock_mono() + 3600 * USEC_PER_SEC);
	s = take(p);
	assert_int_equal(stats_value(shm, STATS_V_STORE_HELD), 0);
	clock_set(clock_mono(), 0);
	store_pool_give(p, s, ERR_CLOSED);
	assert_int_equal(stats_value(shm, STATS_V_STORE_HELD), 0);
	clock_real();
	store_pool_free(p);
	shm_close(shm);
}

/* ---- threads ------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS 200
#define CONNECTIONS 3

static struct store_pool *shared;
static atomic_int n_out, n_most, n_wrong;

static void *
work(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		struct store *s = NULL;
		int64_t n = 0;
		int out;
		enum err e = store_pool_take(shared, &s, NULL);

		if (e != ERR_OK) {
			atomic_fetch_add(&n_wrong, 1);
			continue;
		}
		out = atomic_fetch_add(&n_out, 1) + 1;
		if (out > atomic_load(&n_most))
			atomic_store(&n_most, out);
		e = store_run(s, &one, NULL, 0, store_row_int, &n);
		if (e != ERR_OK || n != 1)
			atomic_fetch_add(&n_wrong, 1);
		atomic_fetch_sub(&n_out, 1);
		store_pool_give(shared, s, e);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	const struct store_options o = { .timeout = 60 * USEC_PER_SEC };
	pthread_t thread[THREADS];
	int i;

	(void)state;
	n_wrong = n_most = n_out = 0;
	shared = store_pool_new(bed_url(), &o, CONNECTIONS);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, work, NULL), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(n_wrong, 0);
	assert_in_range(n_most, 1, CONNECTIONS);
	store_pool_free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_keeps_what_is_given_back),
		BED_TEST(test_all_are_taken),
		BED_TEST(test_away),
		BED_TEST(test_lost_and_found),
		cmocka_unit_test_setup_teardown(test_held, bed_setup, let_go),
		cmocka_unit_test_setup_teardown(
		    test_held_for_all, bed_setup, let_go),
		BED_TEST(test_held_says_nothing),
		BED_TEST(test_threads),
	};

	return bed_run("pool", tests, COUNT(tests));
}
