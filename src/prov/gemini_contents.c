/*
 * systemInstruction and contents. A turn with functionCall parts must be
 * followed at once by one with as many functionResponse parts, which name the
 * function (wire.md 2, 6.3).
 */
#include "prov/gemini.h"

#define NO_RESULT "(no result)"
#define EMPTY_TURN "(empty message)"
#define CONTINUE "Please continue."
#define JSON_INSTRUCTION                                                       \
	"Answer with one valid JSON object and nothing else: no prose before " \
	"or after it, no code fence."
/* Documented for calls that another model made (wire.md 3.4). */
#define DUMMY_SIGNATURE "skip_thought_signature_validator"

struct history {
	struct gemini_build *b;
	struct prov_history h;
	bool is_open; /* a content's parts array is open */
	bool has_call; /* the open content has a functionCall */
};

static const struct str absent = { NULL, 0 };

/* ---- system ------------------------------------------------------------- */

/* The texts of system messages as parts; false: there are none. */
static bool
put_system_parts(struct gemini_build *b, void (*open)(void *arg), void *arg)
{
	bool any = false;

	for (const struct msg *m = b->req->messages; m != NULL; m = m->next) {
		unsigned i = 0;

		if (!prov_is_system(m))
			continue;
		for (const struct msg_part *p = m->parts; p != NULL;
		     p = p->next, i++) {
			if (p->type != MSG_PART_TEXT) {
				PROV_LOSE(b, PROV_LOSS_CONTRACT,
				    "messages[%u].content[%u]",
				    (unsigned)m->index, i);
			} else if (!gemini_part_is_void(p)) {
				open(arg);
				any |= gemini_put_part(b, m, p, i, absent);
			}
		}
	}
	if (b->json_by_words) {
		open(arg);
		gemini_put_text(b, STR(JSON_INSTRUCTION), absent);
		any = true;
	}
	return any;
}

struct instruction {
	struct json_out *o;
	bool is_open;
};

static void
system_open(void *arg)
{
	struct instruction *s = arg;

	if (s->is_open)
		return;
	json_out_key(s->o, "systemInstruction");
	json_out_obj(s->o);
	json_out_key(s->o, "parts");
	json_out_arr(s->o);
	s->is_open = true;
}

void
gemini_put_system(struct gemini_build *b)
{
	struct instruction s = { .o = &b->out };

	if (!b->family.has_system)
		return;
	(void)put_system_parts(b, system_open, &s);
	if (s.is_open) {
		json_out_end(s.o);
		json_out_end(s.o);
	}
}

/* ---- turns -------------------------------------------------------------- */

static void
turn_open(struct history *h, const char *role)
{
	if (h->is_open)
		return;
	json_out_obj(&h->b->out);
	json_out_key(&h->b->out, "role");
	json_out_strz(&h->b->out, role);
	json_out_key(&h->b->out, "parts");
	json_out_arr(&h->b->out);
	h->is_open = true;
	h->has_call = false;
}

static void
user_open(void *arg)
{
	turn_open(arg, "user");
}

static void
turn_close(struct history *h)
{
	if (!h->is_open)
		return;
	json_out_end(&h->b->out);
	json_out_end(&h->b->out);
	h->is_open = false;
}

static void
put_user_text(struct history *h, const char *text)
{
	turn_open(h, "user");
	gemini_put_text(h->b, str_z(text), absent);
}

/* ---- results ------------------------------------------------------------ */

static bool
is_text(const struct msg_part *p)
{
	return p->type == MSG_PART_TEXT || p->type == MSG_PART_REFUSAL;
}

/*
 * response must be an object: a result that is one goes as it is, other text
 * as {"result":"..."}.
 */
static void
put_response(struct gemini_build *b, const struct msg *m)
{
	struct buf *body = &b->http->body;
	const struct msg_part *p = m->parts;
	size_t start = body->n;
	struct json j;

	json_out_key(&b->out, "response");
	if (p != NULL && p->next == NULL && is_text(p) && p->text.n != 0 &&
	    p->text.p[0] == '{') {
		json_out_raw(&b->out, STR(""));
		start = body->n;
		json_unescape(body, p->text);
		if (body->failed ||
		    (prov_tape_scan(&b->tape,
			 str_of(body->p + start, body->n - start), &j) &&
			json_type(&j, 0) == JSON_T_OBJECT))
			return;
		body->n = start;
	} else {
		json_out_raw(&b->out, STR(""));
	}
	buf_addz(body, "{\"result\":\"");
	for (; p != NULL; p = p->next) {
		if (is_text(p))
			buf_adds(body, p->text);
	}
	buf_addz(body, "\"}");
}

