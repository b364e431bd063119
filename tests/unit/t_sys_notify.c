#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/notify.h"

static char address[64];
static char got[512];

static int
listen_at(bool is_abstract)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address, sizeof(address), "%s/tmp/llmgw-notify-%d",
	    is_abstract ? "@" : "", (int)getpid());
	memcpy(un.sun_path, address, strlen(address));
	if (is_abstract)
		un.sun_path[0] = '\0';
	else
		unlink(address);
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&un,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			    strlen(address))),
	    0);
	return fd;
}

static const char *
next(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n >= 0);
	got[n] = '\0';
	return got;
}

static void
test_messages(void **state)
{
	(void)state;
	for (int is_abstract = 0; is_abstract < 2; is_abstract++) {
		int fd = listen_at(is_abstract);

		assert_int_equal(notify_open(address), ERR_OK);
		notify_ready();
		assert_string_equal(next(fd), "READY=1");
		notify_reloading();
		assert_true(str_starts(
		    str_z(next(fd)), STR("RELOADING=1\nMONOTONIC_USEC=")));
		notify_watchdog();
		assert_string_equal(next(fd), "WATCHDOG=1");
		notify_stopping();
		assert_string_equal(next(fd), "STOPPING=1");
		close(fd);
		/* nobody listens: nothing happens */
		notify_ready();
		notify_close();
		if (!is_abstract)
			unlink(address);
	}
	notify_ready();
}

static void
test_addresses(void **state)
{
	char longer[200];

	(void)state;
	assert_int_equal(notify_open(NULL), ERR_OK);
	assert_int_equal(notify_open(""), ERR_SYNTAX);
	assert_int_equal(notify_open("relative"), ERR_SYNTAX);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(notify_open(longer), ERR_SYNTAX);
}

static void
test_watchdog(void **state)
{
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_int_equal(notify_watchdog_every("30000000", NULL), 15000000);
	assert_int_equal(notify_watchdog_every("30000000", pid), 15000000);
	assert_int_equal(notify_watchdog_every("30000000", "1"), 0);
	assert_int_equal(notify_watchdog_every("soon", NULL), 0);
	assert_int_equal(notify_watchdog_every(NULL, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests_name("sys/notify", tests, NULL, NULL);
}
