#include "prov/fail.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/num.h"
#include "base/utf8.h"
#include "wire/url.h"

/* An error body is small; what is not JSON below this is taken as text. */
#define ERROR_TEXT_MAX 65536u
static const struct json_limits error_limits = { 64, 20000, 2000 };

/* ---- small readers ----------------------------------------------------- */

/* Of an escaped text as much as makes at most `max` bytes, no escape cut. */
static struct str
clip_inner(struct str inner, size_t max)
{
	size_t i = 0;

	if (inner.n <= max)
		return inner;
	while (i < max) {
		size_t step = 1;

		if (inner.p[i] == '\\')
			step = inner.p[i + 1] == 'u' ? 6 : 2;
		if (i + step > max)
			break;
		i += step;
	}
	return str_of(inner.p, i);
}

static void
add_text(struct buf *out, const struct json *j, json_ref v)
{
	if (json_type(j, v) == JSON_T_STRING)
		json_unescape(
		    out, clip_inner(json_inner(j, v), out->max - out->n));
	else if (v != JSON_NONE)
		buf_adds(out, utf8_clip(json_raw(j, v), out->max - out->n));
}

/* A string member as a word; what does not fit is no word. */
static void
get_word(char *out, const struct json *j, json_ref v)
{
	struct str s = json_inner(j, v);

	if (s.n == 0 || s.n >= PROV_FAIL_WORD || str_chr(s, '\\') != s.n)
		return;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
}

/* An HTTP status said as a number or as "429"; 0: it is none. */
static int
get_status(const struct json *j, json_ref v)
{
	int64_t n = 0;

	if (json_type(j, v) == JSON_T_STRING) {
		if (num_parse_i64(json_inner(j, v), &n) != ERR_OK)
			return 0;
	} else {
		n = json_i64_or(j, v, 0);
	}
	return n >= 400 && n <= 599 ? (int)n : 0;
}

