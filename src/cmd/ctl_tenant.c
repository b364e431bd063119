/* llmgwctl tenant */
#include "cmd/ctl_people.h"

#include "sys/zone.h"

static struct {
	const char *title;
	const char *timezone;
	const char *residency;
} o;

static const struct opt_row options[] = {
	{ .name = "title",
	    .type = OPT_TEXT,
	    .value = &o.title,
	    .arg = "TEXT",
	    .help = "What people call it." },
	{ .name = "timezone",
	    .type = OPT_TEXT,
	    .value = &o.timezone,
	    .arg = "ZONE",
	    .help = "Of its days, months and hours: Europe/Berlin; UTC when "
		    "nothing was ever said." },
	{ .name = "residency",
	    .type = OPT_TEXT,
	    .value = &o.residency,
	    .arg = "TAGS",
	    .help = "Where its data may be worked on: tags of targets or "
		    "providers, with commas between; one of them must be "
		    "there. Empty: anywhere." },
	{ 0 },
};

static const char *const columns[] = { "id", "name", "title", "timezone",
	"residency", "is_blocked", "created", "changed", NULL };

static void
put(struct ctl *c, const struct store_tenant *t)
{
	ctl_put_int(c, t->id);
	ctl_put_text(c, t->name);
	ctl_put_text(c, t->title);
	ctl_put_text(c, t->timezone);
	ctl_put_words(c, t->residency);
	ctl_put_bool(c, t->is_blocked);
	ctl_put_time(c, t->created);
	ctl_put_time(c, t->changed);
}

/* ---- changes ------------------------------------------------------------- */

struct change {
	struct ctl *c;
	const char *action;
	struct store_tenant t;
};

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_tenant copy = ch->t, *t = &copy;
	const struct ctl_pair detail[] = { { "name", t->name },
		{ "title", t->title }, { "timezone", t->timezone },
		{ "residency", t->residency },
		{ "is_blocked", t->is_blocked ? STR("yes") : STR("no") },
		{ 0 } };
	enum err e;

	if (t->id == 0)
		e = ctl_added(ch->c, store_tenant_add(s, t), "tenant", t->name);
	else
		e = ctl_was_set(
		    ch->c, store_tenant_set(s, t), "tenant", t->name);
	if (e == ERR_OK)
		e = ctl_act(ch->c, ch->action, "tenant", t->id, t->id,
		    ctl_detail(ch->c, detail));
	if (e == ERR_OK)
		ch->t = copy;
	return e;
}

static int
change(struct ctl *c, const char *action, const struct store_tenant *t,
    const char *done)
{
	struct change ch = { c, action, *t };
	int status = ctl_change(c, apply, &ch);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &ch.t);
	return ctl_done(c, "tenant '%.*s' %s", STR_ARG(t->name), done);
}

static int
read_options(struct ctl *c, struct store_tenant *t)
{
	const struct zone *zone;
	int status = ctl_title(c, "title", o.title);

	if (status == CTL_OK && o.timezone != NULL &&
	    zone_find(str_z(o.timezone), &zone) != ERR_OK)
		status = ctl_fail(c,
		    "--timezone: '%s' is not in " ZONE_DIR " (Europe/Berlin)",
		    o.timezone);
	if (status == CTL_OK && o.residency != NULL)
		status = ctl_words(
		    c, "tag", o.residency, ctl_is_word, &t->residency);
	if (o.title != NULL)
		t->title = str_z(o.title);
	if (o.timezone != NULL)
		t->timezone = str_z(o.timezone);
	return status;
}

static int
run_create(struct ctl *c)
{
	struct store_tenant t = {
		.name = ctl_operand(c, 0),
		.title = STR(""),
		.timezone = STR("UTC"),
		.residency = STR(""),
	};
	int status = read_options(c, &t);

	if (status != CTL_OK)
		return status;
	if (!store_name_valid(t.name))
		return ctl_fail(c,
		    "'%.*s' is not a name: 1 to 64 letters, digits and "
		    "._-@+, the first a letter or a digit",
		    STR_ARG(t.name));
	return change(c, "tenant.create", &t, "is there");
}

static int
run_set(struct ctl *c)
{
	struct store_tenant t;
	int status = ctl_find_tenant(c, c->operands[0], &t);

	if (status == CTL_OK && !o.title && !o.timezone && !o.residency)
		return ctl_nothing(c);
	if (status == CTL_OK)
		status = read_options(c, &t);
	return status == CTL_OK ? change(c, "tenant.set", &t, "is changed")
				: status;
}

static int
set_blocked(struct ctl *c, bool is_blocked)
{
	struct store_tenant t;
	int status = ctl_find_tenant(c, c->operands[0], &t);

	if (status != CTL_OK)
		return status;
	t.is_blocked = is_blocked;
	return change(c, is_blocked ? "tenant.block" : "tenant.unblock", &t,
	    is_blocked ? "is blocked" : "is not blocked");
}

static int
run_block(struct ctl *c)
{
	return set_blocked(c, true);
}

static int
run_unblock(struct ctl *c)
{
	return set_blocked(c, false);
}

/* ---- looking ------------------------------------------------------------- */

static enum err
on_tenant(void *arg, const struct store_tenant *t)
{
	put(arg, t);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	enum err e;

	ctl_list_begin(c, columns);
	e = store_tenant_each(c->store, on_tenant, c);
	return e == ERR_OK ? ctl_list_end(c) : ctl_store_fail(c, e);
}

static int
run_show(struct ctl *c)
{
	struct store_tenant t;
	int status = ctl_find_tenant(c, c->operands[0], &t);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &t);
	return ctl_record_end(c);
}

#define ROW(v, operand, n, f, opts)                                            \
	.group = "tenant", .verb = v, .operands = operand, .min = n, .max = n, \
	.flags = CTL_STORE | (f), .options = opts

const struct ctl_command ctl_tenant_commands[] = {
	{ ROW("create", "NAME", 1, CTL_CHANGES, options),
	    .help = "make a tenant",
	    .more = "All people, keys and rules lie in one. A client may use "
		    "no model until a grant says so.",
	    .run = run_create },
	{ ROW("list", "", 0, 0, NULL), .help = "list the tenants",
	    .run = run_list },
	{ ROW("show", "NAME", 1, 0, NULL), .help = "show a tenant",
	    .run = run_show },
	{ ROW("set", "NAME", 1, CTL_CHANGES, options),
	    .help = "change what the options say", .run = run_set },
	{ ROW("block", "NAME", 1, CTL_CHANGES, NULL),
	    .help = "refuse all of its clients, within a second",
	    .more = "Nothing is deleted: the history keeps its names.",
	    .run = run_block },
	{ ROW("unblock", "NAME", 1, CTL_CHANGES, NULL),
	    .help = "let its clients in again", .run = run_unblock },
	{ 0 },
};
