/*
 * The scanner beside Jansson in one run: nanoseconds for one text, the best of
 * some rounds, and the ratio. Nothing is asserted.
 */
/* Two of Jansson's names are ours as well. */
#define json_type jansson_type
#include <jansson.h>
#undef json_type
#undef json_is_true

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/json_out.h"

enum {
	ROUNDS = 7
};

/* A round of so many scans; the sum keeps the compiler from leaving them out */
typedef uint64_t round_fn(struct str text, unsigned times);

static uint64_t
scan_arena(struct str text, unsigned times)
{
	uint64_t sum = 0;

	while (times--) {
		struct arena *a = arena_new(64 << 20);
		struct json j = { .n_tok = 0 };

		ASSERT(a && json_scan(&j, a, text, NULL, NULL) == ERR_OK);
		sum += j.n_tok;
		arena_free(a);
	}
	return sum;
}

static uint64_t
scan_reuse(struct str text, unsigned times)
{
	struct json_tok *tok = NULL;
	struct json j = { .n_tok = 0 };
	uint64_t sum = 0;
	uint32_t cap = 0;

	while (times--) {
		ASSERT(json_scan_reuse(&j, &tok, &cap, text, NULL, NULL) ==
		       ERR_OK);
		sum += j.n_tok;
	}
	free(tok);
	return sum;
}

static uint64_t
load_jansson(struct str text, unsigned times)
{
	uint64_t sum = 0;

	while (times--) {
		json_error_t e;
		json_t *j =
		    json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &e);

		ASSERT(j);
		sum += json_object_size(j);
		json_decref(j);
	}
	return sum;
}

/* Nanoseconds for one text: rounds of about 20 ms, the best of them. */
static double
measure(round_fn *fn, struct str text)
{
	unsigned times = 1;
	double best = 0.0;
	usec_t took = 0;

	while (took < 20000) {
		usec_t start = clock_mono();

		(void)fn(text, times);
		took = clock_mono() - start;
		if (took < 20000)
			times *= 2;
	}
	for (int i = 0; i < ROUNDS; i++) {
		usec_t start = clock_mono();
		double ns;

		(void)fn(text, times);
		ns = (double)(clock_mono() - start) * 1000.0 / times;
		if (i == 0 || ns < best)
			best = ns;
	}
	return best;
}

static void
compare(const char *name, struct str text)
{
	double reuse = measure(scan_reuse, text);
	double arena = measure(scan_arena, text);
	double jansson = measure(load_jansson, text);

	printf("%-22.22s %7zu %9.0f %9.0f %10.0f %6.0fx %6.2f GB/s\n", name,
	    text.n, reuse, arena, jansson, jansson / reuse,
	    (double)text.n / reuse);
}

/* Prose and code as prompts have them: line breaks, quotes, some not ASCII. */
static void
put_prose(struct buf *b, size_t n, bool is_ascii)
{
	static const char *const line[] = {
		"The responder appends two records to the worker's spool:\n",
		"\tif (conn->state == \"open\" && !conn->is_paused) {\n",
		"\t\treturn queue_push(&conn->out, chunk, chunk_len);\n",
		"A request carries a decision record that the log, the console "
		"and explain show as it is, with timings and reasons.\n\n",
		"Prices are integers; a model without a price is unpriced.\n",
	};
	static const char *const other[] = {
		"Gr\xc3\xbc\xc3\x9f"
		"e aus K\xc3\xb6ln, wo es heute wieder regnet.\n",
		"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, "
		"\xd0\xba\xd0\xb0\xd0\xba \xd0\xb4\xd0\xb5\xd0\xbb\xd0\xb0?\n",
		"\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88"
		"\xe5\xa5\xbd\xe3\x80\x82\n",
	};

	for (unsigned i = 0; b->n < n; i++)
		buf_addz(b, is_ascii ? line[i % 5] : other[i % 3]);
}

static void
put_message(struct json_out *o, const char *role, size_t n, bool is_ascii)
{
	struct buf prose = { .max = 1 << 20 };

	put_prose(&prose, n, is_ascii);
	json_out_obj(o);
	json_out_kv_str(o, "role", str_z(role));
	json_out_kv_str(o, "content", buf_str(&prose));
	json_out_end(o);
	buf_fini(&prose);
}

static void
put_request(
    struct buf *b, unsigned n_messages, size_t message_bytes, bool is_ascii)
{
	static const struct str tool =
	    STR("{\"type\":\"function\",\"function\":{\"name\":\"get_weather\","
		"\"description\":\"Weather now\",\"parameters\":{\"type\":"
		"\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"
		"\"unit\":{\"type\":\"string\",\"enum\":[\"c\",\"f\"]}},"
		"\"required\":[\"city\"],\"additionalProperties\":false}}}");
	struct json_out o;

	json_out_init(&o, b);
	json_out_obj(&o);
	json_out_kv_str(&o, "model", STR("gpt-4o-mini"));
	json_out_key(&o, "messages");
	json_out_arr(&o);
	for (unsigned i = 0; i < n_messages; i++)
		put_message(
		    &o, i % 2 ? "assistant" : "user", message_bytes, is_ascii);
	json_out_end(&o);
	json_out_key(&o, "tools");
	json_out_arr(&o);
	json_out_raw(&o, tool);
	json_out_raw(&o, tool);
	json_out_end(&o);
	json_out_kv_i64(&o, "max_tokens", 1024);
	json_out_kv_bool(&o, "stream", true);
	json_out_key(&o, "temperature");
	json_out_raw(&o, STR("0.7"));
	json_out_end(&o);
	ASSERT(!b->failed);
}

int
main(void)
{
	static const struct str chunk = STR(
	    "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\","
	    "\"created\":1700000000,\"model\":\"gpt-4o-mini\",\"choices\":[{"
	    "\"index\":0,\"delta\":{\"content\":\" hello\"},\"logprobs\":null,"
	    "\"finish_reason\":null}],\"usage\":null}");
	/* Repeated to 100 KB: what costs most for its length. */
	static const char *const bomb[] = { "1,", "{},", "{\"a\":1,\"b\":2},",
		"{\"\\n\":1,\"b\":2},",
		"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,"
		"\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,"
		"\"o\":1,\"p\":1,\"q\":1}," };
	struct buf b = { .max = 4 << 20 };

	printf("%-22s %7s %9s %9s %10s %7s\n", "text", "bytes", "reuse ns",
	    "arena ns", "jansson ns", "ratio");
	compare("chunk", chunk);
	put_request(&b, 5, 520, true);
	compare("request", buf_str(&b));
	buf_reset(&b);
	put_request(&b, 20, 4900, true);
	compare("request, agent", buf_str(&b));
	buf_reset(&b);
	put_request(&b, 1, 99000, true);
	compare("request, one prompt", buf_str(&b));
	buf_reset(&b);
	put_request(&b, 20, 4900, false);
	compare("request, not English", buf_str(&b));
	for (unsigned i = 0; i < sizeof(bomb) / sizeof(bomb[0]); i++) {
		buf_reset(&b);
		buf_addc(&b, '[');
		while (b.n < 100000)
			buf_addz(&b, bomb[i]);
		b.p[b.n - 1] = ']';
		compare(bomb[i], buf_str(&b));
	}
	buf_fini(&b);
	return 0;
}
