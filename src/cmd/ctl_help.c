/* llmgwctl help, version, man: made from the tables. */
#include "cmd/ctl.h"

#include <ctype.h>

#include "config.h"

#include "cmd/ctl_int.h"

/* ---- help ---------------------------------------------------------------- */

static bool
has_options(const struct ctl_command *c)
{
	return c->options != NULL && c->options->name != NULL;
}

/* Its line: "llmgwctl key create [OPTIONS] NAME". */
static void
print_line(const struct ctl_command *c, FILE *to)
{
	(void)fprintf(to, "llmgwctl %s%s%s%s%s%s", c->group,
	    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
	    has_options(c) ? " [OPTIONS]" : "",
	    c->operands[0] != '\0' ? " " : "", c->operands);
}

/* All commands, one line each; group: only its. false: there is none. */
static bool
print_lines(const char *group, FILE *to)
{
	bool is_any = false;

	for (const struct ctl_group *g = ctl_groups; g->commands; g++) {
		const struct ctl_command *c = g->commands;

		for (; c->group != NULL; c++) {
			if (group != NULL && strcmp(group, c->group) != 0)
				continue;
			is_any = true;
			(void)fputs("  ", to);
			print_line(c, to);
			(void)fprintf(to, "\n        %s\n", c->help);
		}
	}
	return is_any;
}

void
ctl_print_group_words(FILE *to)
{
	for (const struct ctl_group *g = ctl_groups; g->commands; g++) {
		const struct ctl_command *k = g->commands;
		const char *last = "";

		for (; k->group != NULL; last = k->group, k++)
			if (strcmp(last, k->group) != 0)
				(void)fprintf(to, "%s ", k->group);
	}
}

/* Only the first words. */
static void
print_groups(FILE *to)
{
	(void)fputs("  llmgwctl GROUP [VERB] [OPTIONS] [OPERANDS]\n"
		    "        where GROUP is one of: ",
	    to);
	ctl_print_group_words(to);
	(void)fputs("\n  llmgwctl help [GROUP [VERB]]\n", to);
}

void
ctl_print_help(const struct ctl_command *c, FILE *to)
{
	static const struct opt_row none[] = { { 0 } };
	char synopsis[256];

	(void)snprintf(synopsis, sizeof(synopsis), "%s%s%s [OPTIONS] %s",
	    c->group, c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb : "", c->operands);
	opt_help(
	    c->options != NULL ? c->options : none, "llmgwctl", synopsis, to);
	opt_help(ctl_common_options, "llmgwctl", "... of all commands:", to);
}

int
ctl_usage(const struct ctl *c)
{
	(void)fputs("usage: ", stderr);
	print_line(c->command, stderr);
	(void)fputs("\n       --help tells the options\n", stderr);
	return CTL_USAGE;
}

static bool
group_known(const char *group)
{
	for (const struct ctl_group *g = ctl_groups; g->commands; g++)
		for (const struct ctl_command *k = g->commands; k->group; k++)
			if (group != NULL && strcmp(group, k->group) == 0)
				return true;
	return false;
}

int
ctl_bad_operands(struct ctl *c)
{
	const struct ctl_command *k = c->command;

	if (c->n_operands < k->min)
		(void)ctl_fail(c, "%s%s%s needs %s; %u of %u words given",
		    k->group, k->verb != NULL ? " " : "",
		    k->verb != NULL ? k->verb : "", k->operands, c->n_operands,
		    k->min);
	else
		(void)ctl_fail(
		    c, "'%s' is one word too many", c->operands[k->max]);
	return ctl_usage(c);
}

int
ctl_no_command(const char *group, const char *verb)
{
	bool is_help = verb != NULL &&
		       (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0);
	bool is_group = group_known(group);
	FILE *to = is_group && is_help ? stdout : stderr;

	if (is_group && verb != NULL && !is_help)
		(void)fprintf(
		    to, "llmgwctl: %s has no command '%s'\n", group, verb);
	else if (!is_group && group != NULL && group[0] == '-')
		(void)fprintf(to,
		    "llmgwctl: '%s': options stand after the command\n", group);
	else if (!is_group && group != NULL)
		(void)fprintf(to, "llmgwctl: no command '%s'\n", group);
	(void)fputs("usage:\n", to);
	if (!print_lines(group, to))
		print_groups(to);
	return to == stdout ? ctl_flushed(CTL_OK) : CTL_USAGE;
}

/* For programs that walk the commands; verb: NULL, or only this one. */
static int
list_commands(struct ctl *c, const char *group, const char *verb)
{
	static const char *const columns[] = { "group", "verb", "operands",
		"help", "needs_store", "is_change", "options", NULL };
	char options[1024];

	ctl_list_begin(c, columns);
	for (const struct ctl_group *g = ctl_groups; g->commands; g++) {
		for (const struct ctl_command *k = g->commands; k->group; k++) {
			size_t n = 0;

			if (group != NULL && strcmp(group, k->group) != 0)
				continue;
			if (verb != NULL && k->verb != NULL &&
			    strcmp(verb, k->verb) != 0)
				continue;
			for (const struct opt_row *r = k->options;
			     r != NULL && r->name != NULL &&
			     n < sizeof(options);
			     r++)
				n += (size_t)snprintf(options + n,
				    sizeof(options) - n, "%s ", r->name);
			ASSERT(n < sizeof(options));
			ctl_put_text(c, str_z(k->group));
			ctl_put_text(c, str_z(k->verb));
			ctl_put_text(c, str_z(k->operands));
			ctl_put_text(c, str_z(k->help));
			ctl_put_bool(c, (k->flags & CTL_STORE) != 0);
			ctl_put_bool(c, (k->flags & CTL_CHANGES) != 0);
			ctl_put_words(c, str_of(options, n));
		}
	}
	return ctl_list_end(c);
}

