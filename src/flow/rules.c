/*
 * The limits of the database: read before the first request, and again when the
 * change log says "limit" or "tenant" (its time zone). The last good ones stay
 * while the database is away.
 */
#include "flow/life.h"

#include "base/log.h"
#include "store/change.h"
#include "store/pool.h"

/* How often the change log is asked: a new limit counts within that time. */
#define POLL USEC_PER_SEC
#define CHANGES_MAX 1000

struct rules_watch {
	struct flow *flow;
	struct timer timer;
	bool is_running; /* the job below is with the thread pool */
	bool is_away; /* the last one met no database */
	usec_t asked; /* clock_mono of the last one */
	int64_t seen; /* newest change; -1: nothing was read yet */
	/* the job's */
	int64_t after; /* in: seen; out: the newest change */
	struct gate_rules *got; /* NULL: nothing is new */
	uint32_t n_bad;
	enum err err;
	char why[STORE_WHY_SIZE];
};

/* ---- on the thread pool ------------------------------------------------- */

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
	l->is_ours =
	    l->is_ours || str_eqz(sort, "limit") || str_eqz(sort, "tenant");
	return ERR_OK;
}

static enum err
look_for_changes(struct store *s, int64_t *after, bool *is_new)
{
	struct look l = { .last = *after };
	bool gap = false;
	enum err e =
	    store_change_each(s, *after, CHANGES_MAX, &gap, on_change, &l);

	if (e == ERR_OK && gap)
		e = store_change_last(s, &l.last);
	if (e != ERR_OK)
		return e;
	*is_new = l.is_ours || gap;
	*after = l.last;
	return ERR_OK;
}

static enum err
read_rules(struct rules_watch *w, struct store *s)
{
	bool is_new = w->after < 0;
	enum err e;

	/* The number first: what changes meanwhile is read once more. */
	if (w->after < 0)
		e = store_change_last(s, &w->after);
	else
		e = look_for_changes(s, &w->after, &is_new);
	if (e == ERR_OK && is_new)
		e = gate_rules_load(s, &w->got, &w->n_bad);
	if (e != ERR_OK)
		snprintf(w->why, sizeof(w->why), "%s", store_why(s));
	return e;
}

/* What this host knew; all is read anew when the database is back. */
static void
read_old(struct rules_watch *w)
{
	struct store *s;

	if (w->seen >= 0 ||
	    store_pool_take_replica(w->flow->store, &s) != ERR_OK)
		return;
	w->after = -1;
	(void)!read_rules(w, s);
	w->after = -1;
	store_close(s);
}

static void
on_work(void *arg)
{
	struct rules_watch *w = arg;
	struct store *s;

	w->why[0] = '\0';
	w->err = store_pool_take(w->flow->store, &s, w->why);
	if (w->err == ERR_OK) {
		w->err = read_rules(w, s);
		store_pool_give(w->flow->store, s, w->err);
	}
	if (w->err != ERR_OK)
		read_old(w);
}

/* ---- on the loop -------------------------------------------------------- */

static void
tell_away(struct rules_watch *w)
{
	/* no database was made: the file's limits are all there is */
	bool is_away =
	    w->err != ERR_OK && !(w->err == ERR_NOT_FOUND && w->seen < 0);

	if (is_away == w->is_away)
		return;
	w->is_away = is_away;
	if (is_away)
		log_msg(LOG_WARN, "limits cannot be read: %s%s%s; %s",
		    err_word(w->err), w->why[0] ? ": " : "", w->why,
		    w->got	  ? "those that this host knew count"
		    : w->seen < 0 ? "those of the file count"
				  : "the last ones stay");
	else
		log_msg(LOG_INFO, "limits can be read again");
}

static void
take(struct rules_watch *w)
{
	struct flow *f = w->flow;

	tell_away(w);
	if (w->err == ERR_OK)
		w->seen = w->after;
	if (w->got) {
		gate_rules_unref(f->rules);
		f->rules = w->got;
		w->got = NULL;
		if (w->n_bad > 0)
			log_msg(LOG_WARN,
			    "%u limits of the database are no good and do not "
			    "count; llmgwctl limit list shows them",
			    (unsigned)w->n_bad);
	}
}

static void
prepare(struct rules_watch *w)
{
	w->after = w->seen;
	w->asked = clock_mono();
}

static void on_poll(void *arg);

static void
poll_later(struct rules_watch *w, usec_t in)
{
	/* Without memory for a timer the next configuration begins anew. */
	(void)!timer_set(w->flow->loop, &w->timer, in, on_poll, w);
}

static void
on_done(void *arg)
{
	struct rules_watch *w = arg;

	w->is_running = false;
	w->flow->n_jobs--;
	take(w);
	if (!w->flow->is_ending)
		poll_later(w, POLL);
}

static void
on_poll(void *arg)
{
	struct rules_watch *w = arg;

	prepare(w);
	if (loop_work(w->flow->loop, on_work, on_done, w) != ERR_OK) {
		poll_later(w, POLL);
		return;
	}
	w->is_running = true;
	w->flow->n_jobs++;
}

void
rules_conf(struct flow *f)
{
	struct rules_watch *w = f->rules_watch;

	if (!w && f->store) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return;
		*w = (struct rules_watch){ .flow = f, .seen = -1 };
		f->rules_watch = w;
	}
	if (w && !w->is_running && !timer_is_set(&w->timer))
		poll_later(w, 0);
}

/* Before the first request: nobody is let in until it is known how much. */
void
flow_rules_read(struct flow *f)
{
	struct rules_watch *w = f->rules_watch;

	if (!w || w->is_running ||
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
rules_fini(struct flow *f)
{
	struct rules_watch *w = f->rules_watch;

	gate_rules_unref(f->rules);
	f->rules = NULL;
	if (!w)
		return;
	timer_stop(f->loop, &w->timer);
	ASSERT(!w->is_running);
	free(w);
}
