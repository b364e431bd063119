/* What a worker holds whole of the database: a row each (flow/watch.h). */
#include "base/log.h"
#include "flow/life.h"
#include "flow/watch.h"
#include "store/price.h"

/* ---- keys of providers --------------------------------------------------- */

static bool
has_master_key(const struct conf *c)
{
	return c->master_key != NULL;
}

static enum err
read_keys(struct store *s, const struct conf *c, int64_t version, void **out)
{
	struct store_masters masters = route_masters(c);
	struct store_secrets *set;
	enum err e = store_secrets_load(s, &masters, &set);

	(void)version;
	if (e == ERR_OK)
		*out = set;
	return e;
}

static void
take_keys(struct flow *f, const struct conf *c, void *got)
{
	struct store_secrets *set = got;

	(void)c;
	if (set->n_closed > 0)
		log_msg(LOG_WARN, "no master key opens %u of %u sealed keys",
		    set->n_closed, set->n);
	keys_sealed_take(f, set);
}

static void
drop_keys(void *got)
{
	store_secrets_free(got);
}

/* ---- prices -------------------------------------------------------------- */

#define PRICES_ARENA_MAX ((size_t)256 * 1024 * 1024)

static enum err
read_prices(struct store *s, const struct conf *c, int64_t version, void **out)
{
	struct arena *arena = arena_new(PRICES_ARENA_MAX);
	struct flow_prices *p;
	enum err e = ERR_NOMEM;

	if (!arena)
		return e;
	p = ARENA_NEW(arena, struct flow_prices);
	if (p) {
		p->arena = arena;
		e = store_price_rows(
		    s, version, arena, &p->stored, &p->n_stored);
	}
	if (e == ERR_OK)
		e = meter_prices_of(c, p->stored, p->n_stored, &p->now);
	if (e == ERR_OK)
		*out = p;
	else
		arena_free(arena);
	return e;
}

static void
take_prices(struct flow *f, const struct conf *c, void *got)
{
	flow_prices_take(f, got, c == f->conf);
}

/* ---- limits -------------------------------------------------------------- */

static enum err
read_limits(struct store *s, const struct conf *c, int64_t version, void **out)
{
	struct gate_rules *rules;
	enum err e = gate_rules_load(s, &rules);

	(void)c;
	(void)version;
	if (e == ERR_OK)
		*out = rules;
	return e;
}

static void
take_limits(struct flow *f, const struct conf *c, void *got)
{
	uint32_t n_bad = gate_rules_bad(got);

	(void)c;
	gate_rules_unref(f->rules);
	f->rules = got;
	if (n_bad > 0)
		log_msg(LOG_WARN,
		    "%u limits of the database are no good and do not "
		    "count; llmgwctl limit list shows them",
		    (unsigned)n_bad);
}

/* ---- all of them --------------------------------------------------------- */

static const struct watch_row rows[FLOW_STORED__MAX] = {
	[FLOW_STORED_KEYS] = { .what = "sealed keys",
	    .without = "they are missing",
	    .is_needed = true,
	    .is_of_conf = true, /* its master keys open them */
	    .is_wanted = has_master_key,
	    .sorts = { "secret" },
	    .read = read_keys,
	    .take = take_keys,
	    .drop = drop_keys },
	[FLOW_STORED_PRICES] = { .what = "prices",
	    .without = "those of the files count",
	    .version = store_price_newest,
	    .read = read_prices,
	    .take = take_prices },
	[FLOW_STORED_LIMITS] = { .what = "limits",
	    .without = "those of the file count",
	    .sorts = { "limit", "tenant" /* its time zone */ },
	    .read = read_limits,
	    .take = take_limits },
};

void
stored_conf(struct flow *f)
{
	for (int i = 0; i < FLOW_STORED__MAX && f->store; i++) {
		if (!f->stored[i])
			f->stored[i] = watch_new(f, &rows[i]);
		if (f->stored[i])
			watch_conf(f->stored[i]);
	}
}

void
flow_stored_read(struct flow *f)
{
	for (int i = 0; i < FLOW_STORED__MAX; i++)
		if (f->stored[i])
			watch_read(f->stored[i]);
}

void
stored_fini(struct flow *f)
{
	for (int i = 0; i < FLOW_STORED__MAX; i++)
		watch_free(f->stored[i]);
	gate_rules_unref(f->rules);
	f->rules = NULL;
}
