#ifndef TESTS_UNIT_GATE_LIMIT_HELP_H
#define TESTS_UNIT_GATE_LIMIT_HELP_H
/* Limits of a table of the test's own: taken, settled, asked. */
#include "gate/limit.h"

#include "check.h"

#define MINUTE (60 * USEC_PER_SEC)
/* The begin of a window of any length used here. */
#define WALL ((usec_t)1700000000 / 3600 * 3600 * USEC_PER_SEC)

static struct shm *shm;
static struct gate_limit limit;
static struct arena *arena;

static inline int
setup(void **state)
{
	(void)state;
	arena = arena_new(64 << 20);
	if (!arena || shm_open_file(NULL, 1024, &shm) != ERR_OK ||
	    shm_worker_take(shm) != ERR_OK)
		return -1;
	gate_limit_init(&limit, shm, shm_worker(shm));
	return 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	shm_close(shm);
	arena_free(arena);
	return 0;
}

#define L_REQUESTS(n, window)                                           \
	{                                                               \
		.name = { "requests", 8 }, .sort = CONF_LIMIT_REQUESTS, \
		.amount = n, .per = window, .identity = 100             \
	}
#define L_TOKENS(n, window)                                         \
	{                                                           \
		.name = { "tokens", 6 }, .sort = CONF_LIMIT_TOKENS, \
		.amount = n, .per = window, .identity = 200         \
	}
#define L_CONCURRENT(n)                                                      \
	{                                                                    \
		.name = { "concurrent", 10 }, .sort = CONF_LIMIT_CONCURRENT, \
		.amount = n, .identity = 300                                 \
	}

/* What one ask took. */
struct taken {
	struct gate_holds holds;
	struct gate_limit_result res;
};

static inline struct taken
take_as(const struct gate_limits *lists, uint32_t n, const struct gate_ask *ask,
    usec_t wall)
{
	struct taken t;

	assert_int_equal(gate_limit_take(&limit, arena, lists, n, ask, wall,
			     &t.holds, &t.res),
	    ERR_OK);
	assert_true(t.res.admitted == !t.res.limit);
	assert_true(t.res.admitted || t.holds.n == 0);
	return t;
}

static inline struct taken
take(const struct conf_limit *l, uint32_t n, usec_t wall, int64_t in,
    int64_t out)
{
	const struct gate_limits list = { l, NULL, n, true };
	const struct gate_ask ask = { .input = in, .output = out };

	return take_as(&list, 1, &ask, wall);
}

static inline struct gate_limit_result
admit(const struct conf_limit *l, uint32_t n, usec_t wall)
{
	return take(l, n, wall, 0, 0).res;
}

static inline bool
passes(const struct conf_limit *l, uint32_t n, usec_t wall)
{
	return admit(l, n, wall).admitted;
}

static inline void
settle(struct taken *t, int64_t in, int64_t out)
{
	const struct gate_use use = { .input = in, .output = out };

	gate_limit_settle(&limit, &t->holds, &use, &t->res);
	assert_int_equal(t->holds.n, 0);
}

#endif
