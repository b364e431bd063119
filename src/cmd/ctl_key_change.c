/* llmgwctl key: making, replacing, ending and narrowing keys. */
#include "cmd/ctl_key.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/secret.h"
#include "gate/net.h"
#include "gate/pepper.h"
#include "sys/hours.h"

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
read_restrictions(
    struct ctl *c, const struct ctl_key_given *given, struct store_key *k)
{
	struct hours hours;
	int status = CTL_OK;

	if (given->models != NULL)
		status = ctl_words(
		    c, "model", given->models, ctl_is_word, &k->models);
	if (status == CTL_OK && given->networks != NULL)
		status = ctl_words(c, "network", given->networks,
		    gate_net_valid, &k->networks);
	if (status != CTL_OK || given->hours == NULL)
		return status;
	k->hours = str_trim(str_z(given->hours));
	if (k->hours.n > 250 ||
	    (k->hours.n > 0 && hours_parse(k->hours, &hours) != ERR_OK))
		return ctl_fail(c,
		    "--hours: '%s' are no hours: write \"mon-fri 08:00-18:00, "
		    "sat 10:00-14:00\"",
		    given->hours);
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
find_owners(
    struct ctl *c, const struct ctl_key_given *given, struct store_key *k)
{
	const struct ctl_owner_names names = { given->tenant, given->team,
		given->user, NULL };
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

int
ctl_key_create(struct ctl *c, const struct ctl_key_given *given)
{
	struct change ch = { .c = c, .what = KEY_ADD, .action = "key.create" };
	struct store_key *k = &ch.k;
	int status;

	k->name = ctl_operand(c, 0);
	k->models = k->networks = k->hours = STR("");
	status = ctl_name(c, k->name);
	if (status == CTL_OK)
		status = find_owners(c, given, k);
	if (status == CTL_OK)
		status = read_restrictions(c, given, k);
	if (status == CTL_OK && given->expires != NULL)
		status = ctl_when(c, "expires", given->expires, &k->expires);
	if (status == CTL_OK && k->expires != 0 && k->expires <= clock_wall())
		status = ctl_fail(c,
		    "--expires: '%s' is over: no key could "
		    "be used",
		    given->expires);
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

int
ctl_key_rotate(struct ctl *c, const struct ctl_key_given *given)
{
	struct change ch = {
		.c = c, .what = KEY_ROTATE, .action = "key.rotate"
	};
	usec_t grace = 24 * 3600 * USEC_PER_SEC;
	int status = ctl_find_key(c, given->tenant, ctl_operand(c, 0), &ch.k);

	if (status == CTL_OK)
		status = not_former(c, &ch.k);
	if (status != CTL_OK)
		return status;
	if (given->grace != NULL &&
	    num_parse_duration(str_z(given->grace), &grace) != ERR_OK)
		return ctl_fail(c,
		    "--grace: '%s' is no duration: write 30m, 24h or 7d",
		    given->grace);
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
begin(struct ctl *c, const struct ctl_key_given *given, struct change *ch,
    const char *action)
{
	*ch = (struct change){ .c = c, .what = KEY_SET, .action = action };
	return ctl_find_key(c, given->tenant, ctl_operand(c, 0), &ch->k);
}

int
ctl_key_expire(struct ctl *c, const struct ctl_key_given *given)
{
	struct change ch;
	int status = begin(c, given, &ch, "key.expire");

	if (status == CTL_OK)
		status = ctl_when(c, "at",
		    given->at != NULL ? given->at : "now", &ch.k.expires);
	if (status != CTL_OK)
		return status;
	if (ch.k.expires <= 0)
		return finish(c, &ch, "has no end");
	return finish(
	    c, &ch, ch.k.expires <= clock_wall() ? "has ended" : "has an end");
}

int
ctl_key_restrict(struct ctl *c, const struct ctl_key_given *given)
{
	struct change ch;
	int status = begin(c, given, &ch, "key.restrict");

	if (status == CTL_OK)
		status = not_former(c, &ch.k);
	if (status == CTL_OK && !given->models && !given->networks &&
	    !given->hours)
		return ctl_nothing(c);
	if (status == CTL_OK)
		status = read_restrictions(c, given, &ch.k);
	return status == CTL_OK ? finish(c, &ch, "is changed") : status;
}

int
ctl_key_block(struct ctl *c, const struct ctl_key_given *given, bool is_blocked)
{
	struct change ch;
	int status =
	    begin(c, given, &ch, is_blocked ? "key.block" : "key.unblock");

	ch.k.is_blocked = is_blocked;
	return status == CTL_OK
		   ? finish(
			 c, &ch, is_blocked ? "is blocked" : "is not blocked")
		   : status;
}
