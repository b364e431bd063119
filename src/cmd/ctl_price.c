/* llmgwctl price: lists of prices, from where they come and what counts. */
#include "cmd/ctl_price.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/ctl_int.h"
#include "conf/catalogue.h"
#include "conf/file.h"
#include "meter/import.h"
#include "meter/price.h"
#include "prov/prov.h"
#include "store/price.h"

#define VERSIONS_MAX 1000u
#define IMPORT_ARENA_MAX ((size_t)1024 * 1024 * 1024)
#define ROWS_ARENA_MAX ((size_t)512 * 1024 * 1024)
#define SET_ROWS_MAX 32u /* tiers of one model */

static struct {
	const char *provider, *model, *note;
	const char *part[PRICE__MAX];
	uint32_t version, above, tokens;
	bool is_batch, is_unpriced, with_free, is_dry;
} given;

/* ---- what all of them need ------------------------------------------------ */

/* Not CTL_OK: it was said what is wrong. */
static int
read_conf(struct ctl *c, struct conf **out)
{
	struct conf_problems problems;
	const char *file = c->config_file;
	enum err e;

	if (strcmp(file, CTL_DEFAULT_FILE) == 0 && access(file, F_OK) != 0)
		file = NULL;
	conf_problems_init(&problems, c->arena);
	e = conf_prices_read(file, out, &problems);
	if (e == ERR_OK)
		return CTL_OK;
	conf_problems_print(&problems, stderr);
	return ctl_fail(c, "%s: %s", c->config_file, err_word(e));
}

enum err
ctl_prices_load(struct ctl *c, int64_t upto, struct ctl_prices *out)
{
	struct price_row *rows = NULL;
	size_t n = 0;
	enum err e;

	if (read_conf(c, &out->conf) != CTL_OK)
		return ERR_UNSUPPORTED;
	out->arena = arena_new(ROWS_ARENA_MAX);
	e = out->arena != NULL
		? store_price_rows(c->store, upto, out->arena, &rows, &n)
		: ERR_NOMEM;
	if (e == ERR_OK)
		e = meter_prices_of(out->conf, rows, n, &out->all);
	if (e != ERR_OK) {
		ctl_prices_done(out);
		return e;
	}
	out->stored = rows;
	out->n_stored = n;
	return ERR_OK;
}

void
ctl_prices_done(struct ctl_prices *p)
{
	meter_prices_free(p->all);
	arena_free(p->arena);
	conf_unref(p->conf);
	*p = (struct ctl_prices){ 0 };
}

static int
load(struct ctl *c, int64_t upto, struct ctl_prices *p)
{
	enum err e = ctl_prices_load(c, upto, p);

	if (e == ERR_OK)
		return CTL_OK;
	return e == ERR_UNSUPPORTED ? CTL_FAILED : ctl_store_fail(c, e);
}

/*
 * Whose prices are meant: a vendor's or a kind's name stands for itself, the
 * name that the configuration gave a provider for what its models are priced
 * as, which is said, since others may be priced so, too.
 */
static struct str
family(struct ctl *c, const struct conf *conf, struct str name)
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

static const char *const list_names[METER_PRICE_LIST__MAX] = {
	[METER_PRICE_OWN] = "configuration",
	[METER_PRICE_HAND] = "hand",
	[METER_PRICE_IMPORTED] = "import",
	[METER_PRICE_CATALOGUE] = "catalogue",
};

#define ROW_COLUMNS                                                         \
	"provider", "model", "above", "batch", "input", "output", "cached", \
	    "cache_write", "cache_write_1h", "reasoning", "audio_in",       \
	    "audio_out", "image_in", "image_out", "per_request", "list",    \
	    "version"

static const char *const row_columns[] = { ROW_COLUMNS, NULL };

static void
put_row(struct ctl *c, const struct price_row *row, enum meter_price_list list,
    int64_t version)
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

/* ---- list ---------------------------------------------------------------- */

static bool
is_asked_for(const struct price_row *row)
{
	return (given.provider == NULL ||
		   str_eqz(row->provider, given.provider)) &&
	       (given.model == NULL ||
		   str_glob(str_z(given.model), row->model));
}

static void
put_rows(struct ctl *c, const struct price_row *rows, size_t n,
    enum meter_price_list list, int64_t version)
{
	for (size_t i = 0; i < n; i++) {
		const struct price_row *row = &rows[i];

		if (!is_asked_for(row))
			continue;
		put_row(c, row, row->is_hand ? METER_PRICE_HAND : list,
		    row->version != 0 ? row->version : version);
	}
}

