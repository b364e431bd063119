#include "flow/life.h"

#include "base/num.h"
#include "base/utf8.h"

/* Bytes of x-llmgw-reason. */
#define REASON_MAX 1000

enum var_name {
	VAR_METHOD,
	VAR_REQUEST_URI,
	VAR_SCRIPT_NAME,
	VAR_PATH_INFO,
	VAR_CONTENT_TYPE,
	VAR_CONTENT_LENGTH,
	VAR_REMOTE_ADDR,
	VAR_REQUEST_ID,
	VAR_READ_TIMEOUT,
	VAR_REASON,
	VAR_AUTHORIZATION,
	VAR_X_API_KEY,
	VAR_API_KEY,
	VAR_REMOTE_USER,
	VAR_CLIENT_DN,
	VAR_CLIENT_VERIFY,
	VAR__MAX
};

/*
 * REDIRECT_HTTP_AUTHORIZATION and the like are not read: identity comes only
 * from what the web server sets for this request itself.
 */
static const struct str var_names[VAR__MAX] = {
	[VAR_METHOD] = { "REQUEST_METHOD", sizeof("REQUEST_METHOD") - 1 },
	[VAR_REQUEST_URI] = { "REQUEST_URI", sizeof("REQUEST_URI") - 1 },
	[VAR_SCRIPT_NAME] = { "SCRIPT_NAME", sizeof("SCRIPT_NAME") - 1 },
	[VAR_PATH_INFO] = { "PATH_INFO", sizeof("PATH_INFO") - 1 },
	[VAR_CONTENT_TYPE] = { "CONTENT_TYPE", sizeof("CONTENT_TYPE") - 1 },
	[VAR_CONTENT_LENGTH] = { "CONTENT_LENGTH",
	    sizeof("CONTENT_LENGTH") - 1 },
	[VAR_REMOTE_ADDR] = { "REMOTE_ADDR", sizeof("REMOTE_ADDR") - 1 },
	[VAR_REQUEST_ID] = { "HTTP_X_REQUEST_ID",
	    sizeof("HTTP_X_REQUEST_ID") - 1 },
	[VAR_READ_TIMEOUT] = { "HTTP_X_STAINLESS_READ_TIMEOUT",
	    sizeof("HTTP_X_STAINLESS_READ_TIMEOUT") - 1 },
	[VAR_REASON] = { "HTTP_X_LLMGW_REASON",
	    sizeof("HTTP_X_LLMGW_REASON") - 1 },
	[VAR_AUTHORIZATION] = { "HTTP_AUTHORIZATION",
	    sizeof("HTTP_AUTHORIZATION") - 1 },
	[VAR_X_API_KEY] = { "HTTP_X_API_KEY", sizeof("HTTP_X_API_KEY") - 1 },
	[VAR_API_KEY] = { "HTTP_API_KEY", sizeof("HTTP_API_KEY") - 1 },
	[VAR_REMOTE_USER] = { "REMOTE_USER", sizeof("REMOTE_USER") - 1 },
	[VAR_CLIENT_DN] = { "SSL_CLIENT_S_DN", sizeof("SSL_CLIENT_S_DN") - 1 },
	[VAR_CLIENT_VERIFY] = { "SSL_CLIENT_VERIFY",
	    sizeof("SSL_CLIENT_VERIFY") - 1 },
};

/* Which of ours it is, or VAR__MAX; most are not, and too long or too short. */
static int
find_var(struct str name, uint64_t lengths)
{
	int k;

	if (name.n >= 64 || (lengths >> name.n & 1) == 0)
		return VAR__MAX;
	for (k = 0; k < VAR__MAX; k++) {
		const struct str *v = &var_names[k];

		if (v->n == name.n && v->p[v->n - 1] == name.p[name.n - 1] &&
		    str_eq(name, *v))
			break;
	}
	return k;
}

static void
pick_vars(const struct req_var *vars, size_t n, struct str out[VAR__MAX])
{
	uint64_t lengths = 0;

	memset(out, 0, sizeof(*out) * VAR__MAX);
	for (int k = 0; k < VAR__MAX; k++)
		lengths |= UINT64_C(1) << var_names[k].n;
	for (size_t i = 0; i < n; i++) {
		int k = find_var(vars[i].name, lengths);

		if (k < VAR__MAX && !str_present(out[k]))
			out[k] = vars[i].value;
	}
}

