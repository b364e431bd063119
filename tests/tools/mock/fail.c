#include "mock.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/num.h"

/*
 * Errors as the makers word them (wire.md 4). Rows with a word are chosen by
 * err=WORD; the others by status.
 */
static const struct mock_error errors[] = {
	{ "context", 400, "invalid_request_error", "context_length_exceeded",
	    "messages", "invalid_request_error", "INVALID_ARGUMENT", NULL },
	{ "quota", 429, "insufficient_quota", "insufficient_quota", NULL,
	    "rate_limit_error", "RESOURCE_EXHAUSTED",
	    "You exceeded your current quota, please check your plan and "
	    "billing details." },
	{ "policy", 400, "invalid_request_error", "content_filter", "prompt",
	    "invalid_request_error", "INVALID_ARGUMENT",
	    "The response was filtered due to the prompt triggering the "
	    "content management policy." },
	{ "overloaded", 503, "server_error", NULL, NULL, "overloaded_error",
	    "UNAVAILABLE", "Overloaded" },
	{ "key", 401, "invalid_request_error", "invalid_api_key", NULL,
	    "authentication_error", "UNAUTHENTICATED",
	    "Incorrect API key provided." },
	{ "model", 404, "invalid_request_error", "model_not_found", NULL,
	    "not_found_error", "NOT_FOUND",
	    "The model does not exist or you do not have access to it." },
	{ NULL, 400, "invalid_request_error", NULL, NULL,
	    "invalid_request_error", "INVALID_ARGUMENT", "Invalid request." },
	{ NULL, 401, "invalid_request_error", "invalid_api_key", NULL,
	    "authentication_error", "UNAUTHENTICATED",
	    "Incorrect API key provided." },
	{ NULL, 402, "insufficient_quota", "insufficient_quota", NULL,
	    "billing_error", "RESOURCE_EXHAUSTED",
	    "Your credit balance is too low." },
	{ NULL, 403, "invalid_request_error", "unsupported_country", NULL,
	    "permission_error", "PERMISSION_DENIED",
	    "Your API key does not have permission." },
	{ NULL, 404, "invalid_request_error", "model_not_found", NULL,
	    "not_found_error", "NOT_FOUND", "Not found." },
	{ NULL, 408, "server_error", NULL, NULL, "timeout_error",
	    "DEADLINE_EXCEEDED", "Request timed out" },
	{ NULL, 413, "invalid_request_error", NULL, NULL, "request_too_large",
	    "INVALID_ARGUMENT", "Request exceeds the maximum size" },
	{ NULL, 422, "invalid_request_error", NULL, NULL,
	    "invalid_request_error", "INVALID_ARGUMENT",
	    "Unprocessable request." },
	{ NULL, 429, "requests", "rate_limit_exceeded", NULL,
	    "rate_limit_error", "RESOURCE_EXHAUSTED",
	    "Rate limit reached on requests per min (RPM): Limit 3, Used 3, "
	    "Requested 1." },
	{ NULL, 500, "server_error", NULL, NULL, "api_error", "INTERNAL",
	    "The server had an error while processing your request." },
	{ NULL, 502, "server_error", NULL, NULL, "api_error", "INTERNAL",
	    "Bad gateway." },
	{ NULL, 503, "server_error", NULL, NULL, "overloaded_error",
	    "UNAVAILABLE", "The model is overloaded. Please try again later." },
	{ NULL, 504, "server_error", NULL, NULL, "timeout_error",
	    "DEADLINE_EXCEEDED", "Request timed out" },
	{ NULL, 529, "server_error", NULL, NULL, "overloaded_error",
	    "UNAVAILABLE", "Overloaded" },
};

#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

const struct mock_error *
mock_error_by_status(int status)
{
	static struct mock_error other;

	for (size_t i = 0; i < N_ERRORS; i++) {
		if (!errors[i].word && errors[i].status == status)
			return &errors[i];
	}
	other = *mock_error_by_status(status < 500 ? 400 : 500);
	other.status = status;
	return &other;
}

const struct mock_error *
mock_error_by_word(struct str word)
{
	for (size_t i = 0; i < N_ERRORS; i++) {
		if (errors[i].word && str_eqz(word, errors[i].word))
			return &errors[i];
	}
	return NULL;
}

