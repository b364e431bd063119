#include "flow/life.h"

#include "base/fault.h"
#include "base/rand.h"
#include "meter/booking.h"
#include "meter/estimate.h"
#include "meter/price.h"
#include "meter/spool.h"
#include "sys/stats.h"

int64_t
ledger_prompt_estimate(struct req *r)
{
	if (!r->is_estimated) {
		r->prompt_estimate = meter_estimate_prompt(&r->msg);
		r->is_estimated = true;
	}
	return r->prompt_estimate;
}

/* What begin and settle say alike. */
static void
fill(struct req *r, struct meter_booking *b)
{
	const struct req_attempt *a = &r->attempt;
	const struct conf_target *t = route_plan_target(&r->plan);

	*b = (struct meter_booking){ .began = a->booking.began,
		.tenant_id = r->client.tenant_id,
		.team_id = r->client.team_id,
		.user_id = r->client.user_id,
		.key_id = r->client.key_id,
		.attempt = r->rec.n_attempts,
		.usage = MSG_USAGE_UNKNOWN,
		.cost = -1,
		.request_id = r->rec.request_id,
		.client = r->rec.client,
		.surface = str_z(r->rec.surface),
		.alias = r->rec.alias,
		.provider = t->provider->name,
		.kind = t->provider->price_as,
		.model = t->model };
	memcpy(b->id, a->ledger_id, sizeof(b->id));
}

/*
 * Milliseconds first: rows come to the database in about that order, and lie
 * side by side there. Random alone they cost a page each, in the table and in
 * what is written ahead of it.
 */
static void
new_id(usec_t wall, unsigned char id[METER_BOOKING_ID])
{
	uint64_t parts[2] = { rand_u64(), rand_u64() };
	uint64_t msec = (uint64_t)(wall / USEC_PER_MSEC);

	memcpy(id, parts, METER_BOOKING_ID);
	for (int i = 5; i >= 0; i--, msec >>= 8)
		id[i] = (unsigned char)msec;
}

static enum err
no_room(struct req *r)
{
	struct flow *f = r->flow;

	if (r->conf->ledger_when_full == CONF_FULL_UNBOOKED) {
		stats_add(f->shm, STATS_LEDGER_UNBOOKED, 1);
		if (f->spool)
			spool_unbooked(f->spool);
		return ERR_OK;
	}
	stats_add(f->shm, STATS_LEDGER_REFUSED, 1);
	msg_fail_set(&r->fail, MSG_FAIL_NO_TARGET,
	    "The gateway cannot book requests at the moment, so it does not "
	    "make them. Its operator has been told.");
	return ERR_LIMIT;
}

enum err
ledger_begin(struct req *r)
{
	struct req_booking *k = &r->attempt.booking;
	struct meter_booking b;
	UNCLEARED char bytes[METER_BOOKING_MAX];

	*k = (struct req_booking){ .began = clock_wall() };
	new_id(k->began, r->attempt.ledger_id);
	if (!r->conf->ledger ||
	    (!r->flow->spool && !r->flow->ledger_problem[0]))
		return ERR_OK;
	fill(r, &b);
	b.usage.prompt = ledger_prompt_estimate(r);
	b.is_estimated = true;
	if (r->flow->spool)
		k->slot = spool_begin(r->flow->spool, METER_CALL_NOT_SENT,
		    bytes, meter_booking_encode(&b, bytes));
	fault_kill("kill.begun");
	return k->slot ? ERR_OK : no_room(r);
}

void
ledger_event(struct req *r, const struct msg_event *ev)
{
	struct req_booking *k = &r->attempt.booking;

	switch (ev->type) {
	case MSG_EV_TEXT:
	case MSG_EV_REASONING:
	case MSG_EV_REFUSAL:
	case MSG_EV_CALL_ARGS:
		k->weight += meter_estimate_weight(ev->text);
		break;
	case MSG_EV_CALL_START:
		k->weight += meter_estimate_weight(ev->name);
		break;
	default:
		return;
	}
	if (k->slot)
		spool_progress(k->slot, k->weight);
	fault_kill("kill.content");
}

/* meter/booking.h says of a request what upstream.h says. */
_Static_assert((int)METER_CALL_NOT_SENT == (int)UPSTREAM_NOT_HANDED &&
		   (int)METER_CALL_SENDING == (int)UPSTREAM_HANDING &&
		   (int)METER_CALL_SENT == (int)UPSTREAM_HANDED,
    "one word");

_Atomic uint32_t *
ledger_handed(const struct req *r)
{
	struct spool_slot *slot = r->attempt.booking.slot;

	return slot ? &spool_words(slot)[METER_WORD_CALL] : NULL;
}

