#include "meter/price.h"

#include "base/fault.h"
#include "check.h"

static const struct msg_usage unknown = MSG_USAGE_UNKNOWN;

/* Dollars for a million tokens, in and out. */
static struct price_row
row_of(const char *provider, const char *model, const char *in, const char *out)
{
	struct price_row r;

	price_row_init(&r);
	r.provider = str_z(provider);
	r.model = str_z(model);
	if (in != NULL)
		assert_int_equal(
		    money_parse_price(str_z(in), &r.part[PRICE_INPUT]), ERR_OK);
	if (out != NULL)
		assert_int_equal(
		    money_parse_price(str_z(out), &r.part[PRICE_OUTPUT]),
		    ERR_OK);
	return r;
}

static struct meter_prices *
prices_of(const struct meter_price_source *sources, size_t n)
{
	struct meter_prices *p = NULL;

	assert_int_equal(meter_prices_new(sources, n, &p), ERR_OK);
	assert_non_null(p);
	return p;
}

static struct meter_prices *
list_of(const struct price_row *rows, size_t n)
{
	const struct meter_price_source s = { .rows = rows,
		.n = n,
		.list = METER_PRICE_CATALOGUE,
		.version = -20261121 };

	return prices_of(&s, 1);
}

static struct msg_usage
used(int64_t prompt, int64_t completion)
{
	struct msg_usage u = unknown;

	u.prompt = prompt;
	u.completion = completion;
	return u;
}

/* -1: unpriced */
static int64_t
cost_of(const struct meter_prices *p, const char *provider, const char *model,
    struct msg_usage u)
{
	nanousd_t cost = 4711;
	int64_t version = 4711;

	if (meter_price_cost(
		p, str_z(provider), str_z(model), &u, &cost, &version))
		return cost;
	assert_true(cost == 4711);
	assert_true(version == 4711);
	return -1;
}

static int64_t
input_of(const struct meter_prices *p, const char *provider, const char *model)
{
	const struct meter_price_ask ask = { .provider = str_z(provider),
		.model = str_z(model) };
	struct meter_price found;

	return meter_price_find(p, &ask, 1, &found)
		   ? found.row.part[PRICE_INPUT]
		   : -1;
}

static void
exact_then_pattern(void **state)
{
	const struct price_row rows[] = {
		row_of("openai", "*", "1", "1"),
		row_of("openai", "gpt-4o*", "2", "1"),
		row_of("openai", "gpt-4o-*-audio", "3", "1"),
		row_of("openai", "gpt-4o-2024-05-13", "5", "15"),
		row_of("openai", "gpt-4o", "2.5", "10"),
		row_of("*", "llama", "7", "1"),
		row_of("*", "ll*", "8", "1"),
		row_of("groq", "l*", "9", "1"),
	};
	struct meter_prices *p = list_of(rows, COUNT(rows));

	(void)state;
	assert_int_equal(meter_prices_count(p), COUNT(rows));
	assert_int_equal(input_of(p, "openai", "gpt-4o"), 2500000);
	assert_int_equal(input_of(p, "openai", "gpt-4o-2024-05-13"), 5000000);
	assert_int_equal(input_of(p, "openai", "gpt-4o-2024-08-06"), 2000000);
	assert_int_equal(input_of(p, "openai", "gpt-4o-x-audio"), 3000000);
	assert_int_equal(input_of(p, "openai", "o3"), 1000000);
	/* azure has no list of its own */
	assert_int_equal(input_of(p, "azure", "gpt-4o"), 2500000);
	/* a name is better than a pattern, then the provider's own */
	assert_int_equal(input_of(p, "groq", "llama"), 7000000);
	assert_int_equal(input_of(p, "groq", "llava"), 9000000);
	assert_int_equal(input_of(p, "vllm", "llava"), 8000000);
	assert_int_equal(input_of(p, "vllm", "gpt-4o"), -1);
	assert_int_equal(input_of(p, "", "gpt-4o"), -1);
	assert_int_equal(input_of(p, "openai", ""), -1);
	meter_prices_free(p);
}