static void
get_code(struct prov_fail_facts *f, const struct json *j, json_ref v)
{
	static const struct str digits = STR("0123456789");
	struct str s = json_inner(j, v);
	int status = get_status(j, v);
	bool is_number = true;

	/* the body's own word on the status wins (wire.md 10 #98) */
	if (status != 0) {
		f->status = status;
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		is_number &= str_chr(digits, s.p[i]) != digits.n;
	if (!is_number)
		get_word(f->code, j, v);
}

static void
get_duration(struct prov_fail_facts *f, struct str s)
{
	usec_t d;

	if (num_parse_go_duration(s, &d) == ERR_OK && d >= 0)
		f->retry_after = d;
}

/* ---- shapes ------------------------------------------------------------ */

/* google.rpc details[]: RetryInfo, QuotaFailure, ErrorInfo. */
static void
get_details(struct prov_fail_facts *f, const struct json *j, json_ref details)
{
	if (json_type(j, details) != JSON_T_ARRAY)
		return;
	json_each (j, details, d) {
		json_ref violations = json_get(j, d, "violations");

		get_duration(f, json_inner(j, json_get(j, d, "retryDelay")));
		get_word(f->inner, j, json_get(j, d, "reason"));
		if (json_type(j, violations) != JSON_T_ARRAY)
			continue;
		json_each (j, violations, v) {
			struct str id =
			    json_inner(j, json_get(j, v, "quotaId"));

			if (str_contains(id, STR("PerDay")))
				f->is_daily_quota = true;
		}
	}
}

/* OpenRouter: what the maker behind it said, and why it was refused. */
static void
get_metadata(struct prov_fail_facts *f, const struct json *j, json_ref meta)
{
	json_ref raw = json_get(j, meta, "raw");

	if (json_type(j, json_get(j, meta, "reasons")) == JSON_T_ARRAY)
		f->is_moderation = true;
	if (json_type(j, raw) == JSON_T_STRING && json_inner(j, raw).n != 0) {
		buf_addz(&f->text, ": ");
		add_text(&f->text, j, raw);
	}
}

/* FastAPI's "detail": a string, or a list of {loc, msg, type}. */
static void
get_detail_list(struct prov_fail_facts *f, const struct json *j, json_ref list)
{
	bool first = true;

	json_each (j, list, d) {
		json_ref loc = json_get(j, d, "loc");
		char path[PROV_FAIL_WORD];
		size_t n = 0;

		path[0] = '\0';
		if (json_type(j, loc) == JSON_T_ARRAY) {
			json_each (j, loc, step) {
				struct str s = json_raw(j, step);

				if (json_type(j, step) == JSON_T_STRING)
					s = json_inner(j, step);
				if (str_eq(s, STR("body")) ||
				    n + s.n + 2 > sizeof(path))
					continue;
				n +=
				    (size_t)snprintf(path + n, sizeof(path) - n,
					"%s%.*s", n ? "." : "", STR_ARG(s));
			}
		}
		if (!first)
			buf_addz(&f->text, "; ");
		if (n != 0)
			buf_printf(&f->text, "%s: ", path);
		if (first && n != 0)
			(void)snprintf(f->param, sizeof(f->param), "%s", path);
		if (json_get(j, d, "msg") != JSON_NONE)
			add_text(&f->text, j, json_get(j, d, "msg"));
		else
			add_text(&f->text, j, d);
		first = false;
	}
}

static void
get_detail(struct prov_fail_facts *f, const struct json *j, json_ref v)
{
	if (json_type(j, v) == JSON_T_ARRAY)
		get_detail_list(f, j, v);
	else
		add_text(&f->text, j, v);
}

/* `message`: a string; Mistral's may be {"detail":[...]}. */
static void
get_message(struct prov_fail_facts *f, const struct json *j, json_ref v)
{
	json_ref detail = json_get_set(j, v, "detail");

	if (detail != JSON_NONE)
		get_detail(f, j, detail);
	else
		add_text(&f->text, j, v);
}

/* The members that an error object has, wrapped or not. */
static void
get_object(struct prov_fail_facts *f, const struct json *j, json_ref v)
{
	json_ref m = json_get_set(j, v, "message");

	if (m == JSON_NONE)
		m = json_get_set(j, v, "Message");
	get_word(f->type, j, json_get(j, v, "type"));
	if (f->type[0] == '\0')
		get_word(f->type, j, json_get(j, v, "error_type"));
	get_word(f->word, j, json_get(j, v, "status"));
	get_word(f->param, j, json_get(j, v, "param"));
	get_word(f->inner, j, json_at(j, v, "innererror", "code", NULL));
	get_code(f, j, json_get(j, v, "code"));
	get_code(f, j, json_get(j, v, "status_code")); /* Groq, in streams */
	get_code(f, j, json_get(j, v, "statusCode")); /* Azure's gateway */
	if (m != JSON_NONE)
		get_message(f, j, m);
	else if (json_get_set(j, v, "detail") != JSON_NONE)
		get_detail(f, j, json_get(j, v, "detail"));
	get_details(f, j, json_get(j, v, "details"));
	get_metadata(f, j, json_get(j, v, "metadata"));
	if (json_type(j, json_get(j, v, "estimated_time")) == JSON_T_NUMBER) {
		int64_t s = json_i64_or(j, json_get(j, v, "estimated_time"), 1);

		f->retry_after = s >= 0 && s < 3600 ? s * USEC_PER_SEC : -1;
	}
}

/* {"error": "..."} and {"error": ["...", ...]} */
static void
get_strings(struct prov_fail_facts *f, const struct json *j, json_ref v)
{
	bool first = true;

	if (json_type(j, v) != JSON_T_ARRAY) {
		add_text(&f->text, j, v);
		return;
	}
	json_each (j, v, e) {
		if (!first)
			buf_addz(&f->text, "; ");
		add_text(&f->text, j, e);
		first = false;
	}
}

static void
get_json(struct prov_fail_facts *f, const struct json *j, json_ref v)
{
	json_ref error;

	if (json_type(j, v) == JSON_T_ARRAY)
		v = json_elem(j, v, 0);
	error = json_get_set(j, v, "error");
	/* members beside "error" first: those inside it win */
	if (json_type(j, v) == JSON_T_OBJECT &&
	    json_type(j, error) != JSON_T_OBJECT)
		get_object(f, j, v);
	if (json_type(j, error) == JSON_T_OBJECT)
		get_object(f, j, error);
	else if (error != JSON_NONE && f->text.n == 0)
		get_strings(f, j, error);
	else if (json_type(j, v) == JSON_T_STRING)
		add_text(&f->text, j, v);
	if (f->text.n == 0 && v != JSON_NONE)
		add_text(&f->text, j, error != JSON_NONE ? error : v);
}

/* ---- from facts to a failure ------------------------------------------- */

/*
 * "temperature: Extra inputs are not permitted" (Anthropic), "'max_tokens' is
 * not supported": the former names the field at its beginning.
 */
static void
guess_param(struct msg_fail *fail, struct str text)
{
	size_t n = str_chr(text, ':');

	if (fail->param[0] != '\0' || n == 0 || n >= MSG_FAIL_WORD_SIZE ||
	    n + 1 >= text.n || text.p[n + 1] != ' ')
		return;
	for (size_t i = 0; i < n; i++) {
		char c = text.p[i];

		if (!(c >= 'a' && c <= 'z') && c != '_' && c != '.' &&
		    !(i > 0 && c >= '0' && c <= '9') && c != '[' && c != ']')
			return;
	}
	memcpy(fail->param, text.p, n);
	fail->param[n] = '\0';
}

/* "Please try again in 7.66s", "Please retry in 34.6s." */
static void
guess_retry(struct prov_fail_facts *f)
{
	static const struct str heads[] = { STR("try again in "),
		STR("retry in ") };
	struct str text = buf_str(&f->text);

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		size_t at = str_find(text, heads[i]);
		struct str rest;

		if (f->retry_after >= 0 || at == SIZE_MAX)
			continue;
		rest = str_skip(text, at + heads[i].n);
		rest.n = str_chr(rest, ' ');
		while (rest.n > 0 && rest.p[rest.n - 1] == '.')
			rest.n--;
		get_duration(f, rest);
	}
}

