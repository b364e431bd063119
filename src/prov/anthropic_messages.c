/*
 * system and messages. The API wants users and assistants in turn, and the
 * results of all of a turn's tool calls at the beginning of the next user
 * message; histories of OpenAI's dialect are free in both (wire.md 2, 6.4, 10 G).
 */
#include "prov/anthropic.h"

#include "base/hash.h"
#include "prov/history.h"

#define NO_RESULT "(no result)"
#define EMPTY_TURN "(empty message)"
#define CONTINUE "Please continue."
#define JSON_INSTRUCTION                                                       \
	"Answer with one valid JSON object and nothing else: no prose before " \
	"or after it, no code fence."

struct history {
	struct anthropic_build *b;
	struct prov_history h;
	unsigned n_made; /* ids made so far */
	bool is_open; /* a message's content array is open */
	const struct msg_part *end_text; /* last text of a last assistant */
};

static const struct msg *
skip_system(const struct msg *m)
{
	while (m != NULL && prov_is_system(m))
		m = m->next;
	return m;
}

/* ---- system ------------------------------------------------------------ */

static void
system_open(struct anthropic_build *b, bool *is_open)
{
	if (*is_open)
		return;
	json_out_key(&b->out, "system");
	json_out_arr(&b->out);
	*is_open = true;
}

/* The last part of a message that comes out as something; or NULL. */
static const struct msg_part *
last_part(const struct msg *m)
{
	const struct msg_part *last = NULL;

	for (const struct msg_part *p = m->parts; p != NULL; p = p->next) {
		if (!anthropic_part_is_void(p))
			last = p;
	}
	return last;
}

static struct str
cache_of(
    const struct msg *m, const struct msg_part *p, const struct msg_part *last)
{
	return !str_present(p->cache_control) && p == last ? m->cache_control
							   : p->cache_control;
}

/* All of them, wherever they stand, in their order. */
void
anthropic_put_system(struct anthropic_build *b)
{
	bool is_open = false;

	for (const struct msg *m = b->req->messages; m != NULL; m = m->next) {
		const struct msg_part *last = last_part(m);
		unsigned i = 0;

		if (!prov_is_system(m))
			continue;
		for (const struct msg_part *p = m->parts; p != NULL;
		     p = p->next, i++) {
			if (p->type != MSG_PART_TEXT) {
				PROV_LOSE(b, PROV_LOSS_CONTRACT,
				    "messages[%u].content[%u]",
				    (unsigned)m->index, i);
				continue;
			}
			if (anthropic_part_is_void(p))
				continue;
			system_open(b, &is_open);
			anthropic_put_text(b, p->text, cache_of(m, p, last));
		}
	}
	if (b->req->format == MSG_FORMAT_JSON_OBJECT) {
		system_open(b, &is_open);
		anthropic_put_text(b, STR(JSON_INSTRUCTION), str_of(NULL, 0));
	}
	if (is_open)
		json_out_end(&b->out);
}

/* ---- tool calls and their results -------------------------------------- */

static bool
id_is_good(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return id.n != 0;
}

/*
 * The id as the API takes it: the client's own where it may be, else one made
 * of it, the same in every request. An id that an earlier turn has used (many
 * servers count from call_0 each time) is made unique by counting.
 */
static struct str
id_out(struct history *h, struct str id, bool is_used)
{
	struct arena *a = h->b->call->arena;
	char hash[11];

	if (id.n == 0)
		return arena_printf(a, "call_unnamed_%u", h->n_made++);
	if (id_is_good(id) && !is_used)
		return id;
	hash_base62(id, 10, hash);
	if (is_used)
		return arena_printf(a, "call_%s_%u", hash, h->n_made++);
	return arena_printf(a, "call_%s", hash);
}

static void
put_result_content(struct anthropic_build *b, const struct msg *m)
{
	struct json_out *o = &b->out;
	unsigned i = 0;

	if (last_part(m) == NULL)
		return; /* content may be absent, not blank (#69) */
	json_out_key(o, "content");
	if (m->content_is_string) {
		json_out_inner(o, m->parts->text);
		return;
	}
	json_out_arr(o);
	for (const struct msg_part *p = m->parts; p != NULL; p = p->next, i++)
		(void)anthropic_put_part(b, m, p, i, str_of(NULL, 0));
	json_out_end(o);
}

static struct str
result_cache(const struct msg *m)
{
	const struct msg_part *last = last_part(m);

	if (last != NULL && str_present(last->cache_control))
		return last->cache_control;
	return m->cache_control;
}

