/* The key set of auth.jwt: fetched, held, fetched again. */
#include "flow/life.h"

#include "base/log.h"
#include "conf/file.h"
#include "wire/jwt.h"

#define FETCH_TIMEOUT (10 * USEC_PER_SEC)
/* After a failure, doubling up to the refresh; and for unknown keys. */
#define RETRY_FIRST (5 * USEC_PER_SEC)
/* A token that names an unknown key has the set fetched again, so often. */
#define UNKNOWN_EVERY (10 * USEC_PER_SEC)

struct flow_jwks {
	struct flow *flow;
	struct conf *conf; /* whose the URL is */
	struct jwt_keys *keys; /* NULL: none could be read yet */
	uint64_t digest; /* of their text */
	struct upstream_call call;
	struct upstream_xfer *xfer; /* NULL: none under way */
	struct buf body;
	int status;
	struct timer timer;
	usec_t asked; /* when it was last tried */
	usec_t retry; /* the next pause after a failure */
	bool is_old; /* the last try failed */
	struct req *waiting; /* their tokens' keys may come */
};

static void start(void *arg);

bool
jwks_wait(struct req *r)
{
	struct flow_jwks *j = r->flow->jwks;

	if (!j || !j->xfer)
		return false;
	r->next_waiting = j->waiting;
	r->prev_waiting = &j->waiting;
	if (j->waiting)
		j->waiting->prev_waiting = &r->next_waiting;
	j->waiting = r;
	return true;
}

void
jwks_leave(struct req *r)
{
	if (!r->prev_waiting)
		return;
	*r->prev_waiting = r->next_waiting;
	if (r->next_waiting)
		r->next_waiting->prev_waiting = r->prev_waiting;
	r->next_waiting = NULL;
	r->prev_waiting = NULL;
}

/* None of them waits twice, so it ends. */
static void
wake(struct flow_jwks *j)
{
	while (j->waiting) {
		struct req *r = j->waiting;

		jwks_leave(r);
		identify_again(r);
	}
}

static void
again(struct flow_jwks *j, usec_t delay)
{
	/* Without memory for a timer: when a token asks for an unknown key. */
	(void)!timer_set(j->flow->loop, &j->timer, delay, start, j);
}

static bool
is_file(const struct flow_jwks *j)
{
	return str_starts(j->conf->jwt.keys, STR("file:"));
}

/* What an earlier process has read is better than nobody's word. */
static void
take_kept(struct flow_jwks *j)
{
	struct buf b;
	enum err e;

	buf_init(&b, JWKS_KEPT_MAX);
	e = jwks_kept_read(j->conf, &b);
	if (e == ERR_OK)
		e = jwt_keys_parse(buf_str(&b), &j->keys);
	if (e == ERR_OK) {
		j->digest = hash_stable(buf_str(&b));
		log_msg(LOG_WARN, "auth.jwt: %u keys in force, as kept",
		    (unsigned)jwt_keys_count(j->keys));
	} else if (e != ERR_NOT_FOUND && e != ERR_IO) {
		log_msg(LOG_WARN, "auth.jwt: the kept key set is no good: %s",
		    err_word(e));
	}
	buf_fini(&b);
}

static void
failed(struct flow_jwks *j, const char *why)
{
	j->is_old = true;
	log_msg(LOG_WARN, "auth.jwt: the key set cannot be read: %s", why);
	if (!j->keys && !is_file(j))
		take_kept(j);
	again(j, j->retry);
	j->retry *= 2;
	if (j->retry > j->conf->jwt.refresh)
		j->retry = j->conf->jwt.refresh;
}

/* Whoever a key vouched for that is not in the new set is nobody now. */
static void
take(struct flow_jwks *j, struct str text)
{
	uint64_t digest = hash_stable(text);
	struct jwt_keys *keys;
	enum err e;

	if (j->keys && digest == j->digest) {
		e = ERR_OK;
	} else if ((e = jwt_keys_parse(text, &keys)) == ERR_OK) {
		jwt_keys_free(j->keys);
		j->keys = keys;
		j->digest = digest;
		if (j->flow->directory)
			gate_directory_forget(j->flow->directory);
		log_msg(LOG_INFO, "auth.jwt: %u keys in force",
		    (unsigned)jwt_keys_count(keys));
	}
	if (e != ERR_OK) {
		failed(j,
		    e == ERR_NOT_FOUND ? "it has no key of use" : err_word(e));
		return;
	}
	/* also the same again: it may not have been kept, or be gone */
	if (!is_file(j))
		jwks_keep(j->flow, j->conf, text);
	j->is_old = false;
	j->retry = RETRY_FIRST;
	again(j, j->conf->jwt.refresh);
}

static void
on_head(void *arg, int status, const struct http_headers *h)
{
	(void)h;
	((struct flow_jwks *)arg)->status = status;
}

static enum err
on_body(void *arg, const char *p, size_t n)
{
	struct flow_jwks *j = arg;

	buf_add(&j->body, p, n);
	return j->body.failed ? ERR_LIMIT : ERR_OK;
}

