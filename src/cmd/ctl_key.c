/* llmgwctl key: keys in the database, and keys for the configuration file */
#include "cmd/ctl_key.h"

#include <unistd.h>

#include "base/num.h"
#include "base/clock.h"
#include "base/secret.h"
#include "gate/net.h"
#include "gate/pepper.h"
#include "gate/role.h"
#include "sys/hours.h"

static struct {
	const char *tenant;
	const char *team;
	const char *user;
	const char *models;
	const char *networks;
	const char *hours;
	const char *expires;
	const char *grace;
	const char *at;
	const char *pepper;
	bool is_all;
} o;

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
	    .value = &o.is_all,
	    .help = "Also the former secrets of rotated keys." },
	{ .name = "pepper",
	    .type = OPT_TEXT,
	    .value = &o.pepper,
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

enum what {
	KEY_ADD,
	KEY_SET,
	KEY_ROTATE,
};

struct change {
	struct ctl *c;
	enum what what;
	const char *action;
	struct store_key k;
	/* a new secret */
	char text[STORE_KEY_SIZE + 1];
	unsigned char hash[HASH_KEY_BYTES];
	struct str pepper_id;
	usec_t old_until;
};

static enum err
apply_what(struct store *s, struct change *ch, struct store_key *k)
{
	switch (ch->what) {
	case KEY_ADD:
		return ctl_added(
		    ch->c, store_key_add(s, k, ch->hash), "key", k->name);
	case KEY_SET:
		return ctl_was_set(ch->c, store_key_set(s, k), "key", k->name);
	case KEY_ROTATE:
		return ctl_was_set(ch->c,
		    store_key_rotate(s, k, store_key_public(str_z(ch->text)),
			ch->pepper_id, ch->hash, ch->old_until),
		    "key", k->name);
	}
	return ERR_UNSUPPORTED;
}

static struct str
detail_of(struct change *ch, const struct store_key *k)
{
	const struct ctl_pair detail[] = { { "name", k->name },
		{ "team", k->team }, { "user", k->user },
		{ "models", k->models }, { "networks", k->networks },
		{ "hours", k->hours },
		{ "expires", ctl_time_text(ch->c, k->expires) },
		{ "is_blocked", k->is_blocked ? STR("yes") : STR("no") },
		{ "public", k->public_part },
		{ "old_until", ctl_time_text(ch->c, ch->old_until) }, { 0 } };

	return ctl_detail(ch->c, detail);
}

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	/* A copy: it may run again when another was in the way. */
	struct store_key k = ch->k;
	enum err e = apply_what(s, ch, &k);

	/* Workers know a former secret by the id of its key. */
	if (e == ERR_OK)
		e = ctl_act(ch->c, ch->action, "key",
		    k.replaced_by != 0 ? k.replaced_by : k.id, k.tenant_id,
		    detail_of(ch, &k));
	if (e == ERR_OK)
		ch->k = k;
	return e;
}

/* ---- restrictions -------------------------------------------------------- */

static int
read_restrictions(struct ctl *c, struct store_key *k)
{
	struct hours hours;
	int status = CTL_OK;

	if (o.models != NULL)
		status =
		    ctl_words(c, "model", o.models, ctl_is_word, &k->models);
	if (status == CTL_OK && o.networks != NULL)
		status = ctl_words(
		    c, "network", o.networks, gate_net_valid, &k->networks);
	if (status != CTL_OK || o.hours == NULL)
		return status;
	k->hours = str_trim(str_z(o.hours));
	if (k->hours.n > 250 ||
	    (k->hours.n > 0 && hours_parse(k->hours, &hours) != ERR_OK))
		return ctl_fail(c,
		    "--hours: '%s' are no hours: write \"mon-fri 08:00-18:00, "
		    "sat 10:00-14:00\"",
		    o.hours);
	return CTL_OK;
}

/* ---- making a secret ----------------------------------------------------- */