static struct str
host_of(const struct prov_target *t)
{
	struct str rest = t->base_url;
	size_t at = str_find(rest, STR("://"));

	if (at == SIZE_MAX)
		return str_of(NULL, 0);
	rest = str_skip(rest, at + 3);
	rest.n = str_chr(rest, '/');
	rest.n = str_chr(rest, ':');
	return rest;
}

static void
set_message(struct msg_fail *fail, const struct prov_target *t,
    const struct prov_fail_facts *f, enum msg_fail_class class)
{
	struct buf one, two;

	buf_init(&one, PROV_FAIL_TEXT_MAX);
	/* redacting may make it longer */
	buf_init(&two, 12 * PROV_FAIL_TEXT_MAX);
	prov_text_strip(&one, buf_str(&f->text),
	    str_case_contains(buf_str(&f->text), STR("<html")));
	prov_text_redact(&two, buf_str(&one), host_of(t));
	if (two.n != 0 && !one.failed && !two.failed)
		msg_fail_set(fail, class, "%.*s: %.*s", STR_ARG(t->provider),
		    (int)two.n, two.p);
	else if (f->status != 0)
		msg_fail_set(fail, class, "%.*s: %d %s", STR_ARG(t->provider),
		    f->status, http_reason(f->status));
	else
		msg_fail_set(fail, class,
		    "%.*s: the provider reported an error without a message",
		    STR_ARG(t->provider));
	if (class == MSG_FAIL_INVALID)
		guess_param(fail, buf_str(&two));
	buf_fini(&one);
	buf_fini(&two);
}

static void
finish(struct msg_fail *fail, const struct prov_target *t,
    struct prov_fail_facts *f)
{
	enum msg_fail_class class = prov_fail_class(f);

	guess_retry(f);
	set_message(fail, t, f, class);
	fail->upstream_status = f->status;
	fail->retry_after = f->retry_after;
	/* nobody waits a day (wire.md 4.4) */
	if (f->is_daily_quota)
		fail->should_retry = 0;
	if (f->param[0] != '\0')
		msg_fail_param(fail, str_z(f->param));
	prov_fail_code(f, class, fail->code);
}

static void
facts_init(struct prov_fail_facts *f, int status)
{
	*f = (struct prov_fail_facts){ .status = status, .retry_after = -1 };
	buf_init(&f->text, PROV_FAIL_TEXT_MAX);
}

static void
get_headers(struct prov_fail_facts *f, struct msg_fail *fail, int status,
    const struct http_headers *h)
{
	struct str again = http_headers_find(h, "x-should-retry");
	struct str date = http_headers_find(h, "date");
	struct http_retry retry;
	usec_t now;

	/* a Retry-After that is a date is read by the sender's own clock */
	if (http_date_parse(date, &now) != ERR_OK)
		now = INT64_MAX / 2;
	if (http_retry_after(h, status, now, &retry) == ERR_OK)
		fail->retry_after = retry.asked;
	else if (f->retry_after >= 0)
		fail->retry_after = f->retry_after;
	if (str_case_eq(again, STR("true")))
		fail->should_retry = 1;
	else if (str_case_eq(again, STR("false")))
		fail->should_retry = 0;
}

void
prov_fail_parse(const struct prov_target *target, int status,
    const struct http_headers *h, struct str body, struct msg_fail *fail)
{
	struct str aws = http_headers_find(h, "x-amzn-errortype");
	struct prov_fail_facts f;
	struct json_tok *tok = NULL;
	uint32_t cap = 0;
	struct json j;
	struct str text = str_trim(body);

	facts_init(&f, status);
	aws.n = str_chr(aws, ':');
	if (aws.n != 0)
		(void)snprintf(f.word, sizeof(f.word), "%.*s", STR_ARG(aws));
	if (text.n != 0 && json_scan_reuse(&j, &tok, &cap, text, &error_limits,
			       NULL) == ERR_OK)
		get_json(&f, &j, 0);
	else
		prov_text_strip(&f.text, utf8_clip(text, ERROR_TEXT_MAX), true);
	free(tok);
	finish(fail, target, &f);
	get_headers(&f, fail, status, h);
	buf_fini(&f.text);
}

void
prov_fail_object(const struct prov_target *target, const struct json *j,
    json_ref v, int status, struct msg_fail *fail)
{
	struct prov_fail_facts f;

	/* a 2xx says nothing about what went wrong inside it */
	facts_init(&f, status >= 300 ? status : 0);
	if (json_type(j, v) == JSON_T_OBJECT &&
	    json_get_set(j, v, "error") == JSON_NONE)
		get_object(&f, j, v);
	else
		get_json(&f, j, v);
	if (f.text.n == 0)
		add_text(&f.text, j, v);
	finish(fail, target, &f);
	buf_fini(&f.text);
}

void
prov_fail(const struct prov_target *target, int status,
    const struct http_headers *h, struct str body, struct msg_fail *fail)
{
	if (target->kind != NULL && target->kind->fail != NULL)
		target->kind->fail(target, status, h, body, fail);
	else
		prov_fail_parse(target, status, h, body, fail);
}
