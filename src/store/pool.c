#include "store/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/secret.h"
#include "sys/stats.h"

struct store_pool {
	pthread_mutex_t lock;
	pthread_cond_t given; /* a connection, or the right to make one */
	struct store_options options;
	char *url;
	size_t url_bytes;
	char *replica; /* its URL, or NULL */
	_Atomic int64_t *held; /* of the host; NULL: not shared */
	struct {
		const struct store *store; /* NULL: free */
		usec_t since;
	} out[STORE_POOL_MAX];
	unsigned max;
	unsigned n_out; /* taken, or being opened */
	unsigned n_idle;
	struct store *idle[STORE_POOL_MAX]; /* the last given on top */
	bool is_down;
	bool is_probing; /* down, and one caller tries */
	usec_t retry_at;
	enum err down_as;
	char why[STORE_WHY_SIZE]; /* of the last failure */
};

struct store_pool *
store_pool_new(
    struct str url, const struct store_options *options, unsigned max)
{
	struct store_pool *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (p == NULL)
		return NULL;
	ASSERT(max >= 1 && max <= STORE_POOL_MAX);
	p->url = malloc(url.n + 1);
	if (p->url == NULL) {
		free(p);
		return NULL;
	}
	(void)memcpy(p->url, url.p, url.n);
	p->url_bytes = url.n;
	p->max = max;
	if (options != NULL)
		p->options = *options;
	if (p->options.password != NULL)
		(void)secret_ref(p->options.password);
	if (p->options.timeout <= 0)
		p->options.timeout = STORE_TIMEOUT;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&p->given, &attr);
	(void)pthread_condattr_destroy(&attr);
	return p;
}

void
store_pool_free(struct store_pool *p)
{
	if (p == NULL)
		return;
	ASSERT(p->n_out == 0);
	while (p->n_idle > 0)
		store_close(p->idle[--p->n_idle]);
	secret_unref(p->options.password);
	(void)pthread_cond_destroy(&p->given);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->replica);
	free(p->url);
	free(p);
}

/* ---- what the host knows --------------------------------------------------- */

/*
 * *held is 0 while it answers, else when it may be tried again. Who comes then
 * moves it on and is the one that tries; the clock may be another boot's, so
 * what lies too far ahead says nothing.
 */
static bool
is_held(struct store_pool *p)
{
	usec_t now = clock_mono();
	usec_t patience = p->options.timeout + STORE_POOL_RETRY;
	int64_t until = p->held != NULL ? atomic_load(p->held) : 0;

	if (until == 0)
		return false;
	if (until > now && until <= now + 2 * patience)
		return true;
	return !atomic_compare_exchange_strong(p->held, &until, now + patience);
}

static void
tell_held(struct store_pool *p, usec_t since)
{
	usec_t now = clock_mono();

	if (p->held != NULL &&
	    (now - since >= STORE_POOL_HELD || atomic_load(p->held) != 0))
		atomic_store(p->held, now + STORE_POOL_RETRY);
}

static void
tell_answers(struct store_pool *p)
{
	if (p->held != NULL && atomic_load(p->held) != 0)
		atomic_store(p->held, 0);
}

/* ---- with the lock held --------------------------------------------------- */

static void
note_out(struct store_pool *p, const struct store *s)
{
	for (unsigned i = 0; i < p->max; i++)
		if (p->out[i].store == NULL) {
			p->out[i].store = s;
			p->out[i].since = clock_mono();
			return;
		}
}

/* Since when. */
static usec_t
note_back(struct store_pool *p, const struct store *s)
{
	for (unsigned i = 0; i < p->max; i++)
		if (p->out[i].store == s) {
			p->out[i].store = NULL;
			return p->out[i].since;
		}
	return clock_mono();
}

static bool
is_refused(const struct store_pool *p)
{
	return p->is_down && (p->is_probing || clock_mono() < p->retry_at);
}

/* What is idle goes too: it leads to the same place. The caller closes it. */
static unsigned
go_down(struct store_pool *p, enum err e, const char *why,
    struct store *dead[STORE_POOL_MAX])
{
	unsigned i, n = p->n_idle;

	for (i = 0; i < n; i++)
		dead[i] = p->idle[i];
	p->n_idle = 0;
	p->is_down = true;
	p->is_probing = false;
	p->retry_at = clock_mono() + STORE_POOL_RETRY;
	p->down_as = e;
	(void)snprintf(p->why, sizeof(p->why), "%s", why);
	return n;
}

/* The system's clock: one that a test has stopped would never end. */
static bool
wait_for_one(struct store_pool *p, const struct timespec *until)
{
	return pthread_cond_timedwait(&p->given, &p->lock, until) == 0;
}

static void
deadline(usec_t timeout, struct timespec *out)
{
	usec_t at = clock_mono() + timeout;

	out->tv_sec = (time_t)(at / USEC_PER_SEC);
	out->tv_nsec = (long)(at % USEC_PER_SEC * 1000);
}

