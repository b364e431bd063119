#include "wire/url.h"

#include <netinet/in.h>
#include <string.h>

/* IANA's special-purpose registry of IPv4, and multicast and class E. */
static const struct {
	uint32_t net;
	unsigned bits;
} closed_v4[] = {
	{ 0x00000000, 8 }, /* 0.0.0.0/8 this network */
	{ 0x0a000000, 8 }, /* 10.0.0.0/8 private */
	{ 0x64400000, 10 }, /* 100.64.0.0/10 carrier NAT */
	{ 0x7f000000, 8 }, /* 127.0.0.0/8 loopback */
	{ 0xa9fe0000, 16 }, /* 169.254.0.0/16 link-local, cloud metadata */
	{ 0xac100000, 12 }, /* 172.16.0.0/12 private */
	{ 0xc0000000, 24 }, /* 192.0.0.0/24 protocol assignments */
	{ 0xc0000200, 24 }, /* 192.0.2.0/24 documentation */
	{ 0xc0586300, 24 }, /* 192.88.99.0/24 6to4 relays, deprecated */
	{ 0xc0a80000, 16 }, /* 192.168.0.0/16 private */
	{ 0xc6120000, 15 }, /* 198.18.0.0/15 benchmarks */
	{ 0xc6336400, 24 }, /* 198.51.100.0/24 documentation */
	{ 0xcb007100, 24 }, /* 203.0.113.0/24 documentation */
	{ 0xe0000000, 4 }, /* 224.0.0.0/4 multicast */
	{ 0xf0000000, 4 }, /* 240.0.0.0/4 reserved, broadcast */
};

static bool
v4_is_closed(uint32_t ip)
{
	for (size_t i = 0; i < sizeof(closed_v4) / sizeof(closed_v4[0]); i++) {
		uint32_t mask = UINT32_MAX << (32 - closed_v4[i].bits);

		if ((ip & mask) == closed_v4[i].net)
			return true;
	}
	return false;
}

static uint32_t
v4_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool
has_prefix(const unsigned char *ip, const char *prefix, size_t n)
{
	return memcmp(ip, prefix, n) == 0;
}

/*
 * Only global unicast (2000::/3) is open, without its special parts; so ::,
 * ::1, fc00::/7, fe80::/10, ff00::/8 and all that is not assigned are closed.
 * Where IPv4 travels inside, the inner address decides.
 */
static bool
v6_is_closed(const unsigned char *ip)
{
	static const char mapped[12] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";
	static const char nat64[12] = "\0\x64\xff\x9b\0\0\0\0\0\0\0\0";

	if (has_prefix(ip, mapped, 12) || has_prefix(ip, nat64, 12))
		return v4_is_closed(v4_at(ip + 12));
	if ((ip[0] & 0xe0) != 0x20)
		return true;
	if (has_prefix(ip, "\x20\x02", 2)) /* 6to4 */
		return v4_is_closed(v4_at(ip + 2));
	/* 2001::/23 protocol assignments: Teredo, benchmarks, ORCHID */
	if (has_prefix(ip, "\x20\x01", 2) && ip[2] < 2)
		return true;
	/* 2001:db8::/32 and 3fff::/20: documentation */
	return has_prefix(ip, "\x20\x01\x0d\xb8", 4) ||
	       (has_prefix(ip, "\x3f\xff", 2) && ip[2] < 0x10);
}

bool
url_ip_is_private(const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		return v4_is_closed(ntohl(v4.sin_addr.s_addr));
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		return v6_is_closed(v6.sin6_addr.s6_addr);
	}
	return true;
}
