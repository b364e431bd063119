#include "base/map.h"

#include "base/rand.h"

#include "check.h"

static int one, two;

static void
put_find_remove(void **state)
{
	struct map *m = map_new(10);

	(void)state;
	assert_null(map_find(m, STR("a")));
	assert_null(map_remove(m, STR("a")));
	assert_int_equal(map_put(m, STR("a"), &one), ERR_OK);
	assert_ptr_equal(map_find(m, STR("a")), &one);
	assert_null(map_find(m, STR("b")));
	assert_int_equal(map_put(m, STR("a"), &two), ERR_OK);
	assert_ptr_equal(map_find(m, STR("a")), &two);
	assert_int_equal(map_count(m), 1);
	assert_ptr_equal(map_remove(m, STR("a")), &two);
	assert_null(map_find(m, STR("a")));
	assert_int_equal(map_count(m), 0);
	map_free(m);
}

static void
nothing_is_allowed(void **state)
{
	size_t pos = 0;
	struct str key;
	void *value;
	struct map *m = map_new(4);

	(void)state;
	map_free(NULL);
	assert_null(map_find(NULL, STR("a")));
	assert_null(map_remove(NULL, STR("a")));
	assert_int_equal(map_count(NULL), 0);
	assert_false(map_next(NULL, &pos, &key, &value));
	assert_false(map_next(m, &pos, &key, &value));
	/* the empty key is a key, and the absent one is the same */
	assert_int_equal(map_put(m, (struct str){ NULL, 0 }, &one), ERR_OK);
	assert_ptr_equal(map_find(m, STR("")), &one);
	assert_int_equal(map_count(m), 1);
	map_free(m);
}

static void
maximum(void **state)
{
	static char key[100][12];
	struct map *m = map_new(37);

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(key[i], sizeof(key[i]), "%d", i);
		assert_int_equal(map_put(m, str_z(key[i]), &one),
		    i < 37 ? ERR_OK : ERR_LIMIT);
	}
	/* replacing is not adding */
	assert_int_equal(map_put(m, STR("5"), &two), ERR_OK);
	assert_ptr_equal(map_remove(m, STR("6")), &one);
	assert_int_equal(map_put(m, STR("99"), &two), ERR_OK);
	assert_int_equal(map_put(m, STR("98"), &two), ERR_LIMIT);
	map_free(m);
	m = map_new(0);
	assert_int_equal(map_put(m, STR("a"), &one), ERR_LIMIT);
	map_free(m);
}

enum {
	KEYS = 700,
	STEPS = 60000
};

/* Random work against a plain array. */
static void
agrees_with_an_array(void **state)
{
	static char key[KEYS][16];
	static void *there[KEYS];
	struct map *m = map_new(KEYS);
	size_t n = 0, pos = 0, seen = 0;
	struct str k;
	void *v;

	(void)state;
	rand_init_fixed(3);
	for (int i = 0; i < KEYS; i++)
		snprintf(key[i], sizeof(key[i]), "k%d", i);
	for (int step = 0; step < STEPS; step++) {
		/* phases of growth and of shrinking */
		uint64_t puts = step / 10000 % 2 ? 3 : 7;
		size_t i = rand_below(KEYS);

		if (rand_below(10) < puts) {
			n += !there[i];
			there[i] = &key[rand_below(KEYS)];
			assert_int_equal(
			    map_put(m, str_z(key[i]), there[i]), ERR_OK);
		} else {
			n -= !!there[i];
			assert_ptr_equal(
			    map_remove(m, str_z(key[i])), there[i]);
			there[i] = NULL;
		}
		i = rand_below(KEYS);
		assert_ptr_equal(map_find(m, str_z(key[i])), there[i]);
		assert_int_equal(map_count(m), n);
	}
	for (int i = 0; i < KEYS; i++)
		assert_ptr_equal(map_find(m, str_z(key[i])), there[i]);
	while (map_next(m, &pos, &k, &v)) {
		size_t i = (size_t)(k.p - key[0]) / sizeof(key[0]);

		assert_ptr_equal(v, there[i]);
		there[i] = NULL; /* so none comes twice */
		seen++;
	}
	assert_int_equal(seen, n);
	map_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_find_remove),
		cmocka_unit_test(nothing_is_allowed),
		cmocka_unit_test(maximum),
		cmocka_unit_test(agrees_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
