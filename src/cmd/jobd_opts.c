#include "cmd/jobd.h"

struct jobd_args jobd_args;

const struct opt_row jobd_opts[] = {
	{ .name = "config",
	    .letter = 'c',
	    .type = OPT_TEXT,
	    .value = &jobd_args.config,
	    .arg = "FILE",
	    .help = "The configuration; conf.d beside it is read as well. "
		    "Default: the environment variable LLMGW_CONFIG, "
		    "else " SYSCONFDIR "/llmgw/llmgw.yaml." },
	{ .name = "once",
	    .letter = '1',
	    .type = OPT_FLAG,
	    .value = &jobd_args.once,
	    .help = "Brings what lies in the spool to the database and ends; "
		    "1 when that is not possible." },
	{ .name = "foreground",
	    .letter = 'f',
	    .type = OPT_FLAG,
	    .value = &jobd_args.foreground,
	    .help = "Logs to standard error, whatever the configuration "
		    "says." },
	{ .name = "version",
	    .letter = 'V',
	    .type = OPT_FLAG,
	    .value = &jobd_args.version,
	    .help = "Prints the version and ends." },
	{ .name = "help",
	    .letter = 'h',
	    .type = OPT_FLAG,
	    .value = &jobd_args.help,
	    .help = "Prints this and ends." },
	{ 0 },
};
