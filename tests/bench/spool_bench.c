/*
 * What the ledger costs a request: a begin and a settle of a usual call, in a
 * spool on the disk that is given, beside the copy of the same bytes and the
 * pwrite(2) that a spool without mapped memory would need. Then how fast the
 * prompt's estimate is. Nothing is asserted.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "meter/booking.h"
#include "meter/estimate.h"
#include "meter/spool.h"

enum {
	ROUNDS = 5,
	TIMES = 20000,
	PROMPT = 100000
};

struct bench {
	struct loop *loop;
	struct spool *spool;
	int fd; /* of a plain file */
	off_t at;
	usec_t longest; /* of one begin and settle */
};

static struct meter_booking
usual(uint64_t i)
{
	struct meter_booking b = { .began = clock_wall(),
		.attempt = 1,
		.tenant_id = 1,
		.key_id = 12,
		.usage = { .prompt = 100, .completion = 20 },
		.cost = 1234,
		.request_id = STR("req_0123456789abcdefghijklmn"),
		.client = STR("acme/app-1"),
		.surface = STR("chat.completions"),
		.alias = STR("default-chat"),
		.provider = STR("openai-main"),
		.kind = STR("openai"),
		.model = STR("gpt-4o-mini") };

	memcpy(b.id, &i, sizeof(i));
	return b;
}

static void
one_call(struct bench *b, uint64_t i)
{
	char bytes[METER_BOOKING_MAX];
	struct meter_booking k = usual(i);
	struct spool_slot *slot = spool_begin(b->spool, METER_CALL_NOT_SENT,
	    bytes, meter_booking_encode(&k, bytes));

	ASSERT(slot);
	k.ended = clock_wall();
	k.state = METER_BOOKED_OK;
	spool_settle(b->spool, slot, bytes, meter_booking_encode(&k, bytes));
}

static void
spool_round(struct bench *b)
{
	for (uint64_t i = 0; i < TIMES; i++) {
		usec_t before = clock_mono(), took;

		one_call(b, i);
		took = clock_mono() - before;
		if (took > b->longest)
			b->longest = took;
	}
}

static void
pwrite_round(struct bench *b)
{
	char bytes[METER_BOOKING_MAX];
	struct meter_booking k = usual(1);

	for (uint64_t i = 0; i < 2 * TIMES; i++) {
		size_t n = meter_booking_encode(&k, bytes);

		ASSERT(pwrite(b->fd, bytes, n, b->at) == (ssize_t)n);
		b->at = (b->at + (off_t)n) % (4 << 20);
	}
}

static void
encode_round(struct bench *b)
{
	static volatile char sink;
	char bytes[METER_BOOKING_MAX];
	struct meter_booking k = usual(1);

	(void)b;
	for (uint64_t i = 0; i < 2 * TIMES; i++) {
		k.attempt = (uint32_t)i;
		sink = bytes[meter_booking_encode(&k, bytes) - 1];
	}
	(void)sink;
}

/* The best of some rounds, in ns a call. */
static void
measure(struct bench *b, const char *what, void (*round)(struct bench *))
{
	usec_t best = INT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		usec_t before = clock_mono(), took;

		round(b);
		took = clock_mono() - before;
		if (took < best)
			best = took;
	}
	printf(
	    "%-40s %6lld ns a call\n", what, (long long)(best * 1000 / TIMES));
}

/* text: what the prompt is made of. */
static void
measure_estimate(const char *what, struct str text)
{
	static char prompt[PROMPT];
	usec_t best = INT64_MAX;
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof(prompt); i++)
		prompt[i] = text.p[i % text.n];
	for (int i = 0; i < 200; i++) {
		usec_t before = clock_mono(), took;

		sum += meter_estimate_weight(str_of(prompt, sizeof(prompt)));
		took = clock_mono() - before;
		if (took < best)
			best = took;
	}
	printf("estimate of 100 KB of %-18s %6lld us (%llu)\n", what,
	    (long long)best, (unsigned long long)sum);
}

static void
measure_estimates(void)
{
	measure_estimate("ASCII", STR("The quick brown fox. "));
	/* as tests/bench/cases.py has it: a prompt of code */
	measure_estimate("code",
	    STR("The function `load()` returns \\\"None\\\" when the file is "
		"missing;\\n\\tsee line 42 of caf\xc3\xa9.py \xe2\x80\x94 it "
		"should raise. Then: for i in range(10): print(i, end=' "
		"')\\n"));
	measure_estimate("Russian", STR("\xd0\x9f\xd1\x80\xd0\xb8 "));
	measure_estimate(
	    "Chinese", STR("\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c"));
}

int
main(int argc, char **argv)
{
	char folder[512], plain[600], why[SPOOL_WHY_SIZE];
	struct spool_options o = { .folder = folder,
		.node = "bench",
		.max_bytes = (uint64_t)1 << 30 };
	struct bench b = { .loop = loop_new() };

	if (argc != 2) {
		fprintf(
		    stderr, "usage: spool_bench FOLDER  (it gets a spool)\n");
		return 2;
	}
	rand_init();
	snprintf(folder, sizeof(folder), "%.400s/spool", argv[1]);
	snprintf(plain, sizeof(plain), "%.400s/plain", argv[1]);
	if (!b.loop || spool_open(b.loop, &o, &b.spool, why) != ERR_OK) {
		fprintf(stderr, "spool_bench: %s\n", why);
		return 1;
	}
	b.fd = open(plain, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT(b.fd >= 0);
	measure(&b, "encode twice, for scale", encode_round);
	measure(&b, "begin and settle", spool_round);
	printf(
	    "%-40s %6lld us\n", "  the longest of all", (long long)b.longest);
	measure(&b, "two pwrite(2) instead", pwrite_round);
	measure_estimates();
	spool_close(b.spool);
	loop_free(b.loop);
	close(b.fd);
	unlink(plain);
	return 0;
}
