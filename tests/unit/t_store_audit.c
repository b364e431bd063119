#include "store/audit.h"

#include "store_people.h"

#include "base/hash.h"

static const struct store_sql sql[] = {
	{ "SELECT seq, day, at, actor, action, object, tenant_id, result,"
	  " reason, address, detail, source_id, hash FROM audit ORDER BY seq",
	    NULL },
	{ "SELECT day, seq, hash FROM audit_head ORDER BY day", NULL },
	STORE_SQL_END,
};

static struct store_audit
an_event(void)
{
	return (struct store_audit){
		.at = 86400 * USEC_PER_SEC * 3 + 5,
		.actor = STR("cli:kim"),
		.action = STR("key.create"),
		.object = STR("key:1"),
		.result = STR("ok"),
		.detail = STR("{\"name\":\"ci\"}"),
	};
}

static void
add(struct store_audit *row)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_audit_add(bed_store, row), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

/* Walks the chain as a verifier would, from what the database has. */
struct chain {
	unsigned char end[STORE_AUDIT_HASH];
	int64_t n;
};

static enum err
on_row(void *arg, const struct store_value *v, uint32_t n)
{
	struct chain *c = arg;
	struct store_audit row = {
		.seq = v[0].i,
		.day = v[1].i,
		.at = v[2].i,
		.actor = store_get_str(&v[3]),
		.action = store_get_str(&v[4]),
		.object = store_get_str(&v[5]),
		.tenant_id = store_get_int(&v[6]),
		.result = store_get_str(&v[7]),
		.reason = store_get_str(&v[8]),
		.address = store_get_str(&v[9]),
		.detail = store_get_str(&v[10]),
		.source_id = store_get_str(&v[11]),
	};

	assert_int_equal(n, 13);
	assert_int_equal(row.seq, ++c->n);
	assert_int_equal(store_audit_hash(&row, c->end, c->end), ERR_OK);
	assert_memory_equal(v[12].s.p, c->end, STORE_AUDIT_HASH);
	return ERR_OK;
}

struct heads {
	int64_t day[8], seq[8];
	unsigned char hash[8][STORE_AUDIT_HASH];
	unsigned n;
};

static enum err
on_head(void *arg, const struct store_value *v, uint32_t n)
{
	struct heads *h = arg;

	assert_int_equal(n, 3);
	h->day[h->n] = v[0].i;
	h->seq[h->n] = v[1].i;
	memcpy(h->hash[h->n++], v[2].s.p, STORE_AUDIT_HASH);
	return ERR_OK;
}

static void
test_chain(void **state)
{
	struct chain c = { 0 };
	struct heads h = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct store_audit row = an_event();

		row.at += i / 3 * 86400 * USEC_PER_SEC;
		row.tenant_id = i;
		if (i == 2)
			row.source_id = STR("0123456789abcdef");
		add(&row);
		assert_int_equal(row.seq, i + 1);
		assert_int_equal(row.day, 3 + i / 3);
	}
	assert_int_equal(
	    store_run(bed_store, &sql[0], NULL, 0, on_row, &c), ERR_OK);
	assert_int_equal(c.n, 5);
	assert_int_equal(
	    store_run(bed_store, &sql[1], NULL, 0, on_head, &h), ERR_OK);
	assert_int_equal(h.n, 3);
	assert_int_equal(h.seq[0], 5);
	assert_memory_equal(h.hash[0], c.end, STORE_AUDIT_HASH);
	assert_int_equal(h.day[1], 3);
	assert_int_equal(h.seq[1], 3);
	assert_int_equal(h.day[2], 4);
	assert_memory_equal(h.hash[2], c.end, STORE_AUDIT_HASH);
}

static void
test_rolled_back_leaves_no_gap(void **state)
{
	struct store_audit row = an_event();
	struct chain c = { 0 };

	(void)state;
	add(&row);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_audit_add(bed_store, &row), ERR_OK);
	store_rollback(bed_store);
	add(&row);
	assert_int_equal(row.seq, 2);
	assert_int_equal(
	    store_run(bed_store, &sql[0], NULL, 0, on_row, &c), ERR_OK);
}

/* The same spooled event twice is one row. */
static void
test_source_once(void **state)
{
	struct store_audit row = an_event();

	(void)state;
	row.source_id = STR("0123456789abcdef");
	add(&row);
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_audit_add(bed_store, &row), ERR_DENIED);
	row.source_id = STR("0123456789abcdeF");
	assert_int_equal(store_audit_add(bed_store, &row), ERR_OK);
	assert_int_equal(row.seq, 2);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static void
test_long_texts(void **state)
{
	static char many[STORE_AUDIT_DETAIL_MAX + 1];
	struct store_audit row = an_event();
	struct chain c = { 0 };

	(void)state;
	memset(many, 'x', sizeof(many));
	/* A character of two bytes over the edge of 190. */
	many[189] = (char)0xc3;
	many[190] = (char)0xa4;
	row.object = str_of(many, sizeof(many));
	row.reason = str_of(many, sizeof(many));
	add(&row);
	assert_int_equal(row.object.n, 189);
	assert_int_equal(row.reason.n, 1000);
	row.detail = str_of(many, sizeof(many));
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_audit_add(bed_store, &row), ERR_LIMIT);
	store_rollback(bed_store);
	assert_int_equal(
	    store_run(bed_store, &sql[0], NULL, 0, on_row, &c), ERR_OK);
	assert_int_equal(c.n, 1);
}

/* Each member counts, and none can be moved into its neighbour. */
static void
test_hash_is_of_all(void **state)
{
	static const unsigned char zero[STORE_AUDIT_HASH];
	unsigned char all[12][STORE_AUDIT_HASH];
	struct store_audit row = an_event();
	struct str *const texts[] = { &row.actor, &row.action, &row.object,
		&row.result, &row.reason, &row.address, &row.detail,
		&row.source_id };
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct str old = *texts[i];

		*texts[i] = STR("moved");
		assert_int_equal(
		    store_audit_hash(&row, zero, all[n++]), ERR_OK);
		*texts[i] = old;
	}
	row.tenant_id = 1;
	assert_int_equal(store_audit_hash(&row, zero, all[n++]), ERR_OK);
	row.at++;
	assert_int_equal(store_audit_hash(&row, zero, all[n++]), ERR_OK);
	row.seq++;
	assert_int_equal(store_audit_hash(&row, zero, all[n++]), ERR_OK);
	assert_int_equal(store_audit_hash(&row, all[0], all[n++]), ERR_OK);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			assert_false(
			    hash_equal(all[i], all[k], sizeof(all[0])));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_chain),
		BED_TEST(test_rolled_back_leaves_no_gap),
		BED_TEST(test_source_once),
		BED_TEST(test_long_texts),
		cmocka_unit_test(test_hash_is_of_all),
	};

	return bed_run("audit", tests, COUNT(tests));
}
