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

/* A few of many rows are alike in all: they become one as they come. */
static void
add_one(struct jobs_rollup *r, const struct store_rollup *one, uint64_t hash)
{
	uint32_t mask = r->n_slots - 1, at;

	hash = mix(mix(hash, one->span), (uint64_t)one->start);
	for (at = (uint32_t)hash & mask; r->slots[at]; at = (at + 1) & mask) {
		struct store_rollup *there = &r->rows[r->slots[at] - 1];

		if (compare(there, one) == 0) {
			merge(there, one);
			return;
		}
	}
	ASSERT(r->n < r->max);
	r->rows[r->n++] = *one;
	r->slots[at] = r->n;
}

static struct store_rollup
without_callers(const struct store_ledger *row)
{
	return (struct store_rollup){ .tenant_id = row->tenant_id,
		.team_id = row->team_id,
		.client = STR(""),
		.alias = row->alias,
		.provider = row->provider,
		.model = row->model,
		.requests = 1,
		.failed =
		    is(row, "failed") || is(row, "cut") || is(row, "not_sent"),
		.lost = is(row, "lost"),
		.estimated = row->is_estimated,
		.unpriced = row->cost < 0,
		.prompt = known(row->prompt),
		.completion = known(row->completion),
		.cached = known(row->cached),
		.reasoning = known(row->reasoning),
		.cost = known(row->cost) };
}

void
jobs_rollup_add(struct jobs_rollup *r, const struct store_ledger *row)
{
	struct store_rollup all = without_callers(row), own = all;
	uint64_t hash_all, hash_own;

	own.user_id = row->user_id;
	own.key_id = row->key_id;
	own.client = row->client;
	hash_all = mix(hash_u64(row->alias), hash_u64(row->provider));
	hash_all = mix(hash_all, hash_u64(row->model));
	hash_all = mix(hash_all, (uint64_t)row->tenant_id);
	hash_all = mix(hash_all, (uint64_t)row->team_id);
	hash_own = mix(hash_all, hash_u64(row->client));
	hash_own = mix(hash_own, (uint64_t)row->user_id);
	hash_own = mix(hash_own, (uint64_t)row->key_id);
	for (int i = 0; i < STORE_SPAN__MAX; i++) {
		enum store_span span = (enum store_span)i;
		bool whose = store_span_has_callers(span);
		struct store_rollup *one = whose ? &own : &all;

		one->span = span;
		one->start = store_span_start(span, row->began);
		add_one(r, one, whose ? hash_own : hash_all);
	}
}

void
jobs_rollup_finish(struct jobs_rollup *r)
{
	if (r->n > 0)
		qsort(r->rows, r->n, sizeof(*r->rows), compare);
}
