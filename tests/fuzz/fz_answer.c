/*
 * A wild provider: the input is a run of events, three bytes each, through the
 * normaliser into both writers. Every chunk must be JSON; the stream, put
 * together as an SDK does, must be the whole answer; one finish per choice; and
 * [DONE] exactly when the answer is complete.
 */
#include <string.h>

#include "api/answer.h"
#include "api/norm.h"
#include "base/json.h"
#include "fuzz.h"

#define BYTES_MAX ((size_t)8 << 20)
#define CHOICES 4
#define CALLS 64

struct call {
	struct buf id, name, arguments;
};

struct folded {
	struct buf content, reasoning;
	struct call calls[CALLS];
	unsigned n_calls, n_roles, n_finish;
	char finish[32];
};

struct run {
	struct api_answer *stream, *whole;
	struct buf stream_out, whole_out;
	unsigned n_start, n_end;
	bool is_over;
};

static const char *const texts[] = { "", "a", "b\\n", "\\u00e9", "\xc3\xa9",
	"{", "}", "{}", "{\\\"a\\\":1}", "\\\"", "[", "]", "\\\\", " ",
	"\\u007b", "{\\\"x\\\":\\\"" };
static const char *const names[] = { "", "f", "g", "a\"b" };
static const char *const extras[] = { NULL, "\"x\":1", "\"x\":[2]",
	"\"x\":[3],\"y\":{}" };

static void
sink(void *arg, const struct msg_event *ev)
{
	struct run *r = arg;

	FUZZ_CHECK(!r->is_over);
	r->n_start += ev->type == MSG_EV_START;
	r->n_end += ev->type == MSG_EV_END;
	r->is_over = ev->type == MSG_EV_END || ev->type == MSG_EV_FAIL;
	FUZZ_CHECK(r->n_start == 1);
	FUZZ_CHECK(api_answer_event(r->stream, ev, &r->stream_out) == ERR_OK);
	FUZZ_CHECK(api_answer_event(r->whole, ev, &r->whole_out) == ERR_OK);
}

/* One event from three bytes. */
static void
event(const uint8_t *p, struct msg_event *ev, struct msg_fail *fail)
{
	*ev = (struct msg_event){ .type = p[0] % MSG_EV__MAX };
	ev->choice = (p[1] & 7) == 7 ? p[1] >> 6 : 0;
	ev->call = (p[1] >> 3) & 3;
	ev->text = str_z(texts[p[2] % (sizeof(texts) / sizeof(texts[0]))]);
	ev->id = str_z(names[(p[2] >> 4) & 3]);
	ev->name = str_z(names[(p[2] >> 6) & 3]);
	ev->finish = p[2] % MSG_FINISH__MAX;
	ev->native = str_z(names[p[2] & 3]);
	ev->usage = MSG_USAGE_UNKNOWN;
	ev->usage.prompt = p[1];
	ev->usage.completion = p[2];
	if (p[0] & 0x80)
		ev->extra_top = ev->extra_choice = ev->extra_delta =
		    str_z(extras[p[1] & 3]);
	if (ev->type == MSG_EV_THINKING || ev->type == MSG_EV_IMAGE ||
	    ev->type == MSG_EV_ANNOTATION)
		ev->raw = STR("{\"r\":1}");
	if (ev->type == MSG_EV_LOGPROBS)
		ev->raw = STR("{\"content\":[{\"t\":1}]}");
	msg_fail_set(fail, MSG_FAIL_UNAVAILABLE, "gone");
	ev->fail = fail;
}

static void
add(struct buf *b, struct str s)
{
	b->max = BYTES_MAX;
	buf_adds(b, s);
}

static void
fold_calls(struct folded *f, const struct json *j, json_ref list)
{
	json_each (j, list, e) {
		int64_t i = json_i64_or(j, json_get(j, e, "index"), -1);
		json_ref fn = json_get(j, e, "function");
		json_ref id = json_get(j, e, "id");

		FUZZ_CHECK(i >= 0 && i < CALLS && i <= f->n_calls);
		/* id, type and name stand in the first piece, once */
		FUZZ_CHECK((id != JSON_NONE) == (i == f->n_calls));
		FUZZ_CHECK(
		    (json_get(j, e, "type") != JSON_NONE) == (i == f->n_calls));
		if (i == f->n_calls) {
			f->n_calls++;
			add(&f->calls[i].id, json_inner(j, id));
			add(&f->calls[i].name,
			    json_inner(j, json_get(j, fn, "name")));
		}
		add(&f->calls[i].arguments,
		    json_inner(j, json_get(j, fn, "arguments")));
	}
}

static void
fold_chunk(struct folded *all, struct arena *a, struct str text)
{
	struct json j;

	FUZZ_CHECK(json_scan(&j, a, text, NULL, NULL) == ERR_OK);
	json_each (&j, json_get(&j, 0, "choices"), c) {
		int64_t i = json_i64_or(&j, json_get(&j, c, "index"), -1);
		json_ref delta = json_get(&j, c, "delta");
		json_ref finish = json_get(&j, c, "finish_reason");
		struct folded *f;

		FUZZ_CHECK(i >= 0 && i < CHOICES);
		f = &all[i];
		FUZZ_CHECK(f->n_finish == 0);
		f->n_roles += json_get(&j, delta, "role") != JSON_NONE;
		FUZZ_CHECK(f->n_roles == 1);
		add(&f->content,
		    json_inner(&j, json_get(&j, delta, "content")));
		add(&f->reasoning,
		    json_inner(&j, json_get(&j, delta, "reasoning_content")));
		fold_calls(f, &j, json_get(&j, delta, "tool_calls"));
		FUZZ_CHECK(finish != JSON_NONE);
		if (json_type(&j, finish) == JSON_T_STRING) {
			f->n_finish++;
			(void)snprintf(f->finish, sizeof(f->finish), "%.*s",
			    STR_ARG(json_inner(&j, finish)));
		}
	}
}

