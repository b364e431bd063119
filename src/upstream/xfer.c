#include "upstream/engine.h"

#define ANSWER_ARENA_MAX (256u * 1024)

static void on_watch(void *arg);

struct upstream_xfer *
xfer_new(struct engine *e, const struct upstream_call *call,
    const struct upstream_sink *sink, void *arg)
{
	struct upstream_xfer *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->engine = e;
	x->call = call;
	x->sink = sink;
	x->fd = x->out_fd = CURL_SOCKET_BAD;
	x->how_handed = UPSTREAM_NOT_HANDED;
	x->handed = call->handed;
	if (x->handed)
		atomic_store_explicit(
		    x->handed, UPSTREAM_NOT_HANDED, memory_order_relaxed);
	x->arg = arg;
	x->started = clock_mono();
	x->arena = arena_new(ANSWER_ARENA_MAX);
	/* Of a client's URL, which is another each time, nothing is kept. */
	if (!call->fresh_connection)
		x->url = urls_take(&e->urls, call->url);
	if (!x->arena || !engine_easy_take(x)) {
		xfer_free(x);
		return NULL;
	}
	http_headers_init(&x->headers_in, x->arena);
	return x;
}

void
xfer_free(struct upstream_xfer *x)
{
	if (!x)
		return;
	timer_stop(x->engine->loop, &x->watch);
	loop_defer_cancel(x->engine->loop, &x->resume);
	engine_easy_put(x);
	easy_headers_free(x);
	urls_put(x->url);
	arena_free(x->arena);
	free(x);
}

/* What a transfer's time may end of, and when to look at it again. */
struct watch {
	usec_t due; /* -1: nothing limits the present phase */
	usec_t look; /* -1: never */
	enum upstream_end end;
};

static void
limit(struct watch *w, usec_t from, usec_t timeout, enum upstream_end end)
{
	if (!timeout || (w->due >= 0 && w->due <= from + timeout))
		return;
	w->due = from + timeout;
	w->end = end;
}

/*
 * libcurl could keep the times to connect and of the whole itself. But it looks
 * through its tree of all transfers' limits for each piece of an answer, and so
 * through other transfers' memory; one timer of ours does.
 */
static struct watch
watch_now(const struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	struct watch w = { .due = -1, .look = -1 };
	usec_t next =
	    c->timeout_first_byte ? c->timeout_first_byte : c->timeout_idle;
	curl_off_t sent = 0;

	if (x->bytes_in > 0) {
		limit(&w, x->last_byte, c->timeout_idle, UPSTREAM_TIMEOUT_IDLE);
		next = 0;
	} else {
		curl_easy_getinfo(
		    x->easy.handle, CURLINFO_PRETRANSFER_TIME_T, &sent);
		if (sent == 0)
			limit(&w, x->started, c->timeout_connect,
			    UPSTREAM_TIMEOUT_CONNECT);
		else /* time to connect does not count */
			limit(&w, x->started + sent, c->timeout_first_byte,
			    UPSTREAM_TIMEOUT_FIRST_BYTE);
		if (sent > 0 && c->timeout_first_byte)
			next = 0;
	}
	limit(&w, x->started, c->timeout_total,
	    sent > 0 || x->bytes_in > 0 ? UPSTREAM_TIMEOUT_TOTAL
					: UPSTREAM_TIMEOUT_CONNECT);
	w.look = w.due;
	/* the next phase may have begun by then, with a limit of its own */
	if (next && (w.look < 0 || clock_mono() + next < w.look))
		w.look = clock_mono() + next;
	return w;
}

static enum err
look_at(struct upstream_xfer *x, usec_t when)
{
	usec_t now = clock_mono();

	if (when < 0)
		return ERR_OK;
	return timer_set(x->engine->loop, &x->watch,
	    when > now ? when - now : 0, on_watch, x);
}

enum err
xfer_watch(struct upstream_xfer *x)
{
	return look_at(x, watch_now(x).look);
}

/* What curl tells of its handle is still the transfer's before it. */
enum err
xfer_watch_start(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	struct watch w = { .due = -1 };

	limit(&w, x->started, c->timeout_connect, UPSTREAM_TIMEOUT_CONNECT);
	limit(&w, x->started, c->timeout_total, UPSTREAM_TIMEOUT_CONNECT);
	limit(&w, x->started,
	    c->timeout_first_byte ? c->timeout_first_byte : c->timeout_idle,
	    UPSTREAM_TIMEOUT_FIRST_BYTE);
	return look_at(x, w.due);
}

/*
 * Bytes do not move the timer (that would cost a heap operation per chunk); it
 * looks how late it is when it fires.
 */
