#include "sys/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/num.h"

#define SHM_MAGIC UINT64_C(0x3130776d676d6c6c)

enum {
	/* Change it with anything below or in struct shm_slot, shm_tally. */
	SHM_LAYOUT = 9,
	SHM_SLOTS_MIN = 16,
	SHM_SLOTS_MAX = 1 << 20,
	OPEN_TRIES = 16,
	BOOT_ID_CHARS = 36,
};

struct shm_file {
	uint64_t magic;
	uint32_t layout;
	uint32_t slots; /* a power of two */
	uint32_t slot_bytes;
	_Atomic int64_t since; /* usec_t, wall: all is counted */
	_Atomic uint32_t used;
	_Atomic uint32_t tallies_used;
	_Atomic uint64_t refused;
	char boot[40]; /* when it was last opened: pids are of this boot */
	_Atomic int32_t worker_pid[SHM_WORKERS_MAX];
	_Atomic int64_t counter[SHM_COUNTERS];
	struct shm_slot slot[];
};

_Static_assert(sizeof(_Atomic uint64_t) == 8, "atomics are plain words");

struct shm {
	struct shm_file *file;
	struct shm_tally *tally; /* behind the slots */
	uint32_t slots;
	size_t bytes;
	/* of the file; 0 where there is none */
	dev_t dev;
	ino_t ino;
	int worker; /* -1: none taken */
};

static uint32_t
round_up(uint32_t slots)
{
	uint32_t n = SHM_SLOTS_MIN;

	while (n < slots && n < SHM_SLOTS_MAX)
		n *= 2;
	return n;
}

/* ---- the file ---------------------------------------------------------- */

static bool
is_ours(const struct shm_file *f, uint32_t slots)
{
	return f->magic == SHM_MAGIC && f->layout == SHM_LAYOUT &&
	       f->slots == slots && f->slot_bytes == sizeof(struct shm_slot);
}

static void
header_write(struct shm_file *f, uint32_t slots)
{
	f->layout = SHM_LAYOUT;
	f->slots = slots;
	f->slot_bytes = sizeof(struct shm_slot);
	atomic_store(&f->since, clock_wall());
	f->magic = SHM_MAGIC;
}

/*
 * The file outlives a boot, pids do not: after one they are other programs',
 * which would be taken for workers that hold what they held. Where the kernel
 * does not tell its boots apart, all are the same.
 */
static void
boot_check(struct shm_file *f)
{
	char id[sizeof(f->boot)] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, id, BOOT_ID_CHARS) != BOOT_ID_CHARS)
		memset(id, 0, sizeof(id));
	close(fd);
	if (!id[0] || memcmp(id, f->boot, sizeof(id)) == 0)
		return;
	for (int i = 0; i < SHM_WORKERS_MAX; i++)
		atomic_store(&f->worker_pid[i], 0);
	memcpy(f->boot, id, sizeof(id));
}

static size_t
bytes_of(uint32_t slots)
{
	return sizeof(struct shm_file) +
	       (size_t)slots * sizeof(struct shm_slot) +
	       (size_t)slots * SHM_TALLIES_PER_SLOT * sizeof(struct shm_tally);
}

/* Of a file that is one of ours; 0: it is none. */
static uint32_t
slots_there(int fd)
{
	struct shm_file head;
	struct stat st;

	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    fstat(fd, &st) != 0)
		return 0;
	if (head.slots < SHM_SLOTS_MIN || head.slots > SHM_SLOTS_MAX ||
	    !is_ours(&head, head.slots) ||
	    (size_t)st.st_size != bytes_of(head.slots))
		return 0;
	return head.slots;
}

/*
 * With the lock held: maps an empty file after giving it its size (blocks are
 * allocated now, since a full disk would later mean SIGBUS), or one that is
 * there. ERR_RANGE: it is of another layout.
 */
static enum err
map_locked(int fd, struct shm *s)
{
	uint32_t slots = s->slots;
	size_t bytes = bytes_of(slots);
	struct stat st;
	struct shm_file *f;
	bool is_new;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	is_new = st.st_size == 0;
	if (!is_new && (size_t)st.st_size != bytes)
		return ERR_RANGE;
	if (is_new &&
	    (fault("shm.size") || posix_fallocate(fd, 0, (off_t)bytes) != 0)) {
		(void)(ftruncate(fd, 0) == 0);
		return ERR_IO;
	}
	f = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		return ERR_IO;
	if (is_new)
		header_write(f, slots);
	if (!is_ours(f, slots)) {
		munmap(f, bytes);
		return ERR_RANGE;
	}
	boot_check(f);
	s->file = f;
	s->bytes = bytes;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return ERR_OK;
}

