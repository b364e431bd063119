/* Policies: what one option alone cannot tell. */
#include "conf/values.h"

#include "base/utf8.h"

#define SHOWN 64u

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_word = (c >= '0' && c <= '9') ||
			       ((c | 32) >= 'a' && (c | 32) <= 'z');

		if (!is_word && (i == 0 || !strchr("._@:-", c)))
			return false;
	}
	return true;
}

void
value_read_hours(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct hours *h = ARENA_NEW(run->arena, struct hours);
	enum err e = h != NULL ? hours_parse(node->text, h) : ERR_NOMEM;

	(void)row;
	if (e == ERR_OK)
		*(struct hours **)field = h;
	else if (e != ERR_NOMEM) /* the arena tells of that */
		opt_problem(run, node,
		    "must be hours such as \"mon-fri 08:00-18:00, sat "
		    "10:00-14:00\" (at most %u spans), is \"%.*s\"",
		    HOURS_SPANS_MAX, STR_ARG(utf8_clip(node->text, SHOWN)));
}

void
value_check_zone(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	const struct zone *z;

	(void)row;
	if (zone_find(*(struct str *)field, &z) != ERR_OK)
		opt_problem(run, node,
		    "this host knows no time zone \"%.*s\" (%s, package "
		    "tzdata)",
		    STR_ARG(utf8_clip(node->text, SHOWN)), ZONE_DIR);
}

static bool
has_rule(const struct conf_policy *p)
{
	return str_present(p->disabled) || p->require_client_id ||
	       p->n_require_metadata > 0 || p->max_prompt_tokens > 0 ||
	       p->max_prompt > 0 || p->max_output_tokens > 0 || p->deny != 0 ||
	       p->n_deny_parameters > 0 || p->n_allow_parameters > 0 ||
	       p->max_n > 0 || p->n_residency > 0 || p->hours != NULL;
}

void
value_done_policy(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	struct conf_policy *p = object;
	const struct tree_node *on_output = tree_find(node, "on_output");

	if (zone_find(p->timezone, &p->zone) != ERR_OK)
		p->zone = zone_utc(); /* the check has told */
	if (str_eqz(p->name, CONF_POLICY_TENANT))
		opt_problem(run, tree_find(node, "name"),
		    "is what the residency of tenants is called: take another");
	if (!is_name(p->name))
		opt_problem(run, tree_find(node, "name"),
		    "may have letters, digits and ._@:- and begins with a "
		    "letter or digit");
	if (!has_rule(p))
		opt_problem(run, node,
		    "the policy has no rule: give one, such as \"deny: "
		    "[images]\"");
	if (tree_find(node, "timezone") != NULL &&
	    tree_find(node, "hours") == NULL)
		opt_problem(run, tree_find(node, "timezone"),
		    "means nothing without hours");
	if (on_output != NULL && p->max_output_tokens == 0)
		opt_problem(
		    run, on_output, "means nothing without max_output_tokens");
}

static bool
has_tag(const struct str *tags, uint32_t n, struct str tag)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(tags[i], tag))
			return true;
	return false;
}

static bool
is_tag_of_any(const struct conf *c, struct str tag)
{
	for (uint32_t i = 0; i < c->n_providers; i++)
		if (has_tag(c->providers[i].tags, c->providers[i].n_tags, tag))
			return true;
	for (uint32_t i = 0; i < c->n_models; i++)
		for (uint32_t k = 0; k < c->models[i].n_targets; k++)
			if (has_tag(c->models[i].targets[k].tags,
				c->models[i].targets[k].n_tags, tag))
				return true;
	return false;
}

void
value_check_policies(struct opt_run *run, const struct tree_node *list)
{
	const struct conf *c = run->conf;
	const struct tree_node *node = tree_first(list);

	for (uint32_t i = 0; i < c->n_policies && node != NULL; i++) {
		const struct conf_policy *p = &c->policies[i];

		for (uint32_t k = 0; k < i; k++)
			if (p->name.n > 0 &&
			    str_eq(p->name, c->policies[k].name))
				opt_problem(run, tree_find(node, "name"),
				    "there is a policy of this name before");
		for (uint32_t k = 0; k < p->n_residency; k++)
			if (!is_tag_of_any(c, p->residency[k]))
				opt_warning(run, tree_find(node, "residency"),
				    "no target and no provider has the tag "
				    "\"%.*s\"",
				    STR_ARG(utf8_clip(p->residency[k], SHOWN)));
		node = node->next;
	}
}
