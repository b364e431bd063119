#include "api/norm_int.h"

/* Usage: field by field the last known value, with the invariants of 3.3. */

enum {
	EXTRA_MAX = 64 * 1024
};

static void
take(int64_t *to, int64_t from)
{
	if (from >= 0)
		*to = from;
}

void
norm_usage_add(struct api_norm *n, const struct msg_usage *u)
{
	struct msg_usage *to = &n->usage;

	take(&to->prompt, u->prompt);
	take(&to->completion, u->completion);
	take(&to->cached, u->cached);
	take(&to->written, u->written);
	take(&to->written_1h, u->written_1h);
	take(&to->reasoning, u->reasoning);
	take(&to->audio_in, u->audio_in);
	take(&to->audio_out, u->audio_out);
	take(&to->image_in, u->image_in);
	take(&to->image_out, u->image_out);
	take(&to->accepted_prediction, u->accepted_prediction);
	take(&to->rejected_prediction, u->rejected_prediction);
	if (u->extra.n > 0 && u->extra.n <= EXTRA_MAX) {
		buf_reset(&n->usage_extra);
		n->usage_extra.max = EXTRA_MAX;
		buf_adds(&n->usage_extra, u->extra);
	}
}

static int64_t
known(int64_t v)
{
	return v > 0 ? v : 0;
}

struct msg_usage
api_norm_usage(const struct api_norm *n)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	int64_t part;

	if (!n)
		return u;
	u = n->usage;
	/*
	 * A part cannot be more than its whole. Raising the whole is the side
	 * on which nobody works for nothing; makers' modules add up properly,
	 * so this concerns makers whose habits nobody knows yet.
	 */
	if (__builtin_add_overflow(known(u.cached), known(u.written), &part))
		part = INT64_MAX;
	if (u.prompt >= 0 && u.prompt < part)
		u.prompt = part;
	if (u.completion >= 0 && u.completion < u.reasoning)
		u.completion = u.reasoning;
	if (u.written_1h > known(u.written))
		u.written_1h = known(u.written);
	return u;
}
