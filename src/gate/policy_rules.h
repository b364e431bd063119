#ifndef GATE_POLICY_RULES_H
#define GATE_POLICY_RULES_H
/*
 * What policies say, for gate/policy.c, which knows which of them count.
 * Private to both.
 */
#include "gate/policy.h"

/* What is being decided. */
struct gate_policy_ask {
	const struct conf_policy *policy; /* the one that is looked at */
	const struct conf_model *model;
	const struct msg_request *msg;
	const struct gate_policy_who *who;
	struct arena *arena;
	struct gate_policy_result *result;
	struct msg_fail *fail;
};

/* Does one of n globs match the name? Without globs all do, absent ones too. */
bool gate_policy_matches(const struct str *globs, uint32_t n, struct str name);

/* param: the member at fault, or absent. Always false: "may not". */
bool gate_policy_refuse(struct gate_policy_ask *a, enum msg_fail_class class,
    struct str param, const char *fmt, ...) PRINTF_LIKE(4, 5);

/*
 * Does the request keep what a->policy says of it, residency left out? False:
 * the first rule that is broken has refused. What lowers the output is in the
 * result.
 */
bool gate_policy_keeps_rules(struct gate_policy_ask *a);

#endif
