#include "prov/array.h"

void
prov_array_init(struct prov_array *a, size_t max_element_bytes)
{
	*a = (struct prov_array){ 0 };
	buf_init(&a->hold, max_element_bytes);
}

void
prov_array_fini(struct prov_array *a)
{
	buf_fini(&a->hold);
}

static enum err
hold(struct prov_array *a, struct str part)
{
	if (part.n > a->hold.max - a->hold.n)
		return ERR_LIMIT;
	buf_adds(&a->hold, part);
	return a->hold.failed ? ERR_NOMEM : ERR_OK;
}

static enum err
give(struct prov_array *a, struct str part, prov_array_fn fn, void *arg)
{
	enum err e = ERR_OK;

	a->is_inside = false;
	if (part.n > a->hold.max)
		return ERR_LIMIT;
	if (a->hold.n != 0) {
		e = hold(a, part);
		part = buf_str(&a->hold);
	}
	if (e == ERR_OK)
		e = fn(arg, part);
	a->hold.n = 0;
	return e;
}

static void
in_string(struct prov_array *a, char c)
{
	if (a->is_escaped)
		a->is_escaped = false;
	else if (c == '\\')
		a->is_escaped = true;
	else if (c == '"')
		a->in_string = false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What a byte outside of strings does. */
enum step {
	STEP_ON,
	STEP_WHOLE, /* the element ends with this byte */
	STEP_OVER, /* it ended before this byte */
};

static enum step
step(struct prov_array *a, char c)
{
	bool was_inside = a->is_inside;

	switch (c) {
	case '{':
	case '[':
		a->is_inside = a->depth != 0;
		a->depth++;
		return STEP_ON;
	case '}':
	case ']':
		a->depth--;
		a->is_closed = a->depth == 0;
		if (a->depth == 1)
			return STEP_WHOLE;
		return a->is_closed && was_inside ? STEP_OVER : STEP_ON;
	case ',':
		return a->depth == 1 && was_inside ? STEP_OVER : STEP_ON;
	default:
		a->in_string = c == '"';
		a->is_inside = was_inside || !is_blank(c);
		return STEP_ON;
	}
}

enum err
prov_array_feed(
    struct prov_array *a, const char *p, size_t n, prov_array_fn fn, void *arg)
{
	size_t from = 0;
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && e == ERR_OK && !a->is_closed; i++) {
		bool was_inside = a->is_inside;

		if (a->in_string) {
			in_string(a, p[i]);
			continue;
		}
		switch (step(a, p[i])) {
		case STEP_ON:
			if (a->is_inside && !was_inside)
				from = i;
			break;
		case STEP_WHOLE:
			e = give(a, str_of(p + from, i + 1 - from), fn, arg);
			break;
		case STEP_OVER:
			e = give(a, str_of(p + from, i - from), fn, arg);
			break;
		}
	}
	if (e == ERR_OK && a->is_inside)
		e = hold(a, str_of(p + from, n - from));
	return e;
}
