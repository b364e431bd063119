/*
 * A client's body -> the canonical request, as /v1/chat/completions and as
 * /v1/chat: what the first accepts the second accepts as well, but for what
 * belongs to the envelope; a refusal says why, in UTF-8.
 */
#include <string.h>

#include "api/chat.h"
#include "base/utf8.h"
#include "fuzz.h"

#define ARENA_BYTES ((size_t)32 << 20)

static bool
is_inside(struct str span, struct str body)
{
	return span.p >= body.p && span.p + span.n <= body.p + body.n;
}

static void
check_fail(enum err e, const struct msg_fail *f)
{
	FUZZ_CHECK(f->class == MSG_FAIL_INVALID ||
		   (e == ERR_NOMEM && f->class == MSG_FAIL_TOO_LARGE));
	FUZZ_CHECK(f->message[0] && utf8_valid(str_z(f->message)));
	FUZZ_CHECK(utf8_valid(str_z(f->param)));
}

static void
check_messages(const struct msg_request *r, struct str body)
{
	uint32_t n = 0;

	for (const struct msg *m = r->messages; m; m = m->next) {
		FUZZ_CHECK(m->index == n++);
		FUZZ_CHECK(is_inside(m->raw, body));
		FUZZ_CHECK(m->role < MSG_ROLE__MAX);
		if (m->role == MSG_TOOL)
			FUZZ_CHECK(m->call_id.n > 0);
		for (const struct msg_part *p = m->parts; p; p = p->next) {
			FUZZ_CHECK(p->type < MSG_PART__MAX);
			if (p->type == MSG_PART_TEXT)
				FUZZ_CHECK(is_inside(p->text, body));
		}
		for (const struct msg_call *c = m->calls; c; c = c->next)
			FUZZ_CHECK(c->id.n > 0 && c->name.n > 0 &&
				   str_present(c->arguments));
	}
	FUZZ_CHECK(n > 0 && n == r->n_messages);
}

static void
check_params(const struct msg_request *r, struct str body)
{
	int64_t i64;
	double d;

	for (int i = 0; i < MSG_P__MAX; i++) {
		if (!str_present(r->param[i]))
			continue;
		FUZZ_CHECK(is_inside(r->param[i], body));
		if (msg_param_table[i].type == MSG_V_NUMBER)
			FUZZ_CHECK(msg_param_double(r, i, &d));
		if (msg_param_table[i].type == MSG_V_INTEGER)
			FUZZ_CHECK(msg_param_double(r, i, &d));
		(void)msg_param_i64(r, i, &i64);
	}
	FUZZ_CHECK(msg_max_tokens(r, 1) >= 0);
	FUZZ_CHECK(!str_present(r->choice_name) || r->n_tools > 0);
}

/* Refused as an envelope only: which of its own rules is it? */
static bool
is_envelopes_own(const struct msg_fail *f)
{
	return strcmp(f->param, "n") == 0 ||
	       strncmp(f->param, "metadata", 8) == 0 ||
	       strcmp(f->param, "client_id") == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = { (const char *)data, size };
	struct msg_request chat, envelope;
	struct msg_fail fail, fail2;
	struct arena *a = arena_new(ARENA_BYTES);
	enum err e, e2;

	FUZZ_CHECK(a);
	if (size == 0)
		body.p = "";
	e = api_chat_parse(a, body, NULL, &chat, &fail);
	e2 = api_envelope_parse(a, body, NULL, &envelope, &fail2);
	if (e == ERR_OK) {
		check_messages(&chat, body);
		check_params(&chat, body);
	} else {
		check_fail(e, &fail);
	}
	if (e2 != ERR_OK) {
		check_fail(e2, &fail2);
		FUZZ_CHECK(e != ERR_OK || is_envelopes_own(&fail2));
	} else if (e == ERR_OK) {
		FUZZ_CHECK(chat.n_messages == envelope.n_messages);
		FUZZ_CHECK(chat.n_tools == envelope.n_tools);
		FUZZ_CHECK(chat.choice == envelope.choice);
		FUZZ_CHECK(str_eq(chat.model, envelope.model));
	}
	arena_free(a);
	return 0;
}
