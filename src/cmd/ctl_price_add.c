/* A new version of the database's prices, in one transaction with its audit. */
#include "cmd/ctl_price.h"

#include "store/price.h"

static enum err
do_add(struct store *s, void *arg)
{
	struct ctl_price_adding *a = arg;
	struct ctl *c = a->c;
	struct str note = str_z(a->note != NULL ? a->note : "");
	enum err e = store_price_add(
	    s, a->source, note, a->rows, a->n, &a->id, &a->is_new);
	const struct ctl_pair pairs[] = { { "source", str_z(a->source) },
		{ "note", note },
		{ "rows", arena_printf(c->arena, "%zu", a->n) },
		{ "provider",
		    a->n == 1 ? a->rows[0].provider : (struct str){ 0 } },
		{ "model", a->n == 1 ? a->rows[0].model : (struct str){ 0 } },
		{ .name = NULL } };

	if (e == ERR_RANGE) {
		(void)ctl_fail(c, "nothing to store, or too much of it");
		return ERR_UNSUPPORTED;
	}
	if (e != ERR_OK || !a->is_new)
		return e;
	return ctl_act(c, a->action, "price", a->id, 0, ctl_detail(c, pairs));
}

int
ctl_price_add(struct ctl_price_adding *a)
{
	static const char *const columns[] = { "version", "is_new", "rows",
		NULL };
	int status = ctl_change(a->c, do_add, a);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(a->c, columns);
	ctl_put_int(a->c, a->id);
	ctl_put_bool(a->c, a->is_new);
	ctl_put_int(a->c, (int64_t)a->n);
	return a->is_new ? ctl_done(a->c,
			       "price version %lld: %zu row%s; workers take it "
			       "within a second or so",
			       (long long)a->id, a->n, a->n == 1 ? "" : "s")
			 : ctl_done(a->c,
			       "nothing changed: version %lld has the same "
			       "rows",
			       (long long)a->id);
}
