#include "meter/recompute.h"

#include "base/fault.h"
#include "check.h"

static struct conf_provider provider = { .name = { "main", 4 },
	.price_as = { "openai", 6 } };
static struct conf_target target = { .provider = &provider,
	.model = { "deployment", 10 },
	.family = { "gpt-4o", 6 } };
static struct conf_model model = { .targets = &target, .n_targets = 1 };
static const struct conf conf = { .models = &model,
	.n_models = 1,
	.providers = &provider,
	.n_providers = 1 };

static struct meter_prices *
prices_of(int64_t version)
{
	struct price_row rows[2];
	const struct meter_price_source s = { rows, 2, METER_PRICE_IMPORTED,
		version };
	struct meter_prices *p = NULL;

	for (int i = 0; i < 2; i++) {
		price_row_init(&rows[i]);
		rows[i].provider = i == 0 ? STR("openai") : STR("gone");
		rows[i].model = i == 0 ? STR("gpt-4o") : STR("x");
		rows[i].part[PRICE_INPUT] = 1000;
		rows[i].part[PRICE_OUTPUT] = 2000;
		rows[i].part[PRICE_CACHE_WRITE_1H] = 5000;
	}
	assert_int_equal(meter_prices_new(&s, 1, &p), ERR_OK);
	return p;
}

static struct store_ledger
row_of(const char *name, const char *what, const char *state, nanousd_t cost)
{
	return (struct store_ledger){ .provider = str_z(name),
		.model = str_z(what),
		.state = state,
		.prompt = 10,
		.completion = 1,
		.cached = -1,
		.cache_write = 2,
		.cache_write_1h = 2,
		.reasoning = -1,
		.audio_in = -1,
		.audio_out = -1,
		.cost = cost,
		.price_version = 3 };
}

struct result {
	bool is_changed;
	nanousd_t cost;
	int64_t version;
};

static struct result
ask(struct meter_recompute *r, struct store_ledger row)
{
	struct result x = { 0 };

	assert_int_equal(
	    meter_recompute_row(r, &row, &x.is_changed, &x.cost, &x.version),
	    ERR_OK);
	return x;
}

/* 8 plain, 2 written for an hour, 1 of output */
#define COST (8 + 10 + 2)

static void
rows(void **state)
{
	struct meter_prices *p = prices_of(3);
	struct meter_recompute *r = meter_recompute_new(&conf, p);
	const struct meter_recompute_sum *s;
	struct store_ledger row;
	struct result x;

	(void)state;
	assert_non_null(r);
	/* by the target's family; the same is no change */
	x = ask(r, row_of("main", "deployment", "ok", COST));
	assert_false(x.is_changed);
	x = ask(r, row_of("main", "deployment", "aborted", 7));
	assert_true(x.is_changed);
	assert_int_equal(x.cost, COST);
	assert_int_equal(x.version, 3);
	x = ask(r, row_of("main", "deployment", "ok", -1));
	assert_true(x.is_changed);
	/* the same price of another version: the row shall name it */
	row = row_of("main", "deployment", "ok", COST);
	row.price_version = 2;
	x = ask(r, row);
	assert_true(x.is_changed);
	assert_int_equal(x.cost, COST);

	/* not configured any more */
	assert_int_equal(ask(r, row_of("main", "gpt-4o", "ok", 1)).cost, COST);
	assert_int_equal(ask(r, row_of("gone", "x", "ok", 1)).cost, COST);
	x = ask(r, row_of("gone", "y", "ok", 1));
	assert_true(x.is_changed);
	assert_int_equal(x.cost, -1);
	x = ask(r, row_of("gone", "y", "ok", -1));
	assert_false(x.is_changed);

	assert_int_equal(meter_recompute_count(r), 4);
	s = meter_recompute_sum(r, 0);
	assert_str(s->provider, "main");
	assert_str(s->model, "deployment");
	assert_int_equal(s->rows, 4);
	assert_int_equal(s->changed, 3);
	assert_int_equal(s->before, 7 + COST);
	assert_int_equal(s->after, 3 * COST);
	assert_int_equal(s->unpriced_before, 1);
	assert_int_equal(s->unpriced_after, 0);
	s = meter_recompute_sum(r, 3);
	assert_int_equal(s->rows, 2);
	assert_int_equal(s->changed, 1);
	assert_int_equal(s->unpriced_after, 1);
	meter_recompute_free(r);
	meter_prices_free(p);
	meter_recompute_free(NULL);
}

static void
for_nothing(void **state)
{
	struct meter_recompute *r = meter_recompute_new(&conf, NULL);
	struct store_ledger row = row_of("main", "deployment", "not_sent", 0);
	struct result x;

	(void)state;
	assert_false(ask(r, row).is_changed);
	row = row_of("main", "deployment", "failed", 0);
	row.prompt = row.completion = 0;
	assert_false(ask(r, row).is_changed);
	row.cost = 5;
	x = ask(r, row);
	assert_true(x.is_changed);
	assert_int_equal(x.cost, 0);
	/* one that told tokens is paid for */
	row = row_of("main", "deployment", "failed", 0);
	x = ask(r, row);
	assert_true(x.is_changed);
	assert_int_equal(x.cost, -1);
	meter_recompute_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
