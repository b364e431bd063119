#include "gate/pepper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "conf/file.h"

#define FILE_BYTES_MAX ((size_t)GATE_PEPPERS_MAX * GATE_PEPPER_BYTES)

static enum err
from_errno(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case ELOOP:
		return ERR_DENIED;
	case ENAMETOOLONG:
		return ERR_LIMIT;
	default:
		return ERR_IO;
	}
}

static enum err
path_of(struct str folder, const char *name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%.*s/%s", STR_ARG(folder), name);

	return n < 0 || n >= PATH_MAX ? ERR_LIMIT : ERR_OK;
}

static enum err
take_one(const unsigned char *bytes, struct secret **to, char *id)
{
	struct str s = str_of((const char *)bytes, GATE_PEPPER_BYTES);
	unsigned char hash[HASH_KEY_BYTES];

	*to = secret_new(s);
	if (!*to)
		return ERR_NOMEM;
	hash_key(STR("llmgw pepper id"), s, hash);
	hash_hex(hash, (GATE_PEPPER_ID_SIZE - 1) / 2, id);
	return ERR_OK;
}

static bool
has_id(const struct gate_pepper *p, struct str id)
{
	if (str_eqz(id, p->id))
		return true;
	for (uint32_t i = 0; i < p->n_older; i++)
		if (str_eqz(id, p->older[i].id))
			return true;
	return false;
}

static enum err
take(const unsigned char *bytes, size_t n, struct gate_pepper *out)
{
	struct gate_pepper p = { 0 };
	enum err e = ERR_SYNTAX;

	if (n > 0 && n % GATE_PEPPER_BYTES == 0 && n <= FILE_BYTES_MAX)
		e = take_one(bytes, &p.bytes, p.id);
	for (size_t at = GATE_PEPPER_BYTES; e == ERR_OK && at < n;
	     at += GATE_PEPPER_BYTES) {
		struct gate_pepper_old old;

		e = take_one(bytes + at, &old.bytes, old.id);
		if (e != ERR_OK)
			break;
		if (has_id(&p, str_z(old.id)))
			e = ERR_SYNTAX;
		p.older[p.n_older++] = old;
	}
	if (e == ERR_OK)
		*out = p;
	else
		gate_pepper_fini(&p);
	return e;
}

enum err
gate_pepper_load(struct str state_dir, struct gate_pepper *out)
{
	unsigned char bytes[FILE_BYTES_MAX + 1];
	char path[PATH_MAX];
	enum err e = path_of(state_dir, "pepper", path);
	ssize_t n;
	int fd;

	if (e != ERR_OK)
		return e;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return from_errno();
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		e = from_errno();
	else
		e = take(bytes, (size_t)n, out);
	close(fd);
	secret_wipe(bytes, sizeof(bytes));
	return e;
}

static enum err
write_file(
    struct str state_dir, const unsigned char *bytes, size_t size, unsigned how)
{
	/* Root makes it for the folder's owner, who is to read it. */
	enum err e = conf_file_write(state_dir, "pepper",
	    str_of((const char *)bytes, size),
	    how | CONF_FILE_SYNC | CONF_FILE_OWNERS);

	return e == ERR_IO ? from_errno() : e;
}

static enum err
make(struct str state_dir)
{
	unsigned char bytes[GATE_PEPPER_BYTES];
	enum err e;

	rand_secret(bytes, sizeof(bytes));
	e = write_file(state_dir, bytes, sizeof(bytes), CONF_FILE_STAYS);
	secret_wipe(bytes, sizeof(bytes));
	return e;
}

/* ---- changing --------------------------------------------------------------- */

/* The folder is locked while the file is read and replaced. -1: see *e. */
static int
lock(struct str state_dir, enum err *e)
{
	char folder[PATH_MAX];
	int fd;

	*e = path_of(state_dir, "", folder);
	if (*e != ERR_OK)
		return -1;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		*e = from_errno();
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	*e = errno == EWOULDBLOCK ? ERR_AGAIN : from_errno();
	close(fd);
	return -1;
}

static size_t
put_bytes(unsigned char *to, size_t at, const struct secret *bytes)
{
	memcpy(to + at, secret_str(bytes).p, GATE_PEPPER_BYTES);
	return at + GATE_PEPPER_BYTES;
}