static void
put_result(struct history *h, const struct prov_slot *s)
{
	struct json_out *o = &h->b->out;

	json_out_obj(o);
	json_out_key(o, "functionResponse");
	json_out_obj(o);
	if (h->b->family.has_call_id && s->call->id.n != 0)
		json_out_kv_str(o, "id", s->call->id);
	json_out_kv_str(o, "name", s->call->name);
	if (s->result != NULL) {
		put_response(h->b, s->result);
	} else {
		json_out_key(o, "response");
		json_out_raw(o, STR("{\"error\":\"" NO_RESULT "\"}"));
		PROV_LOSE(h->b, PROV_LOSS_TUNING,
		    "messages[].tool_calls[]:no-result");
	}
	json_out_end(o);
	json_out_end(o);
}

/* One content with all results and nothing else (#63, #66). */
static void
put_results(struct history *h, const struct msg *from, const struct msg *to)
{
	for (const struct msg *m = from; m != to; m = m->next) {
		if (m->role == MSG_TOOL &&
		    prov_history_take(&h->h, m) == PROV_TAKEN_TWICE)
			PROV_LOSE(h->b, PROV_LOSS_TUNING, "messages[%u]",
			    (unsigned)m->index);
	}
	for (const struct prov_slot *s = h->h.first; s != NULL; s = s->next) {
		turn_open(h, "user");
		put_result(h, s);
	}
	turn_close(h);
}

/* Images and the like of a result, which a response cannot hold. */
static void
put_media(struct history *h, const struct msg *m)
{
	unsigned i = 0;

	for (const struct msg_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (is_text(p))
			continue;
		turn_open(h, "user");
		(void)gemini_put_part(h->b, m, p, i, absent);
	}
}

static void
put_user_parts(struct history *h, const struct msg *m)
{
	unsigned i = 0;

	for (const struct msg_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (gemini_part_is_void(p))
			continue;
		turn_open(h, "user");
		(void)gemini_put_part(h->b, m, p, i, absent);
	}
	if (m->name.n != 0 && m->role == MSG_USER)
		PROV_LOSE(h->b, PROV_LOSS_TUNING, "messages[].name");
	if (str_present(m->cache_control))
		PROV_LOSE(h->b, PROV_LOSS_TUNING, "cache_control");
}

static const struct msg *
put_user_turn(struct history *h, const struct msg *from)
{
	const struct msg *to = from;
	bool has_results = h->h.first != NULL;

	while (to != NULL && to->role != MSG_ASSISTANT)
		to = to->next;
	put_results(h, from, to);
	for (const struct msg *m = from; m != to; m = m->next) {
		if (prov_history_is_orphan(&h->h, m)) {
			PROV_LOSE(h->b, PROV_LOSS_TUNING,
			    "messages[%u].tool_call_id", (unsigned)m->index);
			put_user_parts(h, m);
		} else if (m->role == MSG_TOOL) {
			put_media(h, m);
		} else if (m->role == MSG_USER) {
			put_user_parts(h, m);
		}
	}
	if (!h->is_open && !has_results)
		put_user_text(h, EMPTY_TURN);
	turn_close(h);
	prov_history_settle(&h->h);
	return to;
}

/* ---- the model's turns -------------------------------------------------- */

