#include "wire/http.h"

#include "base/num.h"

/*
 * Makers spell these headers in every order (wire.md 4.4), so the name is taken
 * apart into words: x-ratelimit-remaining-tokens-minute,
 * anthropic-ratelimit-input-tokens-limit, x-ratelimit-limit-req-minute. A word
 * that is not in the table (query, cost, images, renewalperiod) makes the
 * header one of something else.
 */
enum kind {
	KIND_REQUESTS,
	KIND_TOKENS,
	KIND_INPUT,
	KIND_OUTPUT,
	KIND__MAX
};
enum what {
	WHAT_NONE,
	WHAT_LIMIT,
	WHAT_REMAINING,
	WHAT_RESET
};
#define WINDOWS 6 /* not told, second, minute, hour, day, month */

struct name {
	enum kind kind;
	enum what what;
	unsigned window;
};

#define PREFIX(lit)                  \
	{                            \
		lit, sizeof(lit) - 1 \
	}

static const struct {
	struct str prefix;
	enum kind kind; /* when no word tells it */
} prefixes[] = {
	{ PREFIX("x-ratelimit-"), KIND_REQUESTS },
	{ PREFIX("anthropic-ratelimit-"), KIND_REQUESTS },
	{ PREFIX("ratelimit-"), KIND_REQUESTS },
	{ PREFIX("ratelimitbysize-"), KIND_TOKENS },
	{ PREFIX("x-trial-endpoint-call-"), KIND_REQUESTS },
};

enum role {
	ROLE_WHAT,
	ROLE_KIND,
	ROLE_WINDOW
};

static const struct {
	const char *word;
	enum role role;
	unsigned value;
} words[] = {
	{ "limit", ROLE_WHAT, WHAT_LIMIT },
	{ "remaining", ROLE_WHAT, WHAT_REMAINING },
	{ "reset", ROLE_WHAT, WHAT_RESET },
	{ "requests", ROLE_KIND, KIND_REQUESTS },
	{ "request", ROLE_KIND, KIND_REQUESTS },
	{ "req", ROLE_KIND, KIND_REQUESTS },
	{ "tokens", ROLE_KIND, KIND_TOKENS },
	{ "token", ROLE_KIND, KIND_TOKENS },
	{ "input", ROLE_KIND, KIND_INPUT },
	{ "output", ROLE_KIND, KIND_OUTPUT },
	{ "second", ROLE_WINDOW, 1 },
	{ "minute", ROLE_WINDOW, 2 },
	{ "hour", ROLE_WINDOW, 3 },
	{ "day", ROLE_WINDOW, 4 },
	{ "month", ROLE_WINDOW, 5 },
};

static bool
take_word(struct str word, struct name *out)
{
	size_t i, n = sizeof(words) / sizeof(words[0]);

	for (i = 0; i < n && word.n > 0; i++) {
		if ((word.p[0] | 0x20) == words[i].word[0] &&
		    str_case_eq(word, str_z(words[i].word)))
			break;
	}
	if (i == n || word.n == 0)
		return false;
	switch (words[i].role) {
	case ROLE_WHAT:
		out->what = (enum what)words[i].value;
		break;
	case ROLE_KIND:
		/* "input-tokens" stays input. */
		if (words[i].value != KIND_TOKENS ||
		    (out->kind != KIND_INPUT && out->kind != KIND_OUTPUT))
			out->kind = (enum kind)words[i].value;
		break;
	case ROLE_WINDOW:
		out->window = words[i].value;
		break;
	}
	return true;
}

/* Index of the header's prefix, or that of none: most are something else. */
static size_t
find_prefix(struct str header)
{
	size_t i, n = sizeof(prefixes) / sizeof(prefixes[0]);
	/* 'x', 'a' and 'r', of either case */
	char first = header.n > 0 ? (char)(header.p[0] | 0x20) : '\0';

	for (i = 0; i < n; i++) {
		if (first == prefixes[i].prefix.p[0] &&
		    str_case_starts(header, prefixes[i].prefix))
			break;
	}
	return i;
}

