#include "gate/auth.h"

#include "check.h"

#include "base/hash.h"
#include "base/map.h"

#define KEY_A "llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "short"

static struct str models_a[] = { { "gpt-*", 5 }, { "exact", 5 } };
static struct str models_any[] = { { "*", 1 } };
static struct conf_key keys[2];
static struct conf conf;

static int
setup(void **state)
{
	(void)state;
	keys[0] = (struct conf_key){ .name = STR("team-a"),
		.models = models_a,
		.n_models = COUNT(models_a) };
	keys[1] = (struct conf_key){ .name = STR("team-b") };
	hash_key(STR(KEY_A), (struct str){ 0 }, keys[0].hash);
	hash_key(STR(KEY_B), (struct str){ 0 }, keys[1].hash);
	conf = (struct conf){ .keys = keys,
		.n_keys = 2,
		.anonymous_models = models_any,
		.n_anonymous_models = 1,
		.keys_by_hash = map_new(16) };
	for (size_t i = 0; i < 2; i++)
		if (map_put(conf.keys_by_hash,
			str_of((const char *)keys[i].hash, HASH_KEY_BYTES),
			&keys[i]) != ERR_OK)
			return -1;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	map_free(conf.keys_by_hash);
	return 0;
}

static enum err
identify(const struct gate_credentials *cred, struct gate_client *client,
    struct msg_fail *fail)
{
	struct gate_verdict v;
	enum err e = gate_identify(&conf, NULL, NULL, cred, client, &v, fail);

	assert_int_equal(e == ERR_OK, v.refusal == GATE_WELCOME);
	return e;
}

/* Who it is, or NULL. */
static const char *
who(struct gate_credentials cred)
{
	static char name[128];
	struct gate_client client;
	struct msg_fail fail = { 0 };

	if (identify(&cred, &client, &fail) != ERR_OK) {
		assert_int_equal(fail.class, MSG_FAIL_AUTHENTICATION);
		assert_int_equal(msg_fail_status(&fail), 401);
		assert_true(fail.message[0] != '\0');
		return NULL;
	}
	assert_int_equal(fail.class, MSG_FAIL_NONE);
	snprintf(name, sizeof(name), "%s%.*s", client.key ? "key " : "",
	    STR_ARG(client.name));
	return name;
}

#define assert_who(want, ...) \
	assert_string_equal(who((struct gate_credentials){ __VA_ARGS__ }), want)
#define assert_nobody(...) \
	assert_null(who((struct gate_credentials){ __VA_ARGS__ }))

static void
test_headers(void **state)
{
	(void)state;
	assert_who("key team-a", .authorization = STR("Bearer " KEY_A));
	assert_who("key team-a", .authorization = STR("bEARER   " KEY_A " "));
	assert_who("key team-a", .x_api_key = STR(KEY_A));
	assert_who("key team-a", .x_api_key = STR(" " KEY_A "\t"));
	assert_who("key team-b", .api_key = STR(KEY_B));
}

static void
test_wrong_keys(void **state)
{
	(void)state;
	assert_nobody();
	assert_nobody(.authorization = STR(""));
	assert_nobody(.authorization = STR("Bearer "));
	assert_nobody(.authorization = STR("Bearer"));
	assert_nobody(.authorization = STR("Bearer " KEY_A "x"));
	assert_nobody(.authorization = STR("Bearer " KEY_A " " KEY_A));
	/* one byte less, or with a NUL behind it */
	assert_nobody(.authorization =
			  str_of("Bearer " KEY_A, sizeof("Bearer " KEY_A) - 2));
	assert_nobody(.authorization = STR("Bearer " KEY_A "\0"));
	assert_nobody(.authorization = STR(KEY_A));
	assert_nobody(.authorization = STR("Basic " KEY_A));
	assert_nobody(.x_api_key = STR("llmgw_"));
	/* the hash itself is no key */
	assert_nobody(.x_api_key =
			  str_of((const char *)keys[0].hash, HASH_KEY_BYTES));
}

