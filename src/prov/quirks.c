#include "prov/quirks.h"

#include <stddef.h>

#include "prov/kinds.h"

#define TUNING PROV_LOSS_TUNING
#define CONTRACT PROV_LOSS_CONTRACT
#define END                              \
	{                                \
		NULL, NULL, TUNING, NULL \
	}

/* Where no legacy form and no opaque blocks of other makers are understood. */
#define PLAIN (PROV_Q_NO_THINKING | PROV_Q_NO_CACHE)

/* Members of other makers that OpenAI answers with 400. */
static const struct prov_quirk_field openai_fields[] = {
	{ "top_k", NULL, TUNING, NULL },
	{ "thinking", NULL, TUNING, NULL },
	{ "reasoning", NULL, TUNING, NULL },
	{ "cache_control", NULL, TUNING, NULL },
	END,
};

const struct prov_quirk_field prov_quirk_openai_reasoning[] = {
	{ "temperature", NULL, TUNING, "1" },
	{ "top_p", NULL, TUNING, "1" },
	{ "presence_penalty", NULL, TUNING, "0" },
	{ "frequency_penalty", NULL, TUNING, "0" },
	{ "logit_bias", NULL, TUNING, "{}" },
	{ "logprobs", NULL, CONTRACT, "false" },
	{ "top_logprobs", NULL, CONTRACT, "0" },
	{ "stop", NULL, CONTRACT, "[]" },
	END,
};

const struct prov_quirk_field prov_quirk_xai_reasoning[] = {
	{ "presence_penalty", NULL, TUNING, "0" },
	{ "frequency_penalty", NULL, TUNING, "0" },
	{ "stop", NULL, CONTRACT, "[]" },
	END,
};

static const struct prov_quirk_field groq_fields[] = {
	{ "logprobs", NULL, CONTRACT, "false" },
	{ "top_logprobs", NULL, CONTRACT, "0" },
	{ "logit_bias", NULL, TUNING, "{}" },
	{ "n", NULL, CONTRACT, "1" },
	{ "top_k", NULL, TUNING, NULL },
	{ "thinking", NULL, TUNING, NULL },
	{ "reasoning", NULL, TUNING, NULL },
	END,
};

static const struct prov_quirk_field mistral_fields[] = {
	{ "seed", "random_seed", TUNING, NULL },
	{ "logprobs", NULL, CONTRACT, "false" },
	{ "top_logprobs", NULL, CONTRACT, "0" },
	{ "modalities", NULL, CONTRACT, "[\"text\"]" },
	{ "audio", NULL, CONTRACT, NULL },
	{ "web_search_options", NULL, CONTRACT, NULL },
	END,
};

static const char *const mistral_known[] = {
	"temperature",
	"top_p",
	"max_tokens",
	"stop",
	"random_seed",
	"metadata",
	"response_format",
	"tools",
	"tool_choice",
	"presence_penalty",
	"frequency_penalty",
	"n",
	"prediction",
	"parallel_tool_calls",
	"prompt_mode",
	"reasoning_effort",
	"safe_prompt",
	"guardrails",
	"service_tier",
	"prompt_cache_key",
	NULL,
};

static const char *const mistral_message[] = {
	"role",
	"content",
	"tool_calls",
	"tool_call_id",
	"prefix",
	NULL,
};

/* It ignores them, which the client should know. */
static const struct prov_quirk_field ollama_fields[] = {
	{ "tool_choice", NULL, CONTRACT, "\"auto\"" },
	{ "logit_bias", NULL, TUNING, "{}" },
	{ "user", NULL, TUNING, NULL },
	{ "n", NULL, CONTRACT, "1" },
	END,
};

static const struct prov_quirk_field perplexity_fields[] = {
	{ "tools", NULL, CONTRACT, "[]" },
	{ "tool_choice", NULL, TUNING, NULL },
	{ "parallel_tool_calls", NULL, TUNING, NULL },
	END,
};

static const struct prov_quirk_field cerebras_fields[] = {
	{ "presence_penalty", NULL, TUNING, "0" },
	{ "frequency_penalty", NULL, TUNING, "0" },
	{ "logit_bias", NULL, TUNING, "{}" },
	END,
};

