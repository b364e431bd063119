#include "jwt_make.h"

#define NOW 1790000000
#define GOOD                                                              \
	"{\"iss\":\"https://id.test\",\"aud\":\"llmgw\",\"sub\":\"kim\"," \
	"\"exp\":1790000300,\"iat\":1790000000}"

static const enum jwt_algorithm algorithms[] = { JWT_RS256, JWT_ES256,
	JWT_EDDSA };
static const char *const words[] = { "RS256", "ES256", "EdDSA" };
static EVP_PKEY *key[3], *stranger;
static struct jwt_keys *keys;
static struct arena *arena;
static struct buf token;

static int
setup(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 16);
	buf_addz(&b, "{\"keys\":[");
	for (size_t i = 0; i < 3; i++) {
		char kid[2] = { (char)('0' + i), '\0' };

		key[i] = make_key(algorithms[i], 2048);
		if (i > 0)
			buf_addc(&b, ',');
		make_jwk(&b, key[i], algorithms[i], kid, "");
	}
	buf_addz(&b, "]}");
	stranger = make_key(JWT_EDDSA, 0);
	if (jwt_keys_parse(buf_str(&b), &keys) != ERR_OK)
		return -1;
	buf_fini(&b);
	arena = arena_new(1 << 22);
	buf_init(&token, 1 << 16);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		EVP_PKEY_free(key[i]);
	EVP_PKEY_free(stranger);
	jwt_keys_free(keys);
	arena_free(arena);
	buf_fini(&token);
	return 0;
}

static enum jwt_fault
verify_text(struct str text)
{
	struct jwt_expect x = { .issuer = STR("https://id.test"),
		.audience = STR("llmgw"),
		.wall = NOW * USEC_PER_SEC,
		.leeway = 30 * USEC_PER_SEC };
	struct jwt_claims c = { .expires = -7 };
	enum jwt_fault f = jwt_verify(keys, text, &x, arena, &c);

	if (f != JWT_FINE)
		assert_int_equal(c.expires, -7);
	else
		assert_true(c.expires > x.wall);
	return f;
}

static enum jwt_fault
verify(size_t i, const char *header, const char *payload)
{
	make_token(&token, key[i], algorithms[i], header, payload);
	return verify_text(buf_str(&token));
}

static void
test_each_algorithm(void **state)
{
	struct jwt_expect x = { .issuer = STR("https://id.test"),
		.audience = STR("llmgw"),
		.wall = NOW * USEC_PER_SEC };
	char header[64];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct jwt_claims c;

		snprintf(header, sizeof(header),
		    "{\"alg\":\"%s\",\"kid\":\"%zu\",\"typ\":\"JWT\"}",
		    words[i], i);
		assert_int_equal(verify(i, header, GOOD), JWT_FINE);
		assert_true(jwt_is_token(buf_str(&token)));
		assert_int_equal(
		    jwt_verify(keys, buf_str(&token), &x, arena, &c), JWT_FINE);
		assert_true(
		    json_str_is(&c.json, json_get(&c.json, 0, "sub"), "kim"));
		assert_int_equal(c.expires, (NOW + 300) * USEC_PER_SEC);
	}
}

