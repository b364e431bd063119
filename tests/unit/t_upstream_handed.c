#include "upstream/handed.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "upstream_help.h"

#include "base/fault.h"

/*
 * The kernel, as send() meets it: in place of the C library's sendto it notes
 * what the word says at that moment, and does as a test wants.
 */
enum {
	LOG_MAX = 4096
};

static struct {
	_Atomic uint32_t *word; /* NULL: nothing is noted */
	uint32_t said[LOG_MAX]; /* within each call */
	size_t asked[LOG_MAX]; /* bytes */
	int n;
	size_t most; /* bytes that one call takes; 0: all */
	int refuse; /* errno of the next call; 0: none */
} kernel;

__attribute__((visibility("default"))) ssize_t
sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to,
    socklen_t to_n)
{
	if (kernel.word && kernel.n < LOG_MAX) {
		kernel.said[kernel.n] = *kernel.word;
		kernel.asked[kernel.n++] = n;
	}
	if (kernel.refuse) {
		errno = kernel.refuse;
		kernel.refuse = 0;
		return -1;
	}
	if (kernel.most && n > kernel.most)
		n = kernel.most;
	return syscall(SYS_sendto, fd, p, n, flags, to, to_n);
}

static _Atomic uint32_t word;

static void
kernel_new(void)
{
	memset(&kernel, 0, sizeof(kernel));
	word = 99;
	kernel.word = &word;
}

static int
bed_up(void **state)
{
	struct ask a;

	assert_int_equal(upstream_setup(state), 0);
	kernel_new();
	kernel.word = NULL;
	/* bytes were seen once: from now on it is exact */
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	ask_run(&a);
	ask_fini(&a);
	kernel_new();
	return 0;
}

#define HANDED_TEST(t) \
	cmocka_unit_test_setup_teardown(t, bed_up, upstream_teardown)

static void
handed_init(struct ask *a, const char *body, size_t n)
{
	ask_init(a, server.url);
	a->call.body = str_of(body, n);
	a->call.handed = &word;
}

/* All that came before the last call to the kernel says: not yet. */
static void
check_said(void)
{
	assert_true(kernel.n > 0);
	for (int i = 0; i < kernel.n - 1; i++)
		assert_int_equal(kernel.said[i], UPSTREAM_NOT_HANDED);
	assert_int_equal(kernel.said[kernel.n - 1], UPSTREAM_HANDING);
}

static void
see_handed(struct ask *a)
{
	(void)a;
	assert_int_equal(word, UPSTREAM_HANDED);
}

static void
test_small(void **state)
{
	struct ask a;

	(void)state;
	for (int i = 0; i < 3; i++) {
		kernel_new();
		server_say(&server, OK_REPLY);
		handed_init(&a, "{}", 2);
		a.on_head = see_handed;
		ask_start(&a);
		assert_int_equal(word, UPSTREAM_NOT_HANDED);
		ask_wait();
		assert_end(&a, UPSTREAM_OK);
		assert_true(a.result.request_sent);
		assert_int_equal(kernel.n, 1);
		check_said();
		ask_fini(&a);
	}
}

static char big[400000];

static void
test_large(void **state)
{
	struct ask a;
	size_t before_last = 0;

	(void)state;
	server_say(&server, OK_REPLY);
	handed_init(&a, big, sizeof(big));
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_true(kernel.n > 2);
	check_said();
	for (int i = 0; i < kernel.n - 1; i++)
		before_last += kernel.asked[i];
	assert_true(before_last < sizeof(big));
	assert_int_equal(word, UPSTREAM_HANDED);
	ask_fini(&a);
}

/* The kernel takes a few bytes at a time. */
static void
test_pieces(void **state)
{
	static const char body[] = "{\"a\":\"0123456789012345678901234567890"
				   "12345678901234567890123456789\"}";
	struct ask a;
	int at;

	(void)state;
	server_say(&server, OK_REPLY);
	handed_init(&a, body, sizeof(body) - 1);
	kernel.most = 8;
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	/* the last that fits said so, and none after it asked again */
	for (at = 0; kernel.said[at] != UPSTREAM_HANDED && at < kernel.n; at++)
		;
	assert_true(at < kernel.n && at >= (int)(sizeof(body) - 1) / 8);
	for (; at < kernel.n; at++)
		assert_int_equal(kernel.said[at], UPSTREAM_HANDED);
	assert_true(server_saw(body) == 1);
	ask_fini(&a);
}

