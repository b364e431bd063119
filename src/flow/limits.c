/*
 * Limits of a request: whose are asked, with what estimates, what a refusal
 * says, and what is settled in the end. Counting is gate/limit.h.
 */
#include "flow/life.h"

#include "base/hash.h"
#include "base/log.h"
#include "gate/guess.h"
#include "gate/person.h"
#include "sys/stats.h"

/* ---- who asks ------------------------------------------------------------ */

void
limits_who(const struct req *r, struct gate_ask *a)
{
	const struct gate_client *c = &r->client;
	const struct gate_person *p = c->person;

	*a = (struct gate_ask){ .tenant_id = c->tenant_id,
		.team_id = c->team_id,
		.user_id = c->user_id,
		.key_id = c->key_id,
		.model = r->model->name };
	if (p) {
		a->tenant = p->facts.tenant;
		a->team = p->facts.team;
		a->user = p->facts.user;
		a->key = p->facts.key;
		a->zone = p->zone;
	} else if (c->key) {
		a->key = c->key->name;
	} else {
		a->user = c->name;
	}
}

/* A number of the client's that stays: for what is learnt of its answers. */
static uint64_t
client_number(const struct req *r)
{
	const struct gate_client *c = &r->client;

	if (c->key)
		return c->key->identity;
	if (c->key_id > 0)
		return (uint64_t)c->key_id;
	return ~hash_stable(c->name);
}

static void
add_file(struct gate_limits *lists, uint32_t *n, const struct conf_limit *l,
    uint32_t n_limits, bool is_own)
{
	if (n_limits > 0)
		lists[(*n)++] = (struct gate_limits){
			.file = l, .n = n_limits, .is_own = is_own
		};
}

uint32_t
limits_lists(const struct req *r, const struct conf_provider *p,
    struct gate_limits lists[LIMITS_LISTS_MAX])
{
	uint32_t n = 0;

	if (p)
		add_file(lists, &n, p->limits, p->n_limits, true);
	else if (r->client.key)
		add_file(lists, &n, r->client.key->limits,
		    r->client.key->n_limits, true);
	add_file(lists, &n, r->conf->limits, r->conf->n_limits, false);
	return n + gate_rules_for(r->rules, r->client.key_id, r->client.user_id,
		       r->client.tenant_id, &lists[n]);
}

/* ---- how much it will be ------------------------------------------------- */

#define COUNTS_OF_ONE (1u << CONF_LIMIT_REQUESTS | 1u << CONF_LIMIT_CONCURRENT)

/* Bits of what they count. */
static unsigned
sorts_of(const struct gate_limits *lists, uint32_t n)
{
	unsigned sorts = 0;

	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < lists[k].n; i++)
			sorts |=
			    1u << (lists[k].rules ? lists[k].rules[i].limit.sort
						  : lists[k].file[i].sort);
	return sorts;
}

/* The longest answer that client or targets allow; 0: nobody says. */
static int64_t
longest_answer(const struct req *r)
{
	int64_t asked = msg_max_tokens(&r->msg, 0), most = 0;

	if (asked > 0)
		return asked;
	for (uint32_t i = 0; i < r->model->n_targets; i++) {
		int64_t own = r->model->targets[i].max_output_tokens;

		if (own == 0)
			return 0;
		most = own > most ? own : most;
	}
	return most;
}

static void
guess(struct req *r)
{
	if (r->guess_output < 0)
		r->guess_output = gate_guess(r->flow->shm, r->model->name,
		    client_number(r), longest_answer(r));
}

/* The dearest of those that may be asked; 0: no price is known. */
static nanousd_t
guess_money(struct req *r, const struct conf_provider *p)
{
	nanousd_t most = 0, one;

	for (uint32_t i = 0; i < r->model->n_targets; i++) {
		const struct conf_target *t = &r->model->targets[i];

		if ((!p || t->provider == p) &&
		    meter_price_estimate(r->flow->prices.now, t,
			ledger_prompt_estimate(r), r->guess_output, &one) &&
		    one > most)
			most = one;
	}
	return most;
}

static void
fill_guess(struct req *r, const struct gate_limits *lists, uint32_t n,
    const struct conf_provider *p, struct gate_ask *a)
{
	unsigned sorts = sorts_of(lists, n);

	if (!(sorts & ~COUNTS_OF_ONE))
		return;
	guess(r);
	a->input = ledger_prompt_estimate(r);
	a->output = r->guess_output;
	if (sorts & 1u << CONF_LIMIT_MONEY)
		a->money = guess_money(r, p);
}

