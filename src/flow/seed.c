/*
 * Limits of a window that this host has not counted in yet (a new host, or the
 * shared memory was lost), or that memcached has lost. The first requests of
 * such a limit wait for one look into the ledger's sums. While the database is
 * away nobody waits, and the limit begins at what the host knows.
 */
#include "flow/life.h"

#include "base/log.h"
#include "base/num.h"
#include "store/pool.h"

/* Of one look; what is more is looked for after it. */
#define SEEDS_MAX 8u
/* Looks of one request; more only if windows end meanwhile. */
#define ROUNDS_MAX 64u
/* The database is away: until it is asked again. */
#define RETRY (5 * USEC_PER_SEC)
/* The names of who asks. */
#define ASK_BYTES (64u * 1024)

struct seed_job {
	struct flow *flow;
	struct store_pool *pool;
	enum flow_step (*next)(struct req *r);
	/* What the seeds point to. */
	struct conf *conf;
	struct gate_rules *rules;
	struct arena *arena;
	struct gate_ask ask;
	uint32_t n;
	struct gate_seed seed[SEEDS_MAX];
	int64_t amount[SEEDS_MAX];
	usec_t minutes_from;
	uint32_t at; /* which is being summed up */
	enum err err;
};

/* ---- on the thread pool ------------------------------------------------- */

static enum err
on_spent(void *arg, const struct store_spent *row)
{
	struct seed_job *j = arg;
	int64_t v = gate_seed_counts(&j->seed[j->at], &j->ask, j->conf, row);

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
		struct store_spent_ask ask;

		gate_seed_ask(&j->seed[j->at], &j->ask, &ask);
		ask.minutes_from = j->minutes_from;
		j->err = store_spent_each(s, &ask, on_spent, j);
	}
	store_pool_give(j->pool, s, j->err);
}

/* ---- on the loop -------------------------------------------------------- */

static void
job_free(struct seed_job *j)
{
	if (!j)
		return;
	gate_rules_unref(j->rules);
	conf_unref(j->conf);
	arena_free(j->arena);
	free(j);
}

static void
take(struct seed_job *j)
{
	usec_t wall = clock_wall();

	for (uint32_t i = 0; i < j->n && j->err == ERR_OK; i++) {
		gate_limit_seed(&j->seed[i], j->amount[i], wall);
		if (j->flow->remote)
			gate_remote_raise(
			    j->flow->remote, &j->seed[i], j->amount[i]);
	}
	if (j->err == ERR_OK)
		return;
	/* None was made, and so there is no ledger: no need to look again. */
	if (j->flow->seed_after < clock_mono() && j->err != ERR_NOT_FOUND)
		log_msg(LOG_WARN,
		    "what limits have used cannot be read: %s; they begin "
		    "at what this host has counted",
		    err_word(j->err));
	j->flow->seed_after = clock_mono() + RETRY;
}

static void
on_drop(void *arg)
{
	struct seed_job *j = arg;

	take(j);
	job_free(j);
}

/* What this request has taken already is certainly not in the ledger. */
static void
add_taken(struct seed_job *j, const struct gate_holds *holds)
{
	for (uint32_t i = 0; i < j->n; i++) {
		for (uint32_t k = 0; k < holds->n; k++) {
			const struct gate_hold *h = &holds->hold[k];

			if (h->is_taken && h->tally == j->seed[i].tally &&
			    h->window == j->seed[i].window)
				j->amount[i] =
				    num_add_i64_sat(j->amount[i], h->took);
		}
	}
}

static enum flow_step
on_done(struct req *r, void *arg)
{
	struct seed_job *j = arg;
	enum flow_step (*next)(struct req *) = j->next;

	add_taken(j, &r->holds);
	take(j);
	job_free(j);
	return ++r->seed_rounds < ROUNDS_MAX ? seed_limits(r, next) : next(r);
}

/* ---- what is wanted ----------------------------------------------------- */

struct wanted {
	bool by_all; /* the file or the rules may want some of providers */
	struct gate_ask ask;
	usec_t wall;
	uint32_t n;
	struct gate_seed seed[SEEDS_MAX];
};

static bool
any_by_all(const struct gate_limits *lists, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (!lists[k].is_own &&
		    gate_limits_may_seed(&lists[k], 1, true))
			return true;
	return false;
}

/* p NULL: the client's, which comes first. */
static void
add(const struct req *r, const struct conf_provider *p, struct wanted *w)
{
	struct gate_limits lists[LIMITS_LISTS_MAX];
	uint32_t n = 1;

	/* most often a provider's own are all there is to look at */
	if (p && !w->by_all)
		lists[0] = (struct gate_limits){
			.file = p->limits, .n = p->n_limits, .is_own = true
		};
	else
		n = limits_lists(r, p, lists);
	if (!p)
		w->by_all = any_by_all(lists, n);
	if (!gate_limits_may_seed(lists, n, p != NULL))
		return;
	if (w->wall == 0) {
		w->wall = clock_wall();
		limits_who(r, &w->ask);
	}
	w->ask.provider = p ? p->name : (struct str){ 0 };
	w->n += gate_limit_unseeded(&r->flow->limit, lists, n, &w->ask, w->wall,
	    w->seed + w->n, SEEDS_MAX - w->n);
}

static bool
is_before(const struct conf_model *m, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (m->targets[k].provider == m->targets[i].provider)
			return true;
	return false;
}

static void
find_wanted(const struct req *r, struct wanted *w)
{
	w->n = 0;
	w->wall = 0;
	add(r, NULL, w);
	for (uint32_t i = 0; i < r->model->n_targets; i++)
		if (!is_before(r->model, i))
			add(r, r->model->targets[i].provider, w);
}

/* The request may go while it is looked for. */
static bool
keep_ask(struct seed_job *j, const struct gate_ask *ask)
{
	struct str *const names[] = { &j->ask.tenant, &j->ask.team,
		&j->ask.user, &j->ask.key };

	j->arena = arena_new(ASK_BYTES);
	j->ask = *ask;
	for (size_t i = 0; j->arena && i < sizeof(names) / sizeof(*names);
	     i++) {
		if (names[i]->n == 0)
			continue;
		*names[i] = arena_str(j->arena, *names[i]);
		if (!str_present(*names[i]))
			return false;
	}
	return j->arena != NULL;
}

static struct seed_job *
job_new(
    struct req *r, const struct wanted *w, enum flow_step (*next)(struct req *))
{
	struct seed_job *j = calloc(1, sizeof(*j));
	usec_t keep = r->conf->ledger_keep_minutes;

	if (!j)
		return NULL;
	j->flow = r->flow;
	j->pool = r->flow->store;
	j->next = next;
	j->conf = conf_ref(r->conf);
	j->rules = gate_rules_ref(r->rules);
	j->n = w->n;
	j->minutes_from = keep > 0 ? w->wall - keep : 0;
	j->err = ERR_NOMEM;
	memcpy(j->seed, w->seed, sizeof(j->seed[0]) * w->n);
	if (keep_ask(j, &w->ask))
		return j;
	job_free(j);
	return NULL;
}

enum flow_step
seed_limits(struct req *r, enum flow_step (*next)(struct req *r))
{
	struct seed_job *j;
	struct wanted w;

	if (clock_mono() < r->flow->seed_after)
		return next(r);
	find_wanted(r, &w);
	j = w.n > 0 ? job_new(r, &w, next) : NULL;
	return j ? flow_work(r, on_work, on_done, j, on_drop) : next(r);
}
