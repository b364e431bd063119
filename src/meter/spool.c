#include "meter/spool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "meter/spool_file.h"

#define CHUNKS_MAX 16
#define PAGE ((size_t)4096)
/* How soon a file that could not be made is tried again. */
#define RETRY (1 * USEC_PER_SEC)

/* Counted: the pool may still sync what the loop has left behind. */
struct segment {
	struct spool_map map;
	size_t at; /* bytes used */
	size_t done; /* of them: synced, and not touched again */
	unsigned refs;
	bool is_dirty;
	char name[SPOOL_NAME_MAX];
};

struct spool_slot {
	struct spool_slot *next; /* free ones, or those with a waiting settle */
	char *p; /* in the table */
};

struct chunk {
	struct spool_map map;
	struct spool_slot *slots;
	uint32_t n;
};

struct spool {
	struct loop *loop;
	char *folder;
	char writer[SPOOL_NAME_MAX - 16];
	uint64_t max_bytes;
	uint32_t segment_bytes;
	uint32_t number; /* of the newest segment */

	struct segment *now;
	struct segment *ahead; /* made, empty; or NULL */
	struct segment *left; /* full, not synced; or NULL */

	struct chunk chunks[CHUNKS_MAX];
	uint32_t n_chunks, n_slots, n_used;
	size_t table_bytes;
	struct spool_slot *free;
	struct spool_slot *waiting, **waiting_last;
	bool is_table_dirty;
	bool has_records;

	struct spool_unbooked unbooked;
	struct timer sync_timer, retry_timer;
	bool is_syncing, is_making;
	bool has_failed; /* the last file that was wanted */
	char why[SPOOL_WHY_SIZE];
};

/* ---- segments ------------------------------------------------------------ */

static void
segment_unref(struct segment *g)
{
	if (!g || --g->refs > 0)
		return;
	spool_file_unmap(&g->map);
	free(g);
}

/* Blocks; touches nothing but what it is given. */
static enum err
segment_make(const char *folder, const char *writer, uint32_t number,
    uint32_t bytes, uint64_t max_bytes, struct segment **out)
{
	struct segment *g = calloc(1, sizeof(*g));
	enum err e;

	if (!g)
		return ERR_NOMEM;
	g->refs = 1;
	g->at = sizeof(struct spool_head);
	g->done = PAGE;
	snprintf(g->name, sizeof(g->name), "%s.%08x.seg", writer, number);
	e = spool_file_make(
	    folder, g->name, SPOOL_SEGMENT, bytes, max_bytes, &g->map);
	if (e != ERR_OK) {
		free(g);
		return e;
	}
	*out = g;
	return ERR_OK;
}

static void
segment_finish(struct segment *g)
{
	struct spool_head *h = (struct spool_head *)g->map.p;

	atomic_store_explicit(&h->is_finished, 1, memory_order_release);
	g->is_dirty = true;
}

static size_t
segment_room(const struct segment *g)
{
	return g ? g->map.bytes - g->at : 0;
}

static void
describe(struct spool *s, enum err e, int code)
{
	s->has_failed = e != ERR_OK;
	if (e == ERR_LIMIT)
		snprintf(s->why, sizeof(s->why),
		    "%s holds ledger.max_spool (%llu bytes)", s->folder,
		    (unsigned long long)s->max_bytes);
	else
		snprintf(s->why, sizeof(s->why), "%s: %s", s->folder,
		    e == ERR_NOMEM ? err_word(e) : strerror(code));
	if (e == ERR_OK)
		s->why[0] = '\0';
}

/* ---- sync ---------------------------------------------------------------- */

static void sync_soon(struct spool *s);

struct sync_part {
	struct segment *segment; /* held; NULL: nothing to do */
	char *full; /* pages to which nothing is added any more */
	size_t full_bytes;
};

struct sync_job {
	struct spool *spool;
	struct sync_part parts[2];
	uint32_t n_chunks; /* of the table; 0: nothing to do */
};

/*
 * A page that is mapped while it is written out is write-protected first, and
 * the threads of this process are interrupted for each such page. So they leave
 * the mapping before, all in one go; they are the file's as before, and who
 * touches one finds it there.
 */
static void
unmap_pages(char *p, size_t bytes)
{
	if (bytes > 0)
		(void)!madvise(p, bytes, MADV_DONTNEED);
}

