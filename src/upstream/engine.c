#include "upstream/engine.h"

#include "upstream/drained.h"
#include "upstream/handed.h"
#include "upstream/wipe.h"

#include "base/fault.h"
#include "sys/pollset.h"

static const char *const end_words[UPSTREAM__MAX] = {
	[UPSTREAM_OK] = "ok",
	[UPSTREAM_DNS] = "dns",
	[UPSTREAM_CONNECT] = "connect",
	[UPSTREAM_TLS] = "tls",
	[UPSTREAM_TIMEOUT_CONNECT] = "timeout_connect",
	[UPSTREAM_TIMEOUT_FIRST_BYTE] = "timeout_first_byte",
	[UPSTREAM_TIMEOUT_IDLE] = "timeout_idle",
	[UPSTREAM_TIMEOUT_TOTAL] = "timeout_total",
	[UPSTREAM_CUT] = "cut",
	[UPSTREAM_TOO_LARGE] = "too_large",
	[UPSTREAM_PROTOCOL] = "protocol",
	[UPSTREAM_BLOCKED] = "blocked",
	[UPSTREAM_STOPPED] = "stopped",
	[UPSTREAM_FAILED] = "failed",
};

const char *
upstream_end_word(enum upstream_end e)
{
	return (unsigned)e < UPSTREAM__MAX ? end_words[e] : "unknown";
}

/* One with these options, or else any. */
static unsigned
find_easy(const struct engine *e, const struct engine_easy *want)
{
	for (unsigned i = e->n_pool; want->url && i-- > 0;)
		if (e->pool[i].url == want->url &&
		    e->pool[i].sort == want->sort)
			return i;
	return e->n_pool - 1;
}

bool
engine_easy_take(struct upstream_xfer *x)
{
	struct engine *e = x->engine;
	struct engine_easy *want = &x->easy, had;
	unsigned i;

	if (x->url && easy_sort(x->call, &want->sort))
		want->url = x->url->id;
	if (e->n_pool == 0) {
		want->handle = curl_easy_init();
		return want->handle != NULL;
	}
	i = find_easy(e, want);
	had = e->pool[i];
	e->pool[i] = e->pool[--e->n_pool];
	want->handle = had.handle;
	x->is_set_up =
	    want->url && had.url == want->url && had.sort == want->sort;
	if (had.url && !x->is_set_up)
		curl_easy_reset(had.handle);
	return true;
}

/* Its call may be gone. */
void
engine_easy_put(struct upstream_xfer *x)
{
	struct engine *e = x->engine;

	if (!x->easy.handle)
		return;
	if (e->n_pool == ENGINE_EASY_POOL) {
		curl_easy_cleanup(x->easy.handle);
		return;
	}
	if (!x->is_done_well)
		x->easy.url = 0;
	if (x->easy.url)
		easy_forget(x->easy.handle);
	else
		curl_easy_reset(x->easy.handle);
	e->pool[e->n_pool++] = x->easy;
}

static void
list_remove(struct upstream_xfer **head, struct upstream_xfer *x)
{
	if (x->prev)
		x->prev->next = x->next;
	else
		*head = x->next;
	if (x->next)
		x->next->prev = x->prev;
	x->next = x->prev = NULL;
}

static void
list_add(struct upstream_xfer **head, struct upstream_xfer *x)
{
	x->prev = NULL;
	x->next = *head;
	if (x->next)
		x->next->prev = x;
	*head = x;
}

void
engine_fed(struct upstream_xfer *x)
{
	if (x->is_fed || !x->sink->rest)
		return;
	x->is_fed = true;
	x->next_fed = x->engine->fed;
	x->engine->fed = x;
}

/* The list is short: what one call of curl's has fed. */
static void
unfeed(struct upstream_xfer *x)
{
	struct upstream_xfer **p = &x->engine->fed;

	if (!x->is_fed)
		return;
	while (*p != x)
		p = &(*p)->next_fed;
	*p = x->next_fed;
	x->is_fed = false;
}

/* Nobody calls or is called any more. */
static void
retire(struct upstream_xfer *x)
{
	struct engine *e = x->engine;

	unfeed(x);
	handed_leave(x);
	dial_leave(x);
	timer_stop(e->loop, &x->watch);
	loop_defer_cancel(e->loop, &x->resume);
	list_remove(&e->live, x);
	e->counts.running--;
}

static void
dispose(struct upstream_xfer *x)
{
	curl_multi_remove_handle(x->engine->multi, x->easy.handle);
	xfer_free(x);
}

void
engine_forget(struct upstream_xfer *x)
{
	retire(x);
	dispose(x);
}

static void
free_gone(struct engine *e)
{
	struct upstream_xfer *x;

	while ((x = e->gone)) {
		list_remove(&e->gone, x);
		dispose(x);
	}
}

static void
finish(struct engine *e, struct upstream_xfer *x, CURLcode code)
{
	const struct upstream_sink *sink = x->sink;
	struct upstream_result r;
	void *arg = x->arg;

	xfer_result(x, code, &r);
	if (r.reused)
		e->counts.reused++;
	else if (x->is_new_connection)
		e->counts.opened++;
	retire(x);
	x->is_done_well = r.end == UPSTREAM_OK;
	/* The client's answer goes out here: our clean-up can wait. */
	sink->done(arg, &r);
	dispose(x);
}

/* Tells what curl has brought. Callbacks may start and cancel transfers. */
static void
reap(struct engine *e)
{
	struct upstream_xfer *x;
	CURLMsg *m;
	int left;

	free_gone(e);
	while ((m = curl_multi_info_read(e->multi, &left))) {
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
		finish(e, x, code);
	}
	while ((x = e->fed)) {
		unfeed(x);
		x->sink->rest(x->arg);
	}
}

