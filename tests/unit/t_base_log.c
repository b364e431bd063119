#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"

#include "check.h"

static char dir[] = "/tmp/t_base_log.XXXXXX";
static char path[64], moved[64];
static char target[80];

static int
setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s/log.1", dir);
	snprintf(target, sizeof(target), "file:%s", path);
	clock_set(0, 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(moved);
	return rmdir(dir);
}

static struct str
content(const char *name)
{
	static char text[200000];
	FILE *f = fopen(name, "re");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	return str_of(text, n);
}

static void
reset(enum log_format format, enum log_level level)
{
	unlink(path);
	assert_int_equal(log_open(str_z(target), format, level), ERR_OK);
}

static void
key_value_lines(void **state)
{
	char want[200];

	(void)state;
	reset(LOG_KEYVALUE, LOG_INFO);
	assert_int_equal(log_format_now(), LOG_KEYVALUE);
	log_msg(LOG_WARN, "a \"b\"\n%d", 7);
	log_msg(LOG_DEBUG, "not at this level");
	log_lines(STR("id=1 done\n"));
	log_lines(STR("\n"));
	snprintf(want, sizeof(want),
	    "time=1970-01-01T00:00:00.000000Z level=warn pid=%ld "
	    "msg=\"a \\\"b\\\"?7\"\nid=1 done\n\n",
	    (long)getpid());
	assert_str(content(path), want);
}

static void
lines_at_once(void **state)
{
	(void)state;
	reset(LOG_KEYVALUE, LOG_INFO);
	log_lines(STR(""));
	log_lines(STR("a=1\nb=2\n"));
	log_lines(STR("c=3\n"));
	assert_str(content(path), "a=1\nb=2\nc=3\n");
}

static void
json_lines(void **state)
{
	struct arena *a = arena_new(100000);
	struct json j;
	struct str s;
	int64_t pid;

	(void)state;
	reset(LOG_JSON, LOG_DEBUG);
	assert_int_equal(log_format_now(), LOG_JSON);
	log_msg(LOG_DEBUG, "%s", "q\" b\\ \xff \xc3\xa9 \x1b[0m");
	s = content(path);
	assert_int_equal(json_scan(&j, a, s, NULL, NULL), ERR_OK);
	assert_true(json_str_is(&j, json_get(&j, 0, "level"), "debug"));
	assert_int_equal(json_i64(&j, json_get(&j, 0, "pid"), &pid), ERR_OK);
	assert_int_equal(pid, getpid());
	s = json_text(&j, json_get(&j, 0, "msg"), a);
	assert_str(s, "q\" b\\ \xef\xbf\xbd \xc3\xa9 ?[0m");
	arena_free(a);
}

static void
long_messages_are_cut(void **state)
{
	char bad[4000];
	struct str s;

	(void)state;
	reset(LOG_KEYVALUE, LOG_INFO);
	log_msg(LOG_INFO, "%0*d", 50000, 1);
	s = content(path);
	assert_true(s.n > 2048 && s.n < 2048 + 100);
	assert_int_equal(s.p[s.n - 1], '\n');
	/* the worst text: every byte becomes three */
	memset(bad, '\xff', sizeof(bad) - 1);
	bad[sizeof(bad) - 1] = '\0';
	reset(LOG_JSON, LOG_INFO);
	log_msg(LOG_INFO, "%s", bad);
	s = content(path);
	assert_true(s.n > 3 * 2000);
	assert_true(str_ends(s, STR("\xbf\xbd\"}\n")));
	assert_int_equal(log_lost(), 0);
}

static void
reopen_after_rotation(void **state)
{
	(void)state;
	reset(LOG_KEYVALUE, LOG_INFO);
	log_lines(STR("old\n"));
	assert_int_equal(rename(path, moved), 0);
	log_lines(STR("still old\n"));
	assert_int_equal(log_reopen(), ERR_OK);
	log_lines(STR("new\n"));
	assert_str(content(moved), "old\nstill old\n");
	assert_str(content(path), "new\n");
}

static void
bad_targets_change_nothing(void **state)
{
	(void)state;
	reset(LOG_KEYVALUE, LOG_INFO);
	assert_int_equal(
	    log_open(STR("file:/nonexistent/x"), LOG_JSON, LOG_INFO), ERR_IO);
	assert_int_equal(
	    log_open(STR("syslog:/nonexistent"), LOG_JSON, LOG_INFO), ERR_IO);
	assert_int_equal(
	    log_open(STR("nowhere"), LOG_JSON, LOG_INFO), ERR_RANGE);
	assert_int_equal(
	    log_open(STR("file:relative"), LOG_JSON, LOG_INFO), ERR_RANGE);
	assert_int_equal(
	    log_open(STR("file:/a\0b"), LOG_JSON, LOG_INFO), ERR_RANGE);
	assert_int_equal(log_format_now(), LOG_KEYVALUE);
	log_lines(STR("here\n"));
	assert_str(content(path), "here\n");
}

