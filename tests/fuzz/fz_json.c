/*
 * The JSON scanner against Jansson: both take the same texts and see the same
 * values in them (json_oracle.h says where Jansson cannot follow).
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/json_out.h"
#include "fuzz.h"
#include "json_oracle.h"

#define DUMP_MAX ((size_t)64 << 20)

struct dump {
	const struct json *j;
	struct arena *a;
	struct buf *out;
};

/* Decoded, escaped and decoded again. */
static void
check_escapes(struct str text)
{
	struct buf escaped, back;

	buf_init(&escaped, DUMP_MAX);
	buf_init(&back, DUMP_MAX);
	json_escape(&escaped, text);
	json_unescape(&back, buf_str(&escaped));
	FUZZ_CHECK(!escaped.failed && str_eq(buf_str(&back), text));
	buf_fini(&escaped);
	buf_fini(&back);
}

static void
put_text(const struct dump *d, const char *what, json_ref v)
{
	struct str text;

	FUZZ_CHECK(json_type(d->j, v) == JSON_T_STRING);
	FUZZ_CHECK(json_str(d->j, v, d->a, &text) == ERR_OK);
	check_escapes(text);
	buf_printf(d->out, "%s %zu:", what, text.n);
	buf_adds(d->out, text);
	buf_addc(d->out, '\n');
}

static void
put_number(const struct dump *d, json_ref v)
{
	struct str raw = json_raw(d->j, v);
	int64_t i = 0;
	double x = 0;
	enum err e;

	if (str_chr(raw, '.') < raw.n || str_chr(raw, 'e') < raw.n ||
	    str_chr(raw, 'E') < raw.n) {
		e = json_double(d->j, v, &x);
		FUZZ_CHECK(e == ERR_OK || e == ERR_RANGE);
		buf_printf(d->out, "real %.17g\n", x);
	} else {
		e = json_i64(d->j, v, &i);
		FUZZ_CHECK(e == ERR_OK || e == ERR_RANGE);
		buf_printf(d->out, "integer %" PRId64 "\n", i);
	}
}

static void put_value(const struct dump *d, json_ref v);

static void
put_object(const struct dump *d, json_ref v)
{
	uint32_t n = 0;
	struct str key;

	buf_printf(d->out, "object %u\n", json_count(d->j, v));
	json_each (d->j, v, k) {
		put_text(d, "key", k);
		key = json_text(d->j, k, d->a);
		if (!key.n || !memchr(key.p, 0, key.n)) {
			const char *z = arena_strz(d->a, key);

			FUZZ_CHECK(json_get(d->j, v, z) == json_value(d->j, k));
		}
		put_value(d, json_value(d->j, k));
		n++;
	}
	FUZZ_CHECK(n == json_count(d->j, v));
}

static void
put_array(const struct dump *d, json_ref v)
{
	uint32_t n = 0;

	buf_printf(d->out, "array %u\n", json_count(d->j, v));
	json_each (d->j, v, e) {
		if (n < 4)
			FUZZ_CHECK(json_elem(d->j, v, n) == e);
		put_value(d, e);
		n++;
	}
	FUZZ_CHECK(n == json_count(d->j, v));
	FUZZ_CHECK(json_elem(d->j, v, n) == JSON_NONE);
}

static void
put_value(const struct dump *d, json_ref v)
{
	switch (json_type(d->j, v)) {
	case JSON_T_OBJECT:
		put_object(d, v);
		break;
	case JSON_T_ARRAY:
		put_array(d, v);
		break;
	case JSON_T_STRING:
		put_text(d, "string", v);
		break;
	case JSON_T_NUMBER:
		put_number(d, v);
		break;
	case JSON_T_TRUE:
		buf_addz(d->out, "true\n");
		break;
	case JSON_T_FALSE:
		buf_addz(d->out, "false\n");
		break;
	case JSON_T_NULL:
		buf_addz(d->out, "null\n");
		break;
	case JSON_T_NONE:
		FUZZ_CHECK(!"a value");
		break;
	}
}

/* The tape of one kind of scan must be the tape of the other. */
static void
check_tape(const struct json *j)
{
	struct json_tok *tok = NULL;
	struct json again;
	uint32_t cap = 0;

	FUZZ_CHECK(
	    json_scan_reuse(&again, &tok, &cap, j->text, NULL, NULL) == ERR_OK);
	FUZZ_CHECK(again.n_tok == j->n_tok && cap >= j->n_tok);
	FUZZ_CHECK(memcmp(again.tok, j->tok, j->n_tok * sizeof(*j->tok)) == 0);
	free(tok);
}

/* Every value spliced by the writer into an array: still the same values. */
static void
check_written(const struct json *j, struct arena *a)
{
	struct json_out o;
	struct json again;
	struct buf b;

	buf_init(&b, DUMP_MAX);
	json_out_init(&o, &b);
	json_out_arr(&o);
	json_out_raw(&o, json_raw(j, 0));
	json_out_raw(&o, json_raw(j, 0));
	json_out_end(&o);
	FUZZ_CHECK(!b.failed);
	if (json_scan(&again, a, buf_str(&b), NULL, NULL) == ERR_OK) {
		FUZZ_CHECK(json_count(&again, 0) == 2);
		FUZZ_CHECK(str_eq(
		    json_raw(&again, json_elem(&again, 0, 1)), json_raw(j, 0)));
	}
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	struct json_problem why = { SIZE_MAX, NULL };
	struct arena *a = arena_new(256 << 20);
	struct buf ours, theirs;
	enum oracle_says says;
	struct json j;
	enum err e;

	FUZZ_CHECK(a);
	buf_init(&ours, DUMP_MAX);
	buf_init(&theirs, DUMP_MAX);
	says = json_oracle(text, &theirs);
	/* Jansson 2.14 overlooks a NUL right behind a number or word. */
	if (size && memchr(data, 0, size))
		says = ORACLE_NO;
	e = json_scan(&j, a, text, NULL, &why);
	if (e == ERR_OK) {
		struct dump d = { &j, a, &ours };

		FUZZ_CHECK(says != ORACLE_NO);
		put_value(&d, 0);
		if (says == ORACLE_YES)
			FUZZ_CHECK(str_eq(buf_str(&ours), buf_str(&theirs)));
		check_tape(&j);
		check_written(&j, a);
	} else {
		FUZZ_CHECK(e == ERR_SYNTAX || e == ERR_LIMIT);
		FUZZ_CHECK(why.why && why.pos <= size);
		FUZZ_CHECK(says != ORACLE_YES || e == ERR_LIMIT);
	}
	buf_fini(&ours);
	buf_fini(&theirs);
	arena_free(a);
	return 0;
}
