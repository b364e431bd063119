#include "sys/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <uv.h>

#include "base/fault.h"
#include "sys/pollset.h"
#include "sys/timer.h"

/*
 * A turn: what poll found, then timers, then deferred calls. libuv runs its
 * prepare handles after timers and right before it polls again, so deferred
 * calls live there: they see what both left behind.
 */

enum {
	JOBS_MAX = 1 << 16, /* handed to the pool and not yet done */
	/* Deferred calls that keep queuing each other must let poll run. */
	DEFER_ROUNDS = 16,
};

struct job {
	uv_work_t req;
	struct job *next; /* virtual loops */
	struct loop *loop;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct loop {
	bool is_virtual;
	bool has_pool; /* its threads are made */
	uv_loop_t uv;
	uv_timer_t uv_timer;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle; /* active: poll does not wait */
	usec_t armed; /* what uv_timer is set to, or -1 */
	usec_t polled; /* when poll returned; 0: not yet */
	usec_t longest_turn;
	struct pollset *pollset;
	struct timer_heap heap;
	struct defer *first, **last;
	struct job *jobs, **jobs_last;
	uint32_t n_jobs;
};

/* ---- timers ------------------------------------------------------------ */

static void on_uv_timer(uv_timer_t *t);

/*
 * Sets the one libuv timer to the earliest of ours. A timer that was stopped
 * leaves it set: waking once for nothing is cheaper than moving it each time.
 */
static void
arm(struct loop *l)
{
	const struct timer_entry *top = timer_heap_top(&l->heap);
	uint64_t due, now;

	if (l->is_virtual || !top)
		return;
	if (l->armed >= 0 && l->armed <= top->due)
		return;
	/* libuv counts milliseconds of the same clock as clock_mono. */
	due = ((uint64_t)top->due + 999) / 1000;
	now = uv_now(&l->uv);
	l->armed = top->due;
	uv_timer_start(&l->uv_timer, on_uv_timer, due > now ? due - now : 0, 0);
}

static bool
run_due(struct loop *l)
{
	usec_t now = clock_mono();
	const struct timer_entry *top;
	bool any = false;

	while ((top = timer_heap_top(&l->heap)) && top->due <= now) {
		struct timer *t = top->timer;

		timer_heap_remove(&l->heap, t);
		t->fn(t->arg);
		any = true;
	}
	return any;
}

static void
on_uv_timer(uv_timer_t *t)
{
	struct loop *l = t->data;

	l->armed = -1;
	run_due(l);
	arm(l);
}

enum err
timer_set(struct loop *l, struct timer *t, usec_t delay, void (*fn)(void *arg),
    void *arg)
{
	usec_t due;

	if (__builtin_add_overflow(clock_mono(), delay < 0 ? 0 : delay, &due))
		due = INT64_MAX;
	if (fault("timer.set") || timer_heap_put(&l->heap, t, due) != ERR_OK)
		return ERR_NOMEM;
	t->fn = fn;
	t->arg = arg;
	arm(l);
	return ERR_OK;
}

void
timer_stop(struct loop *l, struct timer *t)
{
	if (t->pos)
		timer_heap_remove(&l->heap, t);
}

usec_t
loop_next_due(const struct loop *l)
{
	const struct timer_entry *top = timer_heap_top(&l->heap);

	return top ? top->due : -1;
}

/* ---- deferred calls ---------------------------------------------------- */

void
loop_defer(struct loop *l, struct defer *d, void (*fn)(void *arg), void *arg)
{
	if (d->queued)
		return;
	*d = (struct defer){ .queued = true, .fn = fn, .arg = arg };
	*l->last = d;
	l->last = &d->next;
}

void
loop_defer_cancel(struct loop *l, struct defer *d)
{
	struct defer **at = &l->first;

	if (!d->queued)
		return;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (l->last == &d->next)
		l->last = at;
	d->queued = false;
	d->next = NULL;
}

/* Runs what is queued now; what it queues waits for the next round. */
static bool
run_deferred(struct loop *l)
{
	struct defer end = { .queued = true };
	struct defer *d;

	if (!l->first)
		return false;
	*l->last = &end;
	l->last = &end.next;
	while ((d = l->first) != &end) {
		l->first = d->next;
		d->queued = false;
		d->next = NULL;
		d->fn(d->arg);
	}
	l->first = end.next;
	if (l->last == &end.next)
		l->last = &l->first;
	return true;
}

/* ---- the loop ---------------------------------------------------------- */

static void
on_idle(uv_idle_t *h)
{
	(void)h; /* being active is all it does */
}

static void
on_check(uv_check_t *h)
{
	struct loop *l = h->data;

	l->polled = (usec_t)uv_now(&l->uv) * USEC_PER_MSEC;
}

static void
on_prepare(uv_prepare_t *h)
{
	struct loop *l = h->data;
	int rounds = 0;

	while (run_deferred(l) && ++rounds < DEFER_ROUNDS)
		;
	if (l->first)
		uv_idle_start(&l->idle, on_idle);
	else
		uv_idle_stop(&l->idle);
	if (l->polled) {
		usec_t turn = clock_mono() - l->polled;

		if (turn > l->longest_turn)
			l->longest_turn = turn;
	}
}

static void
lists_init(struct loop *l)
{
	l->last = &l->first;
	l->jobs_last = &l->jobs;
	l->armed = -1;
}

struct loop *
loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	lists_init(l);
	if (fault("loop.init") || uv_loop_init(&l->uv) != 0) {
		free(l);
		return NULL;
	}
	uv_timer_init(&l->uv, &l->uv_timer);
	uv_prepare_init(&l->uv, &l->prepare);
	uv_check_init(&l->uv, &l->check);
	uv_idle_init(&l->uv, &l->idle);
	l->uv_timer.data = l->prepare.data = l->check.data = l;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_check_start(&l->check, on_check);
	l->pollset = pollset_new(l);
	if (!l->pollset) {
		loop_free(l);
		return NULL;
	}
	return l;
}

