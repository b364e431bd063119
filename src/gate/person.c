#include "gate/person.h"

#include "gate/net.h"
#include "gate/role.h"

const char *const gate_refusal_words[GATE_REFUSAL__MAX] = {
	[GATE_WELCOME] = "welcome",
	[GATE_NO_CREDENTIAL] = "no_credential",
	[GATE_UNKNOWN] = "unknown",
	[GATE_FOREIGN] = "foreign",
	[GATE_BLOCKED] = "blocked",
	[GATE_EXPIRED] = "expired",
	[GATE_NETWORK] = "network",
	[GATE_HOURS] = "hours",
	[GATE_BROKEN] = "broken",
	[GATE_BAD_TOKEN] = "bad_token",
	[GATE_NEW] = "new",
	[GATE_AWAY] = "away",
};

/* ---- copying ----------------------------------------------------------- */

static void
copy_str(struct arena *a, struct str *s)
{
	if (str_present(*s))
		*s = arena_str(a, *s);
}

static struct str *
copy_strs(struct arena *a, const struct str *from, uint32_t n)
{
	struct str *list = arena_calloc(a, n, sizeof(*list));

	for (uint32_t i = 0; list && i < n; i++)
		list[i] = arena_str(a, from[i]);
	return list;
}

static void
copy_grants(struct arena *a, struct store_person *p)
{
	const struct store_person_grant *from = p->grants;

	p->grants = arena_calloc(a, p->n_grants, sizeof(*p->grants));
	for (uint32_t i = 0; p->grants && i < p->n_grants; i++) {
		p->grants[i] = from[i];
		copy_str(a, &p->grants[i].pattern);
	}
}

static void
copy_facts(struct arena *a, struct store_person *p)
{
	struct str *const texts[] = { &p->tenant, &p->team, &p->user, &p->key,
		&p->timezone, &p->residency, &p->models, &p->networks,
		&p->hours };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		copy_str(a, texts[i]);
	p->teams = copy_strs(a, p->teams, p->n_teams);
	p->roles = copy_strs(a, p->roles, p->n_roles);
	copy_grants(a, p);
}

/* Words with blanks or commas between, spans into text. */
static struct str *
split(struct arena *a, struct str text, uint32_t *n)
{
	struct str *list = arena_calloc(a, text.n / 2 + 1, sizeof(*list));
	size_t i = 0;

	*n = 0;
	while (list && i < text.n) {
		size_t from = i;

		while (i < text.n && !memchr(" ,\t\r\n", text.p[i], 5))
			i++;
		if (i > from)
			list[(*n)++] = str_of(text.p + from, i - from);
		i++;
	}
	return list;
}

/* ---- understanding ------------------------------------------------------ */

static void
read_roles(struct gate_person *p)
{
	enum gate_role role;

	for (uint32_t i = 0; i < p->facts.n_roles; i++)
		if (gate_role_parse(p->facts.roles[i], &role) == ERR_OK)
			p->roles |= 1u << role;
}

/* What a restriction says must be understood, or it would restrict nothing. */
static void
read_restrictions(struct gate_person *p)
{
	struct store_person *f = &p->facts;

	p->models = split(p->arena, f->models, &p->n_models);
	p->networks = split(p->arena, f->networks, &p->n_networks);
	for (uint32_t i = 0; i < p->n_networks; i++)
		if (!gate_net_valid(p->networks[i]))
			p->is_broken = true;
	if (str_trim(f->hours).n == 0)
		return;
	if (hours_parse(f->hours, &p->hours) != ERR_OK)
		p->is_broken = true;
	if (f->timezone.n > 0 && zone_find(f->timezone, &p->zone) != ERR_OK)
		p->is_broken = true;
}

enum err
gate_person_new(const struct store_person *facts, struct gate_person **out)
{
	struct arena *a = arena_new(GATE_PERSON_BYTES_MAX);
	struct gate_person *p = a ? ARENA_NEW(a, struct gate_person) : NULL;
	enum err e;

	if (!p) {
		arena_free(a);
		return ERR_NOMEM;
	}
	*p = (struct gate_person){
		.arena = a, .refs = 1, .facts = *facts, .zone = zone_utc()
	};
	copy_facts(a, &p->facts);
	p->name = p->facts.key;
	if (!str_present(p->name))
		p->name = arena_printf(a, "%.*s/%.*s", STR_ARG(p->facts.tenant),
		    STR_ARG(p->facts.user));
	if (!arena_failed(a)) {
		read_roles(p);
		read_restrictions(p);
	}
	if (arena_failed(a)) {
		e = arena_is_full(a) ? ERR_LIMIT : ERR_NOMEM;
		arena_free(a);
		return e;
	}
	*out = p;
	return ERR_OK;
}

struct gate_person *
gate_person_ref(struct gate_person *p)
{
	p->refs++;
	return p;
}

void
gate_person_unref(struct gate_person *p)
{
	if (p && --p->refs == 0)
		arena_free(p->arena);
}

/* ---- asking ------------------------------------------------------------- */

static bool
is_open(const struct gate_person *p, usec_t wall)
{
	struct zone_civil t;

	if (p->hours.n == 0)
		return true;
	zone_civil(p->zone, wall, &t);
	return hours_contain(&p->hours, t.weekday, t.hour * 60 + t.minute);
}

enum gate_refusal
gate_person_check(const struct gate_person *p, struct str address, usec_t wall)
{
	if (p->is_broken)
		return GATE_BROKEN;
	if (p->facts.is_blocked)
		return GATE_BLOCKED;
	if (p->facts.expires > 0 && wall >= p->facts.expires)
		return GATE_EXPIRED;
	if (p->n_networks > 0 &&
	    !gate_net_allowed(p->networks, p->n_networks, address))
		return GATE_NETWORK;
	return is_open(p, wall) ? GATE_WELCOME : GATE_HOURS;
}

static bool
grant_matches(const struct store_person_grant *g, const struct conf_model *m)
{
	if (!g->is_tag)
		return str_glob(g->pattern, m->name);
	for (uint32_t i = 0; i < m->n_tags; i++)
		if (str_glob(g->pattern, m->tags[i]))
			return true;
	return false;
}

static bool
has_own(const struct gate_person *p, const struct conf_model *m)
{
	for (uint32_t i = 0; i < p->n_models; i++)
		if (str_glob(p->models[i], m->name))
			return true;
	return p->n_models == 0;
}

/* Denials come first (store/person.h): the first that matches decides. */
bool
gate_person_may_use(const struct gate_person *p, const struct conf_model *m)
{
	const struct store_person *f = &p->facts;

	if (!gate_role_may(p->roles, GATE_USE_MODELS))
		return false;
	for (uint32_t i = 0; i < f->n_grants; i++)
		if (grant_matches(&f->grants[i], m))
			return f->grants[i].is_allowed && has_own(p, m);
	return false;
}