/*
 * Whom to ask, with whose account and for how much is the alias's matter, with
 * its grants, limits, prices and residency. Servers that speak this dialect
 * take members by which a client would choose: these pass to none of them,
 * since who stands behind an openai-compatible address may change. '*' at the
 * end: any rest.
 */
static const struct prov_quirk_field steering[] = {
	/* another model, or another maker of it: OpenRouter, Vercel */
	{ "models", NULL, CONTRACT, "[]" },
	{ "route", NULL, CONTRACT, NULL },
	{ "preset", NULL, CONTRACT, NULL },
	{ "provider", NULL, CONTRACT, "{}" },
	{ "providerOptions", NULL, CONTRACT, "{}" },
	{ "provider_options", NULL, CONTRACT, "{}" },
	/* LiteLLM */
	{ "model_list", NULL, CONTRACT, "[]" },
	{ "model_info", NULL, CONTRACT, "{}" },
	{ "deployment_id", NULL, CONTRACT, NULL },
	{ "custom_llm_provider", NULL, CONTRACT, NULL },
	{ "fallbacks", NULL, CONTRACT, "[]" },
	{ "context_window_fallback*", NULL, CONTRACT, NULL },
	{ "content_policy_fallback*", NULL, CONTRACT, NULL },
	{ "default_fallbacks", NULL, CONTRACT, "[]" },
	{ "mock_*", NULL, CONTRACT, NULL },
	{ "tags", NULL, CONTRACT, "[]" },
	/* Groq's compound, Together, LM Studio; adapters are models as well */
	{ "compound_custom", NULL, CONTRACT, "{}" },
	{ "safety_model", NULL, CONTRACT, NULL },
	{ "draft_model", NULL, CONTRACT, NULL },
	{ "lora*", NULL, CONTRACT, "[]" },
	{ "adapter_id", NULL, CONTRACT, NULL },
	{ "model_item", NULL, CONTRACT, "{}" },
	/* another account, or another address (LiteLLM and what follows it) */
	{ "api_*", NULL, CONTRACT, NULL },
	{ "base_url", NULL, CONTRACT, NULL },
	{ "organization", NULL, CONTRACT, NULL },
	{ "user_config", NULL, CONTRACT, "{}" },
	{ "litellm_*", NULL, CONTRACT, NULL },
	{ "aws_*", NULL, CONTRACT, NULL },
	{ "azure_*", NULL, CONTRACT, NULL },
	{ "vertex_*", NULL, CONTRACT, NULL },
	{ "region_name", NULL, CONTRACT, NULL },
	{ "langfuse_*", NULL, CONTRACT, NULL },
	{ "headers", NULL, CONTRACT, "{}" },
	{ "extra_headers", NULL, CONTRACT, "{}" },
	{ "extra_query", NULL, CONTRACT, "{}" },
	/* any of these, one level down */
	{ "extra_body", NULL, CONTRACT, "{}" },
	/* addresses that the server itself would open: Azure, vLLM, SGLang */
	{ "data_sources", NULL, CONTRACT, "[]" },
	{ "dataSources", NULL, CONTRACT, "[]" },
	{ "kv_transfer_params", NULL, CONTRACT, "{}" },
	{ "ec_transfer_params", NULL, CONTRACT, "{}" },
	{ "bootstrap_*", NULL, CONTRACT, NULL },
	{ "tool_servers", NULL, CONTRACT, "[]" },
	{ "mcp_servers", NULL, CONTRACT, "[]" },
	/* a program of the client's, run by the server: SGLang */
	{ "custom_logit_processor", NULL, CONTRACT, NULL },
	/* what is billed beside tokens, or where nobody books it */
	{ "plugins", NULL, CONTRACT, "[]" },
	{ "search_parameters", NULL, CONTRACT, "{}" },
	{ "enable_search", NULL, CONTRACT, "false" },
	{ "num_retries", NULL, CONTRACT, "0" },
	{ "deferred", NULL, CONTRACT, "false" },
	END,
};

static const struct prov_quirk_field none[] = { END };

