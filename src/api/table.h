#ifndef API_TABLE_H
#define API_TABLE_H
/*
 * Method and path -> what is asked for. Routes are rows of one table in
 * table.c.
 */
#include <stdbool.h>

#include "api/msg.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum api_route {
	API_ROUTE_CHAT_COMPLETIONS, /* POST /v1/chat/completions */
	API_ROUTE_CHAT, /* POST /v1/chat */
	API_ROUTE_MODELS, /* GET /v1/models */
	API_ROUTE_MODEL, /* GET /v1/models/{id}; id may hold '/' and ':' */
	API_ROUTE_HEALTH_LIVE, /* GET /health/live */
	API_ROUTE_HEALTH_READY, /* GET /health/ready */
	API_ROUTE_METRICS, /* GET /metrics */
	API_ROUTE__MAX
};

struct api_target {
	enum api_route route;
	/* Form of answers and errors; MSG_DIALECT_OPENAI also for unknown
	 * paths */
	enum msg_dialect dialect;
	bool is_head; /* HEAD: as GET, without a body */
	bool needs_client; /* who asks must be known (all under /v1) */
	struct str id; /* text, a copy in the arena: {id} */
	/* For the header Allow, static: "POST" or "GET, HEAD". NULL on 404. */
	const char *allow;
};

/*
 * path: without the query. is_encoded: it is as the client sent it
 * (REQUEST_URI), and is percent-decoded here, once; otherwise the web server
 * has done that already (SCRIPT_NAME + PATH_INFO). One trailing '/' is
 * forgiven.
 *
 * ERR_NOT_FOUND: no such path (fail: MSG_FAIL_NOT_FOUND, 404). ERR_DENIED: not
 * with this method (MSG_FAIL_METHOD, 405; out->allow is for the header).
 * ERR_SYNTAX: a bad escape, a control byte, or not UTF-8 (MSG_FAIL_INVALID,
 * 400). ERR_NOMEM. *out is written in every case.
 */
MUST_CHECK enum err
api_route_find(struct arena *a, struct str method, struct str path,
    bool is_encoded, struct api_target *out, struct msg_fail *fail);

/*
 * Content-Type of a POST: application/json (any parameters), any +json, or
 * absent, as curl and old SDKs are forgiven. False: 415, and fail is filled.
 */
bool api_content_type_ok(struct str value, struct msg_fail *fail);

/*
 * A client's x-request-id is kept when it is 1..128 of [A-Za-z0-9._:-];
 * otherwise a new one is made: "req_" + 24 of [0-9A-Za-z].
 */
#define API_REQUEST_ID_MAX 128
#define API_REQUEST_ID_SIZE (API_REQUEST_ID_MAX + 1)
bool api_request_id_sane(struct str id);
/* out: NUL-terminated; client's id if sane, else a new one. */
void api_request_id(struct str client, char out[API_REQUEST_ID_SIZE]);

#endif