static void
put_result(struct history *h, const struct prov_slot *s)
{
	struct json_out *o = &h->b->out;

	json_out_obj(o);
	json_out_key(o, "type");
	json_out_strz(o, "tool_result");
	json_out_kv_str(o, "tool_use_id", s->id);
	if (s->result == NULL) {
		json_out_key(o, "content");
		json_out_strz(o, NO_RESULT);
		json_out_kv_bool(o, "is_error", true);
		PROV_LOSE(h->b, PROV_LOSS_TUNING,
		    "messages[].tool_calls[]:no-result");
	} else {
		put_result_content(h->b, s->result);
		anthropic_put_cache(h->b, result_cache(s->result));
	}
	json_out_end(o);
}

/* ---- turns ------------------------------------------------------------- */

static void
turn_open(struct history *h, const char *role)
{
	if (h->is_open)
		return;
	json_out_obj(&h->b->out);
	json_out_key(&h->b->out, "role");
	json_out_strz(&h->b->out, role);
	json_out_key(&h->b->out, "content");
	json_out_arr(&h->b->out);
	h->is_open = true;
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
	anthropic_put_text(h->b, str_z(text), str_of(NULL, 0));
}

/*
 * The parts of a user's message. Also those of a tool message whose call is
 * not in the turn before: refused as a result, it stays as text.
 */
static void
put_user_parts(struct history *h, const struct msg *m)
{
	const struct msg_part *last = last_part(m);
	unsigned i = 0;

	for (const struct msg_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (anthropic_part_is_void(p))
			continue;
		turn_open(h, "user");
		(void)anthropic_put_part(h->b, m, p, i, cache_of(m, p, last));
	}
	if (m->name.n != 0 && m->role == MSG_USER)
		PROV_LOSE(h->b, PROV_LOSS_TUNING, "messages[].name");
}

static const struct msg *
user_turn_end(const struct msg *m)
{
	while (m != NULL && m->role != MSG_ASSISTANT)
		m = m->next;
	return m;
}

/* Sorts out the turn's results, puts those of the calls first (#63, #65). */
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
}

static const struct msg *
put_user_turn(struct history *h, const struct msg *from)
{
	const struct msg *to = user_turn_end(from);

	put_results(h, from, to);
	for (const struct msg *m = from; m != to; m = m->next) {
		if (m->role == MSG_USER) {
			put_user_parts(h, m);
		} else if (prov_history_is_orphan(&h->h, m)) {
			PROV_LOSE(h->b, PROV_LOSS_TUNING,
			    "messages[%u].tool_call_id", (unsigned)m->index);
			put_user_parts(h, m);
		}
	}
	if (!h->is_open)
		put_user_text(h, EMPTY_TURN);
	turn_close(h);
	prov_history_settle(&h->h);
	return to;
}

static void
put_call_name(struct json_out *o, struct str name)
{
	char clean[128];
	size_t n = name.n < sizeof(clean) ? name.n : sizeof(clean);

	for (size_t i = 0; i < n; i++)
		clean[i] = id_is_good(str_of(name.p + i, 1)) ? name.p[i] : '_';
	json_out_kv_str(o, "name", n == 0 ? STR("_") : str_of(clean, n));
}

static void
put_call(struct history *h, const struct msg *m, const struct msg_call *c,
    struct str cache)
{
	struct anthropic_build *b = h->b;
	struct json_out *o = &b->out;
	struct prov_slot *s = prov_history_call(&h->h, c);

	if (s == NULL) {
		b->err = ERR_NOMEM;
		return;
	}
	s->id = id_out(h, c->id, s->is_repeat);
	turn_open(h, "assistant");
	json_out_obj(o);
	json_out_key(o, "type");
	json_out_strz(o, "tool_use");
	json_out_kv_str(o, "id", s->id);
	put_call_name(o, c->name);
	json_out_key(o, "input");
	if (c->is_custom) {
		json_out_obj(o);
		json_out_kv_inner(o, "input", c->arguments);
		json_out_end(o);
	} else {
		struct buf *body = &b->http->body;

		/* An empty value makes the writer put what goes before one. */
		json_out_raw(o, STR(""));
		if (!prov_put_arguments(body, &b->tape, c->arguments))
			PROV_LOSE(b, PROV_LOSS_TUNING,
			    "messages[%u].tool_calls[].function.arguments",
			    (unsigned)m->index);
	}
	anthropic_put_cache(b, cache);
	json_out_end(o);
}