static enum err
on_any_key(void *arg, const struct store_key *k)
{
	(void)k;
	*(bool *)arg = true;
	return ERR_LIMIT; /* one is enough */
}

/*
 * The pepper of this host. It is made with the first key only: a host without
 * it whose database has keys wants that of the others.
 */
static int
load_pepper(struct ctl *c, struct gate_pepper *pepper)
{
	bool is_any = false;
	enum err e = gate_pepper_load(c->state_dir, pepper);

	if (e == ERR_NOT_FOUND) {
		e = store_key_each(c->store, 0, 0, 0, on_any_key, &is_any);
		if (is_any)
			return ctl_fail(c,
			    "there is no %.*s/pepper, but there are keys: copy "
			    "the file from the host that made them",
			    STR_ARG(c->state_dir));
		if (e != ERR_OK)
			return ctl_store_fail(c, e);
		e = gate_pepper_make(c->state_dir, pepper);
	}
	if (e == ERR_OK)
		return CTL_OK;
	return ctl_pepper_fail(c, e);
}

static int
make_secret(struct ctl *c, struct change *ch)
{
	struct gate_pepper pepper = { 0 };
	int status = load_pepper(c, &pepper);

	if (status != CTL_OK)
		return status;
	store_key_make(ch->text);
	gate_pepper_hash(&pepper, str_z(ch->text), ch->hash);
	ch->pepper_id = arena_str(c->arena, str_z(pepper.id));
	gate_pepper_fini(&pepper);
	return str_present(ch->pepper_id) ? CTL_OK : ctl_nomem(c);
}

/* The one time that it is shown: alone on standard output, for $(...). */
static int
show_new(struct ctl *c, struct change *ch, const char *done)
{
	if (c->is_json) {
		ctl_key_record(c, &ch->k, ch->text);
		return ctl_record_end(c);
	}
	(void)printf("%s\n", ch->text);
	ctl_note(c, "key '%.*s' %s; it is not shown again", STR_ARG(ch->k.name),
	    done);
	return ctl_flushed(CTL_OK);
}

/* ---- create, rotate ------------------------------------------------------ */

static int
find_owners(struct ctl *c, struct store_key *k)
{
	const struct ctl_owner_names names = { o.tenant, o.team, o.user, NULL };
	struct ctl_owner w;
	int status = ctl_find_owner(c, &names, &w);

	if (status != CTL_OK)
		return status;
	k->tenant_id = w.tenant.id;
	k->tenant = w.tenant.name;
	k->team_id = w.team.id;
	k->team = w.team.name;
	k->user_id = w.user.id;
	k->user = w.user.name;
	return CTL_OK;
}

static int
run_create(struct ctl *c)
{
	struct change ch = { .c = c, .what = KEY_ADD, .action = "key.create" };
	struct store_key *k = &ch.k;
	int status;

	k->name = ctl_operand(c, 0);
	k->models = k->networks = k->hours = STR("");
	status = ctl_name(c, k->name);
	if (status == CTL_OK)
		status = find_owners(c, k);
	if (status == CTL_OK)
		status = read_restrictions(c, k);
	if (status == CTL_OK && o.expires != NULL)
		status = ctl_when(c, "expires", o.expires, &k->expires);
	if (status == CTL_OK && k->expires != 0 && k->expires <= clock_wall())
		status = ctl_fail(c,
		    "--expires: '%s' is over: no key could "
		    "be used",
		    o.expires);
	if (status == CTL_OK)
		status = make_secret(c, &ch);
	if (status == CTL_OK) {
		k->public_part = store_key_public(str_z(ch.text));
		k->pepper_id = ch.pepper_id;
		status = ctl_change(c, apply, &ch);
	}
	if (status == CTL_OK)
		status = show_new(c, &ch, "is there");
	secret_wipe(&ch.text, sizeof(ch.text));
	return status;
}