static void
lists_in_order(void **state)
{
	struct price_row own = row_of("openai", "m*", "1", "1");
	struct price_row catalogue[] = {
		row_of("openai", "mine", "4", "4"),
		row_of("openai", "gpt", "4", "4"),
		row_of("openai", "old", "4", "4"),
	};
	struct price_row stored[] = {
		row_of("openai", "gpt", "3", "3"),
		row_of("openai", "gpt", "2", "2"),
		row_of("openai", "old", "3", "3"),
		row_of("openai", "old", NULL, NULL),
	};
	const struct meter_price_source s[] = {
		{ catalogue, 3, METER_PRICE_CATALOGUE, -20261121 },
		{ stored, 4, METER_PRICE_IMPORTED, 0 },
		{ &own, 1, METER_PRICE_OWN, METER_PRICE_VERSION_OWN },
	};
	struct msg_usage u = used(1, 1);
	struct meter_prices *p;
	nanousd_t cost;
	int64_t version;

	(void)state;
	stored[0].version = 9;
	stored[1].version = 8;
	stored[1].is_hand = true;
	stored[2].version = 3;
	stored[3].version = 9;
	p = prices_of(s, 3);
	/* a pattern of one's own comes before a name in a later list */
	assert_int_equal(input_of(p, "openai", "mine"), 1000000);
	/* by hand, though the import is newer */
	assert_true(meter_price_cost(
	    p, STR("openai"), STR("gpt"), &u, &cost, &version));
	assert_true(version == 8);
	assert_true(cost == 4000);
	/* the newest says that it has no price: older ones do not count */
	assert_int_equal(cost_of(p, "openai", "old", u), -1);
	assert_true(meter_price_cost(
	    p, STR("openai"), STR("mine"), &u, &cost, &version));
	assert_true(version == 0);
	meter_prices_free(p);
}

/* Of an older version not even a tier is left. */
static void
versions_are_whole(void **state)
{
	struct price_row rows[] = {
		row_of("gemini", "pro", "1", "1"),
		row_of("gemini", "pro", "2", "2"),
		row_of("gemini", "pro", "3", "3"),
	};
	const struct meter_price_source s = { rows, 3, METER_PRICE_IMPORTED,
		0 };
	struct meter_prices *p;

	(void)state;
	rows[0].version = 1;
	rows[1].version = 1;
	rows[1].above = 200;
	rows[2].version = 2;
	p = prices_of(&s, 1);
	assert_int_equal(meter_prices_count(p), 1);
	assert_int_equal(cost_of(p, "gemini", "pro", used(201, 0)), 603000);
	meter_prices_free(p);
}

static void
tiers_and_batch(void **state)
{
	struct price_row rows[] = {
		row_of("gemini", "pro", "1.25", "10"),
		row_of("gemini", "pro", "2.5", "15"),
		row_of("gemini", "pro", "0.625", "5"),
		row_of("gemini", "top", "9", "9"),
	};
	struct meter_price_ask ask = {
		.provider = STR("gemini"), .model = STR("pro"), .is_batch = true
	};
	struct msg_usage u;
	struct meter_prices *p;
	nanousd_t cost;

	(void)state;
	rows[0].part[PRICE_CACHED] = 310000;
	rows[1].above = 200000;
	rows[2].is_batch = true;
	rows[3].above = 100;
	p = list_of(rows, COUNT(rows));
	/* 200 000 are not above 200 000; one more prices the whole request */
	assert_int_equal(cost_of(p, "gemini", "pro", used(200000, 1)),
	    200000 * INT64_C(1250) + 10000);
	assert_int_equal(cost_of(p, "gemini", "pro", used(200001, 1)),
	    200001 * INT64_C(2500) + 15000);
	/* what the upper tier does not say, the lower one does */
	u = used(200001, 0);
	u.cached = 200000;
	assert_int_equal(
	    cost_of(p, "gemini", "pro", u), 200000 * INT64_C(310) + 2500);
	u = used(1000, 1000);
	assert_true(meter_price_cost_of(p, &ask, &u, &cost, NULL));
	assert_true(cost == 625000 + 5000000);
	/* in a batch, cached is input of the batch's list */
	u.cached = 1000;
	assert_true(meter_price_cost_of(p, &ask, &u, &cost, NULL));
	assert_true(cost == 625000 + 5000000);
	/* no tier reaches down to so few */
	assert_int_equal(cost_of(p, "gemini", "top", used(100, 0)), -1);
	assert_int_equal(cost_of(p, "gemini", "top", used(101, 0)), 909000);
	meter_prices_free(p);
}

