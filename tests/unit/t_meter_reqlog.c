#include "meter/reqlog.h"

/* base/json.h has a function of that name */
#define json_type jansson_type
#include <jansson.h>
#undef json_type

#include "meter_help.h"

static struct buf out;

static const char *
line(const struct meter_record *r, enum log_format format)
{
	buf_reset(&out);
	meter_reqlog_line(r, format, &out);
	buf_addc(&out, '\0');
	assert_false(out.failed);
	return out.p;
}

static void
test_key_value(void **state)
{
	struct meter_record r = meter_sample();

	(void)state;
	assert_string_equal(line(&r, LOG_KEYVALUE),
	    "time=2025-11-21T10:44:25.123456Z request_id=req-1 client=team-a "
	    "remote=127.0.0.1 surface=chat.completions alias=chat "
	    "provider=openai-main model=gpt-4o stream=true status=200 "
	    "outcome=ok attempts=2 "
	    "tried=\"openai-main/odd \\\"\\\\\\nname:unavailable:ok:503:1200us,"
	    "openai-main/gpt-4o:ok:ok:200:7000us\" "
	    "queue_us=120 first_byte_us=3000 total_us=9000 prompt_tokens=10 "
	    "completion_tokens=2000000 bytes_in=100 bytes_out=2000 "
	    "cache=bypass");
}

static json_t *
parsed(const struct meter_record *r)
{
	json_error_t e;
	json_t *j = json_loads(
	    line(r, LOG_JSON), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);

	if (!j)
		fail_msg("%s in %s", e.text, out.p);
	return j;
}

static const char *
text(const json_t *j, const char *key)
{
	return json_string_value(json_object_get(j, key));
}

static void
test_json(void **state)
{
	struct meter_record r = meter_sample();
	json_t *j = parsed(&r);

	(void)state;
	assert_string_equal(text(j, "time"), "2025-11-21T10:44:25.123456Z");
	assert_string_equal(text(j, "request_id"), "req-1");
	assert_string_equal(text(j, "model"), "gpt-4o");
	assert_true(json_is_true(json_object_get(j, "stream")));
	assert_int_equal(
	    json_integer_value(json_object_get(j, "completion_tokens")),
	    2000000);
	assert_string_equal(text(j, "tried"),
	    "openai-main/odd \"\\\nname:unavailable:ok:503:1200us,"
	    "openai-main/gpt-4o:ok:ok:200:7000us");
	assert_null(json_object_get(j, "error"));
	assert_null(json_object_get(j, "fail"));
	assert_null(json_object_get(j, "cached_tokens"));
	json_decref(j);
}

/* Both formats have the same fields in the same order. */
static void
test_same_fields(void **state)
{
	struct meter_record r = meter_sample();
	const char *key, *at;
	json_t *value, *j;

	(void)state;
	r.client_request_id = STR("c-1");
	r.usage.cached = r.usage.reasoning = 1;
	r.usage.written = r.usage.written_1h = r.usage.audio_in = 1;
	r.usage.audio_out = r.usage.image_in = r.usage.image_out = 1;
	r.has_cost = r.has_unpriced = true;
	r.cost = 1234500000;
	r.price_version = -20261121;
	r.dropped = STR("logit_bias");
	r.fail = MSG_FAIL_CUT;
	r.error = STR("it broke");
	j = parsed(&r);
	line(&r, LOG_KEYVALUE);
	assert_non_null(strstr(
	    out.p, " cost=1.2345 price_version=-20261121 unpriced=true "));
	at = out.p;
	json_object_foreach(j, key, value)
	{
		char want[64];

		snprintf(
		    want, sizeof(want), "%s%s=", at == out.p ? "" : " ", key);
		at = strstr(at, want);
		if (!at)
			fail_msg("%s is not there, or not in its place", key);
	}
	assert_int_equal(json_object_size(j), 36);
	json_decref(j);
}

/* A refused request knows little, and no field says what is not known. */
static void
test_little_is_known(void **state)
{
	struct meter_record r = { .surface = "unknown",
		.first_byte = -1,
		.status = 401,
		.outcome = METER_CLIENT_ERROR,
		.fail = MSG_FAIL_AUTHENTICATION,
		.usage = MSG_USAGE_UNKNOWN,
		.cache = "bypass" };

	(void)state;
	assert_string_equal(line(&r, LOG_KEYVALUE),
	    "time=1970-01-01T00:00:00.000000Z surface=unknown stream=false "
	    "status=401 outcome=client_error attempts=0 queue_us=0 total_us=0 "
	    "bytes_in=0 bytes_out=0 cache=bypass fail=authentication");
	json_decref(parsed(&r));
}

