#include "cmd/fcgi.h"

struct fcgi_args fcgi_args;

/* In the order of enum fcgi_door. */
static const char *const doors[] = { "auto", "event", "libfcgi", NULL };

const struct opt_row fcgi_opts[] = {
	{ .name = "config",
	    .letter = 'c',
	    .type = OPT_TEXT,
	    .value = &fcgi_args.config,
	    .arg = "FILE",
	    .help = "The configuration; conf.d beside it is read as well. "
		    "Default: the environment variable LLMGW_CONFIG, "
		    "else " SYSCONFDIR "/llmgw/llmgw.yaml." },
	{ .name = "listen",
	    .letter = 'l',
	    .type = OPT_TEXT,
	    .value = &fcgi_args.listen,
	    .arg = "ADDRESS",
	    .help = "Opens this socket itself: unix:/PATH, "
		    "unix:/PATH,mode=0660 or 127.0.0.1:PORT. Default: a "
		    "socket from systemd (LISTEN_FDS), else the listening "
		    "socket that the web server left as standard input." },
	{ .name = "workers",
	    .letter = 'w',
	    .type = OPT_NUMBER,
	    .value = &fcgi_args.workers,
	    .arg = "N",
	    .min = 1,
	    .max = WORKER_MAX,
	    .help = "Worker processes. Default: server.workers of the "
		    "configuration, else one for each core." },
	{ .name = "door",
	    .type = OPT_WORD,
	    .value = &fcgi_args.door,
	    .arg = "DOOR",
	    .words = doors,
	    .help = "How requests come in. event: many at a time in each "
		    "worker. libfcgi: one at a time in this process, for "
		    "plain CGI and process managers that start one process "
		    "per request. auto: event where there is a listening "
		    "socket, else CGI." },
	{ .name = "foreground",
	    .letter = 'f',
	    .type = OPT_FLAG,
	    .value = &fcgi_args.foreground,
	    .help = "Logs to standard error, whatever the configuration "
		    "says." },
	{ .name = "version",
	    .letter = 'V',
	    .type = OPT_FLAG,
	    .value = &fcgi_args.version,
	    .help = "Prints the version and ends." },
	{ .name = "help",
	    .letter = 'h',
	    .type = OPT_FLAG,
	    .value = &fcgi_args.help,
	    .help = "Prints this and ends." },
	{ 0 },
};
