#ifndef API_EVENTS_H
#define API_EVENTS_H
/* For tests of api/norm*.c: events in, and a line of words for what came out */
#include "check.h"

#include "api/norm.h"
#include "base/buf.h"

struct norm_test {
	struct api_norm *n;
	struct buf seen;
};

#define EV(kind, ...) \
	(&(struct msg_event){ .type = MSG_EV_##kind, __VA_ARGS__ })

static inline void
seen_text(struct buf *b, const char *word, const struct msg_event *ev)
{
	buf_printf(b, "%s(", word);
	if (ev->choice)
		buf_printf(b, "%u:", ev->choice);
	buf_adds(b, str_present(ev->text) ? ev->text : ev->raw);
	buf_addc(b, ')');
}

static inline struct str
or_dash(struct str s)
{
	return str_present(s) ? s : STR("-");
}

static inline void
seen_event(void *arg, const struct msg_event *ev)
{
	static const char *const words[MSG_EV__MAX] = {
		[MSG_EV_TEXT] = "text",
		[MSG_EV_REASONING] = "reasoning",
		[MSG_EV_THINKING] = "thinking",
		[MSG_EV_REFUSAL] = "refusal",
		[MSG_EV_IMAGE] = "image",
		[MSG_EV_ANNOTATION] = "annotation",
		[MSG_EV_LOGPROBS] = "logprobs",
	};
	struct norm_test *t = arg;
	struct buf *b = &t->seen;

	switch (ev->type) {
	case MSG_EV_START:
		buf_printf(b, "start(%.*s,%.*s)", STR_ARG(or_dash(ev->id)),
		    STR_ARG(or_dash(ev->model)));
		break;
	case MSG_EV_CALL_START:
		buf_printf(b, "call(%u,%.*s,%.*s%s)", ev->call, STR_ARG(ev->id),
		    STR_ARG(ev->name), ev->is_custom ? ",custom" : "");
		break;
	case MSG_EV_CALL_ARGS:
		buf_printf(b, "args(%u:%.*s)", ev->call, STR_ARG(ev->text));
		break;
	case MSG_EV_CALL_END:
		buf_printf(b, "callend(%u)", ev->call);
		break;
	case MSG_EV_EXTRA:
		buf_printf(b, "extra(%.*s%.*s%.*s)", STR_ARG(ev->extra_top),
		    STR_ARG(ev->extra_choice), STR_ARG(ev->extra_delta));
		buf_addc(b, ' ');
		return;
	case MSG_EV_FINISH:
		buf_printf(b, "finish(%u,%s,%.*s)", ev->choice,
		    msg_finish_word(ev->finish), STR_ARG(or_dash(ev->native)));
		break;
	case MSG_EV_USAGE:
		buf_printf(b, "usage(%lld,%lld)", (long long)ev->usage.prompt,
		    (long long)ev->usage.completion);
		break;
	case MSG_EV_FAIL:
		buf_printf(b, "fail(%s)", msg_fail_table[ev->fail->class].word);
		break;
	case MSG_EV_END:
		buf_addz(b, "end");
		break;
	default:
		seen_text(b, words[ev->type], ev);
		break;
	}
	if (ev->extra_top.n)
		buf_printf(b, "+%.*s", STR_ARG(ev->extra_top));
	buf_addc(b, ' ');
}

static inline void
norm_test_init(struct norm_test *t, const struct api_norm_options *o)
{
	buf_init(&t->seen, 1 << 20);
	t->n = api_norm_new(o, (struct msg_sink){ seen_event, t });
	assert_non_null(t->n);
}

static inline void
norm_test_fini(struct norm_test *t)
{
	api_norm_free(t->n);
	buf_fini(&t->seen);
}

static inline enum api_step
feed(struct norm_test *t, const struct msg_event *ev)
{
	return api_norm_event(t->n, ev);
}

static inline void
feed_usage(struct norm_test *t, int64_t prompt, int64_t completion)
{
	struct msg_event ev = { .type = MSG_EV_USAGE };

	ev.usage = MSG_USAGE_UNKNOWN;
	ev.usage.prompt = prompt;
	ev.usage.completion = completion;
	(void)api_norm_event(t->n, &ev);
}

#define assert_seen(t, z) assert_str(buf_str(&(t)->seen), z)

#endif