static void
sync_part(const struct sync_part *p)
{
	if (!p->segment)
		return;
	unmap_pages(p->full, p->full_bytes);
	(void)!fdatasync(p->segment->map.fd);
}

/* A chunk stays as it is until the spool is closed. */
static void
sync_table(const struct spool *s, uint32_t n_chunks)
{
	for (uint32_t i = 0; i < n_chunks; i++)
		unmap_pages(s->chunks[i].map.p, s->chunks[i].map.bytes);
	if (n_chunks > 0)
		(void)!fdatasync(s->chunks[0].map.fd);
}

static void
sync_work(void *arg)
{
	struct sync_job *j = arg;

	for (unsigned i = 0; i < 2; i++)
		sync_part(&j->parts[i]);
	sync_table(j->spool, j->n_chunks);
}

static void
sync_done(void *arg)
{
	struct sync_job *j = arg;
	struct spool *s = j->spool;

	for (unsigned i = 0; i < 2; i++)
		segment_unref(j->parts[i].segment);
	free(j);
	s->is_syncing = false;
	sync_soon(s);
}

/* Not the first page: its head is read for each record. */
static void
take_dirty(struct segment *g, struct sync_part *p)
{
	size_t full;

	if (!g || !g->is_dirty)
		return;
	g->is_dirty = false;
	g->refs++;
	*p = (struct sync_part){ .segment = g };
	full = g->at - g->at % PAGE;
	if (full <= g->done)
		return;
	p->full = g->map.p + g->done;
	p->full_bytes = full - g->done;
	g->done = full;
}

static void
on_sync_time(void *arg)
{
	struct spool *s = arg;
	struct sync_job *j = calloc(1, sizeof(*j));

	if (!j) {
		sync_soon(s);
		return;
	}
	*j = (struct sync_job){ .spool = s };
	take_dirty(s->left, &j->parts[0]);
	take_dirty(s->now, &j->parts[1]);
	segment_unref(s->left);
	s->left = NULL;
	if (s->is_table_dirty)
		j->n_chunks = s->n_chunks;
	s->is_table_dirty = false;
	s->is_syncing = true;
	if (loop_work(s->loop, sync_work, sync_done, j) != ERR_OK) {
		sync_work(j);
		sync_done(j);
	}
}

static void
sync_soon(struct spool *s)
{
	bool is_dirty =
	    s->is_table_dirty || s->left || (s->now && s->now->is_dirty);

	if (is_dirty && !s->is_syncing && !timer_is_set(&s->sync_timer))
		(void)!timer_set(
		    s->loop, &s->sync_timer, SPOOL_SYNC_EVERY, on_sync_time, s);
}

/* ---- making files ahead of need ------------------------------------------ */

static void make_ahead(struct spool *s);

struct make_job {
	struct spool *spool;
	uint32_t number;
	uint32_t bytes;
	uint64_t max_bytes;
	struct segment *made;
	enum err e;
	int code; /* errno */
};

static void
make_work(void *arg)
{
	struct make_job *j = arg;

	j->e = segment_make(j->spool->folder, j->spool->writer, j->number,
	    j->bytes, j->max_bytes, &j->made);
	j->code = errno;
}

static void put_waiting(struct spool *s);

static bool
wants_segment(const struct spool *s)
{
	return !s->ahead &&
	       (segment_room(s->now) <= s->segment_bytes / 2 || s->waiting);
}

static void
on_retry(void *arg)
{
	struct spool *s = arg;

	/* What was wanted then may not be wanted now: a larger table. */
	if (wants_segment(s))
		make_ahead(s);
	else
		describe(s, ERR_OK, 0);
}

static void
make_done(void *arg)
{
	struct make_job *j = arg;
	struct spool *s = j->spool;

	s->is_making = false;
	describe(s, j->e, j->code);
	if (j->e == ERR_OK) {
		s->ahead = j->made;
		put_waiting(s);
	} else {
		(void)!timer_set(s->loop, &s->retry_timer, RETRY, on_retry, s);
	}
	free(j);
}

/* When half of a segment is used the next one is made. */
static void
make_ahead(struct spool *s)
{
	struct make_job *j;

	if (!wants_segment(s) || s->is_making || timer_is_set(&s->retry_timer))
		return;
	j = calloc(1, sizeof(*j));
	if (!j)
		return;
	*j = (struct make_job){ .spool = s,
		.number = ++s->number,
		.bytes = s->segment_bytes,
		.max_bytes = s->max_bytes };
	s->is_making = true;
	if (loop_work(s->loop, make_work, make_done, j) != ERR_OK) {
		s->is_making = false;
		free(j);
	}
}

