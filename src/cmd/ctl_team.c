/* llmgwctl team */
#include "cmd/ctl_people.h"

static struct {
	const char *tenant;
	const char *title;
} o;

static const struct opt_row in_tenant[] = { CTL_TENANT_ROW(o.tenant), { 0 } };

static const struct opt_row options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "title",
	    .type = OPT_TEXT,
	    .value = &o.title,
	    .arg = "TEXT",
	    .help = "What people call it." },
	{ 0 },
};

static const char *const columns[] = { "id", "tenant", "name", "title",
	"members", "is_blocked", "created", "changed", NULL };

static void
put(struct ctl *c, const struct store_team *t)
{
	ctl_put_int(c, t->id);
	ctl_put_text(c, t->tenant);
	ctl_put_text(c, t->name);
	ctl_put_text(c, t->title);
	ctl_put_int(c, t->n_members);
	ctl_put_bool(c, t->is_blocked);
	ctl_put_time(c, t->created);
	ctl_put_time(c, t->changed);
}

static int
find(struct ctl *c, struct store_tenant *tenant, struct store_team *t)
{
	int status = ctl_find_tenant(c, o.tenant, tenant);

	return status == CTL_OK ? ctl_find_team(c, tenant, ctl_operand(c, 0), t)
				: status;
}

/* ---- changes ------------------------------------------------------------- */

struct change {
	struct ctl *c;
	const char *action;
	struct store_team t;
};

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_team copy = ch->t, *t = &copy;
	const struct ctl_pair detail[] = { { "name", t->name },
		{ "title", t->title },
		{ "is_blocked", t->is_blocked ? STR("yes") : STR("no") },
		{ 0 } };
	enum err e;

	if (t->id == 0)
		e = ctl_added(ch->c, store_team_add(s, t), "team", t->name);
	else
		e = ctl_was_set(ch->c, store_team_set(s, t), "team", t->name);
	if (e == ERR_OK)
		e = ctl_act(ch->c, ch->action, "team", t->id, t->tenant_id,
		    ctl_detail(ch->c, detail));
	if (e == ERR_OK)
		ch->t = copy;
	return e;
}

static int
change(struct ctl *c, const char *action, const struct store_team *t,
    const char *done)
{
	struct change ch = { c, action, *t };
	int status = ctl_change(c, apply, &ch);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &ch.t);
	return ctl_done(c, "team '%.*s' %s", STR_ARG(t->name), done);
}

static int
run_create(struct ctl *c)
{
	struct store_team t = { .name = ctl_operand(c, 0), .title = STR("") };
	struct store_tenant tenant;
	int status = ctl_find_tenant(c, o.tenant, &tenant);

	if (status == CTL_OK)
		status = ctl_title(c, "title", o.title);
	if (status != CTL_OK)
		return status;
	if (!store_name_valid(t.name))
		return ctl_fail(c,
		    "'%.*s' is not a name: 1 to 64 letters, digits and "
		    "._-@+, the first a letter or a digit",
		    STR_ARG(t.name));
	t.tenant_id = tenant.id;
	t.tenant = tenant.name;
	if (o.title != NULL)
		t.title = str_z(o.title);
	return change(c, "team.create", &t, "is there");
}

static int
run_set(struct ctl *c)
{
	struct store_tenant tenant;
	struct store_team t;
	int status = find(c, &tenant, &t);

	if (status == CTL_OK)
		status = ctl_title(c, "title", o.title);
	if (status != CTL_OK)
		return status;
	if (o.title == NULL)
		return ctl_nothing(c);
	t.title = str_z(o.title);
	return change(c, "team.set", &t, "is changed");
}

