#include "prov_run.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/chat.h"
#include "prov/kinds.h"

struct log {
	struct buf b;
	bool ended;
};

/* The template as well, which no configuration can name. */
static const struct prov_kind *
kind_find(const char *name)
{
	if (strcmp(name, prov_kind_skeleton.name) == 0)
		return &prov_kind_skeleton;
	return prov_kind_find(str_z(name));
}

static void
add(struct buf *b, const char *key, struct str s)
{
	if (s.n != 0)
		buf_printf(b, " %s=%.*s", key, STR_ARG(s));
}

static void
add_count(struct buf *b, const char *key, int64_t n)
{
	if (n >= 0)
		buf_printf(b, " %s=%lld", key, (long long)n);
}

static void
add_usage(struct buf *b, const struct msg_usage *u)
{
	buf_addz(b, "USAGE");
	add_count(b, "prompt", u->prompt);
	add_count(b, "completion", u->completion);
	add_count(b, "cached", u->cached);
	add_count(b, "written", u->written);
	add_count(b, "written_1h", u->written_1h);
	add_count(b, "reasoning", u->reasoning);
	add_count(b, "audio_in", u->audio_in);
	add_count(b, "audio_out", u->audio_out);
	add_count(b, "image_in", u->image_in);
	add_count(b, "image_out", u->image_out);
	add_count(b, "accepted", u->accepted_prediction);
	add_count(b, "rejected", u->rejected_prediction);
	add(b, "extra", u->extra);
}

static void
add_call(struct buf *b, const struct msg_event *ev)
{
	buf_printf(b, "CALL %u.%u", ev->choice, ev->call);
	add(b, "id", ev->id);
	add(b, "name", ev->name);
	if (ev->is_custom)
		buf_addz(b, " custom");
	add(b, "sig", ev->signature);
}

static void
add_event(struct buf *b, const struct msg_event *ev)
{
	static const char *const words[MSG_EV__MAX] = {
		[MSG_EV_TEXT] = "TEXT",
		[MSG_EV_REASONING] = "REASONING",
		[MSG_EV_THINKING] = "THINKING",
		[MSG_EV_REFUSAL] = "REFUSAL",
		[MSG_EV_IMAGE] = "IMAGE",
		[MSG_EV_ANNOTATION] = "ANNOTATION",
		[MSG_EV_LOGPROBS] = "LOGPROBS",
		[MSG_EV_EXTRA] = "EXTRA",
	};

	switch (ev->type) {
	case MSG_EV_START:
		buf_addz(b, "START");
		add(b, "id", ev->id);
		add(b, "model", ev->model);
		if (ev->created != 0)
			add_count(b, "created", ev->created);
		break;
	case MSG_EV_CALL_START:
		add_call(b, ev);
		break;
	case MSG_EV_CALL_ARGS:
		buf_printf(b, "ARGS %u.%u %.*s", ev->choice, ev->call,
		    STR_ARG(ev->text));
		break;
	case MSG_EV_CALL_END:
		buf_printf(b, "CALL_END %u.%u", ev->choice, ev->call);
		break;
	case MSG_EV_FINISH:
		buf_printf(
		    b, "FINISH %u %s", ev->choice, msg_finish_word(ev->finish));
		add(b, "native", ev->native);
		break;
	case MSG_EV_USAGE:
		add_usage(b, &ev->usage);
		break;
	case MSG_EV_FAIL:
		buf_printf(b, "FAIL %s: %s",
		    msg_fail_table[ev->fail->class].word, ev->fail->message);
		break;
	case MSG_EV_END:
		buf_addz(b, "END");
		break;
	default:
		buf_printf(b, "%s %u", words[ev->type], ev->choice);
		if (ev->text.n != 0)
			buf_printf(b, " %.*s", STR_ARG(ev->text));
		add(b, "raw", ev->raw);
		break;
	}
	add(b, "top", ev->extra_top);
	add(b, "choice", ev->extra_choice);
	add(b, "delta", ev->extra_delta);
	buf_addc(b, '\n');
}

static void
on_event(void *arg, const struct msg_event *ev)
{
	struct log *l = arg;

	assert_false(l->ended);
	if (ev->type == MSG_EV_PING)
		return;
	l->ended = ev->type == MSG_EV_END || ev->type == MSG_EV_FAIL;
	add_event(&l->b, ev);
}

