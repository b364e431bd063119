/* llmgwctl check */
#include "cmd/ctl.h"

#include "base/buf.h"

static void
print_json(const struct conf *c, const struct conf_problems *p)
{
	(void)printf("{\"ok\":%s", c != NULL ? "true" : "false");
	if (c != NULL)
		(void)printf(",\"providers\":%u,\"models\":%u,\"keys\":%u,"
			     "\"digest\":\"%s\"",
		    (unsigned)c->n_providers, (unsigned)c->n_models,
		    (unsigned)c->n_keys, c->digest);
	(void)printf(",\"problems\":");
	conf_problems_print_json(p, stdout);
	(void)printf("}\n");
}

static void
print_text(const struct conf *c, const struct conf_problems *p)
{
	conf_problems_print(p, stdout);
	if (c == NULL)
		return;
	(void)printf("OK: %u provider%s, %u model%s, %u key%s\n",
	    (unsigned)c->n_providers, c->n_providers == 1 ? "" : "s",
	    (unsigned)c->n_models, c->n_models == 1 ? "" : "s",
	    (unsigned)c->n_keys, c->n_keys == 1 ? "" : "s");
}

static int
run_check(struct ctl *c)
{
	const char *file = c->n_operands > 0 ? c->operands[0] : c->config_file;
	struct conf_problems problems;
	struct conf *conf = NULL;
	enum err e;

	conf_problems_init(&problems, c->arena);
	e = conf_load(file, &conf, &problems);
	if (c->is_json)
		print_json(conf, &problems);
	else
		print_text(conf, &problems);
	conf_unref(conf);
	return ctl_flushed(e == ERR_OK ? CTL_OK : CTL_FAILED);
}

const struct ctl_command ctl_check_commands[] = {
	{ .group = "check",
	    .operands = "[FILE]",
	    .max = 1,
	    .help = "tell everything that is wrong with a configuration",
	    .more = "Loads FILE (or that of --config) as the gateway would, "
		    "with the folder conf.d beside it, the environment "
		    "variables and the files that it refers to, and tells "
		    "every problem as \"file:line: path: what to change\". "
		    "Warnings do not make it fail. When all is well the last "
		    "line is \"OK: 2 providers, 3 models, 1 key\". With "
		    "--json one object is printed: ok, the three numbers, "
		    "digest (the same as in the health page of a gateway that "
		    "runs with these files) and problems, a list of objects "
		    "with file, line, path, what and warning.",
	    .run = run_check },
	{ 0 },
};
