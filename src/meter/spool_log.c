/* Segments: appending to them, syncing them, making the next one. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "meter/spool_int.h"

#define PAGE ((size_t)4096)

/* ---- segments ------------------------------------------------------------ */

static void
segment_unref(struct spool_segment *g)
{
	if (!g || --g->refs > 0)
		return;
	spool_file_unmap(&g->map);
	free(g);
}

/* Blocks; touches nothing but what it is given. */
static enum err
segment_make(const char *folder, const char *writer, uint32_t number,
    uint32_t bytes, uint64_t max_bytes, struct spool_segment **out)
{
	struct spool_segment *g = calloc(1, sizeof(*g));
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
segment_finish(struct spool_segment *g)
{
	struct spool_head *h = (struct spool_head *)g->map.p;

	atomic_store_explicit(&h->is_finished, 1, memory_order_release);
	g->is_dirty = true;
}

static size_t
segment_room(const struct spool_segment *g)
{
	return g ? g->map.bytes - g->at : 0;
}

void
spool_describe(struct spool *s, enum err e, int code)
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

struct sync_part {
	struct spool_segment *segment; /* held; NULL: nothing to do */
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
	spool_sync_soon(s);
}

/* Not the first page: its head is read for each record. */
static void
take_dirty(struct spool_segment *g, struct sync_part *p)
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
		spool_sync_soon(s);
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

void
spool_sync_soon(struct spool *s)
{
	bool is_dirty =
	    s->is_table_dirty || s->left || (s->now && s->now->is_dirty);

	if (is_dirty && !s->is_syncing && !timer_is_set(&s->sync_timer))
		(void)!timer_set(
		    s->loop, &s->sync_timer, SPOOL_SYNC_EVERY, on_sync_time, s);
}

/* ---- making files ahead of need ------------------------------------------ */

struct make_job {
	struct spool *spool;
	uint32_t number;
	uint32_t bytes;
	uint64_t max_bytes;
	struct spool_segment *made;
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
		spool_make_ahead(s);
	else
		spool_describe(s, ERR_OK, 0);
}

void
spool_retry(struct spool *s)
{
	(void)!timer_set(s->loop, &s->retry_timer, SPOOL_RETRY, on_retry, s);
}

static void
make_done(void *arg)
{
	struct make_job *j = arg;
	struct spool *s = j->spool;

	s->is_making = false;
	spool_describe(s, j->e, j->code);
	if (j->e == ERR_OK) {
		s->ahead = j->made;
		spool_put_waiting(s);
	} else {
		spool_retry(s);
	}
	free(j);
}

void
spool_make_ahead(struct spool *s)
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
		spool_describe(s, e, errno);
	}
	if (!s->ahead) {
		spool_make_ahead(s);
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

bool
spool_append(
    struct spool *s, enum spool_kind kind, const void *payload, size_t n)
{
	size_t bytes = spool_record_bytes(n);
	struct spool_segment *g;

	if (!turn_over(s, bytes))
		return false;
	g = s->now;
	spool_record_put(g->map.p + g->at,
	    ((struct spool_head *)g->map.p)->seed, (uint16_t)kind, payload, n);
	g->at += bytes;
	g->is_dirty = true;
	s->has_records = true;
	spool_make_ahead(s);
	spool_sync_soon(s);
	return true;
}

/* ---- life ---------------------------------------------------------------- */

void
spool_remove_file(const struct spool *s, const char *name)
{
	char path[2048];
	int n = snprintf(path, sizeof(path), "%s/%s", s->folder, name);

	if (n > 0 && (size_t)n < sizeof(path))
		(void)!unlink(path);
}

/* An empty segment is of no use to anybody. */
static void
segment_close(struct spool *s, struct spool_segment *g)
{
	if (!g)
		return;
	segment_finish(g);
	if (g->at == sizeof(struct spool_head))
		spool_remove_file(s, g->name);
	else
		(void)!fdatasync(g->map.fd);
	segment_unref(g);
}

size_t
spool_log_room(const struct spool *s)
{
	return segment_room(s->now);
}

enum err
spool_log_open(struct spool *s)
{
	return segment_make(s->folder, s->writer, ++s->number, s->segment_bytes,
	    s->max_bytes, &s->now);
}

void
spool_log_close(struct spool *s)
{
	segment_close(s, s->left);
	segment_close(s, s->now);
	segment_close(s, s->ahead);
}
