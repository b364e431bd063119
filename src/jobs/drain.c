#include "jobs/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/map.h"
#include "store/spool_segment.h"

/* Segments that are open at a time; a batch borrows from them. */
#define SOURCES_MAX 64u
/* Batches of a pass: then signals are looked at. */
#define BATCHES_MAX 8u
#define POSITIONS_MAX (2 * JOBS_FILES_MAX)

struct position {
	char name[SPOOL_NAME_MAX];
	int64_t taken;
	bool has_file;
};

struct jobs_drain {
	char *folder;
	char *node;
	int lock_fd;
	struct map *positions; /* name -> struct position; NULL: to be read */
	struct jobs_batch batch;
	struct jobs_drain_report sums;

	/* of the present pass */
	struct store *store;
	struct jobs_source sources[SOURCES_MAX];
	uint32_t n_sources, n_batches, n_stuck;
	usec_t oldest;
};

/* ---- positions ----------------------------------------------------------- */

static void
positions_forget(struct jobs_drain *d)
{
	struct str name;
	size_t at = 0;
	void *p;

	while (d->positions && map_next(d->positions, &at, &name, &p))
		free(p);
	map_free(d->positions);
	d->positions = NULL;
}

static enum err
position_put(struct jobs_drain *d, struct str name, int64_t taken)
{
	struct position *p = map_find(d->positions, name);
	enum err e;

	if (p) {
		p->taken = taken;
		return ERR_OK;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	snprintf(p->name, sizeof(p->name), "%.*s", STR_ARG(name));
	p->taken = taken;
	e = map_put(d->positions, str_z(p->name), p);
	if (e != ERR_OK)
		free(p);
	return e;
}

static enum err
on_position(void *arg, struct str name, int64_t taken)
{
	if (name.n >= SPOOL_NAME_MAX)
		return ERR_OK;
	return position_put(arg, name, taken);
}

/* Positions of files that were deleted when we were killed. */
static enum err
positions_tidy(struct jobs_drain *d, const struct jobs_files *files)
{
	struct position *p;
	struct str name;
	size_t at = 0;
	void *value;
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < files->n; i++) {
		p = map_find(d->positions, str_z(files->names[i]));
		if (p)
			p->has_file = true;
	}
	while (e == ERR_OK && !files->is_cut &&
	       map_next(d->positions, &at, &name, &value)) {
		p = value;
		if (!p->has_file)
			e = store_spool_segment_remove(
			    d->store, str_z(d->node), name);
	}
	return e;
}

static enum err
positions_read(struct jobs_drain *d, const struct jobs_files *files)
{
	enum err e;

	if (d->positions || !d->store)
		return ERR_OK;
	d->positions = map_new(POSITIONS_MAX);
	if (!d->positions)
		return ERR_NOMEM;
	e = store_spool_segment_each(d->store, str_z(d->node), on_position, d);
	if (e == ERR_OK)
		e = positions_tidy(d, files);
	if (e != ERR_OK)
		positions_forget(d);
	return e;
}

static size_t
position_of(const struct jobs_drain *d, const char *name)
{
	const struct position *p = map_find(d->positions, str_z(name));

	return p && p->taken > 0 ? (size_t)p->taken : 0;
}

/* ---- batches ------------------------------------------------------------- */

static enum err
write_batch(struct jobs_drain *d)
{
	struct jobs_batch *b = &d->batch;
	int64_t unbooked = b->unbooked;
	enum err e;

	if (b->oldest > 0 && (d->oldest == 0 || b->oldest < d->oldest))
		d->oldest = b->oldest;
	if (!d->store) {
		jobs_batch_clear(b);
		return ERR_OK;
	}
	e = jobs_batch_write(b, d->store, d->sources, d->n_sources);
	if (e != ERR_OK)
		return e;
	d->n_batches++;
	d->sums.rows += b->n_new;
	d->sums.lost += b->n_lost;
	d->sums.unbooked += (uint64_t)unbooked;
	for (uint32_t i = 0; i < d->n_sources && e == ERR_OK; i++)
		e = position_put(
		    d, str_z(d->sources[i].name), (int64_t)d->sources[i].taken);
	d->oldest = 0;
	return e;
}

static bool
has_news(const struct jobs_drain *d)
{
	for (uint32_t i = 0; i < d->n_sources; i++)
		if (d->sources[i].reader.at != d->sources[i].taken)
			return true;
	return d->batch.n_rows > 0 || d->batch.n_events > 0;
}

static void
delete_file(struct jobs_drain *d, const char *name)
{
	char path[2048];
	int n = snprintf(path, sizeof(path), "%s/%s", d->folder, name);

	if (n > 0 && (size_t)n < sizeof(path) && unlink(path) == 0)
		d->sums.deleted++;
}

