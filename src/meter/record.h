#ifndef METER_RECORD_H
#define METER_RECORD_H
/*
 * The decision record of a request: what was asked, what was decided, what it
 * took. flow fills it; the request log, the metrics and (later) the console
 * show it as it is. Spans are borrowed and valid while the request lives. No
 * prompt text and no secret has a place in it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "api/msg.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/str.h"
#include "conf/conf.h"

#define METER_ATTEMPTS_MAX 16 /* more are counted, not kept */

struct meter_attempt {
	const struct conf_target *target;
	usec_t started; /* since the request's begin */
	usec_t connected; /* since the attempt's start; -1 unknown */
	usec_t first_byte; /* since the attempt's start; -1 none */
	usec_t total;
	int status; /* upstream's; 0 none */
	enum msg_fail_class fail; /* MSG_FAIL_NONE: it answered */
	const char *end; /* upstream_end_word; static */
	bool reused; /* connection */
	bool is_probe; /* of a half-open breaker */
	const char *why; /* this target: route_plan_why; static, may be NULL */
	struct str key; /* which, where the provider has several */
	int used_percent; /* of the target's limits, as known before */
	usec_t slowed; /* waited before it, to stay below a limit */
	bool is_used; /* it told tokens */
	bool is_priced; /* and they have a price: */
	nanousd_t cost;
};

enum meter_outcome {
	METER_OK,
	METER_CLIENT_ERROR, /* 4xx of ours */
	METER_UPSTREAM_ERROR,
	METER_ABORTED, /* the client left */
	METER_INTERNAL,
	METER_OUTCOME__MAX
};
/* "ok", "client_error" ... (reqlog.c) */
extern const char *const meter_outcome_words[METER_OUTCOME__MAX];

struct meter_record {
	usec_t wall; /* when it began */
	struct str request_id;
	struct str client; /* key's or user's name; absent: unknown */
	const char *refusal; /* why he is refused: static; NULL: he is not */
	/* of a key that is refused, what is no secret of it; absent: unknown */
	struct str credential;
	struct str reason; /* x-llmgw-reason: why he asks, as told */
	struct str client_id; /* /v1/chat client_id: as told, not checked */
	struct str client_request_id; /* /v1/chat metadata.request_id */
	struct str remote_addr;
	const char *surface; /* "chat.completions", "chat", "models" ... */
	struct str alias; /* what was asked for */
	const struct conf_target *target; /* who answered last; may be NULL */
	bool stream;
	int status; /* to the client; 0: none was sent */
	enum meter_outcome outcome;
	struct str policy; /* that refused it; absent when none */
	struct str policy_shadow; /* those that would have: "a,b" */
	const struct conf_policy *const *shadows; /* the same */
	uint32_t n_shadows;
	enum msg_fail_class fail;
	struct str error; /* message; absent when none */
	/* why the last transfer failed, in its own words; absent when none */
	struct str detail;
	struct meter_attempt attempts[METER_ATTEMPTS_MAX];
	uint32_t n_attempts; /* all of them */
	usec_t overhead; /* own time before the first upstream byte was sent */
	usec_t first_byte; /* first content to the client; -1 none */
	usec_t total;
	struct msg_usage usage;
	/* of the attempts that have a price; has_cost: there is one */
	nanousd_t cost;
	bool has_cost;
	bool has_unpriced; /* an attempt used tokens without a price */
	int64_t price_version; /* of the last with a price (meter/price.h) */
	uint64_t bytes_in; /* client's body */
	uint64_t bytes_out;
	const char *cache; /* "bypass" until there is a cache */
	struct str limit; /* that refused it; absent: none */
	struct str limit_shadow; /* that would have; absent: none */
	struct str dropped; /* x-llmgw-dropped; absent when none */
};

#endif
