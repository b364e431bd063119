#include "conf/problem.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/json_out.h"

/* One sentence; longer ones are cut. */
#define WHAT_MAX 1024u

void
conf_problems_init(struct conf_problems *p, struct arena *a)
{
	*p = (struct conf_problems){ .arena = a };
}

static void
add(struct conf_problems *p, const struct conf_where *where, bool is_warning,
    const char *fmt, va_list ap)
{
	struct conf_problem *q;
	char what[WHAT_MAX];
	int n;

	if (is_warning)
		p->n_warnings++;
	else
		p->n_errors++;
	if (p->n >= CONF_PROBLEMS_MAX)
		return;
	q = ARENA_NEW(p->arena, struct conf_problem);
	if (q == NULL)
		return;
	n = vsnprintf(what, sizeof(what), fmt, ap);
	if (n < 0)
		n = 0;
	if ((size_t)n >= sizeof(what))
		n = (int)sizeof(what) - 1;
	q->file = arena_str(p->arena, where->file);
	q->line = where->line;
	if (str_present(where->path))
		q->path = arena_str(p->arena, where->path);
	q->what = arena_str(p->arena, str_of(what, (size_t)n));
	q->is_warning = is_warning;
	if (p->last != NULL)
		p->last->next = q;
	else
		p->first = q;
	p->last = q;
	p->n++;
}

void
conf_problem_add(struct conf_problems *p, const struct conf_where *where,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, where, false, fmt, ap);
	va_end(ap);
}

void
conf_warning_add(struct conf_problems *p, const struct conf_where *where,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(p, where, true, fmt, ap);
	va_end(ap);
}

static bool
is_before(const struct conf_problem *a, const struct conf_problem *b)
{
	int c = str_cmp(a->file, b->file);

	return c < 0 || (c == 0 && a->line < b->line);
}

void
conf_problems_sort(struct conf_problems *p)
{
	struct conf_problem *rest = p->first;

	p->first = p->last = NULL;
	while (rest != NULL) {
		struct conf_problem *q = rest;
		struct conf_problem **at = &p->first;

		rest = q->next;
		while (*at != NULL && !is_before(q, *at))
			at = &(*at)->next;
		q->next = *at;
		*at = q;
		if (q->next == NULL)
			p->last = q;
	}
}

/* Text of a file may hold anything; a terminal or a log must not obey it. */
static void
add_clean(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_addc(b, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
}

static void
add_line(struct buf *b, const struct conf_problem *q)
{
	if (q->file.n > 0) {
		add_clean(b, q->file);
		buf_addz(b, ":");
	}
	if (q->line > 0)
		buf_printf(b, "%u:", (unsigned)q->line);
	if (b->n > 0)
		buf_addc(b, ' ');
	if (q->path.n > 0) {
		add_clean(b, q->path);
		buf_addz(b, ": ");
	}
	if (q->is_warning)
		buf_addz(b, "warning: ");
	add_clean(b, q->what);
}

void
conf_problems_print(const struct conf_problems *p, FILE *to)
{
	uint32_t total = p->n_errors + p->n_warnings;
	struct buf b;

	buf_init(&b, 64 * 1024);
	for (const struct conf_problem *q = p->first; q != NULL; q = q->next) {
		buf_reset(&b);
		add_line(&b, q);
		(void)fprintf(to, "%.*s\n", STR_ARG(buf_str(&b)));
	}
	buf_fini(&b);
	if (total > p->n)
		(void)fprintf(
		    to, "... and %u more\n", (unsigned)(total - p->n));
}

void
conf_problems_print_json(const struct conf_problems *p, FILE *to)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, 4 * 1024 * 1024);
	json_out_init(&o, &b);
	json_out_arr(&o);
	for (const struct conf_problem *q = p->first; q != NULL; q = q->next) {
		json_out_obj(&o);
		json_out_kv_str(&o, "file", q->file);
		json_out_kv_i64(&o, "line", q->line);
		json_out_kv_str(
		    &o, "path", str_present(q->path) ? q->path : STR(""));
		json_out_kv_str(&o, "what", q->what);
		json_out_kv_bool(&o, "warning", q->is_warning);
		json_out_end(&o);
	}
	json_out_end(&o);
	(void)fprintf(to, "%.*s", STR_ARG(b.failed ? STR("[]") : buf_str(&b)));
	buf_fini(&b);
}

struct str
conf_problems_first(const struct conf_problems *p, struct arena *a)
{
	struct str line = { NULL, 0 };
	struct buf b;

	for (const struct conf_problem *q = p->first; q != NULL; q = q->next) {
		if (q->is_warning)
			continue;
		buf_init(&b, 64 * 1024);
		add_line(&b, q);
		line = arena_str(a, buf_str(&b));
		buf_fini(&b);
		break;
	}
	return line;
}
