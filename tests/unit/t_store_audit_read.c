#include "store_audit.h"

struct seen {
	char text[256];
	size_t n;
	enum err answer;
};

static enum err
on_row(void *arg, const struct store_audit *row)
{
	struct seen *s = arg;

	s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n,
	    "%s%lld", s->n ? " " : "", (long long)row->seq);
	return s->answer;
}

/* The numbers of the rows that pass: "1 2 3". */
static const char *
rows(struct store_audit_filter f, uint32_t max)
{
	static struct seen s;

	s = (struct seen){ 0 };
	assert_int_equal(
	    store_audit_each(bed_store, &f, max, on_row, &s), ERR_OK);
	return s.text;
}

#define ROWS(...) rows((struct store_audit_filter){ __VA_ARGS__ }, 100)

static void
test_filter(void **state)
{
	(void)state;
	fill(3); /* 1..9; 2, 5, 8 of tenant 1 */
	add(an_event(3, "tenant.create", "tenant:1"));
	assert_string_equal(ROWS(0), "1 2 3 4 5 6 7 8 9 10");
	assert_string_equal(
	    ROWS(.newest_first = true, .after_seq = 6), "10 9 8 7");
	assert_string_equal(ROWS(.tenant_id = 1), "2 5 8");
	assert_string_equal(ROWS(.action = STR("tenant.")), "10");
	assert_string_equal(ROWS(.action = STR("enant.")), "");
	assert_string_equal(ROWS(.object = STR("tenant:1")), "10");
	assert_string_equal(ROWS(.object = STR("tenant")), "");
	assert_string_equal(ROWS(.actor = STR("cli:eve")), "");
	assert_string_equal(
	    ROWS(.actor = STR("cli:kim"), .after_seq = 8), "9 10");
	assert_string_equal(ROWS(.from = (FIRST_DAY + 1) * A_DAY,
				.to = (FIRST_DAY + 2) * A_DAY),
	    "4 5 6");
	assert_string_equal(
	    rows((struct store_audit_filter){ .after_seq = 3 }, 2), "4 5");
}

static enum err
on_second(void *arg, const struct store_audit *row)
{
	(void)arg;
	assert_int_equal(row->seq, 2);
	assert_int_equal(row->day, FIRST_DAY);
	assert_int_equal(row->at, FIRST_DAY * A_DAY + 5);
	assert_true(str_eqz(row->actor, "cli:kim"));
	assert_true(str_eqz(row->action, "key.create"));
	assert_true(str_eqz(row->object, "key:7"));
	assert_int_equal(row->tenant_id, 1);
	assert_true(str_eqz(row->result, "ok"));
	assert_true(str_eqz(row->reason, "asked for"));
	assert_true(str_eqz(row->address, "10.0.0.1"));
	assert_true(str_eqz(row->detail, "{\"name\":\"ci\"}"));
	assert_false(str_present(row->source_id));
	return ERR_OK;
}

static void
test_a_row(void **state)
{
	struct store_audit_filter f = { .after_seq = 1 };

	(void)state;
	fill(1);
	assert_int_equal(
	    store_audit_each(bed_store, &f, 1, on_second, NULL), ERR_OK);
}

/* What the function says ends it; what nobody wrote so is told. */
static void
test_ends(void **state)
{
	static const struct store_sql blob = {
		"UPDATE audit SET reason = CAST(reason AS BLOB) WHERE seq = 2",
		NULL
	};
	struct store_audit_filter f = { 0 };
	struct seen s = { .answer = ERR_LIMIT };

	(void)state;
	make_schema();
	fill(1);
	assert_int_equal(
	    store_audit_each(bed_store, &f, 9, on_row, &s), ERR_LIMIT);
	assert_string_equal(s.text, "1");
	/* There a column has one type. */
	if (bed_is_mariadb())
		return;
	without_triggers();
	run(&blob, NULL, 0);
	s = (struct seen){ 0 };
	assert_int_equal(
	    store_audit_each(bed_store, &f, 9, on_row, &s), ERR_SYNTAX);
	assert_string_equal(s.text, "1");
}

static enum err
on_head(void *arg, const struct store_audit_head *h)
{
	struct seen *s = arg;

	s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n,
	    "%s%lld:%lld", s->n ? " " : "",
	    (long long)(h->day ? h->day - FIRST_DAY : -1), (long long)h->seq);
	return ERR_OK;
}

static void
test_heads(void **state)
{
	struct seen s = { 0 };

	(void)state;
	fill(3);
	assert_int_equal(store_audit_heads(bed_store, FIRST_DAY + 1,
			     FIRST_DAY + 5, on_head, &s),
	    ERR_OK);
	assert_string_equal(s.text, "-1:9 1:6 2:9");
}

static void
test_days(void **state)
{
	static const struct {
		const char *text;
		int64_t day;
	} good[] = { { "1970-01-01", 0 }, { "2024-02-29", 19782 },
		{ "2024-10-04", FIRST_DAY }, { "2026-11-21", 20778 },
		{ "2100-03-01", 47541 } };
	static const char *const bad[] = { "", "2024-02-30", "2023-02-29",
		"2024-13-01", "2024-00-10", "2024-1-1", "1969-12-31",
		"2024-10-04 ", "20241004", "2024-10-0x", "-024-10-04" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char out[STORE_DAY_SIZE];
		int64_t day = -1;

		assert_int_equal(
		    store_day_parse(str_z(good[i].text), &day), ERR_OK);
		assert_int_equal(day, good[i].day);
		store_day_print(day, out);
		assert_string_equal(out, good[i].text);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t day = 7;

		assert_int_equal(
		    store_day_parse(str_z(bad[i]), &day), ERR_SYNTAX);
		assert_int_equal(day, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_filter),
		BED_TEST(test_a_row),
		BED_TEST_EMPTY(test_ends),
		BED_TEST(test_heads),
		cmocka_unit_test(test_days),
	};

	return bed_run("audit: read", tests, COUNT(tests));
}
