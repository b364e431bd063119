#include "store/memcached.h"

#include "memcached_server.h"
#include "procs.h"

#define TIMEOUT (500 * USEC_PER_MSEC) /* a busy machine answers within it */
#define LATER INT64_C(4000000000)

static struct memcached_server server;
static struct store_memcached *m;

static struct store_memcached *
client(void)
{
	const struct str names[] = { str_z(server.name) };

	return store_memcached_new(names, 1, TIMEOUT);
}

static int
setup(void **state)
{
	(void)state;
	memcached_server_init(&server);
	m = client();
	return m ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	store_memcached_free(m);
	memcached_server_fini(&server);
	return 0;
}

static struct store_count
count_of(const char *key, int64_t add, int64_t max)
{
	struct store_count c = {
		.add = add, .max = max, .expires = LATER, .next = 7
	};

	c.key_n = (uint32_t)snprintf(c.key, sizeof(c.key), "%s", key);
	return c;
}

static enum err
one(struct store_count *c)
{
	assert_int_equal(store_memcached_count(m, c, 1), ERR_OK);
	return c->err;
}

static void
test_counts(void **state)
{
	struct store_count c = count_of("a", 3, 5);

	(void)state;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 3);
	assert_int_equal(one(&c), ERR_DENIED); /* 6 */
	assert_true(c.is_full);
	c.add = 2;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 5);
	c.add = 0;
	assert_int_equal(one(&c), ERR_DENIED);
	c.add = -4;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 1);
	/* below nothing until what it belongs to is added */
	c.add = -40;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 0);
	c.add = 139;
	c.max = INT64_MAX;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 100);
}

/* Amounts of money are more than 32 bits. */
static void
test_large(void **state)
{
	struct store_count c =
	    count_of("a", INT64_C(900000000000000), INT64_C(1000000000000000));

	(void)state;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(one(&c), ERR_DENIED);
	c.add = INT64_C(100000000000000);
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, INT64_C(1000000000000000));
}

/* Each that is made is another one. */
static void
test_generations(void **state)
{
	struct store_count c = count_of("a", 1, 10), d;

	(void)state;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.generation, 7);
	assert_false(c.is_rebuilding); /* nobody knew another */
	c.was = 7;
	c.next = 255;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.generation, 7);
	assert_int_equal(c.value, 2);
	memcached_server_flush(&server);
	assert_int_equal(one(&c), ERR_OK);
	assert_true(c.is_new);
	assert_true(c.is_rebuilding);
	assert_int_equal(c.generation, 255);
	assert_int_equal(c.value, 1);
	/* those of a group are not counted meanwhile */
	d = count_of("a", 1, 10);
	d.group = 1;
	assert_int_equal(one(&d), ERR_DENIED);
	assert_false(d.is_full);
	assert_true(d.is_rebuilding);
	assert_int_equal(d.counted, STORE_COUNTED_NO);
	/* what the ledger has waits for those who add their part */
	d = count_of("a", 0, INT64_MAX);
	d.least = 9;
	assert_int_equal(one(&d), ERR_OK);
	assert_int_equal(d.value, 1);
	/* another one is ready */
	d.make_ready = true;
	d.was = 7;
	assert_int_equal(one(&d), ERR_OK);
	assert_true(d.is_rebuilding);
	d.was = 255;
	assert_int_equal(one(&d), ERR_OK);
	assert_false(d.is_rebuilding);
	assert_int_equal(d.generation, 255);
	assert_int_equal(d.value, 9);
	d = count_of("a", 1, 10);
	d.group = 1;
	assert_int_equal(one(&d), ERR_OK);
	assert_int_equal(d.value, 10);
}

/* What is given back may come before what it is given back of. */
static void
test_below_nothing(void **state)
{
	struct store_count c = count_of("b", -3, INT64_MAX);

	(void)state;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.generation, 0); /* of nothing: nothing */
	c.was = 9;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.generation, 7);
	assert_int_equal(c.value, 0);
	c.add = 5;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 2);
	/* more than there is room for is as much as there is */
	c.add = INT64_MAX;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.generation, 7);
	c.add = -INT64_MAX;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.generation, 7);
	c.add = 0;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 2);
}

static void
test_is_new(void **state)
{
	struct store_count c = count_of("a", 1, 10);

	(void)state;
	assert_int_equal(one(&c), ERR_OK);
	assert_true(c.is_new);
	assert_int_equal(one(&c), ERR_OK);
	assert_false(c.is_new);
	c.add = -1;
	assert_int_equal(one(&c), ERR_OK);
	memcached_server_flush(&server);
	assert_int_equal(one(&c), ERR_OK);
	assert_false(c.is_new); /* giving back makes nothing */
	c.add = 0;
	assert_int_equal(one(&c), ERR_OK);
	assert_true(c.is_new);
}