static void
feed(const struct prov_kind *k, struct prov_answer *a, struct str body,
    size_t cut)
{
	for (size_t at = 0; at < body.n;) {
		size_t n = cut != 0 && cut < body.n - at ? cut : body.n - at;
		/* in a block of its own, so that ASan sees a read beyond it */
		char *p = malloc(n);

		assert_non_null(p);
		memcpy(p, body.p + at, n);
		k->answer_feed(a, p, n);
		free(p);
		at += n;
	}
	k->answer_end(a);
	/* allowed and ignored */
	k->answer_feed(a, "x", 1);
}

static char *
take(struct buf *b)
{
	char *z;

	assert_false(b->failed);
	z = strndup(b->p != NULL ? b->p : "", b->n);
	assert_non_null(z);
	return z;
}

char *
prov_run(const struct prov_run *r, struct str body)
{
	const struct prov_kind *k = kind_find(r->kind);
	struct prov_target target = { .kind = k,
		.provider = STR("prov"),
		.vendor = str_z(r->vendor),
		.model = STR("model-1") };
	struct prov_answer_options o = { r->stream,
		r->max_event != 0 ? r->max_event : 1 << 20,
		r->max_body != 0 ? r->max_body : 1 << 20 };
	struct log l = { .ended = false };
	struct arena *arena = arena_new(1 << 20);
	struct http_headers h;
	struct prov_answer *a;
	char *z;

	assert_non_null(k);
	buf_init(&l.b, 16 << 20);
	http_headers_init(&h, arena);
	if (r->content_type != NULL)
		assert_int_equal(http_headers_add(&h, STR("Content-Type"),
				     str_z(r->content_type)),
		    ERR_OK);
	a = k->answer_new(&target, &o, (struct msg_sink){ on_event, &l });
	assert_non_null(a);
	k->answer_head(a, 200, &h);
	feed(k, a, body, r->cut);
	assert_true(l.ended);
	assert_true(a->ended);
	k->answer_free(a);
	z = take(&l.b);
	buf_fini(&l.b);
	arena_free(arena);
	return z;
}

char *
prov_run_cut(const struct prov_run *r, struct str body)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 64 };
	struct prov_run one = *r;
	char *whole;

	one.cut = 0;
	whole = prov_run(&one, body);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		char *z;

		one.cut = cuts[i];
		z = prov_run(&one, body);
		assert_string_equal(z, whole);
		free(z);
	}
	return whole;
}

void
prov_run_is(const struct prov_run *r, const char *body, const char *lines)
{
	char *z = prov_run_cut(r, str_z(body));

	assert_string_equal(z, lines);
	free(z);
}

static char *
fail_text(const struct msg_fail *f)
{
	struct buf b;
	char *z;

	buf_init(&b, 8192);
	buf_printf(&b, "FAIL %s %s: %s", msg_fail_table[f->class].word,
	    f->param, f->message);
	z = take(&b);
	buf_fini(&b);
	return z;
}

char *
prov_build(
    const struct prov_build *b, const char *body, char **dropped, char **url)
{
	const struct prov_kind *k = kind_find(b->kind);
	struct prov_target target = { .kind = k,
		.provider = STR("prov"),
		.vendor = str_z(b->vendor),
		.base_url = str_z(b->base_url),
		.model = str_z(b->model != NULL ? b->model : "model-1"),
		.family = str_z(b->family),
		.api_version = str_z(b->api_version),
		.on_unsupported = b->on_unsupported };
	struct arena *arena = arena_new(16 << 20);
	struct msg_fail fail = { .class = MSG_FAIL_NONE };
	struct msg_request req;
	struct prov_call call = { &req, &target, arena, b->stream };
	struct prov_http http;
	enum err e;
	char *z;

	assert_non_null(k);
	if (b->is_envelope)
		e = api_envelope_parse(arena, str_z(body), NULL, &req, &fail);
	else
		e = api_chat_parse(arena, str_z(body), NULL, &req, &fail);
	if (e != ERR_OK)
		fail_msg("the test's own request: %s", fail.message);
	prov_http_init(&http, 32 << 20);
	e = k->build(&call, &http, &fail);
	if (e == ERR_OK)
		z = take(&http.body);
	else
		z = fail_text(&fail);
	if (dropped != NULL)
		*dropped = take(&http.dropped);
	if (url != NULL)
		*url =
		    strndup(http.url.p != NULL ? http.url.p : "", http.url.n);
	prov_http_fini(&http);
	arena_free(arena);
	return z;
}

void
prov_build_is(const struct prov_build *b, const char *body, const char *want,
    const char *dropped)
{
	char *lost;
	char *z = prov_build(b, body, &lost, NULL);

	assert_string_equal(z, want);
	assert_string_equal(lost, dropped != NULL ? dropped : "");
	free(z);
	free(lost);
}
