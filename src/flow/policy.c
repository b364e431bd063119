/* Policies: who asks in words, and what follows from the decision. */
#include "flow/life.h"

#include "gate/person.h"

static bool
counts_tokens(const struct conf *c)
{
	for (uint32_t i = 0; i < c->n_policies; i++)
		if (c->policies[i].max_prompt_tokens > 0)
			return true;
	return false;
}

static void
fill_who(struct req *r, struct gate_policy_who *who)
{
	const struct gate_client *c = &r->client;

	*who = (struct gate_policy_who){ .wall = clock_wall() };
	if (c->person) {
		const struct store_person *p = &c->person->facts;

		who->key = p->key;
		who->tenant = p->tenant;
		who->user = p->user;
		who->teams = p->teams;
		who->n_teams = p->n_teams;
		who->roles = p->roles;
		who->n_roles = p->n_roles;
		who->residency = p->residency;
	} else if (c->key) {
		who->key = c->key->name;
	} else if (c->is_user) {
		who->user = c->name;
	}
	if (counts_tokens(r->conf))
		who->prompt_tokens = ledger_prompt_estimate(r);
}

/* Whatever name the client gave his maximum, it is the new one now. */
static enum err
clamp(struct req *r)
{
	struct str *mct = &r->msg.param[MSG_P_MAX_COMPLETION_TOKENS];
	struct str n = arena_printf(
	    r->arena, "%lld", (long long)r->policy->max_output_tokens);

	if (!str_present(n))
		return ERR_NOMEM;
	if (str_present(*mct))
		*mct = n;
	else
		r->msg.param[MSG_P_MAX_TOKENS] = n;
	return ERR_OK;
}

static enum err
apply(struct req *r)
{
	if (r->policy->max_output_tokens == 0 || clamp(r) == ERR_OK)
		return ERR_OK;
	msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	return ERR_NOMEM;
}

enum err
policy_check(struct req *r)
{
	struct gate_policy_who who;
	enum err e;

	fill_who(r, &who);
	if (r->conf->n_policies == 0 && who.residency.n == 0)
		return ERR_OK;
	r->policy = ARENA_NEW(r->arena, struct gate_policy_result);
	if (!r->policy) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return ERR_NOMEM;
	}
	e = gate_policy_decide(
	    r->conf, r->model, &r->msg, &who, r->arena, r->policy, &r->fail);
	r->rec.policy = r->policy->refused;
	r->rec.policy_shadow = r->policy->shadow;
	r->rec.shadows = r->policy->shadows;
	r->rec.n_shadows = r->policy->n_shadows;
	return e == ERR_OK ? apply(r) : e;
}

static bool
may_go(const void *arg, const struct conf_target *t)
{
	return gate_policy_target(arg, t);
}

void
policy_restrict(struct req *r)
{
	if (r->policy && r->policy->n_residence > 0)
		route_plan_restrict(&r->plan, may_go, r->policy);
}

void
policy_tell(struct req *r)
{
	if (r->policy && r->policy->max_output_tokens > 0)
		prov_dropped(&r->attempt.http, "max_tokens=%lld",
		    (long long)r->policy->max_output_tokens);
}
