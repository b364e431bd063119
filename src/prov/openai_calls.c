#include "prov/openai.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

static uint64_t
hash_of(struct str s)
{
	uint64_t h;

	if (s.n == 0)
		return 0;
	h = hash_u64(s);
	return h != 0 ? h : 1;
}

static struct openai_call *
call_add(struct openai_choice *ch)
{
	uint32_t cap = ch->cap != 0 ? ch->cap * 2 : 4;
	struct openai_call *calls;

	if (ch->n_calls == OPENAI_CALLS_MAX)
		return NULL;
	if (ch->n_calls == ch->cap) {
		calls = fault("prov.openai")
			    ? NULL
			    : realloc(ch->calls, cap * sizeof(*calls));
		if (calls == NULL)
			return NULL;
		ch->calls = calls;
		ch->cap = cap;
	}
	ch->calls[ch->n_calls] = (struct openai_call){ .up_index = -1 };
	return &ch->calls[ch->n_calls++];
}

/* The last one: makers use index 0 for every call in turn. */
static struct openai_call *
by_index(const struct openai_choice *ch, int64_t up_index)
{
	for (uint32_t i = ch->n_calls; up_index >= 0 && i > 0; i--) {
		if (ch->calls[i - 1].up_index == up_index)
			return &ch->calls[i - 1];
	}
	return NULL;
}

static struct openai_call *
by_id(const struct openai_choice *ch, uint64_t id, int64_t up_index)
{
	for (uint32_t i = ch->n_calls; i > 0; i--) {
		struct openai_call *c = &ch->calls[i - 1];

		if (c->id_hash == id && (up_index < 0 || c->up_index < 0 ||
					    c->up_index == up_index))
			return c;
	}
	return NULL;
}

/* Whether a piece without an id goes on with c (wire.md 10 #7, #9). */
static bool
goes_on(const struct openai_call *c, uint64_t name, struct str args)
{
	if (name == 0 || c->name_hash == 0)
		return true;
	if (name != c->name_hash)
		return false;
	return !(c->is_whole && args.n != 0 && args.p[0] == '{');
}

static struct openai_call *
find(const struct openai_choice *ch, uint64_t id, uint64_t name,
    int64_t up_index, struct str args)
{
	struct openai_call *c;

	if (id != 0) {
		c = by_id(ch, id, up_index);
		if (c != NULL)
			return c;
		/* the id came after the beginning */
		c = by_index(ch, up_index);
		if (c != NULL && c->id_hash == 0 && goes_on(c, name, args))
			return c;
		return NULL;
	}
	if (up_index >= 0) {
		c = by_index(ch, up_index);
		return c != NULL && goes_on(c, name, args) ? c : NULL;
	}
	/* neither id nor index: a name begins a call, the rest goes on */
	return name == 0 && ch->n_calls != 0 ? &ch->calls[ch->n_calls - 1]
					     : NULL;
}

uint32_t
openai_call_find(struct openai_choice *ch, struct str id, struct str name,
    int64_t up_index, bool is_whole, struct str args)
{
	uint64_t id_hash = hash_of(id);
	uint64_t name_hash = hash_of(name);
	struct openai_call *c = NULL;

	if (!is_whole)
		c = find(ch, id_hash, name_hash, up_index, args);
	if (c == NULL) {
		c = call_add(ch);
		if (c == NULL)
			return UINT32_MAX;
		c->up_index = up_index;
		c->is_whole = args.n != 0 && args.p[args.n - 1] == '}';
	}
	if (id_hash != 0)
		c->id_hash = id_hash;
	if (name_hash != 0)
		c->name_hash = name_hash;
	return (uint32_t)(c - ch->calls);
}

void
openai_choice_fini(struct openai_choice *ch)
{
	for (uint32_t i = 0; i < ch->n_calls; i++)
		free(ch->calls[i].id);
	free(ch->calls);
}