/*
 * The next segment, if the present one has no room for n bytes. It is there
 * already unless half a segment was filled faster than the pool made one: then,
 * and only then, it is made here.
 */
static bool
turn_over(struct spool *s, size_t n)
{
	enum err e;

	if (segment_room(s->now) >= n)
		return true;
	if (!s->ahead && !s->has_failed) {
		e = segment_make(s->folder, s->writer, ++s->number,
		    s->segment_bytes, s->max_bytes, &s->ahead);
		describe(s, e, errno);
	}
	if (!s->ahead) {
		make_ahead(s);
		return false;
	}
	if (s->now) {
		segment_finish(s->now);
		if (s->left) /* two in 50 ms: this one waits for its sync */
			(void)!fdatasync(s->left->map.fd);
		segment_unref(s->left);
		s->left = s->now;
	}
	s->now = s->ahead;
	s->ahead = NULL;
	return segment_room(s->now) >= n;
}

static bool
append(struct spool *s, enum spool_kind kind, const void *payload, size_t n)
{
	size_t bytes = spool_record_bytes(n);
	struct segment *g;

	if (!turn_over(s, bytes))
		return false;
	g = s->now;
	spool_record_put(g->map.p + g->at,
	    ((struct spool_head *)g->map.p)->seed, (uint16_t)kind, payload, n);
	g->at += bytes;
	g->is_dirty = true;
	s->has_records = true;
	make_ahead(s);
	sync_soon(s);
	return true;
}

/* ---- the table ----------------------------------------------------------- */

static uint32_t
table_seed(const struct spool *s)
{
	return ((struct spool_head *)s->chunks[0].map.p)->seed;
}

static enum err
chunk_fill(struct spool *s, struct chunk *c, size_t from, uint32_t n)
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

static enum err
table_make(struct spool *s, uint32_t n)
{
	char name[SPOOL_NAME_MAX];
	struct chunk *c = &s->chunks[0];
	enum err e;

	s->table_bytes = SPOOL_TABLE_HEAD + (size_t)n * SPOOL_SLOT_BYTES;
	snprintf(name, sizeof(name), "%s.open", s->writer);
	e = spool_file_make(s->folder, name, SPOOL_TABLE, s->table_bytes,
	    s->max_bytes, &c->map);
	if (e != ERR_OK)
		return e;
	return chunk_fill(s, c, SPOOL_TABLE_HEAD, n);
}

/*
 * Twice as many slots. On the loop: it happens a few times in the life of a
 * worker, when it has more under way than ever before.
 */
static bool
table_grow(struct spool *s)
{
	uint32_t n = s->n_slots;
	size_t more = (size_t)n * SPOOL_SLOT_BYTES;
	struct chunk *c = &s->chunks[s->n_chunks];
	enum err e;

	if (s->n_chunks == CHUNKS_MAX || n + n > SPOOL_SLOTS_MAX ||
	    s->has_failed)
		return false;
	e = spool_file_grow(s->folder, &s->chunks[0].map, s->table_bytes, more,
	    s->max_bytes, &c->map);
	if (e != ERR_OK) {
		describe(s, e, errno);
		(void)!timer_set(s->loop, &s->retry_timer, RETRY, on_retry, s);
		return false;
	}
	s->table_bytes += more;
	if (chunk_fill(s, c, 0, n) == ERR_OK)
		return true;
	spool_file_unmap(&c->map);
	return false;
}

static void
slot_release(struct spool *s, struct spool_slot *slot)
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

/* Settles that wait in their slots, as far as there is room. */
static void
put_waiting(struct spool *s)
{
	struct spool_slot *slot;

	while ((slot = s->waiting)) {
		const struct spool_record *r =
		    (const struct spool_record *)(slot->p + SPOOL_SLOT_SETTLE);

		if (!append(s, SPOOL_SETTLE, r->payload, r->n))
			return;
		s->waiting = slot->next;
		if (!s->waiting)
			s->waiting_last = &s->waiting;
		slot_release(s, slot);
	}
	if (s->unbooked.count > 0 &&
	    append(s, SPOOL_UNBOOKED, &s->unbooked, sizeof(s->unbooked)))
		s->unbooked = (struct spool_unbooked){ 0 };
}

