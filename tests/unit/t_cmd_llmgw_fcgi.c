/*
 * llmgw-fcgi as a program: its command line and its configuration, and what
 * parent and workers do when they are told to end or are killed.
 */
#include "fcgi_program.h"

#include "cmd/fcgi.h"
#include "opt_page.h"

static void
test_command_line(void **state)
{
	static const struct {
		const char *args[4];
		int code;
	} rows[] = {
		{ { PROGRAM, "--help" }, 0 },
		{ { PROGRAM, "--version" }, 0 },
		{ { PROGRAM, "--nonsense" }, 2 },
		{ { PROGRAM, "operand" }, 2 },
		{ { PROGRAM, "--workers=0" }, 2 },
		{ { PROGRAM, "--listen", "nowhere" }, 1 },
	};
	struct program p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_args(&p, rows[i].args, -1, -1);
		assert_int_equal(end_program(&p, 0), rows[i].code);
	}
}

/* Nothing to listen on is said, not waited for. */
static void
test_no_socket(void **state)
{
	const char *args[] = { PROGRAM, "--config", conf, NULL };
	struct program p;

	(void)state;
	start_args(&p, args, -1, -1);
	wait_log(&p, "nothing to listen on", NULL);
	assert_int_equal(end_program(&p, 0), 2);
}

static void
test_worker_killed(void **state)
{
	struct program p;
	pid_t first, second;

	(void)state;
	start_pool(&p, "1");
	first = wait_worker(&p);
	assert_true(get("/health/live", "200"));
	kill(first, SIGKILL);
	wait_log(&p, "died of signal 9", NULL);
	second = wait_worker(&p);
	assert_int_not_equal(first, second);
	assert_true(get("/health/live", "200"));
	assert_int_equal(end_program(&p, SIGTERM), 0);
	assert_int_equal(connect_to(sock), -1);
}

/* Its body is still coming when SIGTERM comes: it gets its whole answer. */
static void
test_drain(void **state)
{
	static const char body[] = "{\"model\":\"unknown\"}";
	struct program p;
	struct peer_answer a;
	struct buf b;
	char length[16];
	int fd;

	(void)state;
	start_pool(&p, "1");
	(void)wait_worker(&p);
	fd = connect_to(sock);
	assert_true(fd >= 0);
	snprintf(length, sizeof(length), "%zu", sizeof(body) - 1);
	buf_init(&b, 65536);
	put_head(&b, "POST", "/v1/chat/completions", length);
	peer_record(&b, 5, 1, body, 5, 0);
	send_buf(fd, &b);
	/* the same worker answers another: it has read the first by then */
	assert_true(get("/health/live", "200"));
	kill(p.pid, SIGTERM);
	while (access(sock, F_OK) == 0)
		assert_true(waitpid(p.pid, NULL, WNOHANG) == 0);
	peer_record(&b, 5, 1, body + 5, sizeof(body) - 6, 0);
	peer_record(&b, 5, 1, "", 0, 0);
	send_buf(fd, &b);
	buf_fini(&b);
	assert_true(read_answer(fd, &a));
	assert_true(str_starts(buf_str(&a.out), STR("Status: 4")));
	peer_answer_fini(&a);
	close(fd);
	assert_int_equal(end_program(&p, 0), 0);
}

/* Told twice, it ends at once. */
static void
test_told_twice(void **state)
{
	struct program p;
	struct buf b;
	char c;
	int fd;

	(void)state;
	start_pool(&p, "1");
	(void)wait_worker(&p);
	fd = connect_to(sock);
	assert_true(fd >= 0);
	buf_init(&b, 65536);
	put_head(&b, "POST", "/v1/chat/completions", "10");
	send_buf(fd, &b);
	buf_fini(&b);
	assert_true(get("/health/live", "200"));
	kill(p.pid, SIGTERM);
	while (access(sock, F_OK) == 0)
		assert_true(waitpid(p.pid, NULL, WNOHANG) == 0);
	assert_int_equal(end_program(&p, SIGTERM), 0);
	assert_true(read(fd, &c, 1) <= 0);
	close(fd);
}

/* When the parent is killed nobody is left behind. */
static void
test_parent_killed(void **state)
{
	struct program p;
	char piece[1024];
	ssize_t n;

	(void)state;
	start_pool(&p, "2");
	(void)wait_worker(&p);
	(void)wait_worker(&p);
	kill(p.pid, SIGKILL);
	/* standard error ends when the last of them has */
	while ((n = read(p.err, piece, sizeof(piece))) > 0)
		;
	assert_int_equal(n, 0);
	assert_int_equal(connect_to(sock), -1);
	assert_int_equal(end_program(&p, 0), -1);
}

/*
 * A configuration with an error at the start: health says so, and it comes up
 * when the file is good. Then a bad one changes nothing.
 */
static void
test_configuration(void **state)
{
	struct program p;

	(void)state;
	write_conf("models: 7\n");
	start_pool(&p, "1");
	(void)wait_worker(&p);
	assert_true(get("/health/live", "200"));
	assert_true(get("/health/ready", "503"));
	write_conf(GOOD_CONF);
	wait_log(&p, "in force", NULL);
	assert_true(get("/health/ready", "200"));
	write_conf("models: 8\n");
	kill(p.pid, SIGHUP);
	wait_log(&p, "configuration refused", NULL);
	assert_true(get("/v1/models", "200"));
	/* a worker that starts now has the last good one */
	kill(p.pid, SIGUSR1);
	assert_int_equal(end_program(&p, SIGTERM), 0);
}

/* A worker that is replaced while the files are bad serves with the old. */
static void
test_replaced_while_bad(void **state)
{
	struct program p;
	pid_t first;

	(void)state;
	start_pool(&p, "1");
	first = wait_worker(&p);
	write_conf("models: 8\n");
	wait_log(&p, "configuration refused", NULL);
	kill(first, SIGKILL);
	(void)wait_worker(&p);
	assert_true(get("/v1/models", "200"));
	assert_int_equal(end_program(&p, SIGTERM), 0);
}

static void
test_manual_page(void **state)
{
	(void)state;
	assert_page_has(TOP_SRCDIR "/src/cmd/llmgw-fcgi.8", fcgi_opts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_command_line),
		IN_DIR(test_no_socket),
		IN_DIR(test_worker_killed),
		IN_DIR(test_drain),
		IN_DIR(test_told_twice),
		IN_DIR(test_parent_killed),
		IN_DIR(test_configuration),
		IN_DIR(test_replaced_while_bad),
		cmocka_unit_test(test_manual_page),
	};

	return cmocka_run_group_tests_name("cmd/llmgw-fcgi", tests, NULL, NULL);
}
