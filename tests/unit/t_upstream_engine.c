/* Connections, handles and descriptors, from the first to the engine's end. */
#include "upstream/engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/pollset.h"
#include "upstream_help.h"

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

/*
 * Where the last answer came over a connection that stood, curl is told of no
 * limit: ours holds when the next one has to be made after all.
 */
static void
test_connect_has_a_limit_after_reuse(void **state)
{
	static struct ask a;
	struct urls_entry *url;
	struct full f;

	(void)state;
	full_open(&f);
	url = urls_take(&((struct engine *)up)->urls, str_z(f.url));
	assert_non_null(url);
	url->is_reused = true;
	urls_put(url);
	ask_init(&a, f.url);
	a.call.timeout_connect = 300 * MSEC;
	ask_start(&a);
	ask_wait();
	assert_end(&a, UPSTREAM_TIMEOUT_CONNECT);
	assert_string_equal(
	    a.result.detail, upstream_end_word(UPSTREAM_TIMEOUT_CONNECT));
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
		UPSTREAM_TEST(test_start_in_done),
		UPSTREAM_TEST(test_start_in_head_is_refused),
		UPSTREAM_TEST(test_attempt_in_vain_leaves_nothing),
		UPSTREAM_TEST(test_connect_has_a_limit_after_reuse),
		UPSTREAM_TEST(test_silent_tls_leaves_nothing),
		UPSTREAM_TEST(test_free_with_transfers_under_way),
		UPSTREAM_TEST(test_pool_of_handles),
		UPSTREAM_TEST(test_handles_keep_their_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
