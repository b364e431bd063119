#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "prov/collect.h"

/* A kind that writes down what it is handed. */
struct probe {
	struct prov_collect c;
	struct buf said;
	unsigned pings;
	bool stop_at_event;
};

static void
on_event(
    struct prov_collect *c, const struct json *j, json_ref v, struct str name)
{
	struct probe *p = (struct probe *)c;

	buf_printf(&p->said, "event %.*s %.*s\n", STR_ARG(name),
	    STR_ARG(json_raw(j, v)));
	if (p->stop_at_event)
		prov_answer_failf(&c->a, MSG_FAIL_CUT, "stop");
}

static void
on_body(struct prov_collect *c, const struct json *j, json_ref v)
{
	struct probe *p = (struct probe *)c;

	buf_printf(&p->said, "body %.*s\n", STR_ARG(json_raw(j, v)));
}

static void
on_done(struct prov_collect *c)
{
	buf_addz(&((struct probe *)c)->said, "done\n");
}

static void
on_end(struct prov_collect *c)
{
	prov_answer_end(&c->a);
}

/* What begins so is taken unread. */
static bool
on_unread(struct prov_collect *c, struct str json)
{
	struct probe *p = (struct probe *)c;

	if (!str_starts(json, STR("{\"unread\"")))
		return false;
	buf_printf(&p->said, "unread %.*s\n", STR_ARG(json));
	return true;
}

static const struct prov_collect_ops ops = { on_unread, on_event, on_body,
	on_done, on_end };

static void
sink(void *arg, const struct msg_event *ev)
{
	struct probe *p = arg;

	if (ev->type == MSG_EV_PING)
		p->pings++;
	else if (ev->type == MSG_EV_END)
		buf_addz(&p->said, "END\n");
	else if (ev->type == MSG_EV_FAIL)
		buf_printf(&p->said, "FAIL %s\n",
		    msg_fail_table[ev->fail->class].word);
}

static void
check(const char *bytes, const char *want, bool stop)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 1000 };
	struct prov_target target = { .provider = STR("p") };
	struct prov_answer_options o = { true, 256, 256 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		struct probe p = { .stop_at_event = stop };
		struct str rest = str_z(bytes);

		buf_init(&p.said, 65536);
		prov_collect_init(
		    &p.c, &target, &o, (struct msg_sink){ sink, &p }, &ops);
		prov_collect_head(&p.c.a, 200, NULL);
		while (rest.n != 0) {
			size_t n = rest.n < cuts[i] ? rest.n : cuts[i];

			prov_collect_feed(&p.c.a, rest.p, n);
			rest = str_skip(rest, n);
		}
		prov_collect_end(&p.c.a);
		prov_collect_end(&p.c.a);
		buf_addc(&p.said, '\0');
		assert_string_equal(p.said.p, want);
		buf_fini(&p.said);
		prov_collect_fini(&p.c);
	}
}

static void
streams(void **state)
{
	(void)state;
	check("data: {\"a\":1}\n\nevent: x\ndata: {\"b\":2}\n\ndata: [DONE]\n",
	    "event  {\"a\":1}\nevent x {\"b\":2}\ndone\nEND\n", false);
	check("data: {\"unread\"\n\nevent: x\ndata: {\"unread\":1}\n\n",
	    "unread {\"unread\"\nevent x {\"unread\":1}\nEND\n", false);
	check(": hello\r\n\r\ndata:{}\r\n\r\n", "event  {}\nEND\n", false);
	check("\xef\xbb\xbf"
	      "data: {}\n\ndata: \n\n",
	    "event  {}\nEND\n", false);
	/* an error body without data: in mid-stream */
	check("data: {}\n\n{\n\"error\":1}\n",
	    "event  {}\nevent  { \"error\":1}\nEND\n", false);
}

static void
bodies(void **state)
{
	(void)state;
	check("{\"a\":1}\n", "body {\"a\":1}\nEND\n", false);
	check("\n\n \t{\"a\":1}", "body {\"a\":1}\nEND\n", false);
	check("[{\"a\":1}\n,\r\n{\"b\":2}]",
	    "event  {\"a\":1}\nevent  {\"b\":2}\nEND\n", false);
	/* spans go into events of ours: no line's end in them */
	check("{\n \"a\": {\r\n \"b\": 2}\n}",
	    "body {  \"a\": {   \"b\": 2} }\nEND\n", false);
	check("data: {\"a\":\ndata: 1}\n\n", "event  {\"a\": 1}\nEND\n", false);
	check("data: {\"a\":\"\ndata: \"}\n\n", "FAIL bad_answer\n", false);
}

static void
failures(void **state)
{
	char large[600];

	(void)state;
	check("", "FAIL cut\n", false);
	check(" \n ", "FAIL cut\n", false);
	check("<html>", "FAIL bad_answer\n", false);
	check("{\"a\":", "FAIL bad_answer\n", false);
	check("\"text\"", "FAIL bad_answer\n", false);
	check("data: {oops\n\n", "FAIL bad_answer\n", false);
	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	memcpy(large, "data: ", 6);
	check(large, "FAIL bad_answer\n", false);
	large[0] = '{';
	check(large, "FAIL bad_answer\n", false);
}

static void
nothing_after_the_end(void **state)
{
	(void)state;
	check("data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n",
	    "event  {\"a\":1}\nFAIL cut\n", true);
	check("[{\"a\":1},{\"b\":2}]", "event  {\"a\":1}\nFAIL cut\n", true);
}

static void
heartbeats(void **state)
{
	struct prov_target target = { .provider = STR("p") };
	struct prov_answer_options o = { true, 256, 256 };
	struct probe p = { .pings = 0 };

	(void)state;
	buf_init(&p.said, 65536);
	prov_collect_init(
	    &p.c, &target, &o, (struct msg_sink){ sink, &p }, &ops);
	prov_collect_feed(&p.c.a, "\n\n", 2);
	assert_int_equal(p.pings, 1);
	assert_false(p.c.a.is_stream);
	prov_collect_feed(&p.c.a, ": x\n\n: y\n\n", 10);
	assert_int_equal(p.pings, 3);
	assert_true(p.c.a.is_stream);
	prov_collect_fini(&p.c);
	buf_fini(&p.said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(bodies),
		cmocka_unit_test(failures),
		cmocka_unit_test(nothing_after_the_end),
		cmocka_unit_test(heartbeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
