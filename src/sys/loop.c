#include "sys/loop.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <uv.h>

#include "base/fault.h"
#include "sys/heap.h"
#include "sys/pollset.h"
#include "sys/timer.h"

/*
 * A turn: what poll found, then timers, then deferred calls, which see what
 * both left behind. We wait in our own epoll set, where libuv's is one of many:
 * the other way round each wake-up costs a second wait.
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
	bool is_stopped;
	bool
	    uv_changed; /* it may have descriptors that it does not watch yet */
	uv_loop_t uv;
	usec_t longest_turn;
	struct pollset *pollset;
	struct timer_heap heap;
	struct defer *first, **last;
	struct job *jobs, **jobs_last;
	uint32_t n_jobs;
};

/* ---- timers ------------------------------------------------------------ */

static bool
run_due(struct loop *l, usec_t now)
{
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
run_rounds(struct loop *l)
{
	int rounds = 0;

	while (run_deferred(l) && ++rounds < DEFER_ROUNDS)
		;
}

/* Never early: what is due within a millisecond waits for all of it. */
static int
wait_msec(const struct loop *l, usec_t now)
{
	const struct timer_entry *top = timer_heap_top(&l->heap);
	usec_t left;

	if (l->first)
		return 0;
	if (!top)
		return -1;
	left = top->due - now;
	if (left <= 0)
		return 0;
	left = (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static void
run_uv(struct loop *l)
{
	l->uv_changed = false;
	uv_run(&l->uv, UV_RUN_NOWAIT);
}

static void
on_between(void *arg)
{
	run_rounds(arg);
}

static void
on_uv_ready(void *arg, int fd, unsigned events)
{
	(void)fd;
	(void)events;
	run_uv(arg);
}

/* Returns when it ended. */
static usec_t
turn(struct loop *l, int msec)
{
	usec_t began, ended;

	if (l->uv_changed) {
		run_uv(l);
		msec = 0; /* what it called may have set or stopped something */
	}
	pollset_wait(l->pollset, msec);
	began = clock_mono();
	run_due(l, began);
	run_rounds(l);
	heap_grown();
	ended = clock_mono();
	if (ended - began > l->longest_turn)
		l->longest_turn = ended - began;
	return ended;
}

static void
lists_init(struct loop *l)
{
	l->last = &l->first;
	l->jobs_last = &l->jobs;
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
	l->uv_changed = true;
	l->pollset = pollset_new();
	if (!l->pollset || pollset_set(l->pollset, uv_backend_fd(&l->uv),
			       POLLSET_IN, on_uv_ready, l) != ERR_OK) {
		loop_free(l);
		return NULL;
	}
	pollset_between(l->pollset, on_between, l);
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
	usec_t now;

	ASSERT(!l->is_virtual);
	run_rounds(l);
	now = clock_mono();
	while (!l->is_stopped)
		now = turn(l, wait_msec(l, now));
	l->is_stopped = false;
}

void
loop_poll(struct loop *l)
{
	ASSERT(!l->is_virtual);
	run_rounds(l);
	l->uv_changed = true;
	(void)turn(l, 0);
}

int
loop_fd(const struct loop *l)
{
	return l->is_virtual ? -1 : pollset_fd(l->pollset);
}

void
loop_stop(struct loop *l)
{
	l->is_stopped = true;
}

struct uv_loop_s *
loop_uv(struct loop *l)
{
	if (l->is_virtual)
		return NULL;
	l->uv_changed = true;
	return &l->uv;
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
			(void)turn(l, wait_msec(l, clock_mono()));
	}
}

void
loop_turn(struct loop *l)
{
	bool any = true;

	ASSERT(l->is_virtual);
	while (any) {
		any = run_due(l, clock_mono());
		any |= run_jobs(l);
		any |= run_deferred(l);
	}
}