static void
on_watch(void *arg)
{
	struct upstream_xfer *x = arg;
	const struct upstream_sink *sink = x->sink;
	void *sink_arg = x->arg;
	struct upstream_result r;
	struct watch w;

	if (x->is_paused)
		x->last_byte = clock_mono();
	w = watch_now(x);
	if (w.due < 0 || w.due > clock_mono()) {
		if (look_at(x, w.look) == ERR_OK)
			return;
		w.end = UPSTREAM_FAILED; /* it could no longer be stopped */
	}
	x->end = w.end;
	xfer_result(x, CURLE_OK, &r);
	engine_forget(x);
	sink->done(sink_arg, &r);
}

static bool
is_connected(const struct upstream_xfer *x)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(x->easy.handle, CURLINFO_PRETRANSFER_TIME_T, &sent);
	return sent > 0 || x->bytes_in > 0;
}

static enum upstream_end
code_end(const struct upstream_xfer *x, CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
		/* Closed within the headers is no error to curl. */
		return x->is_head_done ? UPSTREAM_OK : UPSTREAM_CUT;
	case CURLE_COULDNT_RESOLVE_HOST:
		return UPSTREAM_DNS;
	case CURLE_COULDNT_CONNECT:
		return x->is_blocked ? UPSTREAM_BLOCKED : UPSTREAM_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
		return UPSTREAM_TLS;
	case CURLE_OPERATION_TIMEDOUT: /* curl has no other limit */
		return UPSTREAM_TIMEOUT_CONNECT;
	case CURLE_OUT_OF_MEMORY: /* also: a header beyond curl's own limit */
		return is_connected(x) && !x->is_head_done ? UPSTREAM_TOO_LARGE
							   : UPSTREAM_FAILED;
	case CURLE_FILESIZE_EXCEEDED:
		return UPSTREAM_TOO_LARGE;
	case CURLE_UNSUPPORTED_PROTOCOL: /* of the URL, or HTTP/0.9 */
		return is_connected(x) ? UPSTREAM_PROTOCOL : UPSTREAM_FAILED;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
		return UPSTREAM_PROTOCOL;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2_STREAM:
		return UPSTREAM_CUT;
	default:
		return UPSTREAM_FAILED;
	}
}

void
xfer_result(
    const struct upstream_xfer *x, CURLcode code, struct upstream_result *r)
{
	curl_off_t t = 0;

	*r = (struct upstream_result){ .connected = -1, .first_byte = -1 };
	r->end = x->end != UPSTREAM_OK ? x->end : code_end(x, code);
	if (r->end != UPSTREAM_OK)
		snprintf(r->detail, sizeof(r->detail), "%s",
		    x->end != UPSTREAM_OK ? upstream_end_word(x->end)
		    : code != CURLE_OK	  ? curl_easy_strerror(code)
					  : upstream_end_word(r->end));
	curl_easy_getinfo(x->easy.handle, CURLINFO_PRETRANSFER_TIME_T, &t);
	if (t > 0)
		r->connected = t;
	if (x->bytes_in > 0)
		r->first_byte = x->first_byte - x->started;
	r->total = clock_mono() - x->started;
	r->bytes_in = x->bytes_in;
	r->reused = !x->is_new_connection && t > 0;
	r->request_sent = xfer_may_be_asked(x);
}

bool
xfer_is_sent(const struct upstream_xfer *x)
{
	curl_off_t n = 0;

	curl_easy_getinfo(x->easy.handle, CURLINFO_SIZE_UPLOAD_T, &n);
	/* curl begins anew (a dead connection) only before any answer */
	return x->bytes_in > 0 && n >= (curl_off_t)x->call->body.n;
}

bool
xfer_may_be_asked(const struct upstream_xfer *x)
{
	return x->how_handed != UPSTREAM_NOT_HANDED;
}

void
xfer_pause(struct upstream_xfer *x)
{
	/* A resume that was asked for and has not happened is taken back. */
	loop_defer_cancel(x->engine->loop, &x->resume);
	if (x->is_paused || x->is_cancelled)
		return;
	x->is_paused = true;
	curl_easy_pause(x->easy.handle, CURLPAUSE_RECV);
}

static void
resume_now(void *arg)
{
	struct upstream_xfer *x = arg;

	if (!x->is_paused || x->is_cancelled)
		return;
	x->is_paused = false;
	x->last_byte = clock_mono();
	engine_unpause(x);
}

void
xfer_resume(struct upstream_xfer *x)
{
	if (x->is_paused)
		loop_defer(x->engine->loop, &x->resume, resume_now, x);
}
