/* llmgwctl config */
#include "cmd/ctl.h"

static int
printed(struct ctl *c, enum err (*print)(FILE *to))
{
	enum err e = print(stdout);

	if (e != ERR_OK)
		return ctl_fail(c, "%s", err_word(e));
	return ctl_flushed(CTL_OK);
}

static int
run_schema(struct ctl *c)
{
	return printed(c, conf_schema_print);
}

static int
run_sample(struct ctl *c)
{
	return printed(c, conf_sample_print);
}

static int
run_man(struct ctl *c)
{
	return printed(c, conf_man_print);
}

const struct ctl_command ctl_config_commands[] = {
	{ .group = "config",
	    .verb = "schema",
	    .operands = "",
	    .flags = CTL_RAW,
	    .help = "print a JSON schema of the configuration",
	    .more = "Draft 2020-12, for editors.",
	    .run = run_schema },
	{ .group = "config",
	    .verb = "sample",
	    .operands = "",
	    .flags = CTL_RAW,
	    .help = "print a commented sample of the configuration",
	    .more = "Every option with its meaning, range and default.",
	    .run = run_sample },
	{ .group = "config",
	    .verb = "man",
	    .operands = "",
	    .flags = CTL_RAW,
	    .help = "print the options as a part of a manual page",
	    .more = "As llmgw.yaml(5) has them.",
	    .run = run_man },
	{ 0 },
};
