#ifndef TESTS_UNIT_ROUTE_HELP_H
#define TESTS_UNIT_ROUTE_HELP_H
/* An alias with targets a, b, c ... for the tests of route/. */
#include "check.h"

#include "base/arena.h"
#include "base/rand.h"
#include "route/breaker.h"
#include "route/order.h"
#include "route/plan.h"

#define SEC USEC_PER_SEC
#define MSEC USEC_PER_MSEC
#define T0 (1000 * SEC)
#define TARGETS_MAX 6u

static struct conf_provider provider = { .name = { "p", 1 } };
static struct conf_target targets[TARGETS_MAX];
static struct conf_model model;
static struct conf conf;
static struct shm *shm;
static struct arena *arena;
static struct route_plan plan;

/* Each with its letter as model, priority 1, weight 1. */
static int
route_setup(void **state)
{
	static const char letters[] = "abcdef";

	(void)state;
	rand_init_fixed(1);
	for (uint32_t i = 0; i < TARGETS_MAX; i++)
		targets[i] = (struct conf_target){ .provider = &provider,
			.model = str_of(letters + i, 1),
			.priority = 1,
			.weight = 1,
			.identity = i + 1,
			.index = i };
	conf = (struct conf){ .breaker = { .failures = 3,
				  .failure_ratio = 0.5,
				  .min_requests = 1000,
				  .window = 30 * SEC,
				  .open_for = 5 * SEC,
				  .open_max = 60 * SEC } };
	model = (struct conf_model){ .name = STR("alias"),
		.strategy = CONF_FIRST,
		.targets = targets,
		.n_targets = 3,
		.retry_attempts = 2,
		.retry_backoff = 250 * MSEC,
		.retry_backoff_max = 8 * SEC,
		.fallback_on = CONF_FB_UNAVAILABLE | CONF_FB_RATE_LIMIT |
			       CONF_FB_TIMEOUT };
	arena = arena_new(1 << 20);
	return arena ? (int)shm_open_file(NULL, 256, &shm) : -1;
}

static int
route_teardown(void **state)
{
	(void)state;
	arena_free(arena);
	shm_close(shm);
	return 0;
}

static inline struct shm_slot *
slot_of(char letter)
{
	return shm_slot(shm, (uint64_t)(letter - 'a') + 1);
}

static inline void
break_target(char letter, usec_t now)
{
	for (uint32_t i = 0; i < conf.breaker.failures; i++)
		(void)breaker_report(
		    slot_of(letter), &conf.breaker, now, false, true);
	assert_true(breaker_is_open(slot_of(letter), &conf.breaker, now));
}

static inline void
make_plan(usec_t now, usec_t deadline)
{
	assert_int_equal(route_plan_make(&plan, arena, &conf, &model, shm, NULL,
			     now, deadline),
	    ERR_OK);
}

/* The order of trying, as letters. */
static inline const char *
order(void)
{
	static char text[TARGETS_MAX + 1];

	for (uint32_t i = 0; i < plan.n; i++)
		text[i] = plan.candidates[i].target->model.p[0];
	text[plan.n] = '\0';
	return text;
}

#define ROUTE_TEST(t) \
	cmocka_unit_test_setup_teardown(t, route_setup, route_teardown)

#endif
