/*
 * URLs. Input: a base and a path, divided by the first LF. What must hold:
 * joining never changes who is spoken to; escapes go there and back; an IPv4
 * address is judged alike alone and inside IPv6.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fuzz.h"
#include "wire/url.h"

static void
check_parts(const struct url *u)
{
	FUZZ_CHECK(str_eqz(u->scheme, "http") || str_eqz(u->scheme, "https"));
	FUZZ_CHECK(u->host.n > 0 && u->port != 0);
	FUZZ_CHECK(!str_contains(u->host, STR("@")));
	FUZZ_CHECK(!str_contains(u->host, STR("/")));
	FUZZ_CHECK(str_starts(u->path, STR("/")));
	FUZZ_CHECK(!str_contains(u->path, STR("?")));
	FUZZ_CHECK(!str_contains(u->path, STR("#")));
}

static void
check_join(struct arena *a, struct str base, struct str path)
{
	struct url before, after;
	struct str made;

	if (url_join(a, base, path, &made) != ERR_OK)
		return;
	FUZZ_CHECK(made.n <= URL_MAX_BYTES);
	FUZZ_CHECK(url_parse(&before, a, base) == ERR_OK);
	FUZZ_CHECK(url_parse(&after, a, made) == ERR_OK);
	FUZZ_CHECK(str_eq(before.scheme, after.scheme));
	FUZZ_CHECK(str_eq(before.host, after.host));
	FUZZ_CHECK(before.port == after.port);
}

static void
check_escapes(struct arena *a, struct str s)
{
	struct str back;
	struct buf b;

	(void)!url_decode(a, s, &back);
	if (s.n && memchr(s.p, 0, s.n))
		return;
	buf_init(&b, 3 * s.n + 1);
	if (url_put_segment(&b, s) == ERR_OK) {
		FUZZ_CHECK(!str_contains(buf_str(&b), STR("/")));
		FUZZ_CHECK(url_decode(a, buf_str(&b), &back) == ERR_OK);
		FUZZ_CHECK(str_eq(back, s));
	} else {
		FUZZ_CHECK(s.n == 0 || str_eqz(s, ".") || str_eqz(s, ".."));
	}
	buf_fini(&b);
}

static void
check_ip(const uint8_t *data, size_t size)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool is_closed;

	if (size < 16)
		return;
	memcpy(&v6.sin6_addr, data, 16);
	(void)url_ip_is_private((const struct sockaddr *)&v6);
	memcpy(&v4.sin_addr, data, 4);
	is_closed = url_ip_is_private((const struct sockaddr *)&v4);
	memcpy(&v6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
	memcpy((char *)&v6.sin6_addr + 12, data, 4);
	FUZZ_CHECK(
	    url_ip_is_private((const struct sockaddr *)&v6) == is_closed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1 << 20);
	struct str rest = str_of((const char *)data, size), base;
	struct url u;

	FUZZ_CHECK(a);
	check_ip(data, size);
	base = str_cut(&rest, '\n');
	if (url_parse(&u, a, base) == ERR_OK)
		check_parts(&u);
	if (str_present(rest)) {
		check_join(a, base, rest);
		check_escapes(a, str_of(rest.p, rest.n < 4096 ? rest.n : 4096));
	}
	arena_free(a);
	return 0;
}
