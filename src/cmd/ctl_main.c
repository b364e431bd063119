/* llmgwctl: finds the command, reads its options, runs it. */
#include "cmd/ctl.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/ctl_int.h"
#include "cmd/kinds.h"
#include "store/store.h"

/* Of a whole run: a list of 100 000 keys takes about 150 MB. */
#define RUN_ARENA_MAX ((size_t)1024 * 1024 * 1024)

static struct {
	const char *config_file;
	const char *store_url;
	const char *reason;
	const char *actor;
	bool is_json;
	bool is_help;
} common;

const struct opt_row ctl_common_options[] = {
	{ .name = "config",
	    .type = OPT_TEXT,
	    .value = &common.config_file,
	    .arg = "FILE",
	    .help = "The configuration, when it is not the package's own "
		    "(see FILES). Default: the environment variable "
		    "LLMGW_CONFIG, else the package's." },
	{ .name = "json",
	    .type = OPT_FLAG,
	    .value = &common.is_json,
	    .help = "Print one JSON value: an array for a list, an object "
		    "otherwise, also when it fails. What prints a file of a "
		    "form of its own (audit export, config, completion, man) "
		    "prints it all the same." },
	{ .name = "reason",
	    .type = OPT_TEXT,
	    .value = &common.reason,
	    .arg = "TEXT",
	    .help = "Why: it is kept in the audit with what is done." },
	{ .name = "actor",
	    .type = OPT_TEXT,
	    .value = &common.actor,
	    .arg = "WHO",
	    .help = "Who does it, for the audit; cli: and the name of the "
		    "login when it is not given." },
	{ .name = "store",
	    .type = OPT_TEXT,
	    .value = &common.store_url,
	    .arg = "URL",
	    .help = "The database instead of the one that the configuration "
		    "names: sqlite:///PATH or mariadb://USER@HOST/NAME. On "
		    "MariaDB the account of the gateway may look but not "
		    "change people, rules and prices; llmgw_console may, but "
		    "not what the ledger has (usage recompute), which the "
		    "gateway's may (roles.sql)." },
	{ .name = "help",
	    .letter = 'h',
	    .type = OPT_FLAG,
	    .value = &common.is_help,
	    .help = "Print how the command is called and its options." },
	{ 0 },
};

const struct ctl_command *
ctl_find(const char *group, const char *verb)
{
	for (const struct ctl_group *g = ctl_groups; g->commands; g++) {
		const struct ctl_command *c = g->commands;

		for (; c->group != NULL; c++) {
			if (group == NULL || strcmp(group, c->group) != 0)
				continue;
			if (c->verb == NULL ||
			    (verb != NULL && strcmp(verb, c->verb) == 0))
				return c;
		}
	}
	return NULL;
}

struct str
ctl_operand(const struct ctl *c, unsigned i)
{
	return i < c->n_operands ? str_z(c->operands[i]) : (struct str){ 0 };
}

/* Its own options, then those of all. */
static void
join_options(
    const struct ctl_command *command, struct opt_row rows[CTL_OPTIONS_MAX + 1])
{
	const struct opt_row *parts[] = { command->options,
		ctl_common_options };
	size_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		for (const struct opt_row *r = parts[i]; r && r->name; r++) {
			ASSERT(n < CTL_OPTIONS_MAX);
			rows[n++] = *r;
		}
	}
	rows[n] = (struct opt_row){ 0 };
}

/* Who sits there; sudo keeps who asked. */
static struct str
login_name(struct arena *a)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *p = getpwuid(getuid());

	if (sudo != NULL && sudo[0] != '\0')
		return arena_printf(a, "cli:%.64s", sudo);
	if (p != NULL)
		return arena_printf(a, "cli:%.64s", p->pw_name);
	return arena_printf(a, "cli:%u", (unsigned)getuid());
}

static int
load_conf(struct ctl *c)
{
	struct conf_problems problems;

	conf_problems_init(&problems, c->arena);
	if (conf_load(c->config_file, &c->conf, &problems) == ERR_OK)
		return CTL_OK;
	conf_problems_print(&problems, stderr);
	return ctl_fail(c, "%s is not in order", c->config_file);
}

static int
run_with(struct ctl *c)
{
	const struct ctl_command *command = c->command;
	int status = CTL_OK;

	c->actor =
	    common.actor != NULL ? str_z(common.actor) : login_name(c->arena);
	c->reason = common.reason != NULL ? str_z(common.reason) : STR("");
	if (!str_present(c->actor))
		return ctl_nomem(c);
	if (command->flags & CTL_CONF)
		status = load_conf(c);
	if (status == CTL_OK && (command->flags & CTL_STORE))
		status = ctl_store_open(c);
	if (status == CTL_OK)
		status = command->run(c);
	store_close(c->store);
	conf_unref(c->conf);
	return status;
}

/* As llmgw-fcgi and llmgw-jobd find theirs. */
static const char *
config_file(void)
{
	const char *env = getenv("LLMGW_CONFIG");

	if (common.config_file != NULL)
		return common.config_file;
	return env != NULL && env[0] != '\0' ? env : CTL_DEFAULT_FILE;
}

/* argv[0] is the last of the command's words. */
static int
run(const struct ctl_command *command, int argc, char **argv)
{
	struct opt_row rows[CTL_OPTIONS_MAX + 1];
	static char program[] = "llmgwctl";
	struct ctl c = { .command = command };
	int rest, status;

	join_options(command, rows);
	argv[0] = program;
	if (opt_parse(rows, argc, argv, stderr, &rest) != ERR_OK)
		return ctl_usage(&c);
	if (common.is_help) {
		ctl_print_help(command, stdout);
		return ctl_flushed(CTL_OK);
	}
	c.n_operands = (unsigned)(argc - rest);
	c.operands = argv + rest;
	c.is_json = common.is_json;
	c.config_file = config_file();
	c.store_option = common.store_url;
	if (c.n_operands < command->min || c.n_operands > command->max)
		return ctl_bad_operands(&c);
	c.arena = arena_new(RUN_ARENA_MAX);
	status = c.arena != NULL ? run_with(&c) : ctl_nomem(&c);
	arena_free(c.arena);
	return status;
}

int
main(int argc, char **argv)
{
	const char *group = argc > 1 ? argv[1] : NULL;
	const struct ctl_command *command;
	int words;

	if (group != NULL &&
	    (strcmp(group, "--help") == 0 || strcmp(group, "-h") == 0))
		group = "help";
	else if (group != NULL && strcmp(group, "--version") == 0)
		group = "version";
	command = ctl_find(group, argc > 2 ? argv[2] : NULL);
	if (command == NULL)
		return ctl_no_command(group, argc > 2 ? argv[2] : NULL);
	words = command->verb != NULL ? 2 : 1;
	kinds_install();
	return run(command, argc - words, argv + words);
}
