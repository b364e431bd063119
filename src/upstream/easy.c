#include "upstream/engine.h"

#include "base/fault.h"
#include "base/secret.h"
#include "config.h"
#include "sys/pollset.h"
#include "upstream/handed.h"
#include "upstream/wipe.h"

/* A stream's events are small: a small buffer keeps thousands of them cheap. */
#define STREAM_BUFFER_BYTES 4096L
#define ANSWER_BUFFER_BYTES ((long)WIPE_SPARED_BYTES - 1)

#define HEADER_LINE_MAX 8192
#define LINE(lit) lit, sizeof(lit) - 1

/*
 * What every call says that does not say otherwise. libcurl would make the
 * first two of its options, printing each twice, and wait a second for "100
 * Continue" on bodies of a MiB and more without the third; it looks through all
 * lines again and again. Some of the doors that makers stand behind refuse who
 * has no name.
 */
#define EXPECT_FROM ((size_t)64 * 1024)

static const struct {
	const char *name;
	struct str line;
	size_t from; /* bytes of the body */
} always[] = {
	{ "user-agent", { LINE("User-Agent: llmgw/" PACKAGE_VERSION) }, 0 },
	{ "accept-encoding", { LINE("Accept-Encoding: identity") }, 0 },
	{ "expect", { LINE("Expect:") }, EXPECT_FROM },
};
enum {
	ALWAYS_N = sizeof(always) / sizeof(*always)
};

/* libcurl's list, and the texts behind its nodes. */
struct lines {
	struct curl_slist *first, *node;
	char *text;
};

static void
add_line(struct lines *l, struct str name, struct str middle, struct str value)
{
	if (l->node != l->first)
		l->node[-1].next = l->node;
	*l->node++ = (struct curl_slist){ l->text, NULL };
	memcpy(l->text, name.p, name.n);
	memcpy(l->text + name.n, middle.p, middle.n);
	l->text += name.n + middle.n;
	if (value.n > 0)
		memcpy(l->text, value.p, value.n);
	l->text += value.n;
	*l->text++ = '\0';
}

/* ": Bearer ", before the key. ERR_RANGE: such a key has no header. */
static enum err
key_middle(const struct upstream_call *c, struct str key, char middle[32],
    struct str *out)
{
	size_t n = c->key_prefix ? strlen(c->key_prefix) : 0;

	if (!http_value_is_safe(key) || n > 32 - 3)
		return ERR_RANGE;
	memcpy(middle, ": ", 2);
	memcpy(middle + 2, n ? c->key_prefix : "", n);
	*out = str_of(middle, n + 2);
	return ERR_OK;
}

/* Bytes of a line with its NUL and its node. */
static size_t
line_bytes(size_t name, size_t middle, size_t value)
{
	return sizeof(struct curl_slist) + name + middle + value + 1;
}

/* The longest allowed line is far from an overflow. */
static enum err
count_lines(const struct upstream_call *c, struct str key, struct str middle,
    size_t *n_lines, size_t *bytes)
{
	size_t most = 0, n;

	*n_lines = *bytes = 0;
	for (uint32_t i = 0; c->headers && i < c->headers->n; i++) {
		n = line_bytes(
		    c->headers->v[i].name.n, 2, c->headers->v[i].value.n);
		most = n > most ? n : most;
		*bytes += n;
		++*n_lines;
	}
	if (middle.n > 0) {
		n = line_bytes(strlen(c->key_header), middle.n, key.n);
		most = n > most ? n : most;
		*bytes += n;
		++*n_lines;
	}
	for (int i = 0; i < ALWAYS_N; i++) {
		*bytes += line_bytes(always[i].line.n, 0, 0);
		++*n_lines;
	}
	return most > HEADER_LINE_MAX ? ERR_LIMIT : ERR_OK;
}

/*
 * In one block, which is wiped when it is freed: the credential lies in it
 * ("authorization: Bearer KEY") and nowhere else of ours.
 */
static enum err
add_headers(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	struct str key = secret_str(c->key), before_key = { 0 };
	struct lines l;
	char middle[32];
	size_t n_lines;
	enum err e = ERR_OK;

	if (key.n > 0 && c->key_header)
		e = key_middle(c, key, middle, &before_key);
	if (!e)
		e = count_lines(
		    c, key, before_key, &n_lines, &x->headers_bytes);
	if (e)
		return e;
	x->headers_out =
	    fault("upstream.headers") ? NULL : malloc(x->headers_bytes);
	if (!x->headers_out)
		return ERR_NOMEM;
	l.first = l.node = x->headers_out;
	l.text = (char *)(l.first + n_lines);
	for (uint32_t i = 0; c->headers && i < c->headers->n; i++)
		add_line(&l, c->headers->v[i].name, STR(": "),
		    c->headers->v[i].value);
	if (before_key.n > 0)
		add_line(&l, str_z(c->key_header), before_key, key);
	for (int i = 0; i < ALWAYS_N; i++)
		if (c->body.n >= always[i].from &&
		    !str_present(http_headers_find(c->headers, always[i].name)))
			add_line(&l, always[i].line, STR(""), STR(""));
	return ERR_OK;
}

