#include "conf/watch.h"

#include "base/fault.h"

#define PROBLEMS_MAX ((size_t)1024 * 1024)

enum state {
	IDLE, /* until the timer, or until asked */
	LOOKING, /* conf_stamp on the pool */
	LOADING, /* conf_load on the pool */
};

struct conf_watch {
	struct loop *loop;
	conf_watch_fn fn;
	void *arg;
	struct timer timer;
	enum state state;
	uint64_t loaded; /* stamp of what was loaded last, well or not */
	uint64_t seen; /* stamp at the last look */
	bool is_asked; /* to load, after what is under way */
	bool is_for_request; /* the load under way was asked for */
	bool is_closing; /* freed when the job is done */

	/* The pool's while LOOKING or LOADING, else the loop's. */
	uint64_t stamp; /* before the load */
	uint64_t stamp_after;
	struct conf *conf;
	struct arena *arena; /* of problems */
	struct conf_problems problems;

	char file[]; /* last: the path and its NUL */
};

static void on_tick(void *arg);
static void start_load(struct conf_watch *w);

static void
result_drop(struct conf_watch *w)
{
	conf_unref(w->conf);
	w->conf = NULL;
	arena_free(w->arena);
	w->arena = NULL;
}

static void
destroy(struct conf_watch *w)
{
	result_drop(w);
	free(w);
}

static void
rest(struct conf_watch *w)
{
	usec_t pause =
	    w->seen != w->loaded ? CONF_WATCH_SETTLE : CONF_WATCH_PERIOD;

	w->state = IDLE;
	if (w->is_asked) {
		start_load(w);
		return;
	}
	/* Fails without memory only; conf_watch_now starts it again then. */
	(void)!timer_set(w->loop, &w->timer, pause, on_tick, w);
}

/* ---- loading ------------------------------------------------------------- */

static void
load_work(void *arg)
{
	struct conf_watch *w = arg;

	w->stamp = w->stamp_after = conf_stamp(w->file);
	w->arena = fault("conf.watch") ? NULL : arena_new(PROBLEMS_MAX);
	if (w->arena == NULL)
		return;
	conf_problems_init(&w->problems, w->arena);
	if (conf_load(w->file, &w->conf, &w->problems) != ERR_OK)
		w->conf = NULL;
	w->stamp_after = conf_stamp(w->file);
}

static void
load_done(void *arg)
{
	struct conf_watch *w = arg;

	if (w->is_closing) {
		destroy(w);
		return;
	}
	/* It moved under our hands: what was read may be half of each. */
	if (w->arena == NULL ||
	    (w->stamp != w->stamp_after && !w->is_for_request)) {
		w->seen = w->stamp_after;
		if (w->is_for_request)
			w->loaded = 0; /* so that the next looks load */
		result_drop(w);
		rest(w);
		return;
	}
	w->loaded = w->seen = w->stamp;
	w->fn(w->arg, w->conf, &w->problems);
	if (w->is_closing) {
		destroy(w);
		return;
	}
	result_drop(w);
	rest(w);
}

static void
start_load(struct conf_watch *w)
{
	timer_stop(w->loop, &w->timer);
	w->state = LOADING;
	w->is_for_request = w->is_asked;
	w->is_asked = false;
	if (loop_work(w->loop, load_work, load_done, w) != ERR_OK)
		rest(w);
}

/* ---- looking ------------------------------------------------------------- */

static void
look_work(void *arg)
{
	struct conf_watch *w = arg;

	w->stamp = conf_stamp(w->file);
}

static void
look_done(void *arg)
{
	struct conf_watch *w = arg;
	bool is_quiet;

	if (w->is_closing) {
		destroy(w);
		return;
	}
	is_quiet = w->stamp == w->seen;
	w->seen = w->stamp;
	if (is_quiet && w->stamp != w->loaded)
		start_load(w);
	else
		rest(w);
}

static void
on_tick(void *arg)
{
	struct conf_watch *w = arg;

	w->state = LOOKING;
	if (loop_work(w->loop, look_work, look_done, w) != ERR_OK)
		rest(w);
}

/* ---- the outside --------------------------------------------------------- */

struct conf_watch *
conf_watch_new(struct loop *l, const char *file, uint64_t stamp,
    conf_watch_fn fn, void *arg)
{
	size_t n = strlen(file) + 1;
	struct conf_watch *w =
	    fault("conf.watch_new") ? NULL : calloc(1, sizeof(*w) + n);

	if (w == NULL)
		return NULL;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->loaded = w->seen = stamp;
	memcpy(w->file, file, n);
	if (stamp == 0) {
		conf_watch_now(w);
	} else if (timer_set(l, &w->timer, CONF_WATCH_PERIOD, on_tick, w) !=
		   ERR_OK) {
		free(w);
		return NULL;
	}
	return w;
}

void
conf_watch_now(struct conf_watch *w)
{
	w->is_asked = true;
	switch (w->state) {
	case IDLE:
		start_load(w);
		break;
	case LOOKING: /* look_done goes on with it */
	case LOADING: /* load_done does, also from within fn */
		break;
	}
}

void
conf_watch_free(struct conf_watch *w)
{
	if (w == NULL)
		return;
	timer_stop(w->loop, &w->timer);
	w->is_closing = true;
	if (w->state == IDLE)
		destroy(w);
}