/* In this order: a position without a file does no harm. */
static enum err
forget_segment(struct jobs_drain *d, struct jobs_source *one)
{
	struct position *p;
	enum err e;

	jobs_crash_point("drain.delete");
	delete_file(d, one->name);
	jobs_crash_point("drain.deleted");
	e = store_spool_segment_remove(
	    d->store, str_z(d->node), str_z(one->name));
	if (e != ERR_OK)
		return e;
	p = map_remove(d->positions, str_z(one->name));
	free(p);
	return ERR_OK;
}

/* Writes what is left, and lets the segments go. */
static enum err
sources_end(struct jobs_drain *d)
{
	enum err e = ERR_OK;

	if (has_news(d))
		e = write_batch(d);
	for (uint32_t i = 0; i < d->n_sources; i++) {
		struct jobs_source *one = &d->sources[i];

		if (e == ERR_OK && d->store && one->is_done) {
			d->sums.damaged += one->reader.skipped;
			e = forget_segment(d, one);
		}
		spool_reader_close(&one->reader);
	}
	d->n_sources = 0;
	jobs_batch_clear(&d->batch);
	return e;
}

/* ---- segments ------------------------------------------------------------ */

/* Reads on; the batch may be written on the way. */
static enum err
read_segment(struct jobs_drain *d, struct jobs_source *one)
{
	struct spool_seen seen;
	size_t at = one->reader.at;
	enum err e = ERR_OK;

	while (e == ERR_OK && d->n_batches < BATCHES_MAX &&
	       spool_reader_next(&one->reader, one->is_over, &seen)) {
		if (!jobs_batch_take(&d->batch, &seen)) {
			one->reader.at = at;
			d->n_stuck++;
			return ERR_OK;
		}
		at = one->reader.at;
		if (jobs_batch_is_full(&d->batch))
			e = write_batch(d);
		if (!d->store) /* has seen enough */
			return e;
	}
	if (d->n_batches < BATCHES_MAX)
		one->is_done = one->is_over;
	return e;
}

static enum err
take_segment(struct jobs_drain *d, const char *name, bool is_dead)
{
	struct jobs_source *one;
	enum err e = ERR_OK;

	if (d->n_sources == SOURCES_MAX)
		e = sources_end(d);
	if (e != ERR_OK)
		return e;
	one = &d->sources[d->n_sources];
	memset(one, 0, sizeof(*one));
	snprintf(one->name, sizeof(one->name), "%s", name);
	e = spool_reader_open(
	    &one->reader, d->folder, name, position_of(d, name));
	if (e == ERR_SYNTAX && is_dead) {
		/* Its head was lost with the power: so is all of it. */
		d->sums.damaged += sizeof(struct spool_head);
		delete_file(d, name);
	}
	if (e == ERR_NOT_FOUND || e == ERR_SYNTAX)
		return ERR_OK;
	if (e != ERR_OK)
		return e;
	one->taken = one->reader.at;
	one->is_over = is_dead || spool_reader_is_finished(&one->reader);
	d->n_sources++;
	return read_segment(d, one);
}

/* ---- writers ------------------------------------------------------------- */

/* What a dead writer had under way; then it is forgotten. */
static enum err
take_table(struct jobs_drain *d, const char *name)
{
	struct spool_reader r = { .map = { .fd = -1 } };
	struct spool_seen seen;
	bool is_stuck = false;
	enum err e = spool_reader_open(&r, d->folder, name, 0);

	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	while (e == ERR_OK && spool_reader_next_slot(&r, &seen)) {
		is_stuck |= !jobs_batch_take(&d->batch, &seen);
		if (jobs_batch_is_full(&d->batch))
			e = write_batch(d);
	}
	d->n_stuck += is_stuck;
	if (e == ERR_OK && d->batch.n_rows > 0)
		e = write_batch(d);
	spool_reader_close(&r);
	jobs_batch_clear(&d->batch);
	jobs_crash_point("drain.table");
	if (e == ERR_SYNTAX)
		d->sums.damaged += sizeof(struct spool_head);
	if ((e == ERR_OK || e == ERR_SYNTAX) && d->store && !is_stuck) {
		delete_file(d, name);
		e = ERR_OK;
	}
	return e;
}

