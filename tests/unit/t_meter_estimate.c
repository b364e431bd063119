#include "check.h"

#include "meter/estimate.h"

static int64_t
tokens_of(struct str text)
{
	return meter_estimate_tokens(meter_estimate_weight(text));
}

static void
test_scripts(void **state)
{
	static const struct {
		const char *text;
		int64_t tokens;
	} rows[] = {
		{ "", 0 }, { "a", 1 }, { "abcd", 1 }, { "abcde", 2 },
		{ "The quick brown fox jumps over the lazy dog.", 11 },
		/* 6 letters of Cyrillic: 2.4 */
		{ "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", 3 },
		/* 4 Han characters: 3.6 */
		{ "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", 4 },
		{ "\xf0\x9f\x98\x80", 2 },
		/* the long way round and the short one meet: 8 ASCII, then é */
		{ "12345678\xc3\xa9", 3 },
		{ "\x80\x80\x80", 0 }, /* no character begins */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    tokens_of(str_z(rows[i].text)), rows[i].tokens);
	assert_int_equal(tokens_of((struct str){ 0 }), 0);
}

/* Wherever a stream is cut, the sum of its pieces is the same. */
static void
test_pieces(void **state)
{
	struct str s = STR("Gr\xc3\xbc\xc3\x9f"
			   "e aus K\xc3\xb6ln \xe4\xbd\xa0\xe5\xa5\xbd, "
			   "and a longer run of plain letters after it");

	(void)state;
	for (size_t i = 0; i <= s.n; i++)
		assert_int_equal(meter_estimate_weight(str_of(s.p, i)) +
				     meter_estimate_weight(str_skip(s, i)),
		    meter_estimate_weight(s));
}

/* Many bytes at a time weigh what each of them weighs. */
static void
test_blocks(void **state)
{
	static const char alphabet[] = "aaaaaaaaz\xc3\xa9\xd0\xe0\xe1\xe2"
				       "\xe3\xe4\xea\xef\xf0\xff\x80\xbf";
	uint64_t x = 1, weight[160];
	char text[160];

	(void)state;
	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			x = x * UINT64_C(6364136223846793005) + 1;
			/* every byte; then texts with long runs of ASCII */
			text[i] =
			    round < 100 ? (char)(x >> 56)
			    : (x >> 40) % 100 < (uint64_t)round - 100
				? alphabet[(x >> 50) % (sizeof(alphabet) - 1)]
				: 'a';
			weight[i] = meter_estimate_weight(str_of(&text[i], 1));
		}
		for (size_t from = 0; from < 20; from++) {
			uint64_t sum = 0;

			for (size_t i = from; i < sizeof(text); i++) {
				assert_int_equal(meter_estimate_weight(str_of(
						     text + from, i - from)),
				    sum);
				sum += weight[i];
			}
		}
	}
}

static void
test_prompt(void **state)
{
	struct msg_part image = { .type = MSG_PART_IMAGE };
	struct msg_part text = {
		.type = MSG_PART_TEXT, .next = &image, .text = STR("12345678")
	};
	struct msg_call call = { .name = STR("find"),
		.arguments = STR("{\"a\":1}x") };
	struct msg second = { .role = MSG_ASSISTANT, .calls = &call };
	struct msg first = {
		.role = MSG_USER, .parts = &text, .next = &second
	};
	struct msg_tool tool = { .raw = STR("0123456789abcdef") };
	struct msg_request m = { .messages = &first, .tools = &tool };

	(void)state;
	assert_int_equal(
	    meter_estimate_prompt(&m), 2 + METER_ESTIMATE_IMAGE + 1 + 2 + 4);
	assert_int_equal(meter_estimate_prompt(&(struct msg_request){ 0 }), 0);
}

/* Each sort of part counts, and none twice. */
static void
test_parts(void **state)
{
	char media[2 * METER_ESTIMATE_MEDIA_BYTES];
	struct str s = { media, sizeof(media) };
	const struct {
		struct msg_part part;
		int64_t tokens;
	} rows[] = {
		{ { .type = MSG_PART_REFUSAL, .text = STR("12345678") }, 2 },
		{ { .type = MSG_PART_THINKING, .text = STR("1234") }, 1 },
		{ { .type = MSG_PART_AUDIO, .data = s }, 2 },
		{ { .type = MSG_PART_REDACTED, .data = s }, 2 },
		{ { .type = MSG_PART_FILE, .url = s }, 2 },
		{ { .type = MSG_PART_VIDEO, .url = s }, 2 },
		{ { .type = MSG_PART_OTHER, .raw = STR("1234") }, 1 },
	};

	(void)state;
	memset(media, 'A', sizeof(media));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct msg_part p = rows[i].part;
		struct msg one = { .parts = &p };
		struct msg_request m = { .messages = &one };

		assert_int_equal(meter_estimate_prompt(&m), rows[i].tokens);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_prompt),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests_name("meter/estimate", tests, NULL, NULL);
}
