/* llmgwctl tenant */
#include "cmd/ctl_named.h"

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
put(struct ctl *c, const union ctl_named *it)
{
	const struct store_tenant *t = &it->tenant;

	ctl_put_int(c, t->id);
	ctl_put_text(c, t->name);
	ctl_put_text(c, t->title);
	ctl_put_text(c, t->timezone);
	ctl_put_words(c, t->residency);
	ctl_put_bool(c, t->is_blocked);
	ctl_put_time(c, t->created);
	ctl_put_time(c, t->changed);
}

static int
find(struct ctl *c, union ctl_named *it)
{
	return ctl_find_tenant(c, c->operands[0], &it->tenant);
}

static struct ctl_facts
facts(union ctl_named *it)
{
	struct store_tenant *t = &it->tenant;

	return (struct ctl_facts){ t->id, t->id, t->name, &t->is_blocked };
}

static struct str
detail(struct ctl *c, const union ctl_named *it)
{
	const struct store_tenant *t = &it->tenant;
	const struct ctl_pair pairs[] = { { "name", t->name },
		{ "title", t->title }, { "timezone", t->timezone },
		{ "residency", t->residency },
		{ "is_blocked", t->is_blocked ? STR("yes") : STR("no") },
		{ 0 } };

	return ctl_detail(c, pairs);
}

static enum err
add(struct store *s, union ctl_named *it)
{
	return store_tenant_add(s, &it->tenant);
}

static enum err
set(struct store *s, union ctl_named *it)
{
	return store_tenant_set(s, &it->tenant);
}

static const struct ctl_sort sort = { columns, put, find, facts, detail, add,
	set };

/* ---- changes ------------------------------------------------------------- */

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
	union ctl_named it = { .tenant = {
				   .name = ctl_operand(c, 0),
				   .title = STR(""),
				   .timezone = STR("UTC"),
				   .residency = STR(""),
			       } };
	int status = read_options(c, &it.tenant);

	if (status == CTL_OK)
		status = ctl_name(c, it.tenant.name);
	return status == CTL_OK ? ctl_named_change(c, &sort, &it, "is there")
				: status;
}

static int
run_set(struct ctl *c)
{
	union ctl_named it;
	int status = find(c, &it);

	if (status == CTL_OK && !o.title && !o.timezone && !o.residency)
		return ctl_nothing(c);
	if (status == CTL_OK)
		status = read_options(c, &it.tenant);
	return status == CTL_OK ? ctl_named_change(c, &sort, &it, "is changed")
				: status;
}

static int
run_block(struct ctl *c)
{
	return ctl_named_block(c, &sort, true);
}

static int
run_unblock(struct ctl *c)
{
	return ctl_named_block(c, &sort, false);
}

/* ---- looking ------------------------------------------------------------- */

static enum err
on_tenant(void *arg, const struct store_tenant *t)
{
	const union ctl_named it = { .tenant = *t };

	put(arg, &it);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	ctl_list_begin(c, columns);
	return ctl_list_read(c, store_tenant_each(c->store, on_tenant, c));
}

static int
run_show(struct ctl *c)
{
	return ctl_named_show(c, &sort);
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
