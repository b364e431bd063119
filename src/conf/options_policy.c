/* The rows of `policies:`. */
#include "conf/opt.h"
#include "conf/values.h"

#define IN(s, f) .offset = offsetof(struct s, f)
#define LIST(s, f)                       \
	.offset = offsetof(struct s, f), \
	.count_offset = offsetof(struct s, n_##f)
#define GLOBS(f, what)                                            \
	{                                                         \
#f, OPT_STRS, LIST(conf_policy_for, f),           \
		    .max = 1000, .form = "names, * for any part", \
		    .example = "*", .doc = what                   \
	}

static const struct opt for_rows[] = {
	GLOBS(models, "Names of models that are asked for."),
	GLOBS(tags, "Tags of the model that is asked for."),
	GLOBS(keys, "Names of keys."),
	GLOBS(tenants, "Tenants."),
	GLOBS(teams, "Teams of the user or of the key."),
	GLOBS(users, "Users."),
	GLOBS(roles, "Roles of the user."),
	{ .name = NULL },
};
static const struct opt_table for_table = {
	.what = "scope",
	.rows = for_rows,
};

static const struct opt_word mode_words[] = {
	{ "enforce", CONF_POLICY_ENFORCE, "refuse what breaks it" },
	{ "shadow", CONF_POLICY_SHADOW,
	    "refuse nothing, only count and log it" },
	{ NULL, 0, NULL },
};

static const struct opt_word output_words[] = {
	{ "refuse", CONF_OUTPUT_REFUSE, "refuse requests that ask for more" },
	{ "clamp", CONF_OUTPUT_CLAMP,
	    "lower it, and say so in x-llmgw-dropped" },
	{ NULL, 0, NULL },
};

static const struct opt_word deny_words[] = {
	{ "images", CONF_DENY_IMAGES, "images in messages" },
	{ "audio", CONF_DENY_AUDIO, "audio in messages and in the answer" },
	{ "files", CONF_DENY_FILES, "files in messages" },
	{ "video", CONF_DENY_VIDEO, "video in messages" },
	{ "tools", CONF_DENY_TOOLS, "tools, functions and web_search_options" },
	{ "response_format", CONF_DENY_RESPONSE_FORMAT,
	    "any response_format but text" },
	{ "logprobs", CONF_DENY_LOGPROBS, "log probabilities" },
	{ "stream", CONF_DENY_STREAM, "streaming" },
	{ NULL, 0, NULL },
};

static const struct opt rows[] = {
	{ "name", OPT_STR, .flags = OPT_REQUIRED, IN(conf_policy, name),
	    .max = 128, .form = "letters, digits and ._@:-",
	    .example = "no-images", .pattern = "^[A-Za-z0-9][A-Za-z0-9._@:-]*$",
	    .doc = "What refusals, logs and counters call it." },
	{ "for", OPT_TABLE, IN(conf_policy, scope), .sub = &for_table,
	    .doc = "Whom it is for: one entry of each list must match; a "
		   "list that is absent matches all." },
	{ "mode", OPT_WORD, IN(conf_policy, mode), .dflt = "enforce",
	    .words = mode_words, .doc = "What it does." },
	{ "disabled", OPT_STR, IN(conf_policy, disabled), .max = 512,
	    .example = "Ask for chat-2 instead.",
	    .doc = "No request is allowed at all; the text tells clients "
		   "what to do." },
	{ "require_client_id", OPT_BOOL, IN(conf_policy, require_client_id),
	    .dflt = "false",
	    .doc = "Requests must have a client_id that is not empty: a member "
		   "of the body, on both surfaces; no provider gets it." },
	{ "require_metadata", OPT_STRS, LIST(conf_policy, require_metadata),
	    .max = 64, .example = "cost_centre",
	    .doc = "Members that metadata must have, none of them null or "
		   "an empty text." },
	{ "max_prompt_tokens", OPT_I64, IN(conf_policy, max_prompt_tokens),
	    .min = 1, .max = INT64_C(1000000000), .example = "8000",
	    .doc = "Tokens of messages and tools, as the gateway estimates "
		   "them." },
	{ "max_prompt", OPT_SIZE, IN(conf_policy, max_prompt), .min = 1,
	    .max = INT64_C(1) << 30, .example = "256KiB",
	    .doc = "Bytes of messages and tools, as they are sent." },
	{ "max_output_tokens", OPT_I64, IN(conf_policy, max_output_tokens),
	    .min = 1, .max = 100000000, .example = "1000",
	    .doc = "Most tokens of an answer; a request that names no "
		   "maximum gets this one." },
	{ "on_output", OPT_WORD, IN(conf_policy, on_output), .dflt = "refuse",
	    .words = output_words,
	    .doc = "What to do when more than max_output_tokens is asked "
		   "for." },
	{ "deny", OPT_WORDS, IN(conf_policy, deny), .words = deny_words,
	    .example = "images, tools",
	    .doc = "What requests may not have. Content of a sort that the "
		   "gateway does not know is refused with images, audio, "
		   "files and video." },
	{ "deny_parameters", OPT_STRS, LIST(conf_policy, deny_parameters),
	    .max = 256, .form = "names, * for any part", .example = "*_penalty",
	    .doc = "Members of the request that may not be given." },
	{ "allow_parameters", OPT_STRS, LIST(conf_policy, allow_parameters),
	    .max = 256, .form = "names, * for any part",
	    .example = "temperature, max_tokens",
	    .doc = "The only members that may be given, beside model, "
		   "messages, stream, stream_options, client_id and "
		   "metadata." },
	{ "max_n", OPT_I64, IN(conf_policy, max_n), .min = 1, .max = 128,
	    .example = "1", .doc = "Most answers to one request (n)." },
	{ "hours", OPT_CUSTOM, IN(conf_policy, hours), .read = value_read_hours,
	    .form = "[DAY[-DAY]] HH:MM-HH:MM, ...",
	    .pattern = "^[A-Za-z0-9:, -]+$", .example = "mon-fri 08:00-18:00",
	    .doc = "The only hours at which requests are allowed." },
	{ "timezone", OPT_STR, IN(conf_policy, timezone), .dflt = "UTC",
	    .max = 64, .check = value_check_zone, .form = "AREA/CITY",
	    .example = "Europe/Berlin",
	    .doc = "Whose clock hours are told by." },
	{ "residency", OPT_STRS, LIST(conf_policy, residency), .max = 16,
	    .example = "eu",
	    .doc = "Only targets with one of these tags, their own or the "
		   "provider's, may get the request." },
	{ .name = NULL },
};

const struct opt_table conf_policy_table = {
	.what = "policy",
	.size = sizeof(struct conf_policy),
	.index_offset = offsetof(struct conf_policy, index),
	.rows = rows,
	.done = value_done_policy,
};