static void
set_answer(struct spool_slot *slot, int status, bool is_final)
{
	uint32_t word = status > 0 ? (uint32_t)status : 0;

	if (is_final)
		word |= METER_ANSWER_FINAL;
	atomic_store_explicit(
	    &spool_words(slot)[METER_WORD_ANSWER], word, memory_order_relaxed);
}

void
ledger_status(const struct req *r)
{
	if (r->attempt.booking.slot)
		set_answer(r->attempt.booking.slot, r->attempt.status, false);
	fault_kill("kill.status");
}

void
ledger_told(const struct req *r)
{
	struct spool_slot *slot = r->attempt.booking.slot;
	struct msg_usage told;
	bool is_final;

	if (!slot)
		return;
	told = api_norm_usage(r->norm);
	is_final = told.completion >= 0 &&
		   (r->attempt.ended || api_norm_is_finished(r->norm));
	meter_booking_tell(spool_words(slot), &told);
	set_answer(slot, r->attempt.status, is_final);
	fault_kill("kill.told");
}

void
ledger_ended(struct req *r, bool was_sent)
{
	struct req_booking *k = &r->attempt.booking;

	k->status = r->attempt.status;
	k->is_ended = r->attempt.ended;
	k->is_complete = k->is_ended && r->fail.class == MSG_FAIL_NONE;
	k->was_sent = was_sent || k->status > 0;
}

static enum meter_booked
state_of(const struct req *r)
{
	const struct req_booking *k = &r->attempt.booking;

	if (k->is_complete && r->fail.class == MSG_FAIL_NONE)
		return METER_BOOKED_OK;
	if (!k->was_sent)
		return METER_BOOKED_NOT_SENT;
	if (r->rec.outcome == METER_ABORTED)
		return METER_BOOKED_ABORTED;
	if (k->status > 0 && (k->status < 200 || k->status > 299))
		return METER_BOOKED_FAILED;
	/* An error that the provider told of in its stream is its answer. */
	if (!k->is_ended || r->fail.class == MSG_FAIL_CUT ||
	    r->fail.class == MSG_FAIL_BAD_ANSWER ||
	    r->fail.class == MSG_FAIL_INTERNAL)
		return METER_BOOKED_CUT;
	return METER_BOOKED_FAILED;
}

static void
at_least(int64_t *n, int64_t least)
{
	if (*n < least)
		*n = least;
}

/* meter/booking.h has the rules. */
static void
tokens(struct req *r, const struct msg_usage *told, struct meter_booking *b)
{
	const struct req_booking *k = &r->attempt.booking;
	bool is_told = told->prompt >= 0 || told->completion >= 0;
	bool is_ok = b->state == METER_BOOKED_OK;

	b->usage = *told;
	if (b->state == METER_BOOKED_NOT_SENT ||
	    (b->state == METER_BOOKED_FAILED && k->weight == 0)) {
		at_least(&b->usage.prompt, 0);
		at_least(&b->usage.completion, 0);
		return;
	}
	if (!is_told || told->prompt < 0) {
		b->usage.prompt = ledger_prompt_estimate(r);
		b->is_estimated = true;
	}
	if (is_ok && told->completion >= 0)
		return;
	at_least(&b->usage.completion, meter_estimate_tokens(k->weight));
	b->is_estimated = true;
}

void
ledger_used(struct req *r, const struct msg_usage *told, struct msg_usage *out)
{
	struct meter_booking b = { .state = state_of(r) };

	tokens(r, told, &b);
	*out = b.usage;
}

void
ledger_settle(struct req *r, const struct msg_usage *told)
{
	struct req_booking *k = &r->attempt.booking;
	struct meter_booking b;
	UNCLEARED char bytes[METER_BOOKING_MAX];

	if (!k->slot) {
		*k = (struct req_booking){ 0 };
		return;
	}
	fill(r, &b);
	b.ended = clock_wall();
	b.status = k->status;
	b.state = state_of(r);
	tokens(r, told, &b);
	if (meter_booked_for_nothing(b.state, &b.usage))
		b.cost = 0;
	else if (!meter_price_target_cost(r->flow->prices.now,
		     route_plan_target(&r->plan), &b.usage, &b.cost,
		     &b.price_version))
		b.cost = -1;
	fault_kill("kill.settle");
	spool_settle(
	    r->flow->spool, k->slot, bytes, meter_booking_encode(&b, bytes));
	fault_kill("kill.settled");
	*k = (struct req_booking){ 0 };
}
