/*
 * The prices of the database: read at start, and again when there is a newer
 * version. The last good ones stay while the database is away.
 */
#include "flow/life.h"

#include "base/log.h"
#include "store/pool.h"
#include "store/price.h"

/* How often the newest version is asked for. */
#define POLL USEC_PER_SEC
#define STORED_ARENA_MAX ((size_t)256 * 1024 * 1024)

struct stored_watch {
	struct flow *flow;
	struct timer timer;
	bool is_running; /* the job below is with the thread pool */
	bool is_away; /* the last one met no database */
	usec_t asked; /* clock_mono of the last one */
	int64_t seen; /* newest version that was read; -1: none yet */
	/* the job's */
	struct conf *conf; /* held while it runs */
	int64_t newest;
	struct arena *arena; /* NULL: nothing is new */
	struct price_row *rows;
	size_t n;
	struct meter_prices *built;
	enum err err;
	char why[STORE_WHY_SIZE];
};

/* ---- on the thread pool ------------------------------------------------- */

static enum err
read_rows(struct stored_watch *w, struct store *s)
{
	enum err e;

	w->arena = arena_new(STORED_ARENA_MAX);
	if (!w->arena)
		return ERR_NOMEM;
	e = store_price_rows(s, w->newest, w->arena, &w->rows, &w->n);
	if (e == ERR_OK)
		e = meter_prices_of(w->conf, w->rows, w->n, &w->built);
	if (e == ERR_OK)
		return ERR_OK;
	arena_free(w->arena);
	w->arena = NULL;
	return e;
}

static enum err
read_newest(struct stored_watch *w, struct store *s)
{
	enum err e = store_price_newest(s, &w->newest);

	if (e == ERR_OK && w->newest != w->seen)
		e = read_rows(w, s);
	return e;
}

/* What this host knew: a version never changes, a newer one may be missing. */
static void
read_old(struct stored_watch *w)
{
	struct store *s;

	if (w->seen >= 0 ||
	    store_pool_take_replica(w->flow->store, &s) != ERR_OK)
		return;
	(void)!read_newest(w, s);
	store_close(s);
}

static void
on_work(void *arg)
{
	struct stored_watch *w = arg;
	struct store *s;

	w->why[0] = '\0';
	w->err = store_pool_take(w->flow->store, &s, w->why);
	if (w->err == ERR_OK) {
		w->err = read_newest(w, s);
		if (w->err != ERR_OK)
			snprintf(w->why, sizeof(w->why), "%s", store_why(s));
		store_pool_give(w->flow->store, s, w->err);
	}
	if (w->err != ERR_OK)
		read_old(w);
}

/* ---- on the loop -------------------------------------------------------- */

static void
tell_away(struct stored_watch *w)
{
	/* no database was made: the files' prices are all there is */
	bool is_away =
	    w->err != ERR_OK && !(w->err == ERR_NOT_FOUND && w->seen < 0);

	if (is_away == w->is_away)
		return;
	w->is_away = is_away;
	if (is_away)
		log_msg(LOG_WARN, "prices cannot be read: %s%s%s; %s",
		    err_word(w->err), w->why[0] ? ": " : "", w->why,
		    w->arena	  ? "those that this host knew count"
		    : w->seen < 0 ? "those of the files count"
				  : "the last ones stay");
	else
		log_msg(LOG_INFO, "prices can be read again");
}

static void
take(struct stored_watch *w)
{
	struct flow *f = w->flow;

	tell_away(w);
	if (w->arena) {
		/* of another snapshot: its own rows are others */
		if (w->conf != f->conf) {
			meter_prices_unref(w->built);
			w->built = NULL;
		}
		flow_prices_take(f, w->arena, w->rows, w->n, w->built);
		w->seen = w->newest;
	}
	w->arena = NULL;
	w->built = NULL;
	conf_unref(w->conf);
	w->conf = NULL;
}

static void
prepare(struct stored_watch *w)
{
	w->conf = conf_ref(w->flow->conf);
	w->asked = clock_mono();
}

static void on_poll(void *arg);

static void
poll_later(struct stored_watch *w, usec_t in)
{
	/* Without memory for a timer the next configuration begins anew. */
	(void)!timer_set(w->flow->loop, &w->timer, in, on_poll, w);
}

static void
on_done(void *arg)
{
	struct stored_watch *w = arg;

	w->is_running = false;
	w->flow->n_jobs--;
	take(w);
	if (!w->flow->is_ending)
		poll_later(w, POLL);
}

static void
on_poll(void *arg)
{
	struct stored_watch *w = arg;

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

/* The rows stay; flow_prices_renew has put the new files before them. */
void
stored_conf(struct flow *f)
{
	struct stored_watch *w = f->stored_watch;

	if (!w && f->store) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		*w = (struct stored_watch){ .flow = f, .seen = -1 };
		f->stored_watch = w;
	}
	if (w && !w->is_running && !timer_is_set(&w->timer))
		poll_later(w, 0);
}

void
flow_prices_read(struct flow *f)
{
	struct stored_watch *w = f->stored_watch;

	if (!w || w->is_running || !f->conf ||
	    (w->asked > 0 && clock_mono() - w->asked < POLL))
		return;
	prepare(w);
	on_work(w);
	take(w);
	timer_stop(f->loop, &w->timer);
	poll_later(w, POLL);
}

/* Jobs have ended. */
void
stored_fini(struct flow *f)
{
	struct stored_watch *w = f->stored_watch;

	if (!w)
		return;
	timer_stop(f->loop, &w->timer);
	ASSERT(!w->is_running);
	free(w);
}
