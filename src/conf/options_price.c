/* Options of price lists: a target's price:, prices:, the catalogue. */
#include "conf/options_price.h"

#include "conf/catalogue.h"

#define IN(s, f) .offset = offsetof(struct s, f)
#define LIST(s, f)                       \
	.offset = offsetof(struct s, f), \
	.count_offset = offsetof(struct s, n_##f)

static void
read_part(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	enum price_part part = PRICE_INPUT;
	enum err e;

	while (strcmp(price_part_table[part].name, row->name) != 0)
		part++;
	e = price_part_parse(part, node->text, field);
	if (e == ERR_SYNTAX)
		opt_problem(run, node, "must be %s", row->form);
	else if (e == ERR_LIMIT)
		opt_problem(run, node, "is too fine: %s",
		    part == PRICE_PER_REQUEST
			? "a nano-dollar is the least"
			: "$0.000001 per million tokens is the least");
	else if (e != ERR_OK)
		opt_problem(run, node, "is below zero, or too large");
}

#define AMOUNT_PATTERN "^\\$?[0-9.]"

/* base: where the struct price_row begins */
#define PART(base, n, which, text)                                             \
	{                                                                      \
		n, OPT_CUSTOM,                                                 \
		    .flags = OPT_AMOUNT,                                       \
		    .offset =                                                  \
			(base) + offsetof(struct price_row, part[which]),      \
		    .read = read_part, .form = "dollars for a million tokens", \
		    .pattern = AMOUNT_PATTERN, .example = "0.15", .doc = text  \
	}
#define PART_ROWS(base)                                                       \
	PART(base, "input", PRICE_INPUT, "Tokens of the prompt."),            \
	    PART(base, "output", PRICE_OUTPUT, "Tokens of the answer."),      \
	    PART(base, "cached", PRICE_CACHED,                                \
		"Tokens that come from the provider's prompt cache; "         \
		"default: as input."),                                        \
	    PART(base, "cache_write", PRICE_CACHE_WRITE,                      \
		"Tokens that are written to that cache; default: as input."), \
	    PART(base, "cache_write_1h", PRICE_CACHE_WRITE_1H,                \
		"Tokens written to be kept for an hour; default: as "         \
		"cache_write."),                                              \
	    PART(base, "reasoning", PRICE_REASONING,                          \
		"Tokens of the answer's thoughts; default: as output."),      \
	    PART(base, "audio_in", PRICE_AUDIO_IN,                            \
		"Tokens of audio in the prompt; default: as input."),         \
	    PART(base, "audio_out", PRICE_AUDIO_OUT,                          \
		"Tokens of audio in the answer; default: as output."),        \
	    PART(base, "image_in", PRICE_IMAGE_IN,                            \
		"Tokens of images in the prompt; default: as input."),        \
	    PART(base, "image_out", PRICE_IMAGE_OUT,                          \
		"Tokens of images in the answer; default: as output."),       \
	{                                                                     \
		"per_request", OPT_CUSTOM,                                    \
		    .flags = OPT_AMOUNT,                                      \
		    .offset = (base) + offsetof(struct price_row,             \
					   part[PRICE_PER_REQUEST]),          \
		    .read = read_part, .form = "dollars",                     \
		    .pattern = AMOUNT_PATTERN, .example = "0.005",            \
		    .doc = "For each request, beside its tokens."             \
	}
#define PLACE_ROWS                                                             \
	{ "model", OPT_STR, .flags = OPT_REQUIRED, IN(price_row, model),       \
		.max = PRICE_MODEL_MAX, .example = "gpt-4o-mini",              \
		.form = "a name, * for any part",                              \
		.doc = "Which of its models." },                               \
	    { "above", OPT_I64, IN(price_row, above), .dflt = "0", .min = 0,   \
		    .max = INT64_C(1000000000),                                \
		    .doc = "Counts for requests whose prompt has more tokens " \
			   "than that, and then for all of the request." },    \
	{                                                                      \
		"batch", OPT_BOOL, IN(price_row, is_batch),                    \
		    .dflt = "false", .doc = "Counts for batch processing."     \
	}

/* ---- in the configuration ----------------------------------------------- */

/* Parts that are not given have no price. */
static void
no_price(const struct tree_node *node, struct price_row *row)
{
	for (unsigned i = 0; i < PRICE__MAX; i++) {
		if (tree_find(node, price_part_table[i].name) == NULL)
			row->part[i] = PRICE_NONE;
	}
}

static void
done_target_price(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_target *t = object;

	(void)run;
	no_price(node, &t->price);
	t->has_price = !price_row_is_empty(&t->price);
}

static void
done_price(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct price_row *row = object;
	const char *why;

	no_price(node, row);
	why = price_row_wrong(row);
	/* what is missing or malformed was told where it was read */
	if (row->provider.n != 0 && row->model.n != 0 && why != NULL)
		opt_problem(run, node, "%s", why);
}

static const struct opt target_price_rows[] = {
	PART_ROWS(offsetof(struct conf_target, price)),
	{ .name = NULL },
};
const struct opt_table opt_target_price_table = {
	.what = "price",
	.rows = target_price_rows,
	.done = done_target_price,
};

static const struct opt price_rows[] = {
	{ "provider", OPT_STR, .flags = OPT_REQUIRED, IN(price_row, provider),
	    .max = PRICE_PROVIDER_MAX, .example = "openai",
	    .form = "a kind or vendor, or *",
	    .doc = "Whose models: what price_as of a provider says, or its "
		   "vendor or kind." },
	PLACE_ROWS,
	PART_ROWS(0),
	{ .name = NULL },
};
const struct opt_table opt_price_table = {
	.what = "price",
	.size = sizeof(struct price_row),
	.index_offset = SIZE_MAX,
	.rows = price_rows,
	.done = done_price,
	.sample_list = "[ { provider: groq, model: \"llama-*\", above: 0, "
		       "batch: false, input: 0.05, output: 0.08 } ]",
};

/* ---- the catalogue ------------------------------------------------------ */

static bool
is_date(struct str s, int64_t *number)
{
	int64_t n = 0;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (i == 4 || i == 7)
			continue;
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (s.p[i] - '0');
	}
	*number = n;
	return n >= 20200101 && n % 10000 / 100 >= 1 && n % 10000 / 100 <= 12 &&
	       n % 100 >= 1 && n % 100 <= 31;
}

