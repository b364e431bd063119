#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "split.h"
#include "wire/sse.h"

/*
 * The transcript of a stream: "[event|data]" for data, "<text>" for comments,
 * "{event|data}" for strays, "!word" for a failure.
 */
struct subject {
	struct sse sse;
	struct buf *out;
	size_t max;
};

static enum err
note(void *arg, const struct sse_event *ev)
{
	struct subject *s = arg;
	static const char *const open[] = { "[", "<", "{" };
	static const char *const close[] = { "]", ">", "}" };

	assert_non_null(ev->data.p);
	buf_addz(s->out, open[ev->kind]);
	if (str_present(ev->event)) {
		buf_adds(s->out, ev->event);
		buf_addc(s->out, '|');
	}
	buf_adds(s->out, ev->data);
	buf_addz(s->out, close[ev->kind]);
	return ERR_OK;
}

static void *
subject_open(void *arg, struct buf *out)
{
	struct subject *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->max = *(size_t *)arg;
	sse_init(&s->sse, s->max);
	s->out = out;
	return s;
}

static void
subject_feed(void *state, const char *p, size_t n)
{
	struct subject *s = state;

	(void)!sse_feed(&s->sse, p, n, note, s);
}

static void
subject_finish(void *state)
{
	struct subject *s = state;
	enum err e = sse_end(&s->sse, note, s);

	if (e != ERR_OK)
		buf_printf(s->out, "!%s", err_word(e));
	sse_fini(&s->sse);
	free(s);
}

static size_t total_cuts;

static void
expect_max(const char *bytes, size_t n, size_t max, const char *want)
{
	struct split_subject s = { subject_open, subject_feed, subject_finish,
		&max };
	struct buf got;

	buf_init(&got, SPLIT_TRANSCRIPT_MAX);
	total_cuts += split_check(&s, str_of(bytes, n), 500, &got);
	buf_addc(&got, '\0');
	assert_string_equal(got.p, want);
	buf_fini(&got);
}

#define EXPECT(lit, want) expect_max(lit, sizeof(lit) - 1, 1 << 20, want)
#define EXPECT_MAX(lit, max, want) expect_max(lit, sizeof(lit) - 1, max, want)

static void
test_lines(void **state)
{
	(void)state;
	EXPECT("", "");
	EXPECT("data: a\n\n", "[a]");
	EXPECT("data: a\r\n\r\ndata: b\r\n\r\n", "[a][b]");
	EXPECT("data: a\r\rdata: b\r\r", "[a][b]");
	EXPECT("data: a\r\n\ndata: b\n\r\n", "[a][b]");
	EXPECT("data: a\n\rdata: b\r\n\r", "[a][b]");
	EXPECT("\n\n\r\n\rdata: a\n\n\n\n", "[a]");
	EXPECT("data:{\"a\":1}\n\n", "[{\"a\":1}]");
	EXPECT("data:  two\n\n", "[ two]");
	EXPECT("data: \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n\n",
	    "[\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80]");
	EXPECT("data: [DONE]\n\n", "[[DONE]]");
}

static void
test_fields(void **state)
{
	(void)state;
	EXPECT("data: a\ndata: b\ndata:c\n\n", "[a\nb\nc]");
	EXPECT("event:e\r\ndata: a\r\ndata: b\r\n\r\n", "[e|a\nb]");
	EXPECT("data\n\n", "[]");
	EXPECT("data:\n\n", "[]");
	EXPECT("data\ndata\n\n", "[\n]");
	EXPECT("data:\ndata: x\n\n", "[\nx]");
	EXPECT("event: ping\ndata: a\n\ndata: b\n\n", "[ping|a][b]");
	EXPECT("data: a\nevent: late\n\n", "[late|a]");
	EXPECT("event: one\nevent: two\ndata: a\n\n", "[two|a]");
	EXPECT("event: one\nevent:\ndata: a\n\n", "[a]");
	EXPECT("event: only\n\ndata: a\n\n", "[a]");
	EXPECT("id: 1\nretry: 5\nfoo\ndata2: x\ndatax\ndata: a\n\n", "[a]");
}

static void
test_comments(void **state)
{
	(void)state;
	EXPECT(": OPENROUTER PROCESSING\n\ndata: a\n\n",
	    "<OPENROUTER PROCESSING>[a]");
	EXPECT(":\n:x\n", "<><x>");
	EXPECT("data: a\n: in between\ndata: b\n\n", "<in between>[a\nb]");
}

