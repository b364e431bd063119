#include "prov/openai.h"

/* Members that have a field of msg_usage, or that follow from those. */
struct row {
	const char *key;
	size_t field; /* offset in msg_usage */
};

static const struct row plain[] = {
	{ "prompt_tokens", offsetof(struct msg_usage, prompt) },
	{ "completion_tokens", offsetof(struct msg_usage, completion) },
	/* Together, Moonshot; Mistral; DeepSeek; Databricks */
	{ "cached_tokens", offsetof(struct msg_usage, cached) },
	{ "num_cached_tokens", offsetof(struct msg_usage, cached) },
	{ "prompt_cache_hit_tokens", offsetof(struct msg_usage, cached) },
	{ "cache_read_input_tokens", offsetof(struct msg_usage, cached) },
	{ "cache_creation_input_tokens", offsetof(struct msg_usage, written) },
	{ "reasoning_tokens", offsetof(struct msg_usage, reasoning) },
};

static const struct row prompt_details[] = {
	{ "cached_tokens", offsetof(struct msg_usage, cached) },
	{ "cache_write_tokens", offsetof(struct msg_usage, written) },
	{ "audio_tokens", offsetof(struct msg_usage, audio_in) },
};

static const struct row completion_details[] = {
	{ "reasoning_tokens", offsetof(struct msg_usage, reasoning) },
	{ "audio_tokens", offsetof(struct msg_usage, audio_out) },
	{ "accepted_prediction_tokens",
	    offsetof(struct msg_usage, accepted_prediction) },
	{ "rejected_prediction_tokens",
	    offsetof(struct msg_usage, rejected_prediction) },
};

#define ROWS(t) (sizeof(t) / sizeof(*(t)))

static int64_t *
field(struct msg_usage *u, size_t at)
{
	return (int64_t *)(void *)((char *)u + at);
}

static void
add_member(
    struct buf *extra, const char *prefix, struct str key, struct str raw)
{
	if (extra->n != 0)
		buf_addc(extra, ',');
	buf_addc(extra, '"');
	buf_addz(extra, prefix);
	buf_adds(extra, key);
	buf_addz(extra, "\":");
	buf_adds(extra, raw);
}

static void
read_members(const struct json *j, json_ref v, struct msg_usage *u,
    int64_t *total, struct buf *extra)
{
	json_each (j, v, k) {
		struct str key = json_inner(j, k);
		json_ref value = json_value(j, k);
		int64_t n = prov_answer_count(j, value);
		size_t i = 0;

		while (i < ROWS(plain) && !str_eqz(key, plain[i].key))
			i++;
		if (i < ROWS(plain) && n >= 0)
			*field(u, plain[i].field) = n;
		if (str_eq(key, STR("total_tokens")))
			*total = n;
		/* the first two are written anew; the rest is the maker's */
		if (i < 2 || str_eq(key, STR("total_tokens")) ||
		    str_eq(key, STR("prompt_tokens_details")) ||
		    str_eq(key, STR("completion_tokens_details")) ||
		    json_type(j, value) == JSON_T_NULL)
			continue;
		add_member(extra, "", key, json_raw(j, value));
	}
}

/*
 * Of one details object. When it tells of what has no field (text, image and
 * video tokens), the whole object goes along under a name that does not collide
 * with the one the client gets.
 */
static void
read_details(const struct json *j, json_ref usage, const char *name,
    const struct row *rows, size_t n_rows, struct msg_usage *u, int64_t *image,
    struct buf *extra)
{
	json_ref v = json_get(j, usage, name);
	bool unknown = false;

	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	json_each (j, v, k) {
		struct str key = json_inner(j, k);
		int64_t n = prov_answer_count(j, json_value(j, k));
		size_t i = 0;

		while (i < n_rows && !str_eqz(key, rows[i].key))
			i++;
		if (i < n_rows && n >= 0)
			*field(u, rows[i].field) = n;
		if (i < n_rows)
			continue;
		if (str_eq(key, STR("image_tokens")))
			*image = n;
		unknown |= json_i64_or(j, json_value(j, k), 0) != 0;
	}
	if (unknown)
		add_member(extra, "native_", str_z(name), json_raw(j, v));
}

static int64_t
at_most(int64_t n, int64_t bound)
{
	return bound >= 0 && n > bound ? bound : n;
}

/* What makers leave out of their sums (wire.md 3.3, all recorded). */
static void
put_right(struct msg_usage *u, int64_t total)
{
	int64_t rest = 0;

	if (u->prompt < 0 || u->completion < 0)
		return;
	if (total >= 0)
		rest = total - u->prompt - u->completion;
	if (rest > 0 && rest == u->reasoning) {
		/* xAI: 401 + 44 + 185 = 630 */
		u->completion += rest;
	} else if (rest > 0 && rest == u->audio_in) {
		/* Mistral: 9 + 375 + 201 = 585 */
		u->prompt += rest;
	} else if (rest > 0) {
		/* Gemini's compatible surface: thoughts in the total only */
		u->completion += rest;
		if (u->reasoning < 0)
			u->reasoning = rest;
	} else if (u->reasoning > u->completion) {
		/* Vercel before Gemini: 5 and 49; billed are 54 */
		u->completion += u->reasoning;
	}
	u->reasoning = at_most(u->reasoning, u->completion);
	/* Azure before Grok: 163 cached of 7 */
	u->cached = at_most(u->cached, u->prompt);
	if (u->written >= 0)
		u->written = at_most(
		    u->written, u->prompt - (u->cached > 0 ? u->cached : 0));
	u->audio_in = at_most(u->audio_in, u->prompt);
	u->image_in = at_most(u->image_in, u->prompt);
	u->audio_out = at_most(u->audio_out, u->completion);
	u->image_out = at_most(u->image_out, u->completion);
}

void
openai_usage(
    const struct json *j, json_ref v, struct msg_usage *u, struct buf *extra)
{
	int64_t total = -1;

	*u = MSG_USAGE_UNKNOWN;
	buf_reset(extra);
	read_members(j, v, u, &total, extra);
	read_details(j, v, "prompt_tokens_details", prompt_details,
	    ROWS(prompt_details), u, &u->image_in, extra);
	read_details(j, v, "completion_tokens_details", completion_details,
	    ROWS(completion_details), u, &u->image_out, extra);
	put_right(u, total);
	if (extra->n != 0 && !extra->failed)
		u->extra = buf_str(extra);
}
