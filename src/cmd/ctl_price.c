/* llmgwctl price: lists of prices, from where they come and what counts. */
#include "cmd/ctl_price.h"

#include "conf/catalogue.h"
#include "store/price.h"

#define VERSIONS_MAX 1000u

static struct {
	const char *provider, *model, *note;
	uint32_t version, tokens;
	bool is_batch;
} given;

static struct ctl_price_import import;
static struct ctl_price_set set;

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
		ctl_price_put(c, row, row->is_hand ? METER_PRICE_HAND : list,
		    row->version != 0 ? row->version : version);
	}
}

static int
run_list(struct ctl *c)
{
	const struct conf_catalogue *k;
	struct ctl_prices p = { 0 };
	int status = ctl_prices_load(c, given.version, &p);

	if (status != CTL_OK)
		return status;
	k = p.conf->catalogue;
	ctl_list_begin(c, ctl_price_columns);
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
	int status = ctl_prices_load(c, given.version, &p);

	if (status != CTL_OK)
		return status;
	ask.provider = ctl_price_family(c, p.conf, ask.provider);
	if (meter_price_find(p.all, &ask, given.tokens, &found)) {
		ctl_record_begin(c, ctl_price_columns);
		ctl_price_put(c, &found.row, found.list, found.version);
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

/* ---- changes ------------------------------------------------------------- */

static int
run_import(struct ctl *c)
{
	return ctl_price_import(c, &import);
}

static int
run_set(struct ctl *c)
{
	return ctl_price_set(c, &set);
}

static int
run_unset(struct ctl *c)
{
	return ctl_price_unset(c, given.note);
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
#define NOTE_OPTION(field)                         \
	OPTION("note", OPT_TEXT, &(field), "TEXT", \
	    "Kept with the version, for those who read it.")
#define BATCH_OPTION(field)                       \
	OPTION("batch", OPT_FLAG, &(field), NULL, \
	    "The price of batch processing.")
#define PART(n, i) \
	OPTION(n, OPT_TEXT, &set.part[i], "USD", "Dollars a million.")

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
	BATCH_OPTION(given.is_batch),
	VERSION_OPTION,
	{ .name = NULL },
};

static const struct opt_row import_options[] = {
	OPTION("with-free", OPT_FLAG, &import.with_free, NULL,
	    "Take models that cost nothing, too; without it a price of 0 "
	    "means that none is known."),
	OPTION("dry-run", OPT_FLAG, &import.is_dry, NULL,
	    "Show what would be taken, and store nothing."),
	NOTE_OPTION(import.note),
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
	OPTION("per-request", OPT_TEXT, &set.part[PRICE_PER_REQUEST], "USD",
	    "Dollars for each request."),
	{ .name = "above",
	    .type = OPT_NUMBER,
	    .value = &set.above,
	    .arg = "N",
	    .max = 1000000000,
	    .help = "Counts for prompts of more tokens than that." },
	BATCH_OPTION(set.is_batch),
	OPTION("unpriced", OPT_FLAG, &set.is_unpriced, NULL,
	    "It has no price, whatever other lists say."),
	NOTE_OPTION(set.note),
	{ .name = NULL },
};

static const struct opt_row unset_options[] = {
	NOTE_OPTION(given.note),
	{ .name = NULL },
};

static bool
only_looks(void)
{
	return import.is_dry;
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
		    "llmgw.yaml(5). The version is the database's, 0 in the "
		    "configuration, and the date with a minus in the "
		    "catalogue: -20261121.",
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
