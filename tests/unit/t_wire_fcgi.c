#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "split.h"
#include "wire/fcgi.h"

/* -- what a web server would send ---------------------------------------- */

static void
record(struct buf *b, int version, int type, unsigned id, const void *p,
    size_t n, size_t pad)
{
	unsigned char head[8] = { (unsigned char)version, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(n >> 8), (unsigned char)n, (unsigned char)pad,
		0 };

	buf_add(b, head, sizeof(head));
	buf_add(b, p, n);
	for (size_t i = 0; i < pad; i++)
		buf_addc(b, '\xaa');
}

static void
begin(struct buf *b, unsigned id, unsigned role, unsigned flags)
{
	unsigned char body[8] = { (unsigned char)(role >> 8),
		(unsigned char)role, (unsigned char)flags };

	record(b, 1, FCGI_BEGIN_REQUEST, id, body, sizeof(body), 0);
}

static void
length(struct buf *b, size_t n, bool is_long)
{
	if (n < 128 && !is_long) {
		buf_addc(b, (char)n);
		return;
	}
	buf_addc(b, (char)(n >> 24 | 0x80));
	buf_addc(b, (char)(n >> 16));
	buf_addc(b, (char)(n >> 8));
	buf_addc(b, (char)n);
}

static void
pair(struct buf *b, struct str name, struct str value, bool is_long)
{
	length(b, name.n, is_long);
	length(b, value.n, is_long);
	buf_adds(b, name);
	buf_adds(b, value);
}

static void
stream(struct buf *b, int type, unsigned id, struct str s, size_t pad)
{
	record(b, 1, type, id, s.p, s.n, pad);
}

/* -- the transcript ------------------------------------------------------ */

/*
 * One word per event; the pieces of one stream run together. `answer` decides
 * when the request is over, which is what reopens the connection.
 */
struct subject {
	struct fcgi_parser parser;
	struct buf *out;
	char last;
	bool answer_at_end; /* of STDIN */
	bool answer_early; /* at the end of PARAMS */
};

static void
word(struct subject *s, char kind, const char *text)
{
	s->last = kind;
	buf_addz(s->out, text);
}

static void
on_begin(void *arg, uint16_t id, bool keep_conn)
{
	struct subject *s = arg;

	word(s, 'b', " begin");
	buf_printf(s->out, ":%u%s", id, keep_conn ? "k" : "");
}

static void
piece(struct subject *s, char kind, const char *p, size_t n)
{
	assert_true(n > 0);
	if (s->last != kind)
		word(s, kind, kind == 'p' ? " params=" : " stdin=");
	buf_add(s->out, p, n);
}

static void
on_params(void *arg, const char *p, size_t n)
{
	piece(arg, 'p', p, n);
}

static void
on_params_end(void *arg)
{
	struct subject *s = arg;

	word(s, 'e', " params-end");
	if (s->answer_early)
		fcgi_parser_done(&s->parser);
}

static void
on_stdin(void *arg, const char *p, size_t n)
{
	piece(arg, 's', p, n);
}

static void
on_stdin_end(void *arg)
{
	struct subject *s = arg;

	word(s, 'E', " stdin-end");
	if (s->answer_at_end)
		fcgi_parser_done(&s->parser);
}

static void
on_abort(void *arg)
{
	word(arg, 'a', " abort");
}

static void
on_refuse(void *arg, uint16_t id, uint8_t status)
{
	struct subject *s = arg;

	word(s, 'r', " refuse");
	buf_printf(s->out, ":%u:%u", id, status);
}

static void
on_get_values(void *arg, unsigned asked)
{
	struct subject *s = arg;

	word(s, 'g', " values");
	buf_printf(s->out, ":%u", asked);
}

static void
on_unknown(void *arg, uint8_t type)
{
	struct subject *s = arg;

	word(s, 'u', " unknown");
	buf_printf(s->out, ":%u", type);
}

static const struct fcgi_events events = { on_begin, on_params, on_params_end,
	on_stdin, on_stdin_end, on_abort, on_refuse, on_get_values,
	on_unknown };

