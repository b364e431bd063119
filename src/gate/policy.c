#include "gate/policy.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "gate/policy_rules.h"

#define SHOWN 64u
#define TAGS_SHOWN 256u /* bytes of a residency refusal */

/* ---- whom it is for -------------------------------------------------------- */

static bool
matches_any(const struct str *globs, uint32_t n, const struct str *names,
    uint32_t n_names)
{
	if (n == 0)
		return true;
	for (uint32_t i = 0; i < n_names; i++)
		if (gate_policy_matches(globs, n, names[i]))
			return true;
	return false;
}

static bool
is_for(const struct conf_policy_for *f, const struct gate_policy_ask *a)
{
	const struct gate_policy_who *w = a->who;

	return gate_policy_matches(f->models, f->n_models, a->model->name) &&
	       matches_any(
		   f->tags, f->n_tags, a->model->tags, a->model->n_tags) &&
	       gate_policy_matches(f->keys, f->n_keys, w->key) &&
	       gate_policy_matches(f->tenants, f->n_tenants, w->tenant) &&
	       gate_policy_matches(f->users, f->n_users, w->user) &&
	       matches_any(f->teams, f->n_teams, w->teams, w->n_teams) &&
	       matches_any(f->roles, f->n_roles, w->roles, w->n_roles);
}

/* ---- residency ------------------------------------------------------------ */

static bool
has_one(const struct gate_policy_tags *want, const struct str *tags, uint32_t n)
{
	for (uint32_t i = 0; i < want->n; i++)
		for (uint32_t k = 0; k < n; k++)
			if (str_eq(want->tag[i], tags[k]))
				return true;
	return false;
}

static bool
resides(const struct gate_policy_tags *want, const struct conf_target *t)
{
	return has_one(want, t->tags, t->n_tags) ||
	       has_one(want, t->provider->tags, t->provider->n_tags);
}

bool
gate_policy_target(
    const struct gate_policy_result *result, const struct conf_target *t)
{
	for (uint32_t i = 0; i < result->n_residence; i++)
		if (!resides(&result->residence[i], t))
			return false;
	return true;
}

static bool
is_any_left(const struct gate_policy_ask *a)
{
	for (uint32_t i = 0; i < a->model->n_targets; i++)
		if (gate_policy_target(a->result, &a->model->targets[i]))
			return true;
	return false;
}

/* What all rules so far want: "(eu or ch) and (blue)". */
static void
put_tags(const struct gate_policy_result *r, struct buf *out)
{
	for (uint32_t i = 0; i < r->n_residence; i++) {
		const struct gate_policy_tags *t = &r->residence[i];

		buf_addz(out, i > 0 ? " and (" : "(");
		for (uint32_t k = 0; k < t->n; k++)
			buf_printf(out, "%s%.*s", k > 0 ? " or " : "",
			    STR_ARG(utf8_clip(t->tag[k], SHOWN)));
		buf_addc(out, ')');
	}
}

static bool
not_at_home(struct gate_policy_ask *a)
{
	struct buf tags;

	buf_init(&tags, TAGS_SHOWN);
	put_tags(a->result, &tags);
	(void)gate_policy_refuse(a, MSG_FAIL_POLICY, STR("model"),
	    "the model '%.*s' has no provider where this request may go: one "
	    "with the tags %.*s%s.",
	    STR_ARG(utf8_clip(a->model->name, SHOWN)), STR_ARG(buf_str(&tags)),
	    tags.failed ? " ..." : "");
	buf_fini(&tags);
	return false;
}

static bool
is_at_home(struct gate_policy_ask *a)
{
	const struct conf_policy *p = a->policy;
	struct gate_policy_result *r = a->result;

	if (p->n_residency == 0)
		return true;
	/* Too many to hold: nothing may pass that would have to be left out. */
	if (r->n_residence == GATE_POLICY_RESIDENCE_MAX)
		return gate_policy_refuse(a, MSG_FAIL_POLICY, (struct str){ 0 },
		    "too many rules of residency are for this request.");
	r->residence[r->n_residence++] =
	    (struct gate_policy_tags){ .tag = p->residency,
		    .n = p->n_residency };
	if (is_any_left(a)) {
		/* In shadow mode nothing is left out. */
		if (p->mode == CONF_POLICY_SHADOW)
			r->n_residence--;
		return true;
	}
	(void)not_at_home(a);
	r->n_residence--;
	return false;
}

/* ---- all of them ------------------------------------------------------------ */

static bool
passes(struct gate_policy_ask *a)
{
	return gate_policy_keeps_rules(a) && is_at_home(a);
}

static enum err
no_memory(struct msg_fail *fail)
{
	msg_fail_set(fail, MSG_FAIL_INTERNAL, "Out of memory.");
	return ERR_NOMEM;
}

static enum err
note_shadow(struct gate_policy_ask *a, uint32_t n_all)
{
	struct gate_policy_result *r = a->result;
	struct str before = r->shadow;

	if (!r->shadows)
		r->shadows = arena_calloc(a->arena, n_all, sizeof(*r->shadows));
	r->shadow = arena_printf(a->arena, "%.*s%s%.*s", STR_ARG(before),
	    before.n > 0 ? "," : "", STR_ARG(a->policy->name));
	if (!r->shadows || !str_present(r->shadow))
		return no_memory(a->fail);
	r->shadows[r->n_shadows++] = a->policy;
	return ERR_OK;
}

/* The tenant's own residency counts as a policy of this name. */
static enum err
check_tenant(struct gate_policy_ask *a)
{
	struct conf_policy own = { .name = STR(CONF_POLICY_TENANT) };
	struct str rest = a->who->residency;
	struct str *tags;

	if (str_trim(rest).n == 0)
		return ERR_OK;
	/* one more than there are blanks */
	tags = arena_calloc(a->arena, rest.n / 2 + 1, sizeof(*tags));
	if (!tags)
		return no_memory(a->fail);
	while (str_present(rest)) {
		struct str one = str_cut(&rest, ' ');

		if (one.n > 0)
			tags[own.n_residency++] = one;
	}
	own.residency = tags;
	a->policy = &own;
	if (is_at_home(a))
		return ERR_OK;
	a->result->refused = own.name;
	return ERR_DENIED;
}

enum err
gate_policy_decide(const struct conf *conf, const struct conf_model *model,
    const struct msg_request *msg, const struct gate_policy_who *who,
    struct arena *arena, struct gate_policy_result *result,
    struct msg_fail *fail)
{
	struct gate_policy_ask a = { .model = model,
		.msg = msg,
		.who = who,
		.arena = arena,
		.result = result,
		.fail = fail };
	struct msg_fail unsaid;
	enum err e;

	*result = (struct gate_policy_result){ 0 };
	e = check_tenant(&a);
	for (uint32_t i = 0; i < conf->n_policies && e == ERR_OK; i++) {
		bool ok;

		a.policy = &conf->policies[i];
		a.fail = a.policy->mode == CONF_POLICY_SHADOW ? &unsaid : fail;
		if (!is_for(&a.policy->scope, &a))
			continue;
		ok = passes(&a);
		/* a member whose name found no memory was not judged */
		if (arena_failed(arena))
			e = no_memory(fail);
		if (ok || e != ERR_OK)
			continue;
		if (a.policy->mode == CONF_POLICY_SHADOW) {
			a.fail = fail;
			e = note_shadow(&a, conf->n_policies);
			continue;
		}
		result->refused = a.policy->name;
		e = ERR_DENIED;
	}
	return e;
}
