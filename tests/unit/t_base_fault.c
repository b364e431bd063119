#include "base/fault.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"

#include "check.h"

#ifdef WITH_FAULTS

/* Which of ten calls fail, as a word of bits. */
static unsigned
ten(const char *name)
{
	unsigned hits = 0;

	for (unsigned i = 0; i < 10; i++)
		hits |= (unsigned)fault(name) << i;
	return hits;
}

static void
specifications(void **state)
{
	(void)state;
	fault_setup("a:3,b:3+,c:0%,d:100%");
	assert_int_equal(ten("a"), 1 << 2);
	assert_int_equal(ten("b"), 0x3fc);
	assert_int_equal(ten("c"), 0);
	assert_int_equal(ten("d"), 0x3ff);
	assert_int_equal(ten("unnamed"), 0);
	fault_setup(NULL);
	assert_int_equal(ten("b") | ten("d"), 0);
	fault_setup("bad,:1,a:x,a:1");
	assert_int_equal(ten("bad"), 0);
	assert_int_equal(ten("a"), 1);
	fault_setup(NULL);
}

static void
chances(void **state)
{
	unsigned n = 0, again = 0;

	(void)state;
	fault_setup("x:25%");
	for (int i = 0; i < 4000; i++)
		n += fault("x");
	assert_in_range(n, 850, 1150);
	fault_setup("x:25%");
	for (int i = 0; i < 4000; i++)
		again += fault("x");
	assert_int_equal(n, again); /* seeded */
	fault_setup(NULL);
}

/* One pass over what base offers; true when nothing was refused. */
static bool
work(void)
{
	static const struct str long_key =
	    STR("{\"a\":1,\"\\n0123456789012345678901234567890123456789"
		"0123456789012345678901234567890123456789\":2}");
	struct arena *a = arena_new(1 << 20);
	struct map *m = map_new(100);
	struct buf b = { .max = 100000 };
	struct json_tok *tok = NULL;
	uint32_t cap = 0;
	bool ok = a && m;
	struct json j;

	for (int i = 0; ok && i < 2000; i++)
		buf_addz(&b, i ? ",[1,{}]" : "[[]");
	buf_addc(&b, ']');
	ok = ok && !b.failed;
	ok = ok && json_scan(&j, a, buf_str(&b), NULL, NULL) == ERR_OK;
	ok = ok &&
	     json_scan_reuse(&j, &tok, &cap, buf_str(&b), NULL, NULL) == ERR_OK;
	buf_reset(&b);
	for (int i = 0; ok && i < 200; i++)
		buf_printf(&b, "%s\"k%d\":0", i ? "," : "{", i);
	buf_addc(&b, '}');
	ok = ok && !b.failed;
	ok = ok && json_scan(&j, a, buf_str(&b), NULL, NULL) == ERR_OK;
	ok = ok && map_put(m, STR("k"), m) == ERR_OK;
	ok = ok && json_scan(&j, a, long_key, NULL, NULL) == ERR_OK;
	free(tok);
	buf_fini(&b);
	map_free(m);
	arena_free(a);
	return ok;
}

/* Torture: each point fails at its n-th call, until n passes the last. */
static void
every_failure_is_survived(void **state)
{
	static const char *const name[] = { "arena.block", "buf.grow",
		"arena.new", "json.tape", "json.key", "json.table", "map.new",
		"map.grow" };
	char spec[64];

	(void)state;
	for (unsigned i = 0; i < COUNT(name); i++) {
		int n = 1;

		for (;; n++) {
			snprintf(spec, sizeof(spec), "%s:%d", name[i], n);
			fault_setup(spec);
			if (work())
				break;
			assert_true(n < 1000);
		}
		assert_true(n > 1); /* the point is on the way at all */
	}
	fault_setup(NULL);
	assert_true(work());
}

/* A paused point neither counts nor fails. */
static void
pause_leaves_no_trace(void **state)
{
	(void)state;
	fault_setup("a:2+");
	assert_false(fault("a"));
	assert_false(fault_pause(true));
	assert_int_equal(ten("a"), 0);
	assert_true(fault_pause(false));
	assert_int_equal(fault_struck(), 0);
	assert_true(fault("a"));
	assert_int_equal(fault_struck(), 1);
	fault_setup(NULL);
	assert_int_equal(fault_struck(), 0);
}

/* An arena that the system refuses is not full. */
static void
no_memory_is_no_full_arena(void **state)
{
	struct arena *a = arena_new(1 << 20);
	void *p = arena_raw(a, 100000);

	(void)state;
	assert_non_null(p);
	fault_setup("arena.block:1+");
	assert_null(arena_raw(a, 100000));
	assert_null(arena_resize(a, p, 100000, 200000));
	fault_setup(NULL);
	assert_true(arena_failed(a));
	assert_false(arena_is_full(a));
	assert_null(arena_resize(a, p, 100000, 2 << 20));
	assert_true(arena_is_full(a));
	arena_free(a);
}

static void
calls_are_counted_at_exit(void **state)
{
	(void)state;
	fault_count_to(NULL); /* allowed */
	fault_setup(NULL);
	assert_false(fault("counted"));
	fault_count_to("/dev/null");
}

#else

static void
without_faults_none_happens(void **state)
{
	(void)state;
	fault_setup("a:1+");
	fault_count_to("/nowhere");
	for (int i = 0; i < 10; i++)
		assert_false(fault("a"));
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef WITH_FAULTS
		cmocka_unit_test(specifications),
		cmocka_unit_test(chances),
		cmocka_unit_test(every_failure_is_survived),
		cmocka_unit_test(pause_leaves_no_trace),
		cmocka_unit_test(no_memory_is_no_full_arena),
		cmocka_unit_test(calls_are_counted_at_exit),
#else
		cmocka_unit_test(without_faults_none_happens),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
