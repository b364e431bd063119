/* llmgwctl key: keys in the database, and keys for the configuration file */
#include "cmd/ctl_key.h"

#include "gate/role.h"

static struct ctl_key_given o;

static struct {
	const char *pepper;
	bool is_all;
} listed;

static const struct opt_row in_tenant[] = { CTL_TENANT_ROW(o.tenant), { 0 } };

#define RESTRICTIONS                                                           \
	{ .name = "models",                                                    \
		.type = OPT_TEXT,                                              \
		.value = &o.models,                                            \
		.arg = "PATTERNS",                                             \
		.help = "Of what its grants allow only these models, with "    \
			"commas between; * stands for any run. Empty: all." }, \
	    { .name = "networks",                                              \
		    .type = OPT_TEXT,                                          \
		    .value = &o.networks,                                      \
		    .arg = "NETWORKS",                                         \
		    .help =                                                    \
			"Only from these addresses: 10.0.0.0/8,2001:db8::1. "  \
			"Empty: from anywhere." },                             \
	{                                                                      \
		.name = "hours", .type = OPT_TEXT, .value = &o.hours,          \
		.arg = "HOURS",                                                \
		.help = "Only then, by the tenant's clocks: mon-fri "          \
			"08:00-18:00. Empty: always."                          \
	}

static const struct opt_row create_options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "team",
	    .type = OPT_TEXT,
	    .value = &o.team,
	    .arg = "TEAM",
	    .help = "Whose it is: a team's ..." },
	{ .name = "user",
	    .type = OPT_TEXT,
	    .value = &o.user,
	    .arg = "USER",
	    .help = "... a user's, or both." },
	{ .name = "expires",
	    .type = OPT_TEXT,
	    .value = &o.expires,
	    .arg = "WHEN",
	    .help = "90d, 2026-12-31, 2026-12-31T18:00:00Z or never; never "
		    "when it is not given." },
	RESTRICTIONS,
	{ 0 },
};

static const struct opt_row restrict_options[] = { CTL_TENANT_ROW(o.tenant),
	RESTRICTIONS, { 0 } };

static const struct opt_row list_options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "team",
	    .type = OPT_TEXT,
	    .value = &o.team,
	    .arg = "TEAM",
	    .help = "Only its keys." },
	{ .name = "user",
	    .type = OPT_TEXT,
	    .value = &o.user,
	    .arg = "USER",
	    .help = "Only this user's." },
	{ .name = "all",
	    .type = OPT_FLAG,
	    .value = &listed.is_all,
	    .help = "Also the former secrets of rotated keys." },
	{ .name = "pepper",
	    .type = OPT_TEXT,
	    .value = &listed.pepper,
	    .arg = "ID",
	    .help = "Only what hangs on this pepper (key peppers)." },
	{ 0 },
};

static const struct opt_row rotate_options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "grace",
	    .type = OPT_TEXT,
	    .value = &o.grace,
	    .arg = "DURATION",
	    .help = "How long the old secret is good beside the new one: "
		    "30m, 24h, 7d, 0s; 24h when it is not given." },
	{ 0 },
};

static const struct opt_row expire_options[] = {
	CTL_TENANT_ROW(o.tenant),
	{ .name = "at",
	    .type = OPT_TEXT,
	    .value = &o.at,
	    .arg = "WHEN",
	    .help = "90d, 2026-12-31, 2026-12-31T18:00:00Z or never; now "
		    "when it is not given." },
	{ 0 },
};

/* ---- changes ------------------------------------------------------------- */

static int
run_create(struct ctl *c)
{
	return ctl_key_create(c, &o);
}

static int
run_rotate(struct ctl *c)
{
	return ctl_key_rotate(c, &o);
}

static int
run_expire(struct ctl *c)
{
	return ctl_key_expire(c, &o);
}

static int
run_restrict(struct ctl *c)
{
	return ctl_key_restrict(c, &o);
}

static int
run_block(struct ctl *c)
{
	return ctl_key_block(c, &o, true);
}

static int
run_unblock(struct ctl *c)
{
	return ctl_key_block(c, &o, false);
}

/* ---- looking ------------------------------------------------------------- */

static enum err
on_key(void *arg, const struct store_key *k)
{
	if (listed.pepper != NULL && !str_eqz(k->pepper_id, listed.pepper))
		return ERR_OK;
	if (k->replaced_by == 0 || listed.is_all)
		ctl_key_row(arg, k);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	const struct ctl_owner_names names = { o.tenant, o.team, o.user, NULL };
	struct ctl_owner w = { 0 };
	int status = CTL_OK;

	if (o.tenant != NULL || o.team != NULL || o.user != NULL)
		status = ctl_find_owner(c, &names, &w);
	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, ctl_key_columns);
	return ctl_list_read(c, store_key_each(c->store, w.tenant.id, w.team.id,
				    w.user.id, on_key, c));
}

