#include "prov_ear.h"

static void
line(struct prov_ear *e, const struct msg_event *ev, const char *word)
{
	if (e->log->n != 0)
		buf_addc(e->log, '\n');
	buf_addz(e->log, word);
	if (ev->choice != 0)
		buf_printf(e->log, "[%u]", (unsigned)ev->choice);
	e->last = ev->type;
	e->choice = ev->choice;
	e->call = ev->call;
}

static void
piece(struct prov_ear *e, const struct msg_event *ev, const char *word)
{
	if (e->last != ev->type || e->choice != ev->choice ||
	    e->call != ev->call || e->log->n == 0) {
		line(e, ev, word);
		if (ev->type == MSG_EV_CALL_ARGS)
			buf_printf(e->log, " %u", (unsigned)ev->call);
		buf_addc(e->log, ' ');
	}
	buf_adds(e->log, ev->text);
}

static void
named(struct prov_ear *e, const char *name, struct str v)
{
	if (str_present(v))
		buf_printf(e->log, " %s=%.*s", name, STR_ARG(v));
}

static void
hear_usage(struct prov_ear *e, const struct msg_event *ev)
{
	const struct msg_usage *u = &ev->usage;

	line(e, ev, "USAGE");
	buf_printf(e->log, " %lld %lld cached=%lld written=%lld reasoning=%lld",
	    (long long)u->prompt, (long long)u->completion,
	    (long long)u->cached, (long long)u->written,
	    (long long)u->reasoning);
	if (u->written_1h >= 0)
		buf_printf(e->log, " 1h=%lld", (long long)u->written_1h);
	if (u->audio_in >= 0)
		buf_printf(e->log, " audio=%lld", (long long)u->audio_in);
	if (u->image_in >= 0)
		buf_printf(e->log, " images=%lld", (long long)u->image_in);
	if (u->image_out >= 0)
		buf_printf(e->log, " images_out=%lld", (long long)u->image_out);
}

static void
hear_finish(struct prov_ear *e, const struct msg_event *ev)
{
	static const char *const words[] = { "stop", "length", "tool_calls",
		"content_filter" };

	line(e, ev, "FINISH ");
	buf_addz(e->log, words[ev->finish]);
	buf_addc(e->log, ' ');
	buf_adds(e->log, ev->native);
	named(e, "extra", ev->extra_choice);
}

/* Events that are a word and raw JSON. */
static void
hear_raw(struct prov_ear *e, const struct msg_event *ev, const char *word)
{
	line(e, ev, word);
	named(e, "raw", ev->raw);
}

static void
hear_call(struct prov_ear *e, const struct msg_event *ev)
{
	line(e, ev, ev->type == MSG_EV_CALL_END ? "CALLEND" : "CALL");
	buf_printf(e->log, " %u", (unsigned)ev->call);
	named(e, "id", ev->id);
	named(e, "name", ev->name);
	named(e, "signature", ev->signature);
}

void
prov_ear_event(void *arg, const struct msg_event *ev)
{
	struct prov_ear *e = arg;

	switch (ev->type) {
	case MSG_EV_START:
		line(e, ev, "START");
		named(e, "id", ev->id);
		named(e, "model", ev->model);
		break;
	case MSG_EV_TEXT:
		piece(e, ev, "TEXT");
		break;
	case MSG_EV_REASONING:
		piece(e, ev, "REASONING");
		break;
	case MSG_EV_REFUSAL:
		piece(e, ev, "REFUSAL");
		break;
	case MSG_EV_CALL_ARGS:
		piece(e, ev, "ARGS");
		break;
	case MSG_EV_CALL_START:
	case MSG_EV_CALL_END:
		hear_call(e, ev);
		break;
	case MSG_EV_THINKING:
		hear_raw(e, ev, "THINKING");
		break;
	case MSG_EV_IMAGE:
		hear_raw(e, ev, "IMAGE");
		break;
	case MSG_EV_ANNOTATION:
		hear_raw(e, ev, "ANNOTATION");
		break;
	case MSG_EV_LOGPROBS:
		hear_raw(e, ev, "LOGPROBS");
		break;
	case MSG_EV_EXTRA:
		line(e, ev, "EXTRA");
		named(e, "top", ev->extra_top);
		named(e, "choice", ev->extra_choice);
		named(e, "delta", ev->extra_delta);
		break;
	case MSG_EV_FINISH:
		hear_finish(e, ev);
		break;
	case MSG_EV_USAGE:
		hear_usage(e, ev);
		break;
	case MSG_EV_FAIL:
		line(e, ev, "FAIL");
		buf_printf(e->log, " %s %s",
		    msg_fail_table[ev->fail->class].word, ev->fail->message);
		break;
	case MSG_EV_END:
		line(e, ev, "END");
		break;
	case MSG_EV_PING:
	case MSG_EV__MAX:
		break;
	}
}
