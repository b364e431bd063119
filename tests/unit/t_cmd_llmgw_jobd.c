/* llmgw-jobd as a program: ./llmgw-jobd of the build folder. */
#include "jobs_help.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cmd/jobd.h"
#include "opt_page.h"
#include "store/schema.h"

static char dir[64], conf_file[128], db_url[160], spool_dir[128];
static char out_file[128];

static const struct store_sql sql[] = {
	{ "SELECT COUNT(*) FROM ledger", NULL },
	STORE_SQL_END,
};

static int
make_dir(void **state)
{
	FILE *f;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/llmgw-jobd.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(conf_file, sizeof(conf_file), "%s/llmgw.yaml", dir);
	snprintf(spool_dir, sizeof(spool_dir), "%s/spool", dir);
	snprintf(out_file, sizeof(out_file), "%s/out", dir);
	snprintf(db_url, sizeof(db_url), "sqlite://%s/llmgw.db", dir);
	f = fopen(conf_file, "w");
	if (!f)
		return -1;
	/* The calls of these tests are years old. */
	fprintf(f, "server: { state_dir: \"%s\" }\nledger: { keep: forever }\n",
	    dir);
	return fclose(f);
}

static int
remove_dir(void **state)
{
	char names[16][256], path[600];
	unsigned n;

	(void)state;
	n = spool_names(dir, "", names, 16);
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%.60s/%.255s", dir, names[i]);
		unlink(path);
	}
	spool_bed_remove(spool_dir); /* and the folder around it */
	return 0;
}

static int niceness; /* of the next, in a session of its own; 0: ours */

static pid_t
start(const char *const args[])
{
	const char *argv[8] = { "./llmgw-jobd" };
	pid_t pid;
	int fd;

	for (int i = 0; args[i]; i++)
		argv[i + 1] = args[i];
	pid = fork();
	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	fd = open(out_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	if (niceness > 0 &&
	    (setsid() < 0 || setpriority(PRIO_PROCESS, 0, niceness) != 0))
		_exit(126);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int
end_of(pid_t pid)
{
	int code;

	assert_int_equal(waitpid(pid, &code, 0), pid);
	return WIFEXITED(code) ? WEXITSTATUS(code) : 256 + WTERMSIG(code);
}

static int
run(const char *a, const char *b, const char *c, const char *d)
{
	const char *const args[] = { a, b, c, d, NULL };

	return end_of(start(args));
}

static bool
has_said(const char *text)
{
	static char said[65536];
	FILE *f = fopen(out_file, "r");
	size_t n = f ? fread(said, 1, sizeof(said) - 1, f) : 0;

	if (f)
		fclose(f);
	said[n] = '\0';
	return strstr(said, text) != NULL;
}

static struct store *
database(bool create)
{
	struct store_options o = { .create = create, .any_schema = create };
	char why[STORE_WHY_SIZE];
	struct store *s = NULL;

	if (store_open(str_z(db_url), &o, &s, why) != ERR_OK)
		fail_msg("%s", why);
	if (create)
		assert_int_equal(store_schema_init(s, NULL, NULL, why), ERR_OK);
	return s;
}

static int64_t
rows(struct store *s)
{
	int64_t n = -1;

	assert_int_equal(
	    store_run(s, &sql[0], NULL, 0, store_row_int, &n), ERR_OK);
	return n;
}

static void
write_calls(uint32_t from, uint32_t to)
{
	struct writer w;

	writer_open(&w, spool_dir, SPOOL_MAX_ALL);
	calls(&w, from, to);
	writer_close(&w);
}

static void
test_command_line(void **state)
{
	(void)state;
	assert_int_equal(spool_folder(spool_dir), ERR_OK);
	assert_int_equal(run("--help", NULL, NULL, NULL), 0);
	assert_true(has_said("usage: llmgw-jobd [--config FILE]"));
	assert_int_equal(run("--version", NULL, NULL, NULL), 0);
	assert_int_equal(run("--what", NULL, NULL, NULL), 2);
	assert_int_equal(run("what", NULL, NULL, NULL), 2);
	assert_int_equal(run("-f", "-c", "/nonexistent", NULL), 1);
	assert_true(has_said("the configuration cannot be read"));
}

/* What waits goes over, then it ends. */
static void
test_once(void **state)
{
	struct store *s = database(true);

	(void)state;
	write_calls(0, 100);
	assert_int_equal(run("-1", "-f", "-c", conf_file), 0);
	assert_int_equal(rows(s), 100);
	assert_int_equal(run("-1", "-f", "-c", conf_file), 0);
	assert_int_equal(rows(s), 100);
	store_close(s);
}

/* The one that runs takes what comes; another ends at once; kill -9. */
static void
test_service(void **state)
{
	const char *const args[] = { "-f", "-c", conf_file, NULL };
	struct store *s = database(true);
	pid_t pid = start(args);

	(void)state;
	write_calls(0, 10);
	while (rows(s) < 10)
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(run("-1", "-f", "-c", conf_file), 1);
	assert_true(has_said("another llmgw-jobd"));
	kill(pid, SIGKILL);
	assert_int_equal(end_of(pid), 256 + SIGKILL);
	write_calls(10, 30);
	pid = start(args);
	while (rows(s) < 30)
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid), 0);
	assert_int_equal(rows(s), 30);
	store_close(s);
}

/* Nice tells among sessions, too, where the kernel shares the CPU by them. */
static void
test_nice(void **state)
{
	const char *const args[] = { "-f", "-c", conf_file, NULL };
	struct store *s = database(true);
	char path[64], said[128] = "";
	pid_t pid;
	FILE *f;

	(void)state;
	niceness = 7;
	pid = start(args);
	niceness = 0;
	write_calls(0, 10);
	while (rows(s) < 10)
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	snprintf(path, sizeof(path), "/proc/%d/autogroup", (int)pid);
	f = fopen(path, "r");
	if (f) { /* "/autogroup-25 nice 7" */
		(void)(fread(said, 1, sizeof(said) - 1, f) > 0);
		fclose(f);
		assert_non_null(strstr(said, " nice 7\n"));
	}
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid), 0);
	store_close(s);
}

/* No database yet: it says so once, waits, and goes on when there is one. */
static void
test_later(void **state)
{
	const char *const args[] = { "-f", "-c", conf_file, NULL };
	struct store *s;
	pid_t pid;

	(void)state;
	write_calls(0, 10);
	pid = start(args);
	while (!has_said("the database: "))
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	s = database(true);
	while (rows(s) < 10)
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	while (!has_said("takes the spool again"))
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGTERM);
	assert_int_equal(end_of(pid), 0);
	store_close(s);
}

static void
test_manual_page(void **state)
{
	(void)state;
	assert_page_has(TOP_SRCDIR "/src/cmd/llmgw-jobd.8", jobd_opts);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_command_line),
		IN_DIR(test_once),
		IN_DIR(test_service),
		IN_DIR(test_nice),
		IN_DIR(test_later),
		cmocka_unit_test(test_manual_page),
	};

	rand_init();
	return cmocka_run_group_tests_name("llmgw-jobd", tests, NULL, NULL);
}
