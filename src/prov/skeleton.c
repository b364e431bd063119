/*
 * A provider to copy. It speaks a dialect that no maker has, complete enough to
 * show every step, is compiled and tested, and is not listed in kinds.c.
 *
 * TO MAKE A NEW ONE
 *	1. Copy this file to NAME.c, rename what is called skeleton. A large one
 *	   is parted as openai_*.c and anthropic_*.c are: build, messages, answer.
 *	2. Declare its kind in kinds.h, list it in kinds.c, the file in module.am.
 *	3. tests/unit/t_prov_NAME.c: what is sent for each field of wire.md 2, what
 *	   is dropped or refused; each answer whole and cut (prov_run.h does that).
 *	4. tests/replay/recorded.py: a reader for its recordings, if there are any.
 *	5. tests/fuzz/fz_NAME.c, as fz_gemini.c, and its line in fuzz/README.md.
 *	6. conf/: a commented example; README and manual name the kind.
 * A maker that speaks OpenAI's dialect needs none of this: one row in quirks.c.
 *
 * WHAT A PROVIDER MUST HOLD TO
 *	- It is pure: no socket, clock, configuration, log. Everything comes in by
 *	  arguments and goes out by *http, *fail and events.
 *	- What it cannot express it hands to prov_lose, which drops and reports or
 *	  refuses. Nothing goes missing in silence.
 *	- Text is not decoded: the escaped inner span that the client sent is
 *	  spliced, and so is the provider's. A prompt of 100 KB is one memcpy.
 *	- Presence is tested with str_present and JSON_NONE, never by value: 0 and
 *	  "" are values.
 *	- Usage keeps the invariants of msg.h: cached and written are parts of
 *	  prompt, reasoning is a part of completion; -1 is "not told".
 *	- An answer without its maker's own mark of completeness is FAIL with class
 *	  CUT, never FINISH stop.
 */
#include <stdlib.h>

#include "base/json_out.h"
#include "prov/collect.h"
#include "prov/common.h"
#include "prov/kinds.h"
#include "prov/params.h"

/* ---- the request ------------------------------------------------------- */

/*
 *	{"model":"m","turns":[{"who":"human","say":"..."}],"limit":100,
 *	 "heat":0.5,"flow":true}
 */
struct build {
	const struct prov_call *call;
	struct prov_http *http;
	struct msg_fail *fail;
	enum err err; /* the first; see PROV_LOSE */
	struct json_out o;
};

/* Parameters that have a place below: all others are lost, and reported. */
#define KNOWN                                                   \
	(PROV_P(MSG_P_TEMPERATURE) | PROV_P(MSG_P_MAX_TOKENS) | \
	    PROV_P(MSG_P_MAX_COMPLETION_TOKENS))

static const char *
who(enum msg_role role)
{
	switch (role) {
	case MSG_SYSTEM:
	case MSG_DEVELOPER:
		return "rules";
	case MSG_USER:
		return "human";
	case MSG_ASSISTANT:
		return "machine";
	case MSG_TOOL:
	case MSG_ROLE__MAX:
		break;
	}
	return NULL;
}

static void
put_turn(struct build *b, const struct msg *m)
{
	if (who(m->role) == NULL || m->calls != NULL) {
		PROV_LOSE(
		    b, PROV_LOSS_CONTRACT, "messages[%u] (tools)", m->index);
		return;
	}
	for (const struct msg_part *p = m->parts; p != NULL; p = p->next) {
		if (p->type != MSG_PART_TEXT) {
			PROV_LOSE(b, PROV_LOSS_CONTRACT, "messages[%u].content",
			    m->index);
			continue;
		}
		/* empty text is refused by most makers, and says nothing */
		if (p->text.n == 0)
			continue;
		json_out_obj(&b->o);
		json_out_kv_str(&b->o, "who", str_z(who(m->role)));
		/* inner: the client's own escaped bytes */
		json_out_kv_inner(&b->o, "say", p->text);
		json_out_end(&b->o);
	}
}

static enum err
skeleton_build(
    const struct prov_call *call, struct prov_http *http, struct msg_fail *fail)
{
	const struct msg_request *req = call->req;
	struct build b = { call, http, fail, ERR_OK, { 0 } };
	int64_t limit = msg_max_tokens(req, call->target->default_max_tokens);

	/* The credential itself is added by upstream, not here. */
	http->key_header = "x-skeleton-key";
	http->key_prefix = "";
	b.err = prov_http_begin(call, http, STR("/v1/talk"), fail);
	if (b.err != ERR_OK)
		return b.err;
	b.err = prov_params_lose(call, http, fail, KNOWN, NULL);
	if (req->tools != NULL)
		PROV_LOSE(&b, PROV_LOSS_CONTRACT, "tools");
	if (req->format > MSG_FORMAT_TEXT)
		PROV_LOSE(&b, PROV_LOSS_CONTRACT, "response_format");
	json_out_init(&b.o, &http->body);
	json_out_obj(&b.o);
	json_out_kv_str(&b.o, "model", call->target->model);
	json_out_key(&b.o, "turns");
	json_out_arr(&b.o);
	for (const struct msg *m = req->messages; m != NULL; m = m->next)
		put_turn(&b, m);
	json_out_end(&b.o);
	if (limit > 0)
		json_out_kv_i64(&b.o, "limit", limit);
	/* a number keeps the spelling that the client gave it */
	if (str_present(req->param[MSG_P_TEMPERATURE]))
		json_out_kv_raw(&b.o, "heat", req->param[MSG_P_TEMPERATURE]);
	if (call->stream)
		json_out_kv_bool(&b.o, "flow", true);
	json_out_end(&b.o);
	return b.err != ERR_OK ? b.err : prov_http_done(call, http, fail);
}

