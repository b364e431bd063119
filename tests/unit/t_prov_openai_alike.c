#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov_run.h"

#include "prov/openai.h"

static const struct prov_run stream = { .kind = "openai", .stream = true };

#define TOP "\"id\":\"c1\",\"model\":\"m\",\"created\":5"
#define SAY(more_top, delta, more_choice)                                   \
	"{" TOP more_top ",\"choices\":[{\"index\":0,\"delta\":{" delta "}" \
	",\"finish_reason\":null" more_choice "}]}"
#define TEXT(text) SAY("", "\"content\":\"" text "\"", "")
#define CHUNKS_MAX 16

/*
 * With a name each event is read; without, the shortcut is taken where there is
 * one. The events must be the same.
 */
static void
same_as_read(const char *const *chunks)
{
	struct buf plain, named;
	char *a, *b;

	buf_init(&plain, 1 << 16);
	buf_init(&named, 1 << 16);
	for (; *chunks; chunks++) {
		buf_printf(&plain, "data: %s\n\n", *chunks);
		buf_printf(&named, "event: x\ndata: %s\n\n", *chunks);
	}
	a = prov_run_cut(&stream, buf_str(&plain));
	b = prov_run_cut(&stream, buf_str(&named));
	assert_string_equal(a, b);
	assert_non_null(strstr(a, "TEXT"));
	free(a);
	free(b);
	buf_fini(&plain);
	buf_fini(&named);
}

#define SAME(...) \
	same_as_read((const char *const[CHUNKS_MAX]){ __VA_ARGS__, NULL })

static void
test_texts(void **state)
{
	(void)state;
	SAME(SAY("", "\"role\":\"assistant\",\"content\":\"\"", ""), TEXT("a"),
	    TEXT("bc"), TEXT(""), TEXT(" d"), TEXT("\\n"), TEXT("e"),
	    TEXT("\\\"q\\\""), TEXT("l\xc3\xb6"), TEXT("f"), TEXT("g"));
	/* no string ends where the frame says */
	SAME(TEXT("a"), TEXT("b\",\"x\":\"c"), TEXT("d"));
	SAME(TEXT("a"), TEXT("b\\"), TEXT("d"));
	SAME(TEXT("a"), TEXT("\x01"), TEXT("d"));
	SAME(TEXT("a"), TEXT("\x7f"), TEXT("d"));
	SAME(TEXT("a"), TEXT("\xff"), TEXT("d"));
}

static void
test_frames_that_change(void **state)
{
	(void)state;
	/* of another choice, with a reason, beside a thought or a call */
	SAME(TEXT("a"), TEXT("b"),
	    "{" TOP ",\"choices\":[{\"index\":1,\"delta\":{\"content\":"
	    "\"c\"},\"finish_reason\":null}]}",
	    TEXT("d"),
	    "{" TOP ",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
	    "\"e\"},\"finish_reason\":\"stop\"}]}",
	    "{" TOP ",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
	    "\"f\"},\"finish_reason\":\"stop\"}]}");
	SAME(SAY("", "\"reasoning\":\"r\",\"content\":\"a\"", ""),
	    SAY("", "\"reasoning\":\"r\",\"content\":\"b\"", ""), TEXT("c"));
	SAME(SAY(",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}",
		 "\"content\":\"a\"", ""),
	    SAY(",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}",
		"\"content\":\"b\"", ""));
	SAME(SAY("", "\"content\":\"a\"", ",\"logprobs\":{\"content\":[1]}"),
	    SAY("", "\"content\":\"b\"", ",\"logprobs\":{\"content\":[1]}"));
	/* the text stands there twice (Together) */
	SAME(SAY("", "\"content\":\"a\"", ",\"text\":\"a\""),
	    SAY("", "\"content\":\"b\"", ",\"text\":\"a\""));
}

static void
test_extras(void **state)
{
	(void)state;
	SAME(SAY(",\"system_fingerprint\":\"f\"", "\"content\":\"a\"", ""),
	    SAY(",\"system_fingerprint\":\"f\"", "\"content\":\"b\"", ""),
	    SAY(",\"system_fingerprint\":\"g\"", "\"content\":\"c\"", ""),
	    /* without content: told once each value */
	    SAY(",\"system_fingerprint\":\"g\"", "", ""),
	    SAY(",\"system_fingerprint\":\"f\"", "\"content\":\"d\"", ""),
	    SAY(",\"system_fingerprint\":\"f\"", "\"content\":\"e\"", ""),
	    SAY(",\"system_fingerprint\":\"f\"", "", ""));
	SAME(SAY("", "\"content\":\"a\",\"x\":1", ",\"y\":[2]"),
	    SAY("", "\"content\":\"b\",\"x\":1", ",\"y\":[2]"),
	    SAY(",\"z\":3", "\"content\":\"c\",\"x\":1", ",\"y\":[2]"),
	    SAY(",\"z\":3", "\"content\":\"d\",\"x\":1", ",\"y\":[2]"));
	SAME(SAY(",\"obfuscation\":\"p1\"", "\"content\":\"a\"", ""),
	    SAY(",\"obfuscation\":\"p1\"", "\"content\":\"b\"", ""),
	    SAY(",\"obfuscation\":\"p2\"", "\"content\":\"c\"", ""));
}

/* A frame that is too large to be kept leaves none behind. */
static void
test_large_frame(void **state)
{
	static char wide[4096], chunk[sizeof(wide) + 256];

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	snprintf(chunk, sizeof(chunk),
	    "{" TOP ",\"x\":\"%s\",\"choices\":[{\"index\":0,"
	    "\"delta\":{\"content\":\"b\"},\"finish_reason\":null}]}",
	    wide);
	SAME(TEXT("a"), chunk, chunk, TEXT("c"), TEXT("d"));
}

static void
ignore(void *arg, const struct msg_event *ev)
{
	(void)arg;
	(void)ev;
}

/* That there is a shortcut, and where it ends. */
static void
test_taken(void **state)
{
	static const char first[] = "data: " TEXT("one") "\n\n";
	struct prov_target t = { .provider = STR("p"),
		.kind = prov_kind_find(STR("openai")) };
	struct prov_answer_options o = { true, 65536, 65536 };
	struct msg_sink sink = { ignore, NULL };
	struct prov_answer *p = openai_answer_new(&t, &o, sink);
	struct openai_answer *a = (struct openai_answer *)p;

	(void)state;
	assert_non_null(p);
	assert_false(openai_alike_take(a, STR(TEXT("two"))));
	/* the first one makes a START as well */
	t.kind->answer_feed(p, first, sizeof(first) - 1);
	assert_false(openai_alike_take(a, STR(TEXT("two"))));
	t.kind->answer_feed(p, first, sizeof(first) - 1);
	assert_true(openai_alike_take(a, STR(TEXT("two"))));
	assert_true(openai_alike_take(a, STR(TEXT("~ !"))));
	assert_false(openai_alike_take(a, STR(TEXT(""))));
	assert_false(openai_alike_take(a, STR(TEXT("\\n"))));
	assert_false(openai_alike_take(a, STR(TEXT("a\"b"))));
	assert_false(openai_alike_take(a, STR(TEXT("\x1f"))));
	assert_false(openai_alike_take(a, STR(TEXT("\xc3\xb6"))));
	assert_false(openai_alike_take(a, STR("{}")));
	openai_answer_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_frames_that_change),
		cmocka_unit_test(test_extras),
		cmocka_unit_test(test_large_frame),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests_name(
	    "prov/openai_alike", tests, NULL, NULL);
}
