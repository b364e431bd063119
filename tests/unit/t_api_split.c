#include "api/split.h"

#include "check.h"

#include "base/rand.h"

/* Is a cut before s allowed? Not within a character or an escape. */
static bool
is_whole(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		unsigned char c = (unsigned char)s.p[i];
		size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

		if (c == '\\')
			n = i + 1 < s.n && s.p[i + 1] == 'u' ? 6 : 2;
		if (c >= 0x80 && c < 0xc0)
			return false; /* begins in the middle */
		if (i + n > s.n)
			return false; /* ends in the middle */
		i += n;
	}
	return true;
}

/* Cuts it all up; the pieces are whole, bounded and give the text again. */
static unsigned
pieces(struct str text, size_t want)
{
	struct str rest = text;
	unsigned count = 0;

	while (rest.n > 0) {
		size_t n = api_split(rest, want);
		struct str piece = str_of(rest.p, n);

		assert_in_range(n, 1, rest.n);
		/* a word's end is looked for in 24 bytes, a pair has 12 */
		assert_true(n <= want + 24 + 11);
		if (!is_whole(piece))
			fail_msg("'%.*s' is not whole", STR_ARG(piece));
		/* a pair of surrogates stays together */
		if (n >= 6 &&
		    str_case_starts(str_skip(piece, n - 6), STR("\\ud8")))
			assert_true(n == rest.n || rest.p[n] != '\\');
		rest = str_skip(rest, n);
		count++;
	}
	return count;
}

static void
test_words(void **state)
{
	struct str s = STR("The quick brown fox jumps");

	(void)state;
	assert_int_equal(api_split(s, 1), 4); /* with its blank */
	assert_int_equal(api_split(s, 4), 4);
	assert_int_equal(api_split(s, 5), 10);
	assert_int_equal(api_split(s, 1000), s.n);
	assert_int_equal(pieces(s, 1), 5);
}

static void
test_long_words_are_cut(void **state)
{
	static char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(api_split(str_of(text, sizeof(text)), 16), 40);
	assert_int_equal(pieces(str_of(text, sizeof(text)), 16), 25);
}

static void
test_characters(void **state)
{
	static const char *const texts[] = { "äöüßäöüßäöüßäöüßäöüßäöüßäöüß",
		"日本語日本語日本語日本語日本語日本語日本語日本語",
		"😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
		"\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n\\n",
		"\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\",
		"\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4",
		"\\ud83d\\ude00\\uD83D\\uDE00\\ud83d\\ude00\\ud83d\\ude00",
		"a\\ud83d\\ude00b \\\"quoted\\\" \\t日x" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t want = 1; want < 20; want++)
			(void)pieces(str_z(texts[i]), want);
}

/* A surrogate without its other half is legal in JSON: it does no harm. */
static void
test_lone_surrogates(void **state)
{
	(void)state;
	assert_int_equal(api_split(STR("\\ud83d"), 1), 6);
	(void)pieces(STR("\\ud83dabc \\ud83d\\n\\ude00 \\ud83d"), 1);
}

/* Inner text is never cut so, but reading must stay within it. */
static void
test_cut_text_stays_within(void **state)
{
	static const struct str cut[] = { { "\\", 1 }, { "\\u", 2 },
		{ "\\u12", 4 }, { "\xe6\x97", 2 }, { "\xf0", 1 },
		{ "\\ud83d\\", 7 }, { "\\ud83d\\u", 8 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cut); i++)
		assert_in_range(api_split(cut[i], 100), 1, cut[i].n);
}

static void
test_random_texts(void **state)
{
	static const char *const units[] = { "a", "b", " ", "\\n", "\\u0041",
		"\\ud83d\\ude00", "ä", "語", "😀", "\\\\", "\\\"" };
	char text[2048];

	(void)state;
	rand_init_fixed(7);
	for (int round = 0; round < 500; round++) {
		size_t n = 0;

		while (n < sizeof(text) - 16) {
			const char *u = units[rand_below(COUNT(units))];

			memcpy(text + n, u, strlen(u));
			n += strlen(u);
		}
		(void)pieces(str_of(text, n), 1 + rand_below(64));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_long_words_are_cut),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_lone_surrogates),
		cmocka_unit_test(test_cut_text_stays_within),
		cmocka_unit_test(test_random_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
