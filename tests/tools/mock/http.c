#include "mock.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 408, "Request Timeout" },
	{ 413, "Payload Too Large" },
	{ 422, "Unprocessable Entity" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 529, "Overloaded" },
};

const char *
mock_http_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Unknown";
}

void
mock_http_head(struct buf *out, int status, const char *type, struct str extra,
    int64_t length, bool is_close)
{
	buf_addz(out, "HTTP/1.1 ");
	buf_addi(out, status);
	buf_addc(out, ' ');
	buf_addz(out, mock_http_reason(status));
	if (type) {
		buf_addz(out, "\r\ncontent-type: ");
		buf_addz(out, type);
	}
	buf_addz(out, "\r\n");
	buf_adds(out, extra);
	if (is_close)
		buf_addz(out, "connection: close\r\n");
	if (length < 0) {
		buf_addz(out, "transfer-encoding: chunked\r\n\r\n");
		return;
	}
	buf_addz(out, "content-length: ");
	buf_addi(out, length);
	buf_addz(out, "\r\n\r\n");
}

void
mock_http_chunk(struct buf *out, struct str body)
{
	char size[24];
	int n;

	if (body.n == 0)
		return;
	n = snprintf(size, sizeof(size), "%zx\r\n", body.n);
	buf_add(out, size, (size_t)n);
	buf_adds(out, body);
	buf_add(out, "\r\n", 2);
}

struct str
mock_req_header(const struct mock_req *r, const char *name)
{
	struct str rest = r->head, want = str_z(name);

	(void)str_cut(&rest, '\n');
	while (str_present(rest)) {
		struct str line = str_cut(&rest, '\n');

		if (line.n > want.n && line.p[want.n] == ':' &&
		    str_case_eq(str_of(line.p, want.n), want))
			return str_trim(str_skip(line, want.n + 1));
	}
	return (struct str){ NULL, 0 };
}

static bool
parse_request_line(struct mock_req *r)
{
	struct str rest = r->head;
	struct str line = str_trim(str_cut(&rest, '\n'));

	r->method = str_cut(&line, ' ');
	r->target = str_cut(&line, ' ');
	if (!str_present(line) || r->method.n == 0 || r->target.n == 0)
		return false;
	r->wants_close = str_eqz(line, "HTTP/1.0");
	r->query = r->target;
	r->path = str_cut(&r->query, '?');
	return r->wants_close || str_eqz(line, "HTTP/1.1");
}

static bool
parse_head(struct mock_parser *p, struct mock_req *r)
{
	struct str v;
	uint64_t n = 0;

	if (!parse_request_line(r))
		return false;
	v = mock_req_header(r, "content-length");
	if (str_present(v) &&
	    (num_parse_u64(v, &n) != ERR_OK || n > MOCK_BODY_MAX))
		return false;
	p->length = (size_t)n;
	v = mock_req_header(r, "transfer-encoding");
	p->is_chunked = str_present(v);
	return !p->is_chunked || str_case_eq(v, STR("chunked"));
}

/*
 * Decodes what came of a chunked body, moving it to follow the head without
 * gaps. p->at is where the next size line begins.
 */
static enum mock_parse
decode_chunks(struct mock_parser *p, struct buf *in)
{
	for (;;) {
		struct str rest = str_of(in->p + p->at, in->n - p->at);
		size_t eol = str_chr(rest, '\n');
		struct str line = str_trim(str_of(rest.p, eol));
		uint64_t n;

		if (eol == rest.n)
			return rest.n > 64 ? PARSE_BAD : PARSE_MORE;
		line = str_cut(&line, ';');
		if (num_parse_hex_u64(line, &n) != ERR_OK ||
		    n > MOCK_BODY_MAX || p->body + n > MOCK_BODY_MAX)
			return PARSE_BAD;
		if (rest.n < eol + 1 + n + 2)
			return PARSE_MORE;
		memmove(in->p + p->head + p->body, rest.p + eol + 1, (size_t)n);
		p->body += (size_t)n;
		p->at += eol + 1 + (size_t)n + 2;
		if (n == 0) {
			p->used = p->at; /* no trailer fields are expected */
			return PARSE_DONE;
		}
	}
}

static enum mock_parse
find_head(struct mock_parser *p, struct buf *in)
{
	struct str unseen = str_of(in->p + p->scanned, in->n - p->scanned);
	size_t end = str_find(unseen, STR("\r\n\r\n"));

	if (end == SIZE_MAX) {
		p->scanned = in->n > 3 ? in->n - 3 : 0;
		return in->n > MOCK_HEAD_MAX ? PARSE_BAD : PARSE_MORE;
	}
	p->head = p->scanned + end + 4;
	p->at = p->head;
	return PARSE_DONE;
}

enum mock_parse
mock_http_parse(struct mock_parser *p, struct buf *in, struct mock_req *r)
{
	enum mock_parse got = PARSE_DONE;
	bool is_new = p->head == 0;

	if (in->n == 0)
		return PARSE_MORE;
	if (is_new)
		got = find_head(p, in);
	if (got != PARSE_DONE)
		return got;
	r->head = str_of(in->p, p->head);
	if (is_new && !parse_head(p, r))
		return PARSE_BAD;
	if (p->is_chunked) {
		got = decode_chunks(p, in);
	} else {
		p->body = p->length;
		p->used = p->head + p->length;
		got = in->n >= p->used ? PARSE_DONE : PARSE_MORE;
	}
	if (got == PARSE_MORE && !p->told_continue &&
	    str_present(mock_req_header(r, "expect"))) {
		p->told_continue = true;
		return PARSE_CONTINUE;
	}
	if (got != PARSE_DONE)
		return got;
	if (!parse_request_line(r))
		return PARSE_BAD;
	if (str_case_eq(mock_req_header(r, "connection"), STR("close")))
		r->wants_close = true;
	r->body = str_of(in->p + p->head, p->body);
	return PARSE_DONE;
}