static int
not_former(struct ctl *c, const struct store_key *k)
{
	if (k->replaced_by == 0)
		return CTL_OK;
	return ctl_fail(c,
	    "'%.*s' is a former secret: it can be blocked or expire, the rest "
	    "is the key's",
	    STR_ARG(k->name));
}

static int
run_rotate(struct ctl *c)
{
	struct change ch = {
		.c = c, .what = KEY_ROTATE, .action = "key.rotate"
	};
	usec_t grace = 24 * 3600 * USEC_PER_SEC;
	int status = ctl_find_key(c, o.tenant, ctl_operand(c, 0), &ch.k);

	if (status == CTL_OK)
		status = not_former(c, &ch.k);
	if (status != CTL_OK)
		return status;
	if (o.grace != NULL &&
	    num_parse_duration(str_z(o.grace), &grace) != ERR_OK)
		return ctl_fail(c,
		    "--grace: '%s' is no duration: write 30m, 24h or 7d",
		    o.grace);
	ch.old_until = clock_wall() + grace;
	status = make_secret(c, &ch);
	if (status == CTL_OK)
		status = ctl_change(c, apply, &ch);
	if (status == CTL_OK)
		status = show_new(c, &ch, "has a new secret");
	secret_wipe(&ch.text, sizeof(ch.text));
	return status;
}

/* ---- set ----------------------------------------------------------------- */

static int
finish(struct ctl *c, struct change *ch, const char *done)
{
	int status = ctl_change(c, apply, ch);

	if (status != CTL_OK)
		return status;
	ctl_key_record(c, &ch->k, NULL);
	return ctl_done(c, "key '%.*s' %s", STR_ARG(ch->k.name), done);
}

static int
begin(struct ctl *c, struct change *ch, const char *action)
{
	*ch = (struct change){ .c = c, .what = KEY_SET, .action = action };
	return ctl_find_key(c, o.tenant, ctl_operand(c, 0), &ch->k);
}

static int
run_expire(struct ctl *c)
{
	struct change ch;
	int status = begin(c, &ch, "key.expire");

	if (status == CTL_OK)
		status = ctl_when(
		    c, "at", o.at != NULL ? o.at : "now", &ch.k.expires);
	return status == CTL_OK
		   ? finish(
			 c, &ch, ch.k.expires > 0 ? "has an end" : "has no end")
		   : status;
}

static int
run_restrict(struct ctl *c)
{
	struct change ch;
	int status = begin(c, &ch, "key.restrict");

	if (status == CTL_OK)
		status = not_former(c, &ch.k);
	if (status == CTL_OK && !o.models && !o.networks && !o.hours)
		return ctl_nothing(c);
	if (status == CTL_OK)
		status = read_restrictions(c, &ch.k);
	return status == CTL_OK ? finish(c, &ch, "is changed") : status;
}

static int
run_block(struct ctl *c)
{
	struct change ch;
	int status = begin(c, &ch, "key.block");

	ch.k.is_blocked = true;
	return status == CTL_OK ? finish(c, &ch, "is blocked") : status;
}

static int
run_unblock(struct ctl *c)
{
	struct change ch;
	int status = begin(c, &ch, "key.unblock");

	ch.k.is_blocked = false;
	return status == CTL_OK ? finish(c, &ch, "is not blocked") : status;
}

/* ---- looking ------------------------------------------------------------- */

static enum err
on_key(void *arg, const struct store_key *k)
{
	if (o.pepper != NULL && !str_eqz(k->pepper_id, o.pepper))
		return ERR_OK;
	if (k->replaced_by == 0 || o.is_all)
		ctl_key_row(arg, k);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	struct store_key whose = { 0 };
	int status = CTL_OK;

	if (o.tenant != NULL || o.team != NULL || o.user != NULL)
		status = find_owners(c, &whose);
	if (status != CTL_OK)
		return status;
	ctl_list_begin(c, ctl_key_columns);
	return ctl_list_read(c, store_key_each(c->store, whose.tenant_id,
				    whose.team_id, whose.user_id, on_key, c));
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
