/*
 * Server-sent events: whole and cut must say the same. Input: two bytes that
 * seed the cuts (the second also chooses the cap), then the stream.
 */
#include "fuzz_split.h"
#include "wire/sse.h"

struct subject {
	struct sse sse;
	struct buf *out;
	size_t max;
};

static enum err
note(void *arg, const struct sse_event *ev)
{
	struct subject *s = arg;

	FUZZ_CHECK(ev->data.p && ev->data.n <= s->max + 1);
	FUZZ_CHECK(ev->event.n <= SSE_NAME_MAX);
	FUZZ_CHECK(
	    ev->kind != SSE_COMMENT || !str_contains(ev->data, STR("\n")));
	FUZZ_CHECK(!str_contains(ev->data, STR("\r")));
	buf_printf(s->out, "\n%d ", ev->kind);
	buf_adds(s->out, ev->event);
	buf_addc(s->out, str_present(ev->event) ? '|' : '-');
	buf_adds(s->out, ev->data);
	return str_eqz(ev->data, "[DONE]") ? ERR_CLOSED : ERR_OK;
}

static void *
subject_open(void *arg, struct buf *out)
{
	struct subject *s = calloc(1, sizeof(*s));

	FUZZ_CHECK(s);
	s->max = *(size_t *)arg;
	s->out = out;
	sse_init(&s->sse, s->max);
	return s;
}

static void
subject_feed(void *state, const char *p, size_t n)
{
	struct subject *s = state;
	enum err before = s->sse.broken;
	enum err e = sse_feed(&s->sse, p, n, note, s);

	FUZZ_CHECK(before == ERR_OK || e == before);
	FUZZ_CHECK(s->sse.hold.n <= s->max + 1);
}

static void
subject_finish(void *state)
{
	struct subject *s = state;

	buf_printf(s->out, "\nend %d", sse_end(&s->sse, note, s));
	sse_fini(&s->sse);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t max = 1 << 20;
	const struct split_subject s = { subject_open, subject_feed,
		subject_finish, &max };

	/* Small caps below 128, else one that is never reached. */
	if (size > 1 && data[1] < 128)
		max = data[1] + 1u;
	fuzz_split(&s, data, size);
	return 0;
}
