#include "base/err.h"

#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static void
every_error_has_its_word(void **state)
{
	(void)state;
	for (int i = 0; i < ERR__MAX; i++) {
		const char *word = err_word((enum err)i);

		assert_non_null(word);
		assert_string_not_equal(word, "unknown error");
		for (int k = 0; k < i; k++)
			assert_string_not_equal(word, err_word((enum err)k));
	}
	assert_string_equal(err_word(ERR__MAX), "unknown error");
	assert_string_equal(err_word((enum err) - 1), "unknown error");
}

static void
assertion_kills_and_says_where(void **state)
{
	char said[256] = "";
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	(void)state;
	ASSERT(1 + 1 == 2);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		ASSERT(1 + 1 == 3);
		_exit(0);
	}
	close(fds[1]);
	while ((got = read(fds[0], said + n, sizeof(said) - 1 - n)) > 0)
		n += (size_t)got;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(said, "t_base_err.c:"));
	assert_non_null(strstr(said, "1 + 1 == 3"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_has_its_word),
		cmocka_unit_test(assertion_kills_and_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