static void
test_full_socket(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	handed_init(&a, "{}", 2);
	kernel.refuse = EAGAIN;
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(kernel.n, 2);
	assert_int_equal(kernel.said[1], UPSTREAM_HANDING);
	assert_int_equal(word, UPSTREAM_HANDED);
	ask_fini(&a);
}

/* curl begins anew on another connection; a fresh one that breaks is an end. */
static void
test_broken_socket(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	handed_init(&a, "{}", 2);
	kernel.refuse = EPIPE;
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(kernel.n, 2);
	assert_int_equal(word, UPSTREAM_HANDED);
	ask_fini(&a);

	kernel_new();
	handed_init(&a, "{}", 2);
	a.call.fresh_connection = true;
	kernel.refuse = EPIPE;
	ask_run(&a);
	assert_end(&a, UPSTREAM_CUT);
	assert_false(a.result.request_sent);
	assert_int_equal(word, UPSTREAM_NOT_HANDED);
	ask_fini(&a);
}

static char huge[16 << 20];

static void
stop_asking(void *arg)
{
	struct ask *a = arg;

	assert_false(up->ops->may_be_asked(a->xfer));
	ask_cancel(a);
}

/* Half of a request is none; and after a cancel nothing is told any more. */
static void
test_cancel(void **state)
{
	struct ask a, other;
	struct timer t = { 0 };

	(void)state;
	server.reads_nothing = true;
	handed_init(&a, huge, sizeof(huge));
	a.call.fresh_connection = true;
	ask_start(&a);
	assert_int_equal(
	    timer_set(loop, &t, 30 * MSEC, stop_asking, &a), ERR_OK);
	ask_wait();
	assert_true(kernel.n > 1);
	assert_int_equal(word, UPSTREAM_NOT_HANDED);
	word = 77;
	server.reads_nothing = false;
	server_say(&server, OK_REPLY);
	ask_init(&other, server.url);
	ask_run(&other);
	assert_end(&other, UPSTREAM_OK);
	assert_int_equal(word, 77);
	ask_fini(&a);
	ask_fini(&other);
}

/* Uploads side by side, and what others send meanwhile, are told apart. */
static void
test_apart(void **state)
{
	static _Atomic uint32_t words[3];
	struct ask a[3];
	int pair[2];

	(void)state;
	kernel.word = NULL;
	kernel.most = 4096;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 3; i++) {
		server_say(&server, OK_REPLY);
		handed_init(&a[i], big, i == 1 ? 2 : sizeof(big));
		a[i].call.handed = &words[i];
		a[i].call.fresh_connection = true;
		ask_start(&a[i]);
	}
	while (asks_running) {
		int whole = 0;

		assert_int_equal(send(pair[0], "x", 1, MSG_DONTWAIT), 1);
		assert_int_equal(recv(pair[1], big, 1, 0), 1);
		loop_poll(loop);
		for (int i = 0; i < 3; i++)
			whole += words[i] == UPSTREAM_HANDED;
		assert_true((unsigned)whole >= 3 - asks_running);
	}
	for (int i = 0; i < 3; i++) {
		assert_end(&a[i], UPSTREAM_OK);
		ask_fini(&a[i]);
	}
	close(pair[0]);
	close(pair[1]);
}

/* ---- without curl -------------------------------------------------------- */

struct lone {
	struct engine engine;
	struct engine_dialled dialled[64];
	struct upstream_call call;
	struct upstream_xfer x;
	int pair[2];
};

static void
lone_begin(struct lone *l, _Atomic uint32_t *at)
{
	l->x = (struct upstream_xfer){ .engine = &l->engine,
		.call = &l->call,
		.out_fd = CURL_SOCKET_BAD,
		.how_handed = UPSTREAM_NOT_HANDED,
		.handed = at };
	*at = UPSTREAM_NOT_HANDED;
	(void)handed_begin(&l->x, NULL, NULL, 0, 0);
}

static struct lone *
lone_new(void)
{
	static struct lone l;

	memset(&l, 0, sizeof(l));
	l.engine.dialled = l.dialled;
	l.engine.n_dialled = 64;
	l.call.body = STR("0123456789");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, l.pair), 0);
	assert_true(l.pair[0] < 64);
	l.dialled[l.pair[0]].is_ours = true;
	return &l;
}