/* The lock is ours from here on if the writer is dead. -1: it lives. */
static int
lock_table(const struct jobs_drain *d, const char *name)
{
	char path[2048];
	int fd, n = snprintf(path, sizeof(path), "%s/%s", d->folder, name);

	if (n <= 0 || (size_t)n >= sizeof(path))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && !spool_is_dead(fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static enum err
take_dead(struct jobs_drain *d, const struct jobs_files *f, uint32_t at,
    uint32_t end, const char *table)
{
	uint32_t stuck = d->n_stuck;
	enum err e = sources_end(d);

	for (uint32_t i = at; i < end && e == ERR_OK; i++)
		if (f->names[i] != table)
			e = take_segment(d, f->names[i], true);
	if (e == ERR_OK)
		e = sources_end(d);
	/* All segments first: a settle in one is no lost begin. */
	if (e == ERR_OK && table && d->n_batches < BATCHES_MAX &&
	    d->n_stuck == stuck)
		e = take_table(d, table);
	return e;
}

/* The files of one writer: at ... end - 1. */
static enum err
take_writer(
    struct jobs_drain *d, const struct jobs_files *f, uint32_t at, uint32_t end)
{
	const char *table = NULL;
	enum err e = ERR_OK;
	int lock = -1;

	for (uint32_t i = at; i < end; i++)
		if (str_ends(str_z(f->names[i]), STR(".open")))
			table = f->names[i];
	/* A table goes last, so without one the writer is dead and told. */
	if (table)
		lock = lock_table(d, table);
	if ((!table || lock >= 0) && !f->is_cut) {
		e = take_dead(d, f, at, end, table);
	} else {
		for (uint32_t i = at; i < end && e == ERR_OK; i++)
			if (f->names[i] != table)
				e = take_segment(d, f->names[i], false);
	}
	if (lock >= 0)
		close(lock);
	return e;
}

static enum err
take_all(struct jobs_drain *d, const struct jobs_files *f)
{
	enum err e = positions_read(d, f);
	uint32_t at = 0, end;

	for (; at < f->n && e == ERR_OK && d->n_batches < BATCHES_MAX;
	     at = end) {
		end = jobs_files_end(f, at);
		e = take_writer(d, f, at, end);
	}
	if (e == ERR_OK)
		e = sources_end(d);
	return e;
}

/* After an error nothing may keep pointing into files. */
static void
pass_over(struct jobs_drain *d)
{
	for (uint32_t i = 0; i < d->n_sources; i++)
		spool_reader_close(&d->sources[i].reader);
	d->n_sources = 0;
	jobs_batch_clear(&d->batch);
	d->store = NULL;
}

enum err
jobs_drain_pass(
    struct jobs_drain *d, struct store *store, struct jobs_drain_report *report)
{
	struct jobs_files files = { 0 };
	enum err e;

	d->store = store;
	d->n_batches = d->n_stuck = 0;
	d->oldest = 0;
	jobs_files_tidy(d->folder, clock_wall());
	e = jobs_files_list(d->folder, &files);
	if (e == ERR_OK)
		e = take_all(d, &files);
	if (e != ERR_OK)
		positions_forget(d);
	pass_over(d);
	jobs_files_free(&files);
	d->sums.oldest = d->oldest;
	d->sums.stuck = d->n_stuck;
	d->sums.bytes = spool_folder_bytes(d->folder);
	d->sums.is_behind =
	    e == ERR_OK && (d->n_batches >= BATCHES_MAX || files.is_cut);
	*report = d->sums;
	return e;
}

/* ---- life ---------------------------------------------------------------- */

void
jobs_drain_lock_name(const char *node, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "drain_");

	for (; *node && n + 1 < size; node++) {
		char c = *node;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
			c = '_';
		out[n++] = c;
	}
	out[n] = '\0';
}

static enum err
lock_folder(struct jobs_drain *d)
{
	char path[2048];
	enum err e = spool_folder(d->folder);
	int n = snprintf(path, sizeof(path), "%s/.drain", d->folder);

	if (e != ERR_OK)
		return e;
	if (n <= 0 || (size_t)n >= sizeof(path))
		return ERR_IO;
	d->lock_fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock_fd < 0)
		return ERR_IO;
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? ERR_DENIED : ERR_IO;
	return ERR_OK;
}

enum err
jobs_drain_new(const struct jobs_drain_options *o, struct jobs_drain **out)
{
	struct jobs_drain *d = calloc(1, sizeof(*d));
	enum err e = ERR_NOMEM;

	if (!d)
		return ERR_NOMEM;
	d->lock_fd = -1;
	d->folder = strdup(o->folder);
	d->node = strdup(o->node);
	if (d->folder && d->node)
		e = jobs_batch_init(&d->batch);
	if (e == ERR_OK)
		e = lock_folder(d);
	if (e != ERR_OK) {
		jobs_drain_free(d);
		return e;
	}
	d->batch.node = str_z(d->node);
	d->batch.prices = o->prices;
	d->batch.audit = o->audit;
	d->batch.audit_arg = o->audit_arg;
	*out = d;
	return ERR_OK;
}

void
jobs_drain_free(struct jobs_drain *d)
{
	if (!d)
		return;
	positions_forget(d);
	jobs_batch_fini(&d->batch);
	if (d->lock_fd >= 0)
		close(d->lock_fd);
	free(d->folder);
	free(d->node);
	free(d);
}

void
jobs_drain_prices(struct jobs_drain *d, const struct meter_prices *prices,
    const struct conf *conf)
{
	d->batch.prices = prices;
	d->batch.conf = conf;
}
