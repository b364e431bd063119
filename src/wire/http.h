#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H
/*
 * The parts of HTTP that travel as text: header lists, dates, Retry-After,
 * content types, rate-limit headers of all makers, reason phrases.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A header list in an arena. At most HTTP_HEADERS_MAX entries and
 * HTTP_HEADERS_MAX_BYTES of names and values together.
 */
#define HTTP_HEADERS_MAX 256u
#define HTTP_HEADERS_MAX_BYTES 65536u

struct http_header {
	struct str name, value;
};

/* Iterate over v[0..n) in order of arrival. */
struct http_headers {
	struct http_header *v;
	uint32_t n;
	uint32_t cap;
	uint32_t bytes;
	struct arena *a;
};

/* Takes no memory yet. */
void http_headers_init(struct http_headers *h, struct arena *a);
/*
 * Copies both. ERR_DENIED for a name that is no token or a value that is not
 * safe (see below); ERR_LIMIT; ERR_NOMEM. The same name may be added again.
 */
MUST_CHECK enum err
http_headers_add(struct http_headers *h, struct str name, struct str value);
/* As add, but takes the place of all headers of that name. */
MUST_CHECK enum err
http_headers_set(struct http_headers *h, struct str name, struct str value);
/*
 * One line as curl's header callback hands it over ("Name: value\r\n"), blanks
 * around the value dropped. ERR_SYNTAX for a status line, a blank line and
 * anything without a colon; otherwise as add.
 */
MUST_CHECK enum err
http_headers_add_line(struct http_headers *h, struct str line);
/* First value of that name, any case; absent when there is none. h may be
 * NULL. */
struct str http_headers_find(const struct http_headers *h, const char *name);

/* A field name of RFC 9110: at least one token character, nothing else. */
bool http_name_is_safe(struct str name);
/* No CR, LF or NUL: such a value could forge another header. */
bool http_value_is_safe(struct str value);

/* "Not Found". For a status that has no phrase: that of its class. */
const char *http_reason(int status);

/*
 * Dates, as usec since 1970 UTC. Parse takes the three forms of RFC 9110 5.6.7
 * ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
 * "Sun Nov  6 08:49:37 1994"); the name of the day is not checked against the
 * date. ERR_SYNTAX, ERR_RANGE (31 February).
 */
MUST_CHECK enum err http_date_parse(struct str s, usec_t *out);
/* RFC 3339: 2026-11-21T10:00:00Z, with fraction, with +02:00. */
MUST_CHECK enum err http_rfc3339_parse(struct str s, usec_t *out);
/*
 * Go's form, as OpenAI prints it in x-ratelimit-reset-*: "0s", "20ms", "1.5s",
 * "6m0s", "1h2m3s". Down to milliseconds (rounded up). Negative gives "0s".
 */
#define HTTP_DURATION_SIZE 32
void http_duration_print(usec_t d, char out[HTTP_DURATION_SIZE]);

/*
 * When to come again (wire.md 4.4): retry-after-ms wins over retry-after, which
 * is whole seconds, decimal seconds or a date. On a 2xx status it means nothing
 * (Anthropic and Together send it there): ERR_NOT_FOUND, as for none or one
 * that cannot be read.
 *
 * asked: as the provider says it, >= 0, up to a year. wait: what to sleep
 * before a retry: HTTP_RETRY_FLOOR when asked is 0 (Azure does), at most
 * HTTP_RETRY_CAP.
 */
#define HTTP_RETRY_FLOOR (500 * USEC_PER_MSEC)
#define HTTP_RETRY_CAP (60 * USEC_PER_SEC)

struct http_retry {
	usec_t asked;
	usec_t wait;
};

MUST_CHECK enum err http_retry_after(const struct http_headers *h, int status,
    usec_t now_wall, struct http_retry *out);
/* wait for an `asked` that came otherwise (Gemini's RetryInfo). */
usec_t http_retry_wait(usec_t asked);

/*
 * Media type of a Content-Type value without its parameters, any case:
 * http_type_is("Application/JSON; charset=utf-8", "application/json").
 */
bool http_type_is(struct str content_type, const char *type);
/* application/json, and anything that ends in +json. */
bool http_type_is_json(struct str content_type);

/*
 * Rate-limit state as an answer's headers tell it, brought to one form. -1 is
 * "not told". Known: OpenAI, Azure, Anthropic, Groq, Mistral, xAI, OpenRouter,
 * Together, Cerebras, Cohere, Hugging Face. Where a maker tells several windows
 * of one kind (minute, day, month), the one with the least remaining is kept.
 */
struct http_rate {
	int64_t limit; /* fractions rounded up: Together's 0.1666666667 is 1 */
	int64_t remaining;
	usec_t reset; /* from now on */
};

struct http_rates {
	struct http_rate requests;
	struct http_rate tokens;
	struct http_rate input_tokens;
	struct http_rate output_tokens;
};

/* True when anything was found. *out is always written. */
bool http_rates_parse(
    const struct http_headers *h, usec_t now_wall, struct http_rates *out);

#endif
