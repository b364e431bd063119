#include "sys/pollset.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/warm.h"

#define BATCH 128
/* Of a full batch this many are served between two looks at the first. */
#define STRIDE 4
/* So many places before its turn comes a descriptor's first step, and so on. */
#define STEP_PLACES 2
#define AHEAD ((POLLSET_STEPS + 1) * STEP_PLACES)
/* Descriptor numbers beyond this are refused; RLIMIT_NOFILE is lower. */
#define FD_MAX (1 << 20)

struct pollset_entry {
	pollset_fn fn;
	void *arg;
	uint32_t generation; /* tells a number from its next life */
	uint8_t wanted;
	uint8_t registered; /* what epoll watches for */
	uint8_t first; /* its place in pollset's list, from 1 */
	bool soon; /* wants to know */
};

struct pollset {
	int epoll;
	struct pollset_entry *entry; /* by descriptor number */
	int n_entries;
	int n_first;
	int first[POLLSET_FIRST_MAX];
	void (*between)(void *arg);
	void *between_arg;
};

static uint32_t
to_epoll(unsigned wanted)
{
	return (wanted & POLLSET_IN ? (uint32_t)EPOLLIN : 0) |
	       (wanted & POLLSET_OUT ? (uint32_t)EPOLLOUT : 0);
}

static unsigned
from_epoll(uint32_t events)
{
	unsigned got = 0;

	if (events & (EPOLLIN | EPOLLPRI))
		got |= POLLSET_IN;
	if (events & EPOLLOUT)
		got |= POLLSET_OUT;
	/* Reading or writing tells what happened. */
	if (events & (EPOLLERR | EPOLLHUP))
		got |= POLLSET_ERR | POLLSET_IN | POLLSET_OUT;
	return got;
}

static enum err
control(struct pollset *p, int op, int fd, unsigned wanted)
{
	struct pollset_entry *e = &p->entry[fd];
	struct epoll_event ev = { .events = to_epoll(wanted) };

	ev.data.u64 = (uint64_t)e->generation << 32 | (uint32_t)fd;
	if ((op != EPOLL_CTL_DEL && fault("pollset.set")) ||
	    epoll_ctl(p->epoll, op, fd, &ev) != 0)
		return ERR_IO;
	e->registered = (uint8_t)wanted;
	return ERR_OK;
}

/* An event that nobody wants any more: now it is worth a call. */
static void
unregister(struct pollset *p, int fd)
{
	(void)!control(p, EPOLL_CTL_DEL, fd, 0);
	p->entry[fd].registered = 0;
}

/* True: one that goes first was called. */
static bool
dispatch(struct pollset *p, const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	struct pollset_entry *e = &p->entry[fd];
	unsigned got = from_epoll(ev->events);
	bool is_first;

	/* Forgotten, or closed and opened again, by an earlier event. */
	if (e->generation != (uint32_t)(ev->data.u64 >> 32))
		return false;
	if (!e->wanted) {
		unregister(p, fd);
		return false;
	}
	got &= e->wanted | POLLSET_ERR;
	if (!got) { /* more is registered than wanted: trim it */
		(void)!control(p, EPOLL_CTL_MOD, fd, e->wanted);
		return false;
	}
	is_first = e->first;
	e->fn(e->arg, fd, got);
	return is_first;
}

/*
 * What the batch tells of them later finds nothing to read: that is allowed.
 * True: there was one.
 */
static bool
serve_first(struct pollset *p)
{
	struct pollfd v[POLLSET_FIRST_MAX];
	unsigned n = (unsigned)p->n_first;
	bool any = false;

	for (unsigned i = 0; i < n; i++)
		v[i] = (struct pollfd){ .fd = p->first[i], .events = POLLIN };
	if (n == 0 || poll(v, n, 0) <= 0)
		return false;
	for (unsigned i = 0; i < n; i++) {
		struct pollset_entry *e = &p->entry[v[i].fd];

		if (v[i].revents & ~POLLNVAL && e->first &&
		    e->wanted & POLLSET_IN) {
			e->fn(e->arg, v[i].fd, POLLSET_IN);
			any = true;
		}
	}
	return any;
}

static void
tell(const struct pollset *p, const struct epoll_event *ev, int step)
{
	int fd = (int)(uint32_t)ev->data.u64;
	const struct pollset_entry *e = &p->entry[fd];

	if (e->soon && e->generation == (uint32_t)(ev->data.u64 >> 32))
		e->fn(e->arg, fd, POLLSET_SOON | POLLSET_STEP(step));
}