static void
on_done(void *arg, const struct upstream_result *result)
{
	struct flow_jwks *j = arg;

	j->xfer = NULL;
	if (result->end != UPSTREAM_OK)
		failed(j, upstream_end_word(result->end));
	else if (j->status != 200)
		failed(j, "the server did not answer 200");
	else
		take(j, buf_str(&j->body));
	buf_fini(&j->body);
	wake(j);
}

static const struct upstream_sink sink = {
	.head = on_head,
	.body = on_body,
	.done = on_done,
};

/* A few kilobytes of a local file, once in a refresh. */
static void
read_file(struct flow_jwks *j, struct str path)
{
	struct arena *a = arena_new(4096);
	char *z = a ? arena_strz(a, path) : NULL;

	buf_init(&j->body, JWT_KEY_SET_BYTES_MAX);
	if (z && conf_file_read(z, &j->body, NULL) == ERR_OK)
		take(j, buf_str(&j->body));
	else
		failed(j, "the file cannot be read");
	buf_fini(&j->body);
	arena_free(a);
}

static void
start(void *arg)
{
	struct flow_jwks *j = arg;
	const struct conf_jwt *c = &j->conf->jwt;

	j->asked = clock_mono();
	timer_stop(j->flow->loop, &j->timer);
	if (is_file(j)) {
		read_file(j, str_skip(c->keys, 5));
		return;
	}
	j->status = 0;
	buf_init(&j->body, JWT_KEY_SET_BYTES_MAX);
	j->call = (struct upstream_call){
		.method = "GET",
		.url = c->keys,
		.timeout_connect = FETCH_TIMEOUT,
		.timeout_first_byte = FETCH_TIMEOUT,
		.timeout_idle = FETCH_TIMEOUT,
		.timeout_total = FETCH_TIMEOUT,
		.max_body_bytes = JWT_KEY_SET_BYTES_MAX,
		.allow_private = c->allow_private,
		.ca_file = c->ca_file,
		.fresh_connection = true,
	};
	j->xfer = upstream_start(j->flow->upstream, &j->call, &sink, j);
	if (!j->xfer)
		failed(j, "no memory, or the URL is none");
}

static void
stop(struct flow_jwks *j)
{
	timer_stop(j->flow->loop, &j->timer);
	if (j->xfer)
		j->flow->upstream->ops->cancel(j->xfer);
	j->xfer = NULL;
	buf_fini(&j->body);
}

void
jwks_free(struct flow_jwks *j)
{
	if (!j)
		return;
	stop(j);
	if (j->flow->jwks == j)
		j->flow->jwks = NULL;
	wake(j);
	jwt_keys_free(j->keys);
	conf_unref(j->conf);
	free(j);
}

/* Would the same token be the same person? */
static bool
is_read_alike(const struct conf_jwt *a, const struct conf_jwt *b)
{
	return str_eq(a->audience, b->audience) && a->leeway == b->leeway &&
	       str_eq(a->tenant, b->tenant) &&
	       str_eq(a->tenant_claim, b->tenant_claim) &&
	       str_eq(a->user_claim, b->user_claim) &&
	       str_eq(a->team_claim, b->team_claim) &&
	       str_eq(a->roles_claim, b->roles_claim);
}

void
jwks_conf(struct flow *f)
{
	struct flow_jwks *j = f->jwks;
	struct conf *old;

	if (f->conf->jwt.issuer.n == 0 || !f->store) {
		jwks_free(j);
		f->jwks = NULL;
		return;
	}
	/* Tokens that are known were read by what held before. */
	if (f->directory &&
	    (!j || !is_read_alike(&j->conf->jwt, &f->conf->jwt)))
		gate_directory_forget(f->directory);
	/* Another issuer's keys say nothing of this one's users. */
	if (j && (!str_eq(j->conf->jwt.issuer, f->conf->jwt.issuer) ||
		     !str_eq(j->conf->jwt.keys, f->conf->jwt.keys))) {
		jwks_free(j);
		j = f->jwks = NULL;
		if (f->directory)
			gate_directory_forget(f->directory);
	}
	if (!j) {
		f->jwks = j = calloc(1, sizeof(*j));
		if (!j)
			return; /* tokens are GATE_AWAY */
		j->flow = f;
	}
	stop(j);
	old = j->conf;
	j->conf = conf_ref(f->conf);
	conf_unref(old);
	j->retry = RETRY_FIRST;
	start(j);
	/* read from a file now, or it cannot be asked for at all */
	if (!j->xfer)
		wake(j);
}

const struct jwt_keys *
jwks_keys(const struct flow *f)
{
	return f->jwks ? f->jwks->keys : NULL;
}

bool
jwks_wanted(struct flow *f)
{
	struct flow_jwks *j = f->jwks;

	if (!j || j->xfer)
		return j != NULL;
	if (j->keys && !j->is_old && clock_mono() - j->asked < UNKNOWN_EVERY)
		return false;
	if (clock_mono() - j->asked < RETRY_FIRST)
		return true;
	start(j);
	return true;
}
