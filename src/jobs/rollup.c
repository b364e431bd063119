#include "jobs/rollup.h"

#include <stdlib.h>

#include "base/num.h"

enum err
jobs_rollup_init(struct jobs_rollup *r, uint32_t max_rows)
{
	*r = (struct jobs_rollup){ .max = max_rows * STORE_SPAN__MAX };
	r->rows = calloc(r->max, sizeof(*r->rows));
	return r->rows ? ERR_OK : ERR_NOMEM;
}

void
jobs_rollup_fini(struct jobs_rollup *r)
{
	free(r->rows);
	*r = (struct jobs_rollup){ 0 };
}

void
jobs_rollup_clear(struct jobs_rollup *r)
{
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

void
jobs_rollup_add(struct jobs_rollup *r, const struct store_ledger *row)
{
	ASSERT(r->n + STORE_SPAN__MAX <= r->max);
	for (int i = 0; i < STORE_SPAN__MAX; i++) {
		enum store_span span = (enum store_span)i;
		bool whose = store_span_has_callers(span);

		r->rows[r->n++] = (struct store_rollup){ .span = span,
			.start = store_span_start(span, row->began),
			.tenant_id = row->tenant_id,
			.team_id = row->team_id,
			.user_id = whose ? row->user_id : 0,
			.key_id = whose ? row->key_id : 0,
			.client = whose ? row->client : STR(""),
			.alias = row->alias,
			.provider = row->provider,
			.model = row->model,
			.requests = 1,
			.failed = is(row, "failed") || is(row, "cut") ||
				  is(row, "not_sent"),
			.lost = is(row, "lost"),
			.estimated = row->is_estimated,
			.unpriced = row->cost < 0,
			.prompt = known(row->prompt),
			.completion = known(row->completion),
			.cached = known(row->cached),
			.reasoning = known(row->reasoning),
			.cost = known(row->cost) };
	}
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
	const int order[] = { by_number(a->span, b->span),
		by_number(a->start, b->start),
		by_number(a->tenant_id, b->tenant_id),
		by_number(a->team_id, b->team_id),
		by_number(a->user_id, b->user_id),
		by_number(a->key_id, b->key_id), str_cmp(a->client, b->client),
		str_cmp(a->alias, b->alias), str_cmp(a->provider, b->provider),
		str_cmp(a->model, b->model) };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] != 0)
			return order[i];
	return 0;
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

void
jobs_rollup_finish(struct jobs_rollup *r)
{
	uint32_t n = 0;

	if (r->n == 0)
		return;
	qsort(r->rows, r->n, sizeof(*r->rows), compare);
	for (uint32_t i = 1; i < r->n; i++) {
		if (compare(&r->rows[n], &r->rows[i]) == 0)
			merge(&r->rows[n], &r->rows[i]);
		else
			r->rows[++n] = r->rows[i];
	}
	r->n = n + 1;
}
