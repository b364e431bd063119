/*
 * What api costs: nanoseconds for one streamed piece of text through the
 * normaliser and the writer, and for reading a request, the best of some
 * rounds; beside each the plain copy of the same bytes. Nothing is asserted.
 */
#include "api/answer.h"
#include "api/chat.h"
#include "api/norm.h"
#include "base/clock.h"

enum {
	ROUNDS = 7
};

struct subject {
	const char *name;
	struct str bytes;
	uint64_t (*round)(struct str bytes, unsigned times);
};

static void
write_chunk(void *arg, const struct msg_event *ev)
{
	void *const *both = arg;

	ASSERT(api_answer_event(both[0], ev, both[1]) == ERR_OK);
}

static uint64_t
stream(struct str text, unsigned times)
{
	struct api_answer_options o = { .stream = true,
		.id = STR("chatcmpl-0123456789abcdefghijklmn"),
		.model = STR("gpt-4o-mini-2024-07-18") };
	struct msg_event ev = { .type = MSG_EV_TEXT, .text = text };
	struct buf out = { .max = 1 << 20 };
	struct api_answer *a = api_answer_new(&o);
	void *both[] = { a, &out };
	struct api_norm *n =
	    api_norm_new(NULL, (struct msg_sink){ write_chunk, both });
	uint64_t sum = 0;

	ASSERT(a && n);
	while (times--) {
		(void)api_norm_event(n, &ev);
		sum += out.n;
		buf_reset(&out);
	}
	api_norm_free(n);
	api_answer_free(a);
	buf_fini(&out);
	return sum;
}

static uint64_t
parse(struct str body, unsigned times)
{
	uint64_t sum = 0;

	while (times--) {
		struct arena *a = arena_new(64 << 20);
		struct msg_request r;
		struct msg_fail fail;

		ASSERT(a);
		ASSERT(api_chat_parse(a, body, NULL, &r, &fail) == ERR_OK);
		sum += r.n_messages;
		arena_free(a);
	}
	return sum;
}

static uint64_t
copy(struct str bytes, unsigned times)
{
	struct buf out = { .max = 16 << 20 };
	uint64_t sum = 0;

	while (times--) {
		buf_reset(&out);
		buf_adds(&out, bytes);
		sum += (unsigned char)out.p[sum % out.n];
	}
	buf_fini(&out);
	return sum;
}

/* Nanoseconds for one: rounds of about 20 ms, the best of them. */
static double
measure(uint64_t (*round)(struct str, unsigned), struct str bytes)
{
	static volatile uint64_t sink;
	unsigned times = 1;
	double best = 0.0;
	usec_t took = 0;

	while (took < 20 * USEC_PER_MSEC) {
		usec_t begin = clock_mono();

		sink += round(bytes, times);
		took = clock_mono() - begin;
		if (took < 20 * USEC_PER_MSEC)
			times *= 2;
	}
	for (int i = 0; i < ROUNDS; i++) {
		usec_t begin = clock_mono();
		double ns;

		sink += round(bytes, times);
		ns = (double)(clock_mono() - begin) * 1000.0 / times;
		if (i == 0 || ns < best)
			best = ns;
	}
	return best;
}

/* n turns of an agent with tools, each of about `bytes` of text. */
static void
put_request(struct buf *b, unsigned n, size_t bytes)
{
	buf_addz(b,
	    "{\"model\":\"gpt-4o-mini\",\"temperature\":0.2,\"stream\":true,"
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"description\":\"does it\",\"parameters\":{\"type\":\"object\","
	    "\"properties\":{\"a\":{\"type\":\"string\"}}}}}],\"messages\":[");
	for (unsigned i = 0; i < n; i++) {
		buf_printf(b,
		    "%s{\"role\":\"assistant\",\"content\":null,"
		    "\"tool_calls\":[{\"id\":\"call_%u\",\"type\":\"function\","
		    "\"function\":{\"name\":\"f\",\"arguments\":"
		    "\"{\\\"a\\\":1}\"}}]},{\"role\":\"tool\","
		    "\"tool_call_id\":\"call_%u\",\"content\":\"",
		    i > 0 ? "," : "", i, i);
		for (size_t k = 0; k < bytes; k += 12)
			buf_addz(b, "some text\\n ");
		buf_addz(b, "\"}");
	}
	buf_addz(b, "]}");
}

int
main(void)
{
	struct buf small = { .max = 4 << 20 }, large = { .max = 4 << 20 };
	struct str text = STR("a word");
	size_t i;

	put_request(&small, 6, 400);
	put_request(&large, 20, 4900);
	const struct subject subjects[] = {
		{ "stream, one word", text, stream },
		{ "request", buf_str(&small), parse },
		{ "request, agent", buf_str(&large), parse },
	};
	printf("%-20s %8s %10s %10s\n", "what", "bytes", "ns", "copy ns");
	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		printf("%-20s %8zu %10.0f %10.0f\n", subjects[i].name,
		    subjects[i].bytes.n,
		    measure(subjects[i].round, subjects[i].bytes),
		    measure(copy, subjects[i].bytes));
	buf_fini(&small);
	buf_fini(&large);
	return 0;
}
