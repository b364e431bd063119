#include "meter/spool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "meter/spool_int.h"

bool
spool_is_full(const struct spool *s)
{
	if (s->waiting && s->has_failed)
		return true;
	return s->has_failed && !s->ahead &&
	       spool_log_room(s) < spool_record_bytes(SPOOL_SLOT_PAYLOAD_MAX);
}

const char *
spool_why(const struct spool *s)
{
	return s->why;
}

void
spool_limit(struct spool *s, uint64_t max_bytes)
{
	s->max_bytes = max_bytes;
}

static void
words_reset(struct spool_slot *slot, uint32_t first)
{
	_Atomic uint32_t *words = spool_words(slot);

	for (int i = 0; i < SPOOL_WORDS; i++)
		atomic_store_explicit(
		    &words[i], i == 0 ? first : 0, memory_order_relaxed);
}

struct spool_slot *
spool_begin(struct spool *s, uint32_t first_word, const void *payload, size_t n)
{
	struct spool_slot *slot;

	ASSERT(n <= SPOOL_SLOT_PAYLOAD_MAX);
	if (spool_is_full(s) || (!s->free && !spool_table_grow(s)))
		return NULL;
	slot = s->free;
	s->free = slot->next;
	slot->next = NULL;
	s->n_used++;
	atomic_store_explicit(
	    (_Atomic uint64_t *)slot->p, 0, memory_order_relaxed);
	words_reset(slot, first_word);
	spool_record_put(slot->p + SPOOL_SLOT_BEGIN, spool_table_seed(s),
	    SPOOL_BEGIN, payload, n);
	s->is_table_dirty = true;
	spool_sync_soon(s);
	return slot;
}

void
spool_progress(struct spool_slot *slot, uint64_t done)
{
	atomic_store_explicit(
	    (_Atomic uint64_t *)slot->p, done, memory_order_relaxed);
}

_Atomic uint32_t *
spool_words(struct spool_slot *slot)
{
	return (_Atomic uint32_t *)(slot->p + SPOOL_SLOT_WORDS);
}

void
spool_settle(
    struct spool *s, struct spool_slot *slot, const void *payload, size_t n)
{
	ASSERT(n <= SPOOL_SLOT_PAYLOAD_MAX);
	if (!s->waiting && spool_append(s, SPOOL_SETTLE, payload, n)) {
		fault_kill("kill.appended");
		spool_slot_release(s, slot);
		return;
	}
	spool_record_put(slot->p + SPOOL_SLOT_SETTLE, spool_table_seed(s),
	    SPOOL_SETTLE, payload, n);
	*s->waiting_last = slot;
	s->waiting_last = &slot->next;
	slot->next = NULL;
	s->is_table_dirty = true;
	s->has_records = true;
	spool_make_ahead(s);
	spool_sync_soon(s);
}

enum err
spool_add(struct spool *s, enum spool_kind kind, const void *payload, size_t n)
{
	if (n > SPOOL_PAYLOAD_MAX)
		return ERR_LIMIT;
	return spool_append(s, kind, payload, n) ? ERR_OK : ERR_LIMIT;
}

void
spool_unbooked(struct spool *s)
{
	s->unbooked.to = clock_wall();
	if (s->unbooked.count++ == 0)
		s->unbooked.from = s->unbooked.to;
}

/* ---- life ---------------------------------------------------------------- */

void
spool_close(struct spool *s)
{
	if (!s)
		return;
	timer_stop(s->loop, &s->sync_timer);
	timer_stop(s->loop, &s->retry_timer);
	loop_finish_work(s->loop);
	spool_put_waiting(s);
	loop_finish_work(s->loop);
	timer_stop(s->loop, &s->sync_timer);
	timer_stop(s->loop, &s->retry_timer);
	spool_log_close(s);
	spool_table_close(s);
	free(s->folder);
	free(s);
}

static enum err
files_make(struct spool *s, const struct spool_options *o)
{
	enum err e = spool_folder(s->folder);

	if (e == ERR_OK)
		e = spool_table_make(s, o->slots ? o->slots : SPOOL_SLOTS);
	if (e == ERR_OK)
		e = spool_log_open(s);
	return e;
}

enum err
spool_open(struct loop *loop, const struct spool_options *o, struct spool **out,
    char why[SPOOL_WHY_SIZE])
{
	struct spool *s = calloc(1, sizeof(*s));
	char node[SPOOL_NODE_MAX];
	enum err e = ERR_NOMEM;

	snprintf(why, SPOOL_WHY_SIZE, "%s", err_word(ERR_NOMEM));
	if (!s)
		return ERR_NOMEM;
	s->loop = loop;
	s->max_bytes = o->max_bytes;
	s->waiting_last = &s->waiting;
	s->segment_bytes =
	    o->segment_bytes ? o->segment_bytes : SPOOL_SEGMENT_BYTES;
	spool_node_name(str_z(o->node), node, sizeof(node));
	snprintf(s->writer, sizeof(s->writer), "%s-%ld-%llx", node,
	    (long)getpid(), (unsigned long long)clock_wall());
	s->folder = strdup(o->folder);
	if (s->folder) {
		e = files_make(s, o);
		spool_describe(s, e, errno);
		snprintf(why, SPOOL_WHY_SIZE, "%s", s->why);
	}
	if (e != ERR_OK) {
		spool_close(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}
