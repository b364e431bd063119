#include "upstream/drained.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "upstream_help.h"

/*
 * The kernel, as poll() meets it: in place of the C library's ppoll it counts
 * who asks without waiting.
 */
static int asked;

__attribute__((visibility("default"))) int
ppoll(struct pollfd *v, nfds_t n, const struct timespec *t, const sigset_t *set)
{
	struct timespec copy = t ? *t : (struct timespec){ 0 };

	(void)set;
	asked += t && t->tv_sec == 0 && t->tv_nsec == 0;
	return (int)syscall(SYS_ppoll, v, n, t ? &copy : NULL, NULL, 0);
}

struct pair {
	int ours, theirs;
};

static struct pair
pair_new(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	return (struct pair){ .ours = fd[0], .theirs = fd[1] };
}

static void
pair_free(const struct pair *p)
{
	close(p->ours);
	close(p->theirs);
}

static void
say(const struct pair *p, size_t n)
{
	char bytes[64] = "";

	assert_int_equal(write(p->theirs, bytes, n), n);
}

/* What poll says of ours; *was_asked: by the kernel. */
static int
look(const struct pair *p, bool *was_asked)
{
	struct pollfd v = { .fd = p->ours, .events = POLLIN, .revents = 99 };
	int before = asked, n = poll(&v, 1, 0);

	*was_asked = asked > before;
	assert_int_equal(n, v.revents != 0);
	return n;
}

static void
take(const struct pair *p, size_t room, int flags, ssize_t got)
{
	/* not what hardening may make of a call of it */
	ssize_t (*volatile take_some)(int, void *, size_t, int) = recv;
	char bytes[64];

	assert_int_equal(take_some(p->ours, bytes, room, flags), got);
}

static void
test_short_read(void **state)
{
	struct pair p = pair_new();
	bool was_asked;

	(void)state;
	drained_begin();
	say(&p, 3);
	take(&p, 10, 0, 3);
	assert_int_equal(look(&p, &was_asked), 0);
	assert_false(was_asked);
	/* once only */
	say(&p, 1);
	assert_int_equal(look(&p, &was_asked), 1);
	assert_true(was_asked);
	drained_end();
	pair_free(&p);
}

/* All of these know nothing: each time the kernel is asked. */
static void
test_the_kernel_is_asked(void **state)
{
	struct pair p = pair_new(), other = pair_new();
	bool was_asked;

	(void)state;
	drained_begin();
	say(&p, 20);
	take(&p, 10, 0, 10); /* filled */
	assert_int_equal(look(&p, &was_asked), 1);
	assert_true(was_asked);
	take(&p, 64, MSG_PEEK, 10); /* nothing was taken */
	assert_int_equal(look(&p, &was_asked), 1);
	take(&p, 64, 0, 10); /* of another one */
	assert_int_equal(look(&other, &was_asked), 0);
	assert_true(was_asked);
	say(&p, 1);
	take(&p, 64, 0, 1); /* another turn */
	drained_end();
	drained_begin();
	assert_int_equal(look(&p, &was_asked), 0);
	assert_true(was_asked);
	take(&p, 64, MSG_DONTWAIT, -1); /* failed */
	assert_int_equal(look(&p, &was_asked), 0);
	assert_true(was_asked);
	shutdown(p.theirs, SHUT_WR);
	take(&p, 64, 0, 0); /* the end */
	assert_int_equal(look(&p, &was_asked), 1);
	assert_true(was_asked);
	drained_end();
	pair_free(&p);
	pair_free(&other);
}

static void
test_outside(void **state)
{
	struct pair p = pair_new();
	bool was_asked;

	(void)state;
	say(&p, 1);
	take(&p, 10, 0, 1);
	assert_int_equal(look(&p, &was_asked), 0);
	assert_true(was_asked);
	drained_begin();
	say(&p, 1);
	take(&p, 10, 0, 1);
	drained_end();
	assert_int_equal(look(&p, &was_asked), 0);
	assert_true(was_asked);
	pair_free(&p);
}

/* Whoever would wait, wants to write, or asks for several, asks the kernel. */
static void
test_other_questions(void **state)
{
	struct pair p = pair_new();
	struct pollfd v[2] = { { .fd = p.ours, .events = POLLIN },
		{ .fd = p.ours, .events = POLLOUT } };

	(void)state;
	drained_begin();
	say(&p, 1);
	take(&p, 10, 0, 1);
	assert_int_equal(poll(v, 2, 0), 1);
	assert_int_equal(poll(&v[1], 1, 0), 1);
	say(&p, 1);
	assert_int_equal(poll(v, 1, 1500), 1);
	assert_int_equal(poll(v, 1, -1), 1);
	drained_end();
	pair_free(&p);
}

enum {
	PIECES = 20
};

static enum err
see_enough(struct ask *a)
{
	if (a->pieces == 1)
		asked = 0;
	return a->pieces >= PIECES ? ERR_CLOSED : ERR_OK;
}

/* A stream: its pieces come without the question. */
static void
test_stream(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	    ->drip = true;
	ask_init(&a, server.url);
	a.on_body = see_enough;
	ask_run(&a);
	assert_end(&a, UPSTREAM_STOPPED);
	assert_true(asked < PIECES / 2);
	ask_fini(&a);
}

/* What the server says with its last breath is read, and that it is gone. */
static void
test_end(void **state)
{
	struct ask a;

	(void)state;
	for (int i = 0; i < 3; i++) {
		server_say(&server, "HTTP/1.1 200 OK\r\n\r\nthe end")->after =
		    SERVER_CLOSE;
		ask_init(&a, server.url);
		ask_run(&a);
		assert_end(&a, UPSTREAM_OK);
		assert_int_equal(a.body.n, strlen("the end"));
		ask_fini(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_read),
		cmocka_unit_test(test_the_kernel_is_asked),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_other_questions),
		UPSTREAM_TEST(test_stream),
		UPSTREAM_TEST(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
