/* llmgwctl completion: what bash completes, made from the tables. */
#include "cmd/ctl.h"

#include "cmd/ctl_int.h"

static void
print_option_words(const struct opt_row *r)
{
	for (; r != NULL && r->name != NULL; r++)
		(void)printf(" --%s", r->name);
}

static void
print_verbs(const struct ctl_command *c)
{
	(void)printf("\t%s) words=\"", c->group);
	for (; c->group != NULL; c++)
		if (c->verb != NULL)
			(void)printf("%s ", c->verb);
	(void)printf("\" ;;\n");
}

/* "key create"; of a command of one word its own, then whatever follows. */
static void
print_pattern(const struct ctl_command *c)
{
	if (c->verb != NULL)
		(void)printf("\t'%s %s')", c->group, c->verb);
	else
		(void)printf("\t'%s '*)", c->group);
}

static void
print_options_of(const struct ctl_command *c)
{
	for (; c->group != NULL; c++) {
		print_pattern(c);
		(void)printf(" words=\"");
		print_option_words(c->options);
		print_option_words(ctl_common_options);
		(void)printf("\" ;;\n");
	}
}

/* Options that take one of some words. */
static void
print_values_of(const struct ctl_command *c)
{
	for (; c->group != NULL; c++) {
		for (const struct opt_row *r = c->options; r && r->name; r++) {
			if (r->type != OPT_WORD)
				continue;
			(void)printf("\t'%s %s --%s') words=\"", c->group,
			    c->verb != NULL ? c->verb : "", r->name);
			for (int i = 0; r->words[i] != NULL; i++)
				(void)printf("%s ", r->words[i]);
			(void)printf("\" ;;\n");
		}
	}
}

/* First operands of which there are only some. */
static void
print_operands_of(const struct ctl_command *c)
{
	for (; c->group != NULL; c++) {
		if (c->words == NULL)
			continue;
		(void)printf("\t'%s %s') words=\"%s\" ;;\n", c->group,
		    c->verb != NULL ? c->verb : c->group, c->words);
	}
}

static void
each_group(void (*print)(const struct ctl_command *))
{
	for (const struct ctl_group *g = ctl_groups; g->commands; g++)
		print(g->commands);
}

static void
print_verbs_of(const struct ctl_command *c)
{
	if (c->verb != NULL)
		print_verbs(c);
}

/*
 * In this order: groups, verbs (or what a command of one word takes), options,
 * what an option takes, first operands; where none of them fits, files.
 */
int
ctl_completion(struct ctl *c)
{
	if (strcmp(c->operands[0], "bash") != 0)
		return ctl_fail(c, "no completion for '%s'; there is: bash",
		    c->operands[0]);
	(void)printf("# llmgwctl completion bash >"
		     "/usr/share/bash-completion/completions/llmgwctl\n"
		     "_llmgwctl() {\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
		     "\tlocal group=${COMP_WORDS[1]-} verb=${COMP_WORDS[2]-}\n"
		     "\tlocal groups=\"");
	ctl_print_group_words(stdout);
	(void)printf("\"\n\tlocal last=${COMP_WORDS[COMP_CWORD-1]-}\n"
		     "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
		     "\t\twords=$groups\n"
		     "\telif [[ $cur == -* ]]; then\n"
		     "\tcase \"$group $verb\" in\n");
	each_group(print_options_of);
	(void)printf("\tesac\n\telse\n"
		     "\tif [ \"$COMP_CWORD\" = 2 ]; then\n"
		     "\tcase $group in\n"
		     "\thelp) words=$groups ;;\n");
	each_group(print_verbs_of);
	(void)printf("\tesac\n\tfi\n"
		     "\tcase \"$group $verb $last\" in\n");
	each_group(print_values_of);
	(void)printf("\tesac\n"
		     "\tcase \"$group $last\" in\n");
	each_group(print_operands_of);
	(void)printf("\tesac\n\tfi\n"
		     "\tmapfile -t COMPREPLY < "
		     "<(compgen -W \"$words\" -- \"$cur\")\n"
		     "\t[ ${#COMPREPLY[@]} != 0 ] || "
		     "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
		     "}\n"
		     "complete -o filenames -F _llmgwctl llmgwctl\n");
	return ctl_flushed(CTL_OK);
}