static int
run_show(struct ctl *c)
{
	unsigned char hash[HASH_KEY_BYTES];
	struct store_person p;
	struct store_key k;
	int status = ctl_find_key(c, o.tenant, ctl_operand(c, 0), &k);
	enum err e;

	if (status != CTL_OK)
		return status;
	e = store_key_hash(c->store, k.id, hash);
	/* A key without a user is made to call models (gate/role.h). */
	if (e == ERR_OK)
		e = store_person_by_key(c->store, hash,
		    str_z(gate_role_words[GATE_DEVELOPER]), c->arena, &p);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	ctl_key_show(c, &k, &p);
	return ctl_record_end(c);
}

#define ROW(v, operand, n, f, opts)                                         \
	.group = "key", .verb = v, .operands = operand, .min = n, .max = n, \
	.flags = CTL_STORE | (f), .options = opts

const struct ctl_command ctl_key_commands[] = {
	{ ROW("create", "NAME", 1, CTL_CHANGES, create_options),
	    .help = "make a client key in the database and show it once",
	    .more =
		"Standard output is the key alone. Kept is a hash keyed with "
		"STATE_DIR/pepper, which is made with the first key; all "
		"hosts of one database have the same file.",
	    .run = run_create },
	{ ROW("list", "", 0, 0, list_options),
	    .help = "list the keys, without their secrets", .run = run_list },
	{ ROW("show", "KEY", 1, 0, in_tenant),
	    .help = "show a key, and what it may, without its secret",
	    .more = "Grants are all that hold for it: a name or tag:NAME, "
		    "with ! where it denies; its own list of models narrows "
		    "them. KEY is a name or, here and below, llmgw_ and the 8 "
		    "public "
		    "characters.",
	    .run = run_show },
	{ ROW("rotate", "KEY", 1, CTL_CHANGES, rotate_options),
	    .help = "give a key a new secret and show it once",
	    .more = "Name, grants, limits and history stay. The old secret is "
		    "good until the grace period ends.",
	    .run = run_rotate },
	{ ROW("expire", "KEY", 1, CTL_CHANGES, expire_options),
	    .help = "end a key now or then", .run = run_expire },
	{ ROW("block", "KEY", 1, CTL_CHANGES, in_tenant),
	    .help = "refuse a key, within a second", .run = run_block },
	{ ROW("unblock", "KEY", 1, CTL_CHANGES, in_tenant),
	    .help = "let a key in again", .run = run_unblock },
	{ ROW("restrict", "KEY", 1, CTL_CHANGES, restrict_options),
	    .help = "narrow a key to models, networks and hours",
	    .more = "What an option does not say stays as it is.",
	    .run = run_restrict },
	{ ROW("peppers", "", 0, 0, NULL),
	    .help = "list the peppers, and how many secrets hang on each",
	    .more = "State: present (new secrets hang on it), old, or missing: "
		    "no line of this host's STATE_DIR/pepper has it, and its "
		    "secrets are refused here. Lasting: those that have not "
		    "expired. key list --all --pepper ID shows which they "
		    "are.",
	    .run = ctl_pepper_list },
	{ ROW("new-pepper", "", 0, CTL_CHANGES, NULL),
	    .help = "make a pepper that new secrets hang on",
	    .more = "It comes first in STATE_DIR/pepper; those before it stay, "
		    "and so do the keys that hang on them. Workers of this "
		    "host know it within a second or two (auth.poll). Several "
		    "hosts: copy the file to all of them before the next key "
		    "is made or rotated. Then rotate the keys of the old "
		    "pepper, and take it away with key drop-pepper.",
	    .run = ctl_pepper_add },
	{ ROW("drop-pepper", "ID", 1, CTL_CHANGES, NULL),
	    .help = "take an old pepper away that no lasting secret hangs on",
	    .more = "Copy the file to the other hosts then.",
	    .run = ctl_pepper_drop },
	{ .group = "key",
	    .verb = "new",
	    .operands = "",
	    .help = "make a key for the configuration file",
	    .more = "The first line is the key, the second its hash for "
		    "auth.keys. The key is kept nowhere.",
	    .run = ctl_key_new },
	/* An operand is accepted only to be told why not. */
	{ .group = "key",
	    .verb = "hash",
	    .operands = "",
	    .max = 1,
	    .help = "print the hash of the key on standard input",
	    .more = "For auth.keys of the configuration file.",
	    .run = ctl_key_hash },
	{ 0 },
};