static int
run_help(struct ctl *c)
{
	const char *group = c->n_operands > 0 ? c->operands[0] : NULL;
	const char *verb = c->n_operands > 1 ? c->operands[1] : NULL;
	const struct ctl_command *command = ctl_find(group, verb);

	if (c->is_json && (command != NULL ||
			      (verb == NULL && (!group || group_known(group)))))
		return list_commands(c, group, verb);
	if (command != NULL && (verb != NULL || command->verb == NULL)) {
		ctl_print_help(command, stdout);
		return ctl_flushed(CTL_OK);
	}
	if (verb != NULL || (group != NULL && !group_known(group)))
		return ctl_no_command(group, verb);
	(void)printf("usage:\n");
	if (!print_lines(group, stdout))
		return ctl_usage(c);
	(void)printf("\nEach command tells its options with --help. The "
		     "configuration is\n%s when no FILE is given.\n",
	    c->config_file);
	return ctl_flushed(CTL_OK);
}

static int
run_version(struct ctl *c)
{
	static const char *const columns[] = { "version", NULL };

	ctl_record_begin(c, columns);
	ctl_put_text(c, STR(PACKAGE_VERSION));
	return ctl_done(c, "llmgwctl %s", PACKAGE_VERSION);
}

/* ---- the manual ---------------------------------------------------------- */

/*
 * mdoc text: no line begins with a dot or a quote, a sentence ends its line,
 * and a backslash or a hyphen of an option is what it is.
 */
static void
man_text(const char *text)
{
	bool is_start = true;

	for (const char *p = text; *p != '\0'; p++) {
		if (is_start && (*p == '.' || *p == '\''))
			(void)fputs("\\&", stdout);
		is_start = false;
		if (*p == '\\') {
			(void)fputs("\\e", stdout);
		} else if (*p == '-') {
			(void)fputs("\\-", stdout);
		} else if (*p == ' ' && p > text &&
			   (p[-1] == '.' || p[-1] == ':') &&
			   isupper((unsigned char)p[1])) {
			(void)fputc('\n', stdout);
			is_start = true;
		} else {
			(void)fputc(*p, stdout);
		}
	}
	(void)fputc('\n', stdout);
}

static void
man_option(const struct opt_row *r)
{
	(void)printf(".It Fl \\-%s", r->name);
	if (r->letter != 0)
		(void)printf(" , Fl %c", r->letter);
	if (r->arg != NULL)
		(void)printf(" Ar %s", r->arg);
	(void)fputc('\n', stdout);
	man_text(r->help);
	if (r->type != OPT_WORD)
		return;
	(void)fputs("One of:", stdout);
	for (int i = 0; r->words[i] != NULL; i++)
		(void)printf("%s %s", i > 0 ? "," : "", r->words[i]);
	(void)fputs(".\n", stdout);
}

static void
man_options(const struct opt_row *r)
{
	if (r == NULL || r->name == NULL)
		return;
	(void)fputs(".Bl -tag -width Ds\n", stdout);
	for (; r->name != NULL; r++)
		man_option(r);
	(void)fputs(".El\n", stdout);
}

static void
man_command(const struct ctl_command *c)
{
	(void)printf(".It Cm %s%s%s", c->group, c->verb != NULL ? " " : "",
	    c->verb != NULL ? c->verb : "");
	if (c->operands[0] != '\0')
		(void)printf(" Ar %s", c->operands);
	(void)fputc('\n', stdout);
	/* "make a key" becomes the sentence "Make a key." */
	(void)fputc(toupper((unsigned char)c->help[0]), stdout);
	(void)printf("%s.\n", c->help + 1);
	if (c->more != NULL)
		man_text(c->more);
	man_options(c->options);
}

static int
run_man(struct ctl *c)
{
	(void)c;
	(void)fputs(".Sh OPTIONS\nEach command takes these:\n", stdout);
	man_options(ctl_common_options);
	(void)fputs(".Sh COMMANDS\n.Bl -tag -width Ds\n", stdout);
	for (const struct ctl_group *g = ctl_groups; g->commands; g++)
		for (const struct ctl_command *k = g->commands; k->group; k++)
			man_command(k);
	(void)fputs(".El\n", stdout);
	return ctl_flushed(CTL_OK);
}

const struct ctl_command ctl_help_commands[] = {
	{ .group = "help",
	    .operands = "[GROUP [VERB]]",
	    .max = 2,
	    .help = "list the commands, those of a group, or the options of "
		    "one",
	    .run = run_help },
	{ .group = "completion",
	    .operands = "SHELL",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_RAW,
	    .words = "bash",
	    .help = "print what makes a shell complete commands and options",
	    .more = "SHELL is bash; for the file "
		    "/usr/share/bash-completion/completions/llmgwctl.",
	    .run = ctl_completion },
	{ .group = "man",
	    .operands = "",
	    .flags = CTL_RAW,
	    .help = "print the options and commands as a part of this manual "
		    "page",
	    .run = run_man },
	{ .group = "version",
	    .operands = "",
	    .help = "print the version",
	    .run = run_version },
	{ 0 },
};
