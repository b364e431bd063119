/*
 * Memory that runs out: the n-th block fails, for every n, once and for good.
 * Each subject must say "out of memory" or give the whole right answer, and
 * leak nothing. Needs --enable-faults; says so without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/fault.h"
#include "wire/b64.h"
#include "wire/fcgi.h"
#include "wire/http.h"
#include "wire/sse.h"
#include "wire/url.h"

/*
 * One run. ERR_OK only with the right answer, ERR_NOMEM when it ran out; any
 * other word fails the test.
 */
typedef enum err (*subject_fn)(void);

struct sse_got {
	unsigned events;
	bool is_right;
};

static enum err
note(void *arg, const struct sse_event *ev)
{
	struct sse_got *got = arg;

	if (ev->kind != SSE_DATA)
		return ERR_OK;
	got->events++;
	got->is_right = str_eqz(ev->event, "name") && ev->data.n == 3000 &&
			ev->data.p[2999] == 'z';
	return ERR_OK;
}

static enum err
run_sse(void)
{
	static const char head[] = "event: name\ndata: x\ndata: ";
	static const char line[] = "}\n{\n ]\n\n";
	struct sse_got got = { 0, false };
	char body[2998];
	struct sse s;
	enum err e;

	memset(body, 'z', sizeof(body));
	sse_init(&s, 65536);
	e = sse_feed(&s, head, sizeof(head) - 1, note, &got);
	for (size_t i = 0; i < sizeof(body) && e == ERR_OK; i += 1499)
		e = sse_feed(&s, body + i, 1499, note, &got);
	if (e == ERR_OK)
		e = sse_feed(&s, "\n\n", 2, note, &got);
	for (size_t i = 0; i < sizeof(line) - 1 && e == ERR_OK; i++)
		e = sse_feed(&s, line + i, 1, note, &got);
	if (e == ERR_OK)
		e = sse_end(&s, note, &got);
	sse_fini(&s);
	if (e == ERR_OK)
		assert_true(got.events == 1 && got.is_right);
	return e;
}

static enum err
run_params(void)
{
	struct arena *a = arena_new(1 << 20);
	struct fcgi_params ps;
	enum err e = ERR_OK;
	char name[16];

	if (!a)
		return ERR_NOMEM;
	fcgi_params_init(&ps, a);
	for (unsigned i = 0; i < 100 && e == ERR_OK; i++) {
		int n = snprintf(name, sizeof(name), "NAME_%u", i);

		e = fcgi_params_add(&ps, str_of(name, (size_t)n),
		    STR("a value of some length, so that blocks fill up"));
	}
	if (e == ERR_OK)
		e = fcgi_params_finish(&ps);
	if (e == ERR_OK) {
		assert_int_equal(ps.n, 100);
		assert_true(str_eqz(ps.v[99].name, "NAME_99"));
	}
	arena_free(a);
	return e;
}

static enum err
run_headers(void)
{
	struct arena *a = arena_new(1 << 20);
	struct http_headers h;
	enum err e = ERR_OK;

	if (!a)
		return ERR_NOMEM;
	http_headers_init(&h, a);
	for (unsigned i = 0; i < 100 && e == ERR_OK; i++)
		e = http_headers_add(&h, STR("x-name"),
		    STR("a value of some length, so that blocks fill up"));
	if (e == ERR_OK)
		e = http_headers_set(&h, STR("X-Name"), STR("one"));
	if (e == ERR_OK)
		assert_int_equal(h.n, 1);
	else
		assert_true(h.n <= 100);
	arena_free(a);
	return e;
}

static enum err
run_url(void)
{
	struct arena *a = arena_new(1 << 20);
	struct str made, back;
	enum err e;

	if (!a)
		return ERR_NOMEM;
	e = url_join(a, STR("https://h.example/v1/?a=b"),
	    STR("/v1/chat/completions?c=d"), &made);
	if (e == ERR_OK)
		assert_true(str_eqz(
		    made, "https://h.example/v1/chat/completions?a=b&c=d"));
	if (e == ERR_OK)
		e = url_decode(a, STR("%41"), &back);
	arena_free(a);
	return e;
}

static enum err
run_bufs(void)
{
	static const char text[70000]; /* of two records */
	struct str coded;
	struct buf b, back;
	enum err e = ERR_OK;
	size_t at;

	buf_init(&b, 1 << 20);
	buf_init(&back, 1 << 20);
	fcgi_put_stdout(&b, 1, text, sizeof(text));
	fcgi_put_end(&b, 1, 0, FCGI_REQUEST_COMPLETE);
	fcgi_put_values(&b, 0, 1, 1);
	at = b.n;
	if (!b.failed)
		b64_encode(&b, "some bytes", 10);
	if (b.failed) {
		e = ERR_NOMEM;
	} else {
		coded = str_of(b.p + at, b.n - at);
		e = b64_decode(&back, coded);
	}
	if (e == ERR_OK)
		e = url_put_segment(&back, STR("/"));
	if (e == ERR_OK)
		assert_true(str_eqz(buf_str(&back), "some bytes%2F"));
	buf_fini(&b);
	buf_fini(&back);
	return e;
}

static const struct {
	const char *name;
	const char *point;
	subject_fn run;
} subjects[] = {
	{ "sse", "buf.grow", run_sse },
	{ "params", "arena.block", run_params },
	{ "headers", "arena.block", run_headers },
	{ "url", "arena.block", run_url },
	{ "bufs", "buf.grow", run_bufs },
};

static void
test_every_block(void **state)
{
	unsigned faults = 0;

	(void)state;
#ifndef WITH_FAULTS
	print_message("fault points are not compiled in\n");
	skip();
#endif
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		assert_int_equal(subjects[i].run(), ERR_OK);
		for (unsigned is_all = 0; is_all < 2; is_all++) {
			unsigned before = faults;

			for (unsigned n = 1; n < 100; n++) {
				char spec[64];
				enum err e;

				(void)snprintf(spec, sizeof(spec), "%s:%u%s",
				    subjects[i].point, n, is_all ? "+" : "");
				fault_setup(spec);
				e = subjects[i].run();
				fault_setup(NULL);
				if (e == ERR_OK)
					break;
				assert_int_equal(e, ERR_NOMEM);
				faults++;
			}
			if (faults == before)
				fail_msg("%s: no fault", subjects[i].name);
		}
	}
	print_message("survived %u faults\n", faults);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
