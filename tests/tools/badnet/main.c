#include "badnet.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "ev.h"

#define LINE_MAX_BYTES 4096

static const char usage[] =
    "Usage: badnet --listen ADDR --to ADDR [--control unix:PATH]\n"
    "              [--rule \"up|down|both NAME=VALUE...\"]...\n"
    "ADDR is 127.0.0.1:PORT or unix:PATH; port 0 takes any, printed when\n"
    "ready. The control socket takes one command a line and answers each:\n"
    "  up|down|both latency=MS rate=BYTES/S slice=BYTES gap=MS\n"
    "      drop_after=BYTES reset_after=BYTES halfclose=BYTES\n"
    "      blackhole=BYTES corrupt=N | NAME=off | clear\n"
    "  door normal|reset|hang      what new connections meet\n"
    "  break drop|reset            ends the connections that are open\n"
    "  stats\n";

/* --- the control socket -------------------------------------------------- */

struct control {
	struct ev_fd io;
	struct control *next; /* all that are open */
	struct buf in;
};

static void
say_stats(struct buf *out)
{
	const struct badnet_counts *c = &badnet_counts;

	buf_printf(out,
	    "accepted=%lld open=%lld refused=%lld dropped=%lld reset=%lld "
	    "up=%lld down=%lld\n",
	    (long long)c->accepted, (long long)c->open, (long long)c->refused,
	    (long long)c->dropped, (long long)c->reset,
	    (long long)c->bytes[DIR_UP], (long long)c->bytes[DIR_DOWN]);
}

static bool
obey(struct str line)
{
	if (str_eqz(line, "door normal") || str_eqz(line, "door reset") ||
	    str_eqz(line, "door hang")) {
		badnet_door = line.p[5];
		return true;
	}
	if (str_eqz(line, "break drop") || str_eqz(line, "break reset")) {
		badnet_link_break_all(line.p[6] == 'r');
		return true;
	}
	return badnet_rules_set(line);
}

static struct control *open_controls;

static void
control_close(struct control *c)
{
	struct control **at = &open_controls;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	ev_close(&c->io);
	buf_fini(&c->in);
	ev_dispose(c);
}

static void
control_lines(struct control *c)
{
	struct buf out;

	buf_init(&out, LINE_MAX_BYTES * 4);
	for (;;) {
		size_t n = str_chr(buf_str(&c->in), '\n');
		struct str line;

		if (n == c->in.n)
			break;
		line = str_trim(str_of(c->in.p, n));
		if (str_eqz(line, "stats"))
			say_stats(&out);
		else
			buf_addz(&out, obey(line) ? "ok\n" : "error\n");
		buf_consume(&c->in, n + 1);
	}
	(void)send(c->io.fd, out.p, out.n, MSG_NOSIGNAL);
	buf_fini(&out);
}

static void
on_control(struct ev_fd *e, uint32_t ready)
{
	struct control *c = (struct control *)e;
	char *room = buf_room(&c->in, LINE_MAX_BYTES / 2);
	ssize_t n = room ? recv(e->fd, room, LINE_MAX_BYTES / 2, 0) : 0;

	(void)ready;
	if (n <= 0) {
		control_close(c);
		return;
	}
	c->in.n += (size_t)n;
	control_lines(c);
}

static void
on_control_accept(struct ev_fd *e, uint32_t ready)
{
	int fd = accept4(e->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control *c;

	(void)ready;
	if (fd < 0)
		return;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->io.fd = fd;
	c->io.on = on_control;
	buf_init(&c->in, LINE_MAX_BYTES);
	c->next = open_controls;
	open_controls = c;
	if (!ev_add(&c->io, EPOLLIN))
		control_close(c);
}

bool
badnet_control_listen(const char *address)
{
	static struct ev_fd door;

	door.fd = ev_listen(address);
	door.on = on_control_accept;
	return door.fd >= 0 && ev_add(&door, EPOLLIN);
}

/* --- start ---------------------------------------------------------------- */

static int
serve(const char *address, const char *to, const char *control)
{
	int port = 0;

	if (!address || !to) {
		fputs(usage, stderr);
		return 2;
	}
	if (!ev_init() || !badnet_link_listen(address, to, &port) ||
	    (control && !badnet_control_listen(control)))
		return 1;
	if (port)
		printf("listening 127.0.0.1:%d\n", port);
	else
		printf("listening %s\n", address);
	fflush(stdout);
	ev_run();
	badnet_link_break_all(false);
	while (open_controls)
		control_close(open_controls);
	ev_reap();
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "to", required_argument, NULL, 't' },
		{ "control", required_argument, NULL, 'c' },
		{ "rule", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *address = NULL, *to = NULL, *control = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'l':
			address = optarg;
			break;
		case 't':
			to = optarg;
			break;
		case 'c':
			control = optarg;
			break;
		case 'r':
			if (badnet_rules_set(str_z(optarg)))
				break;
			fprintf(stderr, "no such rule: %s\n", optarg);
			return 2;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	return serve(address, to, control);
}
