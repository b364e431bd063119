/* Transfers that stand still, and go on. */
#include "upstream/engine.h"

#include <malloc.h>

#include "upstream_help.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(test_pause_bounds_memory),
		UPSTREAM_TEST(test_pause_and_resume_at_every_piece),
		UPSTREAM_TEST(test_last_word_counts),
		UPSTREAM_TEST(test_cancel_in_what_a_resume_delivers),
		UPSTREAM_TEST(test_refuse_what_a_resume_delivers),
		UPSTREAM_TEST(test_pause_is_not_idle),
		UPSTREAM_TEST(test_cancel_while_paused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
