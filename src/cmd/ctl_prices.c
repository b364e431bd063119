/* Prices for llmgwctl's commands: where they lie, whose they are, their rows. */
#include "cmd/ctl_price.h"

#include "prov/prov.h"
#include "store/price.h"

#define ROWS_ARENA_MAX ((size_t)512 * 1024 * 1024)

int
ctl_prices_conf(struct ctl *c, struct conf **out)
{
	struct conf_problems problems;
	enum err e;

	conf_problems_init(&problems, c->arena);
	e = conf_prices_read(ctl_config_here(c), out, &problems);
	return e == ERR_OK ? CTL_OK : ctl_conf_fail(c, &problems, e);
}

/* A slip would show the prices of now as those of then. */
static int
check_version(struct ctl *c, int64_t upto)
{
	int64_t newest = 0;
	enum err e = upto > 0 ? store_price_newest(c->store, &newest) : ERR_OK;

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	if (upto <= newest)
		return CTL_OK;
	return ctl_fail(c,
	    "no price version %lld; llmgwctl price versions lists them",
	    (long long)upto);
}

int
ctl_prices_load(struct ctl *c, int64_t upto, struct ctl_prices *out)
{
	struct price_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if (check_version(c, upto) != CTL_OK ||
	    ctl_prices_conf(c, &out->conf) != CTL_OK)
		return CTL_FAILED;
	out->arena = arena_new(ROWS_ARENA_MAX);
	e = out->arena != NULL
		? store_price_rows(c->store, upto, out->arena, &rows, &n)
		: ERR_NOMEM;
	if (e == ERR_OK)
		e = meter_prices_of(out->conf, rows, n, &out->all);
	if (e != ERR_OK) {
		ctl_prices_done(out);
		return ctl_store_fail(c, e);
	}
	out->stored = rows;
	out->n_stored = n;
	return CTL_OK;
}

void
ctl_prices_done(struct ctl_prices *p)
{
	meter_prices_free(p->all);
	arena_free(p->arena);
	conf_unref(p->conf);
	*p = (struct ctl_prices){ 0 };
}

struct str
ctl_price_family(struct ctl *c, const struct conf *conf, struct str name)
{
	const struct conf_provider *found = NULL;

	if (str_eqz(name, "*"))
		return name;
	for (uint32_t i = 0; i < conf->n_providers; i++) {
		const struct conf_provider *p = &conf->providers[i];

		if (str_eq(p->price_as, name))
			return name;
		if (str_eq(p->name, name))
			found = p;
	}
	if (found == NULL || prov_vendor_known(name) ||
	    prov_kind_find(name) != NULL) {
		if (conf->n_providers > 0)
			ctl_note(c,
			    "no provider of the configuration has the prices "
			    "of '%.*s' (price_as)",
			    STR_ARG(name));
		return name;
	}
	ctl_note(c, "provider '%.*s' has the prices of '%.*s'", STR_ARG(name),
	    STR_ARG(found->price_as));
	return arena_str(c->arena, found->price_as);
}

/* ---- showing ------------------------------------------------------------- */

static const char *const list_names[METER_PRICE_LIST__MAX] = {
	[METER_PRICE_OWN] = "configuration",
	[METER_PRICE_HAND] = "hand",
	[METER_PRICE_IMPORTED] = "import",
	[METER_PRICE_CATALOGUE] = "catalogue",
};

const char *const ctl_price_columns[] = { "provider", "model", "above", "batch",
	"input", "output", "cached", "cache_write", "cache_write_1h",
	"reasoning", "audio_in", "audio_out", "image_in", "image_out",
	"per_request", "list", "version", NULL };

void
ctl_price_put(struct ctl *c, const struct price_row *row,
    enum meter_price_list list, int64_t version)
{
	ctl_put_text(c, row->provider);
	ctl_put_text(c, row->model);
	ctl_put_int(c, row->above);
	ctl_put_bool(c, row->is_batch);
	for (unsigned i = 0; i < PRICE__MAX; i++) {
		char text[MONEY_TEXT_SIZE];

		if (row->part[i] < 0) {
			ctl_put_null(c);
			continue;
		}
		price_part_print(i, row->part[i], text);
		ctl_put_raw(c, str_z(text));
	}
	ctl_put_text(c, str_z(list_names[list]));
	ctl_put_int(c, version);
}
