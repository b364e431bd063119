#include "prov/history.h"

enum err
prov_history_init(
    struct prov_history *h, struct arena *arena, const struct msg_request *req)
{
	*h = (struct prov_history){ .arena = arena,
		.n_messages = req->n_messages };
	h->is_orphan = arena_calloc(arena, req->n_messages, sizeof(bool));
	return h->is_orphan == NULL ? ERR_NOMEM : ERR_OK;
}

void
prov_history_fini(struct prov_history *h)
{
	map_free(h->by_id);
	h->by_id = NULL;
}

void
prov_history_turn(struct prov_history *h)
{
	h->turn++;
}

/* Notes the call under its id; false: no memory. */
static bool
name_it(struct prov_history *h, struct prov_slot *s, struct prov_slot *old)
{
	if (old != NULL && old->turn == h->turn) {
		old->same_last->same = s;
		old->same_last = s;
		if (old->same_open == NULL)
			old->same_open = s;
		return true;
	}
	s->same_last = s->same_open = s;
	if (h->by_id == NULL)
		h->by_id = map_new(UINT32_MAX);
	return h->by_id != NULL && map_put(h->by_id, s->call->id, s) == ERR_OK;
}

struct prov_slot *
prov_history_call(struct prov_history *h, const struct msg_call *c)
{
	struct prov_slot *s = ARENA_NEW(h->arena, struct prov_slot);
	struct prov_slot *old = map_find(h->by_id, c->id);

	if (s == NULL)
		return NULL;
	s->call = c;
	s->turn = h->turn;
	s->is_repeat = old != NULL;
	if (c->id.n != 0) {
		if (!name_it(h, s, old))
			return NULL;
	} else if (h->nameless == NULL) {
		h->nameless = s;
	}
	if (h->last == NULL)
		h->first = s;
	else
		h->last->next = s;
	h->last = s;
	return s;
}

/* Results without an id are taken in the order of the calls without one. */
static enum prov_taken
take_nameless(struct prov_history *h, const struct msg *m)
{
	struct prov_slot *s = h->nameless;

	if (s == NULL)
		return PROV_TAKEN_ORPHAN;
	s->result = m;
	do {
		s = s->next;
	} while (s != NULL && s->call->id.n != 0);
	h->nameless = s;
	return PROV_TAKEN;
}

enum prov_taken
prov_history_take(struct prov_history *h, const struct msg *m)
{
	struct prov_slot *first;
	struct prov_slot *s;
	enum prov_taken how = PROV_TAKEN_ORPHAN;

	if (m->call_id.n == 0) {
		how = take_nameless(h, m);
	} else if (h->first != NULL) {
		first = map_find(h->by_id, m->call_id);
		if (first != NULL && first->turn == h->turn) {
			s = first->same_open;
			how = s == NULL ? PROV_TAKEN_TWICE : PROV_TAKEN;
			if (s != NULL) {
				s->result = m;
				first->same_open = s->same;
			}
		}
	}
	if (how == PROV_TAKEN_ORPHAN && m->index < h->n_messages)
		h->is_orphan[m->index] = true;
	return how;
}

bool
prov_history_is_orphan(const struct prov_history *h, const struct msg *m)
{
	return m->index < h->n_messages && h->is_orphan[m->index];
}

void
prov_history_settle(struct prov_history *h)
{
	h->first = h->last = h->nameless = NULL;
}
