/*
 * Transfers that are cancelled: before anything, within each callback, by
 * another one's, and when the pieces that came at once are told.
 */
#include "upstream/engine.h"

#include "upstream_help.h"

static void
cancel_in_head(struct ask *a)
{
	ask_cancel(a);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(test_cancel_before_anything),
		UPSTREAM_TEST(test_cancel_in_head),
		UPSTREAM_TEST(row_95_cancel_in_body),
		UPSTREAM_TEST(test_cancel_another),
		UPSTREAM_TEST(test_cancel_another_in_done),
		UPSTREAM_TEST(test_rest_after_several_pieces),
		UPSTREAM_TEST(test_no_rest_before_the_end),
		UPSTREAM_TEST(test_cancel_another_in_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
