#ifndef TESTS_FUZZ_PROV_H
#define TESTS_FUZZ_PROV_H
/*
 * A provider's module from both sides. An input that is a chat request becomes
 * the maker's request, which must be JSON, whatever the model. Any input is
 * fed as an answer: what comes out must be spans of JSON, end once, and be the
 * same however the bytes are cut.
 */
#include <stdlib.h>

#include "../unit/prov_ear.h"
#include "api/chat.h"
#include "fuzz_split.h"
#include "prov/prov.h"

#define FUZZ_PROV_MAX ((size_t)1 << 20)

struct fuzz_prov {
	struct prov_answer *a;
	struct prov_ear ear;
	struct arena *arena;
	bool is_over;
};

/* The text between `before` and `after` is JSON. */
static inline void
fuzz_prov_json(const char *before, struct str s, const char *after)
{
	struct arena *a = arena_new((size_t)64 << 20);
	struct json_limits limits = { 200, 2000000, 100000 };
	struct buf b;
	struct json j;

	buf_init(&b, (size_t)16 << 20);
	buf_addz(&b, before);
	buf_adds(&b, s);
	buf_addz(&b, after);
	FUZZ_CHECK(a && !b.failed);
	FUZZ_CHECK(json_scan(&j, a, buf_str(&b), &limits, NULL) == ERR_OK);
	buf_fini(&b);
	arena_free(a);
}

static inline void
fuzz_prov_event(void *arg, const struct msg_event *ev)
{
	struct fuzz_prov *f = arg;

	FUZZ_CHECK(!f->is_over);
	f->is_over = ev->type == MSG_EV_END || ev->type == MSG_EV_FAIL;
	FUZZ_CHECK(ev->type != MSG_EV_FAIL || ev->fail->message[0] != '\0');
	fuzz_prov_json("\"", ev->text, "\"");
	if (str_present(ev->raw))
		fuzz_prov_json("", ev->raw, "");
	fuzz_prov_json("{", ev->extra_top, "}");
	fuzz_prov_json("{", ev->extra_choice, "}");
	fuzz_prov_json("{", ev->extra_delta, "}");
	if (ev->type == MSG_EV_USAGE)
		fuzz_prov_json("{", ev->usage.extra, "}");
	prov_ear_event(&f->ear, ev);
}

static inline void *
fuzz_prov_open(void *arg, struct buf *transcript)
{
	const struct prov_target *t = arg;
	struct prov_answer_options o = { true, FUZZ_PROV_MAX, FUZZ_PROV_MAX };
	struct fuzz_prov *f = calloc(1, sizeof(*f));
	struct http_headers h;

	FUZZ_CHECK(f != NULL);
	f->ear = (struct prov_ear){ transcript, MSG_EV__MAX, 0, 0 };
	f->arena = arena_new(65536);
	http_headers_init(&h, f->arena);
	f->a =
	    t->kind->answer_new(t, &o, (struct msg_sink){ fuzz_prov_event, f });
	FUZZ_CHECK(f->a != NULL);
	t->kind->answer_head(f->a, 200, &h);
	return f;
}

static inline void
fuzz_prov_feed(void *state, const char *p, size_t n)
{
	struct fuzz_prov *f = state;

	f->a->kind->answer_feed(f->a, p, n);
}

static inline void
fuzz_prov_finish(void *state)
{
	struct fuzz_prov *f = state;

	f->a->kind->answer_end(f->a);
	FUZZ_CHECK(f->is_over);
	f->a->kind->answer_free(f->a);
	arena_free(f->arena);
	free(f);
}

/* One chat request for one target. */
static inline void
fuzz_prov_build(struct prov_target *t, struct str body)
{
	struct arena *a = arena_new((size_t)16 << 20);
	struct msg_request req;
	struct msg_fail fail = { .message = "" };
	struct prov_http http;
	enum err e;

	FUZZ_CHECK(a != NULL);
	if (api_chat_parse(a, body, NULL, &req, &fail) == ERR_OK) {
		struct prov_call call = { &req, t, a, req.stream };

		prov_http_init(&http, FUZZ_PROV_MAX);
		e = t->kind->build(&call, &http, &fail);
		if (e == ERR_OK)
			fuzz_prov_json("", buf_str(&http.body), "");
		else if (e != ERR_NOMEM)
			FUZZ_CHECK(fail.message[0] != '\0');
		prov_http_fini(&http);
	}
	arena_free(a);
}

/* models ends in NULL. */
static inline int
fuzz_prov(const char *kind, const char *const *models, const uint8_t *data,
    size_t size)
{
	struct prov_target t = { .provider = STR("p"), .model = STR("m") };
	struct split_subject s = { fuzz_prov_open, fuzz_prov_feed,
		fuzz_prov_finish, &t };

	t.kind = prov_kind_find(str_z(kind));
	if (size > 2 && data[2] == '{') {
		for (; *models != NULL; models++) {
			t.model = str_z(*models);
			t.on_unsupported = PROV_DROP_ALL;
			fuzz_prov_build(
			    &t, str_of((const char *)data + 2, size - 2));
		}
	}
	fuzz_split(&s, data, size);
	return 0;
}

#endif
