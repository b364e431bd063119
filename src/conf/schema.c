/* The option tables as a JSON schema, draft 2020-12. */
#include "base/buf.h"
#include "base/json_out.h"
#include "base/num.h"
#include "conf/opt.h"
#include "conf/values.h"

#define SCHEMA_MAX ((size_t)1024 * 1024)
#define DURATION_PATTERN "^[0-9]+(ms|s|m|h|d)$"
#define SIZE_PATTERN "^[0-9]+(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)?$"

/* These write members of the object that is open. */
static void table_schema(struct json_out *o, const struct opt_table *t);
static void members_schema(struct json_out *o, const struct opt_table *t);

static void
put(struct json_out *o, const char *key, const char *z)
{
	json_out_kv_str(o, key, str_z(z));
}

static void
text_schema(struct json_out *o, const char *pattern)
{
	put(o, "type", "string");
	if (pattern != NULL)
		put(o, "pattern", pattern);
}

static void
words_schema(struct json_out *o, const struct opt_word *words)
{
	json_out_key(o, "enum");
	json_out_arr(o);
	for (; words->word != NULL; words++)
		json_out_strz(o, words->word);
	json_out_end(o);
}

static void
kinds_schema(struct json_out *o)
{
	json_out_key(o, "enum");
	json_out_arr(o);
	for (const struct conf_kind *k = value_kinds(); k->name != NULL; k++)
		json_out_strz(o, k->name);
	json_out_end(o);
}

/* "anyOf":[{...}, and a second one that the caller opens. */
static void
any_of(struct json_out *o)
{
	json_out_key(o, "anyOf");
	json_out_arr(o);
	json_out_obj(o);
}

static void
any_of_next(struct json_out *o)
{
	json_out_end(o);
	json_out_obj(o);
}

static void
any_of_end(struct json_out *o)
{
	json_out_end(o);
	json_out_end(o);
}

static void
plain_number_schema(struct json_out *o, const struct opt *row)
{
	if (row->type == OPT_DURATION) {
		text_schema(o, DURATION_PATTERN);
	} else if (row->type == OPT_SIZE) {
		any_of(o);
		text_schema(o, SIZE_PATTERN);
		any_of_next(o);
		put(o, "type", "integer");
		any_of_end(o);
	} else {
		put(o, "type", "integer");
		json_out_kv_i64(o, "minimum", row->min);
		json_out_kv_i64(o, "maximum", row->max);
	}
}

static void
number_schema(struct json_out *o, const struct opt *row)
{
	if (row->zero_word == NULL) {
		plain_number_schema(o, row);
		return;
	}
	any_of(o);
	plain_number_schema(o, row);
	any_of_next(o);
	json_out_key(o, "enum");
	json_out_arr(o);
	json_out_strz(o, row->zero_word);
	/* What readers of YAML 1.1 make of a plain "off". */
	if (str_eqz(STR("off"), row->zero_word))
		json_out_bool(o, false);
	json_out_end(o);
	any_of_end(o);
}

static void
object_schema(struct json_out *o, const struct opt_table *t)
{
	if (t->read_short == NULL) {
		table_schema(o, t);
		return;
	}
	any_of(o);
	table_schema(o, t);
	any_of_next(o);
	text_schema(o, t->short_pattern);
	any_of_end(o);
}

static void
amount_schema(struct json_out *o, const char *pattern)
{
	any_of(o);
	put(o, "type", "number");
	json_out_kv_i64(o, "minimum", 0);
	any_of_next(o);
	text_schema(o, pattern);
	any_of_end(o);
}

static void
list_schema(struct json_out *o, const struct opt *row)
{
	put(o, "type", "array");
	if (row->type != OPT_WORDS && row->min > 0)
		json_out_kv_i64(o, "minItems", row->min);
	if (row->type != OPT_WORDS && row->max > 0)
		json_out_kv_i64(o, "maxItems", row->max);
	json_out_key(o, "items");
	json_out_obj(o);
	if (row->type == OPT_WORDS)
		words_schema(o, row->words);
	else if (row->type == OPT_STRS)
		text_schema(o, row->pattern);
	else
		object_schema(o, row->sub);
	json_out_end(o);
}

/* A section may be left empty: a heading with all below it commented out. */
static void
object_or_null(struct json_out *o)
{
	json_out_key(o, "type");
	json_out_arr(o);
	json_out_strz(o, "object");
	json_out_strz(o, "null");
	json_out_end(o);
}

static void
named_schema(struct json_out *o, const struct opt *row)
{
	object_or_null(o);
	json_out_kv_i64(o, "maxProperties", row->max);
	json_out_key(o, "additionalProperties");
	json_out_obj(o);
	object_schema(o, row->sub);
	json_out_end(o);
}

static void
later_schema(struct json_out *o)
{
	json_out_key(o, "type");
	json_out_arr(o);
	json_out_strz(o, "array");
	json_out_strz(o, "object");
	json_out_strz(o, "null");
	json_out_end(o);
	json_out_kv_i64(o, "maxItems", 0);
	json_out_kv_i64(o, "maxProperties", 0);
}