/* ---- the answer -------------------------------------------------------- */

/*
 * Whole:	{"id":"x","model":"m","say":"Hello","why":"end",
 *		 "tokens":{"in":5,"out":7}}
 * Stream:	data: {"id":"x","model":"m"}
 *		data: {"say":"Hel"}		any number of times
 *		data: {"why":"end","tokens":{"in":5,"out":7}}
 * Errors:	{"oops":{"message":"..."}} anywhere
 *
 * prov_collect cuts the bytes and scans; here are values only. The same
 * function reads a stream's event and a whole body: many dialects allow that.
 */
struct skeleton_answer {
	struct prov_collect c; /* first */
	bool has_started;
	bool has_finished;
};

static void
read_usage(struct skeleton_answer *a, const struct json *j, json_ref v)
{
	struct msg_event ev = { .type = MSG_EV_USAGE,
		.usage = MSG_USAGE_UNKNOWN };

	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	ev.usage.prompt = json_i64_or(j, json_get(j, v, "in"), -1);
	ev.usage.completion = json_i64_or(j, json_get(j, v, "out"), -1);
	prov_answer_emit(&a->c.a, &ev);
}

static void
read_why(struct skeleton_answer *a, const struct json *j, json_ref v)
{
	struct msg_event ev = { .type = MSG_EV_FINISH };

	if (json_type(j, v) != JSON_T_STRING)
		return;
	if (json_str_is(j, v, "full"))
		ev.finish = MSG_FINISH_LENGTH;
	else if (json_str_is(j, v, "forbidden"))
		ev.finish = MSG_FINISH_CONTENT_FILTER;
	else if (json_str_is(j, v, "end"))
		ev.finish = MSG_FINISH_STOP;
	else
		/* a word that is new to us: stop, and the word beside it */
		ev.native = json_inner(j, v);
	a->has_finished = true;
	prov_answer_emit(&a->c.a, &ev);
}

static void
read_object(struct skeleton_answer *a, const struct json *j, json_ref v)
{
	json_ref oops = json_get_set(j, v, "oops");
	struct msg_event ev = { .type = MSG_EV_START };
	struct msg_fail fail;

	if (oops != JSON_NONE) {
		prov_fail_object(a->c.a.target, j, oops, 200, &fail);
		prov_answer_fail(&a->c.a, &fail);
		return;
	}
	if (!a->has_started) {
		/* ids that makers escape need json_unescape: see openai_emit.c */
		ev.id = json_inner(j, json_get(j, v, "id"));
		ev.model = json_inner(j, json_get(j, v, "model"));
		a->has_started = true;
		prov_answer_emit(&a->c.a, &ev);
	}
	ev = (struct msg_event){ .type = MSG_EV_TEXT,
		.text = json_inner(j, json_get(j, v, "say")) };
	if (ev.text.n != 0)
		prov_answer_emit(&a->c.a, &ev);
	read_why(a, j, json_get(j, v, "why"));
	read_usage(a, j, json_get(j, v, "tokens"));
}

static void
on_event(
    struct prov_collect *c, const struct json *j, json_ref v, struct str name)
{
	(void)name;
	read_object((struct skeleton_answer *)c, j, v);
}

static void
on_body(struct prov_collect *c, const struct json *j, json_ref v)
{
	read_object((struct skeleton_answer *)c, j, v);
}

/* All bytes are there: was it all? */
static void
on_end(struct prov_collect *c)
{
	struct skeleton_answer *a = (struct skeleton_answer *)c;

	if (a->has_finished)
		prov_answer_end(&c->a);
	else
		prov_answer_failf(&c->a, MSG_FAIL_CUT,
		    "the provider's answer broke off before its end");
}

static const struct prov_collect_ops ops = {
	.event = on_event,
	.body = on_body,
	.end = on_end,
};

static struct prov_answer *
skeleton_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink)
{
	struct skeleton_answer *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	prov_collect_init(&a->c, target, o, sink, &ops);
	return &a->c.a;
}

static void
skeleton_answer_free(struct prov_answer *p)
{
	struct skeleton_answer *a = (struct skeleton_answer *)p;

	if (a == NULL)
		return;
	prov_collect_fini(&a->c);
	free(a);
}

/*
 * A whole answer with an error status. Only where the maker's words are
 * elsewhere than prov_fail_parse looks: most kinds leave it NULL.
 */
static void
skeleton_fail(const struct prov_target *target, int status,
    const struct http_headers *h, struct str body, struct msg_fail *fail)
{
	struct arena *a = arena_new(1 << 20);
	struct json j;

	if (a != NULL && json_scan(&j, a, body, NULL, NULL) == ERR_OK &&
	    json_get_set(&j, 0, "oops") != JSON_NONE)
		body = json_raw(&j, json_get(&j, 0, "oops"));
	prov_fail_parse(target, status, h, body, fail);
	arena_free(a);
}

const struct prov_kind prov_kind_skeleton = {
	.name = "skeleton",
	.caps = PROV_CAP_CHAT,
	.default_base_url = "https://skeleton.invalid/v1",
	.build = skeleton_build,
	.answer_new = skeleton_answer_new,
	.answer_free = skeleton_answer_free,
	.answer_head = prov_collect_head,
	.answer_feed = prov_collect_feed,
	.answer_end = prov_collect_end,
	.fail = skeleton_fail,
	.models_path = "/v1/models",
};
