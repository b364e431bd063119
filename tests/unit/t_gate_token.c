#include "gate/token.h"

#include "gate/role.h"
#include "jwt_make.h"

#define NOW ((usec_t)1790000000 * USEC_PER_SEC)
#define STD "\"iss\":\"i\",\"aud\":\"a\",\"exp\":1790000300"

static EVP_PKEY *key;
static struct jwt_keys *keys;
static struct conf_jwt conf;
static struct gate_want want;
static bool has_key;

static int
setup(void **state)
{
	struct buf b;
	enum err e;

	(void)state;
	key = make_key(JWT_EDDSA, 0);
	buf_init(&b, 1 << 16);
	buf_addz(&b, "{\"keys\":[");
	make_jwk(&b, key, JWT_EDDSA, "k", "");
	buf_addz(&b, "]}");
	e = jwt_keys_parse(buf_str(&b), &keys);
	buf_fini(&b);
	return e == ERR_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	jwt_keys_free(keys);
	return 0;
}

static int
each(void **state)
{
	(void)state;
	conf = (struct conf_jwt){ .issuer = STR("i"),
		.audience = STR("a"),
		.tenant = STR("acme"),
		.user_claim = STR("sub") };
	return 0;
}

static enum gate_refusal
read_with(const char *header, const char *payload)
{
	enum gate_refusal r;
	struct buf b;

	buf_init(&b, 1 << 16);
	make_token(&b, key, JWT_EDDSA, header, payload);
	gate_want_token(buf_str(&b), &want);
	has_key = false;
	r = gate_token_read(&conf, keys, buf_str(&b), NOW, &want, &has_key);
	buf_fini(&b);
	return r;
}

static enum gate_refusal
read_token(const char *payload)
{
	return read_with("{\"alg\":\"EdDSA\",\"kid\":\"k\"}", payload);
}

static void
test_who_is_meant(void **state)
{
	unsigned char id[HASH_KEY_BYTES];

	(void)state;
	assert_int_equal(read_token("{" STD ",\"sub\":\"kim\"}"), GATE_WELCOME);
	assert_true(has_key);
	assert_int_equal(want.sort, GATE_WANT_USER);
	assert_string_equal(want.tenant, "acme");
	assert_string_equal(want.user, "kim");
	assert_string_equal(want.team, "");
	assert_int_equal(want.roles, 0);
	assert_int_equal(want.expires, NOW + 300 * USEC_PER_SEC);
	/* the id stays the token's: another token is another entry */
	memcpy(id, want.id, sizeof(id));
	assert_int_equal(
	    read_token("{" STD ",\"sub\":\"kim\",\"n\":1}"), GATE_WELCOME);
	assert_memory_not_equal(id, want.id, sizeof(id));
}

static void
test_claims_by_name(void **state)
{
	(void)state;
	conf.tenant = STR("");
	conf.tenant_claim = STR("org");
	conf.user_claim = STR("email");
	conf.team_claim = STR("https://id/team");
	conf.roles_claim = STR("roles");
	assert_int_equal(
	    read_token("{" STD ",\"org\":\"acme\",\"email\":\"k@x\","
		       "\"https://id/team\":\"red\",\"roles\":[\"developer\","
		       "\"root\",7,\"auditor\"]}"),
	    GATE_WELCOME);
	assert_string_equal(want.tenant, "acme");
	assert_string_equal(want.user, "k@x");
	assert_string_equal(want.team, "red");
	assert_false(want.may_be_new);
	assert_int_equal(want.roles, 1u << GATE_DEVELOPER | 1u << GATE_AUDITOR);
	assert_int_equal(read_token("{" STD ",\"org\":\"acme\",\"email\":\"k\","
				    "\"roles\":\"viewer operator x\"}"),
	    GATE_WELCOME);
	assert_int_equal(want.roles, 1u << GATE_VIEWER | 1u << GATE_OPERATOR);
	assert_string_equal(want.team, "");
}

static void
test_without_names(void **state)
{
	static const char *const bad[] = { "{" STD "}",
		"{" STD ",\"sub\":\"\"}", "{" STD ",\"sub\":7}",
		"{" STD ",\"sub\":null}", "{" STD ",\"sub\":\"a\\u0000b\"}" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(read_token(bad[i]), GATE_BAD_TOKEN);
	conf.tenant = STR("");
	conf.tenant_claim = STR("org");
	assert_int_equal(
	    read_token("{" STD ",\"sub\":\"kim\"}"), GATE_BAD_TOKEN);
}

static void
test_refusals(void **state)
{
	(void)state;
	assert_int_equal(read_token("{\"iss\":\"i\",\"aud\":\"a\",\"exp\":"
				    "1790000000,\"sub\":\"kim\"}"),
	    GATE_EXPIRED);
	assert_int_equal(read_token("{\"iss\":\"j\",\"aud\":\"a\",\"exp\":"
				    "1790000300,\"sub\":\"kim\"}"),
	    GATE_BAD_TOKEN);
	assert_true(has_key);
	assert_int_equal(read_with("{\"alg\":\"EdDSA\",\"kid\":\"new\"}",
			     "{" STD ",\"sub\":\"kim\"}"),
	    GATE_BAD_TOKEN);
	assert_false(has_key); /* the set may be old */
	assert_int_equal(
	    gate_token_read(&conf, NULL, STR("a.b.c"), NOW, &want, &has_key),
	    GATE_AWAY);
	assert_false(has_key);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who_is_meant, each),
		cmocka_unit_test_setup(test_claims_by_name, each),
		cmocka_unit_test_setup(test_without_names, each),
		cmocka_unit_test_setup(test_refusals, each),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
