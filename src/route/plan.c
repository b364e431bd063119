#include "route/plan.h"

#include "base/hash.h"
#include "base/rand.h"
#include "route/breaker.h"
#include "route/headroom.h"
#include "route/order.h"

/* A pause longer than this is spent better at another target. */
#define LONG_PAUSE (1 * USEC_PER_SEC)
/* Retry-After is believed between these (wire.md 4.4). */
#define RETRY_AFTER_MIN (USEC_PER_SEC / 2)
#define RETRY_AFTER_MAX (60 * USEC_PER_SEC)
/* Cell of an alias's slot that counts its requests, for round_robin. */
#define CELL_ROTATION 0

static const struct {
	const char *word;
	unsigned bit;
} fallback_words[] = {
	{ "unavailable", CONF_FB_UNAVAILABLE },
	{ "rate_limit", CONF_FB_RATE_LIMIT },
	{ "timeout", CONF_FB_TIMEOUT },
	{ "context_length", CONF_FB_CONTEXT_LENGTH },
	{ "content_policy", CONF_FB_CONTENT_POLICY },
	{ "auth", CONF_FB_AUTH },
	{ "quota", CONF_FB_QUOTA },
	{ "model_not_found", CONF_FB_MODEL_NOT_FOUND },
	{ "invalid", CONF_FB_INVALID },
};

static bool
may_fall_back(const struct conf_model *model, const struct msg_fail *fail)
{
	const char *word = msg_fail_table[fail->class].fallback_word;

	if (!word)
		return false;
	if (word[0] == '*')
		return true;
	for (size_t i = 0; i < sizeof(fallback_words) / sizeof(*fallback_words);
	     i++)
		if (strcmp(word, fallback_words[i].word) == 0)
			return (model->fallback_on & fallback_words[i].bit) !=
			       0;
	return false;
}

static uint64_t
rotation_next(struct shm *shm, const struct conf_model *model)
{
	struct shm_slot *slot;

	if (model->strategy != CONF_ROUND_ROBIN)
		return 0;
	slot = shm_slot(shm, hash_stable(model->name));
	if (!slot)
		return rand_u64();
	return (uint64_t)atomic_fetch_add_explicit(
	    &slot->cell[CELL_ROTATION], 1, memory_order_relaxed);
}

enum err
route_plan_make(struct route_plan *plan, struct arena *arena,
    const struct conf *conf, const struct conf_model *model, struct shm *shm,
    const struct route_load *load, usec_t now, usec_t deadline)
{
	bool any_usable = false;

	*plan = (struct route_plan){
		.conf = conf, .model = model, .deadline = deadline
	};
	plan->candidates =
	    arena_calloc(arena, model->n_targets, sizeof(*plan->candidates));
	if (!plan->candidates)
		return ERR_NOMEM;
	/* only now: a plan of none is what a request ends with that got none */
	plan->n = model->n_targets;
	for (uint32_t i = 0; i < plan->n; i++) {
		struct route_candidate *c = &plan->candidates[i];

		c->target = &model->targets[i];
		c->slot = shm_slot(shm, c->target->identity);
		c->usable = !breaker_is_open(c->slot, &conf->breaker, now);
		any_usable = any_usable || c->usable;
		if (load)
			load->ask(load->arg, c->target, now, &c->used);
		c->pressure = headroom_pressure(c->used.share, conf->headroom);
	}
	plan->last_resort = plan->n > 0 && !any_usable;
	route_order(plan, rotation_next(shm, model), now);
	return ERR_OK;
}

void
route_plan_restrict(struct route_plan *plan,
    bool (*may)(const void *arg, const struct conf_target *t), const void *arg)
{
	bool any_usable = false;
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->n; i++) {
		if (!may(arg, plan->candidates[i].target))
			continue;
		any_usable = any_usable || plan->candidates[i].usable;
		plan->candidates[n++] = plan->candidates[i];
	}
	plan->n = n;
	plan->last_resort = n > 0 && !any_usable;
}

static usec_t
candidate_wait(const struct route_plan *plan, uint32_t i, usec_t now)
{
	return breaker_wait(
	    plan->candidates[i].slot, &plan->conf->breaker, now);
}

/* The one whose breaker opens soonest. */
static void
pick_last_resort(struct route_plan *plan, usec_t now)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < plan->n; i++)
		if (candidate_wait(plan, i, now) <
		    candidate_wait(plan, best, now))
			best = i;
	plan->current = best;
}

/* Asks the candidate's breaker; true: it is the present attempt now. */
static bool
try_candidate(struct route_plan *plan, uint32_t i, usec_t now)
{
	struct route_candidate *c = &plan->candidates[i];
	enum breaker_pass pass;

	pass = breaker_ask(c->slot, &plan->conf->breaker, now);
	if (pass == BREAKER_DENY && !plan->last_resort) {
		c->spent = true;
		return false;
	}
	plan->current = i;
	plan->is_probe = pass == BREAKER_PROBE;
	plan->is_reported = false;
	plan->is_cut_short = false;
	plan->n_tried++;
	c->tries++;
	return true;
}

