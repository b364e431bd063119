#ifndef SYS_SHM_H
#define SYS_SHM_H
/*
 * Memory shared by all workers of this host: counters, breakers, limits. A
 * file in the state folder, mapped by the parent before fork and by programs
 * that are started one by one (mod_fcgid, CGI). C11 atomics only; no locks,
 * so a killed worker leaves nothing locked. In slots that count what is held,
 * cells from SHM_CELL_WORKER on belong to one worker each (by its number), who
 * zeroes them when it starts: what a killed worker held is given back. The file
 * may be older than the boot (/var/lib): who opens it first after one forgets
 * the workers of the old, and keeps what was counted.
 *
 * The table is an open-addressing map from a 64-bit identity (never 0) to a
 * slot of 64-bit cells. Slots are claimed once and never freed while the file
 * lives; when all are taken shm_slot answers NULL and the caller works without
 * (counted, shown in metrics).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

/* Where nobody says otherwise (server.counters). 520 bytes each. */
#define SHM_SLOTS 16384
#define SHM_CELLS 64
#define SHM_CELL_LEARNED 15 /* of a target's slot, flow's */
#define SHM_CELL_WORKER 16 /* first of the cells per worker */
#define SHM_WORKERS_MAX (SHM_CELLS - SHM_CELL_WORKER)

struct shm_slot {
	_Atomic uint64_t identity;
	_Atomic int64_t cell[SHM_CELLS];
};

struct shm;

/*
 * Opens or makes the file (mode 0600); a file of another layout or size is
 * replaced. path NULL: anonymous memory shared over fork (tests).
 */
MUST_CHECK enum err
shm_open_file(const char *path, uint32_t slots, struct shm **out);
/*
 * The same, but a file that is there is taken as large as it is: for a program
 * that is not to decide.
 */
MUST_CHECK enum err
shm_open_any(const char *path, uint32_t slots, struct shm **out);
/* Is it still this one that lies there? Another may have replaced it. */
bool shm_is_at(const struct shm *s, const char *path);
/*
 * Opens a file that is there, for a program that only looks: nothing is made,
 * replaced or claimed. ERR_NOT_FOUND: none, or of another layout. ERR_IO.
 */
MUST_CHECK enum err shm_open_there(const char *path, struct shm **out);
void shm_close(struct shm *s);
/*
 * Since when all is counted in it: when it was made, or was told that counts
 * were lost. Told again within SHM_LOST_REST it stays as it is.
 */
#define SHM_LOST_REST (60 * USEC_PER_SEC)
usec_t shm_since(const struct shm *s);
void shm_lost(struct shm *s, usec_t wall);
/* Finds or claims. NULL when the table is full. */
struct shm_slot *shm_slot(struct shm *s, uint64_t identity);
/* Only finds. NULL: nobody has claimed it. */
struct shm_slot *shm_find(struct shm *s, uint64_t identity);
/*
 * Zeroes the slot's cells of this worker and of all numbers whose owner is
 * dead: what they held is held no more.
 */
void shm_slot_reclaim(struct shm *s, struct shm_slot *slot, unsigned worker);
/* Walks claimed slots: start with *pos = 0; NULL at the end. */
struct shm_slot *shm_next(struct shm *s, uint32_t *pos);
uint32_t shm_used(const struct shm *s);
/* How often a slot was wanted and the table was full. */
uint64_t shm_refused(const struct shm *s);

/*
 * A second table of small slots for what has many of them (a window of each
 * key's limit): SHM_TALLIES_PER_SLOT for each slot above. The same promises; no
 * cells per worker.
 */
#define SHM_TALLIES_PER_SLOT 16u
#define SHM_TALLY_CELLS 7 /* and the identity: a line of the cache */

struct shm_tally {
	_Atomic uint64_t identity;
	_Atomic int64_t cell[SHM_TALLY_CELLS];
};

/* Finds or claims. NULL when the table is full. */
struct shm_tally *shm_tally(struct shm *s, uint64_t identity);
/* Only finds. */
struct shm_tally *shm_tally_find(struct shm *s, uint64_t identity);
uint32_t shm_tallies_used(const struct shm *s);
/* Places, of which an eighth stays empty. */
uint32_t shm_tallies_size(const struct shm *s);

/*
 * Named counters over all workers (sys/stats.h builds on it): a fixed array
 * behind the table.
 */
#define SHM_COUNTERS 2048
_Atomic int64_t *shm_counter(struct shm *s, uint32_t index);

/*
 * Numbers of the workers on this host, 0 .. SHM_WORKERS_MAX - 1. A worker takes
 * one after fork; a number whose owner is dead is free again, so programs that
 * are started one by one share them with a pool. ERR_LIMIT: all are taken.
 */
MUST_CHECK enum err shm_worker_take(struct shm *s);
/* Gives the number back (normal end of a worker). */
void shm_worker_give_back(struct shm *s);
/* For the parent: the worker with this pid is dead. */
void shm_worker_died(struct shm *s, int pid);
/* This process's number; 0 when none was taken (tests). */
unsigned shm_worker(const struct shm *s);
/* The owner of a number, 0 when it is free or its owner is dead. */
int shm_worker_pid(const struct shm *s, unsigned worker);

#endif