static void
test_policies(void **state)
{
	struct meter_record r = meter_sample();

	(void)state;
	assert_null(strstr(line(&r, LOG_KEYVALUE), "policy"));
	r.policy_shadow = STR("a,b");
	assert_non_null(strstr(line(&r, LOG_KEYVALUE), " policy_shadow=a,b"));
	assert_null(strstr(line(&r, LOG_KEYVALUE), " policy="));
	r.policy = STR("no-tools");
	assert_non_null(strstr(line(&r, LOG_KEYVALUE), " policy=no-tools"));
}

/* Nothing that a client sends makes a second line, field or escape. */
static void
test_hostile_text(void **state)
{
	static const struct str hostile[] = {
		{ "a\nb", 3 },
		{ "a b=c", 5 },
		{ "\"quoted\"", 8 },
		{ "back\\slash", 10 },
		{ "\x1b[31mred\x7f", 9 },
		{ "nul\0byte", 8 },
		{ "\xff\xfe bad utf-8", 12 },
		{ "\xc2\x9b"
		  "2J",
		    4 },
		{ "\xe2\x80\xa8", 3 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		struct meter_record r = meter_sample();
		const char *kv;

		r.client = r.alias = r.request_id = r.error = hostile[i];
		json_decref(parsed(&r));
		kv = line(&r, LOG_KEYVALUE);
		for (size_t k = 0; k + 1 < out.n; k++)
			assert_true((unsigned char)kv[k] >= ' ');
		assert_null(strchr(kv, '\x7f'));
		assert_null(strstr(kv, "\xc2\x9b"));
		/* it stands in quotes, and they are its only bare ones */
		assert_non_null(strstr(kv, " client=\""));
		assert_non_null(strstr(kv, " alias=\""));
		assert_null(strstr(kv, " b=c "));
	}
}

static void
test_outcomes(void **state)
{
	static const char *const words[METER_OUTCOME__MAX] = { "ok",
		"client_error", "upstream_error", "aborted", "internal_error" };
	struct meter_record r = meter_sample();
	char want[64];

	(void)state;
	for (int i = 0; i < METER_OUTCOME__MAX; i++) {
		r.outcome = (enum meter_outcome)i;
		snprintf(want, sizeof(want), " outcome=%s ", words[i]);
		assert_non_null(strstr(line(&r, LOG_KEYVALUE), want));
	}
}

/* Long names of many attempts: the list is bounded, the line is whole. */
static void
test_many_long_attempts(void **state)
{
	static char name[2000];
	struct conf_provider p = { .name = { name, sizeof(name) } };
	struct conf_target t = { .provider = &p, .model = { name, 100 } };
	struct meter_record r = meter_sample();
	json_t *j;

	(void)state;
	memset(name, 'n', sizeof(name));
	for (int i = 0; i < METER_ATTEMPTS_MAX; i++)
		r.attempts[i] =
		    (struct meter_attempt){ .target = &t, .end = "ok" };
	r.n_attempts = 100;
	j = parsed(&r);
	assert_int_equal(
	    json_integer_value(json_object_get(j, "attempts")), 100);
	assert_true(out.n < 6000);
	json_decref(j);
}

/* Whatever clients name, the line is there: none may hide from the log. */
static void
test_long_names_are_cut(void **state)
{
	static char text_long[100000];
	static const char *const keys[] = { "alias", "client", "client_id",
		"client_request_id" };
	struct str huge = { text_long, sizeof(text_long) };
	struct meter_record r = meter_sample();
	json_t *j;

	(void)state;
	memset(text_long, 0x01, sizeof(text_long)); /* six bytes each in JSON */
	text_long[199] = '\xc3'; /* a character across the cut */
	text_long[200] = '\xa9';
	r.alias = r.client = r.client_id = r.client_request_id = huge;
	r.dropped = huge;
	r.error = str_of(text_long, sizeof(((struct msg_fail *)0)->message));
	j = parsed(&r);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json_t *v = json_object_get(j, keys[i]);

		assert_int_equal(json_string_length(v), 199 + 3);
		assert_string_equal(json_string_value(v) + 199, "...");
	}
	assert_true(out.n < METER_LINE_MAX);
	json_decref(j);
	line(&r, LOG_KEYVALUE);
	assert_true(out.n < METER_LINE_MAX);
}

static int
setup(void **state)
{
	(void)state;
	buf_init(&out, 1 << 16);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_fini(&out);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_value),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_same_fields),
		cmocka_unit_test(test_little_is_known),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_many_long_attempts),
		cmocka_unit_test(test_long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
