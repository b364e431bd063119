/* llmgwctl secret: adding, replacing, ending and removing sealed keys. */
#include "cmd/ctl_secret.h"

#include "base/num.h"

#define NAME_MAX_BYTES 64

/* A key for a provider that is not there is asked of nobody. */
static void
look_for_provider(struct ctl *c, struct str name)
{
	struct conf_problems problems;
	struct conf *conf = NULL;

	conf_problems_init(&problems, c->arena);
	if (name.n == 0 ||
	    conf_prices_read(c->config_file, &conf, &problems) != ERR_OK)
		return;
	for (uint32_t i = 0; i < conf->n_providers; i++) {
		if (!str_eq(conf->providers[i].name, name))
			continue;
		conf_unref(conf);
		return;
	}
	ctl_note(
	    c, "%s has no provider '%.*s' yet", c->config_file, STR_ARG(name));
	conf_unref(conf);
}

/* Letters, digits and . _ - */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char b = s.p[i];

		if (!((b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') ||
			(b >= '0' && b <= '9') || b == '.' || b == '_' ||
			b == '-'))
			return false;
	}
	return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

static int
take_duration(struct ctl *c, const char *option, const char *text, usec_t *out)
{
	if (num_parse_duration(str_z(text), out) == ERR_OK && *out >= 0)
		return CTL_OK;
	return ctl_fail(
	    c, "--%s must be a duration such as 30m, 12h or 7d", option);
}

/* ---- add ----------------------------------------------------------------- */

static enum err
do_add(struct store *s, void *arg)
{
	struct ctl_secret_work *w = arg;
	enum err e =
	    store_secret_add(s, &w->masters, &w->fresh, w->now, &w->id);

	if (e == ERR_DENIED) {
		(void)ctl_fail(w->c,
		    "there is a secret '%s' already; llmgwctl secret rotate "
		    "gives it another key",
		    w->c->operands[0]);
		return ERR_UNSUPPORTED;
	}
	return e == ERR_OK
		   ? ctl_secret_act(w, "secret.create", w->fresh.name, w->id)
		   : e;
}

static int
take_new(struct ctl_secret_work *w, const struct ctl_secret_given *given)
{
	struct ctl *c = w->c;
	usec_t in, length = 0;

	w->fresh.name = ctl_operand(c, 0);
	w->fresh.provider = str_z(given->provider);
	w->fresh.weight = given->weight;
	if (!is_name(w->fresh.name) ||
	    (given->provider[0] && !is_name(w->fresh.provider)))
		return ctl_fail(c,
		    "a name has 1 to %d letters, digits and . _ -",
		    NAME_MAX_BYTES);
	if (take_duration(c, "in", given->in, &in) != CTL_OK ||
	    (given->length &&
		take_duration(c, "for", given->length, &length) != CTL_OK))
		return CTL_FAILED;
	if (given->length && length == 0)
		return ctl_fail(
		    c, "--for: '%s' would be over at once", given->length);
	w->fresh.not_before = in > 0 ? w->now + in : 0;
	w->until = w->fresh.not_after =
	    given->length ? w->now + in + length : 0;
	return CTL_OK;
}

static int
said(struct ctl_secret_work *w, struct str name, const char *what)
{
	static const char *const columns[] = { "id", "name", NULL };
	struct ctl *c = w->c;

	ctl_record_begin(c, columns);
	ctl_put_int(c, w->id);
	ctl_put_text(c, name);
	return ctl_done(c, "secret %.*s: %s", STR_ARG(name), what);
}

int
ctl_secret_add(struct ctl *c, const struct ctl_secret_given *given)
{
	struct ctl_secret_work w = { .c = c, .now = clock_wall() };
	int status = take_new(&w, given);

	if (status == CTL_OK)
		status = ctl_secret_take_masters(&w);
	if (status == CTL_OK)
		status = ctl_secret_take_plain(&w);
	if (status == CTL_OK)
		status = ctl_change(c, do_add, &w);
	if (status == CTL_OK)
		look_for_provider(c, w.fresh.provider);
	if (status == CTL_OK)
		status = said(&w, w.fresh.name,
		    "sealed; it can be used, but not be shown again");
	return ctl_secret_end(&w, status);
}