/* ---- refusals ------------------------------------------------------------ */

static const char *const sort_words[CONF_LIMIT_SORT__MAX] = {
	[CONF_LIMIT_REQUESTS] = "requests",
	[CONF_LIMIT_TOKENS] = "tokens",
	[CONF_LIMIT_INPUT] = "prompt tokens",
	[CONF_LIMIT_OUTPUT] = "answer tokens",
	[CONF_LIMIT_CONCURRENT] = "requests at the same time",
	[CONF_LIMIT_MONEY] = "dollars",
};

static long long
seconds(usec_t t)
{
	return (long long)((t + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* "60 requests per 60s", "100000 tokens per day", "$500 per month" */
static void
put_amount(const struct conf_limit *l, char *out, size_t size)
{
	char money[MONEY_TEXT_SIZE];

	if (l->sort == CONF_LIMIT_MONEY) {
		money_print_usd(l->amount, money);
		snprintf(out, size, "$%s per %s", money,
		    zone_period_words[l->period - 1]);
	} else if (l->period > 0)
		snprintf(out, size, "%lld %s per %s", (long long)l->amount,
		    sort_words[l->sort], zone_period_words[l->period - 1]);
	else if (l->per > 0)
		snprintf(out, size, "%lld %s per %llds", (long long)l->amount,
		    sort_words[l->sort], seconds(l->per));
	else
		snprintf(out, size, "%lld %s", (long long)l->amount,
		    sort_words[l->sort]);
}

static void
fail_budget(
    struct req *r, const struct conf_limit *l, const char *amount, usec_t end)
{
	char when[CLOCK_ISO_SIZE];

	clock_iso(end, when);
	msg_fail_set(&r->fail, MSG_FAIL_BUDGET,
	    "Budget \"%.*s\" of %s is spent. The next %s begins at %.19sZ.",
	    STR_ARG(l->name), amount, zone_period_words[l->period - 1], when);
	r->fail.should_retry = 0;
}

static void
fail_limit(struct req *r, const struct gate_limit_result *res)
{
	const struct conf_limit *l = res->limit;
	char amount[96];

	put_amount(l, amount, sizeof(amount));
	if (l->sort == CONF_LIMIT_MONEY)
		fail_budget(r, l, amount, res->end);
	else if (res->is_too_large)
		msg_fail_set(&r->fail, MSG_FAIL_LIMIT,
		    "The prompt alone, about %lld tokens, is more than limit "
		    "\"%.*s\" of %s allows.",
		    (long long)ledger_prompt_estimate(r), STR_ARG(l->name),
		    amount);
	else if (l->sort == CONF_LIMIT_CONCURRENT)
		msg_fail_set(&r->fail, MSG_FAIL_LIMIT,
		    "Limit \"%.*s\" of %s reached. Wait for one to end.",
		    STR_ARG(l->name), amount);
	else
		msg_fail_set(&r->fail, MSG_FAIL_LIMIT,
		    "Limit \"%.*s\" of %s reached. Try again in %llds.",
		    STR_ARG(l->name), amount, seconds(res->retry_after));
	if (res->is_too_large)
		r->fail.should_retry = 0;
	r->fail.retry_after = res->retry_after;
}

static struct str
keep(struct req *r, struct str name)
{
	return arena_str(r->arena, name);
}

/* How long a worker is silent after it told of a limit without a place. */
#define QUIET_LEAST (60 * USEC_PER_SEC)
#define QUIET_MOST (3600 * USEC_PER_SEC)

/* Once in the window of the limit that was let pass, one limit for all. */
static void
tell_unenforced(struct flow *f, const struct gate_limit_result *res)
{
	usec_t now = clock_wall();
	usec_t until = res->unenforced_end;

	if (!res->unenforced || now < f->unenforced_quiet)
		return;
	if (until < now + QUIET_LEAST)
		until = now + QUIET_LEAST;
	if (until > now + QUIET_MOST)
		until = now + QUIET_MOST;
	f->unenforced_quiet = until;
	log_msg(LOG_ERROR,
	    "limit %.*s is not enforced: the table of counters is full "
	    "(server.counters)",
	    STR_ARG(res->unenforced->name));
}

/* Once in a window: the line that an operator looks for. */
static void
tell(struct req *r, const struct gate_limit_result *res)
{
	tell_unenforced(r->flow, res);
	if (res->shadow)
		r->rec.limit_shadow = keep(r, res->shadow->name);
	for (uint32_t i = 0; i < res->n_events; i++) {
		const struct gate_event *e = &res->event[i];
		int64_t percent =
		    (int64_t)((double)e->used * 100 / (double)e->limit->amount);
		char amount[96];

		stats_add(r->flow->shm, STATS_LIMITS_SOFT, 1);
		log_msg(LOG_WARN, "limit %.*s: %lld%% used, told at %u%%",
		    STR_ARG(e->limit->name), (long long)percent,
		    (unsigned)e->limit->soft_percent);
		put_amount(e->limit, amount, sizeof(amount));
		audit_soft(r, e->limit, amount, percent);
	}
}

/* ---- the client's -------------------------------------------------------- */

static enum err
no_memory(struct req *r)
{
	msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	return ERR_NOMEM;
}

static enum flow_step
refused(struct req *r)
{
	stats_add(r->flow->shm, STATS_LIMITS_REFUSED, 1);
	r->rec.limit = keep(r, r->limit.limit->name);
	fail_limit(r, &r->limit);
	return flow_refuse(r);
}

/* Headers tell that the other hosts have left nothing. */
static void
none_left(struct gate_limit_result *res)
{
	const struct conf_limit *l = res->limit;

	if (l->sort == CONF_LIMIT_REQUESTS) {
		res->requests_limit = l->amount;
		res->requests_remaining = 0;
		res->requests_reset = res->retry_after;
	} else if (l->sort == CONF_LIMIT_TOKENS) {
		res->tokens_limit = l->amount;
		res->tokens_remaining = 0;
		res->tokens_reset = res->retry_after;
	}
}

/* memcached had lost it; what the ledger has of it is counted by now. */
static enum flow_step
choose_if_fits(struct req *r)
{
	const struct gate_use none = { .is_refused = true };
	uint32_t hold;

	if (r->flow->limit.is_lenient || gate_holds_fit(&r->holds, &hold))
		return FLOW_CHOOSE;
	gate_limit_refused(&r->holds.hold[hold], clock_wall(), &r->limit);
	none_left(&r->limit);
	gate_remote_settle(r->flow->remote, &r->holds, &none, NULL);
	return refused(r);
}

static enum flow_step
judge(struct req *r, enum gate_remote_verdict verdict, uint32_t hold)
{
	const struct gate_use none = { .is_refused = true };

	switch (verdict) {
	case GATE_REMOTE_ADMITTED:
		return r->wait.is_lost && r->flow->store
			   ? seed_limits(r, choose_if_fits)
			   : FLOW_CHOOSE;
	case GATE_REMOTE_WAIT:
		return FLOW_WAIT;
	case GATE_REMOTE_REFUSED:
		gate_limit_refused(
		    &r->holds.hold[hold], clock_wall(), &r->limit);
		none_left(&r->limit);
		gate_limit_settle(&r->flow->limit, &r->holds, &none, NULL);
		return refused(r);
	case GATE_REMOTE_CLOSED:
		break;
	}
	gate_limit_settle(&r->flow->limit, &r->holds, &none, NULL);
	msg_fail_set(&r->fail, MSG_FAIL_NO_TARGET,
	    "The gateway cannot count its limits at the moment. Its operator "
	    "has been told.");
	return flow_refuse(r);
}

static void
on_remote(void *arg, enum gate_remote_verdict verdict, uint32_t hold)
{
	struct req *r = arg;

	flow_go(r, judge(r, verdict, hold));
}

/* All that is to be known of it is known. */
static enum flow_step
take_now(struct req *r)
{
	struct gate_limits lists[LIMITS_LISTS_MAX];
	uint32_t n = limits_lists(r, NULL, lists);
	struct flow *f = r->flow;
	struct gate_ask ask;

	if (n == 0)
		return FLOW_CHOOSE;
	limits_who(r, &ask);
	fill_guess(r, lists, n, NULL, &ask);
	if (f->remote)
		gate_remote_look(f->remote);
	if (gate_limit_take(&f->limit, r->arena, lists, n, &ask, clock_wall(),
		&r->holds, &r->limit) != ERR_OK) {
		(void)no_memory(r);
		return flow_refuse(r);
	}
	tell(r, &r->limit);
	if (!r->limit.admitted)
		return refused(r);
	if (!f->remote)
		return FLOW_CHOOSE;
	return judge(r,
	    gate_remote_take(f->remote, &r->holds, &r->wait, on_remote, r), 0);
}

enum flow_step
limits_take(struct req *r)
{
	r->guess_output = -1;
	r->limit = GATE_NOT_LIMITED;
	r->rules = gate_rules_ref(r->flow->rules);
	return r->flow->store ? seed_limits(r, take_now) : take_now(r);
}

static void
settle_holds(struct req *r)
{
	struct gate_limit_result events = GATE_NOT_LIMITED;
	struct flow *f = r->flow;

	if (r->wait.group)
		gate_remote_cancel(f->remote, &r->wait, &r->holds);
	else if (f->remote)
		gate_remote_settle(f->remote, &r->holds, &r->used, &events);
	else
		gate_limit_settle(&f->limit, &r->holds, &r->used, &events);
	tell(r, &events);
}

void
limits_settle(struct req *r)
{
	if (r->guess_output >= 0 && r->model && r->rec.usage.completion >= 0)
		gate_guess_learn(r->flow->shm, r->model->name, client_number(r),
		    r->rec.usage.completion);
	if (r->holds.n > 0)
		settle_holds(r);
}

/* ---- the worker's --------------------------------------------------------- */

static void
on_away(void *arg, bool is_away)
{
	struct flow *f = arg;

	stats_gauge_add(f->shm, STATS_G_MEMCACHED_AWAY, is_away ? 1 : -1);
	log_msg(LOG_WARN, "memcached is %s", is_away ? "away" : "back");
}

void
limits_conf(struct flow *f)
{
	const struct conf *c = f->conf;
	const struct gate_remote_options options = {
		.servers = c->memcached,
		.n_servers = c->n_memcached,
		.when_away = c->limits_when_away,
		.on_away = on_away,
		.arg = f,
	};

	if (f->remote)
		gate_remote_policy(f->remote, c->limits_when_away);
	else if (c->n_memcached > 0)
		f->remote = gate_remote_new(f->loop, &f->limit, &options);
}

void
limits_fini(struct flow *f)
{
	gate_remote_free(f->remote);
	f->remote = NULL;
}

/* ---- the provider's ------------------------------------------------------ */

enum err
limits_take_call(struct req *r, const struct conf_provider *p)
{
	struct gate_limits lists[LIMITS_LISTS_MAX];
	uint32_t n = limits_lists(r, p, lists);
	struct gate_limit_result res;
	struct gate_ask ask;

	if (n == 0)
		return ERR_OK;
	limits_who(r, &ask);
	ask.provider = p->name;
	fill_guess(r, lists, n, p, &ask);
	if (gate_limit_take(&r->flow->limit, r->arena, lists, n, &ask,
		clock_wall(), &r->call_holds, &res) != ERR_OK)
		return no_memory(r);
	tell(r, &res);
	if (res.admitted)
		return ERR_OK;
	r->rec.limit = keep(r, res.limit->name);
	msg_fail_set(&r->fail, MSG_FAIL_RATE_LIMIT,
	    "The provider's configured limit is used up.");
	r->fail.retry_after = res.retry_after;
	return ERR_DENIED;
}

void
limits_share(
    struct req *r, const struct conf_provider *p, struct gate_share *out)
{
	const struct gate_limits own = { p->limits, NULL, p->n_limits, true };
	struct gate_ask ask = { .provider = p->name };

	gate_limit_share(&r->flow->limit, &own, &ask, clock_wall(), out);
}

void
limits_notes(struct flow *f, struct buf *out)
{
	static const char *const meanwhile[] = {
		[CONF_AWAY_LOCAL] = "each host counts limits for itself",
		[CONF_AWAY_OPEN] = "limits refuse nothing",
		[CONF_AWAY_CLOSED] = "what has a limit is refused",
	};

	if (!f->remote)
		return;
	gate_remote_look(f->remote);
	if (gate_remote_is_away(f->remote))
		buf_printf(out, "memcached is away: %s\n",
		    meanwhile[f->conf->limits_when_away]);
}

void
limits_table_notes(struct flow *f, struct buf *out)
{
	int64_t n = stats_get(f->shm, STATS_LIMITS_UNENFORCED);

	if (n > 0)
		buf_printf(out,
		    "the table of counters is full (server.counters: %u of "
		    "%u are taken): limits without a place in it are not "
		    "enforced; %lld times so far\n",
		    (unsigned)shm_tallies_used(f->shm),
		    (unsigned)shm_tallies_size(f->shm), (long long)n);
}
