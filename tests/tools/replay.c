/*
 * replay: recorded provider exchanges through the provider's parser, the
 * normaliser and the writers, as the gateway would.
 *
 *	replay < LIST		one path of a fixture per line
 *	replay --errors FILE	a collection of documented errors
 *
 * Prints one JSON object per exchange:
 *	{"file", "kind", "skip"}		no such kind is compiled in
 *	{"file", "kind", "fail": {...}}		an error, or an answer that is one
 *	{"file", "kind", "whole", "stream", "cuts"}
 * and, for a request in OpenAI's dialect that was recorded, "request": what the
 * gateway would have sent for it ({"sent", "dropped"} or {"fail"}).
 * whole is the collected answer, stream the text of the streamed
 * one, fail the failure (also beside stream when it came in the middle), cuts
 * the ways of cutting the bytes that gave another result (must be empty).
 *
 * It judges nothing: tests/replay/run.py does, by a reading of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/chat.h"
#include "api/norm.h"
#include "base/json_out.h"
#include "base/rand.h"
#include "prov/prov.h"

#define MAX_BYTES ((size_t)64 << 20)
#define ASKED_AT 1700000000

/* One run of an exchange: what came out. */
struct run {
	struct api_norm *norm;
	struct api_answer *whole, *stream;
	struct buf whole_out, stream_out;
	bool has_fail;
	struct msg_fail fail;
};

struct exchange {
	struct str provider, surface;
	int status;
	const struct prov_kind *kind;
	struct prov_target target;
	const struct json *j;
	json_ref headers; /* an object, or JSON_NONE */
	struct buf body;
};

/* ---- running ----------------------------------------------------------- */

static void
on_normal(void *arg, const struct msg_event *ev)
{
	struct run *r = arg;

	if (api_answer_event(r->whole, ev, &r->whole_out) != ERR_OK ||
	    api_answer_event(r->stream, ev, &r->stream_out) != ERR_OK)
		abort();
}

static void
on_event(void *arg, const struct msg_event *ev)
{
	struct run *r = arg;

	if (api_norm_event(r->norm, ev) == API_STEP_FAIL) {
		r->has_fail = true;
		r->fail = *api_norm_fail(r->norm);
	}
}

static void
run_init(struct run *r)
{
	struct api_answer_options o = { .dialect = MSG_DIALECT_OPENAI,
		.include_usage = true,
		.asked_model = STR("asked"),
		.now = ASKED_AT };

	*r = (struct run){ .has_fail = false };
	/* ids that are made are the same in each run */
	rand_init_fixed(7);
	buf_init(&r->whole_out, MAX_BYTES);
	buf_init(&r->stream_out, MAX_BYTES);
	r->whole = api_answer_new(&o);
	o.stream = true;
	r->stream = api_answer_new(&o);
	r->norm = api_norm_new(NULL, (struct msg_sink){ on_normal, r });
	if (r->whole == NULL || r->stream == NULL || r->norm == NULL)
		abort();
}

static void
run_fini(struct run *r)
{
	api_norm_free(r->norm);
	api_answer_free(r->whole);
	api_answer_free(r->stream);
	buf_fini(&r->whole_out);
	buf_fini(&r->stream_out);
}

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
headers_fill(struct http_headers *h, struct arena *a, const struct exchange *x)
{
	http_headers_init(h, a);
	if (json_type(x->j, x->headers) != JSON_T_OBJECT)
		return;
	json_each (x->j, x->headers, k) {
		struct str name = json_text(x->j, k, a);
		struct str value = json_text(x->j, json_value(x->j, k), a);

		if (str_present(value) &&
		    http_headers_add(h, name, value) != ERR_OK)
			(void)fprintf(
			    stderr, "header %.*s left out\n", STR_ARG(name));
	}
}