/* ---- rotate, retire, remove ------------------------------------------------ */

static enum err
do_rotate(struct store *s, void *arg)
{
	struct ctl_secret_work *w = arg;
	enum err e = store_secret_rotate(s, &w->masters, &w->old,
	    w->fresh.plain, w->fresh.not_before, w->until, w->now, &w->id);

	return e == ERR_OK
		   ? ctl_secret_act(w, "secret.rotate", w->old.name, w->id)
		   : e;
}

int
ctl_secret_rotate(struct ctl *c, const struct ctl_secret_given *given)
{
	struct ctl_secret_work w = { .c = c, .now = clock_wall() };
	usec_t in = 0, grace = 0;
	int status = ctl_secret_find(&w);

	if (status == CTL_OK && !is_name(w.old.name))
		status = ctl_fail(c,
		    "'%s' was replaced already; rotate the one that took its "
		    "place",
		    c->operands[0]);
	if (status == CTL_OK)
		status = take_duration(c, "in", given->in, &in);
	if (status == CTL_OK)
		status = take_duration(c, "grace", given->grace, &grace);
	if (status == CTL_OK)
		status = ctl_secret_take_masters(&w);
	if (status == CTL_OK)
		status = ctl_secret_take_plain(&w);
	w.fresh.not_before = in > 0 ? w.now + in : 0;
	w.until = w.now + in + grace;
	if (status == CTL_OK)
		status = ctl_change(c, do_rotate, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name,
		    "rotated; the key before it is used beside the new one "
		    "until its time is over");
	return ctl_secret_end(&w, status);
}

static enum err
do_retire(struct store *s, void *arg)
{
	struct ctl_secret_work *w = arg;
	enum err e = store_secret_retire(s, w->old.id, w->until, w->now);

	return e == ERR_OK
		   ? ctl_secret_act(w, "secret.retire", w->old.name, w->old.id)
		   : e;
}

int
ctl_secret_retire(struct ctl *c, const struct ctl_secret_given *given)
{
	struct ctl_secret_work w = { .c = c, .now = clock_wall() };
	usec_t in = 0;
	int status = ctl_secret_find(&w);

	if (status == CTL_OK)
		status = take_duration(c, "in", given->in, &in);
	w.until = w.now + in;
	w.id = w.old.id;
	if (status == CTL_OK)
		status = ctl_change(c, do_retire, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name, "its time has an end now");
	return ctl_secret_end(&w, status);
}

/* Workers read all secrets anew, which has what is out tried (route/keys.h). */
static enum err
do_enable(struct store *s, void *arg)
{
	struct ctl_secret_work *w = arg;

	(void)s;
	return ctl_secret_act(w, "secret.enable", w->old.name, w->old.id);
}

int
ctl_secret_enable(struct ctl *c)
{
	struct ctl_secret_work w = { .c = c, .now = clock_wall() };
	int status = ctl_secret_find(&w);

	if (status == CTL_OK && w.old.not_after > 0 && w.now >= w.old.not_after)
		status = ctl_fail(c,
		    "the time of '%.*s' is over; llmgwctl secret rotate or "
		    "add brings a new key",
		    STR_ARG(w.old.name));
	w.id = w.old.id;
	if (status == CTL_OK)
		status = ctl_change(c, do_enable, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name,
		    "the next request that may use it tries it; llmgwctl "
		    "secret list shows when it was accepted");
	return ctl_secret_end(&w, status);
}

static enum err
do_remove(struct store *s, void *arg)
{
	struct ctl_secret_work *w = arg;
	enum err e = store_secret_remove(s, w->old.id);

	return e == ERR_OK
		   ? ctl_secret_act(w, "secret.remove", w->old.name, w->old.id)
		   : e;
}

int
ctl_secret_remove(struct ctl *c)
{
	struct ctl_secret_work w = { .c = c, .now = clock_wall() };
	int status = ctl_secret_find(&w);

	w.id = w.old.id;
	if (status == CTL_OK)
		status = ctl_change(c, do_remove, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name, "removed");
	return ctl_secret_end(&w, status);
}
