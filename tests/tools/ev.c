#include "ev.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define EV_BATCH 512
#define EV_TIMERS_MAX ((size_t)1 << 20)

static struct {
	int ep;
	usec_t now;
	struct ev_timer **heap;
	size_t n, cap;
	void **dead;
	size_t n_dead, cap_dead;
} ev;

static volatile sig_atomic_t ev_stopped;

static void
on_signal(int sig)
{
	(void)sig;
	ev_stopped = 1;
}

bool
ev_init(void)
{
	struct rlimit lim;
	struct sigaction sa;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &lim);
	}
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sa.sa_handler = on_signal;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	ev.now = clock_mono();
	ev.ep = epoll_create1(EPOLL_CLOEXEC);
	return ev.ep >= 0;
}

void
ev_stop(void)
{
	ev_stopped = 1;
}

usec_t
ev_now(void)
{
	return ev.now;
}

static void *
grow(void *p, size_t *cap, size_t item)
{
	size_t want = *cap ? *cap * 2 : 256;

	if (want > EV_TIMERS_MAX)
		return NULL;
	p = reallocarray(p, want, item);
	if (p)
		*cap = want;
	return p;
}

static void
out_of_memory(void)
{
	fputs("ev: out of memory\n", stderr);
	abort();
}

bool
ev_add(struct ev_fd *e, uint32_t events)
{
	struct epoll_event x = { .events = events, .data.ptr = e };

	e->events = events;
	return epoll_ctl(ev.ep, EPOLL_CTL_ADD, e->fd, &x) == 0;
}

void
ev_mod(struct ev_fd *e, uint32_t events)
{
	struct epoll_event x = { .events = events, .data.ptr = e };

	if (e->fd < 0 || e->events == events)
		return;
	e->events = events;
	(void)epoll_ctl(ev.ep, EPOLL_CTL_MOD, e->fd, &x);
}

void
ev_close(struct ev_fd *e)
{
	if (e->fd < 0)
		return;
	close(e->fd); /* leaves the epoll set with its last descriptor */
	e->fd = -1;
}

void
ev_dispose(void *memory)
{
	if (ev.n_dead == ev.cap_dead) {
		void **p = grow(ev.dead, &ev.cap_dead, sizeof(*p));

		if (!p)
			out_of_memory();
		ev.dead = p;
	}
	ev.dead[ev.n_dead++] = memory;
}

/* --- timers: a binary heap, slot kept in the timer --------------------- */

static void
heap_put(size_t i, struct ev_timer *t)
{
	ev.heap[i] = t;
	t->slot = i + 1;
}

static void
heap_up(size_t i, struct ev_timer *t)
{
	while (i > 0) {
		size_t up = (i - 1) / 2;

		if (ev.heap[up]->due <= t->due)
			break;
		heap_put(i, ev.heap[up]);
		i = up;
	}
	heap_put(i, t);
}

static void
heap_down(size_t i, struct ev_timer *t)
{
	for (;;) {
		size_t kid = i * 2 + 1;

		if (kid >= ev.n)
			break;
		if (kid + 1 < ev.n && ev.heap[kid + 1]->due < ev.heap[kid]->due)
			kid++;
		if (ev.heap[kid]->due >= t->due)
			break;
		heap_put(i, ev.heap[kid]);
		i = kid;
	}
	heap_put(i, t);
}

void
ev_timer_clear(struct ev_timer *t)
{
	size_t i;
	struct ev_timer *last;

	if (t->slot == 0)
		return;
	i = t->slot - 1;
	t->slot = 0;
	last = ev.heap[--ev.n];
	if (last == t)
		return;
	if (i > 0 && ev.heap[(i - 1) / 2]->due > last->due)
		heap_up(i, last);
	else
		heap_down(i, last);
}

void
ev_timer_at(struct ev_timer *t, usec_t due)
{
	ev_timer_clear(t);
	/* whole milliseconds: streams with equal gaps share one wake-up */
	t->due = (due + 999) / 1000 * 1000;
	if (ev.n == ev.cap) {
		struct ev_timer **p = grow(ev.heap, &ev.cap, sizeof(*p));

		if (!p)
			out_of_memory();
		ev.heap = p;
	}
	ev.n++;
	heap_up(ev.n - 1, t);
}

static void
run_timers(void)
{
	while (ev.n && ev.heap[0]->due <= ev.now) {
		struct ev_timer *t = ev.heap[0];

		ev_timer_clear(t);
		t->on(t);
	}
}

/* --- the loop ----------------------------------------------------------- */

static int
wait_for(struct epoll_event *events)
{
	struct timespec ts = { 0, 0 }, *limit = NULL;

	if (ev.n) {
		usec_t left = ev.heap[0]->due - clock_mono();

		if (left > 0) {
			ts.tv_sec = left / USEC_PER_SEC;
			ts.tv_nsec = left % USEC_PER_SEC * 1000;
		}
		limit = &ts;
	}
	return epoll_pwait2(ev.ep, events, EV_BATCH, limit, NULL);
}

void
ev_reap(void)
{
	while (ev.n_dead)
		free(ev.dead[--ev.n_dead]);
}

void
ev_run(void)
{
	static struct epoll_event events[EV_BATCH];

	while (!ev_stopped) {
		int n = wait_for(events);

		if (n < 0 && errno != EINTR) {
			perror("epoll_pwait2");
			return;
		}
		ev.now = clock_mono();
		for (int i = 0; i < n; i++) {
			struct ev_fd *e = events[i].data.ptr;

			if (e->fd >= 0)
				e->on(e, events[i].events);
		}
		run_timers();
		ev_reap();
	}
}
