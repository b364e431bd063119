#include "conf/catalogue.h"

#include "conf_help.h"

struct read {
	struct arena *arena;
	struct conf_problems problems;
	struct conf_catalogue *c;
	enum err err;
};

static void
read_text(struct read *r, const char *text)
{
	*r = (struct read){ .arena = arena_new(1024 * 1024) };
	assert_non_null(r->arena);
	conf_problems_init(&r->problems, r->arena);
	r->err = conf_catalogue_load(
	    put_file("prices.yaml", text), &r->c, &r->problems);
	drop_file("prices.yaml");
}

static void
read_done(struct read *r)
{
	conf_catalogue_free(r->c);
	arena_free(r->arena);
}

#define HEAD                                           \
	"date: 2026-11-21\n"                           \
	"makers:\n"                                    \
	"  - provider: openai\n"                       \
	"    source: https://openai.com/api/pricing\n" \
	"    as_of: 2026-08-21\n"                      \
	"    models:\n"

static void
good(void **state)
{
	struct read r;

	(void)state;
	read_text(&r,
	    HEAD "      - { model: o3, input: 2, cached: 0.50, output: 8 }\n"
		 "      - { model: gpt-4o-mini, input: $0.15, output: 0.60 }\n"
		 "      - { model: o3, batch: true, input: 1, output: 4 }\n"
		 "      - { model: o3, above: 1000, per_request: 0.01 }\n");
	conf_problems_print(&r.problems, stdout);
	assert_int_equal(r.err, ERR_OK);
	assert_true(r.c->version == -20261121);
	assert_str(r.c->makers[0].as_of, "2026-08-21");
	assert_int_equal(r.c->n_rows, 4);
	assert_str(r.c->rows[0].provider, "openai");
	assert_str(r.c->rows[0].model, "gpt-4o-mini");
	assert_int_equal(r.c->rows[0].part[PRICE_INPUT], 150000);
	assert_int_equal(r.c->rows[0].part[PRICE_CACHED], PRICE_NONE);
	assert_int_equal(r.c->rows[1].part[PRICE_CACHED], 500000);
	assert_int_equal(r.c->rows[2].above, 1000);
	assert_int_equal(r.c->rows[2].part[PRICE_PER_REQUEST], 10000000);
	assert_int_equal(r.c->rows[2].part[PRICE_INPUT], PRICE_NONE);
	assert_true(r.c->rows[3].is_batch);
	read_done(&r);
}

