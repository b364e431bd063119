#include "base/hash.h"

#include "check.h"

static void
table_hash(void **state)
{
	uint64_t a = hash_u64(STR("a"));

	(void)state;
	assert_true(a == hash_u64(STR("a")));
	assert_true(a != hash_u64(STR("b")));
	assert_true(a != hash_stable(STR("a")));
	assert_true(hash_u64(STR("")) == hash_u64((struct str){ NULL, 0 }));
}

/* If this fails, ids that clients hold have changed. */
static void
stable_hash_never_changes(void **state)
{
	char id[11];

	(void)state;
	assert_true(hash_stable(STR("")) == UINT64_C(0x77fc3c2e5ca20f67));
	assert_true(
	    hash_stable(STR("call_abc123")) == UINT64_C(0x1e47ef5d85d4820d));
	hash_base62(STR("call_abc123"), 9, id);
	assert_string_equal(id, "dlRlPKGTB");
	hash_base62(STR("call_abc123"), 0, id);
	assert_string_equal(id, "");
	hash_base62(STR("x"), 10, id);
	assert_int_equal(strlen(id), 10);
}

/* BLAKE2b-256 of "abc", as `b2sum -l 256` says. */
static void
key_hash(void **state)
{
	unsigned char out[HASH_KEY_BYTES], other[HASH_KEY_BYTES];
	char hex[2 * HASH_KEY_BYTES + 1];

	(void)state;
	hash_key(STR("abc"), (struct str){ NULL, 0 }, out);
	hash_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "bddd813c634239723171ef3fee98579b"
				 "94964e3bb1cb3e427262c8c068d52319");
	hash_key(STR("abc"), STR("pepper"), other);
	assert_false(hash_equal(out, other, sizeof(out)));
	hash_key(STR("abc"), STR("pepper"), out);
	assert_true(hash_equal(out, other, sizeof(out)));
	hash_key(STR(""), STR(""), out);
	assert_false(hash_equal(out, other, sizeof(out)));
}

static void
hex_digits(void **state)
{
	char out[9];

	(void)state;
	hash_hex((const unsigned char *)"\x00\xff\x1a\xa1", 4, out);
	assert_string_equal(out, "00ff1aa1");
	hash_hex(NULL, 0, out);
	assert_string_equal(out, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_hash),
		cmocka_unit_test(stable_hash_never_changes),
		cmocka_unit_test(key_hash),
		cmocka_unit_test(hex_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
