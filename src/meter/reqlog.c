#include "meter/reqlog.h"

#include "base/json_out.h"
#include "base/utf8.h"

/*
 * Bytes of a text that somebody else chooses: nobody's name is longer, and none
 * may push the line beyond what a line may have, which would lose it.
 */
#define NAME_MAX_BYTES 200
#define DROPPED_MAX_BYTES 512

/* Which form a field has in either format. */
struct line {
	struct buf *out;
	struct json_out json;
	bool is_json;
	bool has_any;
};

static void
line_key(struct line *l, const char *key)
{
	if (l->is_json) {
		json_out_key(&l->json, key);
		return;
	}
	if (l->has_any)
		buf_addc(l->out, ' ');
	l->has_any = true;
	buf_addz(l->out, key);
	buf_addc(l->out, '=');
}

static bool
needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		/* beyond ASCII too: quoting makes valid UTF-8 of it */
		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
			return true;
	}
	return s.n == 0;
}

/* Code of the control character at p that JSON would let pass, or 0. */
static unsigned
late_control(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	unsigned char next = s.n > 1 ? (unsigned char)s.p[1] : 0;

	if (c == 0x7f)
		return c;
	return c == 0xc2 && next >= 0x80 && next < 0xa0 ? next : 0;
}

/* JSON's escapes, and DEL and C1 too: people read this in a terminal. */
static void
put_quoted(struct buf *out, struct str s)
{
	size_t n = 0;

	buf_addc(out, '"');
	while (n < s.n) {
		unsigned c = late_control(str_skip(s, n));

		if (c == 0) {
			n++;
			continue;
		}
		json_escape(out, str_of(s.p, n));
		buf_printf(out, "\\u%04x", c);
		s = str_skip(s, n + (c == 0x7f ? 1 : 2));
		n = 0;
	}
	json_escape(out, s);
	buf_addc(out, '"');
}

/* Absent spans have no field at all. */
static void
line_str(struct line *l, const char *key, struct str s)
{
	if (!str_present(s))
		return;
	line_key(l, key);
	if (l->is_json) {
		json_out_str(&l->json, s);
	} else if (needs_quotes(s)) {
		put_quoted(l->out, s);
	} else {
		buf_adds(l->out, s);
	}
}

/* Of a longer one as much as max bytes hold, and a mark. */
static void
line_clip(struct line *l, const char *key, struct str s, size_t max)
{
	UNCLEARED char text[DROPPED_MAX_BYTES + 3];
	struct str head;

	if (!str_present(s) || s.n <= max) {
		line_str(l, key, s);
		return;
	}
	head = utf8_clip(s, max);
	memcpy(text, head.p, head.n);
	memcpy(text + head.n, "...", 3);
	line_str(l, key, str_of(text, head.n + 3));
}

static void
line_strz(struct line *l, const char *key, const char *z)
{
	line_str(l, key, str_z(z));
}

/* Negative: unknown, no field. */
static void
line_i64(struct line *l, const char *key, int64_t v)
{
	if (v < 0)
		return;
	line_key(l, key);
	if (l->is_json)
		json_out_i64(&l->json, v);
	else
		buf_addi(l->out, v);
}

static void
line_bool(struct line *l, const char *key, bool v)
{
	line_key(l, key);
	if (l->is_json)
		json_out_bool(&l->json, v);
	else
		buf_addz(l->out, v ? "true" : "false");
}

const char *const meter_outcome_words[METER_OUTCOME__MAX] = {
	[METER_OK] = "ok",
	[METER_CLIENT_ERROR] = "client_error",
	[METER_UPSTREAM_ERROR] = "upstream_error",
	[METER_ABORTED] = "aborted",
	[METER_INTERNAL] = "internal_error",
};

/* "openai-main/gpt-4o:unavailable:503:1200us,anthropic-main/...:ok:200:..." */
static void
put_attempts(struct line *l, const struct meter_record *rec)
{
	uint32_t n = rec->n_attempts < METER_ATTEMPTS_MAX ? rec->n_attempts
							  : METER_ATTEMPTS_MAX;
	struct buf text;

	if (n == 0)
		return;
	buf_init(&text, 4096);
	for (uint32_t i = 0; i < n; i++) {
		const struct meter_attempt *a = &rec->attempts[i];

		if (!a->target)
			continue;
		if (text.n > 0)
			buf_addc(&text, ',');
		buf_adds(&text, a->target->provider->name);
		buf_addc(&text, '/');
		buf_adds(&text, a->target->model);
		buf_addc(&text, ':');
		/* "none": its client left before it had answered */
		buf_addz(&text, a->fail		? msg_fail_table[a->fail].word
				: a->status > 0 ? "ok"
						: "none");
		buf_addc(&text, ':');
		buf_addz(&text, a->end);
		buf_addc(&text, ':');
		buf_addi(&text, a->status);
		buf_addc(&text, ':');
		buf_addi(&text, a->total);
		buf_addz(&text, "us");
	}
	line_str(l, "tried", buf_str(&text));
	buf_fini(&text);
}

/*
 * Why each attempt went where it did, and what was known: "weight",
 * "headroom:key=a:used=12%", "only:used=95%:slowed=700000us".
 */
