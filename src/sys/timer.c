#include "sys/timer.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/fault.h"

static bool
is_before(const struct timer_entry *a, const struct timer_entry *b)
{
	if (a->due != b->due)
		return a->due < b->due;
	return a->seq < b->seq;
}

static void
place(struct timer_heap *h, size_t pos, struct timer_entry e)
{
	h->v[pos] = e;
	e.timer->pos = pos;
}

static void
sift_up(struct timer_heap *h, size_t pos, struct timer_entry e)
{
	while (pos > 1 && is_before(&e, &h->v[pos / 2])) {
		place(h, pos, h->v[pos / 2]);
		pos /= 2;
	}
	place(h, pos, e);
}

static void
sift_down(struct timer_heap *h, size_t pos, struct timer_entry e)
{
	for (;;) {
		size_t child = pos * 2;

		if (child > h->n)
			break;
		if (child < h->n && is_before(&h->v[child + 1], &h->v[child]))
			child++;
		if (!is_before(&h->v[child], &e))
			break;
		place(h, pos, h->v[child]);
		pos = child;
	}
	place(h, pos, e);
}

static enum err
grow(struct timer_heap *h)
{
	size_t cap = h->cap ? h->cap * 2 : 64;
	struct timer_entry *v;

	if (h->n + 1 < h->cap)
		return ERR_OK;
	if (h->n >= TIMER_HEAP_MAX || fault("timer.grow"))
		return ERR_NOMEM;
	v = realloc(h->v, cap * sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	h->v = v;
	h->cap = cap;
	return ERR_OK;
}

void
timer_heap_fini(struct timer_heap *h)
{
	free(h->v);
	*h = (struct timer_heap){ 0 };
}

enum err
timer_heap_put(struct timer_heap *h, struct timer *t, usec_t due)
{
	struct timer_entry e = { .due = due, .timer = t };

	if (t->pos) {
		size_t pos = t->pos;

		e.seq = h->seq++;
		t->due = due;
		if (is_before(&e, &h->v[pos]))
			sift_up(h, pos, e);
		else
			sift_down(h, pos, e);
		return ERR_OK;
	}
	if (grow(h) != ERR_OK)
		return ERR_NOMEM;
	e.seq = h->seq++;
	t->due = due;
	sift_up(h, ++h->n, e);
	return ERR_OK;
}

void
timer_heap_remove(struct timer_heap *h, struct timer *t)
{
	size_t pos = t->pos;
	struct timer_entry last;

	ASSERT(pos > 0 && pos <= h->n && h->v[pos].timer == t);
	t->pos = 0;
	last = h->v[h->n--];
	if (last.timer == t)
		return;
	if (pos > 1 && is_before(&last, &h->v[pos / 2]))
		sift_up(h, pos, last);
	else
		sift_down(h, pos, last);
}
