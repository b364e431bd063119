#include "base/utf8.h"

#include "check.h"

/* By the definition: decode, then ask whether this form was the right one. */
static bool
oracle(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned char c = p[i];
		size_t len = c < 0x80		  ? 1
			     : (c & 0xe0) == 0xc0 ? 2
			     : (c & 0xf0) == 0xe0 ? 3
			     : (c & 0xf8) == 0xf0 ? 4
						  : 0;
		uint32_t cp = len == 1 ? c : len ? c & (0x7fu >> len) : 0;

		if (len == 0 || i + len > n)
			return false;
		for (size_t k = 1; k < len; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
			cp = cp << 6 | (p[i + k] & 0x3f);
		}
		if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff) ||
		    cp < (uint32_t[]){ 0, 0, 0x80, 0x800, 0x10000 }[len])
			return false;
		i += len;
	}
	return true;
}

static void
all_short_sequences(void **state)
{
	unsigned char p[4];

	(void)state;
	for (uint32_t v = 0; v < 1 << 16; v++) {
		p[0] = (unsigned char)(v >> 8);
		p[1] = (unsigned char)v;
		assert_int_equal(
		    utf8_valid(str_of((char *)p, 2)), oracle(p, 2));
	}
	for (uint32_t v = 0; v < 1 << 16; v++) {
		/* leads from c0 up, all seconds, edges for the others */
		static const unsigned char tail[] = { 0x7f, 0x80, 0xbf, 0xc0 };

		p[0] = (unsigned char)(0xc0 | (v & 0x3f));
		p[1] = (unsigned char)(v >> 6);
		p[2] = tail[v >> 14 & 3];
		for (int k = 0; k < 4; k++) {
			p[3] = tail[k];
			for (size_t n = 3; n <= 4; n++)
				assert_int_equal(
				    utf8_valid(str_of((char *)p, n)),
				    oracle(p, n));
		}
	}
}

static void
position_does_not_matter(void **state)
{
	char text[64];

	(void)state;
	for (size_t n = 1; n < sizeof(text); n++) {
		for (size_t at = 0; at < n; at++) {
			memset(text, 'a', n);
			assert_true(utf8_valid(str_of(text, n)));
			text[at] = (char)0xc3;
			assert_false(utf8_valid(str_of(text, n)));
			if (at + 1 < n) {
				text[at + 1] = (char)0xa9;
				assert_true(utf8_valid(str_of(text, n)));
			}
		}
	}
	assert_true(utf8_valid(STR("")));
	assert_true(utf8_valid((struct str){ NULL, 0 }));
}

static void
every_scalar_round_trips(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		char out[4];
		size_t n;

		if (cp == 0xd800)
			cp = 0xe000;
		n = utf8_put(cp, out);
		if (!oracle((unsigned char *)out, n) ||
		    utf8_seq((unsigned char *)out, (unsigned char *)out + n) !=
			n)
			fail_msg("U+%04x", cp);
	}
}

static void
clipping(void **state)
{
	struct str s = STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };

	(void)state;
	for (size_t max = 0; max < COUNT(want); max++)
		assert_int_equal(utf8_clip(s, max).n, want[max]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_short_sequences),
		cmocka_unit_test(position_does_not_matter),
		cmocka_unit_test(every_scalar_round_trips),
		cmocka_unit_test(clipping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
