#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <cmocka.h>

#include "wire/url.h"

static bool
is_private(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return url_ip_is_private((const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return url_ip_is_private((const struct sockaddr *)&v6);
}

static void
all(const char *const *list, size_t n, bool want)
{
	for (size_t i = 0; i < n; i++) {
		if (is_private(list[i]) != want)
			fail_msg("%s is %s", list[i], want ? "open" : "closed");
	}
}

/* First and last address of every closed range (reliability.md 3.10). */
static void
test_v4_closed(void **state)
{
	static const char *const list[] = { "0.0.0.0", "0.255.255.255",
		"10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
		"127.0.0.1", "127.255.255.255", "169.254.0.0",
		"169.254.169.254", "169.254.255.255", "172.16.0.0",
		"172.31.255.255", "192.0.0.0", "192.0.0.255", "192.0.2.1",
		"192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
		"198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255" };

	(void)state;
	all(list, sizeof(list) / sizeof(list[0]), true);
}

/* The neighbours of those ranges. */
static void
test_v4_open(void **state)
{
	static const char *const list[] = { "1.0.0.0", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "8.8.8.8" };

	(void)state;
	all(list, sizeof(list) / sizeof(list[0]), false);
}

static void
test_v6_closed(void **state)
{
	static const char *const list[] = { "::", "::1", "::8.8.8.8",
		"::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254",
		"64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::8.8.8.8",
		"100::1", "2001::1", "2001:0:4136:e378::1", "2001:2::1",
		"2001:10::1", "2001:1ff::1", "2001:db8::1",
		"2002:7f00:1::1" /* 127.0.0.1 */,
		"2002:c0a8:101::1" /* 192.168.1.1 */, "3fff::1", "3fff:fff::1",
		"4000::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1",
		"ff02::1", "ffff::1" };

	(void)state;
	all(list, sizeof(list) / sizeof(list[0]), true);
}

static void
test_v6_open(void **state)
{
	static const char *const list[] = { "2606:4700::1111",
		"2001:4860:4860::8888", "2001:200::1", "2a00:1450::1",
		"2003::1", "3ffe::1", "3fff:1000::1", "::ffff:8.8.8.8",
		"64:ff9b::8.8.8.8", "2002:808:808::1" };

	(void)state;
	all(list, sizeof(list) / sizeof(list[0]), false);
}

static void
test_other_families(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)state;
	assert_true(url_ip_is_private((const struct sockaddr *)&un));
	un.sun_family = AF_UNSPEC;
	assert_true(url_ip_is_private((const struct sockaddr *)&un));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4_closed),
		cmocka_unit_test(test_v4_open),
		cmocka_unit_test(test_v6_closed),
		cmocka_unit_test(test_v6_open),
		cmocka_unit_test(test_other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
