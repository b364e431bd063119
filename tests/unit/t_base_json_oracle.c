/*
 * The scanner against Jansson: many made and mutated texts (fixed seed) must be
 * accepted by both or by neither, and say the same. Intended differences, which
 * the comparison leaves out:
 *
 * - Jansson refuses \u0000 in keys and, without a flag, in strings;
 * - it refuses half surrogate pairs, which RFC 8259 allows (8.2);
 * - it refuses integers beyond 64 bits and numbers beyond a double;
 * - it stops at its own depth of 2048, we at the limit that the caller gives.
 */
/* Two of Jansson's names are ours as well. */
#define json_type jansson_type
#include <jansson.h>
#undef json_type
#undef json_is_true

#include "base/buf.h"
#include "base/json.h"
#include "base/rand.h"

#include "check.h"

static struct buf text;

static void make(unsigned depth);

static void
blank(void)
{
	static const char *const some[] = { "", "", "", " ", "\n", "\t\r",
		"  " };

	buf_addz(&text, some[rand_below(COUNT(some))]);
}

static void
make_string(bool is_key)
{
	static const char *const part[] = { "a", "b", "key", "0123456789abcdef",
		"\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x98\x80", "\\ud83d\\ude00", "\x7f",
		" ", "the quick brown fox jumps over the lazy dog" };
	uint64_t n = rand_below(is_key ? 3 : 6);

	buf_addc(&text, '"');
	while (n--)
		buf_addz(&text, part[rand_below(COUNT(part))]);
	buf_addc(&text, '"');
}

static void
make_number(void)
{
	if (rand_below(2))
		buf_addc(&text, '-');
	buf_printf(
	    &text, "%u", (unsigned)rand_below(rand_below(2) ? 10 : 99999));
	if (rand_below(3) == 0)
		buf_printf(&text, ".%u", (unsigned)rand_below(1000));
	if (rand_below(4) == 0)
		buf_printf(&text, "e%d", (int)rand_below(40) - 20);
}

static void
make_container(unsigned depth, bool is_array)
{
	uint64_t n = rand_below(rand_below(20) ? 5 : 40);

	buf_addc(&text, is_array ? '[' : '{');
	blank();
	for (uint64_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&text, ',');
		blank();
		if (!is_array) {
			make_string(true);
			blank();
			buf_addc(&text, ':');
		}
		make(depth + 1);
		blank();
	}
	buf_addc(&text, is_array ? ']' : '}');
}

static void
make(unsigned depth)
{
	blank();
	switch (rand_below(depth > 4 ? 5 : 9)) {
	case 0:
		buf_addz(&text, "null");
		break;
	case 1:
		buf_addz(&text, rand_below(2) ? "true" : "false");
		break;
	case 2:
		make_number();
		break;
	case 3:
	case 4:
		make_string(false);
		break;
	case 5:
	case 6:
		make_container(depth, true);
		break;
	default:
		make_container(depth, false);
		break;
	}
}

/* Changes, removes or inserts a byte, or cuts the text. */
static void
mutate(void)
{
	static const char some[] =
	    "\"\\{}[]:,0-+.eEtfnu \n\t\x01\x80\xc3\xff/a";
	size_t at = rand_below(text.n + 1);
	char c = some[rand_below(sizeof(some) - 1)];

	if (at == text.n) {
		buf_addc(&text, c);
		return;
	}
	switch (rand_below(4)) {
	case 0:
		text.p[at] = c;
		break;
	case 1:
		memmove(text.p + at, text.p + at + 1, text.n - at - 1);
		text.n--;
		break;
	case 2:
		buf_addc(&text, 0);
		memmove(text.p + at + 1, text.p + at, text.n - 1 - at);
		text.p[at] = c;
		break;
	default:
		if (rand_below(4) == 0)
			text.n = at;
		break;
	}
}

/* What the two are meant to judge differently is not compared. */
static bool
is_stricter_there(const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);

	return code == json_error_numeric_overflow ||
	       code == json_error_null_character ||
	       code == json_error_null_byte_in_key ||
	       strstr(e->text, "invalid Unicode") != NULL ||
	       strstr(e->text, "too big") != NULL;
}

static void same(const struct json *j, json_ref v, json_t *want);

static void
same_string(const struct json *j, json_ref v, json_t *want)
{
	struct arena *a = arena_new(1 << 20);
	struct str s = json_text(j, v, a);

	assert_true(json_is_string(want));
	assert_true(str_present(s));
	assert_true(str_eq(
	    s, str_of(json_string_value(want), json_string_length(want))));
	arena_free(a);
}

