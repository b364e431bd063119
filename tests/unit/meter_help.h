#ifndef TESTS_UNIT_METER_HELP_H
#define TESTS_UNIT_METER_HELP_H
/* A small snapshot, a record, and looking into a page. */
#include "check.h"

#include "base/buf.h"
#include "meter/record.h"

static struct conf_provider meter_provider = { .name = { "openai-main", 11 } };
static struct conf_target meter_targets[] = {
	{ .provider = &meter_provider,
	    .model = { "gpt-4o", 6 },
	    .identity = 11 },
	{ .provider = &meter_provider,
	    .model = { "odd \"\\\nname", 11 },
	    .identity = 12,
	    .index = 1 },
	/* the same target behind another alias */
	{ .provider = &meter_provider,
	    .model = { "gpt-4o", 6 },
	    .identity = 11,
	    .index = 2 },
};
static struct conf_model meter_models[] = {
	{ .name = { "chat", 4 }, .targets = meter_targets, .n_targets = 2 },
	{ .name = { "other", 5 },
	    .targets = meter_targets + 2,
	    .n_targets = 1 },
};
static const struct conf meter_conf = { .models = meter_models,
	.n_models = 2,
	.n_targets = 3,
	.loaded_wall = 1700000000 * USEC_PER_SEC,
	.digest = "0123456789abcdef" };

/* A request that was answered at the second try. */
static inline struct meter_record
meter_sample(void)
{
	struct meter_record r = { .wall = 1763721865123456,
		.request_id = STR("req-1"),
		.client = STR("team-a"),
		.remote_addr = STR("127.0.0.1"),
		.surface = "chat.completions",
		.alias = STR("chat"),
		.target = &meter_targets[0],
		.stream = true,
		.status = 200,
		.outcome = METER_OK,
		.n_attempts = 2,
		.overhead = 120,
		.first_byte = 3000,
		.total = 9000,
		.usage = MSG_USAGE_UNKNOWN,
		.bytes_in = 100,
		.bytes_out = 2000,
		.cache = "bypass" };

	r.attempts[0] = (struct meter_attempt){ .target = &meter_targets[1],
		.connected = 800,
		.first_byte = -1,
		.total = 1200,
		.status = 503,
		.fail = MSG_FAIL_UNAVAILABLE,
		.end = "ok" };
	r.attempts[1] = (struct meter_attempt){ .target = &meter_targets[0],
		.connected = 1,
		.first_byte = 15000,
		.total = 7000,
		.status = 200,
		.end = "ok",
		.reused = true };
	r.usage.prompt = 10;
	r.usage.completion = 2000000;
	return r;
}

/* Is this line, whole, in the text? */
static inline bool
has_line(const struct buf *b, const char *line)
{
	struct str rest = buf_str(b);

	while (str_present(rest))
		if (str_eqz(str_cut(&rest, '\n'), line))
			return true;
	return false;
}

#define assert_line(b, line)                                       \
	do {                                                       \
		if (!has_line((b), (line)))                        \
			fail_msg("no line '%s' in:\n%.*s", (line), \
			    STR_ARG(buf_str(b)));                  \
	} while (0)

#endif
