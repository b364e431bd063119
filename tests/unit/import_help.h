#ifndef TESTS_UNIT_IMPORT_HELP_H
#define TESTS_UNIT_IMPORT_HELP_H
/* A price list of others, read. */
#include <stdio.h>

#include "check.h"

#include "base/buf.h"
#include "meter/import.h"

struct imported {
	bool with_free;
	struct arena *arena;
	struct buf text;
	struct meter_import out;
	enum err err;
};

static inline void
import_text(struct imported *r, const char *format, const char *text)
{
	const struct meter_import_options o = { .today = STR("2026-11-21"),
		.with_free = r->with_free };

	r->arena = arena_new((size_t)256 * 1024 * 1024);
	assert_non_null(r->arena);
	r->err =
	    meter_import(str_z(format), str_z(text), &o, r->arena, &r->out);
	/* what comes of it may be stored as it is */
	for (size_t i = 0; r->err == ERR_OK && i < r->out.n; i++) {
		assert_null(price_row_wrong(&r->out.rows[i]));
		assert_true(i == 0 || price_row_cmp(&r->out.rows[i - 1],
					  &r->out.rows[i]) < 0);
	}
}

static inline void
import_done(struct imported *r)
{
	arena_free(r->arena);
	buf_fini(&r->text);
	*r = (struct imported){ 0 };
}

/* False: there is no such file. */
static inline bool
import_file(struct imported *r, const char *format, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *room;
	size_t n;

	*r = (struct imported){ 0 };
	if (f == NULL)
		return false;
	buf_init(&r->text, (size_t)64 * 1024 * 1024);
	while ((room = buf_room(&r->text, 65536)) != NULL &&
	       (n = fread(room, 1, 65536, f)) > 0)
		r->text.n += n;
	assert_int_equal(fclose(f), 0);
	buf_addc(&r->text, '\0');
	assert_false(r->text.failed);
	import_text(r, format, r->text.p);
	return true;
}

/* The row; fails when it is not there. */
static inline const struct price_row *
import_row(const struct imported *r, const char *provider, const char *model,
    int64_t above, bool is_batch)
{
	static struct price_row none;

	for (size_t i = 0; i < r->out.n; i++) {
		const struct price_row *row = &r->out.rows[i];

		if (str_eqz(row->provider, provider) &&
		    str_eqz(row->model, model) && row->above == above &&
		    row->is_batch == is_batch)
			return row;
	}
	price_row_init(&none);
	fail_msg("no row %s %s %lld", provider, model, (long long)above);
	return &none;
}

#endif
