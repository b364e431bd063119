#ifndef API_NORM_H
#define API_NORM_H
/*
 * The normaliser between a provider's events and the writers: makes of what
 * makers really send what msg.h promises (wire.md 5.3, rows of its section 10).
 *
 *	START once, right before the first content, and only then: until the
 *	sink has seen START nothing has happened, and another target may be
 *	tried (api_norm_reset). What came before content (ids, the maker's
 *	extras, usage) is kept and goes out with it.
 *	Calls: numbered from 0 per choice in order of their beginning, whatever
 *	keys the upstream uses; a known key with a new id (or, without ids, a
 *	new name) begins a new call; CALL_START once, with a name and an id
 *	(made if missing: "call_" + 24 characters); no arguments at the call's
 *	end become "{}"; what comes after complete arguments is dropped.
 *	Empty pieces are swallowed.
 *	FINISH: held until the end, then one per choice, by index. The first
 *	decisive value wins (stop is not decisive); stop becomes tool_calls when
 *	the choice has calls; tool_calls without a call becomes stop; arguments
 *	that are cut off make it length. Never stop over a cut.
 *	USAGE: once, after FINISH, field by field the last known; cached and
 *	written within prompt, reasoning within completion.
 *	END or FAIL: once, last. END from upstream without any FINISH is a cut:
 *	FAIL with MSG_FAIL_CUT.
 *
 * The sink is called from within api_norm_event. Spans of an event that goes
 * out are valid for that call. Memory is on the heap and bounded.
 */
#include <stdbool.h>

#include "api/msg.h"

struct api_norm;

struct api_norm_options {
	/* An answer may end without a finish reason: taken for stop. */
	bool allow_unfinished;
	uint32_t max_choices; /* 0: 128 */
	uint32_t max_calls; /* of all choices: 0: 1024 */
};

/* options NULL: all default. NULL: no memory. */
struct api_norm *
api_norm_new(const struct api_norm_options *options, struct msg_sink sink);
/* NULL is allowed. */
void api_norm_free(struct api_norm *n);
/* As new, for the next attempt. Only while !api_norm_has_content. */
void api_norm_reset(struct api_norm *n);

/* What an event has brought about. */
enum api_step {
	API_STEP_QUIET, /* nothing that generated content: may fail over */
	API_STEP_CONTENT, /* content (perhaps the first) went to the sink */
	API_STEP_END, /* END went to the sink; the answer is complete */
	/*
	 * FAIL went to the sink, unless no content had (then nothing went: the
	 * caller decides between another attempt and an error answer, and
	 * finds the failure in api_norm_fail).
	 */
	API_STEP_FAIL,
};

/* Events after END or FAIL are ignored (QUIET). */
enum api_step api_norm_event(struct api_norm *n, const struct msg_event *ev);

/* START has gone to the sink: too late for another target. */
bool api_norm_has_content(const struct api_norm *n);
/* Each choice that had content has told how it ended; one has. */
bool api_norm_is_finished(const struct api_norm *n);
/* The failure behind API_STEP_FAIL; NULL when there is none. */
const struct msg_fail *api_norm_fail(const struct api_norm *n);
/* Usage so far, also of an answer that failed; extra is absent here. */
struct msg_usage api_norm_usage(const struct api_norm *n);

#endif