enum route_step
route_plan_first(struct route_plan *plan, usec_t now)
{
	if (plan->n == 0)
		return ROUTE_GIVE_UP;
	if (plan->last_resort) {
		pick_last_resort(plan, now);
		try_candidate(plan, plan->current, now);
		return ROUTE_TRY;
	}
	for (uint32_t i = 0; i < plan->n; i++)
		if (try_candidate(plan, i, now))
			return ROUTE_TRY;
	/* All others were taken by probes meanwhile: ask one all the same. */
	plan->last_resort = true;
	pick_last_resort(plan, now);
	try_candidate(plan, plan->current, now);
	return ROUTE_TRY;
}

/* After context_length only a larger model can help. */
static bool
can_cure(const struct conf_target *from, const struct conf_target *to,
    const struct msg_fail *fail)
{
	if (fail->class != MSG_FAIL_CONTEXT_LENGTH)
		return true;
	if (from->context_window == 0 || to->context_window == 0)
		return from != to;
	return to->context_window > from->context_window;
}

/* Index of the next untried target, or plan->n. */
static uint32_t
next_target(const struct route_plan *plan, const struct msg_fail *fail,
    bool same_priority)
{
	const struct conf_target *now = route_plan_target(plan);

	for (uint32_t i = 0; i < plan->n; i++) {
		const struct route_candidate *c = &plan->candidates[i];

		if (i == plan->current || c->spent || c->tries > 0)
			continue;
		if (same_priority && c->target->priority != now->priority)
			continue;
		if (can_cure(now, c->target, fail))
			return i;
	}
	return plan->n;
}

static bool
may_retry_same(const struct route_plan *plan, const struct msg_fail *fail)
{
	const struct route_candidate *c = &plan->candidates[plan->current];
	uint32_t allowed = plan->model->retry_attempts;

	if (plan->last_resort || fail->should_retry == 0)
		return false;
	if (!msg_fail_table[fail->class].retry_same && fail->should_retry != 1)
		return false;
	/* A time-out may have cost money already: once more, not twice. */
	if (fail->class == MSG_FAIL_TIMEOUT && allowed > 1)
		allowed = 1;
	return c->tries <= allowed;
}

static usec_t
retry_pause(const struct route_plan *plan, const struct msg_fail *fail)
{
	uint32_t tries = plan->candidates[plan->current].tries;
	usec_t pause = plan->model->retry_backoff;
	usec_t told = fail->retry_after;

	while (tries-- > 1 && pause < plan->model->retry_backoff_max)
		pause *= 2;
	if (pause > plan->model->retry_backoff_max)
		pause = plan->model->retry_backoff_max;
	/* Jitter of a quarter either way, so that clients do not march. */
	pause += (usec_t)((double)pause * (rand_unit() - 0.5) / 2);
	if (told < 0)
		return pause;
	if (told < RETRY_AFTER_MIN)
		told = RETRY_AFTER_MIN;
	return told > pause ? told : pause;
}

static void
report_failure(struct route_plan *plan, const struct msg_fail *fail, usec_t now)
{
	struct route_candidate *c = &plan->candidates[plan->current];
	bool hurt =
	    msg_fail_table[fail->class].hurts_target && !plan->is_cut_short;
	usec_t told = fail->retry_after;

	/* Our own refusal, before it was asked, says nothing about it. */
	if (!hurt && fail->upstream_status == 0)
		breaker_release(c->slot, plan->is_probe);
	else
		breaker_report(
		    c->slot, &plan->conf->breaker, now, plan->is_probe, hurt);
	plan->is_probe = false;
	plan->is_reported = true;
	if (told > 0)
		breaker_cool(c->slot,
		    now + (told < RETRY_AFTER_MAX ? told : RETRY_AFTER_MAX));
}

/* Moves on to another target if one may be tried. */
static bool
move_on(struct route_plan *plan, const struct msg_fail *fail,
    bool same_priority, usec_t now)
{
	uint32_t i;

	if (plan->last_resort)
		return false;
	while ((i = next_target(plan, fail, same_priority)) < plan->n)
		if (try_candidate(plan, i, now))
			return true;
	return false;
}

enum route_step
route_plan_failed(struct route_plan *plan, const struct msg_fail *fail,
    usec_t now, usec_t *wait)
{
	bool fall_back = may_fall_back(plan->model, fail);
	bool retry = may_retry_same(plan, fail);
	usec_t pause = retry_pause(plan, fail);

	report_failure(plan, fail, now);
	if (now >= plan->deadline)
		return ROUTE_GIVE_UP;
	if (!retry)
		plan->candidates[plan->current].spent = true;
	/* A peer now, or anyone when waiting here would be long or useless. */
	if (fall_back && move_on(plan, fail, retry && pause < LONG_PAUSE, now))
		return ROUTE_TRY;
	if (retry && pause <= RETRY_AFTER_MAX && pause < plan->deadline - now) {
		*wait = pause;
		return ROUTE_WAIT;
	}
	if (fall_back && move_on(plan, fail, false, now))
		return ROUTE_TRY;
	return ROUTE_GIVE_UP;
}