static void *
subject_open(void *arg, struct buf *out)
{
	struct subject *s = malloc(sizeof(*s));

	assert_non_null(s);
	*s = *(struct subject *)arg;
	fcgi_parser_init(&s->parser);
	s->out = out;
	return s;
}

static void
subject_feed(void *state, const char *p, size_t n)
{
	struct subject *s = state;

	(void)!fcgi_parse(&s->parser, p, n, &events, s);
}

static void
subject_finish(void *state)
{
	struct subject *s = state;
	enum fcgi_result r = fcgi_parse(&s->parser, NULL, 0, &events, s);

	if (r != FCGI_R_OK)
		buf_printf(s->out, " !%d", r);
	free(s);
}

static size_t total_cuts;

static void
expect_as(struct buf *b, struct subject as, size_t cuts, const char *want)
{
	struct split_subject s = { subject_open, subject_feed, subject_finish,
		&as };
	struct buf got;

	assert_false(b->failed);
	buf_init(&got, SPLIT_TRANSCRIPT_MAX);
	total_cuts += split_check(&s, buf_str(b), cuts, &got);
	buf_addc(&got, '\0');
	assert_string_equal(got.p, want);
	buf_fini(&got);
	buf_fini(b);
	buf_init(b, 1 << 20);
}

static void
expect(struct buf *b, const char *want)
{
	struct subject as = { .answer_at_end = true };

	expect_as(b, as, 300, want);
}

/* -- records ------------------------------------------------------------- */

static void
test_request(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_PARAMS, 1, STR("abc"), 5);
	stream(&b, FCGI_PARAMS, 1, STR("def"), 0);
	stream(&b, FCGI_PARAMS, 1, STR(""), 0);
	stream(&b, FCGI_STDIN, 1, STR("body"), 255);
	stream(&b, FCGI_STDIN, 1, STR(" and more"), 0);
	stream(&b, FCGI_STDIN, 1, STR(""), 3);
	expect(&b,
	    " begin:1 params=abcdef params-end stdin=body and more stdin-end");
}

static void
test_two_on_one_connection(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 2; i++) {
		begin(&b, 258, FCGI_RESPONDER, FCGI_KEEP_CONN);
		stream(&b, FCGI_PARAMS, 258, STR(""), 0);
		stream(&b, FCGI_STDIN, 258, STR(""), 0);
	}
	expect(&b,
	    " begin:258k params-end stdin-end begin:258k params-end stdin-end");
}

/* An answer before the body is over: the rest of the body is skipped. */
static void
test_early_answer(void **state)
{
	struct subject as = { .answer_early = true };
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	begin(&b, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
	stream(&b, FCGI_PARAMS, 1, STR(""), 0);
	stream(&b, FCGI_STDIN, 1, STR("ignored"), 0);
	stream(&b, FCGI_STDIN, 1, STR(""), 0);
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_PARAMS, 1, STR("x"), 0);
	expect_as(&b, as, 300, " begin:1k params-end begin:1 params=x");
}

static void
test_abort(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_ABORT_REQUEST, 2, STR(""), 0);
	stream(&b, FCGI_ABORT_REQUEST, 1, STR(""), 1);
	expect(&b, " begin:1 abort");
}

static void
test_refused(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	begin(&b, 5, FCGI_AUTHORIZER, 0);
	stream(&b, FCGI_PARAMS, 5, STR("skipped"), 0);
	begin(&b, 6, FCGI_FILTER, 0);
	begin(&b, 7, 0x0101, 0); /* both bytes of the role count */
	begin(&b, 1, FCGI_RESPONDER, 0);
	begin(&b, 2, FCGI_RESPONDER, 0);
	stream(&b, FCGI_PARAMS, 2, STR("skipped"), 0);
	stream(&b, FCGI_PARAMS, 1, STR("mine"), 0);
	expect(&b,
	    " refuse:5:3 refuse:6:3 refuse:7:3 begin:1 refuse:2:1 params=mine");
}

