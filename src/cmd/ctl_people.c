#include "cmd/ctl_people.h"

#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"
#include "gate/role.h"
#include "store/store.h"
#include "wire/http.h"

/* ---- finding ------------------------------------------------------------- */

struct only {
	struct arena *arena;
	struct store_tenant tenant;
	unsigned n;
};

static enum err
on_tenant(void *arg, const struct store_tenant *t)
{
	struct only *o = arg;

	if (o->n++ == 0) {
		o->tenant = *t;
		o->tenant.name = arena_str(o->arena, t->name);
		o->tenant.title = arena_str(o->arena, t->title);
		o->tenant.timezone = arena_str(o->arena, t->timezone);
		o->tenant.residency = arena_str(o->arena, t->residency);
	}
	return ERR_OK;
}

static int
find_only(struct ctl *c, struct store_tenant *t)
{
	struct only o = { .arena = c->arena };
	enum err e = store_tenant_each(c->store, on_tenant, &o);

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	if (o.n == 0)
		return ctl_fail(c,
		    "there is no tenant yet; llmgwctl tenant create makes one");
	if (o.n > 1)
		return ctl_fail(c,
		    "there are %u tenants: say --tenant; llmgwctl tenant list "
		    "shows them",
		    o.n);
	*t = o.tenant;
	return CTL_OK;
}

int
ctl_find_tenant(struct ctl *c, const char *name, struct store_tenant *t)
{
	enum err e;

	if (name == NULL)
		return find_only(c, t);
	e = store_tenant_find(c->store, str_z(name), c->arena, t);
	if (e == ERR_NOT_FOUND)
		return ctl_fail(
		    c, "no tenant '%s'; llmgwctl tenant list shows them", name);
	return e == ERR_OK ? CTL_OK : ctl_store_fail(c, e);
}

int
ctl_find_team(struct ctl *c, const struct store_tenant *tenant, struct str name,
    struct store_team *t)
{
	enum err e = store_team_find(c->store, tenant->id, name, c->arena, t);

	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no team '%.*s' in tenant '%.*s'; llmgwctl team list "
		    "shows them",
		    STR_ARG(name), STR_ARG(tenant->name));
	return e == ERR_OK ? CTL_OK : ctl_store_fail(c, e);
}

int
ctl_find_user(struct ctl *c, const struct store_tenant *tenant, struct str name,
    struct store_user *u)
{
	enum err e = store_user_find(c->store, tenant->id, name, c->arena, u);

	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no user '%.*s' in tenant '%.*s'; llmgwctl user list "
		    "shows them",
		    STR_ARG(name), STR_ARG(tenant->name));
	return e == ERR_OK ? CTL_OK : ctl_store_fail(c, e);
}

static enum err
find_key(struct ctl *c, const struct store_tenant *tenant, struct str name,
    struct store_key *k)
{
	size_t prefix = sizeof(STORE_KEY_PREFIX) - 1;

	if (tenant == NULL)
		return store_key_find_public(
		    c->store, str_skip(name, prefix), c->arena, k);
	return store_key_find(c->store, tenant->id, name, c->arena, k);
}

int
ctl_find_key(
    struct ctl *c, const char *tenant, struct str name, struct store_key *k)
{
	bool is_public = name.n == sizeof(STORE_KEY_PREFIX) - 1 + 8 &&
			 str_starts(name, STR(STORE_KEY_PREFIX));
	struct store_tenant t = { 0 };
	int status = CTL_OK;
	enum err e;

	if (!is_public)
		status = ctl_find_tenant(c, tenant, &t);
	if (status != CTL_OK)
		return status;
	e = find_key(c, is_public ? NULL : &t, name, k);
	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no key '%.*s'; llmgwctl key list shows them",
		    STR_ARG(name));
	return e == ERR_OK ? CTL_OK : ctl_store_fail(c, e);
}

int
ctl_tenant_or_all(struct ctl *c, const char *name, int64_t *id)
{
	struct store_tenant t = { 0 };
	int status = name != NULL ? ctl_find_tenant(c, name, &t) : CTL_OK;

	if (status == CTL_OK)
		*id = t.id;
	return status;
}

static int
find_key_in_use(struct ctl *c, const struct store_tenant *tenant,
    const struct ctl_owner_names *names, struct store_key *k)
{
	int status = ctl_find_key(c, names->tenant, str_z(names->key), k);

	if (status != CTL_OK)
		return status;
	if (k->tenant_id != tenant->id || k->replaced_by != 0)
		return ctl_fail(c,
		    "'%s' is a former secret or another tenant's key",
		    names->key);
	return CTL_OK;
}

int
ctl_find_owner(
    struct ctl *c, const struct ctl_owner_names *names, struct ctl_owner *owner)
{
	struct store_tenant *t = &owner->tenant;
	int status;

	*owner = (struct ctl_owner){ 0 };
	status = ctl_find_tenant(c, names->tenant, t);
	if (status == CTL_OK && names->team != NULL)
		status = ctl_find_team(c, t, str_z(names->team), &owner->team);
	if (status == CTL_OK && names->user != NULL)
		status = ctl_find_user(c, t, str_z(names->user), &owner->user);
	if (status == CTL_OK && names->key != NULL)
		status = find_key_in_use(c, t, names, &owner->key);
	return status;
}

/* ---- rights -------------------------------------------------------------- */

