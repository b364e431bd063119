#include "meter/event.h"

#include "base/utf8.h"
#include "check.h"

static char bytes[METER_EVENT_MAX];

static struct meter_event
sample(void)
{
	return (struct meter_event){ .id = "0123456789abcde",
		.at = 1763721865123456,
		.tenant_id = 7,
		.actor = STR("key:acme/ci"),
		.action = STR("auth.refused"),
		.object = STR("model:gpt"),
		.result = STR("expired"),
		.reason = STR("nightly"),
		.address = STR("192.0.2.7"),
		.detail = STR("{\"status\":401}") };
}

static struct meter_event
there_and_back(const struct meter_event *ev)
{
	struct meter_event out;
	size_t n = meter_event_encode(ev, bytes);

	assert_in_range(n, 1, sizeof(bytes));
	assert_int_equal(meter_event_decode(str_of(bytes, n), &out), ERR_OK);
	return out;
}

static void
test_round(void **state)
{
	struct meter_event a = sample(), b = there_and_back(&a);

	(void)state;
	assert_memory_equal(a.id, b.id, METER_EVENT_ID);
	assert_int_equal(a.at, b.at);
	assert_int_equal(a.tenant_id, b.tenant_id);
	assert_true(str_eq(a.actor, b.actor) && str_eq(a.action, b.action));
	assert_true(str_eq(a.object, b.object) && str_eq(a.result, b.result));
	assert_true(str_eq(a.reason, b.reason) && str_eq(a.detail, b.detail));
	assert_true(str_eq(a.address, b.address));
	/* nothing is absent afterwards */
	a = (struct meter_event){ 0 };
	b = there_and_back(&a);
	assert_true(str_present(b.actor) && str_present(b.detail));
	assert_int_equal(b.reason.n, 0);
}

/* What a client sends is text that any database takes. */
static void
test_hostile(void **state)
{
	struct meter_event a = sample(), b;

	(void)state;
	a.reason = str_of("a\0b\nc\x1b[1m\x7f", 9);
	a.object = STR("\xff\xc3\xa9\xc3 \xed\xa0\x80z\xf0\x9f\x98\x80");
	b = there_and_back(&a);
	assert_true(str_eq(b.reason, STR("a b c [1m")));
	assert_true(str_eq(b.object, STR("?\xc3\xa9? ???z\xf0\x9f\x98\x80")));
	assert_true(utf8_valid(b.object));
}

static void
test_long(void **state)
{
	static char many[9000];
	struct meter_event a = sample(), b;

	(void)state;
	memset(many, 'x', sizeof(many));
	a.actor = a.action = a.object = a.result = a.address =
	    str_of(many, sizeof(many));
	a.reason = a.detail = str_of(many, sizeof(many));
	b = there_and_back(&a);
	assert_int_equal(b.actor.n, METER_EVENT_WORD_MAX);
	assert_int_equal(b.address.n, METER_EVENT_WORD_MAX);
	assert_int_equal(b.reason.n, METER_EVENT_REASON_MAX);
	/* half an object is none */
	assert_int_equal(b.detail.n, 0);
	a.detail.n = METER_EVENT_DETAIL_MAX;
	b = there_and_back(&a);
	assert_int_equal(b.detail.n, METER_EVENT_DETAIL_MAX);
	/* a character is not cut */
	a = sample();
	many[METER_EVENT_WORD_MAX - 1] = (char)0xc3;
	many[METER_EVENT_WORD_MAX] = (char)0xa9;
	a.actor = str_of(many, 1000);
	b = there_and_back(&a);
	assert_int_equal(b.actor.n, METER_EVENT_WORD_MAX - 1);
}

/* Whatever is cut or changed is told, and nothing is read beyond it. */
static void
test_damaged(void **state)
{
	struct meter_event a = sample(), out;
	size_t n = meter_event_encode(&a, bytes);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		char *copy = malloc(cut ? cut : 1);

		assert_non_null(copy);
		memcpy(copy, bytes, cut);
		assert_int_equal(
		    meter_event_decode(str_of(copy, cut), &out), ERR_SYNTAX);
		free(copy);
	}
	bytes[n] = 'x';
	assert_int_equal(
	    meter_event_decode(str_of(bytes, n + 1), &out), ERR_SYNTAX);
	bytes[0] = 9;
	assert_int_equal(
	    meter_event_decode(str_of(bytes, n), &out), ERR_SYNTAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
