/* llmgwctl secret: making the key that seals the others, and changing it. */
#include "cmd/ctl_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/rand.h"
#include "base/secret.h"

/* ---- sealing anew -------------------------------------------------------- */

static enum err
do_reseal(struct store *s, void *arg)
{
	struct ctl_secret_work *w = arg;
	enum err e =
	    store_secret_reseal(s, &w->masters, w->old.id, w->now, &w->is_done);

	if (e != ERR_OK || w->is_done)
		return e;
	return ctl_secret_act(w, "secret.reseal", w->old.name, w->old.id);
}

struct tally {
	int64_t resealed, done, closed;
};

/* One row, one transaction: who breaks off in between begins again. */
static int
reseal(struct ctl_secret_work *w, const struct store_secret_row *row,
    struct tally *t)
{
	enum err e;

	w->old = *row;
	e = store_atomically(w->c->store, do_reseal, w);
	switch (e) {
	case ERR_OK:
		*(w->is_done ? &t->done : &t->resealed) += 1;
		return CTL_OK;
	case ERR_NOT_FOUND:
	case ERR_SYNTAX:
		t->closed++;
		ctl_note(w->c, "no master key opens %.*s (sealed with %.*s)",
		    STR_ARG(row->name), STR_ARG(row->master_id));
		return CTL_OK;
	case ERR_DENIED:
		t->closed++;
		ctl_note(w->c,
		    "%.*s does not open: it was changed, or moved from "
		    "another row",
		    STR_ARG(row->name));
		return CTL_OK;
	default:
		return ctl_store_fail(w->c, e);
	}
}

static int
tell_tally(struct ctl *c, const struct tally *t)
{
	static const char *const columns[] = { "resealed", "done_before",
		"closed", NULL };

	if (t->closed > 0)
		return ctl_fail(c,
		    "%lld sealed anew, %lld were before; %lld could not be "
		    "opened: add the key that sealed them to "
		    "secrets.master_key_old, or remove them",
		    (long long)t->resealed, (long long)t->done,
		    (long long)t->closed);
	ctl_record_begin(c, columns);
	ctl_put_int(c, t->resealed);
	ctl_put_int(c, t->done);
	ctl_put_int(c, t->closed);
	return ctl_done(c,
	    "%lld sealed anew, %lld were before: the old master key is not "
	    "needed any more",
	    (long long)t->resealed, (long long)t->done);
}

int
ctl_secret_rotate_master(struct ctl *c)
{
	struct ctl_secret_work w = { .c = c, .now = clock_wall() };
	struct store_secret_row *rows = NULL;
	struct tally tally = { 0 };
	uint32_t n = 0;
	int status = ctl_secret_take_masters(&w);
	enum err e;

	if (status == CTL_OK) {
		e = store_secret_list(c->store, c->arena, &rows, &n);
		if (e != ERR_OK)
			status = ctl_store_fail(c, e);
	}
	for (uint32_t i = 0; i < n && status == CTL_OK; i++)
		status = reseal(&w, &rows[i], &tally);
	if (status == CTL_OK)
		status = tell_tally(c, &tally);
	return ctl_secret_end(&w, status);
}

/* ---- making one ---------------------------------------------------------- */

static int
write_master(struct ctl *c, int fd)
{
	unsigned char key[SEAL_KEY_BYTES];
	char text[2 * SEAL_KEY_BYTES + 1];
	bool is_written;

	rand_secret(key, sizeof(key));
	hash_hex(key, sizeof(key), text);
	text[sizeof(text) - 1] = '\n';
	is_written = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) &&
		     fsync(fd) == 0;
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
	if (close(fd) != 0 || !is_written)
		return ctl_fail(c, "%s: %s", c->operands[0], strerror(errno));
	return CTL_OK;
}

int
ctl_secret_new_master(struct ctl *c)
{
	static const char *const columns[] = { "file", NULL };
	const char *path = c->operands[0];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int status;

	if (fd < 0 && errno == EEXIST)
		return ctl_fail(c,
		    "%s is there already; what it sealed would be lost", path);
	if (fd < 0)
		return ctl_fail(c, "%s: %s", path, strerror(errno));
	status = write_master(c, fd);
	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	ctl_put_text(c, str_z(path));
	return ctl_done(c,
	    "%s made; let the gateway's user read it, name it in "
	    "secrets.master_key, and keep a copy in a safe place",
	    path);
}