static bool
parse_name(struct str header, struct name *out)
{
	size_t i = find_prefix(header);
	struct str rest;

	if (i == sizeof(prefixes) / sizeof(prefixes[0]))
		return false;
	*out = (struct name){ prefixes[i].kind, WHAT_NONE, 0 };
	rest = str_skip(header, prefixes[i].prefix.n);
	while (str_present(rest)) {
		if (!take_word(str_cut(&rest, '-'), out))
			return false;
	}
	return out->what != WHAT_NONE;
}

/* "100", "0.1666666667", "100, 100;w=60" */
static int64_t
read_count(struct str s)
{
	struct str head = str_cut(&s, ',');
	struct str text = str_trim(str_cut(&head, ';'));
	double d;
	int64_t v;

	if (num_parse_i64(text, &v) == ERR_OK)
		return v < 0 ? -1 : v;
	if (num_parse_double(text, &d) != ERR_OK || !(d >= 0))
		return -1;
	if (d >= 9.2e18)
		return INT64_MAX;
	v = (int64_t)d;
	return (double)v < d ? v + 1 : v;
}

/* A Go duration, seconds, a date, or seconds or milliseconds since 1970. */
static usec_t
read_reset(struct str s, usec_t now)
{
	struct str text = str_trim(s);
	usec_t t;
	double d;

	if (num_parse_double(text, &d) == ERR_OK) {
		if (!(d >= 0) || d >= 1e15)
			return -1;
		if (d < 1e9)
			return (usec_t)(d * 1e6);
		/* 1e11 seconds are the year 5138, 1e11 ms are 1973. */
		t = (usec_t)(d * (d < 1e11 ? 1e6 : 1e3));
	} else if (num_parse_go_duration(text, &t) == ERR_OK) {
		return t < 0 ? -1 : t;
	} else if (http_rfc3339_parse(text, &t) != ERR_OK &&
		   http_date_parse(text, &t) != ERR_OK) {
		return -1;
	}
	return t > now ? t - now : 0;
}

static bool
is_told(const struct http_rate *r)
{
	return r->limit >= 0 || r->remaining >= 0 || r->reset >= 0;
}

/* The window that will be exhausted first. */
static struct http_rate
tightest(const struct http_rate windows[WINDOWS])
{
	struct http_rate best = { -1, -1, -1 };

	for (unsigned w = 0; w < WINDOWS; w++) {
		const struct http_rate *r = &windows[w];

		if (!is_told(r))
			continue;
		if (!is_told(&best) ||
		    (r->remaining >= 0 &&
			(best.remaining < 0 || r->remaining < best.remaining)))
			best = *r;
	}
	return best;
}

static void
forget_all(struct http_rate all[KIND__MAX][WINDOWS])
{
	for (unsigned k = 0; k < KIND__MAX; k++) {
		for (unsigned w = 0; w < WINDOWS; w++)
			all[k][w] = (struct http_rate){ -1, -1, -1 };
	}
}

bool
http_rates_parse(
    const struct http_headers *h, usec_t now_wall, struct http_rates *out)
{
	static const struct http_rate none = { -1, -1, -1 };
	UNCLEARED struct http_rate all[KIND__MAX][WINDOWS];
	struct name name;
	bool any = false;

	*out = (struct http_rates){ none, none, none, none };
	for (uint32_t i = 0; h && i < h->n; i++) {
		struct http_rate *r;
		struct str value = h->v[i].value;

		if (!parse_name(h->v[i].name, &name))
			continue;
		if (!any)
			forget_all(all);
		any = true;
		r = &all[name.kind][name.window];
		if (name.what == WHAT_LIMIT)
			r->limit = read_count(value);
		else if (name.what == WHAT_REMAINING)
			r->remaining = read_count(value);
		else
			r->reset = read_reset(value, now_wall);
	}
	if (!any)
		return false;
	out->requests = tightest(all[KIND_REQUESTS]);
	out->tokens = tightest(all[KIND_TOKENS]);
	out->input_tokens = tightest(all[KIND_INPUT]);
	out->output_tokens = tightest(all[KIND_OUTPUT]);
	return is_told(&out->requests) || is_told(&out->tokens) ||
	       is_told(&out->input_tokens) || is_told(&out->output_tokens);
}
