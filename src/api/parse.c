#include "api/parse.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

/* A path longer than this is cut; ours are some ten names deep. */
enum {
	PATH_MAX_BYTES = 256
};

static bool
has_escape(struct str inner)
{
	return inner.n > 0 && memchr(inner.p, '\\', inner.n) != NULL;
}

size_t
api_field_find(const struct api_parse *p, json_ref key,
    const struct api_field *fields, size_t n)
{
	struct str inner = json_inner(p->j, key);
	size_t i;

	if (has_escape(inner)) {
		for (i = 0; i < n; i++)
			if (json_str_is(p->j, key, fields[i].name))
				return i;
		return n;
	}
	for (i = 0; i < n; i++)
		if (fields[i].n == inner.n &&
		    memcmp(fields[i].name, inner.p, inner.n) == 0)
			return i;
	return n;
}

void
api_fields(const struct api_parse *p, json_ref object,
    const struct api_field *fields, size_t n, json_ref *refs)
{
	size_t i;

	for (i = 0; i < n; i++)
		refs[i] = JSON_NONE;
	json_each (p->j, object, key) {
		json_ref v = json_value(p->j, key);

		i = api_field_find(p, key, fields, n);
		if (i < n && json_type(p->j, v) != JSON_T_NULL)
			refs[i] = v;
	}
}

static void
path_print(struct buf *b, const struct api_where *w)
{
	if (!w)
		return;
	path_print(b, w->up);
	if (!w->name) {
		buf_printf(b, "[%u]", w->index);
		return;
	}
	if (b->n > 0)
		buf_addc(b, '.');
	buf_addz(b, w->name);
}

enum err
api_refuse(struct api_parse *p, enum err e, const struct api_where *w,
    const char *fmt, ...)
{
	char text[512];
	struct buf path;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_init(&path, PATH_MAX_BYTES);
	path_print(&path, w);
	msg_fail_set(p->fail, MSG_FAIL_INVALID, "%.*s%s%s",
	    STR_ARG(buf_str(&path)), path.n > 0 ? ": " : "", text);
	msg_fail_param(p->fail, buf_str(&path));
	buf_fini(&path);
	return e;
}

enum err
api_refuse_type(struct api_parse *p, const struct api_where *w, json_ref v,
    const char *want)
{
	static const char *const words[] = {
		[JSON_T_NONE] = "nothing",
		[JSON_T_NULL] = "null",
		[JSON_T_FALSE] = "a boolean",
		[JSON_T_TRUE] = "a boolean",
		[JSON_T_NUMBER] = "a number",
		[JSON_T_STRING] = "a string",
		[JSON_T_ARRAY] = "an array",
		[JSON_T_OBJECT] = "an object",
	};

	return api_refuse(p, ERR_RANGE, w, "must be %s, got %s", want,
	    words[json_type(p->j, v)]);
}

enum err
api_refuse_missing(struct api_parse *p, const struct api_where *w)
{
	return api_refuse(p, ERR_RANGE, w, "is required");
}

enum err
api_nomem(struct api_parse *p)
{
	if (arena_is_full(p->a))
		msg_fail_set(p->fail, MSG_FAIL_TOO_LARGE,
		    "the request needs more memory than one request may take");
	else
		msg_fail_set(p->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	return ERR_NOMEM;
}

enum err
api_opt_text(struct api_parse *p, const struct api_where *up, const char *name,
    json_ref v, struct str *out)
{
	struct api_where w = { up, name, 0 };

	if (v == JSON_NONE)
		return ERR_OK;
	if (json_type(p->j, v) != JSON_T_STRING)
		return api_refuse_type(p, &w, v, "a string");
	if (json_str(p->j, v, p->a, out) != ERR_OK)
		return api_nomem(p);
	return ERR_OK;
}

enum err
api_opt_inner(struct api_parse *p, const struct api_where *up, const char *name,
    json_ref v, struct str *out)
{
	struct api_where w = { up, name, 0 };

	if (v == JSON_NONE)
		return ERR_OK;
	if (json_type(p->j, v) != JSON_T_STRING)
		return api_refuse_type(p, &w, v, "a string");
	*out = json_inner(p->j, v);
	return ERR_OK;
}

enum err
api_opt_object(struct api_parse *p, const struct api_where *up,
    const char *name, json_ref v, struct str *raw)
{
	struct api_where w = { up, name, 0 };

	if (v == JSON_NONE)
		return ERR_OK;
	if (json_type(p->j, v) != JSON_T_OBJECT)
		return api_refuse_type(p, &w, v, "an object");
	*raw = json_raw(p->j, v);
	return ERR_OK;
}

enum err
api_opt_bool(struct api_parse *p, const struct api_where *up, const char *name,
    json_ref v, struct str *raw)
{
	struct api_where w = { up, name, 0 };
	enum json_type t = json_type(p->j, v);

	if (v == JSON_NONE)
		return ERR_OK;
	if (t != JSON_T_TRUE && t != JSON_T_FALSE)
		return api_refuse_type(p, &w, v, "a boolean");
	*raw = json_raw(p->j, v);
	return ERR_OK;
}

enum err
api_req_text(struct api_parse *p, const struct api_where *up, const char *name,
    json_ref v, struct str *out)
{
	struct api_where w = { up, name, 0 };
	enum err e;

	if (v == JSON_NONE)
		return api_refuse_missing(p, &w);
	e = api_opt_text(p, up, name, v, out);
	if (e == ERR_OK && out->n == 0)
		e = api_refuse(p, ERR_RANGE, &w, "must not be empty");
	return e;
}

enum err
api_req_object(struct api_parse *p, const struct api_where *up,
    const char *name, json_ref v)
{
	struct api_where w = { up, name, 0 };

	if (v == JSON_NONE)
		return api_refuse_missing(p, &w);
	if (json_type(p->j, v) != JSON_T_OBJECT)
		return api_refuse_type(p, &w, v, "an object");
	return ERR_OK;
}