/* True when path still leads to what fd is. */
static bool
is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* ERR_AGAIN: somebody replaced it meanwhile. */
static enum err
open_once(const char *path, bool any_size, struct shm *s)
{
	int fd = open(
	    path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	enum err e;

	if (fd < 0)
		return ERR_IO;
	if (flock(fd, LOCK_EX) != 0) {
		close(fd);
		return ERR_IO;
	}
	if (!is_same_file(fd, path)) {
		close(fd);
		return ERR_AGAIN;
	}
	if (any_size && slots_there(fd) > 0)
		s->slots = slots_there(fd);
	e = map_locked(fd, s);
	/* Who has the old one mapped keeps it; nobody finds it again. */
	if (e == ERR_RANGE)
		e = unlink(path) == 0 ? ERR_AGAIN : ERR_IO;
	/* The mapping holds the open file, so close would not unlock it. */
	flock(fd, LOCK_UN);
	close(fd);
	return e;
}

static enum err
map_nameless(struct shm *s)
{
	struct shm_file *f = mmap(NULL, bytes_of(s->slots),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (f == MAP_FAILED)
		return ERR_NOMEM;
	header_write(f, s->slots);
	s->file = f;
	s->bytes = bytes_of(s->slots);
	return ERR_OK;
}

static enum err
open_file(const char *path, uint32_t slots, bool any_size, struct shm **out)
{
	struct shm *s = calloc(1, sizeof(*s));
	enum err e = ERR_AGAIN;

	if (!s)
		return ERR_NOMEM;
	s->slots = round_up(slots);
	s->worker = -1;
	if (!path)
		e = map_nameless(s);
	for (int i = 0; i < OPEN_TRIES && e == ERR_AGAIN; i++)
		e = open_once(path, any_size, s);
	if (e != ERR_OK) {
		free(s);
		return e == ERR_AGAIN ? ERR_IO : e;
	}
	s->tally = (struct shm_tally *)&s->file->slot[s->slots];
	*out = s;
	return ERR_OK;
}

enum err
shm_open_file(const char *path, uint32_t slots, struct shm **out)
{
	return open_file(path, slots, false, out);
}

enum err
shm_open_any(const char *path, uint32_t slots, struct shm **out)
{
	return open_file(path, slots, true, out);
}

bool
shm_is_at(const struct shm *s, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == s->dev &&
	       st.st_ino == s->ino;
}

/* ERR_NOT_FOUND: it is not one of ours. */
static enum err
map_there(int fd, struct shm *s)
{
	s->slots = slots_there(fd);
	if (s->slots == 0)
		return ERR_NOT_FOUND;
	s->bytes = bytes_of(s->slots);
	s->file = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (s->file == MAP_FAILED)
		return ERR_IO;
	s->tally = (struct shm_tally *)&s->file->slot[s->slots];
	s->worker = -1;
	return ERR_OK;
}

enum err
shm_open_there(const char *path, struct shm **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	struct shm *s;
	enum err e;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	s = calloc(1, sizeof(*s));
	e = s ? map_there(fd, s) : ERR_NOMEM;
	close(fd);
	if (e == ERR_OK)
		*out = s;
	else
		free(s);
	return e;
}

void
shm_close(struct shm *s)
{
	if (!s)
		return;
	munmap(s->file, s->bytes);
	free(s);
}

usec_t
shm_since(const struct shm *s)
{
	return atomic_load(&s->file->since);
}

void
shm_lost(struct shm *s, usec_t wall)
{
	int64_t since = shm_since(s);

	/* another worker has told of the same, or a clock was set back */
	if (wall - since >= SHM_LOST_REST || wall < since)
		atomic_compare_exchange_strong(&s->file->since, &since, wall);
}

/* ---- slots ------------------------------------------------------------- */

/* Identities are hashes already; this guards against ones that are not. */
static uint32_t
start_of(uint64_t identity, uint32_t mask)
{
	return (uint32_t)((identity * UINT64_C(0x9e3779b97f4a7c15)) >> 32) &
	       mask;
}

/* An eighth stays empty, so that looking for what is absent ends soon. */
static bool
claim_allowed(struct shm_file *f, _Atomic uint32_t *used, uint32_t slots)
{
	if (!fault("shm.claim")) {
		if (atomic_fetch_add(used, 1) < slots - slots / 8)
			return true;
		atomic_fetch_sub(used, 1);
	}
	atomic_fetch_add(&f->refused, 1);
	return false;
}

/* A table of places that begin with their identity. */
struct table {
	struct shm_file *file;
	char *first;
	size_t bytes; /* of a place */
	uint32_t n;
	_Atomic uint32_t *used;
};

static void *
place(const struct table *t, uint64_t identity, bool may_claim)
{
	uint32_t mask = t->n - 1, i = start_of(identity, mask);

	ASSERT(identity != 0);
	for (uint32_t n = 0; n < t->n; n++, i = (i + 1) & mask) {
		_Atomic uint64_t *at =
		    (_Atomic uint64_t *)(void *)(t->first + i * t->bytes);
		uint64_t there = atomic_load(at);

		if (there == identity)
			return at;
		if (there != 0)
			continue;
		if (!may_claim || !claim_allowed(t->file, t->used, t->n))
			return NULL;
		if (atomic_compare_exchange_strong(at, &there, identity))
			return at;
		atomic_fetch_sub(t->used, 1);
		if (there == identity)
			return at;
	}
	if (may_claim)
		atomic_fetch_add(&t->file->refused, 1);
	return NULL;
}

static struct table
slots_of(struct shm *s)
{
	return (struct table){ s->file, (char *)s->file->slot,
		sizeof(struct shm_slot), s->file->slots, &s->file->used };
}

struct shm_slot *
shm_slot(struct shm *s, uint64_t identity)
{
	const struct table t = slots_of(s);

	return place(&t, identity, true);
}

struct shm_slot *
shm_find(struct shm *s, uint64_t identity)
{
	const struct table t = slots_of(s);

	return place(&t, identity, false);
}

uint32_t
shm_tallies_size(const struct shm *s)
{
	return s->file->slots * SHM_TALLIES_PER_SLOT;
}

static struct table
tallies(struct shm *s)
{
	return (struct table){ s->file, (char *)s->tally,
		sizeof(struct shm_tally), shm_tallies_size(s),
		&s->file->tallies_used };
}

struct shm_tally *
shm_tally(struct shm *s, uint64_t identity)
{
	const struct table t = tallies(s);

	return place(&t, identity, true);
}

struct shm_tally *
shm_tally_find(struct shm *s, uint64_t identity)
{
	const struct table t = tallies(s);

	return place(&t, identity, false);
}

uint32_t
shm_tallies_used(const struct shm *s)
{
	return atomic_load(&s->file->tallies_used);
}

struct shm_slot *
shm_next(struct shm *s, uint32_t *pos)
{
	while (*pos < s->file->slots) {
		struct shm_slot *slot = &s->file->slot[(*pos)++];

		if (atomic_load(&slot->identity))
			return slot;
	}
	return NULL;
}

uint32_t
shm_used(const struct shm *s)
{
	return atomic_load(&s->file->used);
}

uint64_t
shm_refused(const struct shm *s)
{
	return atomic_load(&s->file->refused);
}

_Atomic int64_t *
shm_counter(struct shm *s, uint32_t index)
{
	ASSERT(index < SHM_COUNTERS);
	return &s->file->counter[index];
}

/* ---- numbers of workers ------------------------------------------------ */

static bool
is_alive(int32_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

enum err
shm_worker_take(struct shm *s)
{
	int32_t self = (int32_t)getpid();

	for (int i = 0; i < SHM_WORKERS_MAX; i++) {
		_Atomic int32_t *pid = &s->file->worker_pid[i];
		int32_t there = atomic_load(pid);

		/* Our own pid: of an owner long dead that had it before us. */
		if (there != self && is_alive(there))
			continue;
		if (atomic_compare_exchange_strong(pid, &there, self)) {
			s->worker = i;
			return ERR_OK;
		}
	}
	return ERR_LIMIT;
}

void
shm_worker_give_back(struct shm *s)
{
	if (s->worker < 0)
		return;
	shm_worker_died(s, (int)getpid());
	s->worker = -1;
}

void
shm_worker_died(struct shm *s, int pid)
{
	for (int i = 0; i < SHM_WORKERS_MAX; i++) {
		int32_t there = (int32_t)pid;

		atomic_compare_exchange_strong(
		    &s->file->worker_pid[i], &there, 0);
	}
}

unsigned
shm_worker(const struct shm *s)
{
	return s->worker < 0 ? 0 : (unsigned)s->worker;
}

int
shm_worker_pid(const struct shm *s, unsigned worker)
{
	int32_t pid;

	ASSERT(worker < SHM_WORKERS_MAX);
	pid = atomic_load(&s->file->worker_pid[worker]);
	return is_alive(pid) ? pid : 0;
}

void
shm_slot_reclaim(struct shm *s, struct shm_slot *slot, unsigned worker)
{
	for (unsigned i = 0; i < SHM_WORKERS_MAX; i++) {
		_Atomic int64_t *cell = &slot->cell[SHM_CELL_WORKER + i];
		int64_t held = atomic_load(cell);

		if (i == worker)
			atomic_store(cell, 0);
		else if (held != 0 && shm_worker_pid(s, i) == 0)
			/* unless a new owner has begun meanwhile */
			atomic_compare_exchange_strong(cell, &held, 0);
	}
}
