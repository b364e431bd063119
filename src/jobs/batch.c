#include "jobs/batch.h"

#include "base/fault.h"
#include "meter/booking.h"
#include "store/spool_segment.h"

_Static_assert(STORE_LEDGER_ID == METER_BOOKING_ID, "one id");

void
jobs_crash_point(const char *name)
{
	fault_kill(name);
}

enum err
jobs_batch_init(struct jobs_batch *b)
{
	memset(b, 0, sizeof(*b));
	return jobs_rollup_init(&b->rollup, JOBS_BATCH_ROWS);
}

void
jobs_batch_fini(struct jobs_batch *b)
{
	jobs_rollup_fini(&b->rollup);
}

void
jobs_batch_clear(struct jobs_batch *b)
{
	b->n_rows = b->n_events = 0;
	b->unbooked = 0;
	b->oldest = 0;
}

bool
jobs_batch_is_full(const struct jobs_batch *b)
{
	return b->n_rows == JOBS_BATCH_ROWS || b->n_events == JOBS_BATCH_EVENTS;
}

/* ---- records -> rows ----------------------------------------------------- */

/* A begin of a dead worker. */
static void
make_lost(const struct jobs_batch *b, const struct spool_seen *seen,
    struct meter_booking *k)
{
	meter_booking_lose(k, seen->words, seen->progress);
	if (meter_booked_for_nothing(k->state, &k->usage))
		k->cost = 0;
	else if (!meter_price_booked_cost(b->prices, b->conf, k->provider,
		     k->kind, k->model, &k->usage, &k->cost, &k->price_version))
		k->cost = -1;
}

/*
 * What a provider tells may be absurd; sums must stay numbers. A million
 * million tokens; money as METER_COST_MAX.
 */
#define TOKENS_MAX INT64_C(1000000000000)

static int64_t
at_most(int64_t n, int64_t max)
{
	return n < max ? n : max;
}

static void
tokens_to_row(const struct msg_usage *u, struct store_ledger *row)
{
	row->prompt = at_most(u->prompt, TOKENS_MAX);
	row->completion = at_most(u->completion, TOKENS_MAX);
	row->cached = at_most(u->cached, TOKENS_MAX);
	row->cache_write = at_most(u->written, TOKENS_MAX);
	row->cache_write_1h = at_most(u->written_1h, TOKENS_MAX);
	row->reasoning = at_most(u->reasoning, TOKENS_MAX);
	row->audio_in = at_most(u->audio_in, TOKENS_MAX);
	row->audio_out = at_most(u->audio_out, TOKENS_MAX);
	row->image_in = at_most(u->image_in, TOKENS_MAX);
	row->image_out = at_most(u->image_out, TOKENS_MAX);
}

static void
to_row(const struct jobs_batch *b, const struct meter_booking *k,
    struct store_ledger *row)
{
	*row = (struct store_ledger){ .began = k->began,
		.ended = k->ended,
		.attempt = k->attempt,
		.tenant_id = k->tenant_id,
		.team_id = k->team_id,
		.user_id = k->user_id,
		.key_id = k->key_id,
		.status = k->status,
		.is_estimated = k->is_estimated,
		.cost = at_most(k->cost, METER_COST_MAX),
		.price_version = k->price_version,
		.state = meter_booked_word(k->state),
		.node = b->node,
		.request_id = k->request_id,
		.client = k->client,
		.surface = k->surface,
		.alias = k->alias,
		.provider = k->provider,
		.model = k->model };
	memcpy(row->id, k->id, sizeof(row->id));
	tokens_to_row(&k->usage, row);
}

static bool
take_booking(struct jobs_batch *b, const struct spool_seen *seen)
{
	struct meter_booking k;
	usec_t at;

	if (meter_booking_decode(seen->payload, &k) != ERR_OK)
		return false;
	if (seen->kind == SPOOL_BEGIN)
		make_lost(b, seen, &k);
	at = k.ended > 0 ? k.ended : k.began;
	if (b->oldest == 0 || at < b->oldest)
		b->oldest = at;
	to_row(b, &k, &b->rows[b->n_rows++]);
	return true;
}

