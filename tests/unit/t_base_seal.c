#include "base/seal.h"

#include "check.h"

static unsigned char key_byte[SEAL_KEY_BYTES];
static const struct str key = { (const char *)key_byte, SEAL_KEY_BYTES };

static struct buf
closed(struct str plain)
{
	struct buf b;

	buf_init(&b, SEAL_PLAIN_MAX + SEAL_EXTRA);
	assert_int_equal(seal_close(key, STR("row 1"), plain, &b), ERR_OK);
	assert_int_equal(b.n, plain.n + SEAL_EXTRA);
	return b;
}

static enum err
opens(struct str sealed, struct str bound)
{
	struct secret *s = NULL;
	enum err e = seal_open(key, bound, sealed, &s);

	assert_true((e == ERR_OK) == (s != NULL));
	secret_unref(s);
	return e;
}

static void
test_back_and_forth(void **state)
{
	static char large[SEAL_PLAIN_MAX];
	const struct str rows[] = { STR(""), STR("sk-1"),
		str_of(large, sizeof(large)) };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = closed(rows[i]);
		struct secret *s = NULL;

		if (rows[i].n > 0 && rows[i].n < 100)
			assert_false(str_contains(buf_str(&b), rows[i]));
		assert_int_equal(
		    seal_open(key, STR("row 1"), buf_str(&b), &s), ERR_OK);
		assert_int_equal(secret_str(s).n, rows[i].n);
		assert_memory_equal(secret_str(s).p, rows[i].p, rows[i].n);
		secret_unref(s);
		buf_fini(&b);
	}
}

static void
test_never_the_same_twice(void **state)
{
	struct buf a = closed(STR("sk-1")), b = closed(STR("sk-1"));

	(void)state;
	assert_memory_not_equal(a.p + 1, b.p + 1, 24);
	buf_fini(&a);
	buf_fini(&b);
}

/* Whichever byte is another, whatever is missing: it does not open. */
static void
test_changed(void **state)
{
	struct buf b = closed(STR("sk-1"));

	(void)state;
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 1;
		assert_int_equal(opens(buf_str(&b), STR("row 1")),
		    i == 0 ? ERR_SYNTAX : ERR_DENIED);
		b.p[i] ^= 1;
	}
	for (size_t n = 0; n < b.n; n++)
		assert_int_not_equal(
		    opens(str_of(b.p, n), STR("row 1")), ERR_OK);
	assert_int_equal(opens(buf_str(&b), STR("row 2")), ERR_DENIED);
	assert_int_equal(opens(buf_str(&b), (struct str){ 0 }), ERR_DENIED);
	key_byte[31] = 1;
	assert_int_equal(opens(buf_str(&b), STR("row 1")), ERR_DENIED);
	key_byte[31] = 0;
	assert_int_equal(opens(buf_str(&b), STR("row 1")), ERR_OK);
	buf_fini(&b);
}

static void
test_limits(void **state)
{
	static char large[SEAL_PLAIN_MAX + SEAL_EXTRA + 1] = { 1 };
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	assert_int_equal(
	    seal_close(key, STR("x"), str_of(large, SEAL_PLAIN_MAX + 1), &b),
	    ERR_LIMIT);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
	buf_init(&b, SEAL_EXTRA);
	assert_int_equal(seal_close(key, STR("x"), STR("sk-1"), &b), ERR_NOMEM);
	buf_fini(&b);
	assert_int_equal(
	    opens(str_of(large, sizeof(large)), STR("x")), ERR_SYNTAX);
}

static void
test_key_id(void **state)
{
	char id[SEAL_ID_SIZE], other[SEAL_ID_SIZE];

	(void)state;
	seal_key_id(key, id);
	assert_int_equal(strlen(id), SEAL_ID_SIZE - 1);
	seal_key_id(key, other);
	assert_string_equal(id, other);
	key_byte[0] = 1;
	seal_key_id(key, other);
	assert_string_not_equal(id, other);
	key_byte[0] = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_and_forth),
		cmocka_unit_test(test_never_the_same_twice),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_key_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
