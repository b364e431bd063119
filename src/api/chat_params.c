#include "api/parse.h"

#include <inttypes.h>
#include <math.h>

/* Parameters: type and range by msg_param_table (api/params.c). */

enum msg_param
api_param_find(const struct api_parse *p, json_ref key)
{
	struct str inner = json_inner(p->j, key);
	bool escaped = inner.n > 0 && memchr(inner.p, '\\', inner.n) != NULL;
	int i;

	for (i = 0; i < MSG_P__MAX; i++) {
		const char *name = msg_param_table[i].name;

		if (escaped ? json_str_is(p->j, key, name)
			    : inner.n > 0 && *name == *inner.p &&
				  str_eqz(inner, name))
			break;
	}
	return (enum msg_param)i;
}

static enum err
check_range(struct api_parse *p, const struct api_where *w,
    const struct msg_param_row *row, double d)
{
	if (row->min > row->max || (d >= row->min && d <= row->max))
		return ERR_OK;
	if (row->max >= INT32_MAX)
		return api_refuse(
		    p, ERR_RANGE, w, "must be at least %g", row->min);
	return api_refuse(
	    p, ERR_RANGE, w, "must be between %g and %g", row->min, row->max);
}

static enum err
check_number(struct api_parse *p, const struct api_where *w,
    const struct msg_param_row *row, json_ref v)
{
	double d;

	if (json_type(p->j, v) != JSON_T_NUMBER)
		return api_refuse_type(p, w, v, "a number");
	if (json_double(p->j, v, &d) != ERR_OK || !isfinite(d))
		return api_refuse(p, ERR_RANGE, w, "is out of range");
	return check_range(p, w, row, d);
}

static enum err
check_integer(struct api_parse *p, const struct api_where *w,
    const struct msg_param_row *row, json_ref v)
{
	int64_t i;

	if (json_type(p->j, v) != JSON_T_NUMBER)
		return api_refuse_type(p, w, v, "an integer");
	if (json_i64(p->j, v, &i) != ERR_OK)
		return api_refuse(
		    p, ERR_RANGE, w, "must be an integer of at most 64 bits");
	return check_range(p, w, row, (double)i);
}

static enum err
check_stop(struct api_parse *p, const struct api_where *w, json_ref v)
{
	uint32_t i = 0;

	if (json_type(p->j, v) == JSON_T_STRING)
		return ERR_OK;
	if (json_type(p->j, v) != JSON_T_ARRAY)
		return api_refuse_type(
		    p, w, v, "a string or an array of strings");
	if (json_count(p->j, v) > p->lim->stop)
		return api_refuse(p, ERR_LIMIT, w,
		    "has %" PRIu32 " strings; at most %" PRIu32 " are allowed",
		    json_count(p->j, v), p->lim->stop);
	json_each (p->j, v, e) {
		struct api_where at = { w, NULL, i++ };

		if (json_type(p->j, e) != JSON_T_STRING)
			return api_refuse_type(p, &at, e, "a string");
	}
	return ERR_OK;
}

static enum err
check_count(
    struct api_parse *p, const struct api_where *w, json_ref v, uint32_t max)
{
	if (json_count(p->j, v) <= max)
		return ERR_OK;
	return api_refuse(p, ERR_LIMIT, w,
	    "has %" PRIu32 " members; at most %" PRIu32 " are allowed",
	    json_count(p->j, v), max);
}

/* What the table cannot say. */
static enum err
check_special(struct api_parse *p, const struct api_where *w,
    enum msg_param param, json_ref v)
{
	enum err e = ERR_OK;

	switch (param) {
	case MSG_P_N:
		if (json_i64_or(p->j, v, 1) > p->lim->choices)
			e = api_refuse(p, ERR_LIMIT, w,
			    "must be at most %" PRIu32, p->lim->choices);
		break;
	case MSG_P_METADATA:
		e = check_count(p, w, v, p->lim->metadata);
		break;
	case MSG_P_LOGIT_BIAS:
		e = check_count(p, w, v, p->lim->logit_bias);
		if (e != ERR_OK)
			break;
		json_each (p->j, v, key) {
			json_ref bias = json_value(p->j, key);

			if (json_type(p->j, bias) != JSON_T_NUMBER)
				return api_refuse_type(
				    p, w, bias, "a map of tokens to numbers");
		}
		break;
	default:
		break;
	}
	return e;
}

static enum err
check_type(struct api_parse *p, const struct api_where *w,
    const struct msg_param_row *row, json_ref v)
{
	enum json_type t = json_type(p->j, v);
	bool is_bool = t == JSON_T_TRUE || t == JSON_T_FALSE;

	switch (row->type) {
	case MSG_V_NUMBER:
		return check_number(p, w, row, v);
	case MSG_V_INTEGER:
		return check_integer(p, w, row, v);
	case MSG_V_STOP:
		return check_stop(p, w, v);
	case MSG_V_BOOL:
		return is_bool ? ERR_OK : api_refuse_type(p, w, v, "a boolean");
	case MSG_V_BOOL_OR_INTEGER:
		return is_bool || t == JSON_T_NUMBER
			   ? ERR_OK
			   : api_refuse_type(p, w, v, "a boolean");
	case MSG_V_STRING:
		return t == JSON_T_STRING
			   ? ERR_OK
			   : api_refuse_type(p, w, v, "a string");
	case MSG_V_ARRAY:
		return t == JSON_T_ARRAY ? ERR_OK
					 : api_refuse_type(p, w, v, "an array");
	case MSG_V_OBJECT:
		return t == JSON_T_OBJECT
			   ? ERR_OK
			   : api_refuse_type(p, w, v, "an object");
	}
	return ERR_OK;
}

enum err
api_param_parse(struct api_parse *p, enum msg_param param, json_ref v)
{
	const struct msg_param_row *row = &msg_param_table[param];
	struct api_where w = { NULL, row->name, 0 };
	bool is_max =
	    param == MSG_P_MAX_TOKENS || param == MSG_P_MAX_COMPLETION_TOKENS;
	enum err e;

	/* "no limit" at LM Studio and llama.cpp; nobody else's value */
	if (is_max && json_i64_or(p->j, v, 0) == -1) {
		p->out->param[param] = json_raw(p->j, v);
		return ERR_OK;
	}
	e = check_type(p, &w, row, v);
	if (e == ERR_OK)
		e = check_special(p, &w, param, v);
	if (e != ERR_OK)
		return e;
	p->out->param[param] = json_raw(p->j, v);
	/* an empty list stops nothing */
	if (param == MSG_P_STOP && json_type(p->j, v) == JSON_T_ARRAY &&
	    json_count(p->j, v) == 0)
		p->out->param[param] = (struct str){ NULL, 0 };
	return ERR_OK;
}
