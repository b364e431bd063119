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

/* When the present phase runs out, or -1. */
static usec_t
watch_due(struct upstream_xfer *x, bool *is_first_byte)
{
	curl_off_t sent = 0;

	*is_first_byte = x->bytes_in == 0;
	if (x->bytes_in > 0)
		return x->call->timeout_idle
			   ? x->last_byte + x->call->timeout_idle
			   : -1;
	/* No limit yet: look again when the next phase may have begun. */
	if (!x->call->timeout_first_byte)
		return x->call->timeout_idle
			   ? clock_mono() + x->call->timeout_idle
			   : -1;
	/* Time to connect does not count; it has a limit of its own. */
	curl_easy_getinfo(x->easy.handle, CURLINFO_PRETRANSFER_TIME_T, &sent);
	if (sent == 0)
		return clock_mono() + x->call->timeout_first_byte;
	return x->started + sent + x->call->timeout_first_byte;
}

enum err
xfer_watch(struct upstream_xfer *x)
{
	bool is_first_byte;
	usec_t due = watch_due(x, &is_first_byte);
	usec_t now = clock_mono();

	if (due < 0)
		return ERR_OK;
	return timer_set(
	    x->engine->loop, &x->watch, due > now ? due - now : 0, on_watch, x);
}

/*
 * Bytes do not move the timer (that would cost a heap operation per chunk); it
 * looks how late it is when it fires.
 */
static void
on_watch(void *arg)
{
	struct upstream_xfer *x = arg;
	struct upstream_result r;
	bool is_first_byte;
	usec_t due;

	if (x->is_paused)
		x->last_byte = clock_mono();
	due = watch_due(x, &is_first_byte);
	if (due < 0)
		return; /* the phase that has begun has no limit */
	if (due > clock_mono() && xfer_watch(x) == ERR_OK)
		return;
	x->end =
	    is_first_byte ? UPSTREAM_TIMEOUT_FIRST_BYTE : UPSTREAM_TIMEOUT_IDLE;
	xfer_result(x, CURLE_OK, &r);
	const struct upstream_sink *sink = x->sink;
	void *sink_arg = x->arg;
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
	case CURLE_OPERATION_TIMEDOUT:
		return is_connected(x) ? UPSTREAM_TIMEOUT_TOTAL
				       : UPSTREAM_TIMEOUT_CONNECT;
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