static int
run_list(struct ctl *c)
{
	const struct conf_catalogue *k;
	struct ctl_prices p = { 0 };
	int status = load(c, given.version, &p);

	if (status != CTL_OK)
		return status;
	k = p.conf->catalogue;
	ctl_list_begin(c, row_columns);
	put_rows(c, p.conf->prices, p.conf->n_prices, METER_PRICE_OWN,
	    METER_PRICE_VERSION_OWN);
	put_rows(c, p.stored, p.n_stored, METER_PRICE_IMPORTED, 0);
	if (k != NULL)
		put_rows(
		    c, k->rows, k->n_rows, METER_PRICE_CATALOGUE, k->version);
	status = ctl_list_end(c);
	ctl_prices_done(&p);
	return status;
}

/* ---- show ---------------------------------------------------------------- */

static int
run_show(struct ctl *c)
{
	struct meter_price_ask ask = { .provider = ctl_operand(c, 0),
		.model = ctl_operand(c, 1),
		.is_batch = given.is_batch };
	struct ctl_prices p = { 0 };
	struct meter_price found;
	int status = load(c, given.version, &p);

	if (status != CTL_OK)
		return status;
	ask.provider = family(c, p.conf, ask.provider);
	if (meter_price_find(p.all, &ask, given.tokens, &found)) {
		ctl_record_begin(c, row_columns);
		put_row(c, &found.row, found.list, found.version);
		status = ctl_record_end(c);
	} else {
		status = ctl_fail(c,
		    "%s of %s has no price; llmgwctl price list shows what "
		    "there is, llmgwctl price set gives it one",
		    c->operands[1], c->operands[0]);
	}
	ctl_prices_done(&p);
	return status;
}

/* ---- versions ------------------------------------------------------------ */

static int
run_versions(struct ctl *c)
{
	static const char *const columns[] = { "version", "source", "rows",
		"created", "note", "digest", NULL };
	struct store_price_version *v;
	size_t n;
	enum err e =
	    store_price_versions(c->store, VERSIONS_MAX, c->arena, &v, &n);

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	ctl_list_begin(c, columns);
	for (size_t i = 0; i < n; i++) {
		ctl_put_int(c, v[i].id);
		ctl_put_text(c, v[i].source);
		ctl_put_int(c, v[i].n_rows);
		ctl_put_time(c, v[i].created);
		ctl_put_text(c, v[i].note);
		ctl_put_text(c, str_of(v[i].digest.p,
				    v[i].digest.n < 16 ? v[i].digest.n : 16));
	}
	return ctl_list_end(c);
}

/* ---- storing ------------------------------------------------------------- */

struct adding {
	struct ctl *c;
	const char *source, *action;
	struct str note;
	struct price_row *rows;
	size_t n;
	int64_t id;
	bool is_new;
};

static enum err
do_add(struct store *s, void *arg)
{
	struct adding *a = arg;
	struct ctl *c = a->c;
	enum err e = store_price_add(
	    s, a->source, a->note, a->rows, a->n, &a->id, &a->is_new);
	const struct ctl_pair pairs[] = { { "source", str_z(a->source) },
		{ "note", a->note },
		{ "rows", arena_printf(c->arena, "%zu", a->n) },
		{ "provider",
		    a->n == 1 ? a->rows[0].provider : (struct str){ 0 } },
		{ "model", a->n == 1 ? a->rows[0].model : (struct str){ 0 } },
		{ .name = NULL } };

	if (e == ERR_RANGE) {
		(void)ctl_fail(c, "nothing to store, or too much of it");
		return ERR_UNSUPPORTED;
	}
	if (e != ERR_OK || !a->is_new)
		return e;
	return ctl_act(c, a->action, "price", a->id, 0, ctl_detail(c, pairs));
}

static const char *const added_columns[] = { "version", "is_new", "rows",
	NULL };

static int
add(struct adding *a)
{
	int status = ctl_change(a->c, do_add, a);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(a->c, added_columns);
	ctl_put_int(a->c, a->id);
	ctl_put_bool(a->c, a->is_new);
	ctl_put_int(a->c, (int64_t)a->n);
	return a->is_new ? ctl_done(a->c,
			       "price version %lld: %zu rows; workers take it "
			       "within a second or so",
			       (long long)a->id, a->n)
			 : ctl_done(a->c,
			       "nothing changed: version %lld has the same "
			       "rows",
			       (long long)a->id);
}

/* ---- import -------------------------------------------------------------- */