/* Returns whether [DONE] came. */
static bool
fold(struct folded *all, struct arena *a, struct str out)
{
	bool done = false;

	while (out.n > 0) {
		size_t n = str_find(out, STR("\n\n"));
		struct str event = str_of(out.p, n);

		FUZZ_CHECK(n != SIZE_MAX && !done);
		FUZZ_CHECK(str_starts(event, STR("data: ")));
		event = str_skip(event, 6);
		if (str_eqz(event, "[DONE]"))
			done = true;
		else
			fold_chunk(all, a, event);
		out = str_skip(out, n + 2);
	}
	return done;
}

static void
same(struct str a, const struct buf *b)
{
	FUZZ_CHECK(str_eq(str_of(a.p ? a.p : "", a.n), buf_str(b)));
}

static void
compare(struct folded *all, struct arena *a, struct str whole)
{
	struct json j;
	unsigned n = 0;

	FUZZ_CHECK(json_scan(&j, a, whole, NULL, NULL) == ERR_OK);
	json_each (&j, json_get(&j, 0, "choices"), c) {
		int64_t i = json_i64_or(&j, json_get(&j, c, "index"), -1);
		json_ref m = json_get(&j, c, "message");
		unsigned k = 0;
		struct folded *f;

		FUZZ_CHECK(i >= 0 && i < CHOICES);
		f = &all[i];
		n++;
		FUZZ_CHECK(f->n_finish == 1);
		FUZZ_CHECK(json_str_is(
		    &j, json_get(&j, c, "finish_reason"), f->finish));
		same(json_inner(&j, json_get(&j, m, "content")), &f->content);
		same(json_inner(&j, json_get(&j, m, "reasoning_content")),
		    &f->reasoning);
		json_each (&j, json_get(&j, m, "tool_calls"), e) {
			json_ref fn = json_get(&j, e, "function");

			FUZZ_CHECK(k < f->n_calls);
			same(json_inner(&j, json_get(&j, e, "id")),
			    &f->calls[k].id);
			same(json_inner(&j, json_get(&j, fn, "name")),
			    &f->calls[k].name);
			same(json_inner(&j, json_get(&j, fn, "arguments")),
			    &f->calls[k].arguments);
			FUZZ_CHECK(f->calls[k++].arguments.n > 0);
		}
		FUZZ_CHECK(k == f->n_calls);
		FUZZ_CHECK(k == 0 || strcmp(f->finish, "stop") != 0);
	}
	for (unsigned i = 0; i < CHOICES; i++)
		n -= all[i].n_finish;
	FUZZ_CHECK(n == 0);
}

static void
check(struct run *r)
{
	static struct folded all[CHOICES];
	struct arena *a = arena_new((size_t)256 << 20);

	FUZZ_CHECK(a);
	FUZZ_CHECK(fold(all, a, buf_str(&r->stream_out)) == (r->n_end == 1));
	if (r->n_end)
		compare(all, a, buf_str(&r->whole_out));
	else
		FUZZ_CHECK(r->whole_out.n == 0);
	for (unsigned i = 0; i < CHOICES; i++) {
		buf_fini(&all[i].content);
		buf_fini(&all[i].reasoning);
		for (unsigned k = 0; k < CALLS; k++) {
			buf_fini(&all[i].calls[k].id);
			buf_fini(&all[i].calls[k].name);
			buf_fini(&all[i].calls[k].arguments);
		}
	}
	memset(all, 0, sizeof(all));
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_norm_options no = { .max_choices = CHOICES,
		.max_calls = CALLS,
		.allow_unfinished = size % 2 };
	struct api_answer_options o = { .id = STR("i"), .model = STR("m") };
	struct run r = { 0 };
	struct msg_fail fail;
	struct msg_event ev;
	struct api_norm *n = api_norm_new(&no, (struct msg_sink){ sink, &r });

	if (size > 30000)
		size = 30000;
	r.whole = api_answer_new(&o);
	o.stream = true;
	o.include_usage = size % 3 == 0;
	r.stream = api_answer_new(&o);
	FUZZ_CHECK(n && r.whole && r.stream);
	buf_init(&r.stream_out, BYTES_MAX);
	buf_init(&r.whole_out, BYTES_MAX);
	for (size_t i = 0; i + 3 <= size; i += 3) {
		event(data + i, &ev, &fail);
		(void)api_norm_event(n, &ev);
	}
	ev = (struct msg_event){ .type = MSG_EV_END };
	(void)api_norm_event(n, &ev);
	FUZZ_CHECK(r.n_end == 1 || api_norm_fail(n));
	check(&r);
	api_norm_free(n);
	api_answer_free(r.stream);
	api_answer_free(r.whole);
	buf_fini(&r.stream_out);
	buf_fini(&r.whole_out);
	return 0;
}
