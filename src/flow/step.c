#include "flow/life.h"

struct step_row {
	const char *name;
	enum flow_step (*run)(struct req *r);
	unsigned may_follow; /* bits of the steps that may come next */
};

#define BIT(step) (1u << (step))

static const struct step_row steps[FLOW__MAX] = {
	[FLOW_RECEIVE] = { "receive", step_receive,
	    BIT(FLOW_IDENTIFY) | BIT(FLOW_REFUSE) },
	[FLOW_IDENTIFY] = { "identify", step_identify,
	    BIT(FLOW_READ) | BIT(FLOW_PAGE) | BIT(FLOW_REFUSE) },
	[FLOW_READ] = { "read", step_read, BIT(FLOW_PARSE) | BIT(FLOW_REFUSE) },
	[FLOW_PARSE] = { "parse", step_parse,
	    BIT(FLOW_ADMIT) | BIT(FLOW_REFUSE) },
	[FLOW_ADMIT] = { "admit", step_admit,
	    BIT(FLOW_CHOOSE) | BIT(FLOW_REFUSE) },
	[FLOW_CHOOSE] = { "choose", step_choose,
	    BIT(FLOW_FETCH) | BIT(FLOW_PAUSE) | BIT(FLOW_REFUSE) },
	[FLOW_FETCH] = { "fetch", step_fetch,
	    BIT(FLOW_FETCH) | BIT(FLOW_TRANSLATE) | BIT(FLOW_REFUSE) },
	[FLOW_TRANSLATE] = { "translate", step_translate,
	    BIT(FLOW_SEND) | BIT(FLOW_FETCH) | BIT(FLOW_PAUSE) |
		BIT(FLOW_REFUSE) },
	[FLOW_SEND] = { "send", step_send,
	    BIT(FLOW_FETCH) | BIT(FLOW_PAUSE) | BIT(FLOW_REFUSE) |
		BIT(FLOW_SETTLE) },
	[FLOW_PAUSE] = { "pause", step_pause,
	    BIT(FLOW_FETCH) | BIT(FLOW_REFUSE) },
	[FLOW_PAGE] = { "page", step_page,
	    BIT(FLOW_SETTLE) | BIT(FLOW_REFUSE) },
	[FLOW_REFUSE] = { "refuse", step_refuse, BIT(FLOW_SETTLE) },
	[FLOW_SETTLE] = { "settle", step_settle, 0 },
};

/* A request in SETTLE is gone when its step returns. */
void
flow_go(struct req *r, enum flow_step next)
{
	while (next != FLOW_WAIT) {
		bool is_last = next == FLOW_SETTLE;

		ASSERT(steps[r->step].may_follow & BIT(next));
		r->step = next;
		next = steps[next].run(r);
		if (is_last)
			return;
	}
}

enum flow_step
flow_refuse(struct req *r)
{
	ASSERT(r->fail.class != MSG_FAIL_NONE);
	return FLOW_REFUSE;
}