static void
put_call(struct history *h, const struct msg *m, const struct msg_call *c)
{
	struct gemini_build *b = h->b;
	struct json_out *o = &b->out;
	struct str signature = c->signature;
	bool is_first;

	if (prov_history_call(&h->h, c) == NULL) {
		b->err = ERR_NOMEM;
		return;
	}
	turn_open(h, "model");
	is_first = !h->has_call;
	h->has_call = true;
	json_out_obj(o);
	json_out_key(o, "functionCall");
	json_out_obj(o);
	if (b->family.has_call_id && c->id.n != 0)
		json_out_kv_str(o, "id", c->id);
	json_out_kv_str(o, "name", c->name);
	json_out_key(o, "args");
	if (c->is_custom) {
		json_out_obj(o);
		json_out_kv_inner(o, "input", c->arguments);
		json_out_end(o);
	} else {
		json_out_raw(o, STR("")); /* what goes before a value */
		if (!prov_put_arguments(&b->http->body, &b->tape, c->arguments))
			PROV_LOSE(b, PROV_LOSS_TUNING,
			    "messages[%u].tool_calls[].function.arguments",
			    (unsigned)m->index);
	}
	json_out_end(o);
	/* Of parallel calls only the first has one (#61). */
	if (signature.n == 0 && is_first && b->family.needs_signature)
		signature = STR(DUMMY_SIGNATURE);
	if (signature.n != 0)
		json_out_kv_str(o, "thoughtSignature", signature);
	json_out_end(o);
}

/* The signature of a text, as Google's own OpenAI surface carries it. */
static struct str
text_signature(struct gemini_build *b, const struct msg *m)
{
	struct json j;

	if (m->calls != NULL ||
	    !str_contains(m->raw, STR("\"thought_signature\"")) ||
	    !prov_tape_scan(&b->tape, m->raw, &j))
		return absent;
	return json_text(&j,
	    json_at(
		&j, 0, "extra_content", "google", "thought_signature", NULL),
	    b->call->arena);
}

static void
put_assistant(struct history *h, const struct msg *m)
{
	struct gemini_build *b = h->b;
	struct str signature = text_signature(b, m);
	const struct msg_part *last = NULL;
	unsigned i = 0;

	if (m->thinking != NULL)
		PROV_LOSE(b, PROV_LOSS_TUNING, "messages[].thinking_blocks");
	else if (m->reasoning.n != 0)
		PROV_LOSE(b, PROV_LOSS_TUNING, "messages[].reasoning_content");
	if (m->name.n != 0)
		PROV_LOSE(b, PROV_LOSS_TUNING, "messages[].name");
	if (str_present(m->cache_control))
		PROV_LOSE(b, PROV_LOSS_TUNING, "cache_control");
	for (const struct msg_part *p = m->parts; p != NULL; p = p->next) {
		if (!gemini_part_is_void(p))
			last = p;
	}
	for (const struct msg_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (gemini_part_is_void(p))
			continue;
		turn_open(h, "model");
		(void)gemini_put_part(
		    b, m, p, i, p == last ? signature : absent);
	}
	for (const struct msg_call *c = m->calls; c != NULL && b->err == ERR_OK;
	     c = c->next)
		put_call(h, m, c);
}

static const struct msg *
put_assistant_turn(struct history *h, const struct msg *m)
{
	prov_history_turn(&h->h);
	while (m != NULL && (m->role == MSG_ASSISTANT || prov_is_system(m))) {
		if (m->role == MSG_ASSISTANT)
			put_assistant(h, m);
		m = m->next;
	}
	turn_close(h);
	return m;
}

/* contents may not be empty, nor begin with the model. */
static void
put_beginning(struct history *h, const struct msg *first)
{
	bool has_text = false;

	if (!h->b->family.has_system)
		has_text = put_system_parts(h->b, user_open, h);
	if (!has_text && (first == NULL || first->role == MSG_ASSISTANT))
		put_user_text(h, CONTINUE);
	turn_close(h);
}

void
gemini_put_contents(struct gemini_build *b)
{
	struct history h = { .b = b };
	const struct msg *m = b->req->messages;

	if (b->err != ERR_OK)
		return;
	b->err = prov_history_init(&h.h, b->call->arena, b->req);
	while (m != NULL && prov_is_system(m))
		m = m->next;
	json_out_key(&b->out, "contents");
	json_out_arr(&b->out);
	put_beginning(&h, m);
	while (m != NULL && b->err == ERR_OK) {
		if (m->role == MSG_ASSISTANT)
			m = put_assistant_turn(&h, m);
		else
			m = put_user_turn(&h, m);
	}
	if (h.h.first != NULL && b->err == ERR_OK) /* calls at the end */
		(void)put_user_turn(&h, NULL);
	json_out_end(&b->out);
	prov_history_fini(&h.h);
}
