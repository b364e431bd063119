/* Whether memcached answers: one breaker for all workers of the host. */
#include "gate/remote_int.h"

static void on_look(void *arg);

void
gate_remote_look(struct gate_remote *r)
{
	bool is_away = atomic_load(r->away_until) != 0;

	if (is_away == r->is_away)
		return;
	r->is_away = is_away;
	r->limit->is_lenient =
	    is_away && r->options.when_away == CONF_AWAY_OPEN;
	if (!is_away)
		timer_stop(r->loop, &r->look);
	else if (timer_set(r->loop, &r->look, GATE_REMOTE_RETRY, on_look, r) !=
		 ERR_OK)
		timer_stop(r->loop, &r->look); /* requests look, too */
	if (!is_away) {
		/* what each host has counted for itself meanwhile */
		shm_lost(r->limit->shm, clock_wall());
		gate_remote_pay(r);
		gate_remote_look_at_all(r);
	}
	if (r->options.on_away)
		r->options.on_away(r->options.arg, is_away);
}

void
gate_remote_away(struct gate_remote *r, bool is_away)
{
	usec_t until = is_away ? clock_mono() + r->retry_after : 0;

	r->retry_after = is_away ? r->retry_after * 2 : GATE_REMOTE_RETRY;
	if (r->retry_after > GATE_REMOTE_RETRY_MAX)
		r->retry_after = GATE_REMOTE_RETRY_MAX;
	if (!is_away && atomic_load(r->away_until) != 0)
		atomic_store(r->back_at, clock_mono());
	atomic_store(r->away_until, until);
	gate_remote_look(r);
}

bool
gate_remote_is_just_back(const struct gate_remote *r)
{
	usec_t since = clock_mono() - atomic_load(r->back_at);

	if (r->options.when_away == CONF_AWAY_CLOSED)
		return false; /* nobody counted for itself */
	/* below 0: of another boot's clock */
	return since >= 0 && since < GATE_REMOTE_REBUILD;
}

bool
gate_remote_is_away(const struct gate_remote *r)
{
	return r->is_away;
}

void
gate_remote_policy(struct gate_remote *r, enum conf_away when_away)
{
	r->options.when_away = when_away;
	r->limit->is_lenient = r->is_away && when_away == CONF_AWAY_OPEN;
}

/* One of the host's workers, and nobody waits for it. */
static void
probe(struct gate_remote *r)
{
	usec_t now = clock_mono();
	int64_t until = atomic_load(r->away_until);

	if (until == 0 || r->running || r->is_probe || r->gathering->n > 0)
		return;
	/* Further off than anyone sets it: of another boot's clock. */
	if (now < until && until - now <= GATE_REMOTE_RETRY_MAX)
		return;
	if (!atomic_compare_exchange_strong(
		r->away_until, &until, now + GATE_REMOTE_RETRY))
		return;
	r->is_probe = true;
	gate_remote_submit(r);
}

static void
on_look(void *arg)
{
	struct gate_remote *r = arg;

	gate_remote_look(r);
	if (!r->is_away)
		return;
	probe(r);
	if (timer_set(r->loop, &r->look, GATE_REMOTE_RETRY, on_look, r) !=
	    ERR_OK)
		timer_stop(r->loop, &r->look);
}

void
gate_remote_breaker_init(struct gate_remote *r)
{
	struct shm_tally *t =
	    shm_tally(r->limit->shm, UINT64_C(0x6d656d6361636865));

	r->retry_after = GATE_REMOTE_RETRY;
	r->away_until = t ? &t->cell[TALLY_COUNT] : &r->own[0];
	r->back_at = t ? &t->cell[TALLY_KNOWN] : &r->own[1];
}

void
gate_remote_breaker_fini(struct gate_remote *r)
{
	timer_stop(r->loop, &r->look);
	/* this worker finds nothing any more */
	if (r->is_away && r->options.on_away)
		r->options.on_away(r->options.arg, false);
}
