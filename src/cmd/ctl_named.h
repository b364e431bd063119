#ifndef CMD_CTL_NAMED_H
#define CMD_CTL_NAMED_H
/*
 * Tenants, teams and users: each has a name that stays, a title, and is
 * blocked instead of deleted. All three are made, changed, blocked and shown
 * in the same way; struct ctl_sort has what differs. Commands are CTL_STORE.
 *
 * A change's audit row has the command's own two words as its action
 * ("team.block") and the group as the sort of its object ("team:4").
 */
#include "cmd/ctl_people.h"

/* One of them; its ctl_sort knows which. */
union ctl_named {
	struct store_tenant tenant;
	struct store_team team;
	struct store_user user;
};

/* What a change needs to know about one. */
struct ctl_facts {
	int64_t id; /* 0: it is not in the database yet */
	int64_t tenant_id;
	struct str name;
	bool *is_blocked; /* in the one that was asked about */
};

struct ctl_sort {
	const char *const *columns; /* of put */
	void (*put)(struct ctl *c, const union ctl_named *it);
	/* The one of operand 0. CTL_OK, or CTL_FAILED and it was said. */
	int (*find)(struct ctl *c, union ctl_named *it);
	struct ctl_facts (*facts)(union ctl_named *it);
	/* The audit's detail, as of ctl_detail. */
	struct str (*detail)(struct ctl *c, const union ctl_named *it);
	/* As the store's functions for this sort. */
	enum err (*add)(struct store *s, union ctl_named *it);
	enum err (*set)(struct store *s, union ctl_named *it);
};

/*
 * Adds what has no id yet, sets what has one, and shows it. done: what is said
 * of it: "is changed".
 */
int ctl_named_change(struct ctl *c, const struct ctl_sort *sort,
    const union ctl_named *it, const char *done);
int
ctl_named_block(struct ctl *c, const struct ctl_sort *sort, bool is_blocked);
int ctl_named_show(struct ctl *c, const struct ctl_sort *sort);

#endif