static void
tell_skipped(struct ctl *c, const struct meter_import *in)
{
	ctl_note(c,
	    "%u models read, %zu rows, %u prices rounded to a "
	    "pico-dollar a token",
	    in->n_models, in->n, in->n_rounded);
	for (unsigned i = 0; i < METER_IMPORT__MAX; i++) {
		if (in->skipped[i] != 0)
			ctl_note(c, "%6u: %s (%.*s%s)", in->skipped[i],
			    meter_import_reasons[i], STR_ARG(in->example[i]),
			    in->skipped[i] > 1 ? ", ..." : "");
	}
}

static int
read_list(
    struct ctl *c, struct buf *text, struct arena *a, struct meter_import *in)
{
	struct str format = ctl_operand(c, 0);
	const char *file = c->operands[1];
	char iso[CLOCK_ISO_SIZE];
	struct meter_import_options o = { .with_free = given.with_free };
	enum err e = conf_file_read(file, text, NULL);
	int why = errno;

	if (e != ERR_OK &&
	    meter_import(format, STR("{}"), &o, a, in) != ERR_NOT_FOUND)
		return ctl_fail(c, "%s: %s", file, conf_file_why(e, why));
	clock_iso(clock_wall(), iso);
	o.today = str_of(iso, 10);
	e = meter_import(format, buf_str(text), &o, a, in);
	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no format '%s': litellm, models.dev, genai-prices and "
		    "catalogue are there",
		    c->operands[0]);
	if (e == ERR_NOMEM)
		return ctl_nomem(c);
	if (e != ERR_OK)
		return ctl_fail(c, "%s, byte %zu: %s", file, in->pos,
		    in->why != NULL ? in->why : err_word(e));
	return CTL_OK;
}

static int
import_catalogue(struct ctl *c, struct adding *a)
{
	struct conf_problems problems;
	struct conf_catalogue *k;
	int status;

	conf_problems_init(&problems, c->arena);
	if (conf_catalogue_load(c->operands[1], &k, &problems) != ERR_OK) {
		conf_problems_print(&problems, stderr);
		return ctl_fail(c, "%s is no good", c->operands[1]);
	}
	a->rows = k->rows;
	a->n = k->n_rows;
	status = given.is_dry ? CTL_OK : add(a);
	conf_catalogue_free(k);
	return status;
}

static int
import_foreign(struct ctl *c, struct adding *add_, struct arena *a)
{
	struct meter_import in = { 0 };
	struct buf text;
	int status;

	buf_init(&text, METER_IMPORT_TEXT_MAX);
	status = read_list(c, &text, a, &in);
	if (status == CTL_OK) {
		tell_skipped(c, &in);
		add_->rows = in.rows;
		add_->n = in.n;
		if (given.is_dry) {
			ctl_list_begin(c, row_columns);
			put_rows(c, in.rows, in.n, METER_PRICE_IMPORTED, 0);
			status = ctl_list_end(c);
		} else {
			status = add(add_);
		}
	}
	buf_fini(&text);
	return status;
}

static int
run_import(struct ctl *c)
{
	struct adding a = { .c = c,
		.source = c->operands[0],
		.action = "price.import",
		.note = str_z(given.note != NULL ? given.note : "") };
	struct arena *arena;
	int status;

	if (strcmp(c->operands[0], "catalogue") == 0)
		return import_catalogue(c, &a);
	arena = arena_new(IMPORT_ARENA_MAX);
	if (arena == NULL)
		return ctl_nomem(c);
	status = import_foreign(c, &a, arena);
	arena_free(arena);
	return status;
}

/* ---- set and unset ------------------------------------------------------- */

/* What a hand has set for the model so far, without the tier that is set. */
static enum err
other_tiers(struct ctl *c, const struct price_row *set, struct price_row *rows,
    size_t *n)
{
	struct price_row *all;
	size_t n_all;
	enum err e = store_price_rows(c->store, 0, c->arena, &all, &n_all);

	for (size_t i = 0; e == ERR_OK && i < n_all; i++) {
		if (!all[i].is_hand || price_row_is_empty(&all[i]) ||
		    !str_eq(all[i].provider, set->provider) ||
		    !str_eq(all[i].model, set->model) ||
		    price_row_cmp(&all[i], set) == 0)
			continue;
		if (*n == SET_ROWS_MAX)
			return ERR_LIMIT;
		rows[(*n)++] = all[i];
	}
	return e;
}