static void
run(struct engine *e, curl_socket_t fd, int events)
{
	int running;

	e->depth++;
	if (fd != CURL_SOCKET_TIMEOUT)
		drained_begin();
	curl_multi_socket_action(e->multi, fd, events, &running);
	drained_end();
	e->depth--;
	if (e->depth == 0)
		reap(e);
}

/*
 * Lets curl go on. It may deliver at once what it holds, from within this call,
 * so this is a call of curl's like any other; but when the sink refuses that,
 * the verdict comes from here and from nowhere else.
 */
void
engine_unpause(struct upstream_xfer *x)
{
	struct engine *e = x->engine;
	CURLcode code;

	e->depth++;
	code = curl_easy_pause(x->easy.handle, CURLPAUSE_CONT);
	e->depth--;
	if (code != CURLE_OK && !x->is_cancelled)
		finish(e, x, code);
	reap(e);
}

static void
on_ready(void *arg, int fd, unsigned events)
{
	int flags = 0;

	if (events & POLLSET_SOON) {
		dial_warm(arg, fd, POLLSET_STEP_OF(events));
		return;
	}
	if (events & POLLSET_IN)
		flags |= CURL_CSELECT_IN;
	if (events & POLLSET_OUT)
		flags |= CURL_CSELECT_OUT;
	if (events & POLLSET_ERR)
		flags |= CURL_CSELECT_ERR;
	run(arg, fd, flags);
}

/* CURLMOPT_SOCKETFUNCTION */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct engine *e = arg;
	struct upstream_xfer *x = NULL;
	unsigned wanted = 0;

	(void)assigned;
	if (what == CURL_POLL_REMOVE) {
		dial_rest(e, easy, fd);
		return 0;
	}
	if (what & CURL_POLL_IN)
		wanted |= POLLSET_IN | POLLSET_SOON;
	if (what & CURL_POLL_OUT)
		wanted |= POLLSET_OUT;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	if (x) {
		dial_use(x, fd);
		if (x->bytes_in == 0)
			wanted |= POLLSET_FIRST;
	}
	/*
	 * -1 would end all transfers of this worker, now and for ever; so the
	 * one that cannot be watched runs into its time-out.
	 */
	(void)!pollset_set(loop_pollset(e->loop), fd, wanted, on_ready, e);
	return 0;
}

static void
on_kick(void *arg)
{
	run(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION: "now" is done at the end of this turn. */
static int
on_timer_wanted(CURLM *multi, long msec, void *arg)
{
	struct engine *e = arg;

	(void)multi;
	timer_stop(e->loop, &e->timer);
	/* Without memory for a timer: now, and it will ask again. */
	if (msec == 0 ||
	    (msec > 0 && timer_set(e->loop, &e->timer, msec * USEC_PER_MSEC,
			     on_kick, e) != ERR_OK))
		loop_defer(e->loop, &e->kick, on_kick, e);
	return 0;
}

static struct upstream_xfer *
engine_start(struct upstream *u, const struct upstream_call *call,
    const struct upstream_sink *sink, void *arg)
{
	struct engine *e = (struct engine *)u;
	struct upstream_xfer *x =
	    fault("upstream.start") ? NULL : xfer_new(e, call, sink, arg);

	if (!x)
		return NULL;
	if (easy_setup(x) != ERR_OK || xfer_watch_start(x) != ERR_OK ||
	    curl_multi_add_handle(e->multi, x->easy.handle) != CURLM_OK) {
		xfer_free(x);
		return NULL;
	}
	list_add(&e->live, x);
	e->counts.started++;
	e->counts.running++;
	return x;
}

static void
engine_cancel(struct upstream_xfer *x)
{
	struct engine *e = x->engine;

	if (e->depth == 0) {
		engine_forget(x);
		return;
	}
	/* curl allows no removal from within its callbacks. */
	x->is_cancelled = true;
	retire(x);
	list_add(&e->gone, x);
}

static void
engine_free(struct upstream *u)
{
	struct engine *e = (struct engine *)u;

	free_gone(e);
	while (e->live)
		engine_forget(e->live);
	while (e->n_pool)
		curl_easy_cleanup(e->pool[--e->n_pool].handle);
	curl_multi_cleanup(e->multi);
	loop_defer_cancel(e->loop, &e->kick);
	timer_stop(e->loop, &e->timer);
	urls_fini(&e->urls);
	handed_fini(e);
	free(e->dialled);
	free(e);
}

static void
engine_counts(const struct upstream *u, struct upstream_counts *out)
{
	*out = ((const struct engine *)u)->counts;
}

static const struct upstream_ops engine_ops = {
	.start = engine_start,
	.pause = xfer_pause,
	.resume = xfer_resume,
	.cancel = engine_cancel,
	.free = engine_free,
	.counts = engine_counts,
	.is_sent = xfer_is_sent,
	.may_be_asked = xfer_may_be_asked,
};

static void
setup_multi(struct engine *e, unsigned max_idle)
{
	curl_multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e);
	curl_multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(e->multi, CURLMOPT_TIMERDATA, e);
	curl_multi_setopt(e->multi, CURLMOPT_MAXCONNECTS, (long)max_idle);
	/* More on one connection cost CPU per chunk (design.md 4). */
	curl_multi_setopt(e->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 16L);
}

struct upstream *
upstream_curl_new(struct loop *loop, unsigned max_idle)
{
	struct engine *e = wipe_begin() ? calloc(1, sizeof(*e)) : NULL;

	if (!e)
		return NULL;
	e->base.ops = &engine_ops;
	e->loop = loop;
	e->multi = curl_multi_init();
	if (!e->multi) {
		free(e);
		return NULL;
	}
	setup_multi(e, max_idle);
	return &e->base;
}
