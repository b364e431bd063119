/* What attempts cost, by the prices of files and database. */
#include "flow/life.h"

#include "base/log.h"
#include "base/num.h"

void
flow_prices_fini(struct flow_prices *p)
{
	meter_prices_free(p->now);
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
	meter_prices_free(p->now);
	p->now = fresh;
}

void
flow_prices_take(
    struct flow *f, const struct flow_prices *fresh, bool is_of_conf)
{
	struct flow_prices old = f->prices;

	f->prices = *fresh;
	if (!is_of_conf) {
		f->prices.now = old.now;
		old.now = fresh->now;
		flow_prices_renew(f);
	}
	flow_prices_fini(&old);
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