/* Lines of several processes stay whole. */
static void
writers_do_not_mix(void **state)
{
	char line[300];
	struct str s;
	int status, n = 0;

	(void)state;
	reset(LOG_KEYVALUE, LOG_INFO);
	for (int w = 0; w < 3; w++) {
		if (fork() == 0) {
			memset(line, 'a' + w, sizeof(line) - 1);
			line[sizeof(line) - 1] = '\n';
			for (int i = 0; i < 100; i++)
				log_lines(str_of(line, sizeof(line)));
			_exit(0);
		}
	}
	for (int w = 0; w < 3; w++)
		assert_true(wait(&status) > 0 && status == 0);
	s = content(path);
	while (s.n) {
		struct str one = str_cut(&s, '\n');

		assert_int_equal(one.n, sizeof(line) - 1);
		for (size_t i = 1; i < one.n; i++)
			assert_int_equal(one.p[i], one.p[0]);
		n++;
	}
	assert_int_equal(n, 300);
}

static void
syslog_datagrams(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char to[80], got[500], want[100];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t lost = log_lost();
	ssize_t n;

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", moved);
	unlink(moved);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	snprintf(to, sizeof(to), "syslog:%s", moved);
	assert_int_equal(log_open(str_z(to), LOG_KEYVALUE, LOG_INFO), ERR_OK);
	log_msg(LOG_ERROR, "x");
	n = recv(fd, got, sizeof(got), 0);
	assert_true(n > 0);
	snprintf(want, sizeof(want), "<27>llmgw[%ld]: time=", (long)getpid());
	assert_true(str_starts(str_of(got, (size_t)n), str_z(want)));
	log_lines(STR("line\n"));
	n = recv(fd, got, sizeof(got), 0);
	snprintf(want, sizeof(want), "<30>llmgw[%ld]: line", (long)getpid());
	assert_str(str_of(got, (size_t)n), want);
	/* a datagram for each of several */
	log_lines(STR("one\ntwo\n"));
	n = recv(fd, got, sizeof(got), 0);
	assert_true(str_ends(str_of(got, (size_t)n), STR(": one")));
	n = recv(fd, got, sizeof(got), 0);
	assert_true(str_ends(str_of(got, (size_t)n), STR(": two")));
	/* a daemon that does not read loses lines; it does not hold us */
	for (int i = 0; i < 5000; i++)
		log_lines(STR("flood\n"));
	assert_true(log_lost() > lost);
	close(fd);
	unlink(moved);
}

static int
daemon_starts(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", moved);
	unlink(moved);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* A new socket of the same name: no line is lost but those of the meantime. */
static void
syslog_daemon_starts_again(void **state)
{
	char to[80], got[500];
	uint64_t lost;
	ssize_t n;
	int fd;

	(void)state;
	fd = daemon_starts();
	snprintf(to, sizeof(to), "syslog:%s", moved);
	assert_int_equal(log_open(str_z(to), LOG_KEYVALUE, LOG_INFO), ERR_OK);
	close(fd);
	lost = log_lost();
	log_lines(STR("nobody is there\n"));
	assert_int_equal(log_lost(), lost + 1);
	fd = daemon_starts();
	log_lines(STR("again\n"));
	n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
	assert_true(n > 0);
	assert_true(str_contains(str_of(got, (size_t)n), STR(": again")));
	assert_int_equal(log_lost(), lost + 1);
	close(fd);
	unlink(moved);
}

/* A full pipe as stderr must not stop the worker. */
static void
a_stuck_stderr_is_counted(void **state)
{
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int flags;

		dup2(fds[1], STDERR_FILENO);
		if (log_open(STR("stderr"), LOG_KEYVALUE, LOG_INFO) != ERR_OK)
			_exit(1);
		for (int i = 0; i < 20000; i++)
			log_lines(STR("nobody reads this\n"));
		flags = fcntl(STDERR_FILENO, F_GETFL);
		/* what others share is as it was */
		_exit(log_lost() == 0 || (flags & O_NONBLOCK) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_value_lines),
		cmocka_unit_test(lines_at_once),
		cmocka_unit_test(json_lines),
		cmocka_unit_test(long_messages_are_cut),
		cmocka_unit_test(reopen_after_rotation),
		cmocka_unit_test(bad_targets_change_nothing),
		cmocka_unit_test(writers_do_not_mix),
		cmocka_unit_test(syslog_datagrams),
		cmocka_unit_test(syslog_daemon_starts_again),
		cmocka_unit_test(a_stuck_stderr_is_counted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
