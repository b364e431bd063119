#include "route/keys.h"

#include "base/rand.h"
#include "procs.h"

#define SEC USEC_PER_SEC
#define T0 (1000 * SEC)
#define WALL (2000000000 * SEC)

static struct shm *shm;
static struct conf *conf;
static struct conf_provider provider;
static struct conf_provider_key key[4];
static struct store_secrets sealed;
static struct store_sealed row[4];
static struct route_ring *ring;
static const struct route_keys *keys;

/* A configuration by hand; the last reference frees its arena. */
static int
setup(void **state)
{
	static const char names[] = "abcd";
	struct arena *a = arena_new(1 << 20);

	(void)state;
	rand_init_fixed(1);
	conf = a ? ARENA_NEW(a, struct conf) : NULL;
	if (!conf || shm_open_file(NULL, 256, &shm) != ERR_OK)
		return -1;
	for (int i = 0; i < 4; i++)
		key[i] =
		    (struct conf_provider_key){ .name = str_of(names + i, 1),
			    .key.secret = secret_new(str_of(names + i, 1)),
			    .weight = 1 };
	provider = (struct conf_provider){
		.name = STR("p"), .keys = key, .n_keys = 2
	};
	*conf = (struct conf){ .arena = a,
		.refs = 1,
		.providers = &provider,
		.n_providers = 1,
		.key_recheck = 60 * SEC,
		.headroom = 0.8 };
	sealed = (struct store_secrets){ .v = row };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	route_ring_unref(ring);
	ring = NULL;
	for (uint32_t i = 0; i < 4; i++)
		secret_unref(key[i].key.secret);
	for (uint32_t i = 0; i < sealed.n; i++)
		secret_unref(row[i].secret);
	conf->n_providers = 0; /* not its arena's */
	conf_unref(conf);
	shm_close(shm);
	return 0;
}

static void
make(void)
{
	route_ring_unref(ring);
	ring = route_ring_new(conf, &sealed, shm);
	assert_non_null(ring);
	keys = route_ring_keys(ring, &provider);
}

static struct route_key_ask
ask_at(usec_t now)
{
	return (struct route_key_ask){
		.keys = keys, .conf = conf, .now = now, .wall = WALL
	};
}

/* The key's name, in capitals when it is a probe; '-': none. */
static int
pick_from(const struct route_key_ask *ask)
{
	bool is_probe;
	const struct route_key *k = route_key_pick(ask, &is_probe);

	if (!k)
		return '-';
	return is_probe ? k->name.p[0] - 'a' + 'A' : k->name.p[0];
}

static int
pick(usec_t now)
{
	struct route_key_ask ask = ask_at(now);

	return pick_from(&ask);
}

static bool
refuse(int i, int status, usec_t now)
{
	return route_key_refused(&keys->v[i], conf, status, now, WALL + now);
}

static enum route_key_state
state_of(int i, usec_t now)
{
	struct route_key_view v;

	route_key_view(&keys->v[i], now, WALL, &v);
	return v.state;
}

static int
count_of(int name, int n, usec_t now)
{
	int seen = 0;

	while (n-- > 0)
		seen += pick(now) == name;
	return seen;
}

static void
test_weights(void **state)
{
	int n;

	(void)state;
	key[0].weight = 3;
	make();
	n = count_of('a', 4000, T0);
	assert_true(n > 2850 && n < 3150);
	key[0].weight = 0;
	make();
	assert_int_equal(count_of('a', 100, T0), 0);
	assert_true(refuse(1, 401, T0));
	assert_int_equal(pick(T0), 'a');
}

static void
test_out_probe_in(void **state)
{
	struct route_key_view v;

	(void)state;
	make();
	assert_true(refuse(0, 401, T0));
	assert_false(refuse(0, 401, T0)); /* told once */
	assert_int_equal(count_of('b', 50, T0 + 59 * SEC), 50);
	route_key_view(&keys->v[0], T0, WALL, &v);
	assert_int_equal(v.state, ROUTE_KEY_OUT);
	assert_int_equal(v.status, 401);
	assert_int_equal(v.since, WALL + T0);
	assert_int_equal(v.outs, 1);
	/* one probe, then nobody until it told */
	assert_true(refuse(1, 402, T0 + 30 * SEC));
	assert_int_equal(pick(T0 + 61 * SEC), 'A');
	assert_int_equal(pick(T0 + 61 * SEC), '-');
	assert_false(refuse(0, 401, T0 + 62 * SEC));
	assert_int_equal(pick(T0 + 63 * SEC), '-');
	assert_int_equal(pick(T0 + 91 * SEC), 'B');
	route_key_release(&keys->v[1]);
	assert_int_equal(pick(T0 + 91 * SEC), 'B');
	assert_true(route_key_accepted(&keys->v[1]));
	assert_false(route_key_accepted(&keys->v[1]));
	assert_int_equal(pick(T0 + 91 * SEC), 'b');
	/* a probe whose worker died */
	assert_int_equal(count_of('A', 50, T0 + 130 * SEC), 1);
	assert_int_equal(state_of(0, T0 + 130 * SEC), ROUTE_KEY_OUT);
	assert_int_equal(count_of('A', 50, T0 + 189 * SEC), 0);
	assert_int_equal(count_of('A', 50, T0 + 191 * SEC), 1);
}

