#include "base/json_int.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rand.h"
#include "base/utf8.h"
#include "check.h"

/* Text that ends where memory ends: one byte too far is a crash. */
#define ROOM 4096u
static unsigned char *fence;

static int
setup(void **state)
{
	unsigned char *p = mmap(NULL, ROOM * 2, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (p == MAP_FAILED || mprotect(p + ROOM, ROOM, PROT_NONE) != 0)
		return -1;
	fence = p + ROOM;
	rand_init_fixed(3);
	return 0;
}

/* What stands before the fence: its end, or where and why it fails. */
struct verdict {
	size_t at;
	const char *why; /* NULL: a closing quote at `at` */
	bool escaped;
};

static struct verdict
scan(const void *text, size_t n)
{
	struct json_body b = { 0 };
	const unsigned char *p = fence - n, *q;

	memcpy(fence - n, text, n);
	q = json_body_end(p, fence, &b);
	if (q)
		return (struct verdict){ (size_t)(q - p), NULL, b.escaped };
	return (struct verdict){ (size_t)(b.at - p), b.why, b.escaped };
}

/* The same, byte by byte, as RFC 8259 says it. */
static struct verdict
expected(const unsigned char *t, size_t n)
{
	struct verdict v = { 0 };

	while (v.at < n) {
		size_t left = n - v.at, len = 1;
		unsigned char c = t[v.at];

		if (c == '"')
			return v;
		if (c < 0x20) {
			v.why = "control character in a string";
			return v;
		}
		if (c == '\\') {
			v.escaped = true;
			len = 0;
			if (left > 1 && t[v.at + 1] &&
			    strchr("\"\\/bfnrt", t[v.at + 1]))
				len = 2;
			if (left >= 6 && t[v.at + 1] == 'u') {
				len = 6;
				for (int i = 2; i < 6; i++)
					if (!strchr("0123456789abcdefABCDEF",
						t[v.at + i]) ||
					    !t[v.at + i])
						len = 0;
			}
			if (len == 0) {
				v.why = "invalid escape";
				return v;
			}
		} else if (c >= 0x80) {
			for (len = 2; len <= 4; len++)
				if (len <= left &&
				    utf8_valid(
					str_of((const char *)t + v.at, len)))
					break;
			if (len > 4) {
				v.why = "invalid UTF-8";
				return v;
			}
		}
		v.at += len;
	}
	v.why = "unterminated string";
	return v;
}

/*
 * Runs of characters are checked at once, so where a broken one stands is told
 * as the begin of its run: the same kind of failure, not behind the byte.
 */
static void
check(const void *text, size_t n)
{
	struct verdict want = expected(text, n), got = scan(text, n);
	bool same_place = got.at == want.at ||
			  (want.why && strcmp(want.why, "invalid UTF-8") == 0 &&
			      got.at <= want.at);

	if (!same_place || got.escaped != want.escaped ||
	    !got.why != !want.why ||
	    (want.why && strcmp(got.why, want.why) != 0))
		fail_msg("%.*s: at %zu (%s), want %zu (%s)", (int)n,
		    (const char *)text, got.at, got.why ? got.why : "ends",
		    want.at, want.why ? want.why : "ends");
}

static void
test_short(void **state)
{
	static const struct str texts[] = { { "", 0 }, { "\"", 1 }, { "a", 1 },
		{ "a\"", 2 }, { "\\", 1 }, { "\\\"", 2 }, { "\\\"\"", 3 },
		{ "\\u12", 4 }, { "\\u12\"", 5 }, { "\\u00e4\"", 7 },
		{ "\\x\"", 3 }, { "\xc3\xa4\"", 3 }, { "\xc3", 1 },
		{ "\xc3\"", 2 }, { "\n\"", 2 }, { "\0\"", 2 }, { "\x7f\"", 2 },
		{ "\xed\xa0\x80\"", 4 }, { "\xf4\x90\x80\x80\"", 5 },
		{ "\xc0\xaf\"", 3 } };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		check(texts[i].p, texts[i].n);
}

/* Each byte at each place of texts shorter and longer than some blocks. */
static void
test_each_byte_at_each_place(void **state)
{
	unsigned char text[101];

	(void)state;
	for (size_t n = 1; n <= sizeof(text); n += n < 70 ? 1 : 15)
		for (size_t at = 0; at < n; at++)
			for (int c = 0; c < 256; c++) {
				memset(text, 'x', n);
				text[n - 1] = '"';
				text[at] = (unsigned char)c;
				check(text, n);
			}
}

/* Escapes and characters that cross the end of a block, or of the text. */
static void
test_units_at_each_place(void **state)
{
	static const char *const units[] = { "\\n", "\\\\", "\\\"", "\\u00e4",
		"\\ud83d\\ude00", "ä", "語", "😀", "\\u00g0", "\xf0\x9f\x98",
		"\xe8\xaa", "ä\xff" };
	unsigned char text[128];

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++)
		for (size_t at = 0; at < 80; at++) {
			size_t len = strlen(units[i]);

			memset(text, 'x', sizeof(text));
			memcpy(text + at, units[i], len);
			text[100] = '"';
			check(text, 101);
			for (size_t cut = 0; cut <= len; cut++)
				check(text, at + cut);
		}
}

static void
test_random(void **state)
{
	static const char *const units[] = { "a", "word ", "\\n", "\\\\",
		"\\u0041", "ä", "語", "😀", "\"", "\x01", "\xff", "\\q", "/" };
	char text[512];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		/* mostly what is right, so that the end is reached too */
		size_t kinds = round % 4 ? 8 : COUNT(units), n = 0;

		while (n < 300) {
			const char *u = units[rand_below(kinds)];

			memcpy(text + n, u, strlen(u));
			n += strlen(u);
		}
		text[n++] = '"';
		check(text, rand_below(8) ? n : rand_below(n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_each_byte_at_each_place),
		cmocka_unit_test(test_units_at_each_place),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
