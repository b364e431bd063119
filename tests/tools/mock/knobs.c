#include "mock.h"

#include "base/num.h"

/*
 * Behaviour by model name: "mock-KEY=VALUE-KEY=VALUE...". A key without "="
 * stands alone. tests/tools/README.md explains each; a name that is not here
 * is an error, so a typing mistake in a test does not pass as a plain answer.
 */
#define KNOB(name)                                              \
	{                                                       \
#name, offsetof(struct mock_knobs, name), false \
	}
#define KNOB_WORD(name)                                        \
	{                                                      \
#name, offsetof(struct mock_knobs, name), true \
	}

static const struct {
	const char *name;
	size_t at;
	bool is_word;
} knobs[] = {
	KNOB(delay), /* ms before the first byte */
	KNOB(chunks), /* of a stream */
	KNOB(gap), /* ms between chunks */
	KNOB(size), /* bytes of answer text */
	KNOB(status), /* an error with this status */
	KNOB(retryafter), /* seconds, with status */
	KNOB(failfirst), /* the first N requests of this name fail */
	KNOB(cut), /* close after N chunks; bare: before the head */
	KNOB(stall), /* fall silent after N chunks; bare: at once */
	KNOB(reset), /* RST after N chunks; bare: before the head */
	KNOB(errorat), /* an error event instead of chunk N */
	KNOB(slowheader), /* one header line each N ms */
	KNOB(tools), /* N calls of the request's tools */
	KNOB(badjson), /* broken JSON in the answer or in chunk 1 */
	KNOB(html), /* an HTML page, status 502 unless given */
	KNOB(nodone), /* a stream without its end mark and finish */
	KNOB(nostream), /* refuses stream:true */
	KNOB(nousage), /* reports no usage */
	KNOB(close), /* Connection: close */
	KNOB_WORD(ctype), /* content type; "none": no such header */
	KNOB_WORD(err), /* context quota policy key model overloaded */
	KNOB_WORD(finish), /* length or filter */
};

#define N_KNOBS (sizeof(knobs) / sizeof(knobs[0]))

static bool
set_knob(struct mock_knobs *k, struct str name, struct str value)
{
	for (size_t i = 0; i < N_KNOBS; i++) {
		void *at = (char *)k + knobs[i].at;
		uint64_t n;

		if (!str_eqz(name, knobs[i].name))
			continue;
		if (knobs[i].is_word) {
			*(struct str *)at = value;
			return value.n > 0;
		}
		if (!str_present(value)) {
			*(int64_t *)at = KNOB_BARE;
			return true;
		}
		if (num_parse_u64(value, &n) != ERR_OK || n > INT32_MAX)
			return false;
		*(int64_t *)at = (int64_t)n;
		return true;
	}
	return false;
}

bool
mock_knobs_parse(struct str model, struct mock_knobs *k, struct str *bad)
{
	struct str rest = model, pair;

	for (size_t i = 0; i < N_KNOBS; i++) {
		if (!knobs[i].is_word)
			*(int64_t *)((char *)k + knobs[i].at) = KNOB_OFF;
	}
	k->ctype = k->err = k->finish = (struct str){ NULL, 0 };
	if (!str_starts(model, STR("mock-")))
		return true;
	(void)str_cut(&rest, '-');
	while (str_present(rest)) {
		struct str name, value;

		pair = str_cut(&rest, '-');
		value = pair;
		name = str_cut(&value, '=');
		if (!set_knob(k, name, value)) {
			*bad = pair;
			return false;
		}
	}
	if (k->size > (int64_t)MOCK_FILLER_MAX || k->chunks > 1000000 ||
	    k->tools > MOCK_CALLS_MAX) {
		*bad = STR("too large");
		return false;
	}
	return true;
}