static void
test_reload_wakes(void **state)
{
	(void)state;
	provider.n_keys = 1;
	make();
	assert_true(refuse(0, 401, T0));
	assert_int_equal(pick(T0), '-');
	make();
	assert_int_equal(pick(T0), 'A');
	assert_int_equal(pick(T0), '-');
}

/* All out and nobody else to ask: each request asks with one of them. */
static void
test_last_resort(void **state)
{
	struct route_key_ask ask;

	(void)state;
	make();
	assert_true(refuse(0, 403, T0));
	ask = ask_at(T0);
	ask.is_last_resort = true;
	assert_int_equal(pick_from(&ask), 'b');
	assert_true(refuse(1, 401, T0));
	assert_int_equal(pick(T0), '-');
	for (int i = 0; i < 20; i++)
		assert_true(strchr("AB", pick_from(&ask)) != NULL);
	assert_int_equal(state_of(0, T0), ROUTE_KEY_OUT);
	assert_false(route_key_has_other(&ask));
	assert_false(refuse(0, 401, T0));
	route_key_release(&keys->v[0]);
	assert_int_equal(pick(T0), '-');
	assert_true(route_key_accepted(&keys->v[0]));
	assert_int_equal(pick_from(&ask), 'a');
}

static void
test_cooling(void **state)
{
	(void)state;
	make();
	route_key_cool(&keys->v[0], 20 * SEC, T0);
	assert_int_equal(state_of(0, T0), ROUTE_KEY_COOLING);
	assert_int_equal(count_of('b', 50, T0 + 19 * SEC), 50);
	route_key_cool(&keys->v[1], -1, T0 + 19 * SEC);
	assert_int_not_equal(pick(T0 + 19 * SEC), '-');
	/* both cool: no reason to prefer one */
	assert_in_range(count_of('a', 100, T0 + 20 * SEC - 1), 20, 80);
	assert_int_not_equal(count_of('a', 50, T0 + 21 * SEC), 0);
	/* never longer than a minute, whatever it says */
	route_key_cool(&keys->v[0], 3600 * SEC, T0);
	assert_int_equal(state_of(0, T0 + 61 * SEC), ROUTE_KEY_IN);
}

static void
test_tried(void **state)
{
	struct route_key_ask ask;
	uint64_t tried[2];

	(void)state;
	make();
	ask = ask_at(T0);
	tried[0] = keys->v[0].identity;
	tried[1] = keys->v[1].identity;
	ask.tried = tried;
	ask.n_tried = 1;
	assert_true(route_key_has_other(&ask));
	for (int i = 0; i < 20; i++)
		assert_int_equal(pick_from(&ask), 'b');
	ask.n_tried = 2;
	assert_false(route_key_has_other(&ask));
	assert_int_not_equal(pick_from(&ask), '-');
	ask.n_tried = 1;
	route_key_cool(&keys->v[1], -1, T0);
	assert_false(route_key_has_other(&ask));
}

static double
a_is_full(void *arg, const struct route_key *k)
{
	(void)arg;
	return k->name.p[0] == 'a' ? 1 : 0;
}

static void
test_headroom(void **state)
{
	struct route_key_ask ask;
	int seen = 0;

	(void)state;
	make();
	ask = ask_at(T0);
	ask.used = a_is_full;
	for (int i = 0; i < 1000; i++)
		seen += pick_from(&ask) == 'a';
	assert_true(seen < 20);
	assert_true(refuse(1, 401, T0));
	assert_int_equal(pick_from(&ask), 'a');
}

static void
put_sealed(const char *name, const char *of, usec_t from, usec_t to)
{
	row[sealed.n++] = (struct store_sealed){ .id = sealed.n,
		.name = str_z(name),
		.provider = str_z(of),
		.secret = secret_new(str_z(name)),
		.weight = 1,
		.not_before = from,
		.not_after = to };
}