/* cut: 0 whole, 1.. that many bytes a piece, negative: random by that seed. */
static void
run_answer(struct run *r, const struct exchange *x, int cut)
{
	struct prov_answer_options o = { true, MAX_BYTES, MAX_BYTES };
	struct arena *arena = arena_new(1 << 20);
	uint64_t seed = 88172645463325252u + (uint64_t)(unsigned)cut;
	struct str rest = buf_str(&x->body);
	struct http_headers h;
	struct prov_answer *a;

	run_init(r);
	a = x->kind->answer_new(
	    &x->target, &o, (struct msg_sink){ on_event, r });
	if (a == NULL || arena == NULL)
		abort();
	headers_fill(&h, arena, x);
	x->kind->answer_head(a, x->status, &h);
	while (rest.n != 0) {
		size_t n = cut > 0 ? (size_t)cut : rest.n;
		char *piece;

		if (cut < 0)
			n = 1 + (size_t)(next(&seed) % 97);
		if (n > rest.n)
			n = rest.n;
		/* a block of its own: sanitizers see what is kept too long */
		piece = malloc(n);
		if (piece == NULL)
			abort();
		memcpy(piece, rest.p, n);
		x->kind->answer_feed(a, piece, n);
		free(piece);
		rest = str_skip(rest, n);
	}
	x->kind->answer_end(a);
	x->kind->answer_free(a);
	arena_free(arena);
}

static bool
is_same(const struct run *a, const struct run *b)
{
	return a->has_fail == b->has_fail &&
	       str_eq(buf_str(&a->whole_out), buf_str(&b->whole_out)) &&
	       str_eq(buf_str(&a->stream_out), buf_str(&b->stream_out)) &&
	       (!a->has_fail || strcmp(a->fail.message, b->fail.message) == 0);
}

/* ---- printing ---------------------------------------------------------- */

static void
put_fail(struct json_out *o, const struct msg_fail *f)
{
	const struct msg_fail_row *row = &msg_fail_table[f->class];
	struct buf body;

	buf_init(&body, 1 << 20);
	api_error_print(MSG_DIALECT_OPENAI, f, str_of(NULL, 0), &body);
	json_out_key(o, "fail");
	json_out_obj(o);
	json_out_kv_str(o, "class", str_z(row->word));
	json_out_kv_i64(o, "status", msg_fail_status(f));
	json_out_kv_i64(o, "upstream_status", f->upstream_status);
	json_out_kv_raw(o, "body", buf_str(&body));
	json_out_kv_i64(o, "retry_after_ms",
	    f->retry_after < 0 ? -1 : f->retry_after / USEC_PER_MSEC);
	json_out_kv_i64(o, "should_retry", f->should_retry);
	json_out_kv_bool(o, "retry_same", row->retry_same);
	json_out_kv_bool(o, "falls_back", row->fallback_word != NULL);
	json_out_end(o);
	buf_fini(&body);
}

static void
put_answer(struct json_out *o, const struct exchange *x)
{
	static const int cuts[] = { 1, 2, 3, 7, -1, -2, -3 };
	struct run whole, part;

	run_answer(&whole, x, 0);
	json_out_key(o, "cuts");
	json_out_arr(o);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		run_answer(&part, x, cuts[i]);
		if (!is_same(&whole, &part))
			json_out_i64(o, cuts[i]);
		run_fini(&part);
	}
	json_out_end(o);
	if (whole.has_fail)
		put_fail(o, &whole.fail);
	/* as text: the judge reads it strictly */
	if (whole.whole_out.n != 0)
		json_out_kv_str(o, "whole", buf_str(&whole.whole_out));
	json_out_kv_str(o, "stream", buf_str(&whole.stream_out));
	run_fini(&whole);
}

static void
put_error(struct json_out *o, const struct exchange *x)
{
	struct arena *arena = arena_new(1 << 20);
	struct msg_fail fail;
	struct http_headers h;

	if (arena == NULL)
		abort();
	headers_fill(&h, arena, x);
	prov_fail(&x->target, x->status, &h, buf_str(&x->body), &fail);
	put_fail(o, &fail);
	arena_free(arena);
}

