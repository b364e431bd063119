#include "prov_ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/chat.h"
#include "base/num.h"
#include "json_same.h"
#include "prov_ear.h"

#define BODY_MAX ((size_t)4 << 20)

void
prov_ask(struct prov_ask *a, const struct prov_target *t, const char *request)
{
	struct prov_call call = { .req = &a->req, .target = t, .stream = true };

	a->arena = arena_new((size_t)64 << 20);
	a->text = json_quoted(request);
	a->err =
	    api_chat_parse(a->arena, str_z(a->text), NULL, &a->req, &a->fail);
	prov_http_init(&a->http, BODY_MAX);
	if (a->err != ERR_OK) {
		fprintf(stderr, "the request is wrong: %s\n", a->fail.message);
		return;
	}
	call.arena = a->arena;
	call.stream = a->req.stream;
	a->err = t->kind->build(&call, &a->http, &a->fail);
	if (a->err != ERR_OK && a->err != ERR_UNSUPPORTED &&
	    a->err != ERR_SYNTAX)
		fprintf(stderr, "build: %s\n", err_word(a->err));
}

void
prov_ask_fini(struct prov_ask *a)
{
	prov_http_fini(&a->http);
	arena_free(a->arena);
	free(a->text);
}

static bool
dropped_is(const struct prov_ask *a, const char *want)
{
	if (str_eqz(buf_str(&a->http.dropped), want))
		return true;
	fprintf(stderr, "dropped: want \"%s\", got \"%.*s\"\n", want,
	    STR_ARG(buf_str(&a->http.dropped)));
	return false;
}

static bool
is_built(const struct prov_ask *a)
{
	if (a->err == ERR_OK)
		return true;
	fprintf(stderr, "not built: %s\n", a->fail.message);
	return false;
}

bool
prov_ask_is(const struct prov_target *t, const char *request, const char *body,
    const char *dropped)
{
	struct prov_ask a = { 0 };
	bool ok;

	prov_ask(&a, t, request);
	ok = is_built(&a) && json_same(a.http.body.p, a.http.body.n, body);
	ok = ok && dropped_is(&a, dropped);
	prov_ask_fini(&a);
	return ok;
}

static json_ref
walk(const struct json *j, const char *path)
{
	struct str rest = str_z(path);
	json_ref v = 0;
	int64_t i;

	while (str_present(rest)) {
		struct str key = str_cut(&rest, '.');
		char z[128];

		(void)snprintf(z, sizeof(z), "%.*s", STR_ARG(key));
		if (num_parse_i64(key, &i) == ERR_OK &&
		    json_type(j, v) == JSON_T_ARRAY)
			v = json_elem(j, v, (uint32_t)i);
		else
			v = json_get(j, v, z);
	}
	return v;
}

bool
prov_ask_has(const struct prov_target *t, const char *request, const char *path,
    const char *want, const char *dropped)
{
	struct prov_ask a = { 0 };
	struct json j;
	struct str got;
	bool ok;

	prov_ask(&a, t, request);
	ok = is_built(&a) && dropped_is(&a, dropped);
	if (ok && json_scan(&j, a.arena, buf_str(&a.http.body), NULL, NULL)) {
		fprintf(stderr, "not JSON: %.*s\n", (int)a.http.body.n,
		    a.http.body.p);
		ok = false;
	}
	if (ok) {
		got = json_raw(&j, walk(&j, path));
		if (want == NULL || !str_present(got)) {
			ok = want == NULL && !str_present(got);
			if (!ok)
				fprintf(stderr, "%s: %.*s\n", path,
				    (int)a.http.body.n, a.http.body.p);
		} else {
			ok = json_same(got.p, got.n, want);
		}
	}
	prov_ask_fini(&a);
	return ok;
}

bool
prov_ask_fails(const struct prov_target *t, const char *request, enum err err,
    const char *param)
{
	struct prov_ask a = { 0 };
	bool ok;

	prov_ask(&a, t, request);
	ok = a.err == err && str_eqz(str_z(a.fail.param), param) &&
	     a.fail.message[0] != '\0';
	if (!ok)
		fprintf(stderr, "want %s \"%s\", got %s \"%s\" (%s)\n",
		    err_word(err), param, err_word(a.err), a.fail.param,
		    a.fail.message);
	prov_ask_fini(&a);
	return ok;
}

/* ---- answers ------------------------------------------------------------ */

char *
prov_hear(const struct prov_target *t, const char *bytes, size_t n,
    bool is_stream, size_t step)
{
	struct prov_answer_options o = {
		.stream = is_stream, .max_event = BODY_MAX, .max_body = BODY_MAX
	};
	struct buf log;
	struct prov_ear e = { .log = &log, .last = MSG_EV__MAX };
	struct http_headers h;
	struct arena *arena = arena_new(65536);
	struct prov_answer *a;

	http_headers_init(&h, arena);
	if (http_headers_add(&h, STR("content-type"),
		is_stream ? STR("text/event-stream")
			  : STR("application/json")) != ERR_OK)
		abort();
	buf_init(&log, BODY_MAX);
	a = t->kind->answer_new(t, &o, (struct msg_sink){ prov_ear_event, &e });
	if (a == NULL)
		abort();
	t->kind->answer_head(a, 200, &h);
	for (size_t i = 0; i < n; i += step == 0 ? n : step) {
		size_t len = step == 0 || n - i < step ? n - i : step;
		char *exact = malloc(len);

		/* a block of its own, so that ASan sees every overrun */
		memcpy(exact, bytes + i, len);
		t->kind->answer_feed(a, exact, len);
		free(exact);
	}
	t->kind->answer_end(a);
	t->kind->answer_free(a);
	arena_free(arena);
	buf_addc(&log, '\0');
	return log.p;
}

bool
prov_hear_is(const struct prov_target *t, const char *bytes, bool is_stream,
    const char *want)
{
	char *text = json_quoted(bytes);
	bool ok = true;

	for (size_t step = 0; step <= 7 && ok; step++) {
		char *got = prov_hear(t, text, strlen(text), is_stream, step);

		for (char *p = got; *p != '\0'; p++) {
			if (*p == '"')
				*p = '\'';
		}
		ok = strcmp(got, want) == 0;
		if (!ok)
			fprintf(stderr, "cut at %zu\nwant:\n%s\ngot:\n%s\n",
			    step, want, got);
		free(got);
	}
	free(text);
	return ok;
}