static int
set_blocked(struct ctl *c, bool is_blocked)
{
	struct store_tenant tenant;
	struct store_team t;
	int status = find(c, &tenant, &t);

	if (status != CTL_OK)
		return status;
	t.is_blocked = is_blocked;
	return change(c, is_blocked ? "team.block" : "team.unblock", &t,
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

/* ---- members ------------------------------------------------------------- */

struct member {
	struct ctl *c;
	struct store_team team;
	struct store_user user;
	bool is_leaving;
};

/* It is the user's rights that change. */
static enum err
apply_member(struct store *s, void *arg)
{
	struct member *m = arg;
	const struct ctl_pair detail[] = { { "team", m->team.name },
		{ "user", m->user.name }, { 0 } };
	enum err e;

	if (m->is_leaving)
		e = store_team_leave(s, m->team.id, m->user.id);
	else
		e = store_team_join(s, m->team.id, m->user.id);
	if (e == ERR_DENIED || e == ERR_NOT_FOUND) {
		(void)ctl_fail(m->c, "user '%.*s' is %s team '%.*s'",
		    STR_ARG(m->user.name),
		    m->is_leaving ? "not in" : "already in",
		    STR_ARG(m->team.name));
		return ERR_UNSUPPORTED;
	}
	if (e == ERR_OK)
		e = ctl_act(m->c, m->is_leaving ? "team.remove" : "team.add",
		    "user", m->user.id, m->team.tenant_id,
		    ctl_detail(m->c, detail));
	return e;
}

static int
change_member(struct ctl *c, bool is_leaving)
{
	static const char *const names[] = { "team", "user", "is_member",
		NULL };
	struct member m = { .c = c, .is_leaving = is_leaving };
	struct store_tenant tenant;
	int status = find(c, &tenant, &m.team);

	if (status == CTL_OK)
		status = ctl_find_user(c, &tenant, ctl_operand(c, 1), &m.user);
	if (status == CTL_OK)
		status = ctl_change(c, apply_member, &m);
	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, names);
	ctl_put_text(c, m.team.name);
	ctl_put_text(c, m.user.name);
	ctl_put_bool(c, !is_leaving);
	return ctl_done(c, "user '%.*s' is %s team '%.*s'",
	    STR_ARG(m.user.name), is_leaving ? "no longer in" : "in",
	    STR_ARG(m.team.name));
}

static int
run_add(struct ctl *c)
{
	return change_member(c, false);
}

static int
run_remove(struct ctl *c)
{
	return change_member(c, true);
}

/* ---- looking ------------------------------------------------------------- */

static enum err
on_team(void *arg, const struct store_team *t)
{
	put(arg, t);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	struct store_tenant tenant = { 0 };
	int status = CTL_OK;
	enum err e;

	if (o.tenant != NULL)
		status = ctl_find_tenant(c, o.tenant, &tenant);
	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, columns);
	e = store_team_each(c->store, tenant.id, on_team, c);
	return e == ERR_OK ? ctl_list_end(c) : ctl_store_fail(c, e);
}

static int
run_show(struct ctl *c)
{
	struct store_tenant tenant;
	struct store_team t;
	int status = find(c, &tenant, &t);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &t);
	return ctl_record_end(c);
}

#define ROW(v, operand, n, f, opts)                                          \
	.group = "team", .verb = v, .operands = operand, .min = n, .max = n, \
	.flags = CTL_STORE | (f), .options = opts

const struct ctl_command ctl_team_commands[] = {
	{ ROW("create", "NAME", 1, CTL_CHANGES, options),
	    .help = "make a team in a tenant", .run = run_create },
	{ ROW("list", "", 0, 0, in_tenant),
	    .help = "list the teams of a tenant, or of all", .run = run_list },
	{ ROW("show", "NAME", 1, 0, in_tenant), .help = "show a team",
	    .more = "Its members: llmgwctl user list --team NAME.",
	    .run = run_show },
	{ ROW("set", "NAME", 1, CTL_CHANGES, options),
	    .help = "change its title", .run = run_set },
	{ ROW("add", "NAME USER", 2, CTL_CHANGES, in_tenant),
	    .help = "make a user a member of the team", .run = run_add },
	{ ROW("remove", "NAME USER", 2, CTL_CHANGES, in_tenant),
	    .help = "end a user's membership", .run = run_remove },
	{ ROW("block", "NAME", 1, CTL_CHANGES, in_tenant),
	    .help = "refuse the team's keys; its grants and roles end",
	    .run = run_block },
	{ ROW("unblock", "NAME", 1, CTL_CHANGES, in_tenant),
	    .help = "let the team's keys in again", .run = run_unblock },
	{ 0 },
};
