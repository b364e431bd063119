/*
 * The last good key set of auth.jwt, in the state folder: for processes that
 * begin while its server is away. A line that tells whose it is, then its text.
 */
#include "flow/life.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/file.h"
#include "wire/jwt.h"

#define HEAD_SIZE 32
_Static_assert(JWKS_KEPT_MAX >= HEAD_SIZE + JWT_KEY_SET_BYTES_MAX,
    "a whole key set can be kept");

/* Another issuer's keys, or another server's, say nothing of this one's. */
static void
head_of(const struct conf_jwt *c, char out[HEAD_SIZE])
{
	const uint64_t of[] = { hash_stable(c->issuer), hash_stable(c->keys) };

	(void)snprintf(out, HEAD_SIZE, "jwks 1 %016llx\n",
	    (unsigned long long)hash_stable(
		str_of((const char *)of, sizeof(of))));
}

/* Ours alone may write it. */
static bool
is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

enum err
jwks_kept_read(const struct conf *conf, struct buf *out)
{
	char path[PATH_MAX], head[HEAD_SIZE];
	int n =
	    snprintf(path, sizeof(path), "%.*s/jwks", STR_ARG(conf->state_dir));
	struct stat st;
	enum err e;

	if (n < 0 || (size_t)n >= sizeof(path))
		return ERR_LIMIT;
	e = conf_file_read(path, out, &st);
	if (e != ERR_OK)
		return e;
	head_of(&conf->jwt, head);
	if (!is_ours(&st) || !str_starts(buf_str(out), str_z(head)))
		return ERR_NOT_FOUND;
	buf_consume(out, strlen(head));
	return ERR_OK;
}

/* ---- on the thread pool ------------------------------------------------- */

/* One at a time, so that the newest is the last. */
struct jwks_keeping {
	struct flow *flow;
	struct conf *conf;
	struct buf whole; /* the file */
	struct jwks_keeping *next; /* what came meanwhile; NULL: nothing */
	enum err e;
	int errno_then;
};

static bool
is_kept(const struct jwks_keeping *k, size_t head)
{
	struct buf b;
	bool same;

	buf_init(&b, JWKS_KEPT_MAX);
	same = jwks_kept_read(k->conf, &b) == ERR_OK &&
	       str_eq(buf_str(&b), str_skip(buf_str(&k->whole), head));
	buf_fini(&b);
	return same;
}

static void
on_work(void *arg)
{
	struct jwks_keeping *k = arg;
	char head[HEAD_SIZE];

	head_of(&k->conf->jwt, head);
	if (is_kept(k, strlen(head)))
		return;
	/* No sync: what a crash left of it is no key set, and so is not used. */
	k->e =
	    conf_file_write(k->conf->state_dir, "jwks", buf_str(&k->whole), 0);
	k->errno_then = errno;
}

/* ---- on the loop -------------------------------------------------------- */

static void
keeping_free(struct jwks_keeping *k)
{
	if (!k)
		return;
	buf_fini(&k->whole);
	conf_unref(k->conf);
	free(k);
}

static void
tell(const struct conf *conf, const char *why)
{
	log_msg(LOG_WARN, "auth.jwt: the key set cannot be kept in %.*s: %s",
	    STR_ARG(conf->state_dir), why);
}

static void begin(struct jwks_keeping *k);

static void
on_done(void *arg)
{
	struct jwks_keeping *k = arg, *next = k->next;

	k->flow->n_jobs--;
	k->flow->jwks_keeping = NULL;
	if (k->e != ERR_OK)
		tell(k->conf, conf_file_why(k->e, k->errno_then));
	keeping_free(k);
	if (next)
		begin(next);
}

static void
begin(struct jwks_keeping *k)
{
	struct flow *f = k->flow;

	if (loop_work(f->loop, on_work, on_done, k) != ERR_OK) {
		tell(k->conf, err_word(ERR_NOMEM));
		keeping_free(k);
		return;
	}
	f->jwks_keeping = k;
	f->n_jobs++;
}

void
jwks_keep(struct flow *f, struct conf *conf, struct str text)
{
	struct jwks_keeping *k = calloc(1, sizeof(*k));
	char head[HEAD_SIZE];

	if (!k) {
		tell(conf, err_word(ERR_NOMEM));
		return;
	}
	k->flow = f;
	k->conf = conf_ref(conf);
	buf_init(&k->whole, JWKS_KEPT_MAX);
	head_of(&conf->jwt, head);
	buf_adds(&k->whole, str_z(head));
	buf_adds(&k->whole, text);
	if (k->whole.failed) {
		tell(conf, err_word(ERR_NOMEM));
		keeping_free(k);
	} else if (f->jwks_keeping) {
		keeping_free(f->jwks_keeping->next);
		f->jwks_keeping->next = k;
	} else {
		begin(k);
	}
}
