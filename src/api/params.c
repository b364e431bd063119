#include "api/msg.h"

#include <math.h>

#include "base/num.h"

/* A range that holds no number: none is checked. */
#define ANY 1, 0

const struct msg_param_row msg_param_table[MSG_P__MAX] = {
	[MSG_P_TEMPERATURE] = { "temperature", MSG_V_NUMBER, 0, 2 },
	[MSG_P_TOP_P] = { "top_p", MSG_V_NUMBER, 0, 1 },
	/* vLLM and llama.cpp: -1 is off */
	[MSG_P_TOP_K] = { "top_k", MSG_V_INTEGER, -1, INT32_MAX },
	[MSG_P_MAX_TOKENS] = { "max_tokens", MSG_V_INTEGER, 1, INT32_MAX },
	[MSG_P_MAX_COMPLETION_TOKENS] = { "max_completion_tokens",
	    MSG_V_INTEGER, 1, INT32_MAX },
	[MSG_P_STOP] = { "stop", MSG_V_STOP, ANY },
	/* the upper end is a limit: api_limits.choices */
	[MSG_P_N] = { "n", MSG_V_INTEGER, 1, INT32_MAX },
	[MSG_P_SEED] = { "seed", MSG_V_INTEGER, ANY },
	[MSG_P_LOGPROBS] = { "logprobs", MSG_V_BOOL_OR_INTEGER, ANY },
	[MSG_P_TOP_LOGPROBS] = { "top_logprobs", MSG_V_INTEGER, 0, 20 },
	[MSG_P_PRESENCE_PENALTY] = { "presence_penalty", MSG_V_NUMBER, -2, 2 },
	[MSG_P_FREQUENCY_PENALTY] = { "frequency_penalty", MSG_V_NUMBER, -2,
	    2 },
	[MSG_P_LOGIT_BIAS] = { "logit_bias", MSG_V_OBJECT, ANY },
	[MSG_P_USER] = { "user", MSG_V_STRING, ANY },
	[MSG_P_SAFETY_IDENTIFIER] = { "safety_identifier", MSG_V_STRING, ANY },
	[MSG_P_METADATA] = { "metadata", MSG_V_OBJECT, ANY },
	[MSG_P_STORE] = { "store", MSG_V_BOOL, ANY },
	[MSG_P_REASONING_EFFORT] = { "reasoning_effort", MSG_V_STRING, ANY },
	[MSG_P_REASONING] = { "reasoning", MSG_V_OBJECT, ANY },
	[MSG_P_THINKING] = { "thinking", MSG_V_OBJECT, ANY },
	[MSG_P_PARALLEL_TOOL_CALLS] = { "parallel_tool_calls", MSG_V_BOOL,
	    ANY },
	[MSG_P_PREDICTION] = { "prediction", MSG_V_OBJECT, ANY },
	[MSG_P_MODALITIES] = { "modalities", MSG_V_ARRAY, ANY },
	[MSG_P_AUDIO] = { "audio", MSG_V_OBJECT, ANY },
	[MSG_P_SERVICE_TIER] = { "service_tier", MSG_V_STRING, ANY },
	[MSG_P_PROMPT_CACHE_KEY] = { "prompt_cache_key", MSG_V_STRING, ANY },
	[MSG_P_PROMPT_CACHE_RETENTION] = { "prompt_cache_retention",
	    MSG_V_STRING, ANY },
	[MSG_P_WEB_SEARCH_OPTIONS] = { "web_search_options", MSG_V_OBJECT,
	    ANY },
	[MSG_P_VERBOSITY] = { "verbosity", MSG_V_STRING, ANY },
};

bool
msg_param_i64(const struct msg_request *r, enum msg_param p, int64_t *out)
{
	struct str raw = r->param[p];
	double d;

	if (!str_present(raw))
		return false;
	if (num_parse_i64(raw, out) == ERR_OK)
		return true;
	/* 1.0 and 1e3 are integers in JSON; beyond 2^53 a double is not one */
	if (num_parse_double(raw, &d) != ERR_OK || floor(d) != d ||
	    fabs(d) > 9007199254740992.0)
		return false;
	*out = (int64_t)d;
	return true;
}

bool
msg_param_double(const struct msg_request *r, enum msg_param p, double *out)
{
	return str_present(r->param[p]) &&
	       num_parse_double(r->param[p], out) == ERR_OK;
}

bool
msg_param_true(const struct msg_request *r, enum msg_param p)
{
	return str_eq(r->param[p], STR("true"));
}

int64_t
msg_max_tokens(const struct msg_request *r, int64_t otherwise)
{
	int64_t n;

	if (msg_param_i64(r, MSG_P_MAX_COMPLETION_TOKENS, &n) && n >= 0)
		return n;
	if (msg_param_i64(r, MSG_P_MAX_TOKENS, &n) && n >= 0)
		return n;
	return otherwise;
}
