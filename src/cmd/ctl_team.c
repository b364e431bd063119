/* llmgwctl team */
#include "cmd/ctl_named.h"

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
put(struct ctl *c, const union ctl_named *it)
{
	const struct store_team *t = &it->team;

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
find_in(struct ctl *c, struct store_tenant *tenant, struct store_team *t)
{
	int status = ctl_find_tenant(c, o.tenant, tenant);

	return status == CTL_OK ? ctl_find_team(c, tenant, ctl_operand(c, 0), t)
				: status;
}

static int
find(struct ctl *c, union ctl_named *it)
{
	struct store_tenant tenant;

	return find_in(c, &tenant, &it->team);
}

static struct ctl_facts
facts(union ctl_named *it)
{
	struct store_team *t = &it->team;

	return (
	    struct ctl_facts){ t->id, t->tenant_id, t->name, &t->is_blocked };
}

static struct str
detail(struct ctl *c, const union ctl_named *it)
{
	const struct store_team *t = &it->team;
	const struct ctl_pair pairs[] = { { "name", t->name },
		{ "title", t->title },
		{ "is_blocked", t->is_blocked ? STR("yes") : STR("no") },
		{ 0 } };

	return ctl_detail(c, pairs);
}

static enum err
add(struct store *s, union ctl_named *it)
{
	return store_team_add(s, &it->team);
}

static enum err
set(struct store *s, union ctl_named *it)
{
	return store_team_set(s, &it->team);
}

static const struct ctl_sort sort = { columns, put, find, facts, detail, add,
	set };

/* ---- changes ------------------------------------------------------------- */

static int
run_create(struct ctl *c)
{
	union ctl_named it = { .team = { .name = ctl_operand(c, 0),
				   .title = STR("") } };
	struct store_tenant tenant;
	int status = ctl_find_tenant(c, o.tenant, &tenant);

	if (status == CTL_OK)
		status = ctl_title(c, "title", o.title);
	if (status == CTL_OK)
		status = ctl_name(c, it.team.name);
	if (status != CTL_OK)
		return status;
	it.team.tenant_id = tenant.id;
	it.team.tenant = tenant.name;
	if (o.title != NULL)
		it.team.title = str_z(o.title);
	return ctl_named_change(c, &sort, &it, "is there");
}

static int
run_set(struct ctl *c)
{
	union ctl_named it;
	int status = find(c, &it);

	if (status == CTL_OK)
		status = ctl_title(c, "title", o.title);
	if (status != CTL_OK)
		return status;
	if (o.title == NULL)
		return ctl_nothing(c);
	it.team.title = str_z(o.title);
	return ctl_named_change(c, &sort, &it, "is changed");
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
	int status = find_in(c, &tenant, &m.team);

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
	const union ctl_named it = { .team = *t };

	put(arg, &it);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	int64_t tenant;
	int status = ctl_tenant_or_all(c, o.tenant, &tenant);

	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, columns);
	return ctl_list_read(c, store_team_each(c->store, tenant, on_team, c));
}

static int
run_show(struct ctl *c)
{
	return ctl_named_show(c, &sort);
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
