#include "upstream/engine.h"

#include "base/secret.h"
#include "config.h"
#include "upstream/wipe.h"

/* A stream's events are small: a small buffer keeps thousands of them cheap. */
#define STREAM_BUFFER_BYTES 4096L
#define ANSWER_BUFFER_BYTES ((long)WIPE_SPARED_BYTES - 1)

#define HEADER_LINE_MAX 8192

static enum err
add_line(struct upstream_xfer *x, struct str name, struct str middle,
    struct str value)
{
	struct curl_slist *list;
	struct buf line;
	enum err e = ERR_OK;

	buf_init(&line, HEADER_LINE_MAX);
	/* at once: what grows leaves copies behind */
	(void)!buf_room(&line, name.n + middle.n + value.n + 1);
	buf_adds(&line, name);
	buf_adds(&line, middle);
	buf_adds(&line, value);
	buf_addc(&line, '\0');
	if (line.failed) {
		e = ERR_LIMIT;
	} else {
		list = curl_slist_append(x->headers_out, line.p);
		if (list)
			x->headers_out = list;
		else
			e = ERR_NOMEM;
	}
	if (line.p)
		secret_wipe(line.p, line.n);
	buf_fini(&line);
	return e;
}

/* "authorization: Bearer KEY"; the list's copy is wiped by xfer_free. */
static enum err
add_key(struct upstream_xfer *x, struct str key)
{
	char middle[32] = ": ";
	size_t n = x->call->key_prefix ? strlen(x->call->key_prefix) : 0;

	if (!http_value_is_safe(key) || n > sizeof(middle) - 3)
		return ERR_RANGE;
	memcpy(middle + 2, n ? x->call->key_prefix : "", n);
	return add_line(
	    x, str_z(x->call->key_header), str_of(middle, n + 2), key);
}

/*
 * What every call says that does not say otherwise, at the end of its list.
 * libcurl would make the first two of its options, printing each twice, and
 * wait a second for "100 Continue" on larger bodies without the third. Some of
 * the doors that makers stand behind refuse who has no name.
 */
enum {
	TAIL_N = 3
};
static const char *const tail_names[TAIL_N] = { "user-agent", "accept-encoding",
	"expect" };
static char tail_lines[TAIL_N][40] = {
	"User-Agent: llmgw/" PACKAGE_VERSION,
	"Accept-Encoding: identity",
	"Expect:",
};
static struct curl_slist tail[TAIL_N] = {
	{ tail_lines[0], &tail[1] },
	{ tail_lines[1], &tail[2] },
	{ tail_lines[2], NULL },
};

static bool
says(const struct upstream_xfer *x, int i)
{
	return str_present(http_headers_find(x->call->headers, tail_names[i]));
}

static enum err
add_tail(struct upstream_xfer *x)
{
	struct curl_slist *l = x->headers_out;

	if (says(x, 0) || says(x, 1) || says(x, 2)) {
		for (int i = 0; i < TAIL_N && l; i++)
			if (!says(x, i))
				l = curl_slist_append(l, tail_lines[i]);
		return l ? ERR_OK : ERR_NOMEM;
	}
	while (l && l->next)
		l = l->next;
	x->headers_last = l;
	if (l)
		l->next = tail;
	return ERR_OK;
}

static enum err
add_headers(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	struct str key = secret_str(c->key);
	enum err e = ERR_OK;

	for (uint32_t i = 0; c->headers && i < c->headers->n && !e; i++)
		e = add_line(x, c->headers->v[i].name, STR(": "),
		    c->headers->v[i].value);
	if (!e && key.n > 0 && c->key_header)
		e = add_key(x, key);
	return e ? e : add_tail(x);
}

/* The blank line: deliver, unless it was 100 Continue or its like. */
static void
head_complete(struct upstream_xfer *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || x->is_cancelled)
		return;
	x->is_head_done = true;
	x->sink->head(x->arg, (int)status, &x->headers_in);
	/* A stream may last for minutes: its headers need not. */
	arena_free(x->arena);
	x->arena = NULL;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct upstream_xfer *x = arg;
	struct str line = str_of(p, size * n);
	struct str text = str_trim(line);
	enum err e;

	if (x->is_head_done) /* trailers */
		return line.n;
	if (str_case_starts(text, STR("HTTP/"))) {
		http_headers_init(&x->headers_in, x->arena);
		return line.n;
	}
	if (text.n > 0) {
		e = http_headers_add_line(&x->headers_in, text);
		if (e == ERR_NOMEM || e == ERR_LIMIT) {
			x->end = e == ERR_LIMIT ? UPSTREAM_TOO_LARGE
						: UPSTREAM_FAILED;
			return 0;
		}
		return line.n; /* a malformed line is skipped */
	}
	head_complete(x);
	return x->is_cancelled ? 0 : line.n;
}

