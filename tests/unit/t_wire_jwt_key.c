#include "jwt_make.h"

static enum err
parse(const char *text, uint32_t *n)
{
	struct jwt_keys *k = NULL;
	enum err e = jwt_keys_parse(str_z(text), &k);

	assert_int_equal(e == ERR_OK, k != NULL);
	if (n && k)
		*n = jwt_keys_count(k);
	jwt_keys_free(k);
	return e;
}

/* A set of the one key. */
static enum err
parse_key(enum jwt_algorithm algorithm, unsigned bits, const char *more)
{
	EVP_PKEY *k = make_key(algorithm, bits);
	struct buf b;
	enum err e;

	buf_init(&b, 1 << 16);
	buf_addz(&b, "{\"keys\":[");
	make_jwk(&b, k, algorithm, "a", more);
	buf_addz(&b, "]}");
	buf_addc(&b, '\0');
	e = parse(b.p, NULL);
	buf_fini(&b);
	EVP_PKEY_free(k);
	return e;
}

static void
test_sorts(void **state)
{
	(void)state;
	assert_int_equal(parse_key(JWT_RS256, 2048, ""), ERR_OK);
	assert_int_equal(parse_key(JWT_ES256, 256, ""), ERR_OK);
	assert_int_equal(parse_key(JWT_EDDSA, 0, ""), ERR_OK);
	assert_int_equal(
	    parse_key(JWT_EDDSA, 0, ",\"use\":\"sig\",\"alg\":\"EdDSA\""),
	    ERR_OK);
	assert_int_equal(
	    parse_key(JWT_EDDSA, 0, ",\"use\":\"enc\""), ERR_NOT_FOUND);
	assert_int_equal(
	    parse_key(JWT_RS256, 2048, ",\"alg\":\"RS512\""), ERR_NOT_FOUND);
	assert_int_equal(
	    parse_key(JWT_RS256, 2048, ",\"alg\":\"none\""), ERR_NOT_FOUND);
}

static void
test_weak_keys_are_passed_over(void **state)
{
	(void)state;
	assert_int_equal(parse_key(JWT_RS256, 1024, ""), ERR_NOT_FOUND);
	assert_int_equal(
	    parse("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		  "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":"
		  "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
		NULL),
	    ERR_NOT_FOUND); /* not on the curve */
	assert_int_equal(
	    parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", NULL),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    parse("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"}]}",
		NULL),
	    ERR_NOT_FOUND);
}

static void
test_sets(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"keys\":{}}",
		"{\"keys\":[}", "\"keys\"" };
	struct buf b;
	uint32_t n = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(parse(bad[i], NULL), ERR_SYNTAX);
	assert_int_equal(parse("{\"keys\":[]}", NULL), ERR_NOT_FOUND);
	assert_int_equal(
	    parse("{\"keys\":[1,null,\"x\",{}]}", NULL), ERR_NOT_FOUND);
	buf_init(&b, 1 << 16);
	buf_addz(&b, "{\"keys\":[{},");
	for (int i = 0; i < 3; i++) {
		EVP_PKEY *k = make_key(JWT_EDDSA, 0);

		make_jwk(&b, k, JWT_EDDSA, "x", "");
		buf_addz(&b, i < 2 ? "," : "]}");
		EVP_PKEY_free(k);
	}
	buf_addc(&b, '\0');
	assert_int_equal(parse(b.p, &n), ERR_OK);
	assert_int_equal(n, 3);
	buf_reset(&b);
	buf_addz(&b, "{\"keys\":[0");
	for (uint32_t i = 0; i < JWT_KEYS_MAX; i++)
		buf_addz(&b, ",0");
	buf_addz(&b, "]}");
	buf_addc(&b, '\0');
	assert_int_equal(parse(b.p, NULL), ERR_LIMIT);
	buf_fini(&b);
}

static void
test_the_only_key_needs_no_name(void **state)
{
	EVP_PKEY *k = make_key(JWT_EDDSA, 0);
	struct jwt_keys *keys;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	buf_addz(&b, "{\"keys\":[");
	make_jwk(&b, k, JWT_EDDSA, NULL, "");
	buf_addz(&b, "]}");
	assert_int_equal(jwt_keys_parse(buf_str(&b), &keys), ERR_OK);
	assert_non_null(jwt_key_find(keys, (struct str){ 0 }));
	assert_null(jwt_key_find(keys, STR("a")));
	assert_int_equal(
	    jwt_key_algorithm(jwt_key_find(keys, (struct str){ 0 })),
	    JWT_EDDSA);
	jwt_keys_free(keys);
	jwt_keys_free(NULL);
	buf_fini(&b);
	EVP_PKEY_free(k);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorts),
		cmocka_unit_test(test_weak_keys_are_passed_over),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_the_only_key_needs_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