static void
test_management(void **state)
{
	struct buf names, b;

	(void)state;
	buf_init(&names, 4096);
	buf_init(&b, 1 << 20);
	pair(&names, STR("FCGI_MPXS_CONNS"), STR(""), false);
	pair(&names, STR("FCGI_NOT_KNOWN_TO_US"), STR("x"), true);
	pair(&names, STR(""), STR(""), false);
	pair(&names, STR("FCGI_MAX_CONNS"), STR(""), true);
	record(&b, 1, FCGI_GET_VALUES, 0, names.p, names.n, 2);
	record(&b, 1, FCGI_GET_VALUES, 0, "", 0, 0);
	buf_reset(&names);
	pair(&names, STR("FCGI_MAX_REQS"), STR(""), false);
	buf_addc(&names, 14); /* and the beginning of another */
	record(&b, 1, FCGI_GET_VALUES, 0, names.p, names.n, 0);
	record(&b, 1, FCGI_GET_VALUES, 0, names.p, names.n - 1, 0);
	record(&b, 1, 77, 0, "??", 2, 0);
	record(&b, 1, FCGI_UNKNOWN_TYPE, 0, "", 0, 0);
	/* not management, and of no request that is active */
	record(&b, 1, 77, 9, "??", 2, 0);
	record(&b, 1, FCGI_GET_VALUES, 9, names.p, names.n, 0);
	expect(
	    &b, " values:5 values:0 values:2 values:2 unknown:77 unknown:11");
	buf_fini(&names);
}

static void
test_broken(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	record(&b, 2, FCGI_BEGIN_REQUEST, 1, "\0\1\0\0\0\0\0\0", 8, 0);
	expect(&b, " !1");
	buf_addz(&b, "GET / HTTP/1.1\r\n\r\n");
	expect(&b, " !1");
	record(&b, 1, FCGI_BEGIN_REQUEST, 1, "\0\1\0\0\0\0\0", 7, 0);
	expect(&b, " !2");
	record(&b, 1, FCGI_BEGIN_REQUEST, 1, "\0\1\0\0\0\0\0\0\0", 9, 0);
	expect(&b, " !2");
	record(&b, 1, FCGI_ABORT_REQUEST, 1, "x", 1, 0);
	expect(&b, " !2");
	begin(&b, 0, FCGI_RESPONDER, 0);
	expect(&b, " !3");
	begin(&b, 1, FCGI_RESPONDER, 0);
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_PARAMS, 1, STR("after the fault"), 0);
	expect(&b, " begin:1 !3");
}

static void
test_order(void **state)
{
	struct subject never = { .answer_at_end = false };
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_STDIN, 1, STR("x"), 0);
	expect(&b, " begin:1 !4");
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_PARAMS, 1, STR(""), 0);
	stream(&b, FCGI_PARAMS, 1, STR(""), 0);
	expect(&b, " begin:1 params-end !4");
	begin(&b, 1, FCGI_RESPONDER, 0);
	stream(&b, FCGI_PARAMS, 1, STR(""), 0);
	stream(&b, FCGI_STDIN, 1, STR(""), 0);
	stream(&b, FCGI_STDIN, 1, STR("more"), 0);
	expect_as(&b, never, 300, " begin:1 params-end stdin-end !4");
	buf_fini(&b);
}