static void
put_reasons(struct line *l, const struct meter_record *rec)
{
	uint32_t n = rec->n_attempts < METER_ATTEMPTS_MAX ? rec->n_attempts
							  : METER_ATTEMPTS_MAX;
	struct buf text;

	buf_init(&text, 4096);
	for (uint32_t i = 0; i < n; i++) {
		const struct meter_attempt *a = &rec->attempts[i];

		if (!a->target || !a->why)
			continue;
		if (text.n > 0)
			buf_addc(&text, ',');
		buf_addz(&text, a->why);
		if (str_present(a->key))
			buf_printf(&text, ":key=%.*s", STR_ARG(a->key));
		if (a->used_percent > 0)
			buf_printf(&text, ":used=%d%%", a->used_percent);
		if (a->slowed > 0)
			buf_printf(
			    &text, ":slowed=%lldus", (long long)a->slowed);
	}
	if (text.n > 0)
		line_str(l, "why", buf_str(&text));
	buf_fini(&text);
}

static void
put_who(struct line *l, const struct meter_record *rec)
{
	char time[CLOCK_ISO_SIZE];

	clock_iso(rec->wall, time);
	line_strz(l, "time", time);
	line_str(l, "request_id", rec->request_id);
	line_clip(
	    l, "client_request_id", rec->client_request_id, NAME_MAX_BYTES);
	line_clip(l, "client", rec->client, NAME_MAX_BYTES);
	line_strz(l, "refused", rec->refusal);
	line_clip(l, "client_id", rec->client_id, NAME_MAX_BYTES);
	line_str(l, "remote", rec->remote_addr);
	line_clip(l, "reason", rec->reason, NAME_MAX_BYTES);
	line_strz(l, "surface", rec->surface);
	line_clip(l, "alias", rec->alias, NAME_MAX_BYTES);
}

static void
put_target(struct line *l, const struct meter_record *rec)
{
	if (rec->target) {
		line_str(l, "provider", rec->target->provider->name);
		line_str(l, "model", rec->target->model);
	}
	line_bool(l, "stream", rec->stream);
	line_i64(l, "status", rec->status);
	line_strz(l, "outcome", meter_outcome_words[rec->outcome]);
	line_i64(l, "attempts", rec->n_attempts);
	put_attempts(l, rec);
	put_reasons(l, rec);
}

/* Dollars, exactly; what is unpriced is never a 0. */
static void
put_cost(struct line *l, const struct meter_record *rec)
{
	char text[MONEY_TEXT_SIZE];

	if (rec->has_cost) {
		money_print_usd(rec->cost, text);
		line_key(l, "cost");
		if (l->is_json)
			json_out_raw(&l->json, str_z(text));
		else
			buf_addz(l->out, text);
		line_key(l, "price_version");
		if (l->is_json)
			json_out_i64(&l->json, rec->price_version);
		else
			buf_addi(l->out, rec->price_version);
	}
	if (rec->has_unpriced)
		line_bool(l, "unpriced", true);
}

static void
put_figures(struct line *l, const struct meter_record *rec)
{
	line_i64(l, "queue_us", rec->overhead);
	line_i64(l, "first_byte_us", rec->first_byte);
	line_i64(l, "total_us", rec->total);
	line_i64(l, "prompt_tokens", rec->usage.prompt);
	line_i64(l, "completion_tokens", rec->usage.completion);
	line_i64(l, "cached_tokens", rec->usage.cached);
	line_i64(l, "cache_write_tokens", rec->usage.written);
	line_i64(l, "cache_write_1h_tokens", rec->usage.written_1h);
	line_i64(l, "reasoning_tokens", rec->usage.reasoning);
	line_i64(l, "audio_in_tokens", rec->usage.audio_in);
	line_i64(l, "audio_out_tokens", rec->usage.audio_out);
	line_i64(l, "image_in_tokens", rec->usage.image_in);
	line_i64(l, "image_out_tokens", rec->usage.image_out);
	put_cost(l, rec);
	line_i64(l, "bytes_in", (int64_t)rec->bytes_in);
	line_i64(l, "bytes_out", (int64_t)rec->bytes_out);
	line_strz(l, "cache", rec->cache);
	if (rec->dropped.n > 0)
		line_clip(l, "dropped", rec->dropped, DROPPED_MAX_BYTES);
	if (rec->policy_shadow.n > 0)
		line_clip(
		    l, "policy_shadow", rec->policy_shadow, DROPPED_MAX_BYTES);
	line_clip(l, "policy", rec->policy, NAME_MAX_BYTES);
	if (rec->fail != MSG_FAIL_NONE)
		line_strz(l, "fail", msg_fail_table[rec->fail].word);
	line_clip(l, "limit", rec->limit, NAME_MAX_BYTES);
	line_clip(l, "would_deny", rec->limit_shadow, NAME_MAX_BYTES);
	line_str(l, "error", rec->error);
	line_str(l, "detail", rec->detail);
}

void
meter_reqlog_line(
    const struct meter_record *rec, enum log_format format, struct buf *out)
{
	struct line l = { .out = out, .is_json = format == LOG_JSON };

	if (l.is_json) {
		json_out_init(&l.json, out);
		json_out_obj(&l.json);
	}
	put_who(&l, rec);
	put_target(&l, rec);
	put_figures(&l, rec);
	if (l.is_json)
		json_out_end(&l.json);
}
