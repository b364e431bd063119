/*
 * HTTP texts: the input is a list of header lines. Every value is also read as
 * a date and as a content type.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/http.h"

static const usec_t now = 1795255200 * USEC_PER_SEC;

static void
check_dates(struct str value)
{
	usec_t t;

	if (http_date_parse(value, &t) == ERR_OK)
		FUZZ_CHECK(t < 253402387200 * USEC_PER_SEC);
	if (http_rfc3339_parse(value, &t) == ERR_OK)
		FUZZ_CHECK(t < 253402387200 * USEC_PER_SEC);
}

static void
check_type(struct str value)
{
	if (http_type_is(value, "application/json"))
		FUZZ_CHECK(http_type_is_json(value));
}

static void
check_rate(const struct http_rate *r)
{
	char text[HTTP_DURATION_SIZE];

	FUZZ_CHECK(r->limit >= -1 && r->remaining >= -1 && r->reset >= -1);
	http_duration_print(r->reset, text);
	FUZZ_CHECK(strlen(text) >= 2 && text[strlen(text) - 1] == 's');
}

static void
check_list(const struct http_headers *h)
{
	struct http_rates rates;
	struct http_retry retry;

	FUZZ_CHECK(h->n <= HTTP_HEADERS_MAX);
	FUZZ_CHECK(h->bytes <= HTTP_HEADERS_MAX_BYTES);
	(void)http_rates_parse(h, now, &rates);
	check_rate(&rates.requests);
	check_rate(&rates.tokens);
	check_rate(&rates.input_tokens);
	check_rate(&rates.output_tokens);
	if (http_retry_after(h, 429, now, &retry) == ERR_OK) {
		FUZZ_CHECK(retry.asked >= 0);
		FUZZ_CHECK(retry.wait > 0 || retry.asked > 0);
		FUZZ_CHECK(retry.wait <= HTTP_RETRY_CAP);
	}
	FUZZ_CHECK(http_retry_after(h, 200, now, &retry) == ERR_NOT_FOUND);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1 << 20);
	struct str rest = str_of((const char *)data, size);
	struct http_headers h, set;

	FUZZ_CHECK(a);
	http_headers_init(&h, a);
	http_headers_init(&set, a);
	while (str_present(rest)) {
		struct str line = str_cut(&rest, '\n'), last;
		enum err e = http_headers_add_line(&h, line);

		if (e != ERR_OK)
			continue;
		last = h.v[h.n - 1].value;
		FUZZ_CHECK(http_name_is_safe(h.v[h.n - 1].name));
		FUZZ_CHECK(http_value_is_safe(last));
		check_dates(last);
		check_type(last);
		if (http_headers_set(&set, h.v[h.n - 1].name, last) == ERR_OK)
			FUZZ_CHECK(set.n <= h.n);
	}
	check_list(&h);
	check_list(&set);
	arena_free(a);
	return 0;
}