static void
same_container(const struct json *j, json_ref v, json_t *want)
{
	bool is_array = json_is_array(want);
	struct arena *a = arena_new(1 << 20);
	size_t n = 0;

	assert_int_equal(
	    json_type(j, v), is_array ? JSON_T_ARRAY : JSON_T_OBJECT);
	assert_int_equal(json_count(j, v),
	    is_array ? json_array_size(want) : json_object_size(want));
	json_each (j, v, e) {
		if (is_array) {
			same(j, e, json_array_get(want, n));
			assert_int_equal(json_elem(j, v, (uint32_t)n), e);
		} else {
			struct str key = json_text(j, e, a);
			char *z = arena_strz(a, key);

			same(j, json_value(j, e), json_object_get(want, z));
			assert_int_equal(json_get(j, v, z), json_value(j, e));
		}
		n++;
	}
	assert_int_equal(n, json_count(j, v));
	arena_free(a);
}

static void
same(const struct json *j, json_ref v, json_t *want)
{
	int64_t i = 0;
	double d = 0.0;

	assert_non_null(want);
	switch (json_typeof(want)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		same_container(j, v, want);
		break;
	case JSON_STRING:
		same_string(j, v, want);
		break;
	case JSON_INTEGER:
		assert_int_equal(json_i64(j, v, &i), ERR_OK);
		assert_true(i == json_integer_value(want));
		break;
	case JSON_REAL:
		assert_int_equal(json_double(j, v, &d), ERR_OK);
		assert_false(d < json_real_value(want));
		assert_false(d > json_real_value(want));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		assert_int_equal(
		    json_is_true(j, v), json_typeof(want) == JSON_TRUE);
		break;
	case JSON_NULL:
		assert_int_equal(json_type(j, v), JSON_T_NULL);
		break;
	}
}

/* Compares the judgement on the text; returns whether both accept it. */
static bool
compare(void)
{
	struct arena *a = arena_new(16 << 20);
	struct json_problem problem = { 0, "" };
	/* Exactly as long, so that a sanitizer sees a read beyond. */
	char *copy = malloc(text.n ? text.n : 1);
	json_error_t error;
	struct json j;
	json_t *want;
	enum err e;

	assert_non_null(copy);
	if (text.n)
		memcpy(copy, text.p, text.n);
	want = json_loadb(
	    copy, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	e = json_scan(&j, a, str_of(copy, text.n), NULL, &problem);
	if ((e == ERR_OK) != (want != NULL) &&
	    !(e == ERR_OK && is_stricter_there(&error)))
		fail_msg("ours: %s (%s at %zu), Jansson: %s\n%.*s", err_word(e),
		    problem.why, problem.pos, want ? "ok" : error.text,
		    STR_ARG(buf_str(&text)));
	if (e == ERR_OK && want)
		same(&j, 0, want);
	else if (e != ERR_OK)
		assert_true(problem.pos <= text.n);
	free(copy);
	json_decref(want);
	arena_free(a);
	return e == ERR_OK && want;
}

enum {
	TEXTS = 3000,
	MUTANTS = 12
};

static void
made_and_mutated_texts(void **state)
{
	unsigned n = 0, both = 0, whole = 0;
	struct buf made = { .max = 8 << 20 };

	(void)state;
	rand_init_fixed(20261121);
	buf_init(&text, 8 << 20);
	for (int i = 0; i < TEXTS; i++) {
		buf_reset(&text);
		make(0);
		assert_false(text.failed);
		whole += compare();
		buf_reset(&made);
		buf_adds(&made, buf_str(&text));
		for (int k = 0; k < MUTANTS; k++) {
			buf_reset(&text);
			buf_adds(&text, buf_str(&made));
			for (uint64_t m = rand_below(3) + 1; m; m--)
				mutate();
			both += compare();
			n++;
		}
	}
	print_message("%d texts (%u accepted), %u mutants (%u accepted)\n",
	    TEXTS, whole, n, both);
	/* the comparison would be worth little if one side were empty */
	assert_true(whole > TEXTS / 2);
	assert_true(both > n / 50 && both < n / 2);
	buf_fini(&made);
	buf_fini(&text);
}

/* Random bytes hardly ever are JSON, but must be judged the same. */
static void
random_soup(void **state)
{
	static const char some[] = "\"\"\\{}[]:,01-.eunl \n\xc3\xa9";

	(void)state;
	rand_init_fixed(77);
	buf_init(&text, 1000);
	for (int i = 0; i < 40000; i++) {
		size_t n = rand_below(12);

		buf_reset(&text);
		while (n--)
			buf_addc(&text, some[rand_below(sizeof(some) - 1)]);
		(void)compare();
	}
	buf_fini(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_mutated_texts),
		cmocka_unit_test(random_soup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