/* The client's request is what the maker was sent: what would we send? */
static void
put_request(struct json_out *o, const struct exchange *x, json_ref body)
{
	struct arena *arena = arena_new(MAX_BYTES);
	struct str raw = json_raw(x->j, body);
	struct msg_request req;
	struct msg_fail fail;
	struct prov_http http;
	struct prov_call call = { &req, &x->target, arena, false };

	if (arena == NULL)
		abort();
	prov_http_init(&http, MAX_BYTES);
	json_out_key(o, "request");
	json_out_obj(o);
	if (api_chat_parse(arena, raw, NULL, &req, &fail) == ERR_OK) {
		call.stream = req.stream;
		if (x->kind->build(&call, &http, &fail) == ERR_OK) {
			json_out_kv_str(o, "sent", buf_str(&http.body));
			json_out_kv_str(o, "dropped", buf_str(&http.dropped));
		} else {
			put_fail(o, &fail);
		}
	} else {
		put_fail(o, &fail);
	}
	json_out_end(o);
	prov_http_fini(&http);
	arena_free(arena);
}

/* ---- reading ----------------------------------------------------------- */

static struct str
kind_name(struct str provider, struct str surface)
{
	if (str_starts(surface, STR("gemini.")))
		return STR("gemini");
	if (str_starts(surface, STR("anthropic.")))
		return STR("anthropic");
	if (str_eqz(provider, "azure") || str_eqz(provider, "openai"))
		return provider;
	if (str_starts(surface, STR("openai.")))
		return STR("openai-compatible");
	return provider;
}

static void
exchange_init(
    struct exchange *x, const struct json *j, json_ref v, struct arena *a)
{
	x->j = j;
	x->provider = json_text(j, json_get(j, v, "provider"), a);
	x->surface = json_text(j, json_get(j, v, "surface"), a);
	/* documented errors name it only where it is not the plain one */
	if (!str_present(x->surface) && str_eqz(x->provider, "anthropic"))
		x->surface = STR("anthropic.messages");
	else if (!str_present(x->surface) && str_eqz(x->provider, "gemini"))
		x->surface = STR("gemini.generate");
	else if (!str_present(x->surface))
		x->surface = STR("openai.chat");
	x->kind = prov_kind_find(kind_name(x->provider, x->surface));
	x->target = (struct prov_target){ .kind = x->kind,
		.provider = x->provider,
		.base_url = STR("http://localhost/v1"),
		.model = json_text(
		    j, json_at(j, v, "request", "body", "model", NULL), a) };
	if (!str_present(x->target.model))
		x->target.model = STR("model");
	if (prov_vendor_known(x->provider))
		x->target.vendor = x->provider;
	buf_init(&x->body, MAX_BYTES);
}

/* The body's bytes, as far as the exchange has kept them. */
static void
body_fill(struct exchange *x, json_ref response)
{
	const struct json *j = x->j;
	json_ref text = json_get_set(j, response, "body_text");
	json_ref chunks = json_get_set(j, response, "chunks");
	json_ref body = json_get(j, response, "body");

	if (text == JSON_NONE)
		text = json_get_set(j, response, "sse");
	if (text != JSON_NONE) {
		json_unescape(&x->body, json_inner(j, text));
	} else if (json_type(j, chunks) == JSON_T_ARRAY) {
		json_each (j, chunks, chunk)
			json_unescape(&x->body, json_inner(j, chunk));
	} else if (body != JSON_NONE) {
		buf_adds(&x->body, json_raw(j, body));
	}
}