/* What the ledger has: raised to that, never added, never lowered. */
static void
test_at_least(void **state)
{
	struct store_count c = count_of("a", 0, INT64_MAX), d;
	struct store_count both[2];

	(void)state;
	c.least = 1000;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 1000); /* nobody had it */
	d = count_of("a", -998, INT64_MAX);
	assert_int_equal(one(&d), ERR_OK);
	assert_int_equal(d.value, 2); /* digits may be fewer */
	c.least = 30;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 30);
	assert_false(c.is_new);
	c.least = 20;
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 30);
	/* before what others add in the same call */
	both[0] = count_of("a", 5, 50);
	both[1] = count_of("a", 0, INT64_MAX);
	both[1].least = 45;
	assert_int_equal(store_memcached_count(m, both, 2), ERR_OK);
	assert_int_equal(both[0].err, ERR_OK);
	assert_int_equal(both[1].value, 50);
	/* it goes on counting */
	d = count_of("a", 1, 50);
	assert_int_equal(one(&d), ERR_DENIED);
}

static void
test_expires(void **state)
{
	struct store_count c = count_of("a", 1, 10);

	(void)state;
	c.expires = 1700000000; /* over already: each is the first */
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, 1);
}

static void
test_groups(void **state)
{
	struct store_count c[5] = { count_of("a", 1, 10), count_of("b", 1, 1),
		count_of("a", 1, 10), count_of("b", 1, 1),
		count_of("c", 1, 10) };

	(void)state;
	c[0].group = c[1].group = 1;
	c[2].group = c[3].group = c[4].group = 2;
	assert_int_equal(store_memcached_count(m, c, 5), ERR_OK);
	assert_int_equal(c[0].err, ERR_OK);
	assert_int_equal(c[1].err, ERR_OK);
	for (int i = 2; i < 5; i++) {
		assert_int_equal(c[i].err, ERR_DENIED);
		assert_true(c[i].is_full == (i == 3));
	}
	/* undone, and what came after it never begun */
	c[0] = count_of("a", 1, 10);
	c[1] = count_of("b", -1, INT64_MAX);
	c[2] = count_of("c", 1, 10);
	assert_int_equal(store_memcached_count(m, c, 3), ERR_OK);
	assert_int_equal(c[0].value, 2);
	assert_int_equal(c[1].value, 0);
	assert_int_equal(c[2].value, 1);
}

/* Of a call that fails it is known what is counted, but for one command. */
static void
test_counted_of_a_failed_call(void **state)
{
	struct memcached_server other;
	struct str names[2] = { str_z(server.name) };
	struct store_memcached *both;
	struct store_count c[3], k;
	char key[16];
	int live = 0;

	(void)state;
	memcached_server_init(&other);
	names[1] = str_z(other.name);
	memcached_server_stop(&other);
	both = store_memcached_new(names, 2, TIMEOUT);
	assert_non_null(both);
	c[1].key_n = 0;
	for (int i = 0; live < 2 || c[1].key_n == 0; i++) {
		assert_true(i < 1000);
		(void)snprintf(key, sizeof(key), "k%d", i);
		k = count_of(key, 1, 10);
		if (store_memcached_count(both, &k, 1) != ERR_OK)
			c[1] = k;
		else if (live < 2)
			c[2 * live++] = k;
	}
	assert_true(store_memcached_count(both, c, 3) != ERR_OK);
	assert_int_equal(c[0].counted, STORE_COUNTED_YES);
	assert_int_equal(c[1].counted, STORE_COUNTED_UNSURE);
	assert_int_equal(c[2].counted, STORE_COUNTED_NO);
	store_memcached_free(both);
	memcached_server_fini(&other);
	/* of one that is done, what was refused is not */
	c[0] = count_of("x", 3, 10);
	c[1] = count_of("x", 8, 10);
	c[2] = count_of("x", 7, 10);
	assert_int_equal(store_memcached_count(m, c, 3), ERR_OK);
	assert_int_equal(c[0].counted, STORE_COUNTED_YES);
	assert_int_equal(c[1].counted, STORE_COUNTED_NO);
	assert_int_equal(c[2].counted, STORE_COUNTED_YES);
}

