#ifndef TESTS_UNIT_CTL_CONF_H
#define TESTS_UNIT_CTL_CONF_H
/* llmgwctl with the configuration of the test: llmgw.yaml in its folder. */
#include "ctl_run.h"

static inline int
run(const char *line)
{
	char all[1024];

	(void)snprintf(
	    all, sizeof(all), "%s --config %s", line, ctl_path("llmgw.yaml"));
	return ctl_run(all);
}

static inline void
ok(const char *line)
{
	int got = run(line);

	if (got != 0)
		fail_msg("%s: %d\n%.*s", line, got, STR_ARG(buf_str(&ctl_err)));
}

/* It fails and says so. */
static inline void
no(const char *line, const char *says)
{
	assert_int_equal(run(line), 1);
	assert_in(ctl_err, says);
}

#endif
