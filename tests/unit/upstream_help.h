#ifndef TESTS_UNIT_UPSTREAM_HELP_H
#define TESTS_UNIT_UPSTREAM_HELP_H
/* A call of the real engine at the small server, and what came of it. */
#include <poll.h>

#include "upstream_server.h"

#include "upstream/upstream.h"

#define SEC USEC_PER_SEC
#define MSEC USEC_PER_MSEC
#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static struct loop *loop;
static struct upstream *up;
static struct server server;

struct ask {
	struct upstream_call call;
	struct upstream_xfer *xfer;
	int heads, pieces, rests, dones, soons;
	bool is_rest_due; /* a piece came since the last rest */
	int status;
	char header[256]; /* value of X-Test of the answer */
	struct buf body;
	struct upstream_result result;
	/* called from within the callback, when set */
	void (*on_head)(struct ask *a);
	enum err (*on_body)(struct ask *a);
	void (*on_rest)(struct ask *a);
	void (*on_done)(struct ask *a);
};

static unsigned asks_running;

static void
ask_head(void *arg, int status, const struct http_headers *h)
{
	struct ask *a = arg;

	assert_int_equal(a->heads + a->pieces + a->dones, 0);
	a->heads++;
	a->status = status;
	for (uint32_t i = 0; i < h->n; i++)
		if (str_case_eq(h->v[i].name, STR("x-test")))
			snprintf(a->header, sizeof(a->header), "%.*s",
			    STR_ARG(h->v[i].value));
	if (a->on_head)
		a->on_head(a);
}

static enum err
ask_body(void *arg, const char *p, size_t n)
{
	struct ask *a = arg;

	assert_int_equal(a->heads, 1);
	assert_int_equal(a->dones, 0);
	assert_true(n > 0);
	a->pieces++;
	a->is_rest_due = true;
	buf_add(&a->body, p, n);
	assert_false(a->body.failed);
	return a->on_body ? a->on_body(a) : ERR_OK;
}

static void
ask_rest(void *arg)
{
	struct ask *a = arg;

	assert_true(a->is_rest_due);
	assert_int_equal(a->dones, 0);
	a->is_rest_due = false;
	a->rests++;
	if (a->on_rest)
		a->on_rest(a);
}

static void
ask_done(void *arg, const struct upstream_result *r)
{
	struct ask *a = arg;

	assert_int_equal(a->dones, 0);
	a->dones++;
	a->xfer = NULL;
	a->result = *r;
	if (a->on_done)
		a->on_done(a);
	asks_running--;
}

/* Before bytes, and never of a transfer that is over. */
static void
ask_soon(void *arg, bool is_next)
{
	struct ask *a = arg;

	assert_int_equal(a->dones, 0);
	if (is_next)
		assert_true(a->soons > 0);
	a->soons++;
}

static const struct upstream_sink ask_sink = {
	.head = ask_head,
	.body = ask_body,
	.rest = ask_rest,
	.done = ask_done,
	.soon = ask_soon,
};

static inline void
ask_init(struct ask *a, const char *url)
{
	*a = (struct ask){ .call = { .method = "POST",
			       .url = str_z(url),
			       .body = STR("{}"),
			       .timeout_connect = 20 * SEC,
			       .timeout_first_byte = 20 * SEC,
			       .timeout_idle = 20 * SEC,
			       .timeout_total = 30 * SEC,
			       .allow_http = true,
			       .allow_private = true } };
	buf_init(&a->body, (size_t)256 << 20);
}

static inline void
ask_fini(struct ask *a)
{
	buf_fini(&a->body);
}

static inline void
ask_start(struct ask *a)
{
	a->xfer = upstream_start(up, &a->call, &ask_sink, a);
	assert_non_null(a->xfer);
	/* nothing is called from within start */
	assert_int_equal(a->heads + a->pieces + a->dones, 0);
	asks_running++;
}

/* From within a callback or outside. */
static inline void
ask_cancel(struct ask *a)
{
	up->ops->cancel(a->xfer);
	a->xfer = NULL;
	asks_running--;
}

/* Until all that were started have ended. */
static inline void
ask_wait(void)
{
	struct pollfd pfd = { .fd = loop_fd(loop), .events = POLLIN };

	while (asks_running) {
		loop_poll(loop);
		/* Nothing ready is no reason to spin hot. */
		poll(&pfd, 1, 1);
	}
}

static inline void
ask_run(struct ask *a)
{
	ask_start(a);
	ask_wait();
	assert_int_equal(a->dones, 1);
}

#define assert_end(a, want)                                               \
	do {                                                              \
		if ((a)->result.end != (want))                            \
			fail_msg("ended with %s (%s), want %s",           \
			    upstream_end_word((a)->result.end),           \
			    (a)->result.detail, upstream_end_word(want)); \
	} while (0)

/* How often text occurs in what the server has seen. */
static inline unsigned
server_saw(const char *text)
{
	struct str rest = buf_str(&server.seen);
	unsigned n = 0;
	size_t at;

	while ((at = str_find(rest, str_z(text))) != SIZE_MAX) {
		rest = str_skip(rest, at + 1);
		n++;
	}
	return n;
}

static int
upstream_setup(void **state)
{
	(void)state;
	asks_running = 0;
	loop = loop_new();
	if (!loop)
		return -1;
	up = upstream_curl_new(loop, 16);
	server_start(&server, loop);
	return up ? 0 : -1;
}

static int
upstream_teardown(void **state)
{
	(void)state;
	upstream_free(up);
	server_stop(&server);
	loop_free(loop);
	return 0;
}

#define UPSTREAM_TEST(t) \
	cmocka_unit_test_setup_teardown(t, upstream_setup, upstream_teardown)

/* ---- what several programs do ---------------------------------------- */

static inline struct upstream_counts
counts(void)
{
	struct upstream_counts c;

	up->ops->counts(up, &c);
	return c;
}

static inline void
turn(int n)
{
	while (n-- > 0)
		loop_poll(loop);
}

static inline void
assert_silent_since(const struct ask *a, int heads, int pieces)
{
	turn(50);
	assert_int_equal(a->heads, heads);
	assert_int_equal(a->pieces, pieces);
	assert_int_equal(a->dones, 0);
	assert_int_equal(counts().running, 0);
}

/* An answer in pieces. */
#define CHUNKS                                                  \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
	"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"

static inline enum err
cancel_in_body(struct ask *a)
{
	ask_cancel(a);
	return ERR_OK;
}

static inline enum err
pause_first(struct ask *a)
{
	if (a->pieces == 1)
		up->ops->pause(a->xfer);
	return ERR_OK;
}

#endif
