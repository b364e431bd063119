#ifndef TESTS_UNIT_MEMCACHED_SERVER_H
#define TESTS_UNIT_MEMCACHED_SERVER_H
/* A memcached of a test's own, on a unix socket in a folder of its own. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct memcached_server {
	char folder[64];
	char path[80]; /* of the socket */
	char name[96]; /* "unix:/PATH" */
	pid_t pid; /* 0: not running */
};

static inline bool
memcached_server_answers(const struct memcached_server *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char answer[64] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
	     write(fd, "version\r\n", 9) == 9 &&
	     read(fd, answer, sizeof(answer) - 1) > 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static inline void
memcached_server_start(struct memcached_server *s)
{
	int tries = 0;

	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		/* A test that dies leaves nothing behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("memcached", "memcached", "-s", s->path, "-t", "1", "-m",
		    "16", geteuid() == 0 ? "-u" : (char *)NULL, "root",
		    (char *)NULL);
		_exit(127);
	}
	while (!memcached_server_answers(s)) {
		assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
		assert_true(tries++ < 3000);
		poll(NULL, 0, 10);
	}
}

static inline void
memcached_server_init(struct memcached_server *s)
{
	*s = (struct memcached_server){ 0 };
	snprintf(s->folder, sizeof(s->folder), "/tmp/llmgw-memcached-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/s", s->folder);
	snprintf(s->name, sizeof(s->name), "unix:%s", s->path);
	memcached_server_start(s);
}

static inline void
memcached_server_stop(struct memcached_server *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
	s->pid = 0;
	unlink(s->path);
}

static inline void
memcached_server_fini(struct memcached_server *s)
{
	memcached_server_stop(s);
	rmdir(s->folder);
}

static inline void
memcached_server_flush(const struct memcached_server *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char answer[16] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(write(fd, "flush_all\r\n", 11), 11);
	assert_true(read(fd, answer, sizeof(answer) - 1) > 0);
	close(fd);
}

#endif
