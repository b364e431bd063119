#include "api/msg.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

#define INVALID_T "invalid_request_error"
#define SERVER_T "server_error"

/*
 * wire.md 4.2 and field.md 4.1. fallback words are the option fallback_on's.
 * Classes without one are the client's own fault or ours: another target would
 * not help.
 */
const struct msg_fail_row msg_fail_table[MSG_FAIL__MAX] = {
	[MSG_FAIL_NONE] = { "none", 200, "", NULL, "", false, NULL, false },
	[MSG_FAIL_INVALID] = { "invalid", 400, INVALID_T, NULL,
	    "invalid_request", false, "invalid", false },
	[MSG_FAIL_CONTEXT_LENGTH] = { "context_length", 400, INVALID_T,
	    "context_length_exceeded", "invalid_request", false,
	    "context_length", false },
	[MSG_FAIL_CONTENT_POLICY] = { "content_policy", 400, INVALID_T,
	    "content_filter", "policy_violation", false, "content_policy",
	    false },
	[MSG_FAIL_AUTHENTICATION] = { "authentication", 401,
	    "authentication_error", "invalid_api_key", "authentication_error",
	    false, NULL, false },
	[MSG_FAIL_PERMISSION] = { "permission", 403, "permission_error", NULL,
	    "permission_error", false, NULL, false },
	[MSG_FAIL_POLICY] = { "policy", 403, "permission_error",
	    "policy_violation", "policy_violation", false, NULL, false },
	/* the client can add what is missing: an invalid request */
	[MSG_FAIL_POLICY_FIELD] = { "policy_field", 400, INVALID_T,
	    "policy_violation", "policy_violation", false, NULL, false },
	[MSG_FAIL_MODEL_NOT_FOUND] = { "model_not_found", 404, INVALID_T,
	    "model_not_found", "model_not_found", false, "model_not_found",
	    false },
	[MSG_FAIL_NOT_FOUND] = { "not_found", 404, INVALID_T, "unknown_url",
	    "invalid_request", false, NULL, false },
	[MSG_FAIL_METHOD] = { "method", 405, INVALID_T, "method_not_allowed",
	    "invalid_request", false, NULL, false },
	[MSG_FAIL_CONTENT_TYPE] = { "content_type", 415, INVALID_T,
	    "unsupported_media_type", "invalid_request", false, NULL, false },
	/* from upstream it is Groq's "too big for this tier": a larger target
	 * may take it */
	[MSG_FAIL_TOO_LARGE] = { "too_large", 413, INVALID_T,
	    "request_too_large", "invalid_request", false, "context_length",
	    false },
	[MSG_FAIL_LIMIT] = { "limit", 429, "rate_limit_error",
	    "rate_limit_exceeded", "rate_limit_exceeded", false, NULL, false },
	[MSG_FAIL_BUDGET] = { "budget", 429, "insufficient_quota",
	    "insufficient_quota", "rate_limit_exceeded", false, NULL, false },
	/* a target that is busy is well: it cools (route/breaker.h) */
	[MSG_FAIL_RATE_LIMIT] = { "rate_limit", 429, "rate_limit_error",
	    "rate_limit_exceeded", "rate_limit_exceeded", true, "rate_limit",
	    false },
	/* 402 becomes 429, OpenAI's habit */
	[MSG_FAIL_QUOTA] = { "quota", 429, "insufficient_quota",
	    "insufficient_quota", "upstream_error", false, "quota", true },
	/* the operator's key, not the client's: never 401 */
	[MSG_FAIL_UPSTREAM_AUTH] = { "upstream_auth", 502, SERVER_T,
	    "upstream_auth", "upstream_error", false, "auth", true },
	[MSG_FAIL_OVERLOADED] = { "overloaded", 503, SERVER_T, "overloaded",
	    "upstream_error", true, "unavailable", true },
	[MSG_FAIL_UNAVAILABLE] = { "unavailable", 0, SERVER_T, NULL,
	    "upstream_error", true, "unavailable", true },
	[MSG_FAIL_TIMEOUT] = { "timeout", 504, SERVER_T, "timeout",
	    "upstream_error", true, "timeout", true },
	[MSG_FAIL_CONNECT] = { "connect", 502, SERVER_T, "connection_error",
	    "upstream_error", true, "unavailable", true },
	[MSG_FAIL_CUT] = { "cut", 502, SERVER_T, "upstream_cut",
	    "upstream_error", true, "unavailable", true },
	[MSG_FAIL_BAD_ANSWER] = { "bad_answer", 502, SERVER_T,
	    "bad_upstream_answer", "upstream_error", true, "unavailable",
	    true },
	[MSG_FAIL_NO_TARGET] = { "no_target", 503, SERVER_T,
	    "no_target_available", "upstream_error", false, NULL, false },
	[MSG_FAIL_STORE_AWAY] = { "store_away", 503, SERVER_T,
	    "temporarily_unavailable", "internal_error", false, NULL, false },
	[MSG_FAIL_INTERNAL] = { "internal", 500, SERVER_T, "internal_error",
	    "internal_error", false, NULL, false },
};

/* In place: what is no UTF-8 becomes '?'. */
static void
make_utf8(char *z, size_t n)
{
	struct str rest = { z, n };

	while (!utf8_valid(rest)) {
		size_t good = 0;
		size_t step = 1;

		/* the longest valid prefix, character by character */
		while (good + step <= rest.n && step <= 4) {
			if (utf8_valid(str_of(rest.p + good, step))) {
				good += step;
				step = 1;
			} else {
				step++;
			}
		}
		z[(size_t)(rest.p - z) + good] = '?';
		rest = str_skip(rest, good + 1);
	}
}

void
msg_fail_set(
    struct msg_fail *f, enum msg_fail_class class, const char *fmt, ...)
{
	va_list ap;
	int n;

	*f = (struct msg_fail){
		.class = class, .retry_after = -1, .should_retry = -1
	};
	va_start(ap, fmt);
	n = vsnprintf(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
	if (n < 0) {
		f->message[0] = '\0';
		return;
	}
	if ((size_t)n >= sizeof(f->message)) {
		/* the last character may be cut: it goes */
		struct str s = { f->message, sizeof(f->message) - 1 };

		while (s.n > 0 && ((unsigned char)s.p[s.n - 1] & 0xc0) == 0x80)
			s.n--;
		if (s.n > 0 && (unsigned char)s.p[s.n - 1] >= 0xc0)
			s.n--;
		f->message[s.n] = '\0';
		n = (int)s.n;
	}
	make_utf8(f->message, (size_t)n);
}

void
msg_fail_param(struct msg_fail *f, struct str path)
{
	struct str s = utf8_clip(path, sizeof(f->param) - 1);

	if (s.n > 0)
		memcpy(f->param, s.p, s.n);
	f->param[s.n] = '\0';
}

int
msg_fail_status(const struct msg_fail *f)
{
	int status = msg_fail_table[f->class].status;

	if (status != 0)
		return status;
	switch (f->upstream_status) {
	case 500:
	case 502:
	case 503:
	case 504:
		return f->upstream_status;
	default:
		return 502;
	}
}

const char *
msg_finish_word(enum msg_finish f)
{
	static const char *const words[MSG_FINISH__MAX] = {
		[MSG_FINISH_STOP] = "stop",
		[MSG_FINISH_LENGTH] = "length",
		[MSG_FINISH_TOOL_CALLS] = "tool_calls",
		[MSG_FINISH_CONTENT_FILTER] = "content_filter",
	};

	return f < MSG_FINISH__MAX ? words[f] : "stop";
}
