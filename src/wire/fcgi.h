#ifndef WIRE_FCGI_H
#define WIRE_FCGI_H
/*
 * FastCGI 1.0 records, responder side. Pure: bytes in, events out; it neither
 * reads nor writes a socket. Constants (FCGI_RESPONDER, FCGI_REQUEST_COMPLETE,
 * ...) come from <fastcgi.h> of libfcgi-dev.
 *
 * Reading. One fcgi_parser per connection. Content is handed over in pieces as
 * it arrives, pointing into the caller's bytes: nothing is copied and no record
 * is ever buffered whole. The same bytes cut anywhere give the same events,
 * except that a piece may come as several.
 *
 *	begin (params* params_end stdin_data* stdin_end | abort) ...
 *
 * Lengths of a body are not checked here: STDIN against CONTENT_LENGTH is the
 * front's business.
 *
 * One request at a time per connection (neither Apache nor lighttpd
 * multiplexes): a request is active from `begin` until the caller has called
 * fcgi_parser_done, which he does when he writes END_REQUEST. Records of a
 * request that is not active are skipped, as FastCGI 1.0 section 3.3 has it: so
 * the rest of a body may be ignored by answering early.
 *
 * What answers without an end of the connection: `refuse` is called with
 * FCGI_CANT_MPX_CONN when a second request begins while one is active, with
 * FCGI_UNKNOWN_ROLE for any role but the responder's. The caller writes
 * END_REQUEST with that status for that id; later records of it are skipped.
 */
#include <fastcgi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum fcgi_result {
	FCGI_R_OK,
	/* The rest closes the connection: no record border is known any more. */
	FCGI_R_VERSION, /* a header whose version is not 1 */
	FCGI_R_LENGTH, /* BEGIN_REQUEST or ABORT_REQUEST of a wrong length */
	FCGI_R_ID, /* BEGIN_REQUEST with id 0, or again with the active id */
	FCGI_R_ORDER, /* PARAMS after their end, STDIN before it or after its own */
};

/* Bits of what a GET_VALUES record asks for. */
#define FCGI_ASK_MAX_CONNS 1u
#define FCGI_ASK_MAX_REQS 2u
#define FCGI_ASK_MPXS_CONNS 4u

/*
 * Every function must be set. They may call fcgi_parser_done; they must not
 * free the parser, nor feed it.
 */
struct fcgi_events {
	/* role is always FCGI_RESPONDER; keep_conn: do not close after END. */
	void (*begin)(void *arg, uint16_t id, bool keep_conn);
	void (*params)(void *arg, const char *p, size_t n);
	void (*params_end)(void *arg);
	void (*stdin_data)(void *arg, const char *p, size_t n);
	void (*stdin_end)(void *arg);
	/* ABORT_REQUEST for the active request. */
	void (*abort)(void *arg);
	/* See above: answer END_REQUEST with this protocol status. */
	void (*refuse)(void *arg, uint16_t id, uint8_t protocol_status);
	/* GET_VALUES: answer fcgi_put_values(asked). */
	void (*get_values)(void *arg, unsigned asked);
	/* A management record unknown to us: answer fcgi_put_unknown(type). */
	void (*unknown_type)(void *arg, uint8_t type);
};

/* A name-value pair being read; used inside this file. */
struct fcgi_pair {
	unsigned char head[8];
	uint8_t head_n;
	uint32_t name_n, value_n;
	uint32_t at; /* bytes of name and value seen */
};

/* Embed it. Read `id`, `is_active`, `keep_conn`; leave the rest alone. */
struct fcgi_parser {
	uint16_t id; /* of the active request */
	bool is_active;
	bool keep_conn;
	bool params_ended, stdin_ended;
	uint8_t fill; /* bytes in hold */
	uint8_t part; /* header, content, padding */
	uint8_t pad; /* padding left */
	uint32_t left; /* content left */
	uint8_t type; /* of the record being read */
	uint16_t record_id;
	unsigned asked; /* GET_VALUES so far */
	struct fcgi_pair pair;
	char name[16];
	unsigned char hold[8]; /* a header, or the body of BEGIN_REQUEST */
	enum fcgi_result broken; /* sticky */
};

void fcgi_parser_init(struct fcgi_parser *p);
/*
 * Reads n bytes and calls events for them. Anything but FCGI_R_OK is final:
 * events before the fault were delivered, later calls give the same result.
 */
MUST_CHECK enum fcgi_result fcgi_parse(struct fcgi_parser *p, const char *bytes,
    size_t n, const struct fcgi_events *ev, void *arg);
/* The active request has been answered: the next may begin. */
void fcgi_parser_done(struct fcgi_parser *p);

/*
 * PARAMS. Feed the pieces in order, then finish. Names and values are copied
 * into the arena, each with a NUL behind it that is not counted.
 *
 * Limits, over all of one request: ERR_LIMIT above FCGI_PARAMS_MAX_BYTES (names
 * and values) or FCGI_PARAMS_MAX_COUNT pairs. Apache and lighttpd send 30 to 60
 * pairs of 2 to 4 KiB. A length is checked before its memory is taken.
 * ERR_SYNTAX: an empty name, a NUL byte, or an end in the middle of a pair.
 * ERR_DENIED: the same name twice (a client can make `X-Key` and `X_Key` the
 * same variable, so neither may be trusted). ERR_NOMEM from the arena.
 * Errors are sticky.
 */
#define FCGI_PARAMS_MAX_BYTES 65536u
#define FCGI_PARAMS_MAX_COUNT 256u

struct fcgi_param {
	struct str name, value;
};

struct fcgi_params {
	struct fcgi_param *v; /* in order of arrival */
	uint32_t n;
	/* Leave these alone. */
	uint32_t cap;
	uint32_t bytes;
	struct arena *a;
	char *dst;
	struct fcgi_pair pair;
	enum err failed;
};

void fcgi_params_init(struct fcgi_params *ps, struct arena *a);
MUST_CHECK enum err
fcgi_params_feed(struct fcgi_params *ps, const char *p, size_t n);
MUST_CHECK enum err fcgi_params_finish(struct fcgi_params *ps);
/* For the libfcgi door and tests: adds one pair under the same limits. */
MUST_CHECK enum err
fcgi_params_add(struct fcgi_params *ps, struct str name, struct str value);

/*
 * Writing: appended to out, whose sticky failure is the result.
 *
 * fcgi_put_stdout writes records of at most 65 535 bytes each (no padding);
 * nothing for n == 0.
 */
void fcgi_put_stdout(struct buf *out, uint16_t id, const char *p, size_t n);
/*
 * Empty STDOUT record, then END_REQUEST. protocol_status is
 * FCGI_REQUEST_COMPLETE, or FCGI_OVERLOADED, which lets a web server try
 * another host.
 */
void fcgi_put_end(
    struct buf *out, uint16_t id, uint32_t app_status, uint8_t protocol_status);
/* END_REQUEST alone: for a request that was refused. */
void fcgi_put_refused(struct buf *out, uint16_t id, uint8_t protocol_status);
void fcgi_put_unknown(struct buf *out, uint8_t type);
/* max_conns and max_reqs as decimal text; MPXS_CONNS is 0. */
void fcgi_put_values(
    struct buf *out, unsigned asked, uint32_t max_conns, uint32_t max_reqs);

#endif