static int
take_parts(struct ctl *c, struct price_row *row)
{
	bool any = false;

	for (unsigned i = 0; i < PRICE__MAX; i++) {
		enum err e;

		if (given.part[i] == NULL)
			continue;
		any = true;
		e = price_part_parse(i, str_z(given.part[i]), &row->part[i]);
		if (e != ERR_OK)
			return ctl_fail(c, "'%s' is no price of %s: %s",
			    given.part[i], price_part_table[i].name,
			    e == ERR_LIMIT ? "too fine"
			    : i == PRICE_PER_REQUEST
				? "dollars are wanted, such as 0.005"
				: "dollars for a million tokens are wanted, "
				  "such as 0.15");
	}
	if (any == given.is_unpriced)
		return ctl_fail(c,
		    any ? "--unpriced and a price contradict each other"
			: "give a price (--input, --output ...) or --unpriced");
	return CTL_OK;
}

static int
take_row(struct ctl *c, struct price_row *row)
{
	struct conf *conf = NULL;
	const char *why;
	int status = read_conf(c, &conf);

	if (status != CTL_OK)
		return status;
	price_row_init(row);
	row->provider = family(c, conf, ctl_operand(c, 0));
	conf_unref(conf);
	row->model = ctl_operand(c, 1);
	row->above = given.above;
	row->is_batch = given.is_batch;
	why = price_row_wrong(row);
	return why == NULL ? CTL_OK : ctl_fail(c, "the row %s", why);
}

static int
run_set(struct ctl *c)
{
	struct price_row rows[SET_ROWS_MAX + 1];
	struct adding a = { .c = c,
		.source = STORE_PRICE_HAND,
		.action = "price.set",
		.note = str_z(given.note != NULL ? given.note : ""),
		.rows = rows };
	int status = take_row(c, &rows[0]);
	enum err e;

	if (status == CTL_OK)
		status = take_parts(c, &rows[0]);
	if (status != CTL_OK)
		return status;
	a.n = 1;
	if (!given.is_unpriced) {
		e = other_tiers(c, &rows[0], rows, &a.n);
		if (e == ERR_LIMIT)
			return ctl_fail(
			    c, "a model has at most %u tiers", SET_ROWS_MAX);
		if (e != ERR_OK)
			return ctl_store_fail(c, e);
	}
	return add(&a);
}

static int
find_hand(struct ctl *c, const struct price_row *row)
{
	struct price_row *all;
	size_t n;
	enum err e = store_price_rows(c->store, 0, c->arena, &all, &n);

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	for (size_t i = 0; i < n; i++)
		if (all[i].is_hand && str_eq(all[i].provider, row->provider) &&
		    str_eq(all[i].model, row->model))
			return CTL_OK;
	return ctl_fail(c,
	    "no price of '%.*s' of %.*s was set by hand; llmgwctl price list "
	    "shows them",
	    STR_ARG(row->model), STR_ARG(row->provider));
}

static int
run_unset(struct ctl *c)
{
	struct price_row row;
	struct adding a = { .c = c,
		.source = STORE_PRICE_UNSET,
		.action = "price.unset",
		.note = str_z(given.note != NULL ? given.note : ""),
		.rows = &row,
		.n = 1 };
	int status = take_row(c, &row);

	if (status == CTL_OK)
		status = find_hand(c, &row);
	return status == CTL_OK ? add(&a) : status;
}

/* ---- the table ----------------------------------------------------------- */

#define OPTION(n, t, v, a, h)                                         \
	{                                                             \
		.name = n, .type = t, .value = v, .arg = a, .help = h \
	}
#define VERSION_OPTION                                                        \
	{                                                                     \
		.name = "as-of", .type = OPT_NUMBER, .value = &given.version, \
		.arg = "VERSION", .max = INT32_MAX,                           \
		.help = "The database's prices as they were with this "       \
			"version."                                            \
	}
#define NOTE_OPTION                                   \
	OPTION("note", OPT_TEXT, &given.note, "TEXT", \
	    "Kept with the version, for those who read it.")
#define BATCH_OPTION                                     \
	OPTION("batch", OPT_FLAG, &given.is_batch, NULL, \
	    "The price of batch processing.")
#define PART(n, i) \
	OPTION(n, OPT_TEXT, &given.part[i], "USD", "Dollars a million.")

static const struct opt_row list_options[] = {
	OPTION("provider", OPT_TEXT, &given.provider, "NAME",
	    "Only of this provider: a vendor's or a kind's name."),
	OPTION("model", OPT_TEXT, &given.model, "PATTERN",
	    "Only names like this; * stands for any part."),
	VERSION_OPTION,
	{ .name = NULL },
};

