#include "api/answer.h"
#include "api/chat.h"
#include "api/norm.h"

#include "base/fault.h"
#include "check.h"

/*
 * Memory that runs out: the n-th block fails, for every n, once and for good.
 * Every subject must say so or give the whole right answer, and leak nothing
 * (ASan). Needs --enable-faults; says so without.
 */

static bool
run_parse(void)
{
	static const char body[] =
	    "{\"model\":\"m\\n\",\"messages\":[{\"role\":\"assistant\","
	    "\"tool_calls\":[{\"id\":\"a\\n\",\"function\":{\"name\":\"f\\n\"}}"
	    "]},{\"role\":\"tool\",\"tool_call_id\":\"a\\n\",\"content\":[{"
	    "\"type\":\"text\",\"text\":\"x\"}]}],\"x\":1,\"tools\":[{\"type\":"
	    "\"function\",\"function\":{\"name\":\"f\"}}]}";
	struct arena *a = arena_new(1 << 20);
	struct msg_request r;
	struct msg_fail fail;
	enum err e;

	if (!a)
		return false;
	e = api_chat_parse(a, str_z(body), NULL, &r, &fail);
	if (e == ERR_OK)
		assert_ptr_equal(r.messages->next->answers, r.messages->calls);
	else
		assert_int_equal(e, ERR_NOMEM);
	if (e != ERR_OK) /* it is not the request that is too large */
		assert_int_equal(fail.class, MSG_FAIL_INTERNAL);
	arena_free(a);
	return e == ERR_OK;
}

struct run {
	struct api_answer *a;
	struct buf out;
	enum err err;
};

static void
write_event(void *arg, const struct msg_event *ev)
{
	struct run *r = arg;

	if (r->err == ERR_OK)
		r->err = api_answer_event(r->a, ev, &r->out);
}

static void
feed_all(struct api_norm *n)
{
#define EV(kind, ...) \
	(&(struct msg_event){ .type = MSG_EV_##kind, __VA_ARGS__ })
	const struct msg_event *events[] = {
		EV(START, .id = STR("i"), .model = STR("m")),
		EV(EXTRA, .extra_top = STR("\"t\":1"),
		    .extra_delta = STR("\"d\":[1]")),
		EV(EXTRA, .extra_top = STR("\"t\":3,\"u\":4")),
		EV(TEXT, .text = STR("a"), .extra_top = STR("\"t\":2"),
		    .raw = STR("{\"content\":[1]}")),
		EV(REASONING, .text = STR("r"),
		    .extra_delta = STR("\"d\":[2]")),
		EV(CALL_START, .id = STR("c"), .name = STR("f"),
		    .signature = STR("s")),
		EV(CALL_ARGS, .text = STR("{\\\"a\\\":1}")),
		EV(CALL_START, .call = 1, .name = STR("g")),
		EV(TEXT, .choice = 2, .text = STR("b")),
		EV(FINISH, .choice = 2, .native = STR("end")),
		EV(FINISH, .native = STR("end")),
		EV(USAGE, .usage = { .prompt = 1,
			      .completion = 2,
			      .extra = STR("\"cost\":1") }),
		EV(END),
	};

	for (size_t i = 0; i < COUNT(events); i++)
		(void)api_norm_event(n, events[i]);
}

/* The whole answer is longer than this when nothing is missing. */
static bool
run_answer(bool stream)
{
	static size_t right[2];
	struct api_answer_options o = {
		.stream = stream, .include_usage = true, .created = 5
	};
	struct run r = { .out = { .max = 1 << 20 } };
	struct api_norm *n =
	    api_norm_new(NULL, (struct msg_sink){ write_event, &r });
	bool ok = false;

	r.a = api_answer_new(&o);
	if (n && r.a) {
		feed_all(n);
		ok = r.err == ERR_OK && !r.out.failed && !api_norm_fail(n);
	}
	/* made ids vary, their length does not */
	if (ok && right[stream] == 0)
		right[stream] = r.out.n;
	if (ok)
		assert_int_equal(r.out.n, right[stream]);
	api_norm_free(n);
	api_answer_free(r.a);
	buf_fini(&r.out);
	return ok;
}

static bool
run_stream(void)
{
	return run_answer(true);
}

static bool
run_whole(void)
{
	return run_answer(false);
}

static const struct {
	const char *name;
	const char *point;
	bool (*run)(void);
} subjects[] = {
	{ "parse", "arena.block", run_parse },
	{ "parse", "json.tape", run_parse },
	{ "parse", "map.grow", run_parse },
	{ "stream", "api.norm", run_stream },
	{ "stream", "api.answer", run_stream },
	{ "stream", "buf.grow", run_stream },
	{ "stream", "json.tape", run_stream },
	{ "whole", "api.norm", run_whole },
	{ "whole", "api.answer", run_whole },
	{ "whole", "buf.grow", run_whole },
	{ "whole", "json.tape", run_whole },
};

/* Faults of one subject, one kind. */
static unsigned
torture(size_t i, bool for_good)
{
	unsigned n = 0;
	bool ok;

	do {
		char spec[64];

		(void)snprintf(spec, sizeof(spec), "%s:%u%s", subjects[i].point,
		    ++n, for_good ? "+" : "");
		fault_setup(spec);
		ok = subjects[i].run();
		fault_setup(NULL);
	} while (!ok && n < 200);
	assert_true(ok);
	return n - 1;
}

static void
every_block(void **state)
{
	unsigned faults = 0;
	size_t i;

	(void)state;
#ifndef WITH_FAULTS
	print_message("fault points are not compiled in\n");
	skip();
#endif
	for (i = 0; i < COUNT(subjects); i++) {
		unsigned n;

		assert_true(subjects[i].run());
		n = torture(i, false) + torture(i, true);
		if (n == 0)
			fail_msg("%s: no fault at %s", subjects[i].name,
			    subjects[i].point);
		faults += n;
	}
	print_message("survived %u faults\n", faults);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
