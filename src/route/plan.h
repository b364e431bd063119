#ifndef ROUTE_PLAN_H
#define ROUTE_PLAN_H
/*
 * Which target, and what after a failure. Pure decisions over the snapshot and
 * shared memory: flow asks, acts and reports. One plan per request.
 *
 * ORDER. Targets by priority; within one by the alias's strategy. Targets that
 * are open (breaker) are passed over, those that cool come last. When every
 * target is open the one that opens soonest is tried once all the same: a
 * gateway that answers 503 without asking makes an outage longer.
 *
 * AFTER A FAILURE (wire.md 4.2). Classes that another target may cure go to
 * the next one if the alias's fallback_on names them. Failures of the moment
 * (retry_same) are tried again at the same target after a pause: backoff
 * doubling with jitter, never shorter than Retry-After, at most retry_attempts
 * times and never beyond the request's deadline; but an untried target of the
 * same priority, or one at all when the pause would be long, comes first.
 * x-should-retry overrides whether the same target is tried again.
 */
#include <stdbool.h>
#include <stdint.h>

#include "api/msg.h"
#include "base/arena.h"
#include "base/clock.h"
#include "conf/conf.h"
#include "sys/shm.h"

/* What is used of the limits before a target (route/headroom.h). */
struct route_used {
	double share; /* 0.0 .. 1.0 of the most used one */
	double slow; /* the same of those that a pause helps */
	usec_t reset; /* of that one, from now on; 0: not known */
};
struct route_load {
	void (*ask)(void *arg, const struct conf_target *t, usec_t now,
	    struct route_used *out);
	void *arg;
};

struct route_candidate {
	const struct conf_target *target;
	struct shm_slot *slot; /* breaker; may be NULL */
	struct route_used used;
	double pressure; /* headroom_pressure of used.share */
	uint32_t tries;
	bool spent; /* not to be tried again in this request */
	bool usable; /* was not open when the plan was made */
};

struct route_plan {
	const struct conf *conf;
	const struct conf_model *model;
	struct route_candidate *candidates; /* in the order of trying */
	uint32_t n;
	uint32_t current; /* index of the one being tried */
	bool is_probe; /* the present attempt decides its breaker */
	bool is_reported; /* the breaker has heard of the present attempt */
	/*
	 * Set by flow: the present attempt had less time than its target's
	 * own limits grant. That it ran out tells nothing of the target.
	 */
	bool is_cut_short;
	bool last_resort; /* all were open; one try only */
	uint32_t n_tried; /* attempts at whatever target */
	usec_t deadline; /* clock_mono */
};

enum route_step {
	ROUTE_TRY, /* plan->current, now */
	ROUTE_WAIT, /* *wait, then route_plan_resume */
	ROUTE_GIVE_UP, /* the failure stands */
};

/*
 * load: asked once for each target; NULL: nothing is known. ERR_NOMEM. The plan
 * lives in the arena; conf outlives it.
 */
MUST_CHECK enum err
route_plan_make(struct route_plan *plan, struct arena *arena,
    const struct conf *conf, const struct conf_model *model, struct shm *shm,
    const struct route_load *load, usec_t now, usec_t deadline);

/*
 * Leaves out the targets that `may` says no to; before the first attempt. What
 * is left keeps its order.
 */
void route_plan_restrict(struct route_plan *plan,
    bool (*may)(const void *arg, const struct conf_target *t), const void *arg);

/* The first attempt. GIVE_UP when there is no target at all. */
enum route_step route_plan_first(struct route_plan *plan, usec_t now);

/*
 * After a failure of the present attempt that may still be repaired (nothing
 * has gone to the client). Reports to the breaker.
 */
enum route_step route_plan_failed(struct route_plan *plan,
    const struct msg_fail *fail, usec_t now, usec_t *wait);
/* The pause is over. */
enum route_step route_plan_resume(struct route_plan *plan, usec_t now);
/* The present attempt succeeded; only the first call for it counts. */
void route_plan_succeeded(struct route_plan *plan, usec_t now);
/* The present attempt failed after content went out: only reports. */
void route_plan_broke(
    struct route_plan *plan, const struct msg_fail *fail, usec_t now);
/*
 * The request is over: an attempt that was not reported tells nothing (the
 * client left, or it was never sent), and must not be waited for. Any number
 * of times, also for a plan that was never made.
 */
void route_plan_abandoned(struct route_plan *plan);

static inline const struct conf_target *
route_plan_target(const struct route_plan *plan)
{
	return plan->candidates[plan->current].target;
}

/* May a failure of that class be cured by a target that was not tried yet? */
bool
route_plan_has_other(const struct route_plan *plan, enum msg_fail_class class);
/*
 * Before the first attempt is sent: how long to wait, since every target of its
 * priority nears a limit (route/headroom.h). 0: not at all.
 */
usec_t route_plan_slow(const struct route_plan *plan, usec_t now);
/*
 * Why the present attempt goes where it goes; static. "only": there is one
 * target. "weight", "turn", "first": by the strategy. "priority": the only one
 * of its priority. "headroom": a peer nears its limit. "passed": those that
 * come before are open or cool. "fallback", "retry", "probe", "last_resort".
 */
const char *route_plan_why(const struct route_plan *plan);

/* Is it not open? For /health/ready. */
bool route_target_usable(const struct conf *conf, const struct conf_target *t,
    struct shm *shm, usec_t now);
/* When all are open: after what time to come again (for Retry-After). */
usec_t route_plan_retry_after(const struct route_plan *plan, usec_t now);

#endif