static const struct opt_row show_options[] = {
	{ .name = "tokens",
	    .type = OPT_NUMBER,
	    .value = &given.tokens,
	    .arg = "N",
	    .max = UINT32_MAX,
	    .help = "Of a prompt with so many tokens: which tier." },
	BATCH_OPTION,
	VERSION_OPTION,
	{ .name = NULL },
};

static const struct opt_row import_options[] = {
	OPTION("with-free", OPT_FLAG, &given.with_free, NULL,
	    "Take models that cost nothing, too; without it a price of 0 "
	    "means that none is known."),
	OPTION("dry-run", OPT_FLAG, &given.is_dry, NULL,
	    "Show what would be taken, and store nothing."),
	NOTE_OPTION,
	{ .name = NULL },
};

static const struct opt_row set_options[] = {
	PART("input", PRICE_INPUT),
	PART("output", PRICE_OUTPUT),
	PART("cached", PRICE_CACHED),
	PART("cache-write", PRICE_CACHE_WRITE),
	PART("cache-write-1h", PRICE_CACHE_WRITE_1H),
	PART("reasoning", PRICE_REASONING),
	PART("audio-in", PRICE_AUDIO_IN),
	PART("audio-out", PRICE_AUDIO_OUT),
	PART("image-in", PRICE_IMAGE_IN),
	PART("image-out", PRICE_IMAGE_OUT),
	OPTION("per-request", OPT_TEXT, &given.part[PRICE_PER_REQUEST], "USD",
	    "Dollars for each request."),
	{ .name = "above",
	    .type = OPT_NUMBER,
	    .value = &given.above,
	    .arg = "N",
	    .max = 1000000000,
	    .help = "Counts for prompts of more tokens than that." },
	BATCH_OPTION,
	OPTION("unpriced", OPT_FLAG, &given.is_unpriced, NULL,
	    "It has no price, whatever other lists say."),
	NOTE_OPTION,
	{ .name = NULL },
};

static const struct opt_row unset_options[] = {
	NOTE_OPTION,
	{ .name = NULL },
};

static bool
only_looks(void)
{
	return given.is_dry;
}

const struct ctl_command ctl_price_commands[] = {
	{ .group = "price",
	    .verb = "list",
	    .operands = "",
	    .flags = CTL_STORE,
	    .options = list_options,
	    .help = "show all rows, in the order in which they count",
	    .more = "Dollars for a million tokens. The first list that has a "
		    "model counts: the configuration, what was set by hand, "
		    "what was imported, the package's catalogue. Prices that "
		    "are missing are those of the parent: see prices in "
		    "llmgw.yaml(5).",
	    .run = run_list },
	{ .group = "price",
	    .verb = "show",
	    .operands = "PROVIDER MODEL",
	    .min = 2,
	    .max = 2,
	    .flags = CTL_STORE,
	    .options = show_options,
	    .help = "show what a model costs, and which list says so",
	    .run = run_show },
	{ .group = "price",
	    .verb = "versions",
	    .operands = "",
	    .flags = CTL_STORE,
	    .help = "list the versions in the database, newest first",
	    .run = run_versions },
	{ .group = "price",
	    .verb = "import",
	    .operands = "FORMAT FILE",
	    .min = 2,
	    .max = 2,
	    .words = "litellm models.dev genai-prices catalogue",
	    .flags = CTL_STORE | CTL_CHANGES,
	    .options = import_options,
	    .help = "take prices from a file of another project",
	    .more = "FORMAT is litellm (model_prices_and_context_window."
		    "json), models.dev (api.json), genai-prices (data.json) or "
		    "catalogue (a file like the package's prices.yaml). What "
		    "cannot be taken is told with its reason. The same file "
		    "again changes nothing.",
	    .only_looks = only_looks,
	    .run = run_import },
	{ .group = "price",
	    .verb = "set",
	    .operands = "PROVIDER MODEL",
	    .min = 2,
	    .max = 2,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .options = set_options,
	    .help = "set a model's price by hand, before all imports",
	    .more = "Dollars for a million tokens: --input 0.15. MODEL may "
		    "have * for any part. PROVIDER is whose prices they are: "
		    "a vendor or a kind, as price_as in llmgw.yaml(5), or the "
		    "name of a provider of the configuration, then for all "
		    "that have the same; or *. Tiers (--above) "
		    "and the price of batches are set one by one.",
	    .run = run_set },
	{ .group = "price",
	    .verb = "unset",
	    .operands = "PROVIDER MODEL",
	    .min = 2,
	    .max = 2,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .options = unset_options,
	    .help = "take back what was set by hand",
	    .run = run_unset },
	{ .group = NULL },
};
