#ifndef CMD_CTL_USAGE_H
#define CMD_CTL_USAGE_H
/* The commands of llmgwctl usage, each in its file: the exit status. */
#include "cmd/ctl.h"

#define CTL_DAY_USEC (86400 * USEC_PER_SEC)

struct ctl_days {
	int64_t from, to; /* since 1970 UTC, both included */
};

/* As the options have it; NULL: not given. */
struct ctl_usage_report {
	const char *by; /* words with commas between, never NULL */
	const char *tenant, *provider, *alias, *model;
	uint32_t top; /* rows */
	bool is_csv, is_totalled;
};

int ctl_usage_report(struct ctl *c, const struct ctl_usage_report *given,
    const struct ctl_days *d);

/* version: of the database's prices; 0: as they are now. */
int ctl_usage_recompute(
    struct ctl *c, const struct ctl_days *d, uint32_t version, bool is_writing);

#endif
