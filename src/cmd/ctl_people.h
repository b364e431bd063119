#ifndef CMD_CTL_PEOPLE_H
#define CMD_CTL_PEOPLE_H
/*
 * What commands on people, keys and rules share: finding by name, and reading
 * what operators write. CTL_OK, or CTL_FAILED and it was said.
 */
#include "cmd/ctl.h"
#include "store/key.h"
#include "store/people.h"
#include "store/person.h"

/*
 * The tenant of that name. NULL: --tenant was not given; where there is only
 * one tenant it is that.
 */
int ctl_find_tenant(struct ctl *c, const char *name, struct store_tenant *t);
int ctl_find_team(struct ctl *c, const struct store_tenant *tenant,
    struct str name, struct store_team *t);
int ctl_find_user(struct ctl *c, const struct store_tenant *tenant,
    struct str name, struct store_user *u);
/*
 * name: "ci", or "llmgw_AbCd1234" by its public part, also of a former secret.
 * tenant as of ctl_find_tenant (its name).
 */
int ctl_find_key(
    struct ctl *c, const char *tenant, struct str name, struct store_key *k);

/*
 * A list's --tenant: the id of the tenant of that name; 0, all, when name is
 * NULL.
 */
int ctl_tenant_or_all(struct ctl *c, const char *name, int64_t *id);

/*
 * Whose something is: the tenant as of ctl_find_tenant and what else is named
 * in it, all zero where not (NULL). A key is one that is in use, no former
 * secret.
 */
struct ctl_owner {
	struct store_tenant tenant;
	struct store_team team;
	struct store_user user;
	struct store_key key;
};
struct ctl_owner_names {
	const char *tenant, *team, *user, *key;
};
int ctl_find_owner(struct ctl *c, const struct ctl_owner_names *names,
    struct ctl_owner *owner);

/*
 * What a client may, as workers see it: three cells, lists of words: its teams
 * that are not blocked, its roles, its grants ("gpt-*", "tag:eu", denied ones
 * with ! before, which count first).
 */
#define CTL_RIGHTS "teams", "roles", "grants"
void ctl_put_rights(struct ctl *c, const struct store_person *p);

/* In a change: e of an _add. ERR_DENIED is said ("there is a team 'x'"). */
enum err
ctl_added(struct ctl *c, enum err e, const char *sort, struct str name);
/* In a change: e of a _set. ERR_NOT_FOUND is said. */
enum err
ctl_was_set(struct ctl *c, enum err e, const char *sort, struct str name);

/*
 * A list with commas or blanks between, each word as is_valid has it, to one
 * with one blank between. what: "network", for the sentence.
 */
int ctl_words(struct ctl *c, const char *what, const char *text,
    bool (*is_valid)(struct str word), struct str *out);
/* Any text without control characters; for models and tags. */
bool ctl_is_word(struct str word);
/*
 * A moment: "90d", "12h" from now; "2026-12-31" (its begin in UTC),
 * "2026-12-31T18:00:00Z"; "now"; "never" (0).
 */
int ctl_when(struct ctl *c, const char *option, const char *text, usec_t *out);
/* A change without a single option is none: it leaves no trace in the audit. */
int ctl_nothing(struct ctl *c);
int ctl_title(struct ctl *c, const char *option, const char *text);
/* CTL_OK when it is one, of a tenant, a team or a key (store_name_valid). */
int ctl_name(struct ctl *c, struct str name);
/* CTL_OK when there is such a role (gate/role.h). */
int ctl_role(struct ctl *c, struct str role);

/* Option --tenant, for all that lies in one. */
#define CTL_TENANT_ROW(field)                                             \
	{                                                                 \
		.name = "tenant", .type = OPT_TEXT, .value = &(field),    \
		.arg = "TENANT",                                          \
		.help = "The tenant; not needed where there is only one." \
	}

#endif
