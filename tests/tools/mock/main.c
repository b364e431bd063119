#include "mock.h"

#include <getopt.h>
#include <stdio.h>

#include "base/num.h"

#define LAST_MAX 65536

struct mock_options mock_options = { .last_max = 256 };

static const char usage[] =
    "Usage: mockprov [options]\n"
    "A provider of language models that is none, for tests and demos.\n"
    "  --listen ADDR      127.0.0.1:PORT or unix:PATH (127.0.0.1:0)\n"
    "  --port-file FILE   write the port there when ready\n"
    "  --key KEY          refuse requests without this key\n"
    "  --last N           requests kept for /_mock/last (256)\n"
    "  --fast             do not check requests as a maker would\n"
    "  --help\n"
    "Behaviour by model name and the control interface: "
    "tests/tools/README.md\n";

static bool
write_port(const char *path, int port)
{
	FILE *f = fopen(path, "we");

	if (!f) {
		perror(path);
		return false;
	}
	fprintf(f, "%d\n", port);
	return fclose(f) == 0;
}

static bool
set_last(const char *text)
{
	uint64_t n;

	if (num_parse_u64(str_z(text), &n) != ERR_OK || n > LAST_MAX) {
		fprintf(stderr, "--last: 0 to %d\n", LAST_MAX);
		return false;
	}
	mock_options.last_max = (size_t)n;
	return true;
}

static int
serve(const char *address, const char *port_file)
{
	int port = 0;

	if (!ev_init() || !mock_conn_listen(address, &port))
		return 1;
	if (port_file && !write_port(port_file, port))
		return 1;
	if (port)
		printf("listening 127.0.0.1:%d\n", port);
	else
		printf("listening %s\n", address);
	fflush(stdout);
	ev_run();
	mock_conn_close_all();
	ev_reap();
	mock_stats_reset();
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "port-file", required_argument, NULL, 'p' },
		{ "key", required_argument, NULL, 'k' },
		{ "last", required_argument, NULL, 'n' },
		{ "fast", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *address = "127.0.0.1:0", *port_file = NULL;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'l':
			address = optarg;
			break;
		case 'p':
			port_file = optarg;
			break;
		case 'k':
			mock_options.key = optarg;
			break;
		case 'n':
			if (!set_last(optarg))
				return 2;
			break;
		case 'f':
			mock_options.is_fast = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	return serve(address, port_file);
}
