#include "check.h"

#include "meter/booking.h"
#include "meter/estimate.h"

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

/* ---- of a worker that died ------------------------------------------------ */

enum {
	FAR = 10 * METER_ESTIMATE_UNIT /* ten tokens have come */
};

/* A begin whose prompt is 5, as we think. */
static struct meter_booking
lose(uint32_t call, uint32_t answer, const struct msg_usage *told,
    uint64_t weight)
{
	_Atomic uint32_t words[METER_WORD__MAX] = { call, answer };
	uint32_t copy[METER_WORD__MAX];
	struct meter_booking b = sample();

	b.state = METER_BOOKED_OPEN;
	b.status = 0;
	b.usage = MSG_USAGE_UNKNOWN;
	b.usage.prompt = 5;
	b.is_estimated = true;
	if (told)
		meter_booking_tell(words, told);
	for (int i = 0; i < METER_WORD__MAX; i++)
		copy[i] = words[i];
	meter_booking_lose(&b, copy, weight);
	return b;
}

static void
check_lost(const struct meter_booking *b, enum meter_booked state,
    int64_t prompt, int64_t completion, bool is_estimated)
{
	assert_int_equal(b->state, state);
	assert_int_equal(b->usage.prompt, prompt);
	assert_int_equal(b->usage.completion, completion);
	assert_true(b->is_estimated == is_estimated);
}

/* Whether anybody was asked. */
static void
test_lost_before(void **state)
{
	struct meter_booking b;

	(void)state;
	b = lose(METER_CALL_NOT_SENT, 0, NULL, 0);
	check_lost(&b, METER_BOOKED_NOT_SENT, 0, 0, false);
	assert_true(meter_booked_for_nothing(b.state, &b.usage));
	b = lose(METER_CALL_SENDING, 0, NULL, 0);
	check_lost(&b, METER_BOOKED_UNSURE, 5, 0, true);
	b = lose(METER_CALL_SENT, 0, NULL, 0);
	check_lost(&b, METER_BOOKED_LOST, 5, 0, true);
	/* an older worker did not tell */
	b = lose(METER_CALL_UNKNOWN, 0, NULL, FAR);
	check_lost(&b, METER_BOOKED_LOST, 5, 10, true);
	/* who has answered was asked */
	b = lose(METER_CALL_NOT_SENT, 200, NULL, 0);
	check_lost(&b, METER_BOOKED_LOST, 5, 0, true);
	assert_int_equal(b.status, 200);
	assert_true(meter_booked_is_lost(METER_BOOKED_LOST));
	assert_true(meter_booked_is_lost(METER_BOOKED_UNSURE));
	assert_false(meter_booked_is_lost(METER_BOOKED_NOT_SENT));
	assert_false(meter_booked_is_lost(METER_BOOKED_OK));
}

/* What was told holds; what was told for good holds alone. */
static void
test_lost_within(void **state)
{
	struct msg_usage told = MSG_USAGE_UNKNOWN;
	struct meter_booking b;

	(void)state;
	b = lose(METER_CALL_SENT, 200, NULL, FAR);
	check_lost(&b, METER_BOOKED_LOST, 5, 10, true);
	told.prompt = 7;
	b = lose(METER_CALL_SENT, 200, &told, FAR);
	check_lost(&b, METER_BOOKED_LOST, 7, 10, true);
	assert_int_equal(b.usage.cached, -1);
	told.completion = 1;
	b = lose(METER_CALL_SENT, 200, &told, FAR);
	check_lost(&b, METER_BOOKED_LOST, 7, 10, true);
	told.completion = 12;
	b = lose(METER_CALL_SENT, 200, &told, FAR);
	check_lost(&b, METER_BOOKED_LOST, 7, 12, true);
	told.completion = 9;
	told.cached = 3;
	told.image_out = 0;
	b = lose(METER_CALL_SENT, 200 | METER_ANSWER_FINAL, &told, FAR);
	check_lost(&b, METER_BOOKED_LOST, 7, 9, false);
	assert_int_equal(b.status, 200);
	assert_int_equal(b.usage.cached, 3);
	assert_int_equal(b.usage.image_out, 0);
	assert_int_equal(b.usage.audio_in, -1);
	/* the output alone was told */
	told.prompt = -1;
	b = lose(METER_CALL_SENT, 200 | METER_ANSWER_FINAL, &told, FAR);
	check_lost(&b, METER_BOOKED_LOST, 5, 9, true);
	/* complete, and never told */
	told.completion = -1;
	b = lose(METER_CALL_SENT, 200 | METER_ANSWER_FINAL, &told, FAR);
	check_lost(&b, METER_BOOKED_LOST, 5, 10, true);
	told.prompt = told.completion = INT64_MAX;
	b = lose(METER_CALL_SENT, 200 | METER_ANSWER_FINAL, &told, FAR);
	check_lost(
	    &b, METER_BOOKED_LOST, UINT32_MAX - 1, UINT32_MAX - 1, false);
}

/* An error has no tokens, unless content had come. */
static void
test_lost_failed(void **state)
{
	struct meter_booking b = lose(METER_CALL_SENT, 503, NULL, 0);

	(void)state;
	check_lost(&b, METER_BOOKED_LOST, 0, 0, false);
	assert_int_equal(b.status, 503);
	b = lose(METER_CALL_SENT, 503, NULL, FAR);
	check_lost(&b, METER_BOOKED_LOST, 5, 10, true);
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
		cmocka_unit_test(test_lost_before),
		cmocka_unit_test(test_lost_within),
		cmocka_unit_test(test_lost_failed),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("meter/booking", tests, NULL, NULL);
}
