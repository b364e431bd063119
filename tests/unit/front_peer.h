#ifndef TESTS_FRONT_PEER_H
#define TESTS_FRONT_PEER_H
/*
 * The web server's end of a FastCGI connection, with records made by hand
 * (none of wire/fcgi's code).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* What to send. */
void peer_record(struct buf *b, uint8_t type, uint16_t id, const void *content,
    size_t n, uint8_t padding);
void peer_begin(struct buf *b, uint16_t id, uint16_t role, bool keep);
/* name and value below 128 bytes */
void peer_param(struct buf *params, const char *name, const char *value);
/* A whole request: BEGIN, some variables, body in records, ends. */
void
peer_request(struct buf *b, uint16_t id, bool keep, const char *body, size_t n);

/* What came: fed in pieces. */
struct peer_answer {
	struct buf raw; /* not yet understood */
	struct buf out; /* STDOUT of all requests */
	unsigned out_ends; /* empty STDOUT records */
	unsigned ends; /* END_REQUEST */
	uint16_t end_id; /* of the last */
	uint8_t protocol_status; /* of the last */
	uint32_t app_status;
	uint8_t other_type; /* last record of another type */
	struct buf other; /* its content */
};

void peer_answer_init(struct peer_answer *a);
void peer_answer_fini(struct peer_answer *a);
void peer_answer_feed(struct peer_answer *a, const char *p, size_t n);

#endif
