#ifndef TESTS_UNIT_STORE_AUDIT_H
#define TESTS_UNIT_STORE_AUDIT_H
/* A chain of events over some days, and hands that change it. */
#include "store_bed.h"

#include "store/audit.h"
#include "store/logday.h"
#include "store/schema.h"

#define A_DAY (86400 * USEC_PER_SEC)
#define FIRST_DAY INT64_C(20000) /* 2024-10-04 */

/* What a thief runs: the triggers are no hindrance to who owns the database. */
static inline void
run(const struct store_sql *sql, const struct store_value *v, uint32_t n)
{
	if (store_run(bed_store, sql, v, n, NULL, NULL) != ERR_OK)
		fail_msg("%s: %s", sql->text, store_why(bed_store));
}

static inline int64_t
count(const struct store_sql *sql)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(bed_store, sql, NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

/* A database of the test's own (BED_TEST_EMPTY), since they stay away. */
static inline void
without_triggers(void)
{
	static const struct store_sql drop[] = {
		{ "DROP TRIGGER IF EXISTS audit_is_kept", NULL },
		{ "DROP TRIGGER IF EXISTS audit_is_final", NULL },
		{ "DROP TRIGGER IF EXISTS audit_is_added", NULL },
	};

	for (size_t i = 0; i < COUNT(drop); i++)
		run(&drop[i], NULL, 0);
}

static inline struct store_audit
an_event(int64_t day, const char *action, const char *object)
{
	return (struct store_audit){
		.at = (FIRST_DAY + day) * A_DAY + 5,
		.actor = STR("cli:kim"),
		.action = str_z(action),
		.object = str_z(object),
		.result = STR("ok"),
		.reason = STR("asked for"),
		.address = STR("10.0.0.1"),
		.detail = STR("{\"name\":\"ci\"}"),
	};
}

static inline void
add(struct store_audit row)
{
	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_audit_add(bed_store, &row), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

/* For BED_TEST_EMPTY. */
static inline void
make_schema(void)
{
	char why[STORE_WHY_SIZE];

	if (store_schema_init(bed_store, NULL, NULL, why) != ERR_OK)
		fail_msg("%s", why);
}

/* Rows 1..3 of the first day, 4..6 of the second ... */
static inline void
fill(int days)
{
	static const char id[] = "0123456789abcdef";

	for (int d = 0; d < days; d++)
		for (int i = 0; i < 3; i++) {
			struct store_audit row =
			    an_event(d, "key.create", "key:7");
			char source[16];

			memcpy(source, id, 16);
			source[0] = (char)('a' + d);
			if (i == 1)
				row.tenant_id = 1;
			if (i == 2)
				row.source_id = str_of(source, 16);
			add(row);
		}
}

static inline struct store_audit_verdict
verify_with(const struct store_audit_check *check)
{
	struct store_audit_verdict v;

	assert_int_equal(store_audit_verify(bed_store, check, &v), ERR_OK);
	return v;
}

static inline struct store_audit_verdict
verify(void)
{
	return verify_with(&(struct store_audit_check){ 0 });
}

#define assert_whole(n)                                    \
	do {                                               \
		struct store_audit_verdict v_ = verify();  \
		if (!v_.is_whole)                          \
			fail_msg("not whole: %s", v_.why); \
		assert_int_equal(v_.rows, n);              \
	} while (0)
#define assert_bad(seq, words)                                               \
	do {                                                                 \
		struct store_audit_verdict v_ = verify();                    \
		assert_false(v_.is_whole);                                   \
		if (!strstr(v_.why, words) || v_.bad_seq != (seq))           \
			fail_msg("%lld: %s", (long long)v_.bad_seq, v_.why); \
	} while (0)

#endif
