#include "prov/openai.h"

/*
 * Most chunks of a stream differ from the one before in nothing but their text.
 * Once a chunk was read that made one TEXT event and nothing else, what stands
 * around its text is kept; another that has the same around a text without
 * escapes makes the same event, without a look at its JSON.
 */

/* Before the text, behind it, and the extras of the event. */
#define FRAME_MAX 2048u

/* Members that differ each time (obfuscation) leave nothing to compare. */
static bool
is_framed(const struct openai_answer *a, struct str json)
{
	const struct msg_event *ev = &a->only;

	return a->n_emitted == 1 && ev->type == MSG_EV_TEXT &&
	       ev->text.n != 0 && ev->raw.n == 0 && !a->was_padded &&
	       ev->text.p > json.p && ev->text.p < json.p + json.n;
}

static void
keep_extra(struct openai_frame *f, struct str extra, uint32_t *n)
{
	*n = (uint32_t)extra.n;
	buf_adds(&f->bytes, extra);
}

void
openai_alike_learn(struct openai_answer *a, struct str json)
{
	struct openai_frame *f = &a->frame;
	const struct msg_event *ev = &a->only;
	size_t before;

	if (!is_framed(a, json))
		return;
	before = (size_t)(ev->text.p - json.p);
	f->choice = ev->choice;
	f->top_hash = a->last_top;
	f->n_before = (uint32_t)before;
	f->n_after = (uint32_t)(json.n - before - ev->text.n);
	buf_reset(&f->bytes);
	buf_add(&f->bytes, json.p, before);
	buf_add(&f->bytes, ev->text.p + ev->text.n, f->n_after);
	keep_extra(f, ev->extra_top, &f->n_top);
	keep_extra(f, ev->extra_choice, &f->n_choice);
	keep_extra(f, ev->extra_delta, &f->n_delta);
	if (f->bytes.failed) /* then each is read */
		buf_fini(&f->bytes);
}

/* A text that needs no second look: printable ASCII, no escapes. */
static bool
is_plain(struct str s)
{
	unsigned odd = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		odd |= (unsigned)(c - 0x20u > 0x7eu - 0x20u) |
		       (unsigned)(c == '"') | (unsigned)(c == '\\');
	}
	return !odd && s.n != 0;
}

bool
openai_alike_take(struct openai_answer *a, struct str json)
{
	const struct openai_frame *f = &a->frame;
	struct msg_event ev = { .type = MSG_EV_TEXT, .choice = f->choice };
	size_t around = (size_t)f->n_before + f->n_after;
	const char *extra;

	if (f->bytes.n == 0 || json.n <= around ||
	    memcmp(json.p, f->bytes.p, f->n_before) != 0 ||
	    memcmp(json.p + json.n - f->n_after, f->bytes.p + f->n_before,
		f->n_after) != 0)
		return false;
	ev.text = str_of(json.p + f->n_before, json.n - around);
	if (!is_plain(ev.text))
		return false;
	extra = f->bytes.p + around;
	if (f->n_top)
		ev.extra_top = str_of(extra, f->n_top);
	if (f->n_choice)
		ev.extra_choice = str_of(extra + f->n_top, f->n_choice);
	if (f->n_delta)
		ev.extra_delta =
		    str_of(extra + f->n_top + f->n_choice, f->n_delta);
	a->last_top = f->top_hash;
	prov_answer_emit(&a->c.a, &ev);
	return true;
}

void
openai_alike_init(struct openai_answer *a)
{
	buf_init(&a->frame.bytes, FRAME_MAX);
}

void
openai_alike_fini(struct openai_answer *a)
{
	buf_fini(&a->frame.bytes);
}