static void
parts(void **state)
{
	struct price_row rows[] = {
		row_of("x", "all", "1", "2"),
		row_of("x", "plain", "1", "2"),
		row_of("x", "5m", "1", "2"),
	};
	struct msg_usage u = used(100, 50);
	struct meter_prices *p;

	(void)state;
	rows[0].part[PRICE_CACHED] = 100000;
	rows[0].part[PRICE_CACHE_WRITE] = 1250000;
	rows[0].part[PRICE_CACHE_WRITE_1H] = 2000000;
	rows[0].part[PRICE_AUDIO_IN] = 32000000;
	rows[0].part[PRICE_IMAGE_IN] = 5000000;
	rows[0].part[PRICE_REASONING] = 3000000;
	rows[0].part[PRICE_AUDIO_OUT] = 64000000;
	rows[0].part[PRICE_IMAGE_OUT] = 30000000;
	rows[0].part[PRICE_PER_REQUEST] = 7;
	rows[2].part[PRICE_CACHE_WRITE] = 1250000;
	p = list_of(rows, COUNT(rows));
	u.cached = 40;
	u.written = 30;
	u.written_1h = 10;
	u.audio_in = 5;
	u.image_in = 3;
	u.reasoning = 20;
	u.audio_out = 10;
	u.image_out = 4;
	assert_int_equal(cost_of(p, "x", "all", u),
	    /* rest of the prompt, cached, 5 minutes, an hour, audio, images */
	    22 * 1000 + 40 * 100 + 20 * 1250 + 10 * 2000 + 5 * 32000 +
		3 * 5000 +
		/* rest of the answer, thoughts, audio, images; the request */
		16 * 2000 + 20 * 3000 + 10 * 64000 + 4 * 30000 + 7);
	/* no price of their own: as their parents */
	assert_int_equal(cost_of(p, "x", "plain", u), 100 * 1000 + 50 * 2000);
	assert_int_equal(
	    cost_of(p, "x", "5m", u), 70 * 1000 + 30 * 1250 + 50 * 2000);
	/* parts beyond their whole are cut, never counted twice */
	u = used(10, 10);
	u.cached = 8;
	u.written = 8;
	u.written_1h = 8;
	u.audio_in = 8;
	u.image_in = INT64_MAX;
	u.reasoning = 9;
	u.audio_out = INT64_MAX;
	u.image_out = INT64_MAX;
	assert_int_equal(cost_of(p, "x", "all", u),
	    8 * 100 + 2 * 2000 + 9 * 3000 + 64000 + 7);
	meter_prices_free(p);
}

static void
unpriced_is_not_free(void **state)
{
	struct price_row rows[] = {
		row_of("x", "embed", "0.02", NULL),
		row_of("x", "free", "0", "0"),
		row_of("x", "dear", "9000000000000", NULL),
		row_of("x", "none", NULL, NULL),
		row_of("x", "call", NULL, NULL),
	};
	struct meter_prices *p;

	(void)state;
	rows[4].part[PRICE_PER_REQUEST] = 5000000;
	p = list_of(rows, COUNT(rows));
	assert_int_equal(cost_of(p, "x", "embed", used(50, -1)), 1000);
	assert_int_equal(cost_of(p, "x", "embed", used(50, 0)), 1000);
	assert_int_equal(cost_of(p, "x", "embed", used(50, 1)), -1);
	assert_int_equal(cost_of(p, "x", "free", used(50, 1)), 0);
	assert_int_equal(cost_of(p, "x", "free", unknown), -1);
	assert_int_equal(cost_of(p, "x", "none", used(0, 0)), -1);
	assert_int_equal(cost_of(p, "x", "call", used(0, 0)), 5000000);
	assert_int_equal(cost_of(p, "x", "call", used(1, 0)), -1);
	assert_int_equal(cost_of(p, "x", "dear", used(INT64_MAX, 0)), -1);
	assert_int_equal(cost_of(p, "x", "gone", used(1, 1)), -1);
	assert_int_equal(cost_of(NULL, "x", "free", used(1, 1)), -1);
	assert_int_equal(meter_prices_count(NULL), 0);
	meter_prices_free(p);
	meter_prices_free(NULL);
}