bool
jobs_batch_take(struct jobs_batch *b, const struct spool_seen *seen)
{
	struct spool_unbooked mark;

	switch (seen->kind) {
	case SPOOL_BEGIN:
	case SPOOL_SETTLE:
		return take_booking(b, seen);
	case SPOOL_AUDIT:
		if (b->audit)
			b->events[b->n_events++] = seen->payload;
		return b->audit != NULL;
	case SPOOL_UNBOOKED:
		if (seen->payload.n != sizeof(mark))
			return false;
		memcpy(&mark, seen->payload.p, sizeof(mark));
		b->unbooked += mark.count;
		return true;
	case SPOOL_KIND__MAX:
		break;
	}
	return false;
}

/* ---- writing ------------------------------------------------------------- */

struct write {
	struct jobs_batch *batch;
	struct jobs_source *sources;
	uint32_t n_sources;
	bool one_by_one; /* some of the rows may be there */
};

static bool
is_lost(const struct store_ledger *row)
{
	return strcmp(row->state, "lost") == 0 ||
	       strcmp(row->state, "unsure") == 0;
}

static enum err
add_rows(struct write *w, struct store *s)
{
	struct jobs_batch *b = w->batch;
	enum err e = ERR_OK;
	bool is_new = true;

	b->n_new = b->n_lost = 0;
	jobs_rollup_clear(&b->rollup);
	if (!w->one_by_one && b->n_rows > 0)
		e = store_ledger_add(s, b->rows, b->n_rows);
	for (uint32_t i = 0; i < b->n_rows && e == ERR_OK; i++) {
		if (w->one_by_one)
			e = store_ledger_add_new(s, &b->rows[i], &is_new);
		if (e != ERR_OK || !is_new)
			continue;
		jobs_rollup_add(&b->rollup, &b->rows[i]);
		b->n_new++;
		b->n_lost += is_lost(&b->rows[i]);
	}
	return e;
}

static enum err
add_events(struct write *w, struct store *s)
{
	struct jobs_batch *b = w->batch;
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < b->n_events && e == ERR_OK; i++) {
		e = b->audit(s, b->audit_arg, b->events[i]);
		if (e == ERR_DENIED) /* it is there */
			e = ERR_OK;
	}
	return e;
}

static enum err
put_positions(struct write *w, struct store *s)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < w->n_sources && e == ERR_OK; i++) {
		struct jobs_source *one = &w->sources[i];

		if (one->reader.at != one->taken)
			e = store_spool_segment_put(s, w->batch->node,
			    str_z(one->name), (int64_t)one->reader.at);
	}
	return e;
}

static enum err
write_all(struct store *s, void *arg)
{
	struct write *w = arg;
	struct jobs_rollup *r = &w->batch->rollup;
	enum err e = add_rows(w, s);

	jobs_crash_point("drain.rows");
	if (e == ERR_OK) {
		jobs_rollup_finish(r);
		if (r->n > 0)
			e = store_rollup_add(s, r->rows, r->n);
	}
	jobs_crash_point("drain.sums");
	if (e == ERR_OK)
		e = add_events(w, s);
	if (e == ERR_OK)
		e = put_positions(w, s);
	jobs_crash_point("drain.positions");
	return e;
}

enum err
jobs_batch_write(struct jobs_batch *b, struct store *s,
    struct jobs_source *sources, uint32_t n_sources)
{
	struct write w = { b, sources, n_sources, false };
	enum err e;

	e = store_atomically(s, write_all, &w);
	if (e == ERR_DENIED) {
		/* A position is older than its rows: none counts twice. */
		w.one_by_one = true;
		e = store_atomically(s, write_all, &w);
	}
	jobs_crash_point("drain.committed");
	if (e != ERR_OK)
		return e;
	for (uint32_t i = 0; i < n_sources; i++)
		sources[i].taken = sources[i].reader.at;
	jobs_batch_clear(b);
	return ERR_OK;
}