enum route_step
route_plan_resume(struct route_plan *plan, usec_t now)
{
	struct msg_fail any = { .class = MSG_FAIL_UNAVAILABLE };

	if (try_candidate(plan, plan->current, now))
		return ROUTE_TRY;
	/* Its breaker opened meanwhile. */
	return move_on(plan, &any, false, now) ? ROUTE_TRY : ROUTE_GIVE_UP;
}

void
route_plan_succeeded(struct route_plan *plan, usec_t now)
{
	struct route_candidate *c = &plan->candidates[plan->current];

	if (plan->is_reported)
		return;
	breaker_report(
	    c->slot, &plan->conf->breaker, now, plan->is_probe, false);
	plan->is_probe = false;
	plan->is_reported = true;
}

void
route_plan_broke(
    struct route_plan *plan, const struct msg_fail *fail, usec_t now)
{
	report_failure(plan, fail, now);
}

void
route_plan_abandoned(struct route_plan *plan)
{
	if (plan->n == 0 || plan->is_reported)
		return;
	breaker_release(plan->candidates[plan->current].slot, plan->is_probe);
	plan->is_probe = false;
	plan->is_reported = true;
}

bool
route_target_usable(const struct conf *conf, const struct conf_target *t,
    struct shm *shm, usec_t now)
{
	return !breaker_is_open(
	    shm_slot(shm, t->identity), &conf->breaker, now);
}

usec_t
route_plan_retry_after(const struct route_plan *plan, usec_t now)
{
	usec_t least = -1;

	for (uint32_t i = 0; i < plan->n; i++) {
		usec_t wait = candidate_wait(plan, i, now);

		if (least < 0 || wait < least)
			least = wait;
	}
	return least > 0 ? least : 0;
}

bool
route_plan_has_other(const struct route_plan *plan, enum msg_fail_class class)
{
	struct msg_fail fail = { .class = class };

	if (plan->last_resort || !may_fall_back(plan->model, &fail))
		return false;
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct route_candidate *c = &plan->candidates[i];

		if (i != plan->current && c->usable && !c->spent &&
		    c->tries == 0)
			return true;
	}
	return false;
}

/* Where a request might go in place of the present attempt's target. */
static bool
is_peer(const struct route_plan *plan, uint32_t i, usec_t now)
{
	const struct route_candidate *c = &plan->candidates[i];

	return c->usable && !breaker_is_cool(c->slot, now) &&
	       c->target->weight > 0 &&
	       c->target->priority == route_plan_target(plan)->priority;
}

usec_t
route_plan_slow(const struct route_plan *plan, usec_t now)
{
	const struct route_candidate *c = &plan->candidates[plan->current];
	double p = headroom_pressure(c->used.slow, plan->conf->headroom);
	usec_t wait;

	if (p == 0)
		return 0;
	for (uint32_t i = 0; i < plan->n; i++)
		if (is_peer(plan, i, now) && plan->candidates[i].pressure == 0)
			return 0;
	wait =
	    (usec_t)(p * (double)plan->conf->slow_max * (1 - rand_unit() / 2));
	if (c->used.reset > 0 && wait > c->used.reset)
		wait = c->used.reset;
	if (wait > (plan->deadline - now) / 4)
		wait = (plan->deadline - now) / 4;
	return wait > 0 ? wait : 0;
}

static const char *
why_first(const struct route_plan *plan)
{
	const struct route_candidate *c = &plan->candidates[plan->current];
	uint32_t peers = 0;

	for (uint32_t i = 0; i < plan->n; i++) {
		const struct route_candidate *o = &plan->candidates[i];

		if (o->target->priority < c->target->priority)
			return "passed";
		peers += o->target->priority == c->target->priority;
	}
	for (uint32_t i = 0; i < plan->n; i++)
		if (plan->candidates[i].target->priority ==
			c->target->priority &&
		    plan->candidates[i].pressure > c->pressure)
			return "headroom";
	if (peers == 1)
		return "priority";
	switch (plan->model->strategy) {
	case CONF_WEIGHTED:
		return "weight";
	case CONF_ROUND_ROBIN:
		return "turn";
	case CONF_FIRST:
		return "first";
	}
	return "first";
}

const char *
route_plan_why(const struct route_plan *plan)
{
	const struct route_candidate *c = &plan->candidates[plan->current];

	if (plan->last_resort)
		return "last_resort";
	if (plan->is_probe)
		return "probe";
	if (c->tries > 1)
		return "retry";
	if (plan->n_tried > 1)
		return "fallback";
	return plan->n == 1 ? "only" : why_first(plan);
}
