/*
 * Budgets of a period that this host has not counted in yet: a new host, or the
 * shared memory was lost. The first requests of such a budget wait for one look
 * into the ledger's sums; whoever comes back first counts them. While the
 * database is away nobody waits, and the budget begins at what the host knows.
 */
#include "flow/life.h"

#include "base/log.h"
#include "base/num.h"
#include "store/pool.h"
#include "store/spent.h"

#define SEEDS_MAX 8
/* The database is away: until it is asked again. */
#define RETRY (5 * USEC_PER_SEC)

struct seed_job {
	struct flow *flow;
	struct store_pool *pool;
	enum flow_step (*next)(struct req *r);
	uint32_t n;
	struct gate_seed seed[SEEDS_MAX];
	int64_t amount[SEEDS_MAX];
	uint32_t at; /* which is being summed up */
	enum err err;
};

/* ---- on the thread pool ------------------------------------------------- */

static bool
is_meant(const char *glob, struct str s)
{
	return !glob[0] || str_glob(str_z(glob), s);
}

static enum err
on_spent(void *arg, const struct store_spent *row)
{
	struct seed_job *j = arg;
	const struct gate_seed *s = &j->seed[j->at];
	int64_t v = 0;

	if (!is_meant(s->model, row->alias) || !is_meant(s->key, row->client))
		return ERR_OK;
	switch (s->sort) {
	case CONF_LIMIT_MONEY:
		v = row->cost;
		break;
	case CONF_LIMIT_INPUT:
		v = row->prompt;
		break;
	case CONF_LIMIT_OUTPUT:
		v = row->completion;
		break;
	case CONF_LIMIT_TOKENS:
		v = num_add_i64_sat(row->prompt, row->completion);
		break;
	case CONF_LIMIT_REQUESTS:
	case CONF_LIMIT_CONCURRENT:
	case CONF_LIMIT_SORT__MAX:
		break;
	}
	j->amount[j->at] = num_add_i64_sat(j->amount[j->at], v);
	return ERR_OK;
}

static void
on_work(void *arg)
{
	struct seed_job *j = arg;
	struct store *s;

	j->err = store_pool_take(j->pool, &s, NULL);
	if (j->err != ERR_OK)
		return;
	for (j->at = 0; j->at < j->n && j->err == ERR_OK; j->at++) {
		const struct gate_seed *seed = &j->seed[j->at];
		const struct store_spent_ask ask = { .from = seed->start,
			.tenant_id = seed->tenant_id,
			.team_id = seed->team_id,
			.user_id = seed->user_id,
			.key_id = seed->key_id,
			.client = seed->client[0] ? str_z(seed->client)
						  : (struct str){ 0 } };

		j->err = store_spent_each(s, &ask, on_spent, j);
	}
	store_pool_give(j->pool, s, j->err);
}

/* ---- on the loop -------------------------------------------------------- */

static void
take(struct seed_job *j)
{
	for (uint32_t i = 0; i < j->n && j->err == ERR_OK; i++)
		gate_limit_seed(&j->seed[i], j->amount[i]);
	if (j->err == ERR_OK)
		return;
	/* None was made, and so there is no ledger: no need to look again. */
	if (j->flow->seed_after < clock_mono() && j->err != ERR_NOT_FOUND)
		log_msg(LOG_WARN,
		    "what budgets have spent cannot be read: %s; they begin "
		    "at what this host has counted",
		    err_word(j->err));
	j->flow->seed_after = clock_mono() + RETRY;
}

static void
on_drop(void *arg)
{
	struct seed_job *j = arg;

	take(j);
	free(j);
}

static enum flow_step
on_done(struct req *r, void *arg)
{
	struct seed_job *j = arg;
	enum flow_step (*next)(struct req *) = j->next;

	take(j);
	free(j);
	return next(r);
}

static enum flow_step
seed_some(struct req *r, const struct gate_limits *lists, uint32_t n,
    const struct gate_ask *ask, enum flow_step (*next)(struct req *r))
{
	struct flow *f = r->flow;
	struct gate_seed seed[SEEDS_MAX];
	struct seed_job *j;
	uint32_t n_seeds;

	n_seeds = gate_limit_unseeded(
	    &f->limit, lists, n, ask, clock_wall(), seed, SEEDS_MAX);
	j = n_seeds > 0 ? calloc(1, sizeof(*j)) : NULL;
	if (!j)
		return next(r);
	*j = (struct seed_job){ .flow = f,
		.pool = f->store,
		.next = next,
		.n = n_seeds,
		.err = ERR_NOMEM };
	memcpy(j->seed, seed, sizeof(j->seed[0]) * n_seeds);
	return flow_work(r, on_work, on_done, j, on_drop);
}

/* Most limits are of windows, which are not in the ledger. */
static bool
has_period(const struct gate_limits *lists, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < lists[k].n; i++)
			if ((lists[k].rules ? lists[k].rules[i].limit.period
					    : lists[k].file[i].period) > 0)
				return true;
	return false;
}

enum flow_step
seed_limits(struct req *r, const struct gate_limits *lists, uint32_t n,
    const struct gate_ask *ask, enum flow_step (*next)(struct req *r))
{
	if (!has_period(lists, n) || clock_mono() < r->flow->seed_after)
		return next(r);
	return seed_some(r, lists, n, ask, next);
}