/* Longest time a client may say it waits; SDKs send seconds. */
#define READ_TIMEOUT_MAX_SEC 86400

static usec_t
read_timeout(struct str s)
{
	double sec;

	if (num_parse_double(s, &sec) != ERR_OK || !(sec > 0) ||
	    sec > READ_TIMEOUT_MAX_SEC)
		return 0;
	return (usec_t)(sec * (double)USEC_PER_SEC);
}

/* The path as the client sent it, or as the web server cut it up. */
static void
find_route(struct req *r, const struct str var[VAR__MAX])
{
	bool is_encoded = var[VAR_REQUEST_URI].n > 0;
	struct str path = var[VAR_REQUEST_URI];

	if (is_encoded)
		path.n = str_chr(path, '?');
	else
		path = arena_printf(r->arena, "%.*s%.*s",
		    STR_ARG(var[VAR_SCRIPT_NAME]), STR_ARG(var[VAR_PATH_INFO]));
	r->fail.class = MSG_FAIL_NONE;
	if (api_route_find(r->arena, var[VAR_METHOD], path, is_encoded,
		&r->target, &r->fail) != ERR_OK &&
	    r->fail.class == MSG_FAIL_NONE)
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
}

void
receive_vars(struct req *r, const struct req_var *vars, size_t n,
    struct gate_credentials *cred)
{
	struct str var[VAR__MAX];

	pick_vars(vars, n, var);
	find_route(r, var);
	api_request_id(var[VAR_REQUEST_ID], r->meta.request_id);
	r->rec.request_id = str_z(r->meta.request_id);
	r->rec.remote_addr = arena_str(r->arena, var[VAR_REMOTE_ADDR]);
	if (str_trim(var[VAR_REASON]).n > 0)
		r->rec.reason = arena_str(
		    r->arena, utf8_clip(str_trim(var[VAR_REASON]), REASON_MAX));
	r->meta.content_type = arena_str(r->arena, var[VAR_CONTENT_TYPE]);
	r->meta.read_timeout = read_timeout(var[VAR_READ_TIMEOUT]);
	if (var[VAR_CONTENT_LENGTH].n > 0 &&
	    num_parse_i64(var[VAR_CONTENT_LENGTH], &r->meta.content_length) !=
		ERR_OK)
		r->meta.content_length = -2; /* refused in step_receive */
	cred->authorization = var[VAR_AUTHORIZATION];
	cred->x_api_key = var[VAR_X_API_KEY];
	cred->api_key = var[VAR_API_KEY];
	cred->remote_user = var[VAR_REMOTE_USER];
	cred->client_dn = var[VAR_CLIENT_DN];
	cred->client_verify = var[VAR_CLIENT_VERIFY];
	cred->address = r->rec.remote_addr;
}

static const char *const surfaces[API_ROUTE__MAX] = {
	[API_ROUTE_CHAT_COMPLETIONS] = "chat.completions",
	[API_ROUTE_CHAT] = "chat",
	[API_ROUTE_MODELS] = "models",
	[API_ROUTE_MODEL] = "models",
	[API_ROUTE_HEALTH_LIVE] = "health",
	[API_ROUTE_HEALTH_READY] = "health",
	[API_ROUTE_METRICS] = "metrics",
};

enum flow_step
step_receive(struct req *r)
{
	if (r->fail.class != MSG_FAIL_NONE)
		return flow_refuse(r);
	r->rec.surface = surfaces[r->target.route];
	/* Without a header or the address no verdict would be just. */
	if (arena_failed(r->arena)) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return flow_refuse(r);
	}
	if (r->target.needs_client && !r->conf) {
		msg_fail_set(&r->fail, MSG_FAIL_NO_TARGET,
		    "The gateway has no valid configuration; its "
		    "administrator finds the reason at /health/ready.");
		return flow_refuse(r);
	}
	return FLOW_IDENTIFY;
}

enum flow_step
step_read(struct req *r)
{
	/* It came while we looked who asks. */
	if (r->is_body_whole)
		return read_body_end(r);
	r->wants_body = true;
	return FLOW_WAIT;
}
