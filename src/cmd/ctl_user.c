/* llmgwctl user */
#include "cmd/ctl_named.h"

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
put(struct ctl *c, const union ctl_named *it)
{
	const struct store_user *u = &it->user;

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
find(struct ctl *c, union ctl_named *it)
{
	struct store_tenant tenant;
	int status = ctl_find_tenant(c, o.tenant, &tenant);

	return status == CTL_OK
		   ? ctl_find_user(c, &tenant, ctl_operand(c, 0), &it->user)
		   : status;
}

static struct ctl_facts
facts(union ctl_named *it)
{
	struct store_user *u = &it->user;

	return (
	    struct ctl_facts){ u->id, u->tenant_id, u->name, &u->is_blocked };
}

static struct str
detail(struct ctl *c, const union ctl_named *it)
{
	const struct store_user *u = &it->user;
	const struct ctl_pair pairs[] = { { "name", u->name },
		{ "title", u->title }, { "email", u->email },
		{ "is_blocked", u->is_blocked ? STR("yes") : STR("no") },
		{ 0 } };

	return ctl_detail(c, pairs);
}

static enum err
add(struct store *s, union ctl_named *it)
{
	return store_user_add(s, &it->user);
}

static enum err
set(struct store *s, union ctl_named *it)
{
	return store_user_set(s, &it->user);
}

static const struct ctl_sort sort = { columns, put, find, facts, detail, add,
	set };

/* ---- changes ------------------------------------------------------------- */

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
	union ctl_named it = { .user = {
				   .name = ctl_operand(c, 0),
				   .title = STR(""),
				   .email = STR(""),
			       } };
	struct store_user *u = &it.user;
	struct store_tenant tenant;
	int status = ctl_find_tenant(c, o.tenant, &tenant);

	if (status == CTL_OK)
		status = read_options(c, u);
	if (status != CTL_OK)
		return status;
	if (!store_user_name_valid(u->name))
		return ctl_fail(c,
		    "'%.*s' is not a user's name: 1 to %d bytes of UTF-8 on "
		    "one line",
		    STR_ARG(u->name), STORE_NAME_MAX);
	u->tenant_id = tenant.id;
	u->tenant = tenant.name;
	return ctl_named_change(c, &sort, &it, "is there");
}

static int
run_set(struct ctl *c)
{
	union ctl_named it;
	int status = find(c, &it);

	if (status == CTL_OK && !o.title && !o.email)
		return ctl_nothing(c);
	if (status == CTL_OK)
		status = read_options(c, &it.user);
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
on_user(void *arg, const struct store_user *u)
{
	const union ctl_named it = { .user = *u };

	put(arg, &it);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	const struct ctl_owner_names names = { o.tenant, o.team, NULL, NULL };
	struct ctl_owner w = { 0 };
	int status = CTL_OK;

	if (o.tenant != NULL || o.team != NULL)
		status = ctl_find_owner(c, &names, &w);
	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, columns);
	return ctl_list_read(
	    c, store_user_each(c->store, w.tenant.id, w.team.id, on_user, c));
}

static int
run_show(struct ctl *c)
{
	static const char *const whole[] = { "id", "tenant", "name", "title",
		"email", "is_blocked", "created", "changed", CTL_RIGHTS, NULL };
	struct store_person_ask ask = { 0 };
	struct store_person p;
	union ctl_named it;
	int status = find(c, &it);
	enum err e;

	if (status != CTL_OK)
		return status;
	ask.tenant = it.user.tenant;
	ask.user = it.user.name;
	e = store_person_by_user(c->store, &ask, c->arena, &p);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	ctl_record_begin(c, whole);
	put(c, &it);
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
