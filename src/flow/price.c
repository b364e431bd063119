/* What attempts cost, by the prices of files and database. */
#include "flow/life.h"

#include "base/log.h"
#include "base/num.h"

#define STORED_ARENA_MAX ((size_t)256 * 1024 * 1024)

void
flow_prices_fini(struct flow_prices *p)
{
	meter_prices_unref(p->now);
	arena_free(p->arena);
	*p = (struct flow_prices){ 0 };
}

void
flow_prices_renew(struct flow *f)
{
	struct flow_prices *p = &f->prices;
	struct meter_prices *fresh = NULL;
	enum err e;

	if (!f->conf)
		return;
	e = meter_prices_of(f->conf, p->stored, p->n_stored, &fresh);
	if (e != ERR_OK) {
		/* by the old ones rather than by none */
		log_msg(LOG_ERROR, "prices: not renewed: %s", err_word(e));
		return;
	}
	meter_prices_unref(p->now);
	p->now = fresh;
}

enum err
flow_prices_set(struct flow *f, const struct price_row *rows, size_t n)
{
	struct arena *a = arena_new(STORED_ARENA_MAX);
	struct price_row *copy = a ? arena_calloc(a, n, sizeof(*copy)) : NULL;

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = rows[i];
		copy[i].provider = arena_str(a, rows[i].provider);
		copy[i].model = arena_str(a, rows[i].model);
	}
	if (!copy || arena_failed(a)) {
		arena_free(a);
		return ERR_NOMEM;
	}
	arena_free(f->prices.arena);
	f->prices.arena = a;
	f->prices.stored = copy;
	f->prices.n_stored = n;
	flow_prices_renew(f);
	return ERR_OK;
}

bool
price_attempt(const struct req *r, const struct msg_usage *u, nanousd_t *cost,
    int64_t *version)
{
	return r->rec.target && meter_price_target_cost(r->flow->prices.now,
				    r->rec.target, u, cost, version);
}

bool
price_request(const struct req *r, nanousd_t *cost)
{
	struct msg_usage u = api_norm_usage(r->norm);
	nanousd_t now;

	if (r->rec.has_unpriced || !price_attempt(r, &u, &now, NULL))
		return false;
	*cost = num_add_i64_sat(r->rec.cost, now);
	return true;
}

void
price_book(struct req *r, const struct msg_usage *u)
{
	struct meter_attempt unkept, *a = &unkept;
	uint32_t n = r->rec.n_attempts;

	if (u->prompt < 0 && u->completion < 0)
		return;
	if (n > 0 && n <= METER_ATTEMPTS_MAX)
		a = &r->rec.attempts[n - 1];
	a->is_used = true;
	a->is_priced = price_attempt(r, u, &a->cost, &r->rec.price_version);
	if (!a->is_priced) {
		r->rec.has_unpriced = true;
		return;
	}
	r->rec.has_cost = true;
	r->rec.cost = num_add_i64_sat(r->rec.cost, a->cost);
}