/*
 * ERR_OK and a store: an idle one. ERR_OK and NULL: the caller opens one.
 */
static enum err
get_or_may_open(struct store_pool *p, struct store **out)
{
	struct timespec until;

	deadline(p->options.timeout, &until);
	while (!is_refused(p) && p->n_out >= p->max)
		if (!wait_for_one(p, &until))
			return ERR_TIMEOUT;
	if (is_refused(p))
		return p->down_as;
	if (is_held(p)) {
		(void)snprintf(p->why, sizeof(p->why), "%s",
		    "it has not answered another worker");
		return ERR_CLOSED;
	}
	*out = p->n_idle > 0 ? p->idle[--p->n_idle] : NULL;
	if (*out != NULL)
		note_out(p, *out);
	p->n_out++;
	/* Whoever comes now and finds it down is the one who tries. */
	p->is_probing = p->is_down;
	return ERR_OK;
}

/* ---- take and give -------------------------------------------------------- */

static void
close_all(struct store *dead[STORE_POOL_MAX], unsigned n)
{
	while (n > 0)
		store_close(dead[--n]);
}

static enum err
open_one(struct store_pool *p, struct store **out, char why[STORE_WHY_SIZE])
{
	struct store *dead[STORE_POOL_MAX];
	unsigned n = 0;
	usec_t since = clock_mono();
	enum err e =
	    store_open(str_of(p->url, p->url_bytes), &p->options, out, why);

	(void)pthread_mutex_lock(&p->lock);
	if (e == ERR_OK) {
		p->is_down = p->is_probing = false;
		note_out(p, *out);
		tell_answers(p);
	} else {
		tell_held(p, since);
		p->n_out--;
		n = go_down(p, e, why, dead);
		(void)pthread_cond_broadcast(&p->given);
	}
	(void)pthread_mutex_unlock(&p->lock);
	close_all(dead, n);
	return e;
}

enum err
store_pool_take(
    struct store_pool *p, struct store **out, char why[STORE_WHY_SIZE])
{
	char own[STORE_WHY_SIZE];
	struct store *s = NULL;
	enum err e;

	if (why == NULL)
		why = own;
	(void)pthread_mutex_lock(&p->lock);
	e = get_or_may_open(p, &s);
	if (e != ERR_OK)
		(void)snprintf(why, STORE_WHY_SIZE, "%s",
		    e == ERR_TIMEOUT && !p->is_down
			? "all connections are taken"
			: p->why);
	(void)pthread_mutex_unlock(&p->lock);
	if (e == ERR_OK && s == NULL)
		e = open_one(p, &s, why);
	if (e == ERR_OK)
		*out = s;
	return e;
}

void
store_pool_give(struct store_pool *p, struct store *s, enum err outcome)
{
	struct store *dead[STORE_POOL_MAX];
	unsigned n = 0;
	usec_t since;

	store_rollback(s);
	(void)pthread_mutex_lock(&p->lock);
	p->n_out--;
	since = note_back(p, s);
	if (outcome == ERR_CLOSED)
		tell_held(p, since);
	else
		tell_answers(p);
	if (outcome == ERR_CLOSED)
		n = go_down(p, outcome, store_why(s), dead);
	else if (!p->is_down)
		p->idle[p->n_idle++] = s;
	else
		dead[n++] = s;
	if (outcome == ERR_CLOSED)
		(void)pthread_cond_broadcast(&p->given);
	else
		(void)pthread_cond_signal(&p->given);
	(void)pthread_mutex_unlock(&p->lock);
	close_all(dead, n);
	if (outcome == ERR_CLOSED)
		store_close(s);
}

void
store_pool_share(struct store_pool *p, struct shm *shm)
{
	p->held = stats_value_cell(shm, STATS_V_STORE_HELD);
}

enum err
store_pool_replica(struct store_pool *p, const char *path)
{
	size_t size = sizeof("sqlite://") + strlen(path);
	char *url = NULL;

	if (path[0] != '\0') {
		url = malloc(size);
		if (url == NULL)
			return ERR_NOMEM;
		(void)snprintf(url, size, "sqlite://%s", path);
	}
	free(p->replica);
	p->replica = url;
	return ERR_OK;
}

enum err
store_pool_take_replica(struct store_pool *p, struct store **out)
{
	const struct store_options o = { .timeout = p->options.timeout };
	char why[STORE_WHY_SIZE];

	if (p->replica == NULL)
		return ERR_NOT_FOUND;
	return store_open(str_z(p->replica), &o, out, why);
}

bool
store_pool_is_up(struct store_pool *p)
{
	bool is_up;

	(void)pthread_mutex_lock(&p->lock);
	is_up = !p->is_down;
	(void)pthread_mutex_unlock(&p->lock);
	return is_up;
}