static void
test_many_cuts(void **state)
{
	struct buf b, names;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_init(&names, 4096);
	pair(&names, STR("FCGI_MAX_CONNS"), STR(""), false);
	for (int i = 0; i < 3; i++) {
		record(&b, 1, FCGI_GET_VALUES, 0, names.p, names.n, 6);
		begin(&b, 1, FCGI_RESPONDER, FCGI_KEEP_CONN);
		stream(&b, FCGI_PARAMS, 1, STR("some parameters"), 1);
		begin(&b, 2, FCGI_RESPONDER, 0);
		stream(&b, FCGI_PARAMS, 1, STR(""), 7);
		stream(&b, FCGI_STDIN, 1, STR("{\"a\":1}"), 1);
		stream(&b, FCGI_STDIN, 1, STR(""), 0);
	}
	record(&b, 1, 99, 0, "zz", 2, 2);
	expect_as(&b, (struct subject){ .answer_at_end = true }, 100000,
	    " values:1 begin:1k params=some parameters refuse:2:1 params-end"
	    " stdin={\"a\":1} stdin-end"
	    " values:1 begin:1k params=some parameters refuse:2:1 params-end"
	    " stdin={\"a\":1} stdin-end"
	    " values:1 begin:1k params=some parameters refuse:2:1 params-end"
	    " stdin={\"a\":1} stdin-end unknown:99");
	buf_fini(&names);
	print_message("fcgi: %zu cuts, same events\n", total_cuts);
}

/* -- PARAMS -------------------------------------------------------------- */

struct params_subject {
	struct arena *a;
	struct fcgi_params ps;
	struct buf *out;
};

static void *
params_open(void *arg, struct buf *out)
{
	struct params_subject *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->a = arena_new(*(size_t *)arg);
	assert_non_null(s->a);
	fcgi_params_init(&s->ps, s->a);
	s->out = out;
	return s;
}

static void
params_feed(void *state, const char *p, size_t n)
{
	struct params_subject *s = state;

	(void)!fcgi_params_feed(&s->ps, p, n);
}

static void
params_finish(void *state)
{
	struct params_subject *s = state;
	enum err e = fcgi_params_finish(&s->ps);

	for (uint32_t i = 0; i < s->ps.n; i++) {
		const struct fcgi_param *v = &s->ps.v[i];

		assert_int_equal(v->name.p[v->name.n], 0);
		assert_int_equal(v->value.p[v->value.n], 0);
		buf_adds(s->out, v->name);
		buf_addc(s->out, '=');
		buf_adds(s->out, v->value);
		buf_addc(s->out, ';');
	}
	if (e != ERR_OK)
		buf_printf(s->out, "!%s", err_word(e));
	arena_free(s->a);
	free(s);
}

static void
expect_params(struct buf *b, const char *want)
{
	size_t max = 1 << 20;
	struct split_subject s = { params_open, params_feed, params_finish,
		&max };
	struct buf got;

	buf_init(&got, SPLIT_TRANSCRIPT_MAX);
	split_check(&s, buf_str(b), 200, &got);
	buf_addc(&got, '\0');
	assert_string_equal(got.p, want);
	buf_fini(&got);
	buf_reset(b);
}

static void
test_params(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	expect_params(&b, "");
	pair(&b, STR("REQUEST_METHOD"), STR("POST"), false);
	pair(&b, STR("QUERY_STRING"), STR(""), false);
	pair(&b, STR("HTTP_X"), STR("long lengths"), true);
	expect_params(
	    &b, "REQUEST_METHOD=POST;QUERY_STRING=;HTTP_X=long lengths;");
	/* a name of 4 length bytes with a value of 1, and the reverse */
	buf_add(&b, "\x80\0\0\1\1nv", 7);
	buf_add(&b, "\1\x80\0\0\1NV", 7);
	expect_params(&b, "n=v;N=V;");
	buf_add(&b, "\0\1v", 3);
	expect_params(&b, "!malformed");
	buf_add(&b, "\1\1n", 3);
	expect_params(&b, "!malformed");
	buf_add(&b, "\x80\0", 2);
	expect_params(&b, "!malformed");
	buf_add(&b, "\2\1n\0v", 5);
	expect_params(&b, "!malformed");
	buf_add(&b, "\1\2nv\0", 5);
	expect_params(&b, "!malformed");
	pair(&b, STR("HTTP_X_KEY"), STR("a"), false);
	pair(&b, STR("OTHER"), STR("a"), false);
	pair(&b, STR("HTTP_X_KEY"), STR("b"), false);
	expect_params(&b, "HTTP_X_KEY=a;OTHER=a;HTTP_X_KEY=b;!denied");
	buf_fini(&b);
}