static void
test_sealed(void **state)
{
	(void)state;
	secret_unref(key[0].key.secret);
	key[0].key = (struct conf_ref){ .sealed = STR("x") };
	provider.n_keys = 1;
	make();
	assert_int_equal(keys->n, 1);
	assert_int_equal(state_of(0, T0), ROUTE_KEY_MISSING);
	assert_int_equal(pick(T0), '-');
	/* rotated: both while the old one lasts */
	put_sealed("x", "", 0, 0);
	put_sealed("x@1", "", 0, WALL + SEC);
	put_sealed("later", "p", WALL + SEC, 0);
	put_sealed("other", "q", 0, 0);
	make();
	assert_int_equal(keys->n, 3);
	assert_str(keys->v[0].name, "a");
	assert_str(secret_str(keys->v[0].secret), "x");
	assert_str(keys->v[1].name, "x@1");
	assert_int_equal(state_of(1, T0), ROUTE_KEY_IN);
	assert_str(keys->v[2].name, "later");
	assert_int_equal(state_of(2, T0), ROUTE_KEY_EXPIRED);
	row[1].not_after = WALL;
	make();
	assert_int_equal(state_of(1, T0), ROUTE_KEY_EXPIRED);
	assert_int_equal(count_of('a', 20, T0), 20);
	/* referred to and of the provider: once */
	row[0].provider = STR("p");
	make();
	assert_int_equal(keys->n, 3);
}

/* The name is another key's now: what was found out of the old one is its. */
static void
test_sealed_rotates(void **state)
{
	struct route_key_view v;

	(void)state;
	secret_unref(key[0].key.secret);
	key[0].key = (struct conf_ref){ .sealed = STR("x") };
	provider.n_keys = 1;
	put_sealed("x", "", 0, 0);
	make();
	assert_true(refuse(0, 401, T0));
	row[0].name = STR("x@1");
	put_sealed("x", "", 0, 0);
	make();
	assert_int_equal(keys->n, 2);
	for (uint32_t i = 0; i < 2; i++) {
		bool is_old = keys->v[i].sealed_id == row[0].id;

		route_key_view(&keys->v[i], T0, WALL, &v);
		assert_str(keys->v[i].name, is_old ? "x@1" : "a");
		assert_int_equal(v.state, ROUTE_KEY_IN);
		assert_true(refuse((int)i, 401, T0)); /* told of each */
	}
}

/* Out by the database: as if it had been seen here. */
static void
test_sealed_is_out(void **state)
{
	struct route_key_view v;

	(void)state;
	provider.n_keys = 0;
	put_sealed("x", "p", 0, 0);
	row[0].out_since = WALL - SEC;
	row[0].out_why = STR("other answered 401");
	make();
	assert_int_equal(state_of(0, T0), ROUTE_KEY_IN);
	row[0].out_why = STR("p answered 402");
	make();
	route_key_view(&keys->v[0], T0, WALL, &v);
	assert_int_equal(v.state, ROUTE_KEY_OUT);
	assert_int_equal(v.status, 402);
	assert_int_equal(v.since, WALL - SEC);
	assert_int_equal(pick(T0), 'X');
	assert_int_equal(pick(T0), '-');
	assert_true(route_key_accepted(&keys->v[0]));
	make(); /* the database has not heard of it yet */
	assert_int_equal(state_of(0, T0), ROUTE_KEY_IN);
	row[0].out_since = WALL;
	make();
	assert_int_equal(state_of(0, T0), ROUTE_KEY_OUT);
}

static void
test_full_table(void **state)
{
	(void)state;
	for (uint64_t id = 1; shm_slot(shm, id); id++)
		;
	make();
	assert_null(keys->v[0].slot);
	assert_false(refuse(0, 401, T0));
	route_key_cool(&keys->v[0], SEC, T0);
	route_key_count(&keys->v[0]);
	assert_int_equal(state_of(0, T0), ROUTE_KEY_IN);
	assert_int_not_equal(pick(T0), '-');
}

static void
probe_at_once(unsigned number, void *arg)
{
	_Atomic int *probes = arg;

	(void)number;
	for (int i = 0; i < 1000; i++)
		if (pick(T0 + 61 * SEC) == 'A')
			++*probes;
}

/* Of many workers exactly one is the probe. */
static void
test_one_probe(void **state)
{
	_Atomic int *probes = procs_shared(sizeof(*probes));

	(void)state;
	provider.n_keys = 1;
	make();
	assert_true(refuse(0, 401, T0));
	procs_run(4, probe_at_once, probes);
	assert_int_equal(*probes, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		TEST(test_weights),
		TEST(test_out_probe_in),
		TEST(test_reload_wakes),
		TEST(test_last_resort),
		TEST(test_cooling),
		TEST(test_tried),
		TEST(test_headroom),
		TEST(test_sealed),
		TEST(test_sealed_rotates),
		TEST(test_sealed_is_out),
		TEST(test_full_table),
		TEST(test_one_probe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