static void
targets(void **state)
{
	const struct price_row rows[] = { row_of(
	    "openai", "gpt-4o", "2.5", "10") };
	struct conf_provider provider = { .name = STR("main"),
		.price_as = STR("azure") };
	struct conf_target t = { .provider = &provider,
		.model = STR("our-deployment"),
		.family = STR("gpt-4o") };
	struct conf_model model = { .targets = &t, .n_targets = 1 };
	const struct conf conf = { .models = &model, .n_models = 1 };
	struct meter_prices *p = list_of(rows, 1);
	struct msg_usage u = used(10, 10);
	nanousd_t cost;
	int64_t version;

	(void)state;
	assert_true(meter_price_target_cost(p, &t, &u, &cost, &version));
	assert_true(cost == 125000);
	assert_true(version == -20261121);
	assert_true(meter_price_estimate(p, &t, 10, 10, &cost));
	assert_true(cost == 125000);
	t.family = (struct str){ 0 };
	assert_false(meter_price_estimate(p, &t, 10, 10, &cost));
	/* a booking knows names; what is not configured goes by price_as */
	assert_null(meter_price_target_find(NULL, STR("main"), t.model));
	assert_ptr_equal(
	    meter_price_target_find(&conf, STR("main"), t.model), &t);
	assert_null(meter_price_target_find(&conf, STR("other"), t.model));
	t.family = STR("gpt-4o");
	assert_true(meter_price_booked_cost(
	    p, &conf, STR("main"), STR("x"), t.model, &u, &cost, &version));
	assert_true(cost == 125000);
	assert_true(meter_price_booked_cost(p, &conf, STR("other"),
	    STR("openai"), STR("gpt-4o"), &u, &cost, &version));
	assert_true(cost == 125000);
	assert_false(meter_price_booked_cost(
	    p, NULL, STR("main"), STR("x"), t.model, &u, &cost, &version));
	/* its own price wins, and needs no list */
	t.has_price = true;
	t.price = row_of("", "", "1", "1");
	assert_true(meter_price_target_cost(p, &t, &u, &cost, &version));
	assert_true(cost == 20000);
	assert_true(version == METER_PRICE_VERSION_OWN);
	assert_true(meter_price_estimate(NULL, &t, 1, 0, &cost));
	assert_true(cost == 1000);
	meter_prices_free(p);
}

static void
bad_rows_and_bounds(void **state)
{
	struct price_row rows[] = {
		row_of("x", "", "1", "1"),
		row_of("x", "a", "1", "1"),
		row_of("x", "a", "2", "2"),
	};
	struct meter_price_source s[2] = {
		{ rows, 3, METER_PRICE_OWN, 0 },
		{ rows, METER_PRICES_MAX, METER_PRICE_CATALOGUE, 0 },
	};
	struct meter_prices *p = prices_of(s, 1);

	(void)state;
	assert_int_equal(meter_prices_count(p), 1);
	assert_true(input_of(p, "x", "a") > 0);
	meter_prices_free(p);
	assert_int_equal(meter_prices_new(s, 2, &p), ERR_LIMIT);
	p = prices_of(NULL, 0);
	assert_int_equal(meter_prices_count(p), 0);
	assert_int_equal(input_of(p, "x", "a"), -1);
	meter_prices_free(p);
}

static void
no_memory(void **state)
{
	const struct price_row rows[] = { row_of("x", "a", "1", "1"),
		row_of("x", "b*", "1", "1") };
	const struct meter_price_source s = { rows, 2, METER_PRICE_OWN, 0 };
	static const char *const points[] = { "arena.block", "map.new",
		"map.grow" };
	struct meter_prices *p = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(points); i++) {
		enum err e = ERR_NOMEM;

		for (unsigned n = 1; e != ERR_OK; n++) {
			char spec[64];

			(void)snprintf(
			    spec, sizeof(spec), "%s:%u", points[i], n);
			fault_setup(spec);
			e = meter_prices_new(&s, 1, &p);
			fault_setup(NULL);
			assert_true(e == ERR_OK || e == ERR_NOMEM);
		}
		meter_prices_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_then_pattern),
		cmocka_unit_test(lists_in_order),
		cmocka_unit_test(versions_are_whole),
		cmocka_unit_test(tiers_and_batch),
		cmocka_unit_test(parts),
		cmocka_unit_test(unpriced_is_not_free),
		cmocka_unit_test(targets),
		cmocka_unit_test(bad_rows_and_bounds),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
