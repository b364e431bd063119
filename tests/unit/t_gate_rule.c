#include "gate/rule.h"

#include "store_people.h"

#define MINUTE (60 * USEC_PER_SEC)

static struct store_limit
row(const char *sort, int64_t amount, usec_t per, const char *period)
{
	return (struct store_limit){ .id = 1,
		.name = STR("x"),
		.sort = str_z(sort),
		.amount = amount,
		.per = per,
		.period = str_z(period) };
}

static void
test_what_is_wrong(void **state)
{
	const struct {
		struct store_limit row;
		const char *says;
	} rows[] = {
		{ row("requests", 60, MINUTE, ""), NULL },
		{ row("concurrent", 60, 0, ""), NULL },
		{ row("money", 60, 0, "quarter"), NULL },
		{ row("output", 60, 0, "day"), NULL },
		{ row("words", 60, MINUTE, ""), "counts requests" },
		{ row("requests", 0, MINUTE, ""), "amount" },
		{ row("requests", INT64_MAX, MINUTE, ""), "amount" },
		{ row("requests", 5, 0, ""), "needs its window" },
		{ row("requests", 5, MINUTE, "day"), "one of them" },
		{ row("requests", 5, 5, ""), "from 1s" },
		{ row("requests", 5, 0, "year"), "a period is" },
		{ row("tokens", INT64_C(1) << 38, MINUTE, ""), "no limit" },
		{ row("concurrent", 5, MINUTE, ""), "no window" },
		{ row("money", 5, MINUTE, ""), "over a period" },
	};
	struct store_limit l = row("requests", 60, MINUTE, "");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *why = gate_rule_wrong(&rows[i].row);

		if (!rows[i].says != !why ||
		    (why && !strstr(why, rows[i].says)))
			fail_msg("row %zu: %s", i, why ? why : "fine");
	}
	l.each_of = STR("key model");
	assert_null(gate_rule_wrong(&l));
	l.each_of = STR("key planet");
	assert_non_null(gate_rule_wrong(&l));
	l.each_of = STR("");
	l.soft_percent = 101;
	assert_non_null(gate_rule_wrong(&l));
}

static void
test_made(void **state)
{
	struct store_limit l = row("money", 60, 0, "month");
	struct gate_rule r, again;

	(void)state;
	l.team_id = 4;
	l.each_of = STR("user provider");
	l.is_shadow = true;
	l.soft_percent = 75;
	gate_rule_make(&l, zone_utc(), &r);
	assert_int_equal(r.team_id, 4);
	assert_int_equal(r.limit.sort, CONF_LIMIT_MONEY);
	assert_int_equal(r.limit.period, 1 + ZONE_MONTH);
	assert_int_equal(r.limit.each_of, CONF_EACH_USER | CONF_EACH_PROVIDER);
	assert_true(r.limit.is_shadow && r.limit.zone == zone_utc());
	assert_int_equal(r.limit.soft_percent, 75);
	/* a new amount counts on, a new window begins anew */
	l.amount = 70;
	gate_rule_make(&l, NULL, &again);
	assert_true(again.limit.identity == r.limit.identity);
	l.period = STR("day");
	gate_rule_make(&l, NULL, &again);
	assert_true(again.limit.identity != r.limit.identity);
}

static void
add(const char *name, int64_t tenant_id, int64_t user_id, const char *sort)
{
	struct store_limit l = row(sort, 60, MINUTE, "");

	l.name = str_z(name);
	l.tenant_id = tenant_id;
	l.user_id = user_id;
	assert_int_equal(store_limit_add(bed_store, &l), ERR_OK);
}

static void
test_loaded(void **state)
{
	struct gate_limits lists[GATE_RULE_LISTS];
	struct gate_rules *r = NULL;
	struct store_user lee;

	(void)state;
	assert_int_equal(gate_rules_for(NULL, 1, 1, 1, lists), 0);
	assert_int_equal(gate_rules_load(bed_store, &r), ERR_OK);
	assert_int_equal(gate_rules_for(r, 1, 1, 1, lists), 0);
	gate_rules_unref(r);
	add_people();
	lee = (struct store_user){ .tenant_id = acme.id, .name = STR("lee") };
	assert_int_equal(store_user_add(bed_store, &lee), ERR_OK);
	add("all", 0, 0, "requests");
	add("bad", 0, 0, "words");
	add("acme", acme.id, 0, "requests");
	add("kim-2", acme.id, kim.id, "requests");
	add("lee", acme.id, lee.id, "tokens");
	add("kim-1", acme.id, kim.id, "tokens");
	assert_int_equal(gate_rules_load(bed_store, &r), ERR_OK);
	assert_int_equal(gate_rules_bad(r), 1);
	assert_int_equal(gate_rules_for(r, 0, 0, 0, lists), 1);
	assert_int_equal(lists[0].n, 1);
	assert_str(lists[0].rules[0].limit.name, "all");
	assert_null(lists[0].rules[0].limit.zone);
	assert_int_equal(gate_rules_for(r, 77, kim.id, acme.id, lists), 3);
	assert_int_equal(lists[1].n, 2);
	assert_str(lists[1].rules[0].limit.name, "kim-1");
	assert_str(lists[1].rules[1].limit.name, "kim-2");
	assert_int_equal(lists[2].n, 1);
	assert_str(lists[2].rules[0].limit.name, "acme");
	assert_true(lists[2].rules[0].limit.zone != zone_utc());
	assert_non_null(lists[2].rules[0].limit.zone);
	assert_int_equal(gate_rules_for(r, 0, lee.id, 0, lists), 2);
	assert_int_equal(lists[1].n, 1);
	assert_int_equal(gate_rules_for(r, 0, 4711, 4711, lists), 1);
	gate_rules_unref(gate_rules_ref(r));
	gate_rules_unref(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_what_is_wrong),
		PEOPLE_TEST(test_made),
		PEOPLE_TEST(test_loaded),
	};

	return bed_run("rules", tests, COUNT(tests));
}
