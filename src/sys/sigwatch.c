#include "sys/sigwatch.h"

#include <uv.h>

#include "base/fault.h"

struct sigwatch {
	struct loop *loop;
	sigwatch_fn fn;
	void *arg;
	uv_signal_t handle[SIGWATCH_MAX];
	unsigned n; /* handles that libuv holds */
};

static void
on_signal(uv_signal_t *handle, int signum)
{
	struct sigwatch *w = handle->data;

	w->fn(w->arg, signum);
}

static void
on_closed(uv_handle_t *handle)
{
	struct sigwatch *w = handle->data;

	w->n--;
}

struct sigwatch *
sigwatch_new(
    struct loop *l, const int *signums, unsigned n, sigwatch_fn fn, void *arg)
{
	struct sigwatch *w;

	ASSERT(n <= SIGWATCH_MAX);
	w = fault("sigwatch.new") ? NULL : calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	*w = (struct sigwatch){ .loop = l, .fn = fn, .arg = arg };
	for (unsigned i = 0; i < n; i++) {
		if (uv_signal_init(loop_uv(l), &w->handle[i]) != 0) {
			sigwatch_free(w);
			return NULL;
		}
		w->handle[i].data = w;
		w->n++;
		if (uv_signal_start(&w->handle[i], on_signal, signums[i])) {
			sigwatch_free(w);
			return NULL;
		}
	}
	return w;
}

void
sigwatch_free(struct sigwatch *w)
{
	if (!w)
		return;
	for (unsigned i = 0, n = w->n; i < n; i++)
		uv_close((uv_handle_t *)&w->handle[i], on_closed);
	while (w->n)
		uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
	free(w);
}