static void
lone_free(struct lone *l)
{
	if (l->x.engine)
		handed_leave(&l->x);
	handed_fini(&l->engine);
	close(l->pair[0]);
	close(l->pair[1]);
}

/* A thread that has not sent anything yet cannot know that it would see it. */
static void *
first_of_a_thread(void *arg)
{
	static _Atomic uint32_t at;
	struct lone *l = lone_new();

	(void)arg;
	lone_begin(l, &at);
	assert_int_equal(at, UPSTREAM_HANDING);
	assert_int_equal(send(l->pair[0], "01234", 5, 0), 5);
	assert_int_equal(at, UPSTREAM_NOT_HANDED);
	assert_int_equal(send(l->pair[0], "56789", 5, 0), 5);
	assert_int_equal(at, UPSTREAM_HANDED);
	handed_leave(&l->x);
	lone_begin(l, &at);
	assert_int_equal(at, UPSTREAM_NOT_HANDED);
	/* never seen, but answered */
	handed_answered(&l->x);
	assert_int_equal(at, UPSTREAM_HANDED);
	handed_leave(&l->x);
	/* what cannot be followed counts as whole */
	lone_begin(l, &at);
	assert_int_equal(send(l->pair[1], "0", 1, 0), 1);
	assert_int_equal(at, UPSTREAM_HANDED);
	lone_free(l);
	return NULL;
}

static void
test_first(void **state)
{
	pthread_t t;

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	assert_int_equal(pthread_create(&t, NULL, first_of_a_thread, NULL), 0);
	pthread_join(t, NULL);
}

/* Two streams on one connection: the earlier one counts as whole. */
static void
test_shared(void **state)
{
	static _Atomic uint32_t first, second;
	static struct lone one;
	struct lone *l = lone_new();

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	one.engine = l->engine;
	one.call = l->call;
	lone_begin(&one, &first);
	one.x.engine = &l->engine;
	assert_int_equal(send(l->pair[0], "01", 2, 0), 2);
	lone_begin(l, &second);
	assert_int_equal(send(l->pair[0], "01", 2, 0), 2);
	assert_int_equal(first, UPSTREAM_HANDED);
	assert_true(second != UPSTREAM_HANDED);
	/* one that never sent */
	lone_begin(&one, &first);
	lone_begin(l, &second);
	assert_int_equal(first, UPSTREAM_HANDED);
	handed_leave(&one.x);
	lone_free(l);
}

#ifdef WITH_FAULTS
/* What a kill -9 leaves: the word, and what has gone out. */
static void
test_killed(void **state)
{
	static const struct {
		const char *point;
		uint32_t word;
		ssize_t got;
	} rows[] = {
		{ "kill.unhanded:2", UPSTREAM_NOT_HANDED, 0 },
		{ "kill.handing:2", UPSTREAM_HANDING, 0 },
		{ "kill.sent:2", UPSTREAM_HANDING, 10 },
		{ "kill.handed:2", UPSTREAM_HANDED, 10 },
	};
	_Atomic uint32_t *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char room[64];

	(void)state;
	assert_true(at != MAP_FAILED);
	memset(&kernel, 0, sizeof(kernel));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lone *l = lone_new();
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			fault_setup(rows[i].point);
			for (int k = 0; k < 2; k++) {
				lone_begin(l, at);
				(void)!send(l->pair[0], "0123456789", 10, 0);
				handed_leave(&l->x);
			}
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		assert_int_equal(*at, rows[i].word);
		/* the first one, and what the second has brought */
		assert_int_equal(
		    recv(l->pair[1], room, sizeof(room), 0), 10 + rows[i].got);
		lone_free(l);
	}
	munmap((void *)(uintptr_t)at, 4096);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HANDED_TEST(test_small),
		HANDED_TEST(test_large),
		HANDED_TEST(test_pieces),
		HANDED_TEST(test_full_socket),
		HANDED_TEST(test_broken_socket),
		HANDED_TEST(test_cancel),
		HANDED_TEST(test_apart),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_shared),
#ifdef WITH_FAULTS
		cmocka_unit_test(test_killed),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
