#include "front_peer.h"

#include <string.h>

#define KEPT_MAX ((size_t)64 << 20)

enum {
	T_BEGIN = 1,
	T_END = 3,
	T_PARAMS = 4,
	T_STDIN = 5,
	T_STDOUT = 6,
	HEAD = 8,
};

void
peer_record(struct buf *b, uint8_t type, uint16_t id, const void *content,
    size_t n, uint8_t padding)
{
	const char zeros[256] = { 0 };
	const unsigned char head[HEAD] = { 1, type, (unsigned char)(id >> 8),
		(unsigned char)id, (unsigned char)(n >> 8), (unsigned char)n,
		padding, 0 };

	buf_add(b, head, sizeof(head));
	buf_add(b, content, n);
	buf_add(b, zeros, padding);
}

void
peer_begin(struct buf *b, uint16_t id, uint16_t role, bool keep)
{
	const unsigned char body[8] = { (unsigned char)(role >> 8),
		(unsigned char)role, keep };

	peer_record(b, T_BEGIN, id, body, sizeof(body), 0);
}

void
peer_param(struct buf *params, const char *name, const char *value)
{
	buf_addc(params, (char)strlen(name));
	buf_addc(params, (char)strlen(value));
	buf_addz(params, name);
	buf_addz(params, value);
}

void
peer_request(struct buf *b, uint16_t id, bool keep, const char *body, size_t n)
{
	struct buf params;

	peer_begin(b, id, 1, keep);
	buf_init(&params, 4096);
	peer_param(&params, "REQUEST_METHOD", "POST");
	peer_param(&params, "REQUEST_URI", "/v1/chat/completions");
	peer_param(&params, "EMPTY", "");
	peer_record(b, T_PARAMS, id, params.p, params.n, 5);
	buf_fini(&params);
	peer_record(b, T_PARAMS, id, "", 0, 0);
	while (n > 0) {
		size_t part = n < 60000 ? n : 60000;

		peer_record(b, T_STDIN, id, body, part, 3);
		body += part;
		n -= part;
	}
	peer_record(b, T_STDIN, id, "", 0, 0);
}

void
peer_answer_init(struct peer_answer *a)
{
	*a = (struct peer_answer){ 0 };
	buf_init(&a->raw, KEPT_MAX);
	buf_init(&a->out, KEPT_MAX);
	buf_init(&a->other, KEPT_MAX);
}

void
peer_answer_fini(struct peer_answer *a)
{
	buf_fini(&a->raw);
	buf_fini(&a->out);
	buf_fini(&a->other);
}

static void
one_record(struct peer_answer *a, const unsigned char *h, const char *content,
    size_t n)
{
	const unsigned char *c = (const unsigned char *)content;

	if (h[1] == T_STDOUT) {
		buf_add(&a->out, content, n);
		a->out_ends += n == 0;
	} else if (h[1] == T_END && n == 8) {
		a->ends++;
		a->end_id = (uint16_t)(h[2] << 8 | h[3]);
		a->app_status = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 |
				(uint32_t)c[2] << 8 | c[3];
		a->protocol_status = c[4];
	} else {
		a->other_type = h[1];
		buf_reset(&a->other);
		buf_add(&a->other, content, n);
	}
}

void
peer_answer_feed(struct peer_answer *a, const char *p, size_t n)
{
	buf_add(&a->raw, p, n);
	while (a->raw.n >= HEAD) {
		const unsigned char *h = (const unsigned char *)a->raw.p;
		size_t len = (size_t)h[4] << 8 | h[5];

		if (a->raw.n < HEAD + len + h[6])
			return;
		one_record(a, h, a->raw.p + HEAD, len);
		buf_consume(&a->raw, HEAD + len + h[6]);
	}
}