static const struct prov_quirks rows[] = {
	{ "openai", "api.openai.com", "https://api.openai.com/v1", NULL,
	    PLAIN | PROV_Q_NO_REASONING | PROV_Q_NO_SIGNATURE | PROV_Q_LEGACY,
	    openai_fields, NULL, NULL },
	{ "azure", "azure.com", NULL, NULL,
	    PLAIN | PROV_Q_NO_REASONING | PROV_Q_NO_SIGNATURE | PROV_Q_LEGACY,
	    openai_fields, NULL, NULL },
	{ "groq", "api.groq.com", "https://api.groq.com/openai/v1", NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_NO_NAME |
		PROV_Q_REASONING_SHORT | PROV_Q_NO_SIGNATURE,
	    groq_fields, NULL, NULL },
	{ "deepseek", "api.deepseek.com", "https://api.deepseek.com", NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS |
		PROV_Q_REASONING_EMPTY,
	    none, NULL, NULL },
	{ "xai", "api.x.ai", "https://api.x.ai/v1", NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER, none, NULL, NULL },
	{ "openrouter", "openrouter.ai", "https://openrouter.ai/api/v1", NULL,
	    0, none, NULL, NULL },
	{ "together", "api.together.xyz", "https://api.together.xyz/v1", NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS |
		PROV_Q_LOGPROBS_NUMBER,
	    none, NULL, NULL },
	{ "together", "api.together.ai", "https://api.together.ai/v1", NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS |
		PROV_Q_LOGPROBS_NUMBER,
	    none, NULL, NULL },
	{ "mistral", "api.mistral.ai", "https://api.mistral.ai/v1", NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_NO_NAME | PROV_Q_NO_REASONING |
		PROV_Q_NO_SIGNATURE | PROV_Q_ID9 | PROV_Q_TURN_AFTER_TOOL |
		PROV_Q_NO_STREAM_OPTIONS | PROV_Q_STRICT | PROV_Q_MAX_TOKENS,
	    mistral_fields, mistral_known, mistral_message },
	{ "huggingface", "huggingface.co", "https://router.huggingface.co/v1",
	    NULL, PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS, none, NULL,
	    NULL },
	{ "huggingface", "endpoints.huggingface.cloud", NULL, NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS, none, NULL, NULL },
	{ "vllm", NULL, NULL, NULL, PROV_Q_NO_DEVELOPER | PROV_Q_INSIDE, none,
	    NULL, NULL },
	{ "llamacpp", NULL, NULL, NULL,
	    PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS | PROV_Q_INSIDE, none, NULL,
	    NULL },
	{ "lmstudio", "localhost:1234", NULL, NULL,
	    PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS | PROV_Q_INSIDE, none, NULL,
	    NULL },
	{ "ollama", "localhost:11434", NULL, NULL,
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS |
		PROV_Q_REASONING_SHORT | PROV_Q_INSIDE,
	    ollama_fields, NULL, NULL },
	{ "perplexity", "api.perplexity.ai", "https://api.perplexity.ai",
	    "/chat/completions",
	    PLAIN | PROV_Q_NO_DEVELOPER | PROV_Q_MAX_TOKENS, perplexity_fields,
	    NULL, NULL },
	{ "cerebras", "api.cerebras.ai", "https://api.cerebras.ai/v1", NULL,
	    PLAIN | PROV_Q_NO_REASONING | PROV_Q_NO_SIGNATURE, cerebras_fields,
	    NULL, NULL },
	/* last: whoever else; members that steer nothing go through */
	{ "generic", NULL, NULL, NULL, 0, none, NULL, NULL },
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))

const struct prov_quirks *
prov_quirks_find(struct str vendor)
{
	for (size_t i = 0; i < N_ROWS && vendor.n > 0; i++) {
		if (str_eqz(vendor, rows[i].vendor))
			return &rows[i];
	}
	return NULL;
}

bool
prov_vendor_known(struct str vendor)
{
	return prov_quirks_find(vendor) != NULL;
}

/* "HOST[:PORT]" of a URL, as it stands. */
static struct str
authority(struct str url)
{
	size_t at = str_find(url, STR("://"));

	if (at == SIZE_MAX)
		return str_of("", 0);
	url = str_skip(url, at + 3);
	url.n = str_chr(url, '/');
	return url;
}

/* suffix begins at the host's beginning or behind a dot. */
static bool
is_host(struct str host, struct str suffix)
{
	size_t rest;

	if (host.n < suffix.n || suffix.n == 0 ||
	    (host.p[host.n - 1] | 0x20) != suffix.p[suffix.n - 1])
		return false;
	rest = host.n - suffix.n;
	return str_case_eq(str_skip(host, rest), suffix) &&
	       (rest == 0 || host.p[rest - 1] == '.');
}

