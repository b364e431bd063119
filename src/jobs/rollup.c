#include "jobs/rollup.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"

enum err
jobs_rollup_init(struct jobs_rollup *r, uint32_t max_rows)
{
	*r = (struct jobs_rollup){ .max = max_rows * STORE_SPAN__MAX,
		.n_slots = 1 };
	while (r->n_slots < 2 * r->max)
		r->n_slots *= 2;
	r->rows = calloc(r->max, sizeof(*r->rows));
	r->slots = calloc(r->n_slots, sizeof(*r->slots));
	if (r->rows && r->slots)
		return ERR_OK;
	jobs_rollup_fini(r);
	return ERR_NOMEM;
}

void
jobs_rollup_fini(struct jobs_rollup *r)
{
	free(r->rows);
	free(r->slots);
	*r = (struct jobs_rollup){ 0 };
}

void
jobs_rollup_clear(struct jobs_rollup *r)
{
	if (r->n > 0)
		memset(r->slots, 0, r->n_slots * sizeof(*r->slots));
	r->n = 0;
}

static int64_t
known(int64_t n)
{
	return n > 0 ? n : 0;
}

static bool
is(const struct store_ledger *row, const char *state)
{
	return strcmp(row->state, state) == 0;
}

static int
by_number(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int
compare(const void *left, const void *right)
{
	const struct store_rollup *a = left, *b = right;
	int order = by_number(a->span, b->span);

	if (order == 0)
		order = by_number(a->start, b->start);
	if (order == 0)
		order = by_number(a->tenant_id, b->tenant_id);
	if (order == 0)
		order = by_number(a->team_id, b->team_id);
	if (order == 0)
		order = by_number(a->user_id, b->user_id);
	if (order == 0)
		order = by_number(a->key_id, b->key_id);
	if (order == 0)
		order = str_cmp(a->client, b->client);
	if (order == 0)
		order = str_cmp(a->alias, b->alias);
	if (order == 0)
		order = str_cmp(a->provider, b->provider);
	return order ? order : str_cmp(a->model, b->model);
}

static void
plus(int64_t *sum, int64_t n)
{
	*sum = num_add_i64_sat(*sum, n);
}

static void
merge(struct store_rollup *into, const struct store_rollup *r)
{
	plus(&into->requests, r->requests);
	plus(&into->failed, r->failed);
	plus(&into->lost, r->lost);
	plus(&into->estimated, r->estimated);
	plus(&into->unpriced, r->unpriced);
	plus(&into->prompt, r->prompt);
	plus(&into->completion, r->completion);
	plus(&into->cached, r->cached);
	plus(&into->reasoning, r->reasoning);
	plus(&into->cost, r->cost);
}

static uint64_t
mix(uint64_t hash, uint64_t more)
{
	hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t
hash_of(const struct store_rollup *r)
{
	uint64_t hash = mix(hash_u64(r->alias), hash_u64(r->provider));

	hash = mix(hash, hash_u64(r->model));
	hash = mix(hash, hash_u64(r->client));
	hash = mix(hash, (uint64_t)r->tenant_id);
	hash = mix(hash, (uint64_t)r->team_id);
	hash = mix(hash, (uint64_t)r->user_id);
	hash = mix(hash, (uint64_t)r->key_id);
	return mix(mix(hash, r->span), (uint64_t)r->start);
}

/* A few of many rows are alike in all: they become one as they come. */
static void
add_one(struct jobs_rollup *r, const struct store_rollup *one)
{
	uint32_t mask = r->n_slots - 1, at;

	/* Most are like the one before. */
	if (r->n > 0 && compare(&r->rows[r->last], one) == 0) {
		merge(&r->rows[r->last], one);
		return;
	}
	for (at = (uint32_t)hash_of(one) & mask; r->slots[at];
	     at = (at + 1) & mask) {
		r->last = r->slots[at] - 1;
		if (compare(&r->rows[r->last], one) == 0) {
			merge(&r->rows[r->last], one);
			return;
		}
	}
	ASSERT(r->n < r->max);
	r->last = r->n++;
	r->rows[r->last] = *one;
	r->slots[at] = r->n;
}

/* Other spans follow from minutes: jobs_rollup_finish. */
void
jobs_rollup_add(struct jobs_rollup *r, const struct store_ledger *row)
{
	const struct store_rollup one = { .span = STORE_MINUTE,
		.start = store_span_start(STORE_MINUTE, row->began),
		.tenant_id = row->tenant_id,
		.team_id = row->team_id,
		.user_id = row->user_id,
		.key_id = row->key_id,
		.client = row->client,
		.alias = row->alias,
		.provider = row->provider,
		.model = row->model,
		.requests = 1,
		.failed =
		    is(row, "failed") || is(row, "cut") || is(row, "not_sent"),
		.lost = is(row, "lost") || is(row, "unsure"),
		.estimated = row->is_estimated,
		.unpriced = row->cost < 0,
		.prompt = known(row->prompt),
		.completion = known(row->completion),
		.cached = known(row->cached),
		.reasoning = known(row->reasoning),
		.cost = known(row->cost) };

	add_one(r, &one);
}

static void
add_span(
    struct jobs_rollup *r, const struct store_rollup *minute, enum store_span s)
{
	struct store_rollup one = *minute;

	one.span = s;
	one.start = store_span_start(s, minute->start);
	if (!store_span_has_callers(s)) {
		one.user_id = one.key_id = 0;
		one.client = STR("");
	}
	add_one(r, &one);
}

void
jobs_rollup_finish(struct jobs_rollup *r)
{
	uint32_t n_minutes = r->n;

	for (int s = STORE_MINUTE + 1; s < STORE_SPAN__MAX; s++)
		for (uint32_t i = 0; i < n_minutes; i++)
			add_span(r, &r->rows[i], (enum store_span)s);
	if (r->n > 0)
		qsort(r->rows, r->n, sizeof(*r->rows), compare);
}
