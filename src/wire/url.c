#include "wire/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"

/* Blanks, control bytes and '\' are where URL parsers disagree. */
static bool
has_bad_bytes(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f || c == '\\')
			return true;
	}
	return false;
}

static enum err
err_of(CURLUcode rc)
{
	switch (rc) {
	case CURLUE_OK:
		return ERR_OK;
	case CURLUE_OUT_OF_MEMORY:
		return ERR_NOMEM;
	case CURLUE_UNSUPPORTED_SCHEME:
		return ERR_UNSUPPORTED;
	case CURLUE_USER_NOT_ALLOWED:
		return ERR_DENIED;
	default:
		return ERR_SYNTAX;
	}
}

/* One part into the arena, in lower case if asked. */
static enum err
take_part(
    CURLU *cu, CURLUPart what, bool is_lower, struct arena *a, struct str *out)
{
	char *text = NULL, *copy;
	enum err e = err_of(curl_url_get(cu, what, &text, CURLU_DEFAULT_PORT));

	if (e != ERR_OK)
		return e;
	copy = arena_strz(a, str_z(text));
	curl_free(text);
	if (!copy)
		return ERR_NOMEM;
	*out = str_z(copy);
	for (size_t i = 0; is_lower && i < out->n; i++) {
		if (copy[i] >= 'A' && copy[i] <= 'Z')
			copy[i] = (char)(copy[i] - 'A' + 'a');
	}
	return ERR_OK;
}

static bool
is_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !strchr("-._:", c))
			return false;
	}
	return host.n > 0 && !memchr(host.p, 0, host.n);
}

/* host comes from take_part and so has a NUL behind it. */
static enum err
check_host(struct url *u)
{
	struct in6_addr addr;
	size_t n = u->host.n;
	char text[INET6_ADDRSTRLEN];

	if (n > 2 && u->host.p[0] == '[' && u->host.p[n - 1] == ']')
		u->host = str_of(u->host.p + 1, n - 2);
	if (!is_host(u->host))
		return ERR_SYNTAX;
	u->host_is_ip = false;
	if (u->host.n < sizeof(text)) {
		memcpy(text, u->host.p, u->host.n);
		text[u->host.n] = 0;
		u->host_is_ip = inet_pton(AF_INET, text, &addr) == 1 ||
				inet_pton(AF_INET6, text, &addr) == 1;
	}
	return ERR_OK;
}

static enum err
take_parts(CURLU *cu, struct arena *a, struct url *u)
{
	struct str port;
	uint64_t number;
	enum err e = take_part(cu, CURLUPART_SCHEME, true, a, &u->scheme);

	if (e == ERR_OK && !str_eqz(u->scheme, "http") &&
	    !str_eqz(u->scheme, "https"))
		e = ERR_UNSUPPORTED;
	if (e == ERR_OK)
		e = take_part(cu, CURLUPART_HOST, true, a, &u->host);
	if (e == ERR_OK)
		e = check_host(u);
	if (e == ERR_OK)
		e = take_part(cu, CURLUPART_PORT, false, a, &port);
	if (e == ERR_OK)
		e = num_parse_u64(port, &number);
	if (e == ERR_OK && (number == 0 || number > UINT16_MAX))
		e = ERR_SYNTAX;
	if (e == ERR_OK)
		e = take_part(cu, CURLUPART_PATH, false, a, &u->path);
	if (e != ERR_OK)
		return e;
	u->port = (uint16_t)number;
	e = take_part(cu, CURLUPART_QUERY, false, a, &u->query);
	if (e == ERR_SYNTAX) { /* CURLUE_NO_QUERY */
		u->query = (struct str){ NULL, 0 };
		e = ERR_OK;
	}
	return e;
}

/* curl also takes one and three slashes: a browser would not. */
static bool
has_two_slashes(struct str text)
{
	struct str rest = str_skip(text, str_chr(text, ':'));

	return str_starts(rest, STR("://")) && !str_starts(rest, STR(":///"));
}

enum err
url_parse(struct url *u, struct arena *a, struct str text)
{
	struct url made = { 0 };
	CURLU *cu;
	char *z;
	enum err e;

	if (text.n > URL_MAX_BYTES)
		return ERR_LIMIT;
	if (has_bad_bytes(text) || !has_two_slashes(text))
		return ERR_SYNTAX;
	z = arena_strz(a, text);
	cu = curl_url();
	if (!z || !cu) {
		curl_url_cleanup(cu);
		return ERR_NOMEM;
	}
	e = err_of(curl_url_set(cu, CURLUPART_URL, z, CURLU_DISALLOW_USER));
	if (e == ERR_OK)
		e = take_parts(cu, a, &made);
	curl_url_cleanup(cu);
	if (e == ERR_OK)
		*u = made;
	return e;
}

/* -- joining ------------------------------------------------------------- */

/* v1 v4 v1beta v1beta1 v1alpha, and DeepSeek's "beta" */
static bool
is_version(struct str seg)
{
	size_t i = 1;

	if (str_eqz(seg, "beta"))
		return true;
	if (seg.n < 2 || seg.p[0] != 'v')
		return false;
	while (i < seg.n && seg.p[i] >= '0' && seg.p[i] <= '9')
		i++;
	if (i == 1)
		return false;
	seg = str_skip(seg, i);
	if (str_starts(seg, STR("alpha")))
		seg = str_skip(seg, 5);
	else if (str_starts(seg, STR("beta")))
		seg = str_skip(seg, 4);
	else
		return seg.n == 0;
	for (i = 0; i < seg.n; i++) {
		if (seg.p[i] < '0' || seg.p[i] > '9')
			return false;
	}
	return true;
}

