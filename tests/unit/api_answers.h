#ifndef API_ANSWERS_H
#define API_ANSWERS_H
/* For tests of the writers: events in, bytes out. */
#include "check.h"

#include "api/answer.h"
#include "base/buf.h"

struct answer_test {
	struct api_answer *a;
	struct buf out;
	enum err err;
};

#define EV(kind, ...) \
	(&(struct msg_event){ .type = MSG_EV_##kind, __VA_ARGS__ })

#define START_EV \
	EV(START, .id = STR("chatcmpl-1"), .model = STR("gpt"), .created = 7)

static inline void
answer_test_init(struct answer_test *t, struct api_answer_options o)
{
	buf_init(&t->out, 1 << 20);
	t->a = api_answer_new(&o);
	assert_non_null(t->a);
	t->err = ERR_OK;
}

static inline void
answer_test_fini(struct answer_test *t)
{
	api_answer_free(t->a);
	buf_fini(&t->out);
}

static inline void
put(struct answer_test *t, const struct msg_event *ev)
{
	t->err = api_answer_event(t->a, ev, &t->out);
}

static inline void
put_usage(struct answer_test *t, int64_t prompt, int64_t completion)
{
	struct msg_event ev = { .type = MSG_EV_USAGE };

	ev.usage = MSG_USAGE_UNKNOWN;
	ev.usage.prompt = prompt;
	ev.usage.completion = completion;
	put(t, &ev);
}

/* What has been written since the last time. */
static inline void
assert_out(struct answer_test *t, const char *want)
{
	assert_int_equal(t->err, ERR_OK);
	assert_false(t->out.failed);
	assert_str(buf_str(&t->out), want);
	buf_reset(&t->out);
}

#endif
