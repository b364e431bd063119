/* llmgwctl role */
#include "cmd/ctl_people.h"

static struct {
	const char *tenant;
	const char *user;
	const char *team;
	bool is_everywhere;
} o;

static const struct opt_row in_tenant[] = { CTL_TENANT_ROW(o.tenant), { 0 } };

static const struct opt_row options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "user",
	    .type = OPT_TEXT,
	    .value = &o.user,
	    .arg = "USER",
	    .help = "Who has it: this user ..." },
	{ .name = "team",
	    .type = OPT_TEXT,
	    .value = &o.team,
	    .arg = "TEAM",
	    .help = "... or all members of this team." },
	{ .name = "everywhere",
	    .type = OPT_FLAG,
	    .value = &o.is_everywhere,
	    .help = "It holds in all tenants, not only in theirs." },
	{ 0 },
};

static const char *const columns[] = { "id", "role", "tenant", "user", "team",
	"is_everywhere", "created", NULL };

static void
put(struct ctl *c, const struct store_role_grant *r)
{
	ctl_put_int(c, r->id);
	ctl_put_text(c, r->role);
	ctl_put_text(c, r->tenant);
	ctl_put_text(c, r->user);
	ctl_put_text(c, r->team);
	ctl_put_bool(c, r->tenant_id == 0);
	ctl_put_time(c, r->created);
}

struct change {
	struct ctl *c;
	struct store_role_grant r;
	int64_t owner; /* the tenant of who has it */
	bool is_end;
};

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_role_grant copy = ch->r, *r = &copy;
	const struct ctl_pair detail[] = { { "role", r->role },
		{ "user", r->user }, { "team", r->team },
		{ "everywhere", r->tenant_id == 0 ? STR("yes") : STR("no") },
		{ 0 } };
	enum err e;

	if (ch->is_end)
		e = store_role_remove(s, r, &r->id);
	else
		e = store_role_add(s, r);
	if (e == ERR_DENIED || e == ERR_NOT_FOUND) {
		(void)ctl_fail(ch->c,
		    "%.*s%.*s %s role %.*s there; llmgwctl role list shows "
		    "them",
		    STR_ARG(r->user), STR_ARG(r->team),
		    ch->is_end ? "has no" : "already has", STR_ARG(r->role));
		return ERR_UNSUPPORTED;
	}
	if (e == ERR_OK)
		e = ctl_act(ch->c, ch->is_end ? "role.revoke" : "role.grant",
		    r->user_id > 0 ? "user" : "team",
		    r->user_id > 0 ? r->user_id : r->team_id, ch->owner,
		    ctl_detail(ch->c, detail));
	if (e == ERR_OK)
		ch->r = copy;
	return e;
}

/* Whom the options mean. */
static int
find_holder(struct ctl *c, struct change *ch)
{
	const struct ctl_owner_names names = { o.tenant, o.team, o.user, NULL };
	struct ctl_owner w;
	int status;

	if ((o.user != NULL) == (o.team != NULL))
		return ctl_fail(c, "say who: either --user or --team");
	status = ctl_find_owner(c, &names, &w);
	if (status != CTL_OK)
		return status;
	ch->owner = w.tenant.id;
	ch->r.tenant_id = o.is_everywhere ? 0 : w.tenant.id;
	ch->r.tenant = w.tenant.name;
	ch->r.user_id = w.user.id;
	ch->r.user = w.user.name;
	ch->r.team_id = w.team.id;
	ch->r.team = w.team.name;
	return CTL_OK;
}

static int
change(struct ctl *c, bool is_end)
{
	struct change ch = { .c = c, .is_end = is_end };
	int status;

	ch.r.role = ctl_operand(c, 0);
	status = ctl_role(c, ch.r.role);
	if (status == CTL_OK)
		status = find_holder(c, &ch);
	if (status == CTL_OK)
		status = ctl_change(c, apply, &ch);
	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &ch.r);
	return ctl_done(c, "%.*s%.*s has role %.*s%s", STR_ARG(ch.r.user),
	    STR_ARG(ch.r.team), STR_ARG(ch.r.role),
	    is_end	      ? " no longer"
	    : o.is_everywhere ? " everywhere"
			      : "");
}

static int
run_grant(struct ctl *c)
{
	return change(c, false);
}

static int
run_revoke(struct ctl *c)
{
	return change(c, true);
}

static enum err
on_role(void *arg, const struct store_role_grant *r)
{
	put(arg, r);
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
	return ctl_list_read(c, store_role_each(c->store, tenant, on_role, c));
}

#define ROW(v, operand, n, f, opts)                                          \
	.group = "role", .verb = v, .operands = operand, .min = n, .max = n, \
	.flags = CTL_STORE | (f), .options = opts

#define ROLES "viewer developer operator admin auditor"

const struct ctl_command ctl_role_commands[] = {
	{ ROW("grant", "ROLE", 1, CTL_CHANGES, options), .words = ROLES,
	    .help = "give a role to a user or a team",
	    .more = "Roles: viewer, developer, operator, admin, auditor. They "
		    "add up. Only developers, operators and admins may use "
		    "models, each by its grants.",
	    .run = run_grant },
	{ ROW("revoke", "ROLE", 1, CTL_CHANGES, options), .words = ROLES,
	    .help = "take a role away", .run = run_revoke },
	{ ROW("list", "", 0, 0, in_tenant), .help = "list who has which role",
	    .run = run_list },
	{ 0 },
};