static void
put_list(struct ctl *c, const struct str *list, uint32_t n)
{
	struct buf b;

	buf_init(&b, (size_t)64 * 1024);
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&b, "%s%.*s", i > 0 ? " " : "", STR_ARG(list[i]));
	ctl_put_words(c, buf_str(&b));
	buf_fini(&b);
}

void
ctl_put_rights(struct ctl *c, const struct store_person *p)
{
	struct buf b;

	put_list(c, p->teams, p->n_teams);
	put_list(c, p->roles, p->n_roles);
	buf_init(&b, (size_t)512 * 1024);
	for (uint32_t i = 0; i < p->n_grants; i++)
		buf_printf(&b, "%s%s%s%.*s", i > 0 ? " " : "",
		    p->grants[i].is_allowed ? "" : "!",
		    p->grants[i].is_tag ? "tag:" : "",
		    STR_ARG(p->grants[i].pattern));
	ctl_put_words(c, buf_str(&b));
	buf_fini(&b);
}

/* ---- changing ------------------------------------------------------------ */

enum err
ctl_added(struct ctl *c, enum err e, const char *sort, struct str name)
{
	if (e != ERR_DENIED)
		return e;
	(void)ctl_fail(c, "there is a %s '%.*s' already", sort, STR_ARG(name));
	return ERR_UNSUPPORTED;
}

enum err
ctl_was_set(struct ctl *c, enum err e, const char *sort, struct str name)
{
	if (e != ERR_NOT_FOUND)
		return e;
	(void)ctl_fail(c,
	    "%s '%.*s' was changed by somebody else meanwhile; look again",
	    sort, STR_ARG(name));
	return ERR_UNSUPPORTED;
}

/* ---- reading ------------------------------------------------------------- */

bool
ctl_is_word(struct str word)
{
	for (size_t i = 0; i < word.n; i++)
		if ((unsigned char)word.p[i] <= 0x20 || word.p[i] == 0x7f)
			return false;
	return utf8_valid(word);
}

/* The next word of *rest, or an absent one. */
static struct str
next_word(struct str *rest)
{
	static const char blanks[] = " ,\t\n";
	size_t n = 0;
	struct str word;

	while (rest->n > 0 && memchr(blanks, rest->p[0], 4) != NULL)
		*rest = str_skip(*rest, 1);
	while (n < rest->n && memchr(blanks, rest->p[n], 4) == NULL)
		n++;
	word = n > 0 ? str_of(rest->p, n) : (struct str){ 0 };
	*rest = str_skip(*rest, n);
	return word;
}

int
ctl_words(struct ctl *c, const char *what, const char *text,
    bool (*is_valid)(struct str word), struct str *out)
{
	struct str rest = str_z(text), word;
	char joined[STORE_TITLE_MAX + 1];
	size_t n = 0;

	while (str_present(word = next_word(&rest))) {
		if (!is_valid(word))
			return ctl_fail(
			    c, "'%.*s' is not a %s", STR_ARG(word), what);
		if (n + 1 + word.n > STORE_TITLE_MAX)
			return ctl_fail(c,
			    "the list of %ss is longer than %d bytes", what,
			    STORE_TITLE_MAX);
		if (n > 0)
			joined[n++] = ' ';
		memcpy(joined + n, word.p, word.n);
		n += word.n;
	}
	/* No restriction is asked for by an empty text, not by a slip. */
	if (n == 0 && text[0] != '\0')
		return ctl_fail(
		    c, "'%s' has no %s in it; '' means all", text, what);
	*out = arena_str(c->arena, str_of(joined, n));
	return str_present(*out) ? CTL_OK : ctl_nomem(c);
}

int
ctl_when(struct ctl *c, const char *option, const char *text, usec_t *out)
{
	struct str s = str_z(text);
	char whole[32];
	usec_t t;

	if (str_eqz(s, "never")) {
		*out = 0;
		return CTL_OK;
	}
	if (str_eqz(s, "now")) {
		*out = clock_wall();
		return CTL_OK;
	}
	if (num_parse_duration(s, &t) == ERR_OK) {
		*out = clock_wall() + t;
		return CTL_OK;
	}
	if (s.n == 10) {
		(void)snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		s = str_z(whole);
	}
	if (http_rfc3339_parse(s, &t) != ERR_OK || t <= 0)
		return ctl_fail(c,
		    "--%s: '%s' is no moment: write 90d, 12h, 2026-12-31, "
		    "2026-12-31T18:00:00Z, now or never",
		    option, text);
	*out = t;
	return CTL_OK;
}

int
ctl_nothing(struct ctl *c)
{
	return ctl_fail(c,
	    "nothing to change: an option says what (llmgwctl help %s %s)",
	    c->command->group, c->command->verb);
}

int
ctl_title(struct ctl *c, const char *option, const char *text)
{
	if (text == NULL || store_title_valid(str_z(text)))
		return CTL_OK;
	return ctl_fail(
	    c, "--%s: one line of UTF-8, of at most 250 bytes", option);
}

int
ctl_name(struct ctl *c, struct str name)
{
	if (store_name_valid(name))
		return CTL_OK;
	return ctl_fail(c,
	    "'%.*s' is not a name: 1 to 64 letters, digits and "
	    "._-@+, the first a letter or a digit",
	    STR_ARG(name));
}

int
ctl_role(struct ctl *c, struct str role)
{
	enum gate_role parsed;

	if (gate_role_parse(role, &parsed) == ERR_OK)
		return CTL_OK;
	return ctl_fail(c,
	    "no role '%.*s'; there are viewer, developer, operator, admin and "
	    "auditor",
	    STR_ARG(role));
}
