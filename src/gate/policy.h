#ifndef GATE_POLICY_H
#define GATE_POLICY_H
/*
 * Policies: what may be asked at all, whoever pays. Pure decisions over the
 * snapshot and the canonical request, before any limit is asked.
 *
 * Every policy whose `for:` matches counts; the first in the order of the file
 * that is broken refuses, and its name is in the message. In mode shadow a
 * policy refuses nothing: its name is told for the log and the counters.
 *
 * STATUS. What a policy forbids is 403 (MSG_FAIL_POLICY); what it demands and
 * the request lacks (client_id, metadata) is 400 (MSG_FAIL_POLICY_FIELD),
 * since another request of the same client may do. Both have the code
 * policy_violation, fail->param where one member is at fault, and are not tried
 * again by the SDKs (field.md 4.1).
 *
 * PROMPT. Bytes are those of messages and tools as the client wrote them.
 *
 * OUTPUT. max_output_tokens bounds the answer also of a request that names no
 * maximum: it gets the policy's. A larger one is refused or, with clamp,
 * lowered; the least of all policies counts.
 *
 * RESIDENCY. A target must have one of the tags, its own or its provider's, of
 * each residency rule. The alias's targets that have not are for the caller to
 * leave out (gate_policy_target); the policy that leaves none refuses.
 */
#include <stdbool.h>
#include <stdint.h>

#include "api/msg.h"
#include "base/arena.h"
#include "conf/conf.h"

/* Who asks, in names; absent spans and empty lists where there is none. */
struct gate_policy_who {
	struct str key;
	struct str tenant;
	struct str user;
	const struct str *teams;
	uint32_t n_teams;
	const struct str *roles;
	uint32_t n_roles;
	struct str residency; /* the tenant's own: tags, blanks between */
	int64_t prompt_tokens; /* of this request, estimated */
	usec_t wall; /* now, for hours */
};

/* Tags of which a target needs one. */
struct gate_policy_tags {
	const struct str *tag;
	uint32_t n;
};

#define GATE_POLICY_RESIDENCE_MAX 32

struct gate_policy_result {
	/* The policy that refused: a name of the snapshot, or absent. */
	struct str refused;
	/* Those in shadow mode that would have: "a,b"; absent when none. */
	struct str shadow;
	const struct conf_policy **shadows;
	uint32_t n_shadows;
	/*
	 * 0: leave it. Else the output's new maximum, by this policy;
	 * was_asked: the client had asked for more.
	 */
	int64_t max_output_tokens;
	struct str max_output_by;
	bool was_asked;
	struct gate_policy_tags residence[GATE_POLICY_RESIDENCE_MAX];
	uint32_t n_residence;
};

/*
 * model: the alias that is asked for. What result points to lies in the
 * arena and the snapshot. ERR_OK; ERR_DENIED with result->refused and *fail;
 * ERR_NOMEM with *fail. Does not change msg.
 */
MUST_CHECK enum err gate_policy_decide(const struct conf *conf,
    const struct conf_model *model, const struct msg_request *msg,
    const struct gate_policy_who *who, struct arena *arena,
    struct gate_policy_result *result, struct msg_fail *fail);

/* May the request go there? */
bool gate_policy_target(
    const struct gate_policy_result *result, const struct conf_target *t);

#endif
