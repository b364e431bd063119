/*
 * What limits cost a request: nanoseconds to take and settle, the best of some
 * rounds, by how many limits it has; beside it what a request without limits
 * pays. Nothing is asserted.
 *
 *	tests/bench/limit_bench
 */
#include <stdio.h>

#include "base/clock.h"
#include "gate/guess.h"
#include "gate/limit.h"

#define ROUNDS 7
#define TIMES 100000u
#define RULES_MAX 1000

static struct conf_limit limits[RULES_MAX];
static struct gate_rule rules[RULES_MAX];
static struct gate_limit limit;
static struct shm *shm;

static const struct gate_ask ask = { .tenant_id = 1,
	.key_id = 5,
	.key = { "ci", 2 },
	.model = { "gpt-4o", 6 },
	.input = 100,
	.output = 50,
	.money = 1000 };

static void
fill(void)
{
	for (uint32_t i = 0; i < RULES_MAX; i++) {
		limits[i] = (struct conf_limit){
			.sort = i % 2 ? CONF_LIMIT_TOKENS : CONF_LIMIT_REQUESTS,
			.amount = INT64_C(200000000000),
			.per = 60 * USEC_PER_SEC,
			.identity = 1 + i,
		};
		/* for others */
		rules[i] = (struct gate_rule){ .limit = limits[i],
			.tenant_id = 2 + i };
	}
}

static void
one(const struct gate_limits *lists, uint32_t n, struct arena *a)
{
	const struct gate_use use = { .input = 100, .output = 40 };
	struct gate_limit_result res;
	struct gate_holds holds;

	ASSERT(gate_limit_take(&limit, a, lists, n, &ask,
		   (usec_t)1790000000 * USEC_PER_SEC, &holds, &res) == ERR_OK);
	ASSERT(res.admitted);
	gate_limit_settle(&limit, &holds, &use, NULL);
}

static double
best(const struct gate_limits *lists, uint32_t n, uint32_t times)
{
	double min = 1e18;

	for (int r = 0; r < ROUNDS; r++) {
		struct arena *a = arena_new((size_t)1 << 30);
		usec_t began = clock_mono();
		double ns;

		ASSERT(a);
		for (uint32_t i = 0; i < times; i++)
			one(lists, n, a);
		ns = (double)(clock_mono() - began) * 1000 / times;
		arena_free(a);
		min = ns < min ? ns : min;
	}
	return min;
}

static void
show(const char *what, const struct gate_limits *lists, uint32_t n)
{
	printf("%-44s %8.0f ns\n", what, best(lists, n, TIMES));
}

int
main(void)
{
	struct gate_limits l[2] = { { .file = limits, .is_own = true } };
	double min = 1e18;

	ASSERT(shm_open_file(NULL, 16384, &shm) == ERR_OK);
	gate_limit_init(&limit, shm, 0);
	fill();
	show("no limits", l, 0);
	l[0].n = 1;
	show("1 of requests", l, 1);
	l[0].n = 2;
	show("requests and tokens", l, 1);
	l[0].n = 8;
	show("8 limits", l, 1);
	for (uint32_t i = 0; i < 2; i++) {
		limits[i].each_of = CONF_EACH_KEY | CONF_EACH_MODEL;
		limits[i].sort = CONF_LIMIT_MONEY;
		limits[i].per = 0;
		limits[i].period = 1 + ZONE_MONTH;
	}
	l[0].n = 2;
	show("2 budgets of a month for each key and model", l, 1);
	fill();
	l[1] = (struct gate_limits){ .rules = rules, .n = RULES_MAX };
	show("requests and tokens, and 1000 of others", l, 2);
	for (int r = 0; r < ROUNDS; r++) {
		usec_t began = clock_mono();
		double ns;

		for (uint32_t i = 0; i < TIMES; i++) {
			int64_t v = gate_guess(shm, ask.model, 5, 0);

			gate_guess_learn(shm, ask.model, 5, (v + i) % 500);
		}
		ns = (double)(clock_mono() - began) * 1000 / TIMES;
		min = ns < min ? ns : min;
	}
	printf("%-44s %8.0f ns\n", "guess an answer's length, and learn", min);
	shm_close(shm);
	return 0;
}