static void
check_date(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	int64_t n;

	(void)row;
	if (!is_date(*(const struct str *)field, &n))
		opt_problem(run, node, "must be a date, as 2026-11-21");
}

static void
done_row(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct price_row *row = object;

	(void)run;
	no_price(node, row);
}

static void
done_maker(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_maker *m = object;

	for (uint32_t i = 0; i < m->n_models; i++) {
		const char *why;

		m->models[i].provider = m->provider;
		why = price_row_wrong(&m->models[i]);
		if (m->provider.n != 0 && m->models[i].model.n != 0 &&
		    why != NULL)
			opt_problem(run, node, "%.*s %s",
			    STR_ARG(m->models[i].model), why);
	}
}

static void
done_catalogue(struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_catalogue *c = object;
	int64_t n;

	(void)node;
	(void)run;
	if (is_date(c->date, &n))
		c->version = -n;
}

static const struct opt model_rows[] = {
	PLACE_ROWS,
	PART_ROWS(0),
	{ .name = NULL },
};
static const struct opt_table model_table = {
	.what = "model's price",
	.size = sizeof(struct price_row),
	.index_offset = SIZE_MAX,
	.rows = model_rows,
	.done = done_row,
};

static const struct opt maker_rows[] = {
	{ "provider", OPT_STR, .flags = OPT_REQUIRED, IN(conf_maker, provider),
	    .max = PRICE_PROVIDER_MAX, .doc = "Whose models." },
	{ "source", OPT_STR, .flags = OPT_REQUIRED, IN(conf_maker, source),
	    .max = 1024, .doc = "Where the maker tells his prices." },
	{ "as_of", OPT_STR, .flags = OPT_REQUIRED, IN(conf_maker, as_of),
	    .max = 10, .check = check_date, .doc = "Of which day they are." },
	{ "models", OPT_TABLES, .flags = OPT_REQUIRED, LIST(conf_maker, models),
	    .min = 1, .max = 10000, .sub = &model_table,
	    .doc = "What they cost." },
	{ .name = NULL },
};
static const struct opt_table maker_table = {
	.what = "maker",
	.size = sizeof(struct conf_maker),
	.index_offset = SIZE_MAX,
	.rows = maker_rows,
	.done = done_maker,
};

static const struct opt catalogue_rows[] = {
	{ "date", OPT_STR, .flags = OPT_REQUIRED, IN(conf_catalogue, date),
	    .max = 10, .check = check_date, .doc = "Of this list." },
	{ "makers", OPT_TABLES, .flags = OPT_REQUIRED,
	    LIST(conf_catalogue, makers), .min = 1, .max = 1000,
	    .sub = &maker_table, .doc = "By provider." },
	{ .name = NULL },
};
const struct opt_table opt_catalogue_table = {
	.what = "catalogue",
	.size = sizeof(struct conf_catalogue),
	.rows = catalogue_rows,
	.done = done_catalogue,
};
