/*
 * The providers' keys that are sealed in the database: read at start, and
 * again when the change log says "secret". The last good set stays while the
 * database is away.
 */
#include "flow/life.h"

#include "base/log.h"
#include "store/change.h"
#include "store/pool.h"

/* How often the change log is asked: a new key is used within that time. */
#define POLL USEC_PER_SEC
#define CHANGES_MAX 1000

struct sealed_watch {
	struct flow *flow;
	struct timer timer;
	struct store_pool *pool;
	bool is_running; /* the job below is with the thread pool */
	bool is_away; /* the last one met no database */
	bool is_stale; /* the master keys are others: read all */
	usec_t asked; /* clock_mono of the last one */
	int64_t seen; /* newest change; -1: nothing was read yet */
	/* the job's */
	struct conf *conf; /* whose master keys; held while it runs */
	struct store_masters masters;
	int64_t after; /* in: seen; out: the newest change */
	struct store_secrets *got; /* NULL: nothing is new */
	enum err err;
	char why[STORE_WHY_SIZE];
};

/* ---- on the thread pool ----------------------------------------------------- */

struct look {
	int64_t last;
	bool is_ours;
};

static enum err
on_change(void *arg, int64_t seq, struct str sort, int64_t id)
{
	struct look *l = arg;

	(void)id;
	l->last = seq;
	l->is_ours = l->is_ours || str_eqz(sort, "secret");
	return ERR_OK;
}

/* Is there something new? *after moves on. */
static enum err
look_for_changes(struct store *s, int64_t *after, bool *is_new)
{
	struct look l = { .last = *after };
	bool gap = false;
	enum err e;

	e = store_change_each(s, *after, CHANGES_MAX, &gap, on_change, &l);
	if (e == ERR_OK && gap)
		e = store_change_last(s, &l.last);
	if (e != ERR_OK)
		return e;
	*is_new = l.is_ours || gap;
	*after = l.last;
	return ERR_OK;
}

static enum err
read_sealed(struct sealed_watch *w, struct store *s)
{
	bool is_new = w->after < 0;
	enum err e;

	/* The number first: what changes meanwhile is read once more. */
	if (w->after < 0)
		e = store_change_last(s, &w->after);
	else
		e = look_for_changes(s, &w->after, &is_new);
	if (e == ERR_OK && is_new)
		e = store_secrets_load(s, &w->masters, &w->got);
	if (e != ERR_OK)
		snprintf(w->why, sizeof(w->why), "%s", store_why(s));
	return e;
}

/* What this host knew; all is read anew when the database is back. */
static void
read_old(struct sealed_watch *w)
{
	struct store *s;

	if (w->seen >= 0 || store_pool_take_replica(w->pool, &s) != ERR_OK)
		return;
	w->after = -1;
	(void)!read_sealed(w, s);
	w->after = -1;
	store_close(s);
}

static void
on_work(void *arg)
{
	struct sealed_watch *w = arg;
	struct store *s;

	w->why[0] = '\0';
	w->err = store_pool_take(w->pool, &s, w->why);
	if (w->err == ERR_OK) {
		w->err = read_sealed(w, s);
		store_pool_give(w->pool, s, w->err);
	}
	if (w->err != ERR_OK)
		read_old(w);
}

/* ---- on the loop ------------------------------------------------------------ */

static void
tell_away(struct sealed_watch *w)
{
	bool is_away = w->err != ERR_OK;

	if (is_away == w->is_away)
		return;
	w->is_away = is_away;
	if (is_away)
		log_msg(LOG_WARN, "sealed keys cannot be read: %s%s%s; %s",
		    err_word(w->err), w->why[0] ? ": " : "", w->why,
		    w->got	  ? "those that this host knew count"
		    : w->seen < 0 ? "they are missing"
				  : "the last ones stay");
	else
		log_msg(LOG_INFO, "sealed keys can be read again");
}

static void
take(struct sealed_watch *w)
{
	tell_away(w);
	if (!w->is_stale) {
		if (w->err == ERR_OK)
			w->seen = w->after;
		if (w->got)
			flow_secrets_set(w->flow, w->got);
		if (w->got && w->got->n_closed > 0)
			log_msg(LOG_WARN,
			    "no master key opens %u of %u sealed keys",
			    w->got->n_closed, w->got->n);
	}
	store_secrets_unref(w->got);
	w->got = NULL;
	conf_unref(w->conf);
	w->conf = NULL;
}

static void
prepare(struct sealed_watch *w)
{
	w->conf = conf_ref(w->flow->conf);
	w->masters = route_masters(w->conf);
	if (w->is_stale)
		w->seen = -1;
	w->is_stale = false;
	w->after = w->seen;
	w->asked = clock_mono();
}

static bool
is_wanted(const struct sealed_watch *w)
{
	return w->pool && w->flow->conf && w->flow->conf->master_key;
}

static void on_poll(void *arg);

static void
poll_later(struct sealed_watch *w, usec_t in)
{
	/* Without memory for a timer the next configuration begins anew. */
	(void)!timer_set(w->flow->loop, &w->timer, in, on_poll, w);
}

static void
on_done(void *arg)
{
	struct sealed_watch *w = arg;

	w->is_running = false;
	w->flow->n_jobs--;
	take(w);
	if (!w->flow->is_ending)
		poll_later(w, w->is_stale ? 0 : POLL);
}

static void
on_poll(void *arg)
{
	struct sealed_watch *w = arg;

	if (!is_wanted(w))
		return;
	prepare(w);
	if (loop_work(w->flow->loop, on_work, on_done, w) != ERR_OK) {
		conf_unref(w->conf);
		w->conf = NULL;
		poll_later(w, POLL);
		return;
	}
	w->is_running = true;
	w->flow->n_jobs++;
}

void
sealed_conf(struct flow *f)
{
	struct sealed_watch *w = f->sealed_watch;

	if (!w && f->store && f->conf->master_key) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		*w = (struct sealed_watch){
			.flow = f, .pool = f->store, .seen = -1
		};
		f->sealed_watch = w;
	}
	if (!w)
		return;
	w->is_stale = true;
	if (!w->is_running)
		poll_later(w, 0);
}

/* The same, but here and now. */
void
flow_secrets_read(struct flow *f)
{
	struct sealed_watch *w = f->sealed_watch;

	if (!w || w->is_running || !is_wanted(w) ||
	    (w->seen >= 0 && !w->is_stale && clock_mono() - w->asked < POLL))
		return;
	prepare(w);
	on_work(w);
	take(w);
	timer_stop(f->loop, &w->timer);
	poll_later(w, POLL);
}

/* Jobs have ended. */
void
sealed_fini(struct flow *f)
{
	struct sealed_watch *w = f->sealed_watch;

	if (!w)
		return;
	timer_stop(f->loop, &w->timer);
	ASSERT(!w->is_running);
	free(w);
}
