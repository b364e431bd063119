#include "gate/token.h"

#include "gate/role.h"

/* Header, payload and their tapes: a few times a token. */
#define TOKEN_ARENA_MAX (64u * JWT_BYTES_MAX)

/* A claim's text; absent when the claim is not looked for, or no text. */
static struct str
claim(const struct jwt_claims *c, struct str name, struct arena *a)
{
	const char *z = name.n > 0 ? arena_strz(a, name) : NULL;

	return z ? json_text(&c->json, json_get(&c->json, 0, z), a)
		 : (struct str){ 0 };
}

static unsigned
role_bit(struct str word)
{
	enum gate_role role;

	return gate_role_parse(word, &role) == ERR_OK ? 1u << role : 0;
}

/* "developer", "developer viewer" or [ "developer", "x" ] */
static unsigned
roles(const struct jwt_claims *c, struct str name, struct arena *a)
{
	const struct json *j = &c->json;
	struct str text = claim(c, name, a);
	unsigned bits = 0;
	json_ref list;

	while (str_present(text))
		bits |= role_bit(str_cut(&text, ' '));
	if (name.n == 0)
		return bits;
	list = json_get(j, 0, arena_strz(a, name));
	if (json_type(j, list) == JSON_T_ARRAY)
		json_each (j, list, v)
			bits |= role_bit(json_text(j, v, a));
	return bits;
}

/* Everything but the id; false: the names are nobody's. */
static bool
fill(const struct conf_jwt *conf, const struct jwt_claims *c,
    struct gate_want *want, struct arena *a)
{
	struct str tenant = conf->tenant;
	struct str team = claim(c, conf->team_claim, a);
	struct gate_want w;

	if (tenant.n == 0)
		tenant = claim(c, conf->tenant_claim, a);
	if (!gate_want_user(tenant, claim(c, conf->user_claim, a), &w))
		return false;
	memcpy(w.id, want->id, sizeof(w.id));
	if (team.n > 0 && team.n < sizeof(w.team) && !memchr(team.p, 0, team.n))
		memcpy(w.team, team.p, team.n);
	w.roles = roles(c, conf->roles_claim, a);
	w.expires = c->expires;
	w.may_be_new = conf->create_users;
	*want = w;
	return true;
}

enum gate_refusal
gate_token_read(const struct conf_jwt *conf, const struct jwt_keys *keys,
    struct str token, usec_t wall, struct gate_want *want, bool *has_key)
{
	struct jwt_expect expect = { .issuer = conf->issuer,
		.audience = conf->audience,
		.wall = wall,
		.leeway = conf->leeway };
	enum gate_refusal r = GATE_BAD_TOKEN;
	struct jwt_claims c;
	struct arena *a;
	enum jwt_fault f;

	*has_key = keys != NULL;
	if (!keys)
		return GATE_AWAY;
	a = arena_new(TOKEN_ARENA_MAX);
	f = a ? jwt_verify(keys, token, &expect, a, &c) : JWT_NO_MEMORY;
	if (f == JWT_FINE && fill(conf, &c, want, a))
		r = GATE_WELCOME;
	else if (f == JWT_NO_MEMORY)
		r = GATE_AWAY;
	else if (f == JWT_EXPIRED)
		r = GATE_EXPIRED;
	*has_key = f != JWT_NO_KEY;
	arena_free(a);
	return r;
}
