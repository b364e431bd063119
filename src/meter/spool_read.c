#include "meter/spool_read.h"

#include <sys/file.h>
#include <sys/stat.h>

static const struct spool_head *
head(const struct spool_reader *r)
{
	return (const struct spool_head *)r->map.p;
}

enum err
spool_reader_open(
    struct spool_reader *r, const char *folder, const char *name, size_t at)
{
	struct spool_reader new = { .map = { .fd = -1 } };
	enum err e = spool_file_map(folder, name, &new.map);
	size_t first;

	if (e != ERR_OK)
		return e;
	first = head(&new)->sort == SPOOL_TABLE ? SPOOL_TABLE_HEAD
						: sizeof(struct spool_head);
	new.at = at > first ? at : first;
	if (new.at > new.map.bytes || new.at % 8 != 0)
		new.at = new.map.bytes;
	*r = new;
	return ERR_OK;
}

void
spool_reader_close(struct spool_reader *r)
{
	if (r->map.p)
		spool_file_unmap(&r->map);
	*r = (struct spool_reader){ .map = { .fd = -1 } };
}

bool
spool_reader_is_finished(const struct spool_reader *r)
{
	return atomic_load_explicit(
		   &head(r)->is_finished, memory_order_acquire) != 0;
}

/* The magic of a record that was damaged, or of a piece of text. */
static const struct spool_record *
search(struct spool_reader *r, size_t *at)
{
	const struct spool_record *found;

	for (; *at < r->map.bytes; *at += 8) {
		found = spool_record_at(
		    r->map.p + *at, r->map.bytes - *at, head(r)->seed);
		if (found)
			return found;
	}
	return NULL;
}

/* Zeros up to the end are room that was not used. */
static bool
is_rest_empty(const struct spool_reader *r)
{
	const char *p = r->map.p + r->at, *end = r->map.p + r->map.bytes;

	while (p < end && *p == 0)
		p++;
	return p == end;
}

bool
spool_reader_next(struct spool_reader *r, bool is_over, struct spool_seen *out)
{
	const struct spool_record *found = spool_record_at(
	    r->map.p + r->at, r->map.bytes - r->at, head(r)->seed);
	size_t at = r->at;

	if (!found && is_over && !is_rest_empty(r)) {
		found = search(r, &at);
		r->skipped += (found ? at : r->map.bytes) - r->at;
		if (!found)
			r->at = r->map.bytes;
	}
	if (!found)
		return false;
	*out = (struct spool_seen){ .kind = found->kind,
		.payload = str_of(found->payload, found->n) };
	r->at = at + spool_record_bytes(found->n);
	if (r->at > r->map.bytes)
		r->at = r->map.bytes;
	return true;
}

/* A slot without a whole record is free, or was just being filled. */
static bool
look_at_slot(
    const struct spool_reader *r, const char *p, struct spool_seen *out)
{
	const struct spool_record *settle, *begin, *found;
	const _Atomic uint32_t *words =
	    (const _Atomic uint32_t *)(p + SPOOL_SLOT_WORDS);

	settle = spool_record_at(p + SPOOL_SLOT_SETTLE,
	    SPOOL_SLOT_BYTES - SPOOL_SLOT_SETTLE, head(r)->seed);
	begin = spool_record_at(p + SPOOL_SLOT_BEGIN,
	    SPOOL_SLOT_SETTLE - SPOOL_SLOT_BEGIN, head(r)->seed);
	found = settle ? settle : begin;
	if (!found)
		return false;
	*out = (struct spool_seen){ .kind = found->kind,
		.payload = str_of(found->payload, found->n),
		.progress = atomic_load_explicit(
		    (const _Atomic uint64_t *)p, memory_order_relaxed) };
	for (int i = 0; i < SPOOL_WORDS; i++)
		out->words[i] =
		    atomic_load_explicit(&words[i], memory_order_relaxed);
	return true;
}

bool
spool_reader_next_slot(struct spool_reader *r, struct spool_seen *out)
{
	while (r->map.bytes - r->at >= SPOOL_SLOT_BYTES) {
		const char *p = r->map.p + r->at;

		r->at += SPOOL_SLOT_BYTES;
		if (look_at_slot(r, p, out))
			return true;
	}
	return false;
}

bool
spool_is_dead(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}