/*
 * With thousands of streams nothing of one is in the cache when its turn comes,
 * and one miss waits for the other. Here those of the next few descriptors pass
 * while the i-th is served (or none yet: i is negative).
 */
static void
look_ahead(
    const struct pollset *p, const struct epoll_event *batch, int i, int n)
{
	int k = i + AHEAD;

	if (k < n)
		warm(&p->entry[(uint32_t)batch[k].data.u64], sizeof(*p->entry));
	for (int step = 0; step < POLLSET_STEPS; step++) {
		k -= STEP_PLACES;
		if (k >= 0 && k < n)
			tell(p, &batch[k], step);
	}
}

void
pollset_wait(struct pollset *p, int msec)
{
	UNCLEARED struct epoll_event batch[BATCH];
	int n = epoll_wait(p->epoll, batch, BATCH, msec);

	for (int i = -AHEAD; i < 0 && n > 0; i++)
		look_ahead(p, batch, i, n);
	for (int i = 0; i < n; i++) { /* -1: a signal came */
		bool any;

		look_ahead(p, batch, i, n);
		any = dispatch(p, &batch[i]);
		if (i % STRIDE == STRIDE - 1)
			any |= serve_first(p);
		if (any && p->between && i + 1 < n)
			p->between(p->between_arg);
	}
}

struct pollset *
pollset_new(void)
{
	struct pollset *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void
pollset_between(struct pollset *p, void (*fn)(void *arg), void *arg)
{
	p->between = fn;
	p->between_arg = arg;
}

void
pollset_free(struct pollset *p)
{
	if (!p)
		return;
	close(p->epoll);
	free(p->entry);
	free(p);
}

int
pollset_fd(const struct pollset *p)
{
	return p->epoll;
}

static enum err
grow(struct pollset *p, int fd)
{
	int n = p->n_entries ? p->n_entries : 64;
	struct pollset_entry *e;

	if (fd < 0 || fd >= FD_MAX)
		return ERR_NOMEM;
	while (n <= fd)
		n *= 2;
	e = realloc(p->entry, (size_t)n * sizeof(*e));
	if (!e)
		return ERR_NOMEM;
	memset(e + p->n_entries, 0, (size_t)(n - p->n_entries) * sizeof(*e));
	p->entry = e;
	p->n_entries = n;
	return ERR_OK;
}

void
pollset_not_first(struct pollset *p, int fd)
{
	struct pollset_entry *e;
	int last;

	if (fd < 0 || fd >= p->n_entries || !p->entry[fd].first)
		return;
	e = &p->entry[fd];
	last = p->first[--p->n_first];
	p->first[e->first - 1] = last;
	p->entry[last].first = e->first;
	e->first = 0;
}

static void
go_first(struct pollset *p, int fd)
{
	struct pollset_entry *e = &p->entry[fd];

	if (e->first || p->n_first == POLLSET_FIRST_MAX)
		return;
	p->first[p->n_first] = fd;
	e->first = (uint8_t)++p->n_first;
}

enum err
pollset_set(
    struct pollset *p, int fd, unsigned wanted, pollset_fn fn, void *arg)
{
	struct pollset_entry *e;

	if (fd >= p->n_entries && grow(p, fd) != ERR_OK)
		return ERR_NOMEM;
	e = &p->entry[fd];
	e->fn = fn;
	e->arg = arg;
	if (wanted & POLLSET_FIRST)
		go_first(p, fd);
	else if (e->first)
		pollset_not_first(p, fd);
	e->soon = wanted & POLLSET_SOON;
	wanted &= POLLSET_IN | POLLSET_OUT;
	e->wanted = (uint8_t)wanted;
	if ((e->registered & wanted) == wanted)
		return ERR_OK;
	return control(
	    p, e->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, wanted);
}

/*
 * close() takes the descriptor out of the epoll set by itself, as long as
 * nobody has a duplicate of it; nobody has.
 */
void
pollset_forget(struct pollset *p, int fd)
{
	if (fd < 0 || fd >= p->n_entries)
		return;
	pollset_not_first(p, fd);
	p->entry[fd].wanted = 0;
	p->entry[fd].soon = false;
	p->entry[fd].registered = 0;
	p->entry[fd].generation++;
}

void
pollset_drop(struct pollset *p, int fd)
{
	if (fd < 0 || fd >= p->n_entries)
		return;
	if (p->entry[fd].registered)
		unregister(p, fd);
	pollset_forget(p, fd);
}