static bool
has_version(struct str path)
{
	while (str_present(path)) {
		if (is_version(str_cut(&path, '/')))
			return true;
	}
	return false;
}

/* Length of the longest run of whole segments that ends base and begins path.
 */
static size_t
overlap(struct str base, struct str path)
{
	for (size_t i = 0; i < base.n; i++) {
		struct str tail = str_skip(base, i);

		if (tail.p[0] == '/' && str_starts(path, tail) &&
		    (path.n == tail.n || path.p[tail.n] == '/'))
			return tail.n;
	}
	return 0;
}

/* What of path is to be appended to base: rules 1 and 2 of the header. */
static struct str
part_to_append(struct str base, struct str path)
{
	struct str rest = str_skip(path, 1), first;
	size_t n = overlap(base, path);

	if (n)
		return str_skip(path, n);
	first = str_cut(&rest, '/');
	if (!is_version(first) || !has_version(base))
		return path;
	path = str_skip(path, 1 + first.n);
	/* The base may be the whole URL, pasted from a manual. */
	return str_skip(path, overlap(base, path));
}

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

/* A name in lower case, or four decimal numbers: nothing that means another. */
static bool
is_plain_host(struct str host)
{
	struct in_addr addr;
	char text[INET_ADDRSTRLEN] = "";

	if (host.n == 0 || host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!is_unreserved(host.p[i]) || host.p[i] == '~' ||
		    (host.p[i] >= 'A' && host.p[i] <= 'Z'))
			return false;
	if (host.p[0] >= 'a' && host.p[0] <= 'z')
		return true;
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	return inet_pton(AF_INET, text, &addr) == 1;
}

/*
 * http(s)://name[:port][/path] of nothing but unreserved characters: what
 * url_parse would find no fault with. Bases are joined for every request, and
 * nearly all look like that.
 */
static bool
is_plain(struct str base)
{
	struct str rest, host, port;
	uint64_t number;

	if (base.n > URL_MAX_BYTES)
		return false;
	if (str_starts(base, STR("https://")))
		rest = str_skip(base, 8);
	else if (str_starts(base, STR("http://")))
		rest = str_skip(base, 7);
	else
		return false;
	port = str_cut(&rest, '/');
	host = str_cut(&port, ':');
	if (str_present(port) &&
	    (port.n == 0 || num_parse_u64(port, &number) != ERR_OK ||
		number == 0 || number > UINT16_MAX))
		return false;
	if (!is_plain_host(host))
		return false;
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] != '/' && !is_unreserved(rest.p[i]))
			return false;
	return true;
}

static struct str
concat(struct arena *a, const struct str *part, size_t n)
{
	size_t total = 0;
	char *p, *to;

	for (size_t i = 0; i < n; i++)
		total += part[i].n;
	to = p = arena_raw(a, total + 1);
	if (!p)
		return (struct str){ NULL, 0 };
	for (size_t i = 0; i < n; i++) {
		if (part[i].n)
			memcpy(to, part[i].p, part[i].n);
		to += part[i].n;
	}
	*to = '\0';
	return str_of(p, total);
}

enum err
url_join(struct arena *a, struct str base, struct str path, struct str *out)
{
	struct str query = path, base_query, base_path, origin, made;
	struct url checked;
	enum err e = is_plain(base) ? ERR_OK : url_parse(&checked, a, base);
	size_t n;

	if (e != ERR_OK)
		return e;
	if (!str_starts(path, STR("/")) || has_bad_bytes(path))
		return ERR_SYNTAX;
	if (path.n > URL_MAX_BYTES)
		return ERR_LIMIT;
	path = str_cut(&query, '?');
	base_query = base = str_cut(&base, '#');
	base = str_cut(&base_query, '?');
	n = str_find(base, STR("://")) + 3;
	n += str_chr(str_skip(base, n), '/');
	origin = str_of(base.p, n);
	base_path = str_skip(base, n);
	while (str_ends(base_path, STR("/")))
		base_path.n--;
	path = part_to_append(base_path, path);
	struct str part[] = { origin, base_path, path,
		base_query.n || query.n ? STR("?") : STR(""), base_query,
		base_query.n && query.n ? STR("&") : STR(""), query };
	made = concat(a, part, sizeof(part) / sizeof(part[0]));
	if (!made.p)
		return ERR_NOMEM;
	if (made.n > URL_MAX_BYTES)
		return ERR_LIMIT;
	*out = made;
	return ERR_OK;
}

/* -- escapes ------------------------------------------------------------- */

enum err
url_put_segment(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	if (s.n == 0)
		return ERR_RANGE;
	if (str_eqz(s, ".") || str_eqz(s, ".."))
		return ERR_DENIED;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char text[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (is_unreserved(s.p[i]))
			buf_addc(out, s.p[i]);
		else
			buf_add(out, text, sizeof(text));
	}
	return out->failed ? ERR_NOMEM : ERR_OK;
}

enum err
url_decode(struct arena *a, struct str s, struct str *out)
{
	size_t n = 0;
	char *p;

	if (str_chr(s, '%') == s.n && str_chr(s, '\0') == s.n) {
		*out = s;
		return ERR_OK;
	}
	p = arena_raw(a, s.n);
	if (!p)
		return ERR_NOMEM;
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;
		char c = s.p[i];

		if (c == '%') {
			hi = s.n - i > 2 ? num_hex_digit(s.p[i + 1]) : -1;
			lo = s.n - i > 2 ? num_hex_digit(s.p[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				return ERR_SYNTAX;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (c == 0)
			return ERR_SYNTAX;
		p[n++] = c;
	}
	*out = str_of(p, n);
	return ERR_OK;
}