static void
put_assistant_parts(struct history *h, const struct msg *m)
{
	const struct msg_part *last = m->calls == NULL ? last_part(m) : NULL;
	unsigned i = 0;

	for (const struct msg_part *p = m->parts; p != NULL; p = p->next, i++) {
		struct msg_part cut = *p;

		if (p == h->end_text)
			cut.text = prov_inner_rtrim(p->text);
		if (anthropic_part_is_void(p) && p->type != MSG_PART_THINKING &&
		    p->type != MSG_PART_REDACTED)
			continue;
		turn_open(h, "assistant");
		(void)anthropic_put_part(
		    h->b, m, &cut, i, cache_of(m, p, last));
	}
}

static void
put_assistant(struct history *h, const struct msg *m)
{
	for (const struct msg_part *p = m->thinking; p != NULL; p = p->next) {
		if (!anthropic_part_is_void(p))
			turn_open(h, "assistant");
		(void)anthropic_put_thinking(h->b, p);
	}
	/* Its text without a signature cannot be replayed (wire.md 3.4). */
	if (m->thinking == NULL && m->reasoning.n != 0)
		PROV_LOSE(
		    h->b, PROV_LOSS_TUNING, "messages[].reasoning_content");
	if (m->name.n != 0)
		PROV_LOSE(h->b, PROV_LOSS_TUNING, "messages[].name");
	put_assistant_parts(h, m);
	for (const struct msg_call *c = m->calls;
	     c != NULL && h->b->err == ERR_OK; c = c->next)
		put_call(h, m, c,
		    c->next == NULL ? m->cache_control : str_of(NULL, 0));
}

/* Runs of assistant messages are one turn, however many (#64). */
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

/*
 * "final assistant content cannot end with trailing whitespace": finds the
 * text that would, if the history ends with an assistant.
 */
static void
find_end_text(struct history *h)
{
	for (const struct msg *m = h->b->req->messages; m != NULL;
	     m = m->next) {
		if (prov_is_system(m))
			continue;
		if (m->role != MSG_ASSISTANT || m->calls != NULL)
			h->end_text = NULL;
		for (const struct msg_part *p = m->parts;
		     m->role == MSG_ASSISTANT && m->calls == NULL && p != NULL;
		     p = p->next) {
			if (!anthropic_part_is_void(p))
				h->end_text = p;
		}
	}
}

void
anthropic_put_messages(struct anthropic_build *b)
{
	struct history h = { .b = b };
	const struct msg *m = skip_system(b->req->messages);

	if (b->err != ERR_OK)
		return;
	b->err = prov_history_init(&h.h, b->call->arena, b->req);
	if (b->err != ERR_OK)
		return;
	find_end_text(&h);
	json_out_key(&b->out, "messages");
	json_out_arr(&b->out);
	if (m == NULL || m->role == MSG_ASSISTANT) {
		put_user_text(&h, CONTINUE);
		turn_close(&h);
	}
	while (m != NULL && b->err == ERR_OK) {
		if (m->role == MSG_ASSISTANT)
			m = put_assistant_turn(&h, m);
		else
			m = put_user_turn(&h, m);
	}
	if (h.h.first != NULL) /* calls at the end of all */
		(void)put_user_turn(&h, NULL);
	json_out_end(&b->out);
	prov_history_fini(&h.h);
}

static bool
has_thinking(const struct msg *m)
{
	const struct msg_part *p;

	for (p = m->thinking; p != NULL; p = p->next) {
		if (!anthropic_part_is_void(p))
			return true;
	}
	for (p = m->parts; p != NULL; p = p->next) {
		if ((p->type == MSG_PART_THINKING ||
			p->type == MSG_PART_REDACTED) &&
		    !anthropic_part_is_void(p))
			return true;
	}
	return false;
}

bool
anthropic_is_bare_tool_loop(const struct msg_request *req)
{
	bool in_turn = false;
	bool has_calls = false;
	bool is_headed = false; /* the turn begins with thinking */

	for (const struct msg *m = req->messages; m != NULL; m = m->next) {
		if (prov_is_system(m))
			continue;
		if (m->role != MSG_ASSISTANT) {
			in_turn = false;
			continue;
		}
		if (!in_turn) {
			has_calls = false;
			is_headed = has_thinking(m);
		}
		has_calls |= m->calls != NULL;
		in_turn = true;
	}
	return has_calls && !is_headed;
}
