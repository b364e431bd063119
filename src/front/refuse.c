#include "front/refuse.h"

#include "base/rand.h"

#define ID_LETTERS 24

struct refusal {
	enum err err; /* ERR_OK: any other */
	const char *status, *message, *type, *code;
};

static const struct refusal refusals[] = {
	{ ERR_LIMIT, "431 Request Header Fields Too Large",
	    "The request's headers are too large.", "invalid_request_error",
	    "headers_too_large" },
	{ ERR_NOMEM, "503 Service Unavailable", "The gateway is out of memory.",
	    "server_error", "overloaded" },
	{ ERR_OK, "400 Bad Request",
	    "The request's headers are ambiguous or malformed.",
	    "invalid_request_error", "invalid_headers" },
};

void
front_refuse(struct buf *out, enum err e)
{
	const struct refusal *r = refusals;
	char id[ID_LETTERS + 1];

	while (r->err != ERR_OK && r->err != e)
		r++;
	rand_id(id, ID_LETTERS);
	buf_printf(out,
	    "Status: %s\r\nContent-Type: application/json\r\n"
	    "X-Request-Id: %s\r\n\r\n"
	    "{\"error\":{\"message\":\"%s\",\"type\":\"%s\","
	    "\"param\":null,\"code\":\"%s\"}}",
	    r->status, id, r->message, r->type, r->code);
}