/* add: a new one first. drop: without that one; absent: with all. */
static enum err
rewrite(struct str state_dir, const struct gate_pepper *p, bool add,
    struct str drop)
{
	unsigned char bytes[FILE_BYTES_MAX + GATE_PEPPER_BYTES];
	size_t n = 0;
	enum err e;

	if (add) {
		rand_secret(bytes, GATE_PEPPER_BYTES);
		n = GATE_PEPPER_BYTES;
	}
	n = put_bytes(bytes, n, p->bytes);
	for (uint32_t i = 0; i < p->n_older; i++)
		if (!str_eqz(drop, p->older[i].id))
			n = put_bytes(bytes, n, p->older[i].bytes);
	e = write_file(state_dir, bytes, n, 0);
	secret_wipe(bytes, sizeof(bytes));
	return e;
}

static enum err
change(struct str state_dir, bool add, struct str drop, struct gate_pepper *out)
{
	struct gate_pepper p = { 0 };
	enum err e;
	int fd = lock(state_dir, &e);

	if (fd < 0)
		return e;
	e = gate_pepper_load(state_dir, &p);
	if (e == ERR_OK && add && p.n_older == GATE_PEPPERS_MAX - 1)
		e = ERR_LIMIT;
	if (e == ERR_OK && !add && (str_eqz(drop, p.id) || !has_id(&p, drop)))
		e = ERR_RANGE;
	if (e == ERR_OK)
		e = rewrite(state_dir, &p, add, drop);
	if (e == ERR_OK && fsync(fd) != 0)
		e = ERR_IO;
	gate_pepper_fini(&p);
	if (e == ERR_OK)
		e = gate_pepper_load(state_dir, out);
	close(fd);
	return e;
}

enum err
gate_pepper_add(struct str state_dir, struct gate_pepper *out)
{
	return change(state_dir, true, (struct str){ 0 }, out);
}

enum err
gate_pepper_drop(struct str state_dir, struct str id, struct gate_pepper *out)
{
	return change(state_dir, false, id, out);
}

bool
gate_pepper_same(const struct gate_pepper *a, const struct gate_pepper *b)
{
	if (!a->bytes != !b->bytes || a->n_older != b->n_older ||
	    strcmp(a->id, b->id) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_older; i++)
		if (strcmp(a->older[i].id, b->older[i].id) != 0)
			return false;
	return true;
}

uint64_t
gate_pepper_stamp(struct str state_dir)
{
	char path[PATH_MAX];
	struct stat st;
	int64_t part[4];
	uint64_t stamp;

	if (path_of(state_dir, "pepper", path) != ERR_OK ||
	    lstat(path, &st) != 0)
		return 0;
	part[0] = (int64_t)st.st_ino;
	part[1] = (int64_t)st.st_size;
	part[2] = (int64_t)st.st_ctim.tv_sec;
	part[3] = (int64_t)st.st_ctim.tv_nsec;
	stamp = hash_stable(str_of((const char *)part, sizeof(part)));
	return stamp ? stamp : 1;
}

/* ---- using ------------------------------------------------------------------ */

enum err
gate_pepper_make(struct str state_dir, struct gate_pepper *out)
{
	enum err e = gate_pepper_load(state_dir, out);

	if (e != ERR_NOT_FOUND)
		return e;
	e = make(state_dir);
	return e == ERR_OK ? gate_pepper_load(state_dir, out) : e;
}

void
gate_pepper_fini(struct gate_pepper *p)
{
	secret_unref(p->bytes);
	for (uint32_t i = 0; i < p->n_older; i++)
		secret_unref(p->older[i].bytes);
	*p = (struct gate_pepper){ 0 };
}

void
gate_pepper_hash(const struct gate_pepper *p, struct str key,
    unsigned char out[HASH_KEY_BYTES])
{
	hash_key(key, secret_str(p->bytes), out);
}

void
gate_pepper_hash_old(const struct gate_pepper *p, uint32_t i, struct str key,
    unsigned char out[HASH_KEY_BYTES])
{
	ASSERT(i < p->n_older);
	hash_key(key, secret_str(p->older[i].bytes), out);
}
