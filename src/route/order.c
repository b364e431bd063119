#include "route/order.h"

#include "base/rand.h"
#include "route/breaker.h"

/* Fractions of a weight. */
#define WEIGHT_UNIT 1024

/* Lower comes first: open ones last, cooling ones before them. */
static unsigned
candidate_rank(const struct route_candidate *c, usec_t now)
{
	if (!c->usable)
		return 2;
	return breaker_is_cool(c->slot, now) ? 1 : 0;
}

static bool
comes_before(const struct route_candidate *a, const struct route_candidate *b,
    usec_t now)
{
	unsigned rank_a = candidate_rank(a, now);
	unsigned rank_b = candidate_rank(b, now);

	if (rank_a != rank_b)
		return rank_a < rank_b;
	if (a->target->priority != b->target->priority)
		return a->target->priority < b->target->priority;
	/* Whatever the strategy, weight 0 is for when all others are out. */
	return a->target->weight > 0 && b->target->weight == 0;
}

/* Insertion sort: stable, and an alias has a handful of targets. */
static void
sort_groups(struct route_plan *plan, usec_t now)
{
	for (uint32_t i = 1; i < plan->n; i++) {
		struct route_candidate c = plan->candidates[i];
		uint32_t at = i;

		while (at > 0 &&
		       comes_before(&c, &plan->candidates[at - 1], now)) {
			plan->candidates[at] = plan->candidates[at - 1];
			at--;
		}
		plan->candidates[at] = c;
	}
}

static void
swap(struct route_candidate *a, struct route_candidate *b)
{
	struct route_candidate t = *a;

	*a = *b;
	*b = t;
}

/* A target's share: less of it the nearer its limit is. */
static uint64_t
share(const struct route_candidate *c, bool with_pressure)
{
	double rest = with_pressure ? 1 - c->pressure : 1;

	return (uint64_t)((double)c->target->weight * WEIGHT_UNIT * rest);
}

static uint64_t
sum_of(const struct route_candidate *c, uint32_t n, bool with_pressure)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += share(&c[i], with_pressure);
	return sum;
}

/* Random order without replacement, each draw in proportion to its share. */
static void
order_weighted(struct route_candidate *c, uint32_t n)
{
	bool with_pressure = true;

	for (uint32_t i = 0; i + 1 < n; i++) {
		uint64_t sum = sum_of(c + i, n - i, with_pressure), draw;
		uint32_t pick = i;

		/* All that are left are at their limit: as if there were none. */
		if (sum == 0) {
			with_pressure = false;
			sum = sum_of(c + i, n - i, with_pressure);
		}
		if (sum == 0)
			return;
		draw = rand_below(sum);
		while (draw >= share(&c[pick], with_pressure))
			draw -= share(&c[pick++], with_pressure);
		swap(&c[i], &c[pick]);
	}
}

/* Where no weights decide: who nears its limit is passed over by chance. */
static void
pass_over(struct route_candidate *c, uint32_t n)
{
	for (uint32_t i = 0, end = n; i < end;) {
		struct route_candidate first = c[i];

		if (first.pressure == 0 || rand_unit() >= first.pressure) {
			i++;
			continue;
		}
		memmove(&c[i], &c[i + 1], (n - i - 1) * sizeof(*c));
		c[n - 1] = first;
		end--;
	}
}

static void
reverse(struct route_candidate *c, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++)
		swap(&c[i], &c[n - 1 - i]);
}

static void
order_rotated(struct route_candidate *c, uint32_t n, uint64_t rotation)
{
	uint32_t by = (uint32_t)(rotation % n);

	reverse(c, by);
	reverse(c + by, n - by);
	reverse(c, n);
}

static void
order_group(struct route_plan *plan, struct route_candidate *c, uint32_t n,
    uint64_t rotation)
{
	switch (plan->model->strategy) {
	case CONF_WEIGHTED:
		order_weighted(c, n);
		break;
	case CONF_ROUND_ROBIN:
		order_rotated(c, n, rotation);
		pass_over(c, n);
		break;
	case CONF_FIRST:
		pass_over(c, n);
		break;
	}
}

void
route_order(struct route_plan *plan, uint64_t rotation, usec_t now)
{
	uint32_t from = 0;

	sort_groups(plan, now);
	while (from < plan->n) {
		uint32_t to = from + 1;

		while (to < plan->n && !comes_before(&plan->candidates[from],
					   &plan->candidates[to], now))
			to++;
		order_group(plan, plan->candidates + from, to - from, rotation);
		from = to;
	}
}
