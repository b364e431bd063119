#include "sys/notify.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "base/str.h"

static int fd = -1;
static struct sockaddr_un to;
static socklen_t to_len;

enum err
notify_open(const char *address)
{
	size_t n;

	notify_close();
	if (!address)
		return ERR_OK;
	n = strlen(address);
	if (n < 2 || n >= sizeof(to.sun_path) ||
	    (address[0] != '/' && address[0] != '@'))
		return ERR_SYNTAX;
	to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to.sun_path, address, n);
	if (address[0] == '@')
		to.sun_path[0] = '\0';
	to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? ERR_IO : ERR_OK;
}

void
notify_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

/* A manager that does not listen is no reason to wait or to fail. */
static void
say(const char *text)
{
	if (fd < 0)
		return;
	(void)(sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&to, to_len) < 0);
}

void
notify_ready(void)
{
	say("READY=1");
}

void
notify_reloading(void)
{
	char text[64];

	/* Type=notify-reload wants the time as well. */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)clock_mono());
	say(text);
}

void
notify_stopping(void)
{
	say("STOPPING=1");
}

void
notify_watchdog(void)
{
	say("WATCHDOG=1");
}

usec_t
notify_watchdog_every(const char *watchdog_usec, const char *pid)
{
	int64_t usec, p;

	if (!watchdog_usec ||
	    num_parse_i64(str_z(watchdog_usec), &usec) != ERR_OK || usec <= 0)
		return 0;
	if (pid && (num_parse_i64(str_z(pid), &p) != ERR_OK || p != getpid()))
		return 0;
	return usec / 2;
}
