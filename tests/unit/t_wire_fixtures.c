/*
 * Every recorded stream of ../shared/fixtures (LLMGW_SHARED names another
 * place): the number of events that a plain reading finds, and the same events
 * whatever the cuts. Says so when the recordings are not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <jansson.h>

#include "split.h"
#include "wire/sse.h"

struct subject {
	struct sse sse;
	struct buf *out;
};

/* Totals of the run, and of the stream at hand. */
static struct {
	size_t streams, bytes, events, comments, strays, cuts;
	size_t here;
} sum;

static enum err
note(void *arg, const struct sse_event *ev)
{
	struct subject *s = arg;

	buf_printf(s->out, "\n%d ", ev->kind);
	buf_adds(s->out, ev->event);
	buf_addc(s->out, '|');
	buf_adds(s->out, ev->data);
	return ERR_OK;
}

static void *
subject_open(void *arg, struct buf *out)
{
	struct subject *s = calloc(1, sizeof(*s));

	(void)arg;
	assert_non_null(s);
	s->out = out;
	sse_init(&s->sse, (size_t)32 << 20);
	return s;
}

static void
subject_feed(void *state, const char *p, size_t n)
{
	struct subject *s = state;

	assert_int_equal(sse_feed(&s->sse, p, n, note, s), ERR_OK);
}

static void
subject_finish(void *state)
{
	struct subject *s = state;

	assert_int_equal(sse_end(&s->sse, note, s), ERR_OK);
	sse_fini(&s->sse);
	free(s);
}

static enum err
count(void *arg, const struct sse_event *ev)
{
	(void)arg;
	sum.here += ev->kind == SSE_DATA;
	sum.events += ev->kind == SSE_DATA;
	sum.comments += ev->kind == SSE_COMMENT;
	sum.strays += ev->kind == SSE_STRAY;
	return ERR_OK;
}

/*
 * What the text says by the plainest reading: one event for each run of lines
 * between blank ones that has a data line.
 */
static size_t
plain_count(struct str text)
{
	bool has_data = false;
	size_t n = 0;

	while (str_present(text)) {
		struct str line = str_trim(str_cut(&text, '\n'));

		if (line.n == 0) {
			n += has_data;
			has_data = false;
		} else if (str_starts(line, STR("data:"))) {
			has_data = true;
		}
	}
	return n + has_data;
}

static void
check_stream(struct str text)
{
	static const size_t steps[] = { 1, 2, 3, 7, 1400 };
	struct split_subject s = { subject_open, subject_feed, subject_finish,
		NULL };
	uint64_t seed = 0x9e3779b97f4a7c15u;
	struct split_plan plan = { .rand = &seed };
	struct sse sse;
	struct buf whole;

	sum.here = 0;
	sse_init(&sse, (size_t)32 << 20);
	assert_int_equal(sse_feed(&sse, text.p, text.n, count, NULL), ERR_OK);
	assert_int_equal(sse_end(&sse, count, NULL), ERR_OK);
	sse_fini(&sse);
	assert_int_equal(sum.here, plain_count(text));
	buf_init(&whole, SPLIT_TRANSCRIPT_MAX);
	split_run(&s, text, &plan, &whole);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		plan.step = steps[i];
		sum.cuts += split_compare(&s, text, &plan, buf_str(&whole));
	}
	plan.step = 0;
	plan.mean = 50;
	sum.cuts += split_compare(&s, text, &plan, buf_str(&whole));
	buf_fini(&whole);
	sum.streams++;
	sum.bytes += text.n;
}

static void
check_file(const char *path)
{
	json_error_t e;
	json_t *top = json_load_file(path, 0, &e);
	json_t *chunks, *chunk;
	struct buf text;
	size_t i;

	if (!top)
		fail_msg("%s: %s", path, e.text);
	chunks = json_object_get(json_object_get(top, "response"), "chunks");
	assert_true(json_is_array(chunks));
	buf_init(&text, (size_t)32 << 20);
	json_array_foreach(chunks, i, chunk)
	    buf_add(&text, json_string_value(chunk), json_string_length(chunk));
	assert_false(text.failed);
	check_stream(buf_str(&text));
	buf_fini(&text);
	json_decref(top);
}

static const char *
shared(void)
{
	const char *p = getenv("LLMGW_SHARED");

	return p && *p ? p : TEST_SRCDIR "/../shared";
}

static void
test_recorded_streams(void **state)
{
	char path[4096];
	json_t *index, *list, *row;
	struct stat st;
	size_t i;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/fixtures/INDEX.json", shared());
	if (stat(path, &st) != 0) {
		print_message("recorded exchanges are absent: %s\n", path);
		skip();
	}
	index = json_load_file(path, 0, NULL);
	list = json_object_get(index, "fixtures");
	assert_true(json_is_array(list));
	json_array_foreach(list, i, row)
	{
		const char *framing =
		    json_string_value(json_object_get(row, "framing"));
		const char *file =
		    json_string_value(json_object_get(row, "file"));

		if (!framing || strcmp(framing, "sse") != 0)
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/fixtures/%s", shared(), file);
		check_file(path);
	}
	json_decref(index);
	assert_true(sum.streams > 0);
	print_message("%zu streams, %zu bytes: %zu events, %zu comments, "
		      "%zu strays; %zu cuts, same events\n",
	    sum.streams, sum.bytes, sum.events, sum.comments, sum.strays,
	    sum.cuts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
