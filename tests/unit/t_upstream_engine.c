#include "upstream/engine.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/pollset.h"
#include "upstream_help.h"

static struct upstream_counts
counts(void)
{
	struct upstream_counts c;

	up->ops->counts(up, &c);
	return c;
}

/* ---- connections ------------------------------------------------------- */

static void
test_connection_is_used_again(void **state)
{
	struct ask a;

	(void)state;
	for (int i = 0; i < 10; i++) {
		server_say(&server, OK_REPLY);
		ask_init(&a, server.url);
		ask_run(&a);
		assert_end(&a, UPSTREAM_OK);
		assert_true(a.result.reused == (i > 0));
		assert_str(buf_str(&a.body), "hello");
		ask_fini(&a);
	}
	assert_int_equal(server.n_conns, 1);
	assert_int_equal(counts().opened, 1);
	assert_int_equal(counts().reused, 9);
	assert_int_equal(counts().started, 10);
	assert_int_equal(counts().running, 0);
}

/* A connection that the server has closed meanwhile harms nobody. */
static void
test_closed_connection_is_replaced(void **state)
{
	struct ask a;

	(void)state;
	for (int i = 0; i < 5; i++) {
		server_say(&server, OK_REPLY)->after = SERVER_CLOSE;
		ask_init(&a, server.url);
		ask_run(&a);
		assert_end(&a, UPSTREAM_OK);
		assert_false(a.result.reused);
		ask_fini(&a);
		while (server.n_open)
			loop_poll(loop);
	}
	assert_int_equal(server.n_conns, 5);
}

#define MANY 12u

static void
test_many_at_once(void **state)
{
	static struct ask a[MANY];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		server_say(&server, OK_REPLY);
		ask_init(&a[i], server.url);
		ask_start(&a[i]);
	}
	assert_int_equal(counts().running, MANY);
	ask_wait();
	for (unsigned i = 0; i < MANY; i++) {
		assert_end(&a[i], UPSTREAM_OK);
		assert_int_equal(a[i].dones, 1);
		assert_str(buf_str(&a[i].body), "hello");
		ask_fini(&a[i]);
	}
	assert_int_equal(counts().running, 0);
}

/* ---- cancel ------------------------------------------------------------ */

static void
turn(int n)
{
	while (n-- > 0)
		loop_poll(loop);
}

static void
cancel_in_head(struct ask *a)
{
	ask_cancel(a);
}

static enum err
cancel_in_body(struct ask *a)
{
	ask_cancel(a);
	return ERR_OK;
}

static void
assert_silent_since(const struct ask *a, int heads, int pieces)
{
	turn(50);
	assert_int_equal(a->heads, heads);
	assert_int_equal(a->pieces, pieces);
	assert_int_equal(a->dones, 0);
	assert_int_equal(counts().running, 0);
}

static void
test_cancel_before_anything(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	ask_start(&a);
	ask_cancel(&a);
	assert_silent_since(&a, 0, 0);
	/* at some point of connecting, sending, waiting */
	for (int i = 1; i < 12; i++) {
		ask_start(&a);
		for (int k = 0; k < i && a.dones == 0; k++)
			turn(1);
		if (a.dones)
			break;
		ask_cancel(&a);
		a.heads = a.pieces = 0;
	}
	ask_fini(&a);
}

static void
test_cancel_in_head(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.on_head = cancel_in_head;
	ask_start(&a);
	ask_wait();
	assert_silent_since(&a, 1, 0);
	ask_fini(&a);
}

static void
row_95_cancel_in_body(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	    ->flood = (size_t)256 << 20;
	ask_init(&a, server.url);
	a.on_body = cancel_in_body;
	ask_start(&a);
	ask_wait();
	assert_silent_since(&a, 1, 1);
	/* the server notices: it does not send it all */
	while (server.n_open)
		turn(1);
	assert_true(server.flooded < (size_t)128 << 20);
	ask_fini(&a);
}

/* One callback cancels another transfer, which may be about to deliver. */
static struct ask *other;

static void
cancel_other(struct ask *a)
{
	(void)a;
	if (other->xfer)
		ask_cancel(other);
}

static void
test_cancel_another(void **state)
{
	static struct ask a[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		server_say(&server, OK_REPLY);
		ask_init(&a[i], server.url);
		a[i].on_head = cancel_other;
	}
	/* whichever comes first cancels its peer */
	other = &a[1];
	a[1].on_head = NULL;
	ask_start(&a[0]);
	ask_start(&a[1]);
	ask_wait();
	turn(50);
	assert_int_equal(a[0].dones, 1);
	assert_end(&a[0], UPSTREAM_OK);
	assert_int_equal(counts().running, 0);
	ask_fini(&a[0]);
	ask_fini(&a[1]);
}