/* The key tells the algorithm: no other, and least of all none. */
static void
test_algorithm_is_the_keys(void **state)
{
	static const char *const bad[] = { "{\"alg\":\"none\",\"kid\":\"1\"}",
		"{\"alg\":\"HS256\",\"kid\":\"1\"}",
		"{\"alg\":\"RS256\",\"kid\":\"1\"}",
		"{\"alg\":\"es256\",\"kid\":\"1\"}",
		"{\"alg\":[\"ES256\"],\"kid\":\"1\"}", "{\"kid\":\"1\"}" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(verify(1, bad[i], GOOD), JWT_ALGORITHM);
	assert_int_equal(
	    verify(1, "{\"alg\":\"ES256\",\"kid\":\"1\",\"crit\":[\"b64\"]}",
		GOOD),
	    JWT_MALFORMED);
	assert_int_equal(
	    verify(1, "{\"alg\":\"ES256\",\"kid\":1}", GOOD), JWT_MALFORMED);
}

static void
test_unknown_key(void **state)
{
	(void)state;
	assert_int_equal(
	    verify(1, "{\"alg\":\"ES256\",\"kid\":\"9\"}", GOOD), JWT_NO_KEY);
	/* several keys, and it does not say which */
	assert_int_equal(verify(1, "{\"alg\":\"ES256\"}", GOOD), JWT_NO_KEY);
}

static void
test_signature(void **state)
{
	struct str whole;

	(void)state;
	make_token(&token, stranger, JWT_EDDSA,
	    "{\"alg\":\"EdDSA\",\"kid\":\"2\"}", GOOD);
	assert_int_equal(verify_text(buf_str(&token)), JWT_SIGNATURE);
	for (size_t i = 0; i < 3; i++) {
		char header[64];

		snprintf(header, sizeof(header),
		    "{\"alg\":\"%s\",\"kid\":\"%zu\"}", words[i], i);
		assert_int_equal(verify(i, header, GOOD), JWT_FINE);
		/* one bit of the payload */
		token.p[token.n / 4] ^= 1;
		assert_int_not_equal(verify_text(buf_str(&token)), JWT_FINE);
		token.p[token.n / 4] ^= 1;
		/* one byte less of the signature */
		whole = buf_str(&token);
		whole.n -= 4;
		assert_int_not_equal(verify_text(whole), JWT_FINE);
	}
}

static void
test_claims(void **state)
{
#define ISS "\"iss\":\"https://id.test\","
#define AUD "\"aud\":\"llmgw\","
	static const struct {
		const char *payload;
		enum jwt_fault fault;
	} rows[] = {
		{ "{" ISS AUD "\"exp\":1789999971}", JWT_FINE }, /* leeway */
		{ "{" ISS AUD "\"exp\":1789999970}", JWT_EXPIRED },
		{ "{" ISS AUD "\"exp\":1790000000.5}", JWT_FINE },
		{ "{" ISS AUD "\"iat\":1790000000}", JWT_MALFORMED },
		{ "{" ISS AUD "\"exp\":\"1790000300\"}", JWT_MALFORMED },
		{ "{" ISS AUD "\"exp\":-1}", JWT_MALFORMED },
		{ "{" ISS AUD "\"exp\":1e300}", JWT_MALFORMED },
		{ "{" ISS AUD "\"exp\":null}", JWT_MALFORMED },
		{ "{" ISS AUD "\"exp\":1790000300,\"nbf\":1790000030}",
		    JWT_FINE },
		{ "{" ISS AUD "\"exp\":1790000300,\"nbf\":1790000031}",
		    JWT_EARLY },
		{ "{" ISS AUD "\"exp\":1790000300,\"iat\":1790000031}",
		    JWT_EARLY },
		{ "{" AUD "\"exp\":1790000300}", JWT_ISSUER },
		{ "{\"iss\":\"https://id.test/\"," AUD "\"exp\":1790000300}",
		    JWT_ISSUER },
		{ "{\"iss\":[\"https://id.test\"]," AUD "\"exp\":1790000300}",
		    JWT_ISSUER },
		{ "{" ISS "\"exp\":1790000300}", JWT_AUDIENCE },
		{ "{" ISS "\"aud\":\"other\",\"exp\":1790000300}",
		    JWT_AUDIENCE },
		{ "{" ISS "\"aud\":[],\"exp\":1790000300}", JWT_AUDIENCE },
		{ "{" ISS "\"aud\":[\"a\",\"llmgw\"],\"exp\":1790000300}",
		    JWT_FINE },
		{ "{" ISS AUD "\"exp\":1790000300,\"exp\":1790000300}",
		    JWT_MALFORMED },
		{ "[]", JWT_MALFORMED },
		{ "{", JWT_MALFORMED },
		{ "{" ISS AUD "\"exp\":1790000300} x", JWT_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum jwt_fault f = verify(
		    2, "{\"alg\":\"EdDSA\",\"kid\":\"2\"}", rows[i].payload);

		if (f != rows[i].fault)
			fail_msg("%s: %s", rows[i].payload, jwt_fault_words[f]);
	}
}

static void
test_form(void **state)
{
	static char large[JWT_BYTES_MAX + 2];
	static const char *const bad[] = { "", ".", "..", "a.b", "a.b.", ".b.c",
		"a..c", "a.b.c.d", "a.b.c=", "a b.c.d", "a.b+.c",
		"llmgw_AAAAAAAA_aaa" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(jwt_is_token(str_z(bad[i])));
		assert_int_equal(verify_text(str_z(bad[i])), JWT_MALFORMED);
	}
	assert_true(jwt_is_token(STR("a.b.c")));
	assert_int_equal(verify_text(STR("a.b.c")), JWT_MALFORMED);
	assert_int_equal(verify_text(STR("e30.e30.e30")), JWT_NO_KEY);
	memset(large, 'a', sizeof(large));
	large[1] = large[3] = '.';
	assert_false(jwt_is_token(str_of(large, sizeof(large))));
	assert_true(jwt_is_token(str_of(large, JWT_BYTES_MAX)));
}

static void
test_decode(void **state)
{
	struct str s;

	(void)state;
	assert_int_equal(jwt_decode(STR("Zm9vYg"), arena, &s), ERR_OK);
	assert_str(s, "foob");
	assert_int_equal(jwt_decode(STR("_-8"), arena, &s), ERR_OK);
	assert_int_equal((unsigned char)s.p[0], 0xff);
	assert_int_equal(jwt_decode(STR("Zm9vYg=="), arena, &s), ERR_SYNTAX);
	assert_int_equal(jwt_decode(STR("Zm9vY"), arena, &s), ERR_SYNTAX);
	assert_int_equal(jwt_decode(STR("Zm9vYh"), arena, &s), ERR_SYNTAX);
	assert_int_equal(jwt_decode(STR("Zm+v"), arena, &s), ERR_SYNTAX);
	assert_int_equal(jwt_decode(STR(""), arena, &s), ERR_SYNTAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_algorithm),
		cmocka_unit_test(test_algorithm_is_the_keys),
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
