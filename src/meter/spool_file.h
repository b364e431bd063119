#ifndef METER_SPOOL_FILE_H
#define METER_SPOOL_FILE_H
/*
 * The files of the spool: their layout, and making, mapping and releasing them.
 * For spool.c and spool_read.c; all calls block.
 *
 * Numbers are in the host's order: a spool is read on the host that wrote it.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define SPOOL_MAGIC UINT64_C(0x31304c50534d474c) /* "LGMSPL01" */
#define SPOOL_RECORD_MAGIC UINT32_C(0x4345524c) /* "LREC" */
#define SPOOL_VERSION 1u
#define SPOOL_SEGMENT_BYTES (4u << 20)
#define SPOOL_SLOTS 1024u
#define SPOOL_SLOTS_MAX 65536u
#define SPOOL_NAME_MAX 128
#define SPOOL_FILES_MAX 65536u

enum spool_sort {
	SPOOL_SEGMENT = 1,
	SPOOL_TABLE
};

struct spool_head {
	uint64_t magic;
	uint32_t version;
	uint32_t sort;
	uint32_t seed; /* of the CRCs */
	uint32_t slot_bytes;
	int64_t created;
	_Atomic uint32_t is_finished; /* nothing more will be appended */
	uint32_t unused[7]; /* 64 bytes in all */
};

/* A multiple of 8 bytes from the one before; magic is written last. */
struct spool_record {
	_Atomic uint32_t magic;
	uint32_t crc; /* of kind, version, n, payload */
	uint32_t n; /* bytes of payload */
	uint16_t kind;
	uint16_t version;
	char payload[];
};

/*
 * A slot: an atomic uint64_t of progress, and where in it two records lie: what
 * began, and how it ended when it waits here; SPOOL_WORDS words at its end. One
 * of an older version has zeros in their place.
 */
#define SPOOL_SLOT_BYTES 2048
#define SPOOL_SLOT_BEGIN 8
#define SPOOL_SLOT_SETTLE 1024
#define SPOOL_SLOT_WORDS 2000

/* Slots begin here, a page's start. */
#define SPOOL_TABLE_HEAD 4096

struct spool_map {
	int fd;
	char *p;
	size_t bytes;
};

/* Room for a record, its head and its alignment. */
size_t spool_record_bytes(size_t payload);
/* The record is written at p as a whole, or it is none. */
void spool_record_put(
    char *p, uint32_t seed, uint16_t kind, const void *payload, size_t n);
/* NULL: none at p, whatever lies there; room: bytes from p to the end. */
const struct spool_record *
spool_record_at(const char *p, size_t room, uint32_t seed);

/* Makes the folder and its parent. */
MUST_CHECK enum err spool_folder(const char *folder);
/*
 * A new file of `bytes`, all of them allocated, mapped, with a head; ERR_LIMIT:
 * the folder would be larger than max_bytes; ERR_IO (errno: ENOSPC, EDQUOT ...).
 * Nothing is left of a file that could not be made. A table is locked before
 * anybody else can see it.
 */
MUST_CHECK enum err
spool_file_make(const char *folder, const char *name, enum spool_sort sort,
    size_t bytes, uint64_t max_bytes, struct spool_map *out);
/*
 * Longer by `more` bytes, which are mapped at *out (its fd is a copy). Same
 * errors.
 */
MUST_CHECK enum err
spool_file_grow(const char *folder, const struct spool_map *first, size_t at,
    size_t more, uint64_t max_bytes, struct spool_map *out);
/* Maps a file that is there for reading. ERR_SYNTAX: no head of ours. */
MUST_CHECK enum err
spool_file_map(const char *folder, const char *name, struct spool_map *out);
/* Allowed on one that was never filled (p == NULL). */
void spool_file_unmap(struct spool_map *m);

/* Bytes of all files of the folder. */
uint64_t spool_folder_bytes(const char *folder);
/* "NODE-PID-START" of a file's name; absent when it is none of ours. */
struct str spool_writer_of(struct str name);
/* Only what file names may hold; cut at SPOOL_NODE_MAX - 1. */
void spool_node_name(struct str host, char *out, size_t size);

#endif