/* Feeds it all at once; no transcript: these are large. */
static enum err
feed_all(struct buf *b, size_t arena_max, uint32_t *count)
{
	struct arena *a = arena_new(arena_max);
	struct fcgi_params ps;
	enum err e, again;

	assert_non_null(a);
	fcgi_params_init(&ps, a);
	e = fcgi_params_feed(&ps, b->p, b->n);
	again = fcgi_params_finish(&ps);
	if (e != ERR_OK)
		assert_int_equal(again, e);
	*count = ps.n;
	arena_free(a);
	buf_reset(b);
	return again;
}

static void
test_params_limits(void **state)
{
	static char big[FCGI_PARAMS_MAX_BYTES];
	char name[16];
	struct buf b;
	uint32_t count;
	int n;

	(void)state;
	buf_init(&b, 1 << 20);
	for (uint32_t extra = 0; extra < 2; extra++) {
		for (uint32_t i = 0; i < FCGI_PARAMS_MAX_COUNT + extra; i++) {
			n = snprintf(name, sizeof(name), "N%u", i);
			pair(&b, str_of(name, (size_t)n), STR("v"), false);
		}
		assert_int_equal(
		    feed_all(&b, 1 << 20, &count), extra ? ERR_LIMIT : ERR_OK);
		assert_int_equal(count, FCGI_PARAMS_MAX_COUNT);
	}
	/* names that share a slot of the search for twins, with a twin or not */
	for (uint32_t twin = 0; twin < 2; twin++) {
		for (uint32_t i = 0; i < FCGI_PARAMS_MAX_COUNT; i++) {
			n = snprintf(name, sizeof(name), "%03u_ONE_TAIL",
			    i == FCGI_PARAMS_MAX_COUNT - 1 && twin ? 7 : i);
			pair(&b, str_of(name, (size_t)n), STR("v"), false);
		}
		assert_int_equal(
		    feed_all(&b, 1 << 20, &count), twin ? ERR_DENIED : ERR_OK);
	}
	memset(big, 'x', sizeof(big));
	pair(&b, STR("N"), str_of(big, sizeof(big) - 1), false);
	assert_int_equal(feed_all(&b, 1 << 20, &count), ERR_OK);
	pair(&b, STR("N"), str_of(big, sizeof(big)), false);
	assert_int_equal(feed_all(&b, 1 << 20, &count), ERR_LIMIT);
	pair(&b, str_of(big, 40000), STR("v"), false);
	pair(&b, STR("N"), str_of(big, 30000), false);
	assert_int_equal(feed_all(&b, 1 << 20, &count), ERR_LIMIT);
	/* a length alone is not believed: no memory is taken for it */
	buf_add(&b, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	assert_int_equal(feed_all(&b, 1 << 20, &count), ERR_LIMIT);
	/* the arena's own end */
	pair(&b, STR("N"), str_of(big, 40000), false);
	assert_int_equal(feed_all(&b, 8192, &count), ERR_NOMEM);
	buf_fini(&b);
}

static void
test_params_add(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct fcgi_params ps;

	(void)state;
	assert_non_null(a);
	fcgi_params_init(&ps, a);
	assert_int_equal(fcgi_params_add(&ps, STR("A"), STR("1")), ERR_OK);
	assert_int_equal(fcgi_params_add(&ps, STR("B"), STR("")), ERR_OK);
	assert_int_equal(fcgi_params_finish(&ps), ERR_OK);
	assert_int_equal(ps.n, 2);
	assert_true(str_eqz(ps.v[0].name, "A"));
	assert_true(str_eqz(ps.v[0].value, "1"));
	assert_true(str_eqz(ps.v[1].name, "B"));
	assert_true(str_present(ps.v[1].value));
	assert_int_equal(fcgi_params_add(&ps, STR(""), STR("1")), ERR_SYNTAX);
	assert_int_equal(fcgi_params_add(&ps, STR("D"), STR("1")), ERR_SYNTAX);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_two_on_one_connection),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_management),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_many_cuts),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_params_limits),
		cmocka_unit_test(test_params_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
