#include "flow/watch.h"

#include "base/log.h"
#include "flow/life.h"
#include "store/change.h"
#include "store/pool.h"

/* How often it is looked for: what is new counts within that time. */
#define POLL USEC_PER_SEC
#define CHANGES_MAX 1000

struct watch {
	const struct watch_row *row;
	struct flow *flow;
	struct timer timer;
	bool is_running; /* the job below is with the thread pool */
	bool is_away; /* the last one met no database */
	bool is_stale; /* of another configuration: read all */
	usec_t asked; /* clock_mono of the last one; 0: never */
	int64_t seen; /* number of what was read last; -1: nothing was */
	/* the job's */
	struct conf *conf; /* held while it runs */
	int64_t number; /* in: seen; out: the newest */
	void *got; /* NULL: nothing is new */
	enum err err;
	char why[STORE_WHY_SIZE];
};

/* ---- on the thread pool ------------------------------------------------- */

struct look {
	const struct watch_row *row;
	int64_t last;
	bool is_ours;
};

static enum err
on_change(void *arg, int64_t seq, struct str sort, int64_t id)
{
	struct look *l = arg;

	(void)id;
	l->last = seq;
	for (uint32_t i = 0; i < WATCH_SORTS_MAX && l->row->sorts[i]; i++)
		l->is_ours = l->is_ours || str_eqz(sort, l->row->sorts[i]);
	return ERR_OK;
}

static enum err
look_for_changes(struct watch *w, struct store *s, bool *is_new)
{
	struct look l = { .row = w->row, .last = w->number };
	bool gap = false;
	enum err e =
	    store_change_each(s, w->number, CHANGES_MAX, &gap, on_change, &l);

	if (e == ERR_OK && gap)
		e = store_change_last(s, &l.last);
	if (e != ERR_OK)
		return e;
	*is_new = l.is_ours || gap;
	w->number = l.last;
	return ERR_OK;
}

static enum err
look(struct watch *w, struct store *s, bool *is_new)
{
	enum err e;

	if (w->row->version) {
		e = w->row->version(s, &w->number);
		*is_new = w->number != w->seen;
		return e;
	}
	if (w->seen >= 0)
		return look_for_changes(w, s, is_new);
	*is_new = true;
	return store_change_last(s, &w->number);
}

/* The number first: what changes meanwhile is read once more. */
static enum err
read_new(struct watch *w, struct store *s)
{
	bool is_new = false;
	enum err e = look(w, s, &is_new);

	if (e == ERR_OK && is_new)
		e = w->row->read(
		    s, w->conf, w->row->version ? w->number : 0, &w->got);
	return e;
}

static void
read_replica(struct watch *w)
{
	struct store *s;

	if (w->seen >= 0 ||
	    store_pool_take_replica(w->flow->store, &s) != ERR_OK)
		return;
	(void)!read_new(w, s);
	store_close(s);
}

static void
on_work(void *arg)
{
	struct watch *w = arg;
	struct store *s;

	w->why[0] = '\0';
	w->err = store_pool_take(w->flow->store, &s, w->why);
	if (w->err == ERR_OK) {
		w->err = read_new(w, s);
		if (w->err != ERR_OK)
			snprintf(w->why, sizeof(w->why), "%s", store_why(s));
		store_pool_give(w->flow->store, s, w->err);
	}
	if (w->err != ERR_OK)
		read_replica(w);
}

/* ---- on the loop -------------------------------------------------------- */

static void
tell_away(struct watch *w)
{
	bool is_away = w->err != ERR_OK;

	/* no database was made: what counts without it is all there is */
	if (w->err == ERR_NOT_FOUND && w->seen < 0 && !w->row->is_needed)
		is_away = false;
	if (is_away == w->is_away)
		return;
	w->is_away = is_away;
	if (is_away)
		log_msg(LOG_WARN, "%s cannot be read: %s%s%s; %s", w->row->what,
		    err_word(w->err), w->why[0] ? ": " : "", w->why,
		    w->got	  ? "those that this host knew count"
		    : w->seen < 0 ? w->row->without
				  : "the last ones stay");
	else
		log_msg(LOG_INFO, "%s can be read again", w->row->what);
}

static void
begin(struct watch *w)
{
	w->conf = conf_ref(w->flow->conf);
	if (w->is_stale)
		w->seen = -1;
	w->is_stale = false;
	w->number = w->seen;
	w->asked = clock_mono();
}

static void
end(struct watch *w)
{
	conf_unref(w->conf);
	w->conf = NULL;
	w->got = NULL;
}

static void
take(struct watch *w)
{
	tell_away(w);
	if (w->is_stale) {
		if (w->got)
			w->row->drop(w->got);
		end(w);
		return;
	}
	if (w->err == ERR_OK || (w->got && w->row->version))
		w->seen = w->number;
	if (w->got)
		w->row->take(w->flow, w->conf, w->got);
	end(w);
}

static bool
is_wanted(const struct watch *w)
{
	return !w->row->is_wanted || w->row->is_wanted(w->flow->conf);
}

static void on_poll(void *arg);

static void
poll_later(struct watch *w, usec_t in)
{
	/* Without memory for a timer the next configuration begins anew. */
	(void)!timer_set(w->flow->loop, &w->timer, in, on_poll, w);
}

static void
on_done(void *arg)
{
	struct watch *w = arg;

	w->is_running = false;
	w->flow->n_jobs--;
	take(w);
	if (!w->flow->is_ending)
		poll_later(w, w->is_stale ? 0 : POLL);
}

static void
on_poll(void *arg)
{
	struct watch *w = arg;

	if (!is_wanted(w))
		return;
	begin(w);
	if (loop_work(w->flow->loop, on_work, on_done, w) != ERR_OK) {
		end(w);
		poll_later(w, POLL);
		return;
	}
	w->is_running = true;
	w->flow->n_jobs++;
}

struct watch *
watch_new(struct flow *f, const struct watch_row *row)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w)
		*w = (struct watch){ .row = row, .flow = f, .seen = -1 };
	return w;
}

void
watch_free(struct watch *w)
{
	if (!w)
		return;
	timer_stop(w->flow->loop, &w->timer);
	ASSERT(!w->is_running);
	free(w);
}

void
watch_conf(struct watch *w)
{
	if (w->row->is_of_conf)
		w->is_stale = true;
	if (!w->is_running && (w->is_stale || !timer_is_set(&w->timer)))
		poll_later(w, 0);
}

void
watch_read(struct watch *w)
{
	if (w->is_running || !is_wanted(w) ||
	    (!w->is_stale && w->asked > 0 && clock_mono() - w->asked < POLL))
		return;
	begin(w);
	on_work(w);
	take(w);
	timer_stop(w->flow->loop, &w->timer);
	poll_later(w, POLL);
}
