#include "wire/fcgi.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD sizeof(FCGI_Header)

static void
set_header(char *p, uint8_t type, uint16_t id, size_t n)
{
	FCGI_Header h = { 0 };

	h.version = FCGI_VERSION_1;
	h.type = type;
	h.requestIdB1 = (unsigned char)(id >> 8);
	h.requestIdB0 = (unsigned char)(id & 0xff);
	h.contentLengthB1 = (unsigned char)(n >> 8);
	h.contentLengthB0 = (unsigned char)(n & 0xff);
	memcpy(p, &h, HEAD);
}

static void
put_record(struct buf *out, uint8_t type, uint16_t id, const void *p, size_t n)
{
	char *dst = buf_room(out, HEAD + n);

	if (!dst)
		return;
	set_header(dst, type, id, n);
	if (n)
		memcpy(dst + HEAD, p, n);
	out->n += HEAD + n;
}

void
fcgi_put_stdout(struct buf *out, uint16_t id, const char *p, size_t n)
{
	while (n > 0 && !out->failed) {
		size_t k = n < FCGI_MAX_LENGTH ? n : FCGI_MAX_LENGTH;

		put_record(out, FCGI_STDOUT, id, p, k);
		p += k;
		n -= k;
	}
}

static void
put_end_request(
    struct buf *out, uint16_t id, uint32_t app_status, uint8_t protocol_status)
{
	FCGI_EndRequestBody b = { 0 };

	b.appStatusB3 = (unsigned char)(app_status >> 24);
	b.appStatusB2 = (unsigned char)(app_status >> 16 & 0xff);
	b.appStatusB1 = (unsigned char)(app_status >> 8 & 0xff);
	b.appStatusB0 = (unsigned char)(app_status & 0xff);
	b.protocolStatus = protocol_status;
	put_record(out, FCGI_END_REQUEST, id, &b, sizeof(b));
}

void
fcgi_put_end(
    struct buf *out, uint16_t id, uint32_t app_status, uint8_t protocol_status)
{
	put_record(out, FCGI_STDOUT, id, NULL, 0);
	put_end_request(out, id, app_status, protocol_status);
}

void
fcgi_put_refused(struct buf *out, uint16_t id, uint8_t protocol_status)
{
	put_end_request(out, id, 0, protocol_status);
}

void
fcgi_put_unknown(struct buf *out, uint8_t type)
{
	FCGI_UnknownTypeBody b = { 0 };

	b.type = type;
	put_record(out, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID, &b, sizeof(b));
}

/* Names and values are short: one length byte each. */
static size_t
put_value(char *dst, size_t room, const char *name, uint32_t value)
{
	char text[12];
	size_t name_n = strlen(name);
	int n = snprintf(text, sizeof(text), "%" PRIu32, value);

	ASSERT(n > 0 && room >= 2 + name_n + (size_t)n);
	dst[0] = (char)name_n;
	dst[1] = (char)n;
	memcpy(dst + 2, name, name_n);
	memcpy(dst + 2 + name_n, text, (size_t)n);
	return 2 + name_n + (size_t)n;
}

void
fcgi_put_values(
    struct buf *out, unsigned asked, uint32_t max_conns, uint32_t max_reqs)
{
	char body[128];
	size_t n = 0;

	if (asked & FCGI_ASK_MAX_CONNS)
		n += put_value(
		    body + n, sizeof(body) - n, FCGI_MAX_CONNS, max_conns);
	if (asked & FCGI_ASK_MAX_REQS)
		n += put_value(
		    body + n, sizeof(body) - n, FCGI_MAX_REQS, max_reqs);
	if (asked & FCGI_ASK_MPXS_CONNS)
		n += put_value(body + n, sizeof(body) - n, FCGI_MPXS_CONNS, 0);
	put_record(out, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID, body, n);
}
