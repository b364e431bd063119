#ifndef CMD_CTL_INT_H
#define CMD_CTL_INT_H
/* What the frame of llmgwctl keeps to itself. */
#include "cmd/ctl.h"

#define CTL_COLUMNS_MAX 64
#define CTL_OPTIONS_MAX 63

#define CTL_DEFAULT_FILE SYSCONFDIR "/llmgw/llmgw.yaml"

/* What is wrong with the number of operands, then ctl_usage. */
int ctl_bad_operands(struct ctl *c);
/* There is no such command, or help is wanted on a group; the exit status. */
int ctl_no_command(const char *group, const char *verb);
/* The first words of all commands, with blanks between. */
void ctl_print_group_words(FILE *to);
/* llmgwctl completion. */
int ctl_completion(struct ctl *c);
/* The usage and the options of one. */
void ctl_print_help(const struct ctl_command *command, FILE *to);

#endif
