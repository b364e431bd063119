#ifndef WIRE_URL_H
#define WIRE_URL_H
/*
 * URLs, over libcurl's curl_url so that what we check is what will be dialled.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Longest URL read or made. */
#define URL_MAX_BYTES 8192u

struct url {
	struct str scheme; /* "http" or "https" */
	struct str host; /* lower case; an IPv6 address without brackets */
	uint16_t port; /* the scheme's own when the text has none */
	struct str path; /* begins with '/' */
	struct str query; /* without '?'; absent when there is none */
	bool host_is_ip;
};

/*
 * ERR_SYNTAX: no absolute URL, or it has blanks, control bytes or a backslash.
 * ERR_UNSUPPORTED: a scheme other than http and https. ERR_DENIED: user or
 * password inside (they would reach a log). ERR_LIMIT: longer than
 * URL_MAX_BYTES. ERR_NOMEM. Parts are in the arena. A fragment is dropped.
 * Numeric hosts come out as the address that they mean (0x7f.1 is 127.0.0.1).
 */
MUST_CHECK enum err url_parse(struct url *u, struct arena *a, struct str text);

/*
 * base (absolute, perhaps with a path and a query) + path (begins with '/',
 * its segments encoded already, perhaps with a query) -> an absolute URL.
 *
 * A base with and without version and trailing slash gives the same URL
 * (wire.md 1): path carries the version that the maker's own base would have
 * ("/v1/chat/completions"), and
 *   1. segments at the end of the base that path begins with are not doubled:
 *      https://h/openai/v1 + /openai/v1/responses;
 *   2. a base that has a version of its own anywhere (v1, v1beta, v4, beta)
 *      is taken as the official SDKs take it, and path's version is left out:
 *      https://h/v1beta/openai + /v1/chat/completions
 *      -> https://h/v1beta/openai/chat/completions.
 * Queries are joined, the base's first. Errors as url_parse.
 */
MUST_CHECK enum err
url_join(struct arena *a, struct str base, struct str path, struct str *out);

/*
 * Appends s percent-encoded as ONE path segment: all but A-Z a-z 0-9 - . _ ~
 * (so ':' is %3A and '/' is %2F: Bedrock's ids and ARNs). Also right for a
 * query value. ERR_DENIED for "." and "..", ERR_RANGE for an empty one.
 */
MUST_CHECK enum err url_put_segment(struct buf *out, struct str s);
/*
 * %XX decoded, '+' as it is. ERR_SYNTAX for a bad escape or a NUL. s itself
 * when nothing is encoded, else a copy in the arena.
 */
MUST_CHECK enum err url_decode(struct arena *a, struct str s, struct str *out);

/*
 * May a URL that a client or tenant supplied not be dialled at this address?
 * True for loopback, private, link-local, carrier NAT, test, benchmark,
 * multicast and reserved ranges of IPv4 and IPv6, for IPv4 inside IPv6 (mapped,
 * compatible, NAT64, 6to4, Teredo) when what is inside is such, and for any
 * family but AF_INET and AF_INET6. Ask it of the address really dialled
 * (CURLOPT_OPENSOCKETFUNCTION): names can change between look-ups.
 */
bool url_ip_is_private(const struct sockaddr *sa);

#endif
