#include "sys/hours.h"

#include "base/num.h"

#define DAYS 7u
#define DAY_MINUTES (24 * 60)

static const char *const day_words[DAYS] = { "mon", "tue", "wed", "thu", "fri",
	"sat", "sun" };

/* DAYS: none. */
static unsigned
day_find(struct str word)
{
	unsigned i = 0;

	while (i < DAYS && !str_case_eq(word, str_z(day_words[i])))
		i++;
	return i;
}

static bool
days_parse(struct str text, unsigned *days)
{
	struct str rest = text;
	unsigned first = day_find(str_cut(&rest, '-'));
	unsigned last = str_present(rest) ? day_find(rest) : first;

	if (first == DAYS || last == DAYS)
		return false;
	*days = 0;
	for (unsigned d = first;; d = (d + 1) % DAYS) {
		*days |= 1u << d;
		if (d == last)
			return true;
	}
}

static bool
digits(struct str s, int64_t *n)
{
	return s.n == 2 && s.p[0] >= '0' && s.p[0] <= '9' &&
	       num_parse_i64(s, n) == ERR_OK;
}

static bool
clock_parse(struct str text, int *minutes)
{
	struct str rest = text;
	struct str hour_text = str_cut(&rest, ':');
	int64_t hour, minute;

	if (!digits(hour_text, &hour) || !digits(rest, &minute) || hour > 24 ||
	    minute > 59 || (hour == 24 && minute > 0))
		return false;
	*minutes = (int)(hour * 60 + minute);
	return true;
}

static bool
span_parse(struct str text, struct hours_span *out)
{
	struct str rest = str_trim(text);
	struct str word = str_cut(&rest, ' ');

	out->days = (1u << DAYS) - 1;
	if (str_present(rest)) {
		if (!days_parse(word, &out->days))
			return false;
		rest = str_trim(rest);
	} else {
		rest = word;
	}
	word = str_cut(&rest, '-');
	return clock_parse(word, &out->from) && clock_parse(rest, &out->to) &&
	       out->from < DAY_MINUTES;
}

enum err
hours_parse(struct str text, struct hours *out)
{
	struct str rest = text;
	struct hours h = { 0 };

	do {
		struct str one = str_cut(&rest, ',');

		if (h.n == HOURS_SPANS_MAX)
			return ERR_LIMIT;
		if (!span_parse(one, &h.span[h.n++]))
			return ERR_SYNTAX;
	} while (str_present(rest));
	*out = h;
	return ERR_OK;
}

bool
hours_contain(const struct hours *h, int weekday, int minute)
{
	unsigned today = 1u << (unsigned)weekday;
	unsigned yesterday = 1u << (((unsigned)weekday + DAYS - 1) % DAYS);

	for (uint32_t i = 0; i < h->n; i++) {
		const struct hours_span *s = &h->span[i];
		bool is_over_night = s->to <= s->from;

		if ((s->days & today) && minute >= s->from &&
		    (is_over_night || minute < s->to))
			return true;
		if (is_over_night && (s->days & yesterday) && minute < s->to)
			return true;
	}
	return false;
}
