/*
 * Providers quote in their errors what they were sent. A client may read his
 * own words again, but the log has no text of prompts.
 */
#include "flow/life.h"

/* So long a run of the prompt's bytes is no accident. */
#define RUN 16
/* What is searched of a request's messages at most: some milliseconds. */
#define SCAN_MAX ((size_t)4 << 20)
#define BUCKETS 2048u
#define BASE UINT32_C(16777619)
#define HIDDEN "[...]"

/* The message's runs of RUN bytes, by a hash that rolls over text. */
struct runs {
	struct str message;
	uint32_t hash[MSG_FAIL_MESSAGE_SIZE];
	uint16_t next[MSG_FAIL_MESSAGE_SIZE]; /* index + 1 */
	uint16_t first[BUCKETS];
	bool is_quoted[MSG_FAIL_MESSAGE_SIZE];
	bool any;
	size_t left; /* bytes that may still be searched */
	uint32_t drop; /* BASE to the power of RUN */
};

static uint32_t
roll(const struct runs *r, uint32_t h, struct str s, size_t at)
{
	h = h * BASE + (unsigned char)s.p[at];
	if (at >= RUN)
		h -= r->drop * (unsigned char)s.p[at - RUN];
	return h;
}

static uint32_t
bucket(uint32_t h)
{
	return (h ^ h >> 16) % BUCKETS;
}

static void
runs_init(struct runs *r, struct str message)
{
	uint32_t h = 0;

	memset(r, 0, sizeof(*r));
	r->message = message;
	r->left = SCAN_MAX;
	r->drop = 1;
	for (int i = 0; i < RUN; i++)
		r->drop *= BASE;
	for (size_t i = 0; i < message.n; i++) {
		size_t at = i + 1 - RUN;

		h = roll(r, h, message, i);
		if (i + 1 < RUN)
			continue;
		r->hash[at] = h;
		r->next[at] = r->first[bucket(h)];
		r->first[bucket(h)] = (uint16_t)(at + 1);
	}
}

static void
note(struct runs *r, uint32_t h, const char *p)
{
	for (unsigned i = r->first[bucket(h)]; i > 0; i = r->next[i - 1]) {
		if (r->hash[i - 1] != h ||
		    memcmp(r->message.p + i - 1, p, RUN) != 0)
			continue;
		memset(r->is_quoted + i - 1, true, RUN);
		r->any = true;
	}
}

static void
search(struct runs *r, struct str text)
{
	uint32_t h = 0;

	if (text.n > r->left)
		text.n = r->left;
	r->left -= text.n;
	for (size_t i = 0; i < text.n; i++) {
		h = roll(r, h, text, i);
		if (i + 1 >= RUN)
			note(r, h, text.p + i + 1 - RUN);
	}
}

static struct str
without_quotes(const struct runs *r, struct arena *a)
{
	struct str m = r->message, out;
	struct buf b;

	buf_init(&b, MSG_FAIL_MESSAGE_SIZE + sizeof(HIDDEN));
	for (size_t i = 0; i < m.n; i++)
		if (!r->is_quoted[i])
			buf_addc(&b, m.p[i]);
		else if (i == 0 || !r->is_quoted[i - 1])
			buf_addz(&b, HIDDEN);
	out = b.failed ? STR(HIDDEN) : arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}

/*
 * Runs are of bytes: where one ends within a character, what is left of it is
 * mended by whoever writes the log (meter/reqlog.c).
 */
struct str
echo_hidden(struct req *r, struct str message)
{
	struct runs *runs;

	if (r->rec.n_attempts == 0 || message.n < RUN)
		return message;
	runs = calloc(1, sizeof(*runs));
	if (!runs)
		return STR(HIDDEN);
	runs_init(runs, message);
	for (const struct msg *m = r->msg.messages; m; m = m->next)
		search(runs, str_present(m->raw) ? m->raw : buf_str(&r->body));
	if (runs->any)
		message = without_quotes(runs, r->arena);
	free(runs);
	return message;
}
