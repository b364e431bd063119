#include "meter/recompute.h"

#include "base/fault.h"
#include "base/map.h"
#include "base/num.h"
#include "meter/booking.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

/* A provider's model, and how its price is found. */
struct model {
	struct meter_recompute_sum sum; /* first */
	const struct conf_target *target; /* NULL: not configured any more */
	struct str price_as; /* where there is no target */
};

struct meter_recompute {
	struct arena *arena;
	const struct conf *conf;
	const struct meter_prices *prices;
	struct map *by_name; /* "provider\0model" -> struct model */
	struct model **list;
	uint32_t n;
};

struct meter_recompute *
meter_recompute_new(const struct conf *c, const struct meter_prices *prices)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct meter_recompute *r =
	    a != NULL ? ARENA_NEW(a, struct meter_recompute) : NULL;

	if (r == NULL) {
		arena_free(a);
		return NULL;
	}
	r->arena = a;
	r->conf = c;
	r->prices = prices;
	r->by_name = map_new(METER_RECOMPUTE_MODELS_MAX);
	r->list = arena_calloc(a, METER_RECOMPUTE_MODELS_MAX, sizeof(*r->list));
	if (r->by_name != NULL && r->list != NULL)
		return r;
	meter_recompute_free(r);
	return NULL;
}

void
meter_recompute_free(struct meter_recompute *r)
{
	if (r == NULL)
		return;
	map_free(r->by_name);
	arena_free(r->arena);
}

static struct str
price_as(const struct conf *c, struct str provider)
{
	for (uint32_t i = 0; i < c->n_providers; i++) {
		if (str_eq(c->providers[i].name, provider))
			return c->providers[i].price_as;
	}
	return provider;
}

static enum err
find_model(struct meter_recompute *r, const struct store_ledger *row,
    struct model **out)
{
	char text[512];
	struct str key = { text, row->provider.n + 1 + row->model.n };
	struct model *m;

	if (key.n > sizeof(text))
		return ERR_LIMIT;
	memcpy(text, row->provider.p, row->provider.n);
	text[row->provider.n] = '\0';
	memcpy(text + row->provider.n + 1, row->model.p, row->model.n);
	*out = map_find(r->by_name, key);
	if (*out != NULL)
		return ERR_OK;
	if (r->n == METER_RECOMPUTE_MODELS_MAX)
		return ERR_LIMIT;
	m = ARENA_NEW(r->arena, struct model);
	key = arena_str(r->arena, key);
	if (m == NULL || !str_present(key))
		return ERR_NOMEM;
	m->sum.provider = str_of(key.p, row->provider.n);
	m->sum.model = str_skip(key, row->provider.n + 1);
	m->target =
	    meter_price_target_find(r->conf, m->sum.provider, m->sum.model);
	m->price_as = price_as(r->conf, m->sum.provider);
	if (map_put(r->by_name, key, m) != ERR_OK)
		return ERR_NOMEM;
	r->list[r->n++] = m;
	*out = m;
	return ERR_OK;
}

static struct msg_usage
usage_of(const struct store_ledger *row)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;

	u.prompt = row->prompt;
	u.completion = row->completion;
	u.cached = row->cached;
	u.written = row->cache_write;
	u.written_1h = row->cache_write_1h;
	u.reasoning = row->reasoning;
	u.audio_in = row->audio_in;
	u.audio_out = row->audio_out;
	u.image_in = row->image_in;
	u.image_out = row->image_out;
	return u;
}

static bool
is_for_nothing(const struct store_ledger *row, const struct msg_usage *u)
{
	for (int i = 0; i < METER_BOOKED__MAX; i++) {
		if (strcmp(row->state,
			meter_booked_word((enum meter_booked)i)) == 0)
			return meter_booked_for_nothing(
			    (enum meter_booked)i, u);
	}
	return false;
}

/* The arithmetic is that of a booking: see meter/price.c. */
static bool
price(const struct meter_recompute *r, const struct model *m,
    const struct msg_usage *u, nanousd_t *cost, int64_t *version)
{
	if (m->target != NULL)
		return meter_price_target_cost(
		    r->prices, m->target, u, cost, version);
	return meter_price_cost(
	    r->prices, m->price_as, m->sum.model, u, cost, version);
}

static void
book(struct meter_recompute_sum *s, nanousd_t before, nanousd_t after)
{
	s->changed++;
	s->unpriced_before += before < 0;
	s->unpriced_after += after < 0;
	if (before > 0)
		s->before = num_add_i64_sat(s->before, before);
	if (after > 0)
		s->after = num_add_i64_sat(s->after, after);
}

enum err
meter_recompute_row(struct meter_recompute *r, const struct store_ledger *row,
    bool *is_changed, nanousd_t *cost, int64_t *version)
{
	const struct msg_usage u = usage_of(row);
	const bool is_free = is_for_nothing(row, &u);
	nanousd_t now = -1;
	int64_t by = 0;
	struct model *m;
	enum err e = find_model(r, row, &m);

	if (e != ERR_OK)
		return e;
	m->sum.rows++;
	/* what cost nothing then has no version to speak of */
	*is_changed = false;
	if (is_free && row->cost == 0)
		return ERR_OK;
	if (is_free)
		now = 0;
	else if (!price(r, m, &u, &now, &by))
		now = -1;
	*is_changed =
	    now != row->cost || (now >= 0 && by != row->price_version);
	*cost = now;
	*version = by;
	if (*is_changed)
		book(&m->sum, row->cost, now);
	return ERR_OK;
}

uint32_t
meter_recompute_count(const struct meter_recompute *r)
{
	return r->n;
}

const struct meter_recompute_sum *
meter_recompute_sum(const struct meter_recompute *r, uint32_t i)
{
	return &r->list[i]->sum;
}
