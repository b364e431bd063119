#include "badnet.h"

#include "base/num.h"

#define ALL_OFF                                                      \
	{                                                            \
		.latency = BADNET_OFF, .rate = BADNET_OFF,           \
		.slice = BADNET_OFF, .gap = BADNET_OFF,              \
		.drop_after = BADNET_OFF, .reset_after = BADNET_OFF, \
		.halfclose = BADNET_OFF, .blackhole = BADNET_OFF,    \
		.corrupt = BADNET_OFF                                \
	}

struct badnet_rules badnet_rules[DIR__MAX] = { ALL_OFF, ALL_OFF };
struct badnet_counts badnet_counts;
char badnet_door = 'n';

static const struct {
	const char *name;
	size_t at;
	int64_t least;
} rules[] = {
	{ "latency", offsetof(struct badnet_rules, latency), 0 },
	{ "rate", offsetof(struct badnet_rules, rate), 1 },
	{ "slice", offsetof(struct badnet_rules, slice), 1 },
	{ "gap", offsetof(struct badnet_rules, gap), 0 },
	{ "drop_after", offsetof(struct badnet_rules, drop_after), 0 },
	{ "reset_after", offsetof(struct badnet_rules, reset_after), 0 },
	{ "halfclose", offsetof(struct badnet_rules, halfclose), 0 },
	{ "blackhole", offsetof(struct badnet_rules, blackhole), 0 },
	{ "corrupt", offsetof(struct badnet_rules, corrupt), 1 },
};

/* One "name=value", "name=off" or, for 0, "name". */
static bool
set_one(struct badnet_rules *r, struct str word)
{
	struct str value = word, name = str_cut(&value, '=');
	uint64_t n = 0;

	if (str_eqz(word, "clear")) {
		*r = (struct badnet_rules)ALL_OFF;
		return true;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int64_t *at = (int64_t *)((char *)r + rules[i].at);

		if (!str_eqz(name, rules[i].name))
			continue;
		if (str_eqz(value, "off")) {
			*at = BADNET_OFF;
			return true;
		}
		if (str_present(value) && num_parse_u64(value, &n) != ERR_OK)
			return false;
		if (n > INT32_MAX || (int64_t)n < rules[i].least)
			return false;
		*at = (int64_t)n;
		return true;
	}
	return false;
}

bool
badnet_rules_set(struct str words)
{
	struct badnet_rules next[DIR__MAX];
	struct str rest = str_trim(words), dir = str_cut(&rest, ' ');
	bool up = str_eqz(dir, "up") || str_eqz(dir, "both");
	bool down = str_eqz(dir, "down") || str_eqz(dir, "both");

	if ((!up && !down) || !str_present(rest))
		return false;
	next[DIR_UP] = badnet_rules[DIR_UP];
	next[DIR_DOWN] = badnet_rules[DIR_DOWN];
	while (str_present(rest)) {
		struct str word = str_cut(&rest, ' ');

		if (word.n == 0)
			continue;
		if ((up && !set_one(&next[DIR_UP], word)) ||
		    (down && !set_one(&next[DIR_DOWN], word)))
			return false;
	}
	badnet_rules[DIR_UP] = next[DIR_UP];
	badnet_rules[DIR_DOWN] = next[DIR_DOWN];
	return true;
}