static void
bad(void **state)
{
	static const struct {
		const char *text, *path, *what;
	} rows[] = {
		{ "date: 2026-13-21\nmakers: []\n", "date", "must be a date" },
		{ "date: 20261121\nmakers: []\n", "makers", "at least 1" },
		{ "makers: []\n", "", "date" },
		{ HEAD "      - { input: 1 }\n", "makers[0].models[0]",
		    "model" },
		{ HEAD "      - { model: a, input: -1 }\n",
		    "makers[0].models[0].input", "below zero" },
		{ HEAD "      - { model: a, input: 0.0000001 }\n",
		    "makers[0].models[0].input", "too fine" },
		{ HEAD "      - { model: a, per_request: 0.0000000001 }\n",
		    "makers[0].models[0].per_request", "nano-dollar" },
		{ HEAD "      - { model: a, input: cheap }\n",
		    "makers[0].models[0].input", "dollars for a million" },
		{ HEAD "      - { model: a b, input: 1 }\n", "makers[0]",
		    "blanks" },
		{ HEAD "      - { model: a, input: 1 }\n"
		       "      - { model: a, input: 2 }\n",
		    "", "twice" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct read r;

		read_text(&r, rows[i].text);
		assert_int_equal(r.err, ERR_SYNTAX);
		assert_true(
		    has_problem(&r.problems, 0, rows[i].path, rows[i].what));
		read_done(&r);
	}
}

static void
absent(void **state)
{
	struct arena *a = arena_new(4096);
	struct conf_problems problems;
	struct conf_catalogue *c = NULL;

	(void)state;
	conf_problems_init(&problems, a);
	assert_int_not_equal(
	    conf_catalogue_load(test_path("none.yaml"), &c, &problems), ERR_OK);
	assert_null(c);
	assert_true(problems.n_errors > 0);
	arena_free(a);
}

/* What the package brings is read whole, and found by the configuration. */
static void
ours(void **state)
{
	static const char path[] = TOP_SRCDIR "/conf/prices.yaml";
	static char other[256];
	struct loaded l;

	(void)state;
	conf_catalogue_default(path);
	load_text(&l, "auth: { anonymous: true }\n");
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	assert_non_null(l.conf->catalogue);
	assert_true(l.conf->catalogue->n_rows > 80);
	assert_true(l.conf->catalogue->version <= -20261121);
	load_done(&l);
	/* what is not there is not missed, what is bad is told */
	(void)snprintf(other, sizeof(other), "%s", test_path("none.yaml"));
	conf_catalogue_default(other);
	load_text(&l, "auth: { anonymous: true }\n");
	assert_int_equal(l.err, ERR_OK);
	assert_null(l.conf->catalogue);
	assert_false(has_problem(&l.problems, 0, "", "list prices"));
	load_done(&l);
	(void)snprintf(
	    other, sizeof(other), "%s", put_file("bad.yaml", "date: today\n"));
	load_text(&l, "auth: { anonymous: true }\n");
	assert_int_equal(l.err, ERR_OK);
	assert_true(has_problem(&l.problems, 0, "", "no list prices"));
	load_done(&l);
	conf_catalogue_default(NULL);
	drop_file("bad.yaml");
}

/* One that the file names must be good. */
static void
named(void **state)
{
	struct loaded l;
	char text[512];

	(void)state;
	put_file("bad.yaml", "date: today\n");
	(void)snprintf(
	    text, sizeof(text), "price_catalogue: %s\n", test_path("bad.yaml"));
	load_text(&l, text);
	assert_int_equal(l.err, ERR_SYNTAX);
	assert_true(has_problem(&l.problems, 0, "date", "must be a date"));
	load_done(&l);
	drop_file("bad.yaml");
	load_text(&l, text);
	assert_int_equal(l.err, ERR_OK);
	assert_true(has_problem(&l.problems, 0, "", "cannot be read"));
	load_done(&l);
}

/* The configuration's own prices, and whose they are. */
static void
own(void **state)
{
	struct loaded l;

	(void)state;
	load_text(&l, "providers:\n"
		      "  a: { kind: openai }\n"
		      "  b: { kind: openai, price_as: else }\n"
		      "  c: { kind: openai-compatible, vendor: groq,\n"
		      "       base_url: https://x.example/v1 }\n"
		      "models:\n"
		      "  m: { targets: [ { provider: a, model: x,\n"
		      "       price: { input: 1, output: 2 } },\n"
		      "       { provider: b, model: x } ] }\n"
		      "prices:\n"
		      "  - { provider: groq, model: \"ll*\", input: 0.05 }\n");
	conf_problems_print(&l.problems, stdout);
	assert_int_equal(l.err, ERR_OK);
	assert_str(l.conf->providers[0].price_as, "openai");
	assert_str(l.conf->providers[1].price_as, "else");
	assert_str(l.conf->providers[2].price_as, "groq");
	assert_true(l.conf->models[0].targets[0].has_price);
	assert_int_equal(
	    l.conf->models[0].targets[0].price.part[PRICE_OUTPUT], 2000000);
	assert_int_equal(
	    l.conf->models[0].targets[0].price.part[PRICE_CACHED], PRICE_NONE);
	assert_false(l.conf->models[0].targets[1].has_price);
	assert_int_equal(l.conf->n_prices, 1);
	assert_str(l.conf->prices[0].model, "ll*");
	assert_int_equal(l.conf->prices[0].part[PRICE_INPUT], 50000);
	assert_int_equal(l.conf->prices[0].part[PRICE_OUTPUT], PRICE_NONE);
	load_done(&l);
}

/* For tools: secrets are not there, other sections do not matter. */
static void
alone(void **state)
{
	struct conf_problems problems;
	struct arena *a = arena_new(1024 * 1024);
	struct conf *c = NULL;
	const char *path;

	(void)state;
	conf_problems_init(&problems, a);
	assert_int_equal(conf_prices_read(NULL, &c, &problems), ERR_OK);
	assert_int_equal(c->n_providers, 0);
	conf_unref(c);
	path = put_file("llmgw.yaml",
	    "providers:\n"
	    "  a: { kind: openai, api_key: env:LLMGW_T_NONE }\n"
	    "models: { m: a/x }\n"
	    "nonsense: 7\n"
	    "prices: [ { provider: a, model: x, input: 1 } ]\n");
	assert_int_equal(conf_prices_read(path, &c, &problems), ERR_OK);
	assert_str(c->models[0].targets[0].provider->price_as, "openai");
	assert_null(c->providers[0].api_key.secret);
	assert_int_equal(c->n_prices, 1);
	conf_unref(c);
	path = put_file(
	    "llmgw.yaml", "prices: [ { provider: a, model: x, input: x } ]\n");
	assert_int_equal(conf_prices_read(path, &c, &problems), ERR_SYNTAX);
	assert_true(has_problem(&problems, 1, "prices[0].input", "dollars"));
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good, dir_begin, dir_end),
		cmocka_unit_test_setup_teardown(bad, dir_begin, dir_end),
		cmocka_unit_test_setup_teardown(absent, dir_begin, dir_end),
		cmocka_unit_test_setup_teardown(ours, dir_begin, dir_end),
		cmocka_unit_test_setup_teardown(named, dir_begin, dir_end),
		cmocka_unit_test_setup_teardown(own, dir_begin, dir_end),
		cmocka_unit_test_setup_teardown(alone, dir_begin, dir_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
