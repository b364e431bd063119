#ifndef TESTS_UNIT_CTL_RUN_H
#define TESTS_UNIT_CTL_RUN_H
/* llmgwctl of the build folder, run as a program on the bed's database. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "conf/file.h"
#include "store_bed.h"

#define CTL_OUT_MAX ((size_t)4 * 1024 * 1024)
#define CTL_WORDS_MAX 24

static char ctl_program[4096];
static struct buf ctl_out, ctl_err;

static inline const char *
ctl_path(const char *name)
{
	static char path[2][320];
	static unsigned i;

	i ^= 1;
	(void)snprintf(path[i], sizeof(path[i]), "%s/%s", bed_folder(), name);
	return path[i];
}

static inline void
ctl_put_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(ctl_path(name), O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static inline void
ctl_take_file(const char *name, struct buf *to)
{
	buf_reset(to);
	assert_int_equal(conf_file_read(ctl_path(name), to, NULL), ERR_OK);
	assert_int_equal(unlink(ctl_path(name)), 0);
}

/* Words with blanks between; 'in quotes' is one. */
static inline int
ctl_split(char *line, const char **argv, int n)
{
	char *p = line;

	while (*p != '\0') {
		char end = *p == '\'' ? '\'' : ' ';

		p += end == '\'';
		assert_true(n < CTL_WORDS_MAX);
		argv[n++] = p;
		p += strcspn(p, end == '\'' ? "'" : " ");
		if (*p != '\0')
			*p++ = '\0';
		p += strspn(p, " ");
	}
	return n;
}

/* Its exit status; what it printed is in ctl_out and ctl_err. */
static inline int
ctl_exec(const char *input, const char **argv)
{
	int in, out, err, status;
	pid_t pid;

	ctl_put_file("in", input, 0600);
	in = open(ctl_path("in"), O_RDONLY | O_CLOEXEC);
	out = open(ctl_path("out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	err = open(ctl_path("err"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(in >= 0 && out >= 0 && err >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(in, 0);
		(void)dup2(out, 1);
		(void)dup2(err, 2);
		(void)execv(ctl_program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(in);
	(void)close(out);
	(void)close(err);
	(void)unlink(ctl_path("in"));
	ctl_take_file("out", &ctl_out);
	ctl_take_file("err", &ctl_err);
	if (!WIFEXITED(status))
		fail_msg(
		    "%s %s: signal %d", argv[1], argv[2], WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* store: where; NULL: the bed's database. */
static inline int
ctl_run_on(const char *store, const char *line, const char *input)
{
	static char words[2048], at[512];
	const char *argv[CTL_WORDS_MAX + 2] = { "llmgwctl" };
	int n;

	(void)snprintf(words, sizeof(words), "%s", line);
	n = ctl_split(words, argv, 1);
	if (store == NULL)
		(void)snprintf(
		    at, sizeof(at), "--store=%.*s", STR_ARG(bed_url()));
	else
		(void)snprintf(at, sizeof(at), "--store=%s", store);
	argv[n++] = at;
	return ctl_exec(input, argv);
}

static inline int
ctl_run(const char *line)
{
	return ctl_run_on(NULL, line, "");
}

/* It ends so; what it said is shown when not. */
#define assert_run(line, expected)                               \
	do {                                                     \
		int got_ = ctl_run(line);                        \
		if (got_ != (expected))                          \
			fail_msg("%s: %d\n%.*s%.*s", line, got_, \
			    STR_ARG(buf_str(&ctl_out)),          \
			    STR_ARG(buf_str(&ctl_err)));         \
	} while (0)

#define assert_in(buf, words)                                     \
	do {                                                      \
		if (!str_contains(buf_str(&(buf)), str_z(words))) \
			fail_msg("no '%s' in:\n%.*s", words,      \
			    STR_ARG(buf_str(&(buf))));            \
	} while (0)

/* On one of both streams, or on none. */
#define assert_says(words)                                          \
	do {                                                        \
		if (!str_contains(buf_str(&ctl_out), str_z(words))) \
			assert_in(ctl_err, words);                  \
	} while (0)
#define assert_silent_of(words)                                              \
	do {                                                                 \
		assert_false(str_contains(buf_str(&ctl_out), str_z(words))); \
		assert_false(str_contains(buf_str(&ctl_err), str_z(words))); \
	} while (0)

/* What it printed is one JSON value; a copy lies in a. */
static inline void
ctl_scan(struct json *j, struct arena *a)
{
	if (json_scan(j, a, arena_str(a, buf_str(&ctl_out)), NULL, NULL) !=
	    ERR_OK)
		fail_msg("no JSON: %.*s", STR_ARG(buf_str(&ctl_out)));
}

/* llmgwctl of the build folder that this test (argv[0]) was built in. */
static inline void
ctl_find(const char *self)
{
	const char *slash = strrchr(self, '/');

	(void)snprintf(ctl_program, sizeof(ctl_program), "%.*s/../../llmgwctl",
	    slash != NULL ? (int)(slash - self) : 1,
	    slash != NULL ? self : ".");
	buf_init(&ctl_out, CTL_OUT_MAX);
	buf_init(&ctl_err, CTL_OUT_MAX);
}

/* As bed_run. */
static inline int
ctl_bed_run(const char *self, const char *name, const struct CMUnitTest *tests,
    size_t n)
{
	int failed;

	ctl_find(self);
	failed = bed_run(name, tests, n);
	buf_fini(&ctl_out);
	buf_fini(&ctl_err);
	return failed;
}

#endif
