/* The table of what is under way: a slot for each call that has begun. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "meter/spool_int.h"

uint32_t
spool_table_seed(const struct spool *s)
{
	return ((struct spool_head *)s->chunks[0].map.p)->seed;
}

static enum err
chunk_fill(struct spool *s, struct spool_chunk *c, size_t from, uint32_t n)
{
	c->slots = calloc(n, sizeof(*c->slots));
	if (!c->slots)
		return ERR_NOMEM;
	c->n = n;
	for (uint32_t i = n; i-- > 0;) {
		c->slots[i].p = c->map.p + from + (size_t)i * SPOOL_SLOT_BYTES;
		c->slots[i].next = s->free;
		s->free = &c->slots[i];
	}
	s->n_slots += n;
	s->n_chunks++;
	return ERR_OK;
}

enum err
spool_table_make(struct spool *s, uint32_t n)
{
	char name[SPOOL_NAME_MAX];
	struct spool_chunk *c = &s->chunks[0];
	enum err e;

	s->table_bytes = SPOOL_TABLE_HEAD + (size_t)n * SPOOL_SLOT_BYTES;
	snprintf(name, sizeof(name), "%s.open", s->writer);
	e = spool_file_make(s->folder, name, SPOOL_TABLE, s->table_bytes,
	    s->max_bytes, &c->map);
	if (e != ERR_OK)
		return e;
	return chunk_fill(s, c, SPOOL_TABLE_HEAD, n);
}

bool
spool_table_grow(struct spool *s)
{
	uint32_t n = s->n_slots;
	size_t more = (size_t)n * SPOOL_SLOT_BYTES;
	struct spool_chunk *c = &s->chunks[s->n_chunks];
	enum err e;

	if (s->n_chunks == SPOOL_CHUNKS_MAX || n + n > SPOOL_SLOTS_MAX ||
	    s->has_failed)
		return false;
	e = spool_file_grow(s->folder, &s->chunks[0].map, s->table_bytes, more,
	    s->max_bytes, &c->map);
	if (e != ERR_OK) {
		spool_describe(s, e, errno);
		spool_retry(s);
		return false;
	}
	s->table_bytes += more;
	if (chunk_fill(s, c, 0, n) == ERR_OK)
		return true;
	spool_file_unmap(&c->map);
	return false;
}

void
spool_slot_release(struct spool *s, struct spool_slot *slot)
{
	struct spool_record *begin, *settle;

	begin = (struct spool_record *)(slot->p + SPOOL_SLOT_BEGIN);
	settle = (struct spool_record *)(slot->p + SPOOL_SLOT_SETTLE);
	/* In this order: a begin must not outlive its settle. */
	atomic_store_explicit(&begin->magic, 0, memory_order_release);
	atomic_store_explicit(&settle->magic, 0, memory_order_release);
	slot->next = s->free;
	s->free = slot;
	s->n_used--;
	s->is_table_dirty = true;
}

void
spool_put_waiting(struct spool *s)
{
	struct spool_slot *slot;

	while ((slot = s->waiting)) {
		const struct spool_record *r =
		    (const struct spool_record *)(slot->p + SPOOL_SLOT_SETTLE);

		if (!spool_append(s, SPOOL_SETTLE, r->payload, r->n))
			return;
		s->waiting = slot->next;
		if (!s->waiting)
			s->waiting_last = &s->waiting;
		spool_slot_release(s, slot);
	}
	if (s->unbooked.count > 0 &&
	    spool_append(s, SPOOL_UNBOOKED, &s->unbooked, sizeof(s->unbooked)))
		s->unbooked = (struct spool_unbooked){ 0 };
}

void
spool_table_close(struct spool *s)
{
	char name[SPOOL_NAME_MAX];

	if (s->n_chunks > 0)
		(void)!fdatasync(s->chunks[0].map.fd);
	if (s->n_chunks > 0 && s->n_used == 0 && !s->has_records) {
		snprintf(name, sizeof(name), "%s.open", s->writer);
		spool_remove_file(s, name);
	}
	for (uint32_t i = SPOOL_CHUNKS_MAX; i-- > 0;) {
		if (s->chunks[i].map.p)
			spool_file_unmap(&s->chunks[i].map);
		free(s->chunks[i].slots);
	}
}