static void
test_byte_order_mark(void **state)
{
	(void)state;
	EXPECT("\xef\xbb\xbf"
	       "data: a\n\n",
	    "[a]");
	EXPECT("\xef\xbb\xbf\ndata: a\n\n", "[a]");
	EXPECT("\xef\xbb"
	       "data: a\n\ndata: b\n\n",
	    "[b]");
	EXPECT("data: a\n\n\xef\xbb\xbf"
	       "data: b\n\ndata: c\n\n",
	    "[a][c]");
}

/* wire.md 5.1 point 4: the last blank line, even the last LF, may be missing */
static void
test_unterminated_end(void **state)
{
	(void)state;
	EXPECT("data: a\n\ndata: b\n", "[a][b]");
	EXPECT("data: a\n\ndata: b", "[a][b]");
	EXPECT("data: a\ndata: b", "[a\nb]");
	EXPECT("data: a\r", "[a]");
	EXPECT("event: e\ndata: b", "[e|b]");
	EXPECT(": x", "<x>");
	EXPECT("event: e", "");
	EXPECT("da", "");
}

/* wire.md 5.1 point 7 */
static void
test_stray_body(void **state)
{
	(void)state;
	EXPECT("data: a\n\n{\n  \"error\": {\n  }\n}\n",
	    "[a]{{\n  \"error\": {\n  }\n}}");
	EXPECT("data: a\r\n\r\n{\"error\":1}", "[a]{{\"error\":1}}");
	EXPECT("[{\"error\":1}]\r\n\r\ndata: b\n\n", "{[{\"error\":1}]}[b]");
	/* no blank line before or behind it */
	EXPECT("data: a\n{\n}\ndata: b\n\n", "[a]{{\n}}[b]");
	EXPECT("event: error\n{\"x\":1}\n\n", "{error|{\"x\":1}}");
	EXPECT("{\n}\nevent: e\ndata: b\n\n", "{{\n}}[e|b]");
	EXPECT("{\n: c\n}\n", "<c>{{\n}}");
	EXPECT("Internal Server Error\n", "");
}

/* The cap counts the data so far and the line being read. */
static void
test_limit(void **state)
{
	(void)state;
	EXPECT_MAX("data: abcd\n\n", 10, "[abcd]");
	EXPECT_MAX("data: abcde\n\n", 10, "!over a limit");
	EXPECT_MAX("data: ok\n\n: a long comment\n\n", 10, "[ok]!over a limit");
	EXPECT_MAX("data:a\ndata:b\n\n", 7, "[a\nb]");
	EXPECT_MAX("data:ab\ndata:cd\n\n", 8, "!over a limit");
	EXPECT_MAX("data:a\n\ndata:b\n\ndata:c\n\n", 6, "[a][b][c]");
	EXPECT_MAX("{\n}\n\n", 3, "{{\n}}");
	EXPECT_MAX("{\n}\n}\n\n", 4, "!over a limit");
}

static void
test_name_limit(void **state)
{
	char text[SSE_NAME_MAX + 64];
	int n;

	(void)state;
	for (int extra = 0; extra < 2; extra++) {
		n = snprintf(text, sizeof(text), "event: %0*d\ndata: a\n\n",
		    (int)SSE_NAME_MAX + extra, 0);
		if (extra)
			expect_max(text, (size_t)n, 4096, "!over a limit");
	}
}

static enum err
stop_at_done(void *arg, const struct sse_event *ev)
{
	unsigned *calls = arg;

	(*calls)++;
	return str_eqz(ev->data, "[DONE]") ? ERR_CLOSED : ERR_OK;
}

static void
test_stop(void **state)
{
	struct str text = STR("data: a\n\ndata: [DONE]\n\ndata: b\n\n");
	struct sse s;
	unsigned calls = 0;

	(void)state;
	sse_init(&s, 1024);
	assert_int_equal(
	    sse_feed(&s, text.p, text.n, stop_at_done, &calls), ERR_CLOSED);
	assert_int_equal(calls, 2);
	assert_int_equal(
	    sse_feed(&s, text.p, text.n, stop_at_done, &calls), ERR_CLOSED);
	assert_int_equal(sse_end(&s, stop_at_done, &calls), ERR_CLOSED);
	assert_int_equal(calls, 2);
	sse_fini(&s);
}

struct where {
	const char *from, *to;
	bool is_inside;
};

