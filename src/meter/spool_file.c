#include "meter/spool_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc.h"
#include "base/fault.h"
#include "base/rand.h"
#include "meter/spool.h"

_Static_assert(sizeof(struct spool_head) == 64, "its layout is written");
_Static_assert(
    SPOOL_SLOT_SETTLE + sizeof(struct spool_record) + SPOOL_SLOT_PAYLOAD_MAX <=
	SPOOL_SLOT_WORDS,
    "a settle ends before the words");
_Static_assert(
    SPOOL_SLOT_WORDS + SPOOL_WORDS * sizeof(uint32_t) == SPOOL_SLOT_BYTES,
    "they end with the slot");
_Static_assert(
    SPOOL_SLOT_BEGIN + sizeof(struct spool_record) + SPOOL_SLOT_PAYLOAD_MAX <=
	SPOOL_SLOT_SETTLE,
    "a begin ends before the settle");

#define ALIGN 8u
#define PATH_SIZE 2048

size_t
spool_record_bytes(size_t payload)
{
	return (sizeof(struct spool_record) + payload + ALIGN - 1) &
	       ~(size_t)(ALIGN - 1);
}

/* kind, version and n lie together behind the CRC. */
static uint32_t
record_crc(const struct spool_record *r, uint32_t seed)
{
	uint32_t crc = crc32c(
	    seed, &r->n, sizeof(r->n) + sizeof(r->kind) + sizeof(r->version));

	return crc32c(crc, r->payload, r->n);
}

void
spool_record_put(
    char *p, uint32_t seed, uint16_t kind, const void *payload, size_t n)
{
	struct spool_record *r = (struct spool_record *)p;

	memcpy(r->payload, payload, n);
	r->n = (uint32_t)n;
	r->kind = kind;
	r->version = SPOOL_VERSION;
	r->crc = record_crc(r, seed);
	/* A reader that sees the magic sees all of it. */
	atomic_store_explicit(
	    &r->magic, SPOOL_RECORD_MAGIC, memory_order_release);
}

const struct spool_record *
spool_record_at(const char *p, size_t room, uint32_t seed)
{
	const struct spool_record *r = (const struct spool_record *)p;

	if (room < sizeof(*r) ||
	    atomic_load_explicit(&r->magic, memory_order_acquire) !=
		SPOOL_RECORD_MAGIC ||
	    r->n > SPOOL_PAYLOAD_MAX || r->n > room - sizeof(*r) ||
	    r->version != SPOOL_VERSION)
		return NULL;
	return record_crc(r, seed) == r->crc ? r : NULL;
}

/* ---- names --------------------------------------------------------------- */

void
spool_node_name(struct str host, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < host.n && n + 1 < size; i++) {
		char c = host.p[i];
		bool is_plain = (c >= 'a' && c <= 'z') ||
				(c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '_';

		out[n++] = is_plain ? c : '_';
	}
	if (n == 0 && size > 1)
		out[n++] = '_';
	out[n] = '\0';
}

struct str
spool_writer_of(struct str name)
{
	size_t dot = str_chr(name, '.');
	struct str rest = str_skip(name, dot);

	if (name.n >= SPOOL_NAME_MAX || dot == 0 ||
	    !(str_eq(rest, STR(".open")) || str_ends(rest, STR(".seg"))))
		return (struct str){ 0 };
	return str_of(name.p, dot);
}

static bool
path_of(const char *folder, const char *name, char out[PATH_SIZE])
{
	int n = snprintf(out, PATH_SIZE, "%s/%s", folder, name);

	return n > 0 && n < PATH_SIZE;
}

enum err
spool_folder(const char *folder)
{
	char parent[PATH_SIZE];
	const char *slash = strrchr(folder, '/');
	struct stat st;

	if (slash && slash > folder && slash - folder < PATH_SIZE) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - folder),
		    folder);
		if (mkdir(parent, 0700) != 0 && errno != EEXIST)
			return ERR_IO;
	}
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return ERR_IO;
	if (stat(folder, &st) != 0)
		return ERR_IO;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return ERR_IO;
	}
	return ERR_OK;
}

/* ---- how much there is --------------------------------------------------- */

uint64_t
spool_folder_bytes(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	struct stat st;
	uint64_t sum = 0;

	while (d && (e = readdir(d)))
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	if (d)
		closedir(d);
	return sum;
}