/* The first that is there decides, also when it is wrong. */
static void
test_order(void **state)
{
	(void)state;
	assert_who("key team-a", .authorization = STR("Bearer " KEY_A),
	    .x_api_key = STR(KEY_B), .api_key = STR(KEY_B));
	assert_who(
	    "key team-a", .x_api_key = STR(KEY_A), .api_key = STR(KEY_B));
	assert_nobody(.authorization = STR("Bearer nonsense"),
	    .x_api_key = STR(KEY_A));
	assert_nobody(.x_api_key = STR("nonsense"), .api_key = STR(KEY_A));
	/* Basic is the web server's: the key lies elsewhere */
	assert_who("key team-a", .authorization = STR("Basic dXNlcjpwdw=="),
	    .x_api_key = STR(KEY_A));
	assert_who("key team-a", .x_api_key = STR("  "), .api_key = STR(KEY_A));
}

static void
test_wrong_key_is_never_anonymous(void **state)
{
	(void)state;
	conf.anonymous = true;
	conf.identity_from = CONF_ID_REMOTE_USER;
	assert_nobody(.authorization = STR("Bearer nonsense"),
	    .remote_user = STR("alice"));
	assert_nobody(.x_api_key = STR("nonsense"));
	assert_who("anonymous");
	conf.anonymous = false;
	conf.identity_from = CONF_ID_NONE;
}

static void
test_web_server(void **state)
{
	(void)state;
	/* off: what the web server says is nobody's */
	assert_nobody(.remote_user = STR("alice"), .client_dn = STR("CN=a"));
	conf.identity_from = CONF_ID_REMOTE_USER;
	assert_who("alice", .remote_user = STR("alice"));
	assert_nobody(.client_dn = STR("CN=a"));
	assert_nobody(.remote_user = STR(""));
	assert_who("key team-b", .remote_user = STR("alice"),
	    .authorization = STR("Bearer " KEY_B));
	/* what Basic carried was checked by the web server */
	assert_who("alice", .remote_user = STR("alice"),
	    .authorization = STR("Basic YWxpY2U6cHc="));
	conf.identity_from = CONF_ID_CLIENT_DN;
	assert_who("CN=a", .remote_user = STR("alice"),
	    .client_dn = STR("CN=a"), .client_verify = STR("SUCCESS"));
	/* anybody's own certificate says what he likes */
	assert_nobody(.client_dn = STR("CN=a"),
	    .client_verify = STR("GENEROUS"));
	assert_nobody(.client_dn = STR("CN=a"),
	    .client_verify = STR("FAILED:unable to verify"));
	assert_nobody(.client_dn = STR("CN=a"));
	assert_nobody(.remote_user = STR("alice"));
	conf.identity_from = CONF_ID_NONE;
}

static bool
may_use(const struct gate_client *client, const char *alias)
{
	struct conf_model m = { .name = str_z(alias) };

	return gate_may_use(client, &m);
}

static void
test_may_use(void **state)
{
	struct gate_credentials cred = { .x_api_key = STR(KEY_A) };
	struct gate_client client;
	struct msg_fail fail;

	(void)state;
	assert_int_equal(identify(&cred, &client, &fail), ERR_OK);
	assert_true(may_use(&client, "gpt-4o"));
	assert_true(may_use(&client, "gpt-"));
	assert_true(may_use(&client, "exact"));
	assert_false(may_use(&client, "exactly"));
	assert_false(may_use(&client, "my-gpt-4o"));
	assert_false(may_use(&client, ""));
	/* a key without models may use none */
	cred.x_api_key = STR(KEY_B);
	assert_int_equal(identify(&cred, &client, &fail), ERR_OK);
	assert_false(may_use(&client, "gpt-4o"));
}

/* No text of the key in what the client and the log are told. */
static void
test_refusal_is_silent_about_the_key(void **state)
{
	struct gate_credentials cred = { .x_api_key = STR("sk-stolen-key") };
	struct gate_client client;
	struct msg_fail fail;

	(void)state;
	assert_int_equal(identify(&cred, &client, &fail), ERR_DENIED);
	assert_null(strstr(fail.message, "stolen"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_wrong_keys),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_wrong_key_is_never_anonymous),
		cmocka_unit_test(test_web_server),
		cmocka_unit_test(test_may_use),
		cmocka_unit_test(test_refusal_is_silent_about_the_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