static void
test_cancel_another_in_done(void **state)
{
	static struct ask a[2];

	(void)state;
	server_say(&server, OK_REPLY);
	server_say(
	    &server, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
	for (int i = 0; i < 2; i++)
		ask_init(&a[i], server.url);
	other = &a[1];
	a[0].on_done = cancel_other;
	ask_start(&a[0]);
	ask_start(&a[1]);
	/* both could have got the short one */
	while (a[0].dones + a[1].dones == 0 || (a[0].dones == 0 && a[1].xfer))
		turn(1);
	if (a[1].dones) {
		assert_non_null(a[0].xfer);
		ask_cancel(&a[0]);
	}
	turn(50);
	assert_int_equal(a[0].dones + a[1].dones, 1);
	assert_int_equal(counts().running, 0);
	asks_running = 0;
	ask_fini(&a[0]);
	ask_fini(&a[1]);
}

/* ---- the rest ---------------------------------------------------------- */

static void
cancel_in_rest(struct ask *a)
{
	ask_cancel(a);
}

/* Pieces that came at once are told of once. */
static void
test_rest_after_several_pieces(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n5\r\nworld\r\n");
	ask_init(&a, server.url);
	a.on_rest = cancel_in_rest;
	ask_start(&a);
	ask_wait();
	assert_silent_since(&a, 1, 2);
	assert_int_equal(a.rests, 1);
	assert_str(buf_str(&a.body), "helloworld");
	ask_fini(&a);
}

static void
test_no_rest_before_the_end(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	ask_run(&a);
	assert_int_equal(a.pieces, 1);
	assert_true(a.soons > 0);
	assert_int_equal(a.rests, 0);
	ask_fini(&a);
}

/* The other one's pieces, if it has any, are not told of any more. */
static void
test_cancel_another_in_rest(void **state)
{
	static struct ask a[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		server_say(&server,
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		    "\r\n5\r\nhello\r\n");
		ask_init(&a[i], server.url);
	}
	other = &a[1];
	a[0].on_rest = cancel_other;
	ask_start(&a[0]);
	ask_start(&a[1]);
	while (a[0].rests == 0)
		turn(1);
	assert_null(a[1].xfer);
	assert_int_equal(counts().running, 1);
	ask_cancel(&a[0]);
	turn(50);
	assert_int_equal(a[0].dones + a[1].dones, 0);
	ask_fini(&a[0]);
	ask_fini(&a[1]);
}

/* ---- start from a callback --------------------------------------------- */

static struct ask second;

static void
start_second(struct ask *a)
{
	(void)a;
	ask_init(&second, server.url);
	ask_start(&second);
}

static void
test_start_in_done(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.on_done = start_second;
	ask_start(&a);
	ask_wait();
	assert_int_equal(a.status, 503);
	assert_int_equal(second.status, 200);
	assert_true(second.result.reused);
	ask_fini(&a);
	ask_fini(&second);
}

/* Within head or body it is refused, not broken. */
static void
start_refused(struct ask *a)
{
	struct ask inner;

	ask_init(&inner, a->call.url.p);
	assert_null(upstream_start(up, &inner.call, &ask_sink, &inner));
	ask_fini(&inner);
}

static void
test_start_in_head_is_refused(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.on_head = start_refused;
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(counts().started, 1);
	ask_fini(&a);
}

/* ---- pause ------------------------------------------------------------- */

#define FLOOD ((size_t)96 << 20)

static size_t
heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static enum err
pause_once(struct ask *a)
{
	if (a->pieces == 1)
		up->ops->pause(a->xfer);
	/* only the length matters here */
	buf_consume(&a->body, a->body.n);
	return ERR_OK;
}

/* Until the server could write nothing more for many turns of the loop. */
static void
until_stalled(void)
{
	size_t before;
	int same = 0;

	while (same < 500) {
		before = server.flooded;
		turn(1);
		same = server.flooded == before ? same + 1 : 0;
	}
}

static void
test_pause_bounds_memory(void **state)
{
	size_t heap, at_pause;
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	    ->flood = FLOOD;
	server.reply[0].after = SERVER_CLOSE;
	ask_init(&a, server.url);
	a.call.is_stream = true;
	/* a pause is no silence */
	a.call.timeout_idle = 1 * MSEC;
	a.on_body = pause_once;
	ask_start(&a);
	while (a.pieces == 0)
		turn(1);
	heap = heap_bytes();
	until_stalled();
	at_pause = server.flooded;
	assert_int_equal(a.pieces, 1);
	assert_int_equal(a.dones, 0);
	/* what the kernel took is all that left the server */
	assert_true(at_pause < FLOOD);
	assert_true(heap_bytes() < heap + 256 * 1024);
	a.call.timeout_idle = 20 * SEC;
	up->ops->resume(a.xfer);
	assert_int_equal(a.pieces, 1); /* not from within resume */
	ask_wait();
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(a.result.bytes_in, FLOOD);
	ask_fini(&a);
}

/* Pausing at every piece and resuming at once loses and doubles nothing. */
static enum err
pause_always(struct ask *a)
{
	up->ops->pause(a->xfer);
	up->ops->resume(a->xfer);
	return ERR_OK;
}

static void
test_pause_and_resume_at_every_piece(void **state)
{
	struct buf reply;
	struct ask a;

	(void)state;
	buf_init(&reply, 1 << 20);
	buf_addz(
	    &reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 500; i++)
		buf_printf(&reply, "6\r\n%05d \r\n", i);
	buf_addz(&reply, "0\r\n\r\n");
	server_say_n(&server, reply.p, reply.n);
	ask_init(&a, server.url);
	a.on_body = pause_always;
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(a.body.n, 3000);
	for (int i = 0; i < 500; i++) {
		char want[16];

		snprintf(want, sizeof(want), "%05d ", i);
		assert_memory_equal(a.body.p + i * 6, want, 6);
	}
	ask_fini(&a);
	buf_fini(&reply);
}

static enum err
pause_first(struct ask *a)
{
	if (a->pieces == 1)
		up->ops->pause(a->xfer);
	return ERR_OK;
}

static struct ask *
paused_with(const char *reply, size_t flood)
{
	static struct ask a;

	server_say(&server, reply)->flood = flood;
	ask_init(&a, server.url);
	/* a small buffer: a read is one piece */
	a.call.is_stream = true;
	a.on_body = pause_first;
	ask_start(&a);
	while (a.pieces == 0)
		turn(1);
	turn(50);
	assert_int_equal(a.pieces, 1);
	assert_int_equal(a.dones, 0);
	return &a;
}

static struct ask *
paused(const char *reply)
{
	return paused_with(reply, 0);
}

#define CHUNKS                                                  \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" \
	"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"

static void
test_last_word_counts(void **state)
{
	struct ask *a = paused(CHUNKS);

	(void)state;
	/* resume, and pause again before it happened: still paused */
	up->ops->resume(a->xfer);
	up->ops->pause(a->xfer);
	turn(50);
	assert_int_equal(a->pieces, 1);
	up->ops->pause(a->xfer); /* twice is once */
	up->ops->resume(a->xfer);
	up->ops->resume(a->xfer);
	ask_wait();
	assert_end(a, UPSTREAM_OK);
	assert_str(buf_str(&a->body), "onetwothree");
	ask_fini(a);
}

/*
 * libcurl delivers what it holds from within its resume: a sink that cancels or
 * refuses there is inside of a call of curl's.
 */
static void
test_cancel_in_what_a_resume_delivers(void **state)
{
	struct ask *a = paused(CHUNKS);

	(void)state;
	a->on_body = cancel_in_body;
	up->ops->resume(a->xfer);
	ask_wait();
	assert_silent_since(a, 1, 2);
	ask_fini(a);
}

static enum err
refuse(struct ask *a)
{
	(void)a;
	return ERR_CLOSED;
}

static void
test_refuse_what_a_resume_delivers(void **state)
{
	struct ask *a;

	(void)state;
	a = paused_with("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirst",
	    FLOOD); /* much more would come */
	a->on_body = refuse;
	up->ops->resume(a->xfer);
	ask_wait();
	assert_end(a, UPSTREAM_STOPPED);
	assert_int_equal(a->pieces, 2);
	turn(50);
	assert_int_equal(a->dones, 1);
	assert_true(server.flooded < FLOOD);
	ask_fini(a);
}

/* A pause is no silence of the upstream's. */
static void
test_pause_is_not_idle(void **state)
{
	static struct ask a, silent;

	(void)state;
	server_say(&server, CHUNKS);
	server_say(&server, "");
	ask_init(&a, server.url);
	a.call.timeout_first_byte = 500 * MSEC;
	a.call.timeout_idle = 1 * MSEC;
	a.on_body = pause_first;
	ask_start(&a);
	while (a.pieces == 0)
		turn(1);
	/* when this one has run out, the other's watch has fired often */
	ask_init(&silent, server.url);
	silent.call.timeout_first_byte = 800 * MSEC;
	ask_start(&silent);
	while (!silent.dones)
		turn(1);
	assert_end(&silent, UPSTREAM_TIMEOUT_FIRST_BYTE);
	assert_int_equal(a.dones, 0);
	up->ops->resume(a.xfer);
	ask_wait();
	assert_end(&a, UPSTREAM_OK);
	assert_str(buf_str(&a.body), "onetwothree");
	ask_fini(&a);
	ask_fini(&silent);
}

static void
test_cancel_while_paused(void **state)
{
	struct ask *a = paused(CHUNKS);

	(void)state;
	up->ops->resume(a->xfer);
	ask_cancel(a); /* before the resume happened */
	assert_silent_since(a, 1, 1);
	ask_fini(a);
	a = paused(CHUNKS);
	ask_cancel(a);
	assert_silent_since(a, 1, 1);
	ask_fini(a);
}

/* ---- descriptors ------------------------------------------------------- */

/* A door that lets nobody in: its queue is full. */
struct full {
	int listener, waiting[4];
	char url[64];
};

static void
full_open(struct full *f)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(f->listener, 0), 0);
	assert_int_equal(
	    getsockname(f->listener, (struct sockaddr *)&a, &n), 0);
	for (size_t i = 0; i < COUNT(f->waiting); i++) {
		f->waiting[i] = socket(
		    AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(f->waiting[i], (struct sockaddr *)&a, n);
	}
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/",
	    (unsigned)ntohs(a.sin_port));
}