/* The timer waits for the first byte: too long where idle is the shorter. */
static enum err
begin_body(struct upstream_xfer *x)
{
	x->first_byte = x->last_byte;
	if (x->call->timeout_idle &&
	    x->call->timeout_idle < x->call->timeout_first_byte)
		return xfer_watch(x);
	return ERR_OK;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct upstream_xfer *x = arg;
	size_t bytes = size * n;
	bool is_first = x->bytes_in == 0;

	if (x->is_cancelled)
		return 0;
	x->last_byte = clock_mono();
	x->bytes_in += bytes;
	if (is_first && begin_body(x) != ERR_OK) {
		x->end = UPSTREAM_FAILED;
		return 0;
	}
	if (x->call->max_body_bytes && x->bytes_in > x->call->max_body_bytes) {
		x->end = UPSTREAM_TOO_LARGE;
		return 0;
	}
	if (x->sink->body(x->arg, p, bytes) != ERR_OK) {
		x->end = UPSTREAM_STOPPED;
		return 0;
	}
	if (x->is_cancelled)
		return 0;
	engine_fed(x);
	return bytes;
}

static long
msec(usec_t t)
{
	long m = (long)(t / USEC_PER_MSEC);

	return t > 0 && m == 0 ? 1 : m;
}

/*
 * First of all: a handle whose transfer failed before it began keeps its buffer
 * (libcurl 7.88, multi.c) and takes no new size, curl_easy_reset or not. It is
 * of no use any more.
 */
static CURLcode
set_buffer(struct upstream_xfer *x)
{
	long bytes =
	    x->call->is_stream ? STREAM_BUFFER_BYTES : ANSWER_BUFFER_BYTES;
	CURLcode r = curl_easy_setopt(x->easy, CURLOPT_BUFFERSIZE, bytes);

	if (r != CURLE_BAD_FUNCTION_ARGUMENT)
		return r;
	curl_easy_cleanup(x->easy);
	x->easy = curl_easy_init();
	if (!x->easy)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(x->easy, CURLOPT_BUFFERSIZE, bytes);
}

/* Of a client's URL, which is another each time, nothing is kept. */
static CURLcode
set_url(struct upstream_xfer *x, const char *url)
{
	CURLcode r = curl_easy_setopt(x->easy, CURLOPT_URL, url);

	if (r || x->call->fresh_connection)
		return r;
	x->url = urls_take(&x->engine->urls, x->call->url);
	if (x->url)
		r = curl_easy_setopt(x->easy, CURLOPT_CURLU, x->url->parsed);
	return r;
}

static CURLcode
set_request(struct upstream_xfer *x, const char *url)
{
	const struct upstream_call *c = x->call;
	CURL *h = x->easy;
	CURLcode r = set_url(x, url);

	if (!r && strcmp(c->method, "POST") == 0) {
		r = curl_easy_setopt(h, CURLOPT_POST, 1L);
		if (!r)
			r = curl_easy_setopt(
			    h, CURLOPT_POSTFIELDS, c->body.n ? c->body.p : "");
		if (!r)
			r = curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
			    (curl_off_t)c->body.n);
	} else if (!r) {
		r = curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
		if (!r)
			r = curl_easy_setopt(
			    h, CURLOPT_CUSTOMREQUEST, c->method);
	}
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_HTTPHEADER,
		    x->headers_out ? x->headers_out : tail);
	return r;
}

static CURLcode
set_limits(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	CURL *h = x->easy;
	CURLcode r;

	r = curl_easy_setopt(
	    h, CURLOPT_CONNECTTIMEOUT_MS, msec(c->timeout_connect));
	if (!r)
		r = curl_easy_setopt(
		    h, CURLOPT_TIMEOUT_MS, msec(c->timeout_total));
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_HTTP_VERSION,
		    c->http2 ? (long)CURL_HTTP_VERSION_2TLS
			     : (long)CURL_HTTP_VERSION_1_1);
	/* We ask for none and decode what a disobedient server sends. */
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "identity");
	return r;
}

static CURLcode
set_safety(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	CURL *h = x->easy;
	CURLcode r;

	r = curl_easy_setopt(
	    h, CURLOPT_PROTOCOLS_STR, c->allow_http ? "http,https" : "https");
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	/* An open connection was checked for somebody else's call. */
	if (!r && c->fresh_connection)
		r = curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	if (!r && c->fresh_connection)
		r = curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	if (!r) /* HTTP_PROXY may come from a request's Proxy: header */
		r = curl_easy_setopt(h, CURLOPT_PROXY, "");
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, dial_open);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, x);
	if (!r)
		r = curl_easy_setopt(
		    h, CURLOPT_CLOSESOCKETFUNCTION, dial_close);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, x->engine);
	if (!r && c->ca_file)
		r = curl_easy_setopt(h, CURLOPT_CAINFO, c->ca_file);
	if (!r && c->unix_socket)
		r = curl_easy_setopt(
		    h, CURLOPT_UNIX_SOCKET_PATH, c->unix_socket);
	return r;
}

static CURLcode
set_callbacks(struct upstream_xfer *x)
{
	CURL *h = x->easy;
	CURLcode r;

	r = curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_HEADERDATA, x);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_PRIVATE, x);
	return r;
}

enum err
easy_setup(struct upstream_xfer *x)
{
	struct str url;
	enum err e = add_headers(x);

	if (e)
		return e;
	url = arena_str(x->arena, x->call->url);
	if (!str_present(url))
		return ERR_NOMEM;
	if (set_buffer(x) || set_request(x, url.p) || set_limits(x) ||
	    set_safety(x) || set_callbacks(x))
		return ERR_RANGE;
	return ERR_OK;
}
