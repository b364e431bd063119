#include "json_oracle.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

static enum oracle_says
refusal(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_numeric_overflow:
	case json_error_null_byte_in_key:
	case json_error_null_character:
		return ORACLE_CANNOT;
	default:
		return strstr(e->text, "invalid Unicode") ? ORACLE_CANNOT
							  : ORACLE_NO;
	}
}

static void
put_text(struct buf *out, const char *what, const char *p, size_t n)
{
	buf_printf(out, "%s %zu:", what, n);
	buf_add(out, p, n);
	buf_addc(out, '\n');
}

/* Depth is Jansson's own limit, 2048. */
static void
dump(json_t *v, struct buf *out)
{
	const char *key;
	json_t *e;
	size_t i, n;

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		buf_printf(out, "object %zu\n", json_object_size(v));
		json_object_keylen_foreach(v, key, n, e)
		{
			put_text(out, "key", key, n);
			dump(e, out);
		}
		break;
	case JSON_ARRAY:
		buf_printf(out, "array %zu\n", json_array_size(v));
		json_array_foreach(v, i, e) dump(e, out);
		break;
	case JSON_STRING:
		put_text(
		    out, "string", json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		buf_printf(out, "integer %" PRId64 "\n",
		    (int64_t)json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(out, "real %.17g\n", json_real_value(v));
		break;
	case JSON_TRUE:
		buf_addz(out, "true\n");
		break;
	case JSON_FALSE:
		buf_addz(out, "false\n");
		break;
	case JSON_NULL:
		buf_addz(out, "null\n");
		break;
	}
}

enum oracle_says
json_oracle(struct str text, struct buf *out)
{
	json_error_t e;
	json_t *v = json_loadb(text.p, text.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);

	if (!v)
		return refusal(&e);
	dump(v, out);
	json_decref(v);
	return ORACLE_YES;
}
