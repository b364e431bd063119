#include "gate/source.h"

#include <stdio.h>

#include "gate/role.h"
#include "store/change.h"
#include "store/people.h"
#include "store/person.h"
#include "store/replica.h"

/* Scratch of one look-up; what is kept of it is copied (gate_person_new). */
#define LOOK_BYTES_MAX (1u << 20)

static void
add_change(struct gate_batch *b, enum gate_change_sort sort, int64_t id)
{
	b->change[b->n_changes++] = (struct gate_change){ sort, id };
}

/* Whom a change concerns; limits, secrets and prices are others' matter. */
static enum err
on_change(void *arg, int64_t seq, struct str sort, int64_t id)
{
	struct gate_batch *b = arg;

	b->seen = seq;
	if (str_eqz(sort, "key"))
		add_change(b, GATE_CHANGE_KEY, id);
	else if (str_eqz(sort, "user"))
		add_change(b, GATE_CHANGE_USER, id);
	else if (str_eqz(sort, "tenant"))
		add_change(b, GATE_CHANGE_TENANT, id);
	else if (str_eqz(sort, "team") || str_eqz(sort, "role") ||
		 str_eqz(sort, "grant"))
		add_change(b, GATE_CHANGE_ALL, 0);
	return ERR_OK;
}

static enum err
read_changes(struct store *s, struct gate_batch *b)
{
	bool gap = false;
	uint32_t n;
	enum err e;

	if (b->seen < 0)
		return store_change_last(s, &b->seen);
	do {
		int64_t before = b->seen;

		n = b->n_changes;
		e = store_change_each(
		    s, b->seen, GATE_CHANGES_MAX - n, &gap, on_change, b);
		if (e != ERR_OK || before == b->seen)
			break;
	} while (!gap && b->n_changes < GATE_CHANGES_MAX);
	/* So much has changed that all is read anew. */
	if (e == ERR_OK && (gap || b->n_changes == GATE_CHANGES_MAX)) {
		e = store_change_last(s, &b->seen);
		b->n_changes = 0;
		add_change(b, GATE_CHANGE_ALL, 0);
	}
	return e;
}

/* Users are made, tenants are not. */
static enum err
is_tenant_there(struct store *s, struct str name, bool *out)
{
	struct arena *a = arena_new(LOOK_BYTES_MAX);
	struct store_tenant t = { 0 };
	enum err e = a ? store_tenant_find(s, name, a, &t) : ERR_NOMEM;

	*out = e == ERR_OK && !t.is_blocked;
	arena_free(a);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err
refuse(struct store *s, const struct gate_want *w, struct gate_answer *a)
{
	enum gate_refusal refusal = GATE_UNKNOWN;
	bool is_it = false;
	enum err e = ERR_OK;

	if (w->sort == GATE_WANT_KEY) {
		e = store_person_has_public(s, str_z(w->public_part), &is_it);
		refusal = GATE_FOREIGN;
	} else if (w->may_be_new && store_user_name_valid(str_z(w->user))) {
		e = is_tenant_there(s, str_z(w->tenant), &is_it);
		refusal = GATE_NEW;
	}
	if (e != ERR_OK)
		return e;
	a->err = ERR_NOT_FOUND;
	a->refusal = is_it ? refusal : GATE_UNKNOWN;
	return ERR_OK;
}

/* Words of the roles whose bits are set. */
static void
role_words(unsigned roles, struct str out[STORE_PERSON_GIVEN_MAX])
{
	uint32_t n = 0;

	_Static_assert(GATE_ROLE__MAX <= STORE_PERSON_GIVEN_MAX, "room");
	for (unsigned i = 0; i < GATE_ROLE__MAX; i++)
		if (roles & 1u << i)
			out[n++] = str_z(gate_role_words[i]);
}

static enum err
look_up_user(struct store *s, const struct gate_want *w, struct arena *arena,
    struct store_person *facts)
{
	struct store_person_ask ask = { .tenant = str_z(w->tenant),
		.user = str_z(w->user) };
	enum err e;

	if (w->team[0])
		ask.team = str_z(w->team);
	role_words(w->roles, ask.roles);
	e = store_person_by_user(s, &ask, arena, facts);
	if (e == ERR_OK)
		facts->expires = w->expires;
	return e;
}

/* What is wrong with this one alone is its answer; the rest is the result. */
static enum err
look_up(struct store *s, const struct gate_want *w, struct gate_answer *a)
{
	struct arena *arena = arena_new(LOOK_BYTES_MAX);
	struct store_person facts;
	enum err e = ERR_NOMEM;

	if (!arena)
		goto out;
	if (w->sort == GATE_WANT_KEY)
		e = store_person_by_keys(s, w->id, w->older, w->n_older,
		    str_z(gate_role_words[GATE_DEVELOPER]), arena, &facts);
	else
		e = look_up_user(s, w, arena, &facts);
	if (e == ERR_OK)
		e = gate_person_new(&facts, &a->person);
out:
	arena_free(arena);
	a->err = e;
	if (e == ERR_NOT_FOUND)
		return refuse(s, w, a);
	return e == ERR_NOMEM || e == ERR_LIMIT ? ERR_OK : e;
}

/* No database has been made yet: whoever asks is in the files, or nobody. */
static enum err
answer_nobody(struct gate_batch *b)
{
	for (uint32_t i = 0; i < b->n_wants; i++)
		b->answer[i] = (struct gate_answer){ .err = ERR_NOT_FOUND,
			.refusal = GATE_UNKNOWN };
	return ERR_OK;
}

static void
drop_persons(struct gate_batch *b)
{
	for (uint32_t i = 0; i < b->n_wants; i++) {
		gate_person_unref(b->answer[i].person);
		b->answer[i] = (struct gate_answer){ .err = ERR_IO };
	}
}

static enum err
answer_from(struct store *s, struct gate_batch *b)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; e == ERR_OK && i < b->n_wants; i++)
		e = look_up(s, &b->want[i], &b->answer[i]);
	if (e != ERR_OK)
		drop_persons(b);
	return e;
}

/* Who is known on this host, while the database is away. */
static void
answer_known(struct store_pool *pool, struct gate_batch *b)
{
	struct store *s;

	if (b->n_wants == 0 || store_pool_take_replica(pool, &s) != ERR_OK)
		return;
	if (store_replica_confirmed(s, &b->known_at) != ERR_OK ||
	    answer_from(s, b) != ERR_OK)
		b->known_at = 0;
	store_close(s);
}

static enum err
run(void *arg, struct gate_batch *b)
{
	struct store_pool *pool = arg;
	struct store *s;
	enum err e = store_pool_take(pool, &s, b->why);

	if (e == ERR_NOT_FOUND && b->seen < 0)
		return answer_nobody(b);
	if (e == ERR_OK) {
		e = read_changes(s, b);
		if (e == ERR_OK)
			e = answer_from(s, b);
		if (e != ERR_OK)
			snprintf(b->why, sizeof(b->why), "%s", store_why(s));
		store_pool_give(pool, s, e);
	}
	if (e != ERR_OK)
		answer_known(pool, b);
	return e;
}

struct gate_source
gate_source_store(struct store_pool *pool)
{
	return (struct gate_source){ run, pool };
}
