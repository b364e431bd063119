#include "cmd/store_env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/driver.h"
#include "store/schema.h"
#include "store_bed.h"

static char why[STORE_WHY_SIZE];

static const struct store_sql put_schema = {
	"UPDATE meta SET value = ? WHERE name = 'schema'", NULL
};

static void
set_schema(int64_t number)
{
	char text[16];
	struct store_value v;

	(void)snprintf(text, sizeof(text), "%lld", (long long)number);
	v = store_text(str_z(text));
	assert_int_equal(
	    store_run(bed_store, &put_schema, &v, 1, NULL, NULL), ERR_OK);
	assert_int_equal(store_changed(bed_store), 1);
}

static void
make_schema(void)
{
	assert_int_equal(store_schema_init(bed_store, NULL, NULL, why), ERR_OK);
}

static void
test_fits(void **state)
{
	(void)state;
	assert_int_equal(store_env_fits(bed_url(), why), ERR_NOT_FOUND);
	assert_non_null(strstr(why, "run \"llmgwctl db init\""));
	make_schema();
	assert_int_equal(store_env_fits(bed_url(), why), ERR_OK);
	assert_string_equal(why, "");
	set_schema(1000);
	assert_int_equal(store_env_fits(bed_url(), why), ERR_UNSUPPORTED);
	assert_non_null(strstr(why, "newer"));
	assert_int_equal(store_env_fits(STR("sqlite:///nonexistent/x.db"), why),
	    ERR_NOT_FOUND);
}

static void
test_password(void **state)
{
	struct secret *a, *b;

	(void)state;
	/* A process reads it once: this comes last. */
	if (!bed_is_mariadb())
		skip();
	assert_null(store_env_password());
	assert_int_equal(setenv("LLMGW_STORE_PASSWORD", "a word", 1), 0);
	a = store_env_password();
	b = store_env_password();
	assert_ptr_equal(a, b);
	assert_str(secret_str(a), "a word");
	assert_null(getenv("LLMGW_STORE_PASSWORD"));
	secret_unref(a);
	secret_unref(b);
}

/* ---- the daemons ---------------------------------------------------------- */

static void
write_conf(char path[160])
{
	FILE *f;

	(void)snprintf(path, 160, "%s/llmgw.yaml", bed_folder());
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f,
	    "server: { state_dir: %s }\nstore: \"%.*s\"\n"
	    "auth: { anonymous: true }\n"
	    "providers: { p: { kind: openai, api_key: env:HOME } }\n"
	    "models: { m: { targets: [ p/x ] } }\n",
	    bed_folder(), STR_ARG(bed_url()));
	(void)fclose(f);
}

/* What it says until it ends; its exit status. */
static int
run_daemon(const char *program, const char *option, const char *value,
    const char *conf, char said[4096])
{
	int fd[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(fd[1], STDERR_FILENO);
		(void)dup2(fd[1], STDOUT_FILENO);
		(void)close(fd[0]);
		(void)alarm(60);
		(void)execl(program, program, "--config", conf, option, value,
		    (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	while (n < 4095 && (got = read(fd[0], said + n, 4095 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	(void)close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_daemons_refuse(void **state)
{
	char conf[160], listen_at[160], said[4096];

	(void)state;
	write_conf(conf);
	(void)snprintf(
	    listen_at, sizeof(listen_at), "unix:%s/sock", bed_folder());
	make_schema();
	set_schema(1000);
	assert_int_equal(
	    run_daemon("./llmgw-fcgi", "--listen", listen_at, conf, said), 1);
	if (strstr(said, "newer than this program's") == NULL ||
	    strstr(said, "llmgwctl db check") == NULL)
		fail_msg("%s", said);
	assert_int_equal(
	    run_daemon("./llmgw-jobd", "--once", NULL, conf, said), 1);
	if (strstr(said, "newer than this program's") == NULL)
		fail_msg("%s", said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST_EMPTY(test_fits),
		BED_TEST_EMPTY(test_daemons_refuse),
		BED_TEST_EMPTY(test_password),
	};

	return bed_run("store_env", tests, COUNT(tests));
}
