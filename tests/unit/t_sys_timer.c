#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/rand.h"
#include "sys/timer.h"

enum {
	N = 1000
};

static struct timer timers[N];

static void
check_heap(const struct timer_heap *h)
{
	for (size_t i = 2; i <= h->n; i++) {
		const struct timer_entry *up = &h->v[i / 2], *e = &h->v[i];

		assert_true(up->due < e->due ||
			    (up->due == e->due && up->seq < e->seq));
	}
	for (size_t i = 1; i <= h->n; i++) {
		assert_int_equal(h->v[i].timer->pos, i);
		assert_int_equal(h->v[i].timer->due, h->v[i].due);
	}
}

/* Sets, moves and removes at random; what comes out is in order. */
static void
test_random(void **state)
{
	struct timer_heap h = { 0 };
	usec_t last = -1;
	size_t set = 0;

	(void)state;
	rand_init_fixed(7);
	for (int round = 0; round < 20000; round++) {
		struct timer *t = &timers[rand_below(N)];

		if (rand_below(3) == 0 && t->pos) {
			timer_heap_remove(&h, t);
			assert_int_equal(t->pos, 0);
			set--;
		} else {
			set += t->pos == 0;
			assert_int_equal(
			    timer_heap_put(&h, t, (usec_t)rand_below(500)),
			    ERR_OK);
		}
		assert_int_equal(h.n, set);
		if (round % 100 == 0)
			check_heap(&h);
	}
	assert_true(set > 0);
	for (const struct timer_entry *e; (e = timer_heap_top(&h));) {
		struct timer *t = e->timer;

		assert_true(t->due >= last);
		last = t->due;
		timer_heap_remove(&h, t);
		set--;
	}
	assert_int_equal(set, 0);
	timer_heap_fini(&h);
}

/* Equal times: in the order of setting; setting again moves to the end. */
static void
test_equal(void **state)
{
	struct timer_heap h = { 0 };
	struct timer t[4] = { 0 };
	const int want[] = { 0, 2, 3, 1 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(timer_heap_put(&h, &t[i], 5), ERR_OK);
	assert_int_equal(timer_heap_put(&h, &t[1], 5), ERR_OK);
	for (int i = 0; i < 4; i++) {
		const struct timer_entry *e = timer_heap_top(&h);

		assert_true(e && e->timer == &t[want[i]]);
		timer_heap_remove(&h, &t[want[i]]);
	}
	timer_heap_fini(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests_name("sys/timer", tests, NULL, NULL);
}
