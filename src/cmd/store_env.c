#include "cmd/store_env.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/schema.h"

#define VARIABLE "LLMGW_STORE_PASSWORD"
#define FITS_TIMEOUT (2 * USEC_PER_SEC)

struct secret *
store_env_password(void)
{
	static struct secret *password;
	char *value;

	if (password == NULL) {
		value = getenv(VARIABLE);
		if (value == NULL || value[0] == '\0')
			return NULL;
		password = secret_new(str_z(value));
		if (password == NULL)
			return NULL;
		secret_wipe(value, strlen(value));
		(void)unsetenv(VARIABLE);
	}
	return secret_ref(password);
}

static enum err
ask(struct str url, char why[STORE_WHY_SIZE])
{
	struct store_options o = {
		.timeout = FITS_TIMEOUT,
		.password = store_env_password(),
		.any_schema = true,
	};
	struct store_schema found;
	struct store *s = NULL;
	enum err e = store_open(url, &o, &s, why);

	secret_unref(o.password);
	if (e != ERR_OK)
		return e;
	e = store_schema_read(s, &found);
	if (e == ERR_OK)
		e = store_schema_judge(&found, why);
	if (e == ERR_UNSUPPORTED && found.found == 0 && !found.is_partial)
		e = ERR_NOT_FOUND;
	store_close(s);
	return e;
}

/* What the child has written, to its end. */
static void
read_all(int fd, char why[STORE_WHY_SIZE])
{
	size_t n = 0;
	ssize_t got;

	do {
		got = read(fd, why + n, STORE_WHY_SIZE - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	} while (
	    (got > 0 && n < STORE_WHY_SIZE - 1) || (got < 0 && errno == EINTR));
	why[n] = '\0';
}

enum err
store_env_fits(struct str url, char why[STORE_WHY_SIZE])
{
	int fd[2], status = 0;
	enum err e;
	pid_t pid;

	why[0] = '\0';
	if (pipe(fd) != 0)
		return ERR_IO;
	pid = fork();
	if (pid == 0) {
		e = ask(url, why);
		(void)!write(fd[1], why, strlen(why));
		_exit((int)e);
	}
	(void)close(fd[1]);
	if (pid > 0)
		read_all(fd[0], why);
	(void)close(fd[0]);
	if (pid < 0)
		return ERR_IO;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) < ERR__MAX
		   ? (enum err)WEXITSTATUS(status)
		   : ERR_IO;
}