const struct prov_quirks *
prov_quirks_of(const struct prov_target *t)
{
	const struct prov_quirks *q = prov_quirks_find(t->vendor);
	struct str host = authority(t->base_url);
	struct str bare = host;

	if (q != NULL)
		return q;
	bare.n = str_chr(host, ':');
	for (size_t i = 0; i < N_ROWS; i++) {
		struct str suffix = str_z(rows[i].host);

		if (suffix.n != 0 &&
		    (is_host(host, suffix) || is_host(bare, suffix)))
			return &rows[i];
	}
	return &rows[N_ROWS - 1];
}

const struct prov_quirk_field *
prov_quirk_field(const struct prov_quirk_field *fields, struct str name)
{
	for (; fields->name != NULL; fields++) {
		if (str_eqz(name, fields->name))
			return fields;
	}
	return NULL;
}

const struct prov_quirk_field *
prov_quirk_steers(struct str name)
{
	const struct prov_quirk_field *f = steering;

	for (; name.n > 0 && f->name != NULL; f++) {
		if (name.p[0] == f->name[0] && str_glob(str_z(f->name), name))
			return f;
	}
	return NULL;
}

bool
prov_quirk_knows(const char *const *known, struct str name)
{
	for (; *known != NULL; known++) {
		if (str_eqz(name, *known))
			return true;
	}
	return false;
}

/* Makers without peculiarities, but with a price list. */
static const struct {
	const char *maker, *host;
} makers[] = {
	{ "anthropic", "api.anthropic.com" },
	{ "cohere", "api.cohere.ai" },
	{ "cohere", "api.cohere.com" },
	{ "deepinfra", "api.deepinfra.com" },
	{ "fireworks", "api.fireworks.ai" },
	{ "gemini", "generativelanguage.googleapis.com" },
	{ "moonshot", "api.moonshot.ai" },
	{ "moonshot", "api.moonshot.cn" },
	{ "qwen", "dashscope-intl.aliyuncs.com" },
	{ "qwen", "dashscope.aliyuncs.com" },
	{ "zai", "api.z.ai" },
};

const char *
prov_price_as(struct str kind, struct str vendor, struct str base_url)
{
	const struct prov_target t = { .vendor = vendor, .base_url = base_url };
	const struct prov_kind *k = prov_kind_find(kind);
	const struct prov_quirks *q = prov_quirks_of(&t);
	struct str host = authority(base_url);

	if (k != &prov_kind_compatible)
		return k != NULL ? k->name : "generic";
	host.n = str_chr(host, ':');
	for (size_t i = 0;
	     vendor.n == 0 && i < sizeof(makers) / sizeof(*makers); i++) {
		if (is_host(host, str_z(makers[i].host)))
			return makers[i].maker;
	}
	/* nobody's that is known: the word that its owner wrote */
	return str_eqz(str_z(q->vendor), "generic") ? k->name : q->vendor;
}

/* Models that do not reason, or not by command. A '*' is any run. */
static const struct {
	const char *vendor;
	const char *family;
} no_effort[] = {
	{ "openai", "gpt-3*" },
	{ "openai", "gpt-4*" },
	{ "openai", "gpt-5-chat*" },
	{ "openai", "chatgpt*" },
	{ "azure", "gpt-3*" },
	{ "azure", "gpt-4*" },
	{ "azure", "gpt-5-chat*" },
	/* grok-3-mini and grok-4.3 onwards take it */
	{ "xai", "grok-2*" },
	{ "xai", "grok-3" },
	{ "xai", "grok-3-fast*" },
	{ "xai", "grok-4" },
	{ "xai", "grok-4-*" },
	{ "xai", "grok-4.1*" },
	{ "xai", "grok-4.20*" },
	{ "xai", "grok-build*" },
	{ "xai", "grok-code*" },
};

bool
prov_quirk_has_effort(const struct prov_quirks *q, struct str family)
{
	for (size_t i = 0; i < sizeof(no_effort) / sizeof(*no_effort); i++) {
		if (str_eqz(str_z(q->vendor), no_effort[i].vendor) &&
		    str_glob(str_z(no_effort[i].family), family))
			return false;
	}
	return true;
}
