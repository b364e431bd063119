/* Options of providers, and of the models whose targets they are. */
#include "conf/options_target.h"

#include "conf/options_price.h"
#include "conf/values.h"

#define SEC USEC_PER_SEC
#define MIN (60 * SEC)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)

#define IN(s, f) .offset = offsetof(struct s, f)
#define LIST(s, f)                       \
	.offset = offsetof(struct s, f), \
	.count_offset = offsetof(struct s, n_##f)

/* ---- time-outs ----------------------------------------------------------- */

#define TIMEOUT_ROWS(connect_d, first_d, idle_d, total_d)                      \
	{ "connect", OPT_DURATION, IN(conf_timeouts, connect),                 \
		.dflt = connect_d, .min = 10 * USEC_PER_MSEC, .max = 5 * MIN,  \
		.example = "5s",                                               \
		.doc = "Until the connection stands, TLS included." },         \
	    { "first_byte", OPT_DURATION, IN(conf_timeouts, first_byte),       \
		    .dflt = first_d, .min = 10 * USEC_PER_MSEC, .max = HOUR,   \
		    .example = "60s",                                          \
		    .doc =                                                     \
			"From the request to the first byte of the answer." }, \
	    { "idle", OPT_DURATION, IN(conf_timeouts, idle), .dflt = idle_d,   \
		    .min = 10 * USEC_PER_MSEC, .max = HOUR, .example = "60s",  \
		    .doc = "Between two pieces of an answer." },               \
	{                                                                      \
		"total", OPT_DURATION, IN(conf_timeouts, total),               \
		    .dflt = total_d, .min = 10 * USEC_PER_MSEC, .max = DAY,    \
		    .example = "600s",                                         \
		    .doc = "For the whole request, retries included."          \
	}

static const struct opt timeout_rows[] = {
	TIMEOUT_ROWS("5s", "60s", "60s", "600s"),
	{ .name = NULL },
};
static const struct opt_table timeout_table = {
	.what = "time-out",
	.size = sizeof(struct conf_timeouts),
	.rows = timeout_rows,
};

static const struct opt model_timeout_rows[] = {
	TIMEOUT_ROWS(NULL, NULL, NULL, NULL),
	{ .name = NULL },
};
static const struct opt_table model_timeout_table = {
	.what = "time-out",
	.size = sizeof(struct conf_timeouts),
	.rows = model_timeout_rows,
};

/* ---- providers ----------------------------------------------------------- */

static const struct opt_word unsupported_words[] = {
	{ "tuning", 0, "drop what only tunes the answer, refuse the rest" },
	{ "drop", 1, "drop all of it" },
	{ "refuse", 2, "refuse the request" },
	{ NULL, 0, NULL },
};

#define KEY_FORM "env:NAME, file:/PATH or sealed:NAME"
#define KEY_PATTERN                              \
	"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+|" \
	"sealed:[A-Za-z0-9._-]+)$"

static const struct opt provider_key_rows[] = {
	{ "key", OPT_CUSTOM, .flags = OPT_REQUIRED | OPT_SECRET,
	    IN(conf_provider_key, key), .read = value_read_provider_key,
	    .form = KEY_FORM, .pattern = KEY_PATTERN,
	    .example = "sealed:openai-1", .doc = "The key by reference." },
	{ "weight", OPT_U32, IN(conf_provider_key, weight), .dflt = "1",
	    .min = 0, .max = 1000000,
	    .doc = "Its share of the requests; 0: only when all others are "
		   "out." },
	{ "name", OPT_STR, IN(conf_provider_key, name), .max = 64,
	    .check = value_check_key_name, .example = "team-a",
	    .doc = "What logs, health and metrics call it; default: the name "
		   "in the reference." },
	{ .name = NULL },
};
static const struct opt_table provider_key_table = {
	.what = "provider's key",
	.size = sizeof(struct conf_provider_key),
	.index_offset = SIZE_MAX,
	.rows = provider_key_rows,
	.read_short = value_read_short_key,
	.short_form = KEY_FORM,
	.short_pattern = KEY_PATTERN,
	.sample_list = "[ { key: env:OPENAI_KEY_A, weight: 2, name: a }, "
		       "{ key: sealed:openai-1 } ]",
};

static const struct opt provider_rows[] = {
	{ "kind", OPT_STR, .flags = OPT_REQUIRED | OPT_LIVE,
	    IN(conf_provider, kind), .max = 64, .check = value_check_kind,
	    .example = "openai",
	    .doc = "Which interface the provider speaks." },
	{ "vendor", OPT_STR, IN(conf_provider, vendor), .max = 64,
	    .check = value_check_vendor, .example = "groq",
	    .doc = "openai-compatible: whose peculiarities it has; default: "
		   "told by the host of base_url." },
	{ "price_as", OPT_STR, IN(conf_provider, price_as),
	    .max = PRICE_PROVIDER_MAX, .example = "groq",
	    .doc = "Whose prices its models have; default: the vendor, told "
		   "by the host where it is not given, or the kind." },
	{ "base_url", OPT_STR, .flags = OPT_LIVE, IN(conf_provider, base_url),
	    .max = 2048, .check = value_check_base_url,
	    .form = "http[s]://HOST[:PORT]/PATH", .pattern = "^https?://[^/]+",
	    .example = "https://api.openai.com/v1",
	    .doc = "Where it is; default: the maker's own address." },
	{ "api_version", OPT_STR, IN(conf_provider, api_version), .max = 64,
	    .example = "2024-10-21",
	    .doc = "Version of the interface, for kinds that want one "
		   "(azure, anthropic)." },
	{ "api_key", OPT_CUSTOM, .flags = OPT_SECRET | OPT_LIVE,
	    IN(conf_provider, api_key), .read = value_read_provider_key,
	    .form = KEY_FORM, .pattern = KEY_PATTERN,
	    .example = "env:OPENAI_API_KEY",
	    .doc = "The provider's key by reference; absent: none is sent." },
	{ "api_keys", OPT_TABLES, LIST(conf_provider, keys),
	    .max = CONF_PROVIDER_KEYS_MAX - 1, .sub = &provider_key_table,
	    .doc = "Further keys, with api_key one list. One that the provider "
		   "refuses (401, 402, 403) is left alone, one that it slows "
		   "(429) comes last; a request goes on with the next." },
	{ "headers", OPT_PAIRS, LIST(conf_provider, headers), .max = 64,
	    .check = value_check_header,
	    .example = "OpenAI-Organization: org-1",
	    .doc = "Headers that every call to it carries." },
	{ "limits", OPT_TABLES, LIST(conf_provider, limits), .max = 16,
	    .sub = &opt_limit_table,
	    .doc = "What may be asked of it; beyond that another target is "
		   "taken, or 429 answered." },
	{ "timeouts", OPT_TABLE, IN(conf_provider, timeouts),
	    .sub = &timeout_table, .doc = "When to give a call up." },
	{ "streaming", OPT_BOOL, IN(conf_provider, streaming), .dflt = "true",
	    .doc = "false: it is never asked to stream; its answers are "
		   "streamed out by the gateway." },
	{ "allow_private", OPT_BOOL, IN(conf_provider, allow_private),
	    .dflt = "false",
	    .doc = "It may be at a loopback or private address, and spoken "
		   "to by plain http." },
	{ "http2", OPT_BOOL, IN(conf_provider, http2), .dflt = "true",
	    .doc = "Offer it HTTP/2." },
	{ "ca_file", OPT_CUSTOM, IN(conf_provider, ca_file),
	    .read = value_read_path, .check = value_check_readable,
	    .form = "/PATH", .pattern = "^/", .example = "/etc/llmgw/ca.pem",
	    .doc = "Certificates that may vouch for it; default: the "
		   "system's." },
	{ "on_unsupported", OPT_WORD, IN(conf_provider, on_unsupported),
	    .dflt = "tuning", .words = unsupported_words,
	    .doc = "What to do with fields of a request that it cannot "
		   "express; what is dropped is named in "
		   "x-llmgw-dropped." },
	{ "tags", OPT_STRS, LIST(conf_provider, tags), .max = 64,
	    .example = "eu",
	    .doc = "Words of your own about where it works; residency of "
		   "policies asks for them." },
	{ .name = NULL },
};
const struct opt_table opt_provider_table = {
	.what = "provider",
	.size = sizeof(struct conf_provider),
	.name_offset = offsetof(struct conf_provider, name),
	.index_offset = offsetof(struct conf_provider, index),
	.rows = provider_rows,
	.done = value_done_provider,
	.bad_name = value_bad_provider_name,
	.sample_name = "openai-main",
};

/* ---- models -------------------------------------------------------------- */

static const struct opt_word strategy_words[] = {
	{ "weighted", CONF_WEIGHTED, "at random by weight" },
	{ "round_robin", CONF_ROUND_ROBIN, "one after the other" },
	{ "first", CONF_FIRST, "always the first that works" },
	{ NULL, 0, NULL },
};

static const struct opt_word fallback_words[] = {
	{ "unavailable", CONF_FB_UNAVAILABLE,
	    "no connection, a cut connection, 5xx, overloaded" },
	{ "rate_limit", CONF_FB_RATE_LIMIT, "429" },
	{ "timeout", CONF_FB_TIMEOUT, "a time-out" },
	{ "context_length", CONF_FB_CONTEXT_LENGTH,
	    "the prompt is too long: to targets with a larger "
	    "context_window" },
	{ "content_policy", CONF_FB_CONTENT_POLICY,
	    "the provider refused the content" },
	{ "auth", CONF_FB_AUTH, "the provider refused our key" },
	{ "quota", CONF_FB_QUOTA, "our account there is out of money" },
	{ "model_not_found", CONF_FB_MODEL_NOT_FOUND,
	    "the provider does not know the model" },
	{ "invalid", CONF_FB_INVALID, "it found the request invalid" },
	{ NULL, 0, NULL },
};

static const struct opt target_rows[] = {
	{ "provider", OPT_CUSTOM, .flags = OPT_REQUIRED | OPT_LIVE,
	    IN(conf_target, provider), .read = value_read_provider,
	    .form = "a name of providers", .example = "openai-main",
	    .doc = "Which provider." },
	{ "model", OPT_STR, .flags = OPT_REQUIRED | OPT_LIVE,
	    IN(conf_target, model), .max = 512, .example = "gpt-4o-mini",
	    .doc = "What the provider calls the model." },
	{ "family", OPT_STR, IN(conf_target, family), .max = 128,
	    .example = "gpt-4o",
	    .doc = "The maker's name of the model where \"model\" hides it "
		   "(an Azure deployment)." },
	{ "priority", OPT_U32, IN(conf_target, priority), .dflt = "1", .min = 1,
	    .max = 1000,
	    .doc = "1 is tried first; the next when all before failed." },
	{ "weight", OPT_U32, IN(conf_target, weight), .dflt = "1", .min = 0,
	    .max = 1000000,
	    .doc = "Share within one priority; 0: only when all others are "
		   "out." },
	{ "max_output_tokens", OPT_I64, IN(conf_target, max_output_tokens),
	    .min = 1, .max = 100000000, .example = "4096",
	    .doc = "Sent when the client gives no limit and the maker "
		   "demands one; default: the kind's own." },
	{ "context_window", OPT_I64, IN(conf_target, context_window), .min = 1,
	    .max = INT64_C(1000000000), .example = "128000",
	    .doc = "Tokens that fit; for fall-back after context_length." },
	{ "tags", OPT_STRS, LIST(conf_target, tags), .max = 64, .example = "eu",
	    .doc = "As the provider's, for this target alone; both count." },
	{ "price", OPT_TABLE, .sub = &opt_target_price_table,
	    .doc = "What it costs here, in dollars; default: by the price "
		   "lists." },
	{ .name = NULL },
};
static const struct opt_table target_table = {
	.what = "target",
	.size = sizeof(struct conf_target),
	.index_offset = SIZE_MAX,
	.rows = target_rows,
	.read_short = value_read_target,
	.short_form = "PROVIDER/MODEL",
	.short_pattern = "^[^/]+/.+$",
};

static const struct opt retry_rows[] = {
	{ "attempts", OPT_U32, IN(conf_model, retry_attempts), .dflt = "2",
	    .min = 0, .max = 10, .doc = "Further tries of one target." },
	{ "backoff", OPT_DURATION, IN(conf_model, retry_backoff),
	    .dflt = "250ms", .min = 0, .max = MIN,
	    .doc = "The first pause; it doubles, with jitter. Retry-After "
		   "counts when a provider sends it." },
	{ "max_backoff", OPT_DURATION, IN(conf_model, retry_backoff_max),
	    .dflt = "8s", .min = 0, .max = 10 * MIN,
	    .doc = "The longest pause." },
	{ .name = NULL },
};
static const struct opt_table retry_table = {
	.what = "retry",
	.rows = retry_rows,
};

static const struct opt_word cache_scope_words[] = {
	{ "key", CONF_CACHE_KEY, "an answer is for the key that asked" },
	{ .word = NULL },
};
static const struct opt cache_rows[] = {
	{ "ttl", OPT_DURATION, IN(conf_model, cache_ttl), .dflt = "0s",
	    .min = 0, .max = 31 * DAY, .doc = "How long an answer is good." },
	{ "scope", OPT_WORD, IN(conf_model, cache_scope), .dflt = "key",
	    .words = cache_scope_words, .doc = "Who may get it again." },
	{ .name = NULL },
};
static const struct opt_table cache_table = {
	.what = "cache",
	.rows = cache_rows,
};

static const struct opt model_rows[] = {
	{ "tags", OPT_STRS, LIST(conf_model, tags), .max = 64,
	    .example = "chat, fast, eu",
	    .doc = "Words of your own, shown in the list of models." },
	{ "strategy", OPT_WORD, IN(conf_model, strategy), .dflt = "weighted",
	    .words = strategy_words,
	    .doc = "How to choose among targets of one priority." },
	{ "targets", OPT_TABLES, .flags = OPT_REQUIRED | OPT_LIVE,
	    LIST(conf_model, targets), .min = 1, .max = 64,
	    .sub = &target_table, .doc = "Where requests may go." },
	{ "retry", OPT_TABLE, .sub = &retry_table, .doc = "Trying again." },
	{ "fallback_on", OPT_WORDS, IN(conf_model, fallback_on),
	    .dflt = "unavailable, rate_limit, timeout, auth, quota",
	    .words = fallback_words,
	    .doc = "Failures after which the next target is tried." },
	{ "timeouts", OPT_TABLE, IN(conf_model, timeouts),
	    .sub = &model_timeout_table,
	    .doc = "In place of the provider's, each where given." },
	{ "cache", OPT_TABLE, .sub = &cache_table,
	    .doc = "Keeping answers. Not used by this version." },
	{ .name = NULL },
};
const struct opt_table opt_model_table = {
	.what = "model",
	.size = sizeof(struct conf_model),
	.name_offset = offsetof(struct conf_model, name),
	.index_offset = offsetof(struct conf_model, index),
	.rows = model_rows,
	.read_short = value_read_model,
	.short_form = "PROVIDER/MODEL",
	.short_pattern = "^[^/]+/.+$",
	.done = value_done_model,
	.bad_name = value_bad_model_name,
	.sample_name = "default-chat",
};