/* ---- what others call ---------------------------------------------------- */

bool
spool_is_full(const struct spool *s)
{
	if (s->waiting && s->has_failed)
		return true;
	return s->has_failed && !s->ahead &&
	       segment_room(s->now) <
		   spool_record_bytes(SPOOL_SLOT_PAYLOAD_MAX);
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
	if (spool_is_full(s) || (!s->free && !table_grow(s)))
		return NULL;
	slot = s->free;
	s->free = slot->next;
	slot->next = NULL;
	s->n_used++;
	atomic_store_explicit(
	    (_Atomic uint64_t *)slot->p, 0, memory_order_relaxed);
	words_reset(slot, first_word);
	spool_record_put(
	    slot->p + SPOOL_SLOT_BEGIN, table_seed(s), SPOOL_BEGIN, payload, n);
	s->is_table_dirty = true;
	sync_soon(s);
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
	if (!s->waiting && append(s, SPOOL_SETTLE, payload, n)) {
		fault_kill("kill.appended");
		slot_release(s, slot);
		return;
	}
	spool_record_put(slot->p + SPOOL_SLOT_SETTLE, table_seed(s),
	    SPOOL_SETTLE, payload, n);
	*s->waiting_last = slot;
	s->waiting_last = &slot->next;
	slot->next = NULL;
	s->is_table_dirty = true;
	s->has_records = true;
	make_ahead(s);
	sync_soon(s);
}

enum err
spool_add(struct spool *s, enum spool_kind kind, const void *payload, size_t n)
{
	if (n > SPOOL_PAYLOAD_MAX)
		return ERR_LIMIT;
	return append(s, kind, payload, n) ? ERR_OK : ERR_LIMIT;
}

void
spool_unbooked(struct spool *s)
{
	s->unbooked.to = clock_wall();
	if (s->unbooked.count++ == 0)
		s->unbooked.from = s->unbooked.to;
}

/* ---- life ---------------------------------------------------------------- */

static void
remove_file(const struct spool *s, const char *name)
{
	char path[2048];
	int n = snprintf(path, sizeof(path), "%s/%s", s->folder, name);

	if (n > 0 && (size_t)n < sizeof(path))
		(void)!unlink(path);
}

static void
table_close(struct spool *s)
{
	char name[SPOOL_NAME_MAX];

	if (s->n_chunks > 0 && s->n_used == 0 && !s->has_records) {
		snprintf(name, sizeof(name), "%s.open", s->writer);
		remove_file(s, name);
	}
	for (uint32_t i = CHUNKS_MAX; i-- > 0;) {
		if (s->chunks[i].map.p)
			spool_file_unmap(&s->chunks[i].map);
		free(s->chunks[i].slots);
	}
}

/* An empty segment is of no use to anybody. */
static void
segment_close(struct spool *s, struct segment *g)
{
	if (!g)
		return;
	segment_finish(g);
	if (g->at == sizeof(struct spool_head))
		remove_file(s, g->name);
	else
		(void)!fdatasync(g->map.fd);
	segment_unref(g);
}

void
spool_close(struct spool *s)
{
	if (!s)
		return;
	timer_stop(s->loop, &s->sync_timer);
	timer_stop(s->loop, &s->retry_timer);
	loop_finish_work(s->loop);
	put_waiting(s);
	loop_finish_work(s->loop);
	timer_stop(s->loop, &s->sync_timer);
	timer_stop(s->loop, &s->retry_timer);
	if (s->n_chunks > 0)
		(void)!fdatasync(s->chunks[0].map.fd);
	segment_close(s, s->left);
	segment_close(s, s->now);
	segment_close(s, s->ahead);
	table_close(s);
	free(s->folder);
	free(s);
}

static enum err
files_make(struct spool *s, const struct spool_options *o)
{
	enum err e = spool_folder(s->folder);

	if (e == ERR_OK)
		e = table_make(s, o->slots ? o->slots : SPOOL_SLOTS);
	if (e == ERR_OK)
		e = segment_make(s->folder, s->writer, ++s->number,
		    s->segment_bytes, s->max_bytes, &s->now);
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
		describe(s, e, errno);
		snprintf(why, SPOOL_WHY_SIZE, "%s", s->why);
	}
	if (e != ERR_OK) {
		spool_close(s);
		return e;
	}
	*out = s;
	return ERR_OK;
}