/* Held while one looks how much there is and adds to it. -1: errno. */
static int
lock_folder(const char *folder)
{
	char path[PATH_SIZE];
	int fd;

	if (!path_of(folder, ".lock", path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Allocates the bytes at `at` if the folder may hold them. */
static enum err
allocate(const char *folder, int fd, size_t at, size_t bytes, uint64_t max)
{
	int lock = lock_folder(folder), code;
	enum err e = ERR_OK;
	uint64_t used;

	if (lock < 0)
		return ERR_IO;
	used = spool_folder_bytes(folder);
	if (used > max || bytes > max - used) {
		e = ERR_LIMIT;
	} else {
		code = fault("spool.allocate")
			   ? ENOSPC
			   : posix_fallocate(fd, (off_t)at, (off_t)bytes);
		if (code != 0) {
			(void)(ftruncate(fd, (off_t)at) == 0);
			e = ERR_IO;
			errno = code;
		}
	}
	code = errno;
	close(lock);
	errno = code;
	return e;
}

/* ---- making and mapping -------------------------------------------------- */

static char *
map_at(int fd, size_t at, size_t bytes, int protection)
{
	void *p = fault("spool.map") ? MAP_FAILED
				     : mmap(NULL, bytes, protection, MAP_SHARED,
					   fd, (off_t)at);

	return p == MAP_FAILED ? NULL : p;
}

static void
put_head(char *p, enum spool_sort sort)
{
	struct spool_head *h = (struct spool_head *)p;

	h->version = SPOOL_VERSION;
	h->sort = sort;
	h->seed = (uint32_t)rand_u64();
	h->slot_bytes = sort == SPOOL_TABLE ? SPOOL_SLOT_BYTES : 0;
	h->created = clock_wall();
	h->magic = SPOOL_MAGIC;
}

/* A name that a power failure takes would take what is synced below it. */
static enum err
sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int code = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return code == 0 ? ERR_OK : ERR_IO;
}

enum err
spool_file_make(const char *folder, const char *name, enum spool_sort sort,
    size_t bytes, uint64_t max_bytes, struct spool_map *out)
{
	char path[PATH_SIZE], hidden[PATH_SIZE], temporary[SPOOL_NAME_MAX + 2];
	struct spool_map m = { .fd = -1, .bytes = bytes };
	enum err e = ERR_IO;
	int code;

	snprintf(temporary, sizeof(temporary), ".%s", name);
	if (!path_of(folder, name, path) ||
	    !path_of(folder, temporary, hidden)) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	m.fd = open(
	    hidden, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m.fd < 0)
		return ERR_IO;
	if (sort == SPOOL_TABLE && flock(m.fd, LOCK_EX | LOCK_NB) != 0)
		goto out;
	e = allocate(folder, m.fd, 0, bytes, max_bytes);
	if (e != ERR_OK)
		goto out;
	m.p = map_at(m.fd, 0, bytes, PROT_READ | PROT_WRITE);
	e = m.p ? ERR_OK : ERR_IO;
	if (e != ERR_OK)
		goto out;
	put_head(m.p, sort);
	if (rename(hidden, path) != 0)
		e = ERR_IO;
	else if ((e = sync_folder(folder)) != ERR_OK)
		unlink(path);
out:
	if (e == ERR_OK) {
		*out = m;
		return ERR_OK;
	}
	code = errno;
	unlink(hidden);
	spool_file_unmap(&m);
	errno = code;
	return e;
}

enum err
spool_file_grow(const char *folder, const struct spool_map *first, size_t at,
    size_t more, uint64_t max_bytes, struct spool_map *out)
{
	struct spool_map m = { .bytes = more };
	enum err e = allocate(folder, first->fd, at, more, max_bytes);

	if (e != ERR_OK)
		return e;
	m.fd = fcntl(first->fd, F_DUPFD_CLOEXEC, 0);
	m.p = m.fd < 0 ? NULL : map_at(m.fd, at, more, PROT_READ | PROT_WRITE);
	if (!m.p) {
		int code = errno;

		(void)(ftruncate(first->fd, (off_t)at) == 0);
		if (m.fd >= 0)
			close(m.fd);
		errno = code;
		return ERR_IO;
	}
	*out = m;
	return ERR_OK;
}

static bool
is_ours(const struct spool_map *m)
{
	const struct spool_head *h = (const struct spool_head *)m->p;

	return h->magic == SPOOL_MAGIC && h->version == SPOOL_VERSION &&
	       (h->sort == SPOOL_SEGMENT ||
		   (h->sort == SPOOL_TABLE &&
		       h->slot_bytes == SPOOL_SLOT_BYTES));
}

enum err
spool_file_map(const char *folder, const char *name, struct spool_map *out)
{
	char path[PATH_SIZE];
	struct spool_map m = { .fd = -1 };
	struct stat st;
	enum err e = ERR_IO;

	if (!path_of(folder, name, path))
		return ERR_IO;
	m.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (m.fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (fstat(m.fd, &st) != 0)
		goto out;
	m.bytes = (size_t)st.st_size;
	e = ERR_SYNTAX;
	if (!S_ISREG(st.st_mode) || m.bytes < sizeof(struct spool_head))
		goto out;
	e = ERR_IO;
	m.p = map_at(m.fd, 0, m.bytes, PROT_READ);
	if (!m.p)
		goto out;
	e = is_ours(&m) ? ERR_OK : ERR_SYNTAX;
out:
	if (e == ERR_OK)
		*out = m;
	else
		spool_file_unmap(&m);
	return e;
}

void
spool_file_unmap(struct spool_map *m)
{
	if (m->p)
		munmap(m->p, m->bytes);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct spool_map){ .fd = -1 };
}
