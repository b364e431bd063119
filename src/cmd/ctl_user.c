/* llmgwctl user */
#include "cmd/ctl_people.h"

static struct {
	const char *tenant;
	const char *team;
	const char *title;
	const char *email;
} o;

static const struct opt_row in_tenant[] = { CTL_TENANT_ROW(o.tenant), { 0 } };

static const struct opt_row in_team[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "team",
	    .type = OPT_TEXT,
	    .value = &o.team,
	    .arg = "TEAM",
	    .help = "Only its members." },
	{ 0 },
};

static const struct opt_row options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "title",
	    .type = OPT_TEXT,
	    .value = &o.title,
	    .arg = "TEXT",
	    .help = "The name as people say it." },
	{ .name = "email",
	    .type = OPT_TEXT,
	    .value = &o.email,
	    .arg = "ADDRESS",
	    .help = "For those who read reports; nothing is sent there." },
	{ 0 },
};

static const char *const columns[] = { "id", "tenant", "name", "title", "email",
	"is_blocked", "created", "changed", NULL };

static void
put(struct ctl *c, const struct store_user *u)
{
	ctl_put_int(c, u->id);
	ctl_put_text(c, u->tenant);
	ctl_put_text(c, u->name);
	ctl_put_text(c, u->title);
	ctl_put_text(c, u->email);
	ctl_put_bool(c, u->is_blocked);
	ctl_put_time(c, u->created);
	ctl_put_time(c, u->changed);
}

static int
find(struct ctl *c, struct store_user *u)
{
	struct store_tenant tenant;
	int status = ctl_find_tenant(c, o.tenant, &tenant);

	return status == CTL_OK
		   ? ctl_find_user(c, &tenant, ctl_operand(c, 0), u)
		   : status;
}

/* ---- changes ------------------------------------------------------------- */

struct change {
	struct ctl *c;
	const char *action;
	struct store_user u;
};

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_user copy = ch->u, *u = &copy;
	const struct ctl_pair detail[] = { { "name", u->name },
		{ "title", u->title }, { "email", u->email },
		{ "is_blocked", u->is_blocked ? STR("yes") : STR("no") },
		{ 0 } };
	enum err e;

	if (u->id == 0)
		e = ctl_added(ch->c, store_user_add(s, u), "user", u->name);
	else
		e = ctl_was_set(ch->c, store_user_set(s, u), "user", u->name);
	if (e == ERR_OK)
		e = ctl_act(ch->c, ch->action, "user", u->id, u->tenant_id,
		    ctl_detail(ch->c, detail));
	if (e == ERR_OK)
		ch->u = copy;
	return e;
}

static int
change(struct ctl *c, const char *action, const struct store_user *u,
    const char *done)
{
	struct change ch = { c, action, *u };
	int status = ctl_change(c, apply, &ch);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &ch.u);
	return ctl_done(c, "user '%.*s' %s", STR_ARG(u->name), done);
}

static int
read_options(struct ctl *c, struct store_user *u)
{
	int status = ctl_title(c, "title", o.title);

	if (status == CTL_OK)
		status = ctl_title(c, "email", o.email);
	if (o.title != NULL)
		u->title = str_z(o.title);
	if (o.email != NULL)
		u->email = str_z(o.email);
	return status;
}

static int
run_create(struct ctl *c)
{
	struct store_user u = {
		.name = ctl_operand(c, 0), .title = STR(""), .email = STR("")
	};
	struct store_tenant tenant;
	int status = ctl_find_tenant(c, o.tenant, &tenant);

	if (status == CTL_OK)
		status = read_options(c, &u);
	if (status != CTL_OK)
		return status;
	if (!store_user_name_valid(u.name))
		return ctl_fail(c,
		    "'%.*s' is not a user's name: 1 to %d bytes of UTF-8 on "
		    "one line",
		    STR_ARG(u.name), STORE_NAME_MAX);
	u.tenant_id = tenant.id;
	u.tenant = tenant.name;
	return change(c, "user.create", &u, "is there");
}

static int
run_set(struct ctl *c)
{
	struct store_user u;
	int status = find(c, &u);

	if (status == CTL_OK && !o.title && !o.email)
		return ctl_nothing(c);
	if (status == CTL_OK)
		status = read_options(c, &u);
	return status == CTL_OK ? change(c, "user.set", &u, "is changed")
				: status;
}

static int
set_blocked(struct ctl *c, bool is_blocked)
{
	struct store_user u;
	int status = find(c, &u);

	if (status != CTL_OK)
		return status;
	u.is_blocked = is_blocked;
	return change(c, is_blocked ? "user.block" : "user.unblock", &u,
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
on_user(void *arg, const struct store_user *u)
{
	put(arg, u);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	struct store_tenant tenant = { 0 };
	struct store_team team = { 0 };
	int status = CTL_OK;
	enum err e;

	if (o.tenant != NULL || o.team != NULL)
		status = ctl_find_tenant(c, o.tenant, &tenant);
	if (status == CTL_OK && o.team != NULL)
		status = ctl_find_team(c, &tenant, str_z(o.team), &team);
	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, columns);
	e = store_user_each(c->store, tenant.id, team.id, on_user, c);
	return e == ERR_OK ? ctl_list_end(c) : ctl_store_fail(c, e);
}

static int
run_show(struct ctl *c)
{
	static const char *const whole[] = { "id", "tenant", "name", "title",
		"email", "is_blocked", "created", "changed", CTL_RIGHTS, NULL };
	struct store_person_ask ask = { 0 };
	struct store_person p;
	struct store_user u;
	int status = find(c, &u);
	enum err e;

	if (status != CTL_OK)
		return status;
	ask.tenant = u.tenant;
	ask.user = u.name;
	e = store_person_by_user(c->store, &ask, c->arena, &p);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	ctl_record_begin(c, whole);
	put(c, &u);
	ctl_put_rights(c, &p);
	return ctl_record_end(c);
}

#define ROW(v, operand, n, f, opts)                                          \
	.group = "user", .verb = v, .operands = operand, .min = n, .max = n, \
	.flags = CTL_STORE | (f), .options = opts

const struct ctl_command ctl_user_commands[] = {
	{ ROW("create", "NAME", 1, CTL_CHANGES, options),
	    .help = "make a user in a tenant",
	    .more = "NAME is what the web server or the token says of the "
		    "user: REMOTE_USER, a certificate's subject, a JWT's "
		    "claim.",
	    .run = run_create },
	{ ROW("list", "", 0, 0, in_team),
	    .help = "list the users of a tenant, of a team, or all",
	    .run = run_list },
	{ ROW("show", "NAME", 1, 0, in_tenant), .help = "show a user",
	    .run = run_show },
	{ ROW("set", "NAME", 1, CTL_CHANGES, options),
	    .help = "change what the options say", .run = run_set },
	{ ROW("block", "NAME", 1, CTL_CHANGES, in_tenant),
	    .help = "refuse the user and the user's keys, within a second",
	    .run = run_block },
	{ ROW("unblock", "NAME", 1, CTL_CHANGES, in_tenant),
	    .help = "let the user in again", .run = run_unblock },
	{ 0 },
};
