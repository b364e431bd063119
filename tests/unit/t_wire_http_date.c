#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "wire/http.h"

#define SEC USEC_PER_SEC

static void
is_date(const char *text, int64_t sec)
{
	usec_t t = -1;

	assert_int_equal(http_date_parse(str_z(text), &t), ERR_OK);
	assert_int_equal(t, sec * SEC);
}

static void
no_date(const char *text, enum err want)
{
	usec_t t = -77;

	assert_int_equal(http_date_parse(str_z(text), &t), want);
	assert_int_equal(t, -77);
}

static void
test_date_parse(void **state)
{
	(void)state;
	is_date("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
	is_date(" Sun, 06 Nov 1994 08:49:37 GMT ", 784111777);
	is_date("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
	is_date("Sun Nov  6 08:49:37 1994", 784111777);
	is_date("Wed Nov 16 08:49:37 1994", 784975777);
	is_date("Thu, 01 Jan 1970 00:00:00 GMT", 0);
	is_date("Tue, 29 Feb 2000 23:59:60 GMT", 951868800);
	is_date("Monday, 01-Jan-69 00:00:00 GMT", 3124224000);
	no_date("Sun, 31 Feb 1994 08:49:37 GMT", ERR_RANGE);
	no_date("Thu, 29 Feb 1900 08:49:37 GMT", ERR_RANGE);
	no_date("Sun, 00 Nov 1994 08:49:37 GMT", ERR_RANGE);
	no_date("Sun, 06 Nov 1994 24:00:00 GMT", ERR_RANGE);
	no_date("Sun, 06 Nov 1994 08:60:37 GMT", ERR_RANGE);
	no_date("Sun, 06 Nov 1994 08:49:61 GMT", ERR_RANGE);
	no_date("Sun, 06 Nov 0000 08:49:37 GMT", ERR_RANGE);
	no_date("Sun, 06 nov 1994 08:49:37 GMT", ERR_SYNTAX);
	no_date("Sun, 06 Nov 1994 08:49:37 CET", ERR_SYNTAX);
	no_date("Sun, 06 Nov 1994 08:49:37 GMT+1", ERR_SYNTAX);
	no_date("Sun, 6 Nov 1994 08:49:37 GMT", ERR_SYNTAX);
	no_date("Sun, 06 Nov 1994 08:49", ERR_SYNTAX);
	no_date("Sun", ERR_SYNTAX);
	no_date("120", ERR_SYNTAX);
	no_date("", ERR_SYNTAX);
}

/* Every 11 days and some seconds until the year 9999, against glibc. */
static void
test_date_against_libc(void **state)
{
	const time_t step = 86400 * 11 + 3723;
	char text[64];
	unsigned n = 0;
	struct tm tm;
	usec_t back;

	(void)state;
	for (time_t t = 0; t < 253402300799; t += step, n++) {
		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(text, sizeof(text),
				"%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
		assert_int_equal(http_date_parse(str_z(text), &back), ERR_OK);
		assert_int_equal(back, t * SEC);
	}
	assert_true(n > 200000);
}

static void
is_rfc3339(const char *text, enum err want, usec_t usec)
{
	usec_t t = -77;

	assert_int_equal(http_rfc3339_parse(str_z(text), &t), want);
	assert_int_equal(t, want == ERR_OK ? usec : -77);
}

static void
test_rfc3339(void **state)
{
	(void)state;
	is_rfc3339("1994-11-06T08:49:37Z", ERR_OK, 784111777 * SEC);
	is_rfc3339("1994-11-06t08:49:37z", ERR_OK, 784111777 * SEC);
	is_rfc3339("1994-11-06 08:49:37Z", ERR_OK, 784111777 * SEC);
	is_rfc3339("1994-11-06T08:49:37.5Z", ERR_OK, 784111777500000);
	is_rfc3339("1994-11-06T08:49:37.1234567Z", ERR_OK, 784111777123456);
	is_rfc3339("1994-11-06T10:49:37+02:00", ERR_OK, 784111777 * SEC);
	is_rfc3339("1994-11-06T03:19:37-05:30", ERR_OK, 784111777 * SEC);
	is_rfc3339("1994-11-06T08:49:37", ERR_SYNTAX, 0);
	is_rfc3339("1994-11-06T08:49:37.Z", ERR_SYNTAX, 0);
	is_rfc3339("1994-11-06T08:49:37+0200", ERR_SYNTAX, 0);
	is_rfc3339("1994-11-06T08:49:37+24:00", ERR_SYNTAX, 0);
	is_rfc3339("1994-11-06T08:49:37Zx", ERR_SYNTAX, 0);
	is_rfc3339("1994-13-06T08:49:37Z", ERR_RANGE, 0);
	is_rfc3339("94-11-06T08:49:37Z", ERR_SYNTAX, 0);
	is_rfc3339("", ERR_SYNTAX, 0);
}

static void
is_duration(usec_t d, const char *want)
{
	char out[HTTP_DURATION_SIZE];

	http_duration_print(d, out);
	assert_string_equal(out, want);
}

static void
test_duration(void **state)
{
	(void)state;
	is_duration(0, "0s");
	is_duration(-1, "0s");
	is_duration(1, "1ms");
	is_duration(20000, "20ms");
	is_duration(999000, "999ms");
	is_duration(999001, "1s");
	is_duration(1500000, "1.5s");
	is_duration(1051000, "1.051s");
	is_duration(1010000, "1.01s");
	is_duration(1100000, "1.1s");
	is_duration(1001000, "1.001s");
	is_duration(59999000, "59.999s");
	is_duration(60000000, "1m0s");
	is_duration(90951000, "1m30.951s");
	is_duration(360 * SEC, "6m0s");
	is_duration(3723 * SEC, "1h2m3s");
	is_duration(3600 * SEC, "1h0m0s");
	is_duration(INT64_MAX, "2562047788h0m54.776s");
}

/* -- Retry-After --------------------------------------------------------- */

static const usec_t now = 784111777 * SEC;

static enum err
retry(int status, const char *after, const char *after_ms, usec_t *asked,
    usec_t *wait)
{
	struct arena *a = arena_new(65536);
	struct http_headers h;
	struct http_retry r = { -77, -77 };
	enum err e;

	assert_non_null(a);
	http_headers_init(&h, a);
	if (after)
		assert_int_equal(
		    http_headers_add(&h, STR("Retry-After"), str_z(after)),
		    ERR_OK);
	if (after_ms)
		assert_int_equal(http_headers_add(&h, STR("retry-after-ms"),
				     str_z(after_ms)),
		    ERR_OK);
	e = http_retry_after(&h, status, now, &r);
	*asked = r.asked;
	*wait = r.wait;
	arena_free(a);
	return e;
}

static void
is_retry(const char *after, const char *after_ms, usec_t asked, usec_t wait)
{
	usec_t got_asked, got_wait;

	assert_int_equal(
	    retry(429, after, after_ms, &got_asked, &got_wait), ERR_OK);
	assert_int_equal(got_asked, asked);
	assert_int_equal(got_wait, wait);
}

static void
test_retry_after(void **state)
{
	(void)state;
	is_retry("2", NULL, 2 * SEC, 2 * SEC);
	is_retry(" 2 ", NULL, 2 * SEC, 2 * SEC);
	is_retry("0.25", NULL, 250000, 250000);
	is_retry("34.4", NULL, 34400000, 34400000);
	is_retry("0", NULL, 0, HTTP_RETRY_FLOOR);
	is_retry("3600", NULL, 3600 * SEC, HTTP_RETRY_CAP);
	is_retry(NULL, "20", 20000, 20000);
	is_retry(NULL, "0", 0, HTTP_RETRY_FLOOR);
	is_retry("7", "1500.5", 1500500, 1500500);
	is_retry("7", "soon", 7 * SEC, 7 * SEC);
	is_retry("Sun, 06 Nov 1994 08:49:47 GMT", NULL, 10 * SEC, 10 * SEC);
	is_retry("Sun, 06 Nov 1994 08:00:00 GMT", NULL, 0, HTTP_RETRY_FLOOR);
	is_retry("1e300", NULL, 365 * 86400 * SEC, HTTP_RETRY_CAP);
	is_retry("Fri, 31 Dec 9999 23:59:59 GMT", NULL, 365 * 86400 * SEC,
	    HTTP_RETRY_CAP);
}

static void
test_no_retry_after(void **state)
{
	usec_t asked, wait;

	(void)state;
	assert_int_equal(retry(200, "5", NULL, &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(retry(299, NULL, "5", &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(retry(503, NULL, NULL, &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(
	    retry(503, "later", NULL, &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(retry(503, "-1", NULL, &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(retry(503, "", "", &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(retry(503, "nan", NULL, &asked, &wait), ERR_NOT_FOUND);
	assert_int_equal(asked, -77);
	assert_int_equal(wait, -77);
	assert_int_equal(http_retry_wait(0), HTTP_RETRY_FLOOR);
	assert_int_equal(http_retry_wait(3 * SEC), 3 * SEC);
	assert_int_equal(http_retry_wait(61 * SEC), HTTP_RETRY_CAP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_date_parse),
		cmocka_unit_test(test_date_against_libc),
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_no_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