static enum err
note_where(void *arg, const struct sse_event *ev)
{
	struct where *w = arg;

	w->is_inside = ev->data.p >= w->from && ev->data.p < w->to;
	return ERR_OK;
}

static void
test_no_copy(void **state)
{
	static const char text[] = "event: e\r\ndata: abc\r\n\r\n";
	struct where w = { text, text + sizeof(text), false };
	struct sse s;

	(void)state;
	sse_init(&s, 1024);
	assert_int_equal(
	    sse_feed(&s, text, sizeof(text) - 1, note_where, &w), ERR_OK);
	assert_true(w.is_inside);
	assert_null(s.hold.p);
	assert_int_equal(sse_end(&s, note_where, &w), ERR_OK);
	sse_fini(&s);
}

static enum err
count_bytes(void *arg, const struct sse_event *ev)
{
	*(size_t *)arg += ev->data.n;
	return ERR_OK;
}

/* The rows of wire.md 10 K by their numbers; EXPECT cuts everywhere. */
static void
row_90_utf8_cut_between_reads(void **state)
{
	(void)state;
	EXPECT(
	    "data: \xe4\xb8\xad\xe6\x96\x87\n\n", "[\xe4\xb8\xad\xe6\x96\x87]");
}

static void
row_91_line_ends_and_no_space(void **state)
{
	(void)state;
	EXPECT("data:{}\r\n\r\ndata:[]\r\n\r\n", "[{}][[]]");
}

static void
row_92_event_cut_between_reads(void **state)
{
	(void)state;
	EXPECT("event: content_block_delta\ndata: {\"type\":\"x\"}\n\n",
	    "[content_block_delta|{\"type\":\"x\"}]");
}

/* A line of many MB in small pieces: no line limit, no rescans. */
static void
row_93_and_94_large_event(void **state)
{
	enum {
		PIECE = 1000,
		PIECES = 8000
	};
	static char piece[PIECE];
	size_t got = 0;
	struct sse s;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	sse_init(&s, (size_t)32 << 20);
	assert_int_equal(sse_feed(&s, "data:", 5, count_bytes, &got), ERR_OK);
	for (int i = 0; i < PIECES; i++)
		assert_int_equal(
		    sse_feed(&s, piece, PIECE, count_bytes, &got), ERR_OK);
	assert_int_equal(got, 0);
	assert_int_equal(sse_feed(&s, "\n\n", 2, count_bytes, &got), ERR_OK);
	assert_int_equal(got, (size_t)PIECE * PIECES);
	/* and it does not stay with the stream */
	assert_true(s.hold.cap < (1 << 20));
	assert_int_equal(sse_end(&s, count_bytes, &got), ERR_OK);
	sse_fini(&s);
}

/* Every kind of thing in one text, for the many cuts of reliability.md #5. */
static void
test_many_cuts(void **state)
{
	static const char text[] =
	    "\xef\xbb\xbf: hello\r\n\r\nevent: message_start\r\ndata: {\"a\":"
	    "\"\xf0\x9f\x98\x80\"}\r\n\r\ndata:b\rdata: c\r\rid: 7\nevent:x\n"
	    "data: d\n: mid\ndata:\n\n{\n \"error\": {\n \"code\": 499 }\n}\n"
	    "data: [DONE]\n\n\n[1,\n2]\n\nevent: last\ndata: no end";
	size_t max = 4096;
	struct split_subject s = { subject_open, subject_feed, subject_finish,
		&max };
	struct buf got;

	(void)state;
	buf_init(&got, SPLIT_TRANSCRIPT_MAX);
	total_cuts +=
	    split_check(&s, str_of(text, sizeof(text) - 1), 100000, &got);
	buf_addc(&got, '\0');
	assert_string_equal(got.p,
	    "<hello>[message_start|{\"a\":\"\xf0\x9f\x98\x80\"}][b\nc]<mid>"
	    "[x|d\n]{{\n \"error\": {\n \"code\": 499 }\n}}[[DONE]]{[1,\n2]}"
	    "[last|no end]");
	buf_fini(&got);
	print_message("sse: %zu cuts, same events\n", total_cuts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_unterminated_end),
		cmocka_unit_test(test_stray_body),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_name_limit),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_no_copy),
		cmocka_unit_test(row_90_utf8_cut_between_reads),
		cmocka_unit_test(row_91_line_ends_and_no_space),
		cmocka_unit_test(row_92_event_cut_between_reads),
		cmocka_unit_test(row_93_and_94_large_event),
		cmocka_unit_test(test_many_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
