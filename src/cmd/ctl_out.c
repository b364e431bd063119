/* What llmgwctl says: lists, records, sentences; for people or as JSON. */
#include "cmd/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json_out.h"
#include "base/secret.h"
#include "cmd/ctl_int.h"

#define SENTENCE_MAX 2048
/* One row as JSON; texts in the database are far shorter. */
#define ROW_MAX ((size_t)4 * 1024 * 1024)
#define CELL_SHOWN 60 /* a column of a table is not made wider */

enum cell_sort {
	CELL_NULL,
	CELL_TEXT,
	CELL_INT,
	CELL_BOOL,
	CELL_TIME,
	CELL_WORDS,
	CELL_USD,
	CELL_RAW,
};

struct cell {
	enum cell_sort sort;
	struct str text;
	int64_t i;
};

struct ctl_out {
	const char *const *columns;
	unsigned n_columns;
	struct cell *cells;
	size_t n_cells, cap_cells;
	bool has_failed;
};

int
ctl_flushed(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(
		    stderr, "llmgwctl: cannot write: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	return status;
}

/* ---- sentences ----------------------------------------------------------- */

/* Names come from web servers and tokens: no bytes that a terminal obeys. */
static void
print_plain(struct str s, FILE *to)
{
	for (size_t i = 0; i < s.n; i++)
		(void)fputc((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f
				? '?'
				: s.p[i],
		    to);
}

static void
say(FILE *to, const char *text)
{
	(void)fputs("llmgwctl: ", to);
	print_plain(str_z(text), to);
	(void)fputc('\n', to);
}

static void
print_buf(struct buf *b)
{
	if (b->failed)
		(void)fputs(
		    "{\"error\":{\"message\":\"out of memory\"}}", stdout);
	else
		(void)fwrite(b->p, 1, b->n, stdout);
}

int
ctl_fail(struct ctl *c, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	struct json_out o;
	struct buf b;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(stderr, text);
	if (!c->is_json)
		return CTL_FAILED;
	buf_init(&b, ROW_MAX);
	json_out_init(&o, &b);
	json_out_obj(&o);
	json_out_key(&o, "error");
	json_out_obj(&o);
	json_out_key(&o, "message");
	json_out_strz(&o, text);
	json_out_end(&o);
	json_out_end(&o);
	print_buf(&b);
	(void)fputc('\n', stdout);
	buf_fini(&b);
	return ctl_flushed(CTL_FAILED);
}

int
ctl_nomem(struct ctl *c)
{
	return ctl_fail(c, "out of memory");
}

void
ctl_note(const struct ctl *c, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	(void)c;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(stderr, text);
}

/* ---- cells --------------------------------------------------------------- */

static void
begin(struct ctl *c, const char *const *columns)
{
	struct ctl_out *o = c->out;

	if (o == NULL)
		o = c->out = ARENA_NEW(c->arena, struct ctl_out);
	if (o == NULL)
		return;
	o->columns = columns;
	o->n_columns = 0;
	o->n_cells = 0;
	while (columns[o->n_columns] != NULL)
		o->n_columns++;
}

static void
put(struct ctl *c, struct cell cell)
{
	struct ctl_out *o = c->out;

	if (o == NULL)
		return;
	if (o->n_cells == o->cap_cells) {
		size_t cap = o->cap_cells > 0 ? 2 * o->cap_cells : 64;
		struct cell *p = arena_resize(c->arena, o->cells,
		    o->cap_cells * sizeof(*p), cap * sizeof(*p));

		if (p == NULL) {
			o->has_failed = true;
			return;
		}
		o->cells = p;
		o->cap_cells = cap;
	}
	o->cells[o->n_cells++] = cell;
}

static void
put_copy(struct ctl *c, enum cell_sort sort, struct str s)
{
	struct cell cell = { .sort = str_present(s) ? sort : CELL_NULL };

	if (str_present(s)) {
		cell.text = arena_str(c->arena, s);
		if (!str_present(cell.text) && c->out != NULL)
			c->out->has_failed = true;
	}
	put(c, cell);
}

void
ctl_put_text(struct ctl *c, struct str s)
{
	put_copy(c, CELL_TEXT, s);
}

void
ctl_put_secret(struct ctl *c, struct str s)
{
	put(c, (struct cell){ .sort = CELL_TEXT, .text = s });
}

void
ctl_put_words(struct ctl *c, struct str words)
{
	put_copy(c, CELL_WORDS, words);
}

void
ctl_put_raw(struct ctl *c, struct str json)
{
	put_copy(c, CELL_RAW, json);
}

void
ctl_put_int(struct ctl *c, int64_t v)
{
	put(c, (struct cell){ .sort = CELL_INT, .i = v });
}

void
ctl_put_bool(struct ctl *c, bool v)
{
	put(c, (struct cell){ .sort = CELL_BOOL, .i = v });
}

void
ctl_put_null(struct ctl *c)
{
	put(c, (struct cell){ .sort = CELL_NULL });
}

void
ctl_put_time(struct ctl *c, usec_t wall)
{
	put(c, (struct cell){
		   .sort = wall > 0 ? CELL_TIME : CELL_NULL, .i = wall });
}

void
ctl_put_usd(struct ctl *c, int64_t nanousd)
{
	put(c, (struct cell){ .sort = CELL_USD, .i = nanousd });
}

/* ---- JSON ---------------------------------------------------------------- */

/* Exactly, with two to nine digits after the point. */
static struct str
usd_text(int64_t nanousd, char out[40])
{
	uint64_t n = nanousd < 0 ? 0 - (uint64_t)nanousd : (uint64_t)nanousd;
	int len = snprintf(out, 40, "%s%llu.%09llu", nanousd < 0 ? "-" : "",
	    (unsigned long long)(n / 1000000000),
	    (unsigned long long)(n % 1000000000));

	for (int kept = 9; kept > 2 && out[len - 1] == '0'; kept--)
		len--;
	return str_of(out, (size_t)len);
}

static void
json_words(struct json_out *o, struct str rest)
{
	json_out_arr(o);
	while (str_present(rest)) {
		struct str word = str_cut(&rest, ' ');

		if (word.n > 0)
			json_out_str(o, word);
	}
	json_out_end(o);
}

static void
json_cell(struct json_out *o, const struct cell *cell)
{
	char text[40];

	switch (cell->sort) {
	case CELL_NULL:
		json_out_null(o);
		break;
	case CELL_TEXT:
		json_out_str(o, cell->text);
		break;
	case CELL_INT:
		json_out_i64(o, cell->i);
		break;
	case CELL_BOOL:
		json_out_bool(o, cell->i != 0);
		break;
	case CELL_TIME:
		clock_iso(cell->i, text);
		json_out_strz(o, text);
		break;
	case CELL_WORDS:
		json_words(o, cell->text);
		break;
	case CELL_USD:
		json_out_raw(o, usd_text(cell->i, text));
		break;
	case CELL_RAW:
		json_out_raw(o, cell->text);
		break;
	}
}

/* One row at a time: a list may be long. */
static void
json_row(const struct ctl_out *out, size_t first, struct buf *b)
{
	struct json_out o;

	buf_reset(b);
	json_out_init(&o, b);
	json_out_obj(&o);
	for (unsigned i = 0; i < out->n_columns; i++) {
		json_out_key(&o, out->columns[i]);
		json_cell(&o, &out->cells[first + i]);
	}
	json_out_end(&o);
	print_buf(b);
}

static void
print_json(const struct ctl_out *out, bool is_list)
{
	struct buf b;

	buf_init(&b, ROW_MAX);
	if (is_list)
		(void)fputc('[', stdout);
	for (size_t i = 0; i < out->n_cells; i += out->n_columns) {
		if (i > 0)
			(void)fputs(",\n", stdout);
		json_row(out, i, &b);
	}
	(void)fputs(is_list ? "]\n" : "\n", stdout);
	/* A new key may have passed through. */
	if (b.p != NULL)
		secret_wipe(b.p, b.cap);
	buf_fini(&b);
}

/* ---- for people ---------------------------------------------------------- */

static struct str
cell_text(const struct cell *cell, char text[40])
{
	char iso[CLOCK_ISO_SIZE];

	switch (cell->sort) {
	case CELL_NULL:
		return STR("-");
	case CELL_TEXT:
	case CELL_WORDS:
	case CELL_RAW:
		return cell->text.n > 0 ? cell->text : STR("-");
	case CELL_INT:
		return str_of(text,
		    (size_t)snprintf(text, 40, "%lld", (long long)cell->i));
	case CELL_BOOL:
		return cell->i != 0 ? STR("yes") : STR("no");
	case CELL_TIME:
		clock_iso(cell->i, iso);
		/* To the second: "2026-11-21 10:44:25Z" */
		return str_of(text,
		    (size_t)snprintf(text, 40, "%.10s %.8sZ", iso, iso + 11));
	case CELL_USD:
		return usd_text(cell->i, text);
	}
	return STR("-");
}

/* Characters, not bytes. */
static unsigned
width_of(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool
is_number(const struct cell *cell)
{
	return cell->sort == CELL_INT || cell->sort == CELL_USD;
}

static void
print_cell(struct str s, unsigned width, bool is_right, bool is_last)
{
	unsigned n = width_of(s), pad = n < width ? width - n : 0;

	if (is_right)
		(void)printf("%*s", (int)pad, "");
	print_plain(s, stdout);
	if (!is_right && !is_last)
		(void)printf("%*s", (int)pad, "");
	(void)fputs(is_last ? "\n" : "  ", stdout);
}

static void
print_heads(const struct ctl_out *out, const unsigned *width)
{
	for (unsigned i = 0; i < out->n_columns; i++) {
		char head[40];
		size_t n = strlen(out->columns[i]);
		bool is_right = out->n_cells > i && is_number(&out->cells[i]);

		if (n >= sizeof(head))
			n = sizeof(head) - 1;
		for (size_t k = 0; k < n; k++)
			head[k] = out->columns[i][k] == '_'
				      ? ' '
				      : (char)toupper(
					    (unsigned char)out->columns[i][k]);
		print_cell(str_of(head, n), width[i], is_right,
		    i + 1 == out->n_columns);
	}
}

static void
print_table(const struct ctl_out *out)
{
	unsigned width[CTL_COLUMNS_MAX];
	char text[40];

	for (unsigned i = 0; i < out->n_columns; i++)
		width[i] = (unsigned)strlen(out->columns[i]);
	for (size_t i = 0; i < out->n_cells; i++) {
		unsigned n = width_of(cell_text(&out->cells[i], text));
		unsigned *w = &width[i % out->n_columns];

		if (n > CELL_SHOWN)
			n = CELL_SHOWN;
		if (n > *w)
			*w = n;
	}
	print_heads(out, width);
	for (size_t i = 0; i < out->n_cells; i++) {
		unsigned column = (unsigned)(i % out->n_columns);

		print_cell(cell_text(&out->cells[i], text), width[column],
		    is_number(&out->cells[i]), column + 1 == out->n_columns);
	}
}

static void
print_record(const struct ctl_out *out)
{
	char text[40];

	for (unsigned i = 0; i < out->n_columns; i++) {
		for (const char *p = out->columns[i]; *p != '\0'; p++)
			(void)fputc(*p == '_' ? ' ' : *p, stdout);
		(void)fputs(": ", stdout);
		print_plain(cell_text(&out->cells[i], text), stdout);
		(void)fputc('\n', stdout);
	}
}

/* ---- begin and end ------------------------------------------------------- */

void
ctl_list_begin(struct ctl *c, const char *const *columns)
{
	begin(c, columns);
}

void
ctl_record_begin(struct ctl *c, const char *const *columns)
{
	begin(c, columns);
}

static bool
is_whole(const struct ctl *c)
{
	const struct ctl_out *o = c->out;

	if (o == NULL || o->has_failed)
		return false;
	/* A command that puts more or fewer is wrong. */
	ASSERT(o->n_columns > 0 && o->n_columns <= CTL_COLUMNS_MAX &&
	       o->n_cells % o->n_columns == 0);
	return true;
}

int
ctl_list_end(struct ctl *c)
{
	if (!is_whole(c))
		return ctl_nomem(c);
	if (c->is_json)
		print_json(c->out, true);
	else
		print_table(c->out);
	return ctl_flushed(CTL_OK);
}

int
ctl_record_end(struct ctl *c)
{
	if (!is_whole(c))
		return ctl_nomem(c);
	ASSERT(c->out->n_cells == c->out->n_columns);
	if (c->is_json)
		print_json(c->out, false);
	else
		print_record(c->out);
	return ctl_flushed(CTL_OK);
}

int
ctl_done(struct ctl *c, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	if (c->is_json)
		return ctl_record_end(c);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_plain(str_z(text), stdout);
	(void)fputc('\n', stdout);
	return ctl_flushed(CTL_OK);
}