static void
full_close(struct full *f)
{
	for (size_t i = 0; i < COUNT(f->waiting); i++)
		close(f->waiting[i]);
	close(f->listener);
}

static void
on_pipe(void *arg, int fd, unsigned events)
{
	char c;

	assert_true(events & POLLSET_IN);
	assert_int_equal(read(fd, &c, 1), 1);
	++*(int *)arg;
}

/* Numbers that have had another life are watched as well as any. */
static void
assert_numbers_are_free(void)
{
	struct pollset *set = loop_pollset(loop);
	int p[8][2], seen = 0;

	for (size_t i = 0; i < COUNT(p); i++) {
		assert_int_equal(pipe(p[i]), 0);
		assert_int_equal(
		    pollset_set(set, p[i][0], POLLSET_IN, on_pipe, &seen),
		    ERR_OK);
		assert_int_equal(write(p[i][1], "x", 1), 1);
	}
	while (seen < (int)COUNT(p))
		turn(1);
	for (size_t i = 0; i < COUNT(p); i++) {
		pollset_forget(set, p[i][0]);
		close(p[i][0]);
		close(p[i][1]);
	}
}

/*
 * curl closes the socket of a connection that was never made by itself. The
 * next one with that number, a client's perhaps, must not suffer.
 */
static void
test_attempt_in_vain_leaves_nothing(void **state)
{
	static struct ask a;
	struct full f;

	(void)state;
	full_open(&f);
	ask_init(&a, f.url);
	a.call.timeout_connect = 300 * MSEC;
	ask_start(&a);
	ask_wait();
	assert_end(&a, UPSTREAM_TIMEOUT_CONNECT);
	assert_numbers_are_free();
	ask_fini(&a);
	full_close(&f);
}