void
easy_headers_free(struct upstream_xfer *x)
{
	if (x->headers_out)
		secret_wipe(x->headers_out, x->headers_bytes);
	free(x->headers_out);
	x->headers_out = NULL;
}

/* The blank line: deliver, unless it was 100 Continue or its like. */
static void
head_complete(struct upstream_xfer *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy.handle, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || x->is_cancelled)
		return;
	handed_answered(x);
	x->is_head_done = true;
	if (x->url)
		x->url->is_reused = !x->is_new_connection;
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
	pollset_not_first(loop_pollset(x->engine->loop), x->fd);
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
	CURLcode r =
	    curl_easy_setopt(x->easy.handle, CURLOPT_BUFFERSIZE, bytes);

	if (r != CURLE_BAD_FUNCTION_ARGUMENT)
		return r;
	curl_easy_cleanup(x->easy.handle);
	x->easy.handle = curl_easy_init();
	if (!x->easy.handle)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(x->easy.handle, CURLOPT_BUFFERSIZE, bytes);
}

static CURLcode
set_url(struct upstream_xfer *x)
{
	struct str url;
	CURLcode r;

	if (x->url) {
		r = curl_easy_setopt(x->easy.handle, CURLOPT_URL, x->url->text);
		return r ? r
			 : curl_easy_setopt(
			       x->easy.handle, CURLOPT_CURLU, x->url->parsed);
	}
	url = arena_str(x->arena, x->call->url);
	if (!str_present(url))
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(x->easy.handle, CURLOPT_URL, url.p);
}

static bool
is_post(const struct upstream_call *c)
{
	return strcmp(c->method, "POST") == 0;
}

static CURLcode
set_method(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	CURLcode r;

	if (is_post(c))
		return curl_easy_setopt(x->easy.handle, CURLOPT_POST, 1L);
	r = curl_easy_setopt(x->easy.handle, CURLOPT_HTTPGET, 1L);
	return r ? r
		 : curl_easy_setopt(
		       x->easy.handle, CURLOPT_CUSTOMREQUEST, c->method);
}

static CURLcode
set_safety(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	CURL *h = x->easy.handle;
	CURLcode r;

	r = curl_easy_setopt(
	    h, CURLOPT_PROTOCOLS_STR, c->allow_http ? "http,https" : "https");
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_HTTP_VERSION,
		    c->http2 ? (long)CURL_HTTP_VERSION_2TLS
			     : (long)CURL_HTTP_VERSION_1_1);
	/* We ask for none and decode what a disobedient server sends. */
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "identity");
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	/* An open connection was checked for somebody else's call. */
	if (!r && c->fresh_connection)
		r = curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
	if (!r && c->fresh_connection)
		r = curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
	/* HTTP_PROXY may come from a request's Proxy: header */
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_PROXY, "");
	if (!r) /* or libcurl looks for one in the environment */
		r = curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	/* Or who is cancelled waits, and all others, until its name is known */
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
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
	CURL *h = x->easy.handle;
	CURLcode r;

	r = curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, handed_begin);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, dial_open);
	if (!r)
		r = curl_easy_setopt(
		    h, CURLOPT_CLOSESOCKETFUNCTION, dial_close);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, x->engine);
	return r;
}

/* What is this call's own. */
static CURLcode
set_call(struct upstream_xfer *x)
{
	const struct upstream_call *c = x->call;
	CURL *h = x->easy.handle;
	CURLcode r;

	/*
	 * xfer.c keeps all times. Where a connection is to be made, though,
	 * curl must know how long that may take, to try the host's other
	 * addresses within it.
	 */
	r = curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
	    x->url && x->url->is_reused ? 0L : msec(c->timeout_connect));
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_HTTPHEADER, x->headers_out);
	if (!r && is_post(c))
		r = curl_easy_setopt(
		    h, CURLOPT_POSTFIELDS, c->body.n ? c->body.p : "");
	if (!r && is_post(c))
		r = curl_easy_setopt(
		    h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_HEADERDATA, x);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_PREREQDATA, x);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, x);
	if (!r)
		r = curl_easy_setopt(h, CURLOPT_PRIVATE, x);
	return r;
}

void
easy_forget(CURL *h)
{
	/* none of these can fail */
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(h, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, NULL);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, NULL);
	curl_easy_setopt(h, CURLOPT_PREREQDATA, NULL);
	curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, NULL);
	curl_easy_setopt(h, CURLOPT_PRIVATE, NULL);
}

bool
easy_sort(const struct upstream_call *c, unsigned *sort)
{
	*sort = (c->is_stream ? EASY_STREAM : 0) | (c->http2 ? EASY_HTTP2 : 0) |
		(c->allow_http ? EASY_ALLOW_HTTP : 0);
	return is_post(c) && !c->fresh_connection && !c->ca_file &&
	       !c->unix_socket;
}

enum err
easy_setup(struct upstream_xfer *x)
{
	enum err e = add_headers(x);

	if (e)
		return e;
	if (!x->is_set_up && (set_buffer(x) || set_url(x) || set_method(x) ||
				 set_safety(x) || set_callbacks(x)))
		return ERR_RANGE;
	return set_call(x) ? ERR_RANGE : ERR_OK;
}
