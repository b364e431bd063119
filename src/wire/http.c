#include "wire/http.h"

#include <string.h>

static const struct str absent = { NULL, 0 };

void
http_headers_init(struct http_headers *h, struct arena *a)
{
	memset(h, 0, sizeof(*h));
	h->a = a;
}

/* tchar of RFC 9110 5.6.2: letters, digits and !#$%&'*+-.^_`|~ */
static bool
is_token_char(unsigned char c)
{
	static const uint64_t bits[4] = { 0x03ff6cfa00000000,
		0x57ffffffc7fffffe };

	return bits[c / 64] >> c % 64 & 1;
}

bool
http_name_is_safe(struct str name)
{
	const unsigned char *p = (const unsigned char *)name.p;
	bool is_safe = name.n > 0;

	for (size_t i = 0; i < name.n; i++)
		is_safe &= is_token_char(p[i]);
	return is_safe;
}

bool
http_value_is_safe(struct str value)
{
	return value.n == 0 || (!memchr(value.p, '\r', value.n) &&
				   !memchr(value.p, '\n', value.n) &&
				   !memchr(value.p, '\0', value.n));
}

static enum err
check(const struct http_headers *h, struct str name, struct str value)
{
	size_t left = HTTP_HEADERS_MAX_BYTES - h->bytes;

	if (!http_name_is_safe(name) || !http_value_is_safe(value))
		return ERR_DENIED;
	if (name.n > left || value.n > left - name.n)
		return ERR_LIMIT;
	return ERR_OK;
}

static enum err
grow(struct http_headers *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : 16;
	struct http_header *v;

	if (h->n < h->cap)
		return ERR_OK;
	if (h->n >= HTTP_HEADERS_MAX)
		return ERR_LIMIT;
	v = arena_calloc(h->a, cap, sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	if (h->n)
		memcpy(v, h->v, h->n * sizeof(*v));
	h->v = v;
	h->cap = cap;
	return ERR_OK;
}

enum err
http_headers_add(struct http_headers *h, struct str name, struct str value)
{
	enum err e = check(h, name, value);
	char *p;

	if (e == ERR_OK)
		e = grow(h);
	if (e != ERR_OK)
		return e;
	p = arena_raw(h->a, name.n + value.n + 2);
	if (!p)
		return ERR_NOMEM;
	h->v[h->n++] = (struct http_header){ str_of(p, name.n),
		str_of(p + name.n + 1, value.n) };
	memcpy(p, name.p, name.n);
	p[name.n] = '\0';
	if (value.n > 0)
		memcpy(p + name.n + 1, value.p, value.n);
	p[name.n + 1 + value.n] = '\0';
	h->bytes += (uint32_t)(name.n + value.n);
	return ERR_OK;
}

enum err
http_headers_set(struct http_headers *h, struct str name, struct str value)
{
	uint32_t first = UINT32_MAX, kept = 0;
	struct http_header new;
	enum err e = http_headers_add(h, name, value);

	if (e != ERR_OK)
		return e;
	/* The new one is the last: move it to the place of the first. */
	new = h->v[--h->n];
	for (uint32_t i = 0; i < h->n; i++) {
		if (!str_case_eq(h->v[i].name, name)) {
			h->v[kept++] = h->v[i];
			continue;
		}
		h->bytes -= (uint32_t)(h->v[i].name.n + h->v[i].value.n);
		if (first == UINT32_MAX) {
			first = kept;
			h->v[kept++] = new;
		}
	}
	if (first == UINT32_MAX)
		h->v[kept++] = new;
	h->n = kept;
	return ERR_OK;
}

enum err
http_headers_add_line(struct http_headers *h, struct str line)
{
	size_t colon = str_chr(line, ':');
	struct str name = str_of(line.p, colon);

	if (colon == line.n || colon == 0 || str_chr(name, ' ') < name.n)
		return ERR_SYNTAX;
	return http_headers_add(h, name, str_trim(str_skip(line, colon + 1)));
}

struct str
http_headers_find(const struct http_headers *h, const char *name)
{
	struct str want = str_z(name);

	for (uint32_t i = 0; h && i < h->n; i++) {
		if (str_case_eq(h->v[i].name, want))
			return h->v[i].value;
	}
	return absent;
}

/* -- content types ------------------------------------------------------- */

static struct str
media_type(struct str content_type)
{
	return str_trim(str_cut(&content_type, ';'));
}

bool
http_type_is(struct str content_type, const char *type)
{
	return str_case_eq(media_type(content_type), str_z(type));
}

bool
http_type_is_json(struct str content_type)
{
	struct str type = media_type(content_type);
	struct str suffix = STR("+json");

	if (str_case_eq(type, STR("application/json")))
		return true;
	return type.n > suffix.n &&
	       str_case_eq(str_skip(type, type.n - suffix.n), suffix);
}

/* -- status -------------------------------------------------------------- */

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 499, "Client Closed Request" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 507, "Insufficient Storage" },
	{ 529, "Site Is Overloaded" },
};

const char *
http_reason(int status)
{
	static const char *const classes[] = { "Unknown", "Informational",
		"Success", "Redirection", "Client Error", "Server Error" };

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return classes[status >= 100 && status < 600 ? status / 100 : 0];
}