/* When TCP was there and TLS was not curl tells in time: it must stay so. */
static void
test_silent_tls_leaves_nothing(void **state)
{
	static struct ask a;
	char url[sizeof(server.url) + 1];

	(void)state;
	server_say(&server, "");
	snprintf(url, sizeof(url), "https%s", server.url + strlen("http"));
	ask_init(&a, url);
	a.call.timeout_connect = 300 * MSEC;
	ask_start(&a);
	ask_wait();
	assert_true(a.result.end == UPSTREAM_TIMEOUT_CONNECT ||
		    a.result.end == UPSTREAM_TLS);
	assert_numbers_are_free();
	ask_fini(&a);
}

/* ---- the engine's end -------------------------------------------------- */

static void
test_free_with_transfers_under_way(void **state)
{
	static struct ask a[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		server_say(&server, i % 2 ? CHUNKS : "HTTP/1.1 200 OK\r\n");
		ask_init(&a[i], server.url);
		a[i].on_body = pause_first;
		ask_start(&a[i]);
	}
	while (server.n_requests < 4)
		turn(1);
	turn(20);
	upstream_free(up);
	up = upstream_curl_new(loop, 16); /* for the teardown */
	turn(20);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(a[i].dones, 0);
		ask_fini(&a[i]);
	}
	asks_running = 0;
}

