#include "api/table.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "wire/http.h"
#include "wire/url.h"

enum {
	PATH_MAX_BYTES = 4096,
	MADE_ID_CHARS = 24,
	TIME_CHARS = 7, /* of them; milliseconds until the year 2081 */
};

enum method {
	GET, /* and HEAD */
	POST
};

struct row {
	const char *path; /* a trailing '/' stands for "{id} follows" */
	enum method method;
	enum api_route route;
	enum msg_dialect dialect;
};

static const struct row rows[] = {
	{ "/v1/chat/completions", POST, API_ROUTE_CHAT_COMPLETIONS,
	    MSG_DIALECT_OPENAI },
	{ "/v1/chat", POST, API_ROUTE_CHAT, MSG_DIALECT_CHAT },
	{ "/v1/models", GET, API_ROUTE_MODELS, MSG_DIALECT_OPENAI },
	{ "/v1/models/", GET, API_ROUTE_MODEL, MSG_DIALECT_OPENAI },
	{ "/health/live", GET, API_ROUTE_HEALTH_LIVE, MSG_DIALECT_OPENAI },
	{ "/health/ready", GET, API_ROUTE_HEALTH_READY, MSG_DIALECT_OPENAI },
	{ "/metrics", GET, API_ROUTE_METRICS, MSG_DIALECT_OPENAI },
};

static bool
is_clean(struct str path)
{
	size_t i;

	if (path.n == 0 || path.n > PATH_MAX_BYTES || path.p[0] != '/')
		return false;
	for (i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
			return false;
	return utf8_valid(path);
}

static bool
row_matches(const struct row *row, struct str path, struct str *id)
{
	struct str want = str_z(row->path);

	if (!str_ends(want, STR("/")))
		return str_eq(path, want);
	*id = str_skip(path, want.n);
	return str_starts(path, want) && id->n > 0;
}

static const struct row *
row_find(struct str path, struct str *id)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (row_matches(&rows[i], path, id))
			return &rows[i];
	return NULL;
}

static enum err
decode(
    struct arena *a, struct str *path, bool is_encoded, struct msg_fail *fail)
{
	enum err e = ERR_OK;

	if (is_encoded && path->n <= PATH_MAX_BYTES)
		e = url_decode(a, *path, path);
	if (e == ERR_NOMEM) {
		msg_fail_set(fail, MSG_FAIL_INTERNAL, "out of memory");
		return e;
	}
	if (e != ERR_OK || !is_clean(*path)) {
		msg_fail_set(fail, MSG_FAIL_INVALID,
		    "the path of the URL is malformed or longer than %d bytes",
		    PATH_MAX_BYTES);
		return ERR_SYNTAX;
	}
	if (path->n > 1 && path->p[path->n - 1] == '/')
		path->n--;
	return ERR_OK;
}

enum err
api_route_find(struct arena *a, struct str method, struct str path,
    bool is_encoded, struct api_target *out, struct msg_fail *fail)
{
	struct str id = { NULL, 0 };
	const struct row *row;
	enum err e;

	*out = (struct api_target){ .route = API_ROUTE__MAX,
		.needs_client = true };
	e = decode(a, &path, is_encoded, fail);
	if (e != ERR_OK)
		return e;
	row = row_find(path, &id);
	if (!row) {
		struct str shown = utf8_clip(path, 200);

		msg_fail_set(fail, MSG_FAIL_NOT_FOUND,
		    "unknown path %.*s; does the base URL end in /v1?",
		    STR_ARG(shown));
		return ERR_NOT_FOUND;
	}
	out->route = row->route;
	out->dialect = row->dialect;
	out->needs_client = str_starts(path, STR("/v1/"));
	out->allow = row->method == POST ? "POST" : "GET, HEAD";
	out->is_head = row->method == GET && str_eqz(method, "HEAD");
	/* The path may be gone before who asks is known. */
	if (row->route == API_ROUTE_MODEL)
		out->id = arena_str(a, id);
	if (out->is_head ||
	    str_eqz(method, row->method == POST ? "POST" : "GET"))
		return ERR_OK;
	msg_fail_set(
	    fail, MSG_FAIL_METHOD, "%s takes %s only", row->path, out->allow);
	return ERR_DENIED;
}

bool
api_content_type_ok(struct str value, struct msg_fail *fail)
{
	struct str rest = value;
	struct str type = str_trim(str_cut(&rest, ';'));

	if (type.n == 0 || http_type_is_json(value))
		return true;
	type = utf8_clip(type, 100);
	msg_fail_set(fail, MSG_FAIL_CONTENT_TYPE,
	    "the body must be application/json, not '%.*s'", STR_ARG(type));
	return false;
}

bool
api_request_id_sane(struct str id)
{
	size_t i;

	if (id.n < 1 || id.n > API_REQUEST_ID_MAX)
		return false;
	for (i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
			c == ':' || c == '-'))
			return false;
	}
	return true;
}

/*
 * The id begins with its time, so that an index of ids grows at its end. The
 * digits are those of rand_id, in the order of their bytes.
 */
static void
put_time(char out[TIME_CHARS])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	uint64_t msec = (uint64_t)(clock_wall() / USEC_PER_MSEC);

	for (int i = TIME_CHARS - 1; i >= 0; i--, msec /= 62)
		out[i] = digits[msec % 62];
}

void
api_request_id(struct str client, char out[API_REQUEST_ID_SIZE])
{
	if (api_request_id_sane(client)) {
		memcpy(out, client.p, client.n);
		out[client.n] = '\0';
		return;
	}
	memcpy(out, "req_", 4);
	rand_id(out + 4, MADE_ID_CHARS);
	put_time(out + 4);
}
