/* What the commands for tenants, teams and users do alike. */
#include "cmd/ctl_named.h"

struct change {
	struct ctl *c;
	const struct ctl_sort *sort;
	union ctl_named it;
};

static enum err
note(const struct change *ch, const struct ctl_facts *f,
    const union ctl_named *it)
{
	const struct ctl_command *command = ch->c->command;
	char action[64];

	(void)snprintf(
	    action, sizeof(action), "%s.%s", command->group, command->verb);
	return ctl_act(ch->c, action, command->group, f->id, f->tenant_id,
	    ch->sort->detail(ch->c, it));
}

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	const struct ctl_sort *sort = ch->sort;
	/* A copy: it may run again when another was in the way. */
	union ctl_named copy = ch->it;
	struct ctl_facts f = sort->facts(&copy);
	const char *word = ch->c->command->group;
	enum err e;

	if (f.id == 0)
		e = ctl_added(ch->c, sort->add(s, &copy), word, f.name);
	else
		e = ctl_was_set(ch->c, sort->set(s, &copy), word, f.name);
	f = sort->facts(&copy); /* its id */
	if (e == ERR_OK)
		e = note(ch, &f, &copy);
	if (e == ERR_OK)
		ch->it = copy;
	return e;
}

int
ctl_named_change(struct ctl *c, const struct ctl_sort *sort,
    const union ctl_named *it, const char *done)
{
	struct change ch = { c, sort, *it };
	int status = ctl_change(c, apply, &ch);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, sort->columns);
	sort->put(c, &ch.it);
	return ctl_done(c, "%s '%.*s' %s", c->command->group,
	    STR_ARG(sort->facts(&ch.it).name), done);
}

int
ctl_named_block(struct ctl *c, const struct ctl_sort *sort, bool is_blocked)
{
	union ctl_named it;
	int status = sort->find(c, &it);

	if (status != CTL_OK)
		return status;
	*sort->facts(&it).is_blocked = is_blocked;
	return ctl_named_change(
	    c, sort, &it, is_blocked ? "is blocked" : "is not blocked");
}

int
ctl_named_show(struct ctl *c, const struct ctl_sort *sort)
{
	union ctl_named it;
	int status = sort->find(c, &it);

	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, sort->columns);
	sort->put(c, &it);
	return ctl_record_end(c);
}
