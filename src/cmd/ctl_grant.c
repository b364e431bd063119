/* llmgwctl grant: who may use which models */
#include "cmd/ctl_people.h"

#include "base/num.h"
#include "store/grant.h"

static struct {
	const char *tenant;
	const char *team;
	const char *user;
	const char *key;
	const char *role;
	bool is_tag;
	bool is_deny;
} o;

static const struct opt_row in_tenant[] = { CTL_TENANT_ROW(o.tenant), { 0 } };

static const struct opt_row options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "team",
	    .type = OPT_TEXT,
	    .value = &o.team,
	    .arg = "TEAM",
	    .help = "For a team's members and keys." },
	{ .name = "user",
	    .type = OPT_TEXT,
	    .value = &o.user,
	    .arg = "USER",
	    .help = "For a user and the user's keys." },
	{ .name = "key",
	    .type = OPT_TEXT,
	    .value = &o.key,
	    .arg = "KEY",
	    .help = "For a key." },
	{ .name = "role",
	    .type = OPT_TEXT,
	    .value = &o.role,
	    .arg = "ROLE",
	    .help = "For all who have this role. A key without a user counts "
		    "as a developer." },
	{ .name = "tag",
	    .type = OPT_FLAG,
	    .value = &o.is_tag,
	    .help = "PATTERN is of the models' tags, not of their names." },
	{ .name = "deny",
	    .type = OPT_FLAG,
	    .value = &o.is_deny,
	    .help = "Forbids, whatever else allows it." },
	{ 0 },
};

static const char *const columns[] = { "id", "effect", "sort", "pattern",
	"tenant", "team", "user", "key", "role", "created", NULL };

static void
put(struct ctl *c, const struct store_grant *g)
{
	ctl_put_int(c, g->id);
	ctl_put_text(c, g->is_allowed ? STR("allow") : STR("deny"));
	ctl_put_text(c, g->is_tag ? STR("tag") : STR("name"));
	ctl_put_text(c, g->pattern);
	ctl_put_text(c, g->tenant);
	ctl_put_text(c, g->team);
	ctl_put_text(c, g->user);
	ctl_put_text(c, g->key);
	ctl_put_text(c, g->role);
	ctl_put_time(c, g->created);
}

struct change {
	struct ctl *c;
	struct store_grant g;
	bool is_end;
};

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_grant copy = ch->g, *g = &copy;
	const struct ctl_pair detail[] = {
		{ "effect", g->is_allowed ? STR("allow") : STR("deny") },
		{ "sort", g->is_tag ? STR("tag") : STR("name") },
		{ "pattern", g->pattern }, { "team", g->team },
		{ "user", g->user }, { "key", g->key }, { "role", g->role },
		{ 0 }
	};
	enum err e;

	if (ch->is_end)
		e = store_grant_remove(s, g->id);
	else
		e = store_grant_add(s, g);
	if (e == ERR_DENIED || e == ERR_NOT_FOUND) {
		(void)ctl_fail(ch->c,
		    ch->is_end ? "the grant has gone meanwhile"
			       : "there is such a grant already; llmgwctl "
				 "grant list shows them");
		return ERR_UNSUPPORTED;
	}
	if (e == ERR_OK)
		e = ctl_act(ch->c, ch->is_end ? "grant.remove" : "grant.add",
		    "grant", g->id, g->tenant_id, ctl_detail(ch->c, detail));
	if (e == ERR_OK)
		ch->g = copy;
	return e;
}

static int
change(struct ctl *c, const struct store_grant *g, bool is_end)
{
	struct change ch = { c, *g, is_end };
	int status = ctl_change(c, apply, &ch);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	put(c, &ch.g);
	return ctl_done(c, "grant %lld %s", (long long)ch.g.id,
	    is_end ? "is removed" : "is there");
}

/* Whom it is for: of o.team, o.user, o.key and o.role at most one is given. */
static int
find_holder(struct ctl *c, struct store_grant *g)
{
	const struct ctl_owner_names names = { o.tenant, o.team, o.user,
		o.key };
	struct ctl_owner w;
	int status = ctl_find_owner(c, &names, &w);

	if (status != CTL_OK)
		return status;
	g->tenant_id = w.tenant.id;
	g->tenant = w.tenant.name;
	g->team_id = w.team.id;
	g->team = w.team.name;
	g->user_id = w.user.id;
	g->user = w.user.name;
	g->key_id = w.key.id;
	g->key = w.key.name;
	if (o.role == NULL)
		return CTL_OK;
	g->role = str_z(o.role);
	return ctl_role(c, g->role);
}

static int
run_add(struct ctl *c)
{
	struct store_grant g = {
		.pattern = ctl_operand(c, 0),
		.is_tag = o.is_tag,
		.is_allowed = !o.is_deny,
	};
	int status;

	if ((o.team != NULL) + (o.user != NULL) + (o.key != NULL) +
		(o.role != NULL) >
	    1)
		return ctl_fail(c,
		    "only one of --team, --user, --key and --role; none means "
		    "the whole tenant");
	if (g.pattern.n == 0 || g.pattern.n > STORE_NAME_MAX ||
	    !ctl_is_word(g.pattern))
		return ctl_fail(c,
		    "a pattern is a name or tag of at most %d bytes of UTF-8, "
		    "without blanks, where * stands for any run",
		    STORE_NAME_MAX);
	/* As key show has them. */
	if (str_starts(g.pattern, STR("tag:")) || g.pattern.p[0] == '!')
		return ctl_fail(c,
		    "'%.*s': a tag is named with --tag (grant add --tag eu), a "
		    "denial with --deny",
		    STR_ARG(g.pattern));
	status = find_holder(c, &g);
	return status == CTL_OK ? change(c, &g, false) : status;
}

static int
run_remove(struct ctl *c)
{
	struct store_grant g;
	int64_t id;
	enum err e;

	if (num_parse_i64(ctl_operand(c, 0), &id) != ERR_OK || id <= 0)
		return ctl_fail(c,
		    "'%s' is not the number of a grant; llmgwctl grant list "
		    "shows them",
		    c->operands[0]);
	e = store_grant_get(c->store, id, c->arena, &g);
	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no grant %lld; llmgwctl grant list shows them",
		    (long long)id);
	return e == ERR_OK ? change(c, &g, true) : ctl_store_fail(c, e);
}

static enum err
on_grant(void *arg, const struct store_grant *g)
{
	put(arg, g);
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
	return ctl_list_read(
	    c, store_grant_each(c->store, tenant, on_grant, c));
}

#define ROW(v, operand, n, f, opts)                                           \
	.group = "grant", .verb = v, .operands = operand, .min = n, .max = n, \
	.flags = CTL_STORE | (f), .options = opts

const struct ctl_command ctl_grant_commands[] = {
	{ ROW("add", "PATTERN", 1, CTL_CHANGES, options),
	    .help = "allow models to a tenant, team, user, key or role",
	    .more = "PATTERN is a model's name or, with --tag, a tag; * "
		    "stands for any run. What no grant allows is denied, and "
		    "what one denies is denied whatever allows it. Without "
		    "--team, --user, --key and --role it is for the whole "
		    "tenant.",
	    .run = run_add },
	{ ROW("remove", "ID", 1, CTL_CHANGES, NULL),
	    .help = "take a grant away", .run = run_remove },
	{ ROW("list", "", 0, 0, in_tenant),
	    .help = "list the grants of a tenant, or all", .run = run_list },
	{ 0 },
};