struct loop *
loop_new_virtual(void)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	lists_init(l);
	l->is_virtual = true;
	return l;
}

void
loop_free(struct loop *l)
{
	int rc;

	if (!l)
		return;
	ASSERT(l->heap.n == 0);
	if (!l->is_virtual) {
		pollset_free(l->pollset);
		uv_close((uv_handle_t *)&l->uv_timer, NULL);
		uv_close((uv_handle_t *)&l->prepare, NULL);
		uv_close((uv_handle_t *)&l->check, NULL);
		uv_close((uv_handle_t *)&l->idle, NULL);
		/* Handles that others closed, and jobs of the pool. */
		uv_run(&l->uv, UV_RUN_DEFAULT);
		rc = uv_loop_close(&l->uv);
		ASSERT(rc == 0);
	}
	timer_heap_fini(&l->heap);
	free(l);
}

void
loop_run(struct loop *l)
{
	ASSERT(!l->is_virtual);
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void
loop_stop(struct loop *l)
{
	if (!l->is_virtual)
		uv_stop(&l->uv);
}

struct uv_loop_s *
loop_uv(struct loop *l)
{
	return l->is_virtual ? NULL : &l->uv;
}

struct pollset *
loop_pollset(struct loop *l)
{
	return l->pollset;
}

usec_t
loop_longest_turn(const struct loop *l)
{
	return l->longest_turn;
}

/* ---- thread pool ------------------------------------------------------- */

static void
job_finish(struct job *j)
{
	struct loop *l = j->loop;
	void (*done)(void *arg) = j->done;
	void *arg = j->arg;

	l->n_jobs--;
	free(j);
	done(arg);
}

static void
on_work(uv_work_t *req)
{
	struct job *j = req->data;

	j->work(j->arg);
}

static void
on_work_done(uv_work_t *req, int status)
{
	(void)status; /* we never cancel */
	job_finish(req->data);
}

/*
 * The pool's threads come with the first job, and take over what is blocked
 * then. Signals are for the loop's thread: one that arrived at another would
 * not wake who waits for it.
 */
static int
queue(struct loop *l, struct job *j)
{
	sigset_t all, before;
	int r;

	if (l->has_pool)
		return uv_queue_work(&l->uv, &j->req, on_work, on_work_done);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = uv_queue_work(&l->uv, &j->req, on_work, on_work_done);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	l->has_pool = r == 0;
	return r;
}

enum err
loop_work(
    struct loop *l, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct job *j;

	if (l->n_jobs >= JOBS_MAX || fault("loop.work"))
		return ERR_NOMEM;
	j = calloc(1, sizeof(*j));
	if (!j)
		return ERR_NOMEM;
	*j = (struct job){ .loop = l, .work = work, .done = done, .arg = arg };
	j->req.data = j;
	l->n_jobs++;
	if (l->is_virtual) {
		*l->jobs_last = j;
		l->jobs_last = &j->next;
		return ERR_OK;
	}
	if (queue(l, j) != 0) {
		l->n_jobs--;
		free(j);
		return ERR_NOMEM;
	}
	return ERR_OK;
}

static bool
run_jobs(struct loop *l)
{
	struct job *j = l->jobs;

	if (!j)
		return false;
	l->jobs = j->next;
	if (!l->jobs)
		l->jobs_last = &l->jobs;
	j->work(j->arg);
	job_finish(j);
	return true;
}

void
loop_finish_work(struct loop *l)
{
	while (l->n_jobs > 0) {
		if (l->is_virtual)
			run_jobs(l);
		else
			uv_run(&l->uv, UV_RUN_ONCE);
	}
}

void
loop_turn(struct loop *l)
{
	bool any = true;

	ASSERT(l->is_virtual);
	while (any) {
		any = run_due(l);
		any |= run_jobs(l);
		any |= run_deferred(l);
	}
}