static void
value_schema(struct json_out *o, const struct opt *row)
{
	switch (row->type) {
	case OPT_BOOL:
		put(o, "type", "boolean");
		break;
	case OPT_U32:
	case OPT_I64:
	case OPT_SIZE:
	case OPT_DURATION:
		number_schema(o, row);
		break;
	case OPT_RATIO:
		put(o, "type", "number");
		json_out_kv_i64(o, "minimum", 0);
		json_out_kv_i64(o, "maximum", 1);
		break;
	case OPT_STR:
	case OPT_CUSTOM:
		if (row->check == value_check_kind)
			kinds_schema(o);
		else if (row->flags & OPT_AMOUNT)
			amount_schema(o, row->pattern);
		else
			text_schema(o, row->pattern);
		break;
	case OPT_WORD:
		words_schema(o, row->words);
		break;
	case OPT_WORDS:
	case OPT_STRS:
	case OPT_TABLES:
		list_schema(o, row);
		break;
	case OPT_PAIRS:
		put(o, "type", "object");
		json_out_key(o, "additionalProperties");
		json_out_obj(o);
		put(o, "type", "string");
		json_out_end(o);
		break;
	case OPT_TABLE:
		object_or_null(o);
		members_schema(o, row->sub);
		break;
	case OPT_NAMED:
		named_schema(o, row);
		break;
	case OPT_LATER:
		later_schema(o);
		break;
	}
}

static void
default_schema(struct json_out *o, const struct opt *row)
{
	struct str rest = str_z(row->dflt);
	int64_t i;

	json_out_key(o, "default");
	if (row->type == OPT_WORDS || row->type == OPT_STRS) {
		json_out_arr(o);
		while (str_present(rest))
			json_out_str(o, str_trim(str_cut(&rest, ',')));
		json_out_end(o);
	} else if (row->type == OPT_BOOL || row->type == OPT_RATIO ||
		   num_parse_i64(rest, &i) == ERR_OK) {
		json_out_raw(o, rest); /* is JSON as it stands */
	} else {
		json_out_str(o, rest);
	}
}

static void
table_schema(struct json_out *o, const struct opt_table *t)
{
	put(o, "type", "object");
	members_schema(o, t);
}

static void
members_schema(struct json_out *o, const struct opt_table *t)
{
	bool has_required = false;

	json_out_kv_bool(o, "additionalProperties", false);
	json_out_key(o, "properties");
	json_out_obj(o);
	for (const struct opt *row = t->rows; row->name != NULL; row++) {
		has_required = has_required || (row->flags & OPT_REQUIRED);
		json_out_key(o, row->name);
		json_out_obj(o);
		put(o, "description", row->doc);
		if (row->dflt != NULL)
			default_schema(o, row);
		value_schema(o, row);
		json_out_end(o);
	}
	json_out_end(o);
	if (!has_required)
		return;
	json_out_key(o, "required");
	json_out_arr(o);
	for (const struct opt *row = t->rows; row->name != NULL; row++) {
		if (row->flags & OPT_REQUIRED)
			json_out_strz(o, row->name);
	}
	json_out_end(o);
}

/* Our own writer's JSON, which has no blanks, with lines and indentation. */
static void
indent(struct buf *out, struct str json)
{
	bool in_text = false;
	int depth = 0;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];

		if (!in_text && (c == '}' || c == ']'))
			buf_printf(out, "\n%*s", 2 * --depth, "");
		buf_addc(out, c);
		if (in_text && c == '\\' && i + 1 < json.n)
			buf_addc(out, json.p[++i]);
		else if (c == '"')
			in_text = !in_text;
		else if (in_text)
			continue;
		else if (c == '{' || c == '[')
			buf_printf(out, "\n%*s", 2 * ++depth, "");
		else if (c == ',')
			buf_printf(out, "\n%*s", 2 * depth, "");
		else if (c == ':')
			buf_addc(out, ' ');
	}
	buf_addc(out, '\n');
}

enum err
conf_schema_print(FILE *to)
{
	struct buf json, out;
	struct json_out o;
	enum err e = ERR_OK;

	buf_init(&json, SCHEMA_MAX);
	buf_init(&out, SCHEMA_MAX);
	json_out_init(&o, &json);
	json_out_obj(&o);
	put(&o, "$schema", "https://json-schema.org/draft/2020-12/schema");
	put(&o, "title", "LLM Gateway configuration");
	table_schema(&o, &conf_table);
	json_out_end(&o);
	indent(&out, buf_str(&json));
	if (json.failed || out.failed)
		e = ERR_NOMEM;
	else if (fwrite(out.p, 1, out.n, to) != out.n)
		e = ERR_IO;
	buf_fini(&json);
	buf_fini(&out);
	return e;
}