/* Whoever asks, however many at once: never more than max. */
#define CLIENTS 4u
#define EACH 400

struct shared {
	_Atomic int64_t admitted;
	pthread_barrier_t *barrier;
};

static void
hammer(unsigned number, void *arg)
{
	struct shared *s = arg;
	struct store_memcached *own = client();
	struct store_count c[16];

	(void)number;
	procs_meet(s->barrier);
	for (int i = 0; i < EACH / 16; i++) {
		for (int k = 0; k < 16; k++)
			c[k] = count_of("h", 1, 1000);
		if (store_memcached_count(own, c, 16) != ERR_OK)
			_exit(1);
		for (int k = 0; k < 16; k++)
			s->admitted += c[k].err == ERR_OK;
	}
	store_memcached_free(own);
}

static void
test_many_at_once(void **state)
{
	struct shared *s = procs_shared(sizeof(*s));
	struct store_count c = count_of("h", 0, INT64_MAX);

	(void)state;
	s->barrier = procs_barrier(CLIENTS);
	procs_run(CLIENTS, hammer, s);
	/* refusals count for a moment, so a few may be refused too early ... */
	assert_in_range(s->admitted, 1000 - CLIENTS, 1000);
	/* ... and are not lost */
	assert_int_equal(one(&c), ERR_OK);
	assert_int_equal(c.value, s->admitted);
}

static void
test_away_and_back(void **state)
{
	struct store_count c[2] = { count_of("a", 1, 9), count_of("b", 1, 9) };

	(void)state;
	assert_int_equal(store_memcached_probe(m), ERR_OK);
	assert_int_equal(store_memcached_count(m, c, 2), ERR_OK);
	memcached_server_stop(&server);
	assert_int_equal(store_memcached_count(m, c, 2), ERR_CLOSED);
	assert_int_equal(c[0].err, ERR_CLOSED);
	assert_int_equal(c[1].err, ERR_CLOSED);
	assert_int_equal(store_memcached_probe(m), ERR_CLOSED);
	memcached_server_start(&server);
	assert_int_equal(store_memcached_probe(m), ERR_OK);
	assert_int_equal(store_memcached_count(m, c, 2), ERR_OK);
	assert_int_equal(c[0].value, 1);
}

/* A server that is stopped costs one time-out, whatever there was to do. */
static void
test_stopped(void **state)
{
	struct store_count c[64];
	enum err e;
	usec_t began;

	(void)state;
	for (int i = 0; i < 64; i++)
		c[i] = count_of("a", 1, 999);
	assert_int_equal(store_memcached_count(m, c, 64), ERR_OK);
	procs_hold(server.pid);
	began = clock_mono();
	e = store_memcached_count(m, c, 64);
	print_message("64 commands to a stopped server: %s after %lld us\n",
	    err_word(e), (long long)(clock_mono() - began));
	assert_true(e == ERR_TIMEOUT || e == ERR_CLOSED);
	for (int i = 0; i < 64; i++)
		assert_true(c[i].err != ERR_OK);
	began = clock_mono();
	e = store_memcached_probe(m);
	print_message("probe: %s after %lld us\n", err_word(e),
	    (long long)(clock_mono() - began));
	assert_true(e != ERR_OK);
	kill(server.pid, SIGCONT);
	assert_int_equal(store_memcached_probe(m), ERR_OK);
	/* no answer of before is taken for one of now */
	for (int i = 0; i < 8; i++) {
		struct store_count d = count_of("fresh", 1, 999);

		assert_int_equal(one(&d), ERR_OK);
		assert_int_equal(d.value, i + 1);
	}
}

static void
test_bad_address(void **state)
{
	const struct str names[] = { STR("unix:/nonexistent/s"),
		STR("127.0.0.1:1") };
	struct store_count c = count_of("a", 1, 9);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct store_memcached *bad =
		    store_memcached_new(&names[i], 1, TIMEOUT);

		assert_non_null(bad);
		assert_int_equal(store_memcached_count(bad, &c, 1), ERR_CLOSED);
		assert_int_equal(store_memcached_probe(bad), ERR_CLOSED);
		store_memcached_free(bad);
	}
	store_memcached_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_counts),
		TEST(test_large),
		TEST(test_generations),
		TEST(test_below_nothing),
		TEST(test_is_new),
		TEST(test_at_least),
		TEST(test_expires),
		TEST(test_groups),
		TEST(test_counted_of_a_failed_call),
		TEST(test_many_at_once),
		TEST(test_away_and_back),
		TEST(test_stopped),
		TEST(test_bad_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
