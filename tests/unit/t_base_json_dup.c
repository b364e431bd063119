#include "base/json.h"

#include "base/buf.h"
#include "base/rand.h"

#include "check.h"

static struct json_limits many = { 64, UINT32_MAX, UINT32_MAX };
static struct json_problem problem;

static enum err
scan(const struct buf *b)
{
	struct arena *a = arena_new(64 << 20);
	struct json j;
	enum err e;

	assert_false(b->failed);
	problem = (struct json_problem){ 0, "" };
	e = json_scan(&j, a, buf_str(b), &many, &problem);
	arena_free(a);
	return e;
}

/* One key in one of its spellings: each letter plain or as \u00xx. */
static void
put_key(struct buf *b, const char *key, bool spell)
{
	buf_addc(b, '"');
	for (; *key; key++) {
		if (spell && rand_below(3) == 0)
			buf_printf(
			    b, rand_below(2) ? "\\u%04x" : "\\u%04X", *key);
		else
			buf_addc(b, *key);
	}
	buf_addz(b, "\":0");
}

/*
 * Objects of n different keys, then the same with one of them once more, at a
 * place that must be reported.
 */
static void
one_key_twice(void **state)
{
	static const unsigned size[] = { 1, 2, 3, 15, 16, 17, 18, 40, 128, 129,
		1000, 5000 };
	char key[32];

	(void)state;
	rand_init_fixed(5);
	for (unsigned i = 0; i < COUNT(size); i++) {
		for (int round = 0; round < 20; round++) {
			struct buf b = { .max = 1 << 20 };
			bool spell = round % 2;
			size_t at;

			buf_addc(&b, '{');
			for (unsigned k = 0; k < size[i]; k++) {
				snprintf(key, sizeof(key), "key-%u", k);
				put_key(&b, key, spell);
				buf_addc(&b, ',');
			}
			b.p[b.n - 1] = '}';
			assert_int_equal(scan(&b), ERR_OK);
			b.p[b.n - 1] = ',';
			at = b.n;
			snprintf(key, sizeof(key), "key-%u",
			    (unsigned)rand_below(size[i]));
			put_key(&b, key, spell);
			buf_addc(&b, '}');
			assert_int_equal(scan(&b), ERR_SYNTAX);
			assert_string_equal(problem.why, "duplicate key");
			assert_int_equal(problem.pos, at);
			buf_fini(&b);
		}
	}
}

/* All keys fall on the same bit of the filter. */
static void
similar_keys_are_different(void **state)
{
	struct buf b = { .max = 1000 };

	(void)state;
	buf_addz(&b, "{\"x00x\":0,\"x01x\":0,\"x10x\":0,\"x11x\":0,\"\":0}");
	assert_int_equal(scan(&b), ERR_OK);
	b.n--;
	buf_addz(&b, ",\"x10x\":0}");
	assert_int_equal(scan(&b), ERR_SYNTAX);
	buf_fini(&b);
}

static void
decoded_forms_are_compared(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} row[] = {
		{ "{\"\\n\":0,\"\\u000a\":0}", ERR_SYNTAX },
		{ "{\"\\n\":0,\"n\":0}", ERR_OK },
		{ "{\"\\/\":0,\"/\":0}", ERR_SYNTAX },
		{ "{\"\xc3\xa9\":0,\"\\u00e9\":0}", ERR_SYNTAX },
		{ "{\"\xf0\x9f\x98\x80\":0,\"\\ud83d\\ude00\":0}", ERR_SYNTAX },
		{ "{\"\\u0000\":0,\"\":0}", ERR_OK },
		{ "{\"\\u0000\":0,\"\\u0000\":0}", ERR_SYNTAX },
		{ "{\"a\\u0000b\":0,\"a\\u0000c\":0}", ERR_OK },
		/* lone halves all decode to U+FFFD */
		{ "{\"\\ud800\":0,\"\\udfff\":0}", ERR_SYNTAX },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(row); i++) {
		struct buf b = { .max = 1000 };

		buf_addz(&b, row[i].text);
		if (scan(&b) != row[i].err)
			fail_msg("%s", row[i].text);
		buf_fini(&b);
	}
}

/* Escaped keys too long to be decoded aside, and a few that just fit. */
static void
long_escaped_keys(void **state)
{
	(void)state;
	for (int n = 1; n < 400; n += 3) {
		struct buf b = { .max = 10000 };

		buf_printf(&b,
		    "{\"\\n%0*d\":0,\"\\n%0*d\":0,\"\\u000a%0*d\":0}", n, 1, n,
		    2, n, 3);
		assert_int_equal(scan(&b), ERR_OK);
		b.n--;
		buf_printf(&b, ",\"\\u000A%0*d\":0}", n, 2);
		assert_int_equal(scan(&b), ERR_SYNTAX);
		assert_string_equal(problem.why, "duplicate key");
		buf_fini(&b);
	}
}

/* The same keys in many objects, nested and side by side, are no duplicates. */
static void
objects_are_apart(void **state)
{
	struct buf b = { .max = 1 << 20 };

	(void)state;
	buf_addc(&b, '[');
	for (int i = 0; i < 100; i++) {
		buf_addc(&b, '{');
		for (int k = 0; k < 30; k++)
			buf_printf(&b, "\"k%d\":{\"k%d\":[{\"k0\":1}]},", k, k);
		b.p[b.n - 1] = '}';
		buf_addc(&b, ',');
	}
	b.p[b.n - 1] = ']';
	assert_int_equal(scan(&b), ERR_OK);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_key_twice),
		cmocka_unit_test(similar_keys_are_different),
		cmocka_unit_test(decoded_forms_are_compared),
		cmocka_unit_test(long_escaped_keys),
		cmocka_unit_test(objects_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
