#include "check.h"

#include "meter/booking.h"

static struct meter_booking
sample(void)
{
	struct meter_booking b = { .id = { 1, 2, 3, 255 },
		.began = INT64_C(1700000000000001),
		.ended = INT64_C(1700000000000002),
		.tenant_id = 3,
		.team_id = 4,
		.user_id = 5,
		.key_id = 6,
		.attempt = 7,
		.state = METER_BOOKED_ABORTED,
		.status = 200,
		.is_estimated = true,
		.usage = { .prompt = 10,
		    .completion = 11,
		    .cached = 12,
		    .written = 13,
		    .written_1h = 19,
		    .reasoning = 14,
		    .audio_in = 15,
		    .audio_out = 16,
		    .image_in = 17,
		    .image_out = 18 },
		.cost = 20,
		.price_version = 21,
		.request_id = STR("req"),
		.client = STR("client"),
		.surface = STR("chat"),
		.alias = STR("alias"),
		.provider = STR("provider"),
		.kind = STR("openai"),
		.model = STR("model") };

	return b;
}

static void
test_there_and_back(void **state)
{
	struct meter_booking in = sample(), out;
	char bytes[METER_BOOKING_MAX];
	size_t n = meter_booking_encode(&in, bytes);

	(void)state;
	assert_int_equal(meter_booking_decode(str_of(bytes, n), &out), ERR_OK);
	assert_memory_equal(in.id, out.id, sizeof(in.id));
	assert_int_equal(out.began, in.began);
	assert_int_equal(out.ended, in.ended);
	assert_int_equal(out.tenant_id, 3);
	assert_int_equal(out.team_id, 4);
	assert_int_equal(out.user_id, 5);
	assert_int_equal(out.key_id, 6);
	assert_int_equal(out.attempt, 7);
	assert_int_equal(out.state, METER_BOOKED_ABORTED);
	assert_int_equal(out.status, 200);
	assert_true(out.is_estimated);
	assert_int_equal(out.usage.prompt, 10);
	assert_int_equal(out.usage.completion, 11);
	assert_int_equal(out.usage.cached, 12);
	assert_int_equal(out.usage.written, 13);
	assert_int_equal(out.usage.reasoning, 14);
	assert_int_equal(out.usage.audio_in, 15);
	assert_int_equal(out.usage.audio_out, 16);
	assert_int_equal(out.usage.written_1h, 19);
	assert_int_equal(out.usage.image_in, 17);
	assert_int_equal(out.usage.image_out, 18);
	assert_int_equal(out.cost, 20);
	assert_int_equal(out.price_version, 21);
	assert_str(out.request_id, "req");
	assert_str(out.client, "client");
	assert_str(out.surface, "chat");
	assert_str(out.alias, "alias");
	assert_str(out.provider, "provider");
	assert_str(out.kind, "openai");
	assert_str(out.model, "model");
}

/* A record of the first form, which had seventeen numbers. */
static void
test_first_form(void **state)
{
	struct meter_booking in = sample(), out;
	char bytes[METER_BOOKING_MAX];
	size_t n = meter_booking_encode(&in, bytes);

	(void)state;
	bytes[0] = 1;
	memmove(bytes + 32 + 17 * 8, bytes + 32 + 18 * 8, n - 32 - 18 * 8);
	n -= 8;
	assert_int_equal(meter_booking_decode(str_of(bytes, n), &out), ERR_OK);
	assert_int_equal(out.usage.image_in, 17);
	assert_int_equal(out.usage.image_out, -1);
	assert_int_equal(out.cost, 20);
	assert_int_equal(out.price_version, 21);
	assert_str(out.model, "model");
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(
		    meter_booking_decode(str_of(bytes, cut), &out), ERR_SYNTAX);
}

static void
test_for_nothing(void **state)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;

	(void)state;
	assert_true(meter_booked_for_nothing(METER_BOOKED_FAILED, &u));
	u.prompt = 0;
	assert_true(meter_booked_for_nothing(METER_BOOKED_FAILED, &u));
	assert_false(meter_booked_for_nothing(METER_BOOKED_OK, &u));
	u.completion = 1;
	assert_false(meter_booked_for_nothing(METER_BOOKED_FAILED, &u));
	assert_true(meter_booked_for_nothing(METER_BOOKED_NOT_SENT, &u));
}

/* The longest texts are cut at characters, and fit. */
static void
test_long(void **state)
{
	static char text[4000];
	struct meter_booking in = sample(), out;
	char bytes[METER_BOOKING_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '\xa9' : '\xc3';
	in.request_id = in.client = in.surface = in.alias = in.provider =
	    in.kind = in.model = str_of(text, sizeof(text));
	n = meter_booking_encode(&in, bytes);
	assert_true(n <= METER_BOOKING_MAX);
	assert_int_equal(meter_booking_decode(str_of(bytes, n), &out), ERR_OK);
	assert_int_equal(out.model.n, METER_BOOKING_NAME_MAX);
	assert_int_equal(out.client.n, METER_BOOKING_CLIENT_MAX);
}

/* Absent texts come back empty; each cut and each other form is refused. */
static void
test_refused(void **state)
{
	struct meter_booking in = sample(), out;
	char bytes[METER_BOOKING_MAX + 1];
	size_t n;

	(void)state;
	in.client = in.alias = (struct str){ 0 };
	n = meter_booking_encode(&in, bytes);
	assert_int_equal(meter_booking_decode(str_of(bytes, n), &out), ERR_OK);
	assert_str(out.client, "");
	in.client = STR("a\xff\xc3z");
	n = meter_booking_encode(&in, bytes);
	assert_int_equal(meter_booking_decode(str_of(bytes, n), &out), ERR_OK);
	assert_str(out.client, "a??z");
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(
		    meter_booking_decode(str_of(bytes, cut), &out), ERR_SYNTAX);
	assert_int_equal(
	    meter_booking_decode(str_of(bytes, n + 1), &out), ERR_SYNTAX);
	bytes[0]++;
	assert_int_equal(
	    meter_booking_decode(str_of(bytes, n), &out), ERR_SYNTAX);
	bytes[0]--;
	bytes[1] = METER_BOOKED__MAX;
	assert_int_equal(
	    meter_booking_decode(str_of(bytes, n), &out), ERR_SYNTAX);
}

static void
test_words(void **state)
{
	(void)state;
	for (int i = 0; i < METER_BOOKED__MAX; i++)
		assert_non_null(meter_booked_word((enum meter_booked)i));
	assert_string_equal(
	    meter_booked_word(METER_BOOKED_NOT_SENT), "not_sent");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_first_form),
		cmocka_unit_test(test_for_nothing),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("meter/booking", tests, NULL, NULL);
}