/* what: "file" or "index", written first. */
static void
exchange_print(
    const char *what, struct str value, struct exchange *x, json_ref request)
{
	struct json_out o;
	struct buf out;

	buf_init(&out, 4 * MAX_BYTES);
	json_out_init(&o, &out);
	json_out_obj(&o);
	json_out_kv_str(&o, what, value);
	json_out_kv_str(&o, "kind", kind_name(x->provider, x->surface));
	if (x->kind == NULL)
		json_out_kv_str(&o, "skip", STR("kind not built"));
	else if (x->status >= 300)
		put_error(&o, x);
	else
		put_answer(&o, x);
	if (x->kind != NULL && request != JSON_NONE &&
	    str_eqz(x->surface, "openai.chat"))
		put_request(&o, x, request);
	json_out_end(&o);
	if (out.failed)
		abort();
	(void)printf("%.*s\n", (int)out.n, out.p);
	buf_fini(&out);
	buf_fini(&x->body);
}

/* The whole file, or an absent span. */
static struct str
file_read(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "rb");
	size_t n = 1;

	buf_init(b, MAX_BYTES);
	while (f != NULL && n != 0) {
		char *p = buf_room(b, 65536);

		n = p != NULL ? fread(p, 1, 65536, f) : 0;
		b->n += n;
	}
	if (f == NULL || ferror(f) || b->failed) {
		(void)fprintf(stderr, "replay: %s cannot be read\n", path);
		b->n = 0;
	}
	if (f != NULL)
		(void)fclose(f);
	return b->n != 0 ? buf_str(b) : str_of(NULL, 0);
}

static bool
file_scan(const char *path, struct buf *b, struct arena *a, struct json *j)
{
	static const struct json_limits limits = { 200, 4000000, 100000 };
	struct json_problem why = { 0, "" };
	struct str text = file_read(path, b);

	if (!str_present(text))
		return false;
	if (json_scan(j, a, text, &limits, &why) == ERR_OK)
		return true;
	(void)fprintf(
	    stderr, "replay: %s: %s at %zu\n", path, why.why, why.pos);
	return false;
}

static int
fixture(const char *path)
{
	struct arena *a = arena_new(4 * MAX_BYTES);
	struct exchange x;
	struct json j;
	struct buf b;
	int failed = 1;

	if (a != NULL && file_scan(path, &b, a, &j)) {
		json_ref response = json_get(&j, 0, "response");

		exchange_init(&x, &j, 0, a);
		x.status =
		    (int)json_i64_or(&j, json_get(&j, response, "status"), 0);
		x.headers = json_get(&j, response, "headers");
		body_fill(&x, response);
		exchange_print("file", str_z(path), &x,
		    json_at(&j, 0, "request", "body", NULL));
		failed = 0;
	}
	buf_fini(&b);
	arena_free(a);
	return failed;
}

static int
documented(const char *path)
{
	struct arena *a = arena_new(4 * MAX_BYTES);
	struct exchange x;
	struct json j;
	struct buf b;
	char number[16];
	int i = 0;

	if (a == NULL || !file_scan(path, &b, a, &j))
		return 1;
	json_each (&j, json_get(&j, 0, "errors"), e) {
		exchange_init(&x, &j, e, a);
		x.status = (int)json_i64_or(&j, json_get(&j, e, "status"), 0);
		x.headers = json_get(&j, e, "headers");
		body_fill(&x, e);
		(void)snprintf(number, sizeof(number), "%d", i++);
		exchange_print("index", str_z(number), &x, JSON_NONE);
	}
	buf_fini(&b);
	arena_free(a);
	return 0;
}

int
main(int argc, char **argv)
{
	char path[4096];
	int failed = 0;

	if (argc == 3 && strcmp(argv[1], "--errors") == 0)
		return documented(argv[2]);
	if (argc != 1) {
		(void)fprintf(
		    stderr, "usage: replay < LIST | replay --errors FILE\n");
		return 2;
	}
	while (fgets(path, sizeof(path), stdin) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		failed |= fixture(path);
	}
	return failed;
}