/* Each maker says "too long" in its own words; gateways look for them. */
static struct str
message_of(const struct mock_maker *m, const struct mock_error *e)
{
	if (e->message)
		return str_z(e->message);
	if (m == &mock_anthropic)
		return STR("prompt is too long: 208310 tokens > 200000 "
			   "maximum");
	if (m == &mock_gemini)
		return STR("The input token count (1200000) exceeds the "
			   "maximum number of tokens allowed (1048576).");
	return STR("This model's maximum context length is 128000 tokens. "
		   "However, your messages resulted in 200010 tokens. Please "
		   "reduce the length of the messages.");
}

struct mock_job *
mock_job_error(struct mock_conn *c, const struct mock_maker *m,
    const struct mock_error *e, struct str message, int64_t retry_after)
{
	struct buf body, extra;
	struct mock_job *j;

	buf_init(&body, 65536);
	buf_init(&extra, 1024);
	m->error(&body, e, str_present(message) ? message : message_of(m, e));
	if (retry_after >= 0) {
		buf_addz(&extra, "retry-after: ");
		buf_addi(&extra, retry_after);
		buf_addz(&extra, "\r\n");
	}
	buf_addc(&extra, '\0');
	j = mock_job_plain(c, e->status, m->json_type, extra.p, buf_str(&body));
	buf_fini(&body);
	buf_fini(&extra);
	return j;
}

/* --- what a real maker would refuse ---------------------------------------- */

#define KEYS_MAX 32
#define KEY_SIZE 128

/* What /_mock/keys has said. */
static struct {
	char key[KEY_SIZE];
	int status;
} refused[KEYS_MAX];
static size_t n_refused;

/* Lines "KEY STATUS"; they take the place of those before. */
const char *
mock_keys_refuse(struct str lines)
{
	n_refused = 0;
	while (lines.n > 0) {
		struct str line = str_cut(&lines, '\n');
		struct str key = str_cut(&line, ' ');
		uint64_t status;

		if (n_refused == KEYS_MAX || key.n == 0 || key.n >= KEY_SIZE ||
		    num_parse_u64(line, &status) != ERR_OK || status < 400 ||
		    status > 599)
			return "up to 32 lines KEY STATUS";
		memcpy(refused[n_refused].key, key.p, key.n);
		refused[n_refused].key[key.n] = '\0';
		refused[n_refused++].status = (int)status;
	}
	return NULL;
}

static bool
has_key(const struct mock_req *r, const char *key)
{
	static const char *const names[] = { "authorization", "x-api-key",
		"api-key", "x-goog-api-key" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str v = mock_req_header(r, names[i]);

		if (str_case_starts(v, STR("bearer ")))
			v = str_skip(v, 7);
		if (str_eqz(v, key))
			return true;
	}
	return false;
}

static struct str
fault_of(const struct mock_req *r, const struct mock_ask *ask)
{
	json_error_t e;
	json_t *v = json_loadb(r->body.p ? r->body.p : "", r->body.n,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);

	if (!v)
		return STR("We could not parse the JSON body of your request.");
	json_decref(v);
	if (!str_case_starts(
		mock_req_header(r, "content-type"), STR("application/json")))
		return STR("The content type must be application/json.");
	if (!ask->is_object)
		return STR("The body must be a JSON object.");
	if (!ask->has_messages && ask->dialect == DIALECT_GEMINI)
		return STR("* GenerateContentRequest.contents: contents is not "
			   "specified");
	if (!ask->has_messages)
		return STR("Missing required parameter: 'messages'.");
	if (ask->dialect != DIALECT_ANTHROPIC)
		return (struct str){ NULL, 0 };
	if (!ask->has_max_tokens)
		return STR("max_tokens: Field required");
	if (!str_present(mock_req_header(r, "anthropic-version")))
		return STR("anthropic-version: header is required");
	return (struct str){ NULL, 0 };
}

struct mock_job *
mock_refuse(const struct mock_req *r, struct mock_conn *c,
    const struct mock_maker *m, const struct mock_ask *ask)
{
	struct str fault;

	for (size_t i = 0; i < n_refused; i++)
		if (has_key(r, refused[i].key))
			return mock_job_error(c, m,
			    mock_error_by_status(refused[i].status),
			    (struct str){ NULL, 0 }, -1);
	if (mock_options.key && !has_key(r, mock_options.key))
		return mock_job_error(c, m, mock_error_by_word(STR("key")),
		    (struct str){ NULL, 0 }, -1);
	if (mock_options.is_fast)
		return NULL;
	fault = fault_of(r, ask);
	if (!str_present(fault))
		return NULL;
	mock_counters.refused++;
	return mock_job_error(c, m, mock_error_by_status(400), fault, -1);
}
