#include "gate/pepper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"

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
take(const unsigned char *bytes, struct gate_pepper *out)
{
	struct str s = str_of((const char *)bytes, GATE_PEPPER_BYTES);
	struct gate_pepper p = { .bytes = secret_new(s) };
	unsigned char hash[HASH_KEY_BYTES];

	if (!p.bytes)
		return ERR_NOMEM;
	hash_key(STR("llmgw pepper id"), s, hash);
	hash_hex(hash, (GATE_PEPPER_ID_SIZE - 1) / 2, p.id);
	*out = p;
	return ERR_OK;
}

enum err
gate_pepper_load(struct str state_dir, struct gate_pepper *out)
{
	unsigned char bytes[GATE_PEPPER_BYTES + 1];
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
		e = n == GATE_PEPPER_BYTES ? take(bytes, out) : ERR_SYNTAX;
	close(fd);
	secret_wipe(bytes, sizeof(bytes));
	return e;
}

/* Root makes it for the folder's owner, who is to read it. */
static enum err
fill(int fd, const char *folder)
{
	unsigned char bytes[GATE_PEPPER_BYTES];
	struct stat st;
	ssize_t n;

	rand_secret(bytes, sizeof(bytes));
	n = write(fd, bytes, sizeof(bytes));
	secret_wipe(bytes, sizeof(bytes));
	if (n != GATE_PEPPER_BYTES)
		return ERR_IO;
	if (geteuid() == 0 && stat(folder, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		return from_errno();
	return fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

/* Under a name of its own first: nobody sees half a pepper. */
static enum err
make(struct str state_dir)
{
	char folder[PATH_MAX], path[PATH_MAX], temp[PATH_MAX];
	char name[64];
	enum err e = path_of(state_dir, "", folder);
	uint64_t nonce;
	int fd;

	rand_secret(&nonce, sizeof(nonce));
	snprintf(name, sizeof(name), ".pepper.%llx", (unsigned long long)nonce);
	if (e == ERR_OK)
		e = path_of(state_dir, "pepper", path);
	if (e == ERR_OK)
		e = path_of(state_dir, name, temp);
	if (e != ERR_OK)
		return e;
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return from_errno();
	e = fill(fd, folder);
	if (close(fd) != 0 && e == ERR_OK)
		e = ERR_IO;
	if (e == ERR_OK && link(temp, path) != 0 && errno != EEXIST)
		e = from_errno();
	unlink(temp);
	return e;
}

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
	*p = (struct gate_pepper){ 0 };
}

void
gate_pepper_hash(const struct gate_pepper *p, struct str key,
    unsigned char out[HASH_KEY_BYTES])
{
	hash_key(key, secret_str(p->bytes), out);
}