/* More handles than the pool keeps. */
static void
test_pool_of_handles(void **state)
{
	struct engine *e = (struct engine *)up;
	struct upstream_xfer x[ENGINE_EASY_POOL + 3] = { 0 };
	struct upstream_xfer none = { .engine = e };
	CURL *last;

	(void)state;
	for (size_t i = 0; i < COUNT(x); i++) {
		x[i].engine = e;
		assert_true(engine_easy_take(&x[i]));
	}
	last = x[ENGINE_EASY_POOL - 1].easy.handle;
	for (size_t i = 0; i < COUNT(x); i++)
		engine_easy_put(&x[i]);
	assert_int_equal(e->n_pool, ENGINE_EASY_POOL);
	engine_easy_put(&none);
	assert_true(engine_easy_take(&none));
	assert_ptr_equal(none.easy.handle, last);
	engine_easy_put(&none);
}

/* What was lent to the call is gone with it. */
static void
spoil_call(struct ask *a)
{
	memset(&a->call, 0xa5, sizeof(a->call));
}

/* Runs it. Was the handle set up for it already? */
static bool
is_set_up(struct ask *a, const char *reply, enum upstream_end end)
{
	bool is;

	if (reply)
		server_say(&server, reply);
	a->on_done = spoil_call;
	ask_start(a);
	is = a->xfer->is_set_up;
	ask_wait();
	assert_end(a, end);
	ask_fini(a);
	return is;
}

static void
test_handles_keep_their_options(void **state)
{
	struct ask a;

	(void)state;
	ask_init(&a, server.url);
	a.call.body = STR("{\"first\":1}");
	assert_false(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
	buf_reset(&server.seen);
	ask_init(&a, server.url);
	assert_true(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
	assert_true(a.result.reused);
	assert_int_equal(server_saw("\r\n\r\n{}"), 1);
	assert_int_equal(server_saw("first"), 0);
	/* others of the same URL */
	ask_init(&a, server.url);
	a.call.allow_http = false;
	assert_false(is_set_up(&a, NULL, UPSTREAM_FAILED));
	ask_init(&a, server.url);
	a.call.method = "PUT";
	assert_false(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
	ask_init(&a, server.url);
	a.call.ca_file = "/dev/null";
	assert_false(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
	ask_init(&a, server.url);
	a.call.fresh_connection = true;
	assert_false(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
	assert_false(a.result.reused);
	/* who has failed begins anew */
	ask_init(&a, server.url);
	assert_false(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
	ask_init(&a, server.url);
	a.call.max_body_bytes = 1;
	assert_true(is_set_up(&a, OK_REPLY, UPSTREAM_TOO_LARGE));
	ask_init(&a, server.url);
	assert_false(is_set_up(&a, OK_REPLY, UPSTREAM_OK));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(test_connection_is_used_again),
		UPSTREAM_TEST(test_closed_connection_is_replaced),
		UPSTREAM_TEST(test_many_at_once),
		UPSTREAM_TEST(test_cancel_before_anything),
		UPSTREAM_TEST(test_cancel_in_head),
		UPSTREAM_TEST(row_95_cancel_in_body),
		UPSTREAM_TEST(test_cancel_another),
		UPSTREAM_TEST(test_cancel_another_in_done),
		UPSTREAM_TEST(test_rest_after_several_pieces),
		UPSTREAM_TEST(test_no_rest_before_the_end),
		UPSTREAM_TEST(test_cancel_another_in_rest),
		UPSTREAM_TEST(test_start_in_done),
		UPSTREAM_TEST(test_start_in_head_is_refused),
		UPSTREAM_TEST(test_pause_bounds_memory),
		UPSTREAM_TEST(test_pause_and_resume_at_every_piece),
		UPSTREAM_TEST(test_last_word_counts),
		UPSTREAM_TEST(test_cancel_in_what_a_resume_delivers),
		UPSTREAM_TEST(test_refuse_what_a_resume_delivers),
		UPSTREAM_TEST(test_pause_is_not_idle),
		UPSTREAM_TEST(test_cancel_while_paused),
		UPSTREAM_TEST(test_attempt_in_vain_leaves_nothing),
		UPSTREAM_TEST(test_silent_tls_leaves_nothing),
		UPSTREAM_TEST(test_free_with_transfers_under_way),
		UPSTREAM_TEST(test_pool_of_handles),
		UPSTREAM_TEST(test_handles_keep_their_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
