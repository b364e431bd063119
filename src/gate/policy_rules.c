/* What a policy may say of a request, one function for each rule. */
#include "gate/policy_rules.h"

#include "base/utf8.h"

#define SHOWN 64u

bool
gate_policy_matches(const struct str *globs, uint32_t n, struct str name)
{
	if (n == 0)
		return true;
	if (name.n == 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (str_glob(globs[i], name))
			return true;
	return false;
}

bool
gate_policy_refuse(struct gate_policy_ask *a, enum msg_fail_class class,
    struct str param, const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	msg_fail_set(a->fail, class, "Policy '%.*s': %s",
	    STR_ARG(a->policy->name), text);
	a->fail->should_retry = 0;
	if (str_present(param))
		msg_fail_param(a->fail, param);
	return false;
}

static bool
forbid(struct gate_policy_ask *a, const char *member, const char *what)
{
	return gate_policy_refuse(
	    a, MSG_FAIL_POLICY, str_z(member), "%s not allowed here.", what);
}

static bool
may_be_used(struct gate_policy_ask *a)
{
	if (!str_present(a->policy->disabled))
		return true;
	return gate_policy_refuse(a, MSG_FAIL_POLICY, STR("model"),
	    "the model '%.*s' may not be used. %.*s",
	    STR_ARG(utf8_clip(a->model->name, SHOWN)),
	    STR_ARG(a->policy->disabled));
}

static bool
has_client_id(struct gate_policy_ask *a)
{
	if (!a->policy->require_client_id || a->msg->client_id.n > 0)
		return true;
	return gate_policy_refuse(a, MSG_FAIL_POLICY_FIELD, STR("client_id"),
	    "the request must have a client_id.");
}

static bool
is_filled(const struct json *j, json_ref v)
{
	enum json_type t = json_type(j, v);

	if (t == JSON_T_STRING)
		return json_inner(j, v).n > 0;
	return t != JSON_T_NONE && t != JSON_T_NULL;
}

/* The member by a name that is no C string. */
static json_ref
member(const struct json *j, json_ref object, struct str name, struct arena *a)
{
	json_each (j, object, key)
		if (str_eq(json_text(j, key, a), name))
			return json_value(j, key);
	return JSON_NONE;
}

static bool
has_metadata(struct gate_policy_ask *a)
{
	const struct conf_policy *p = a->policy;
	const struct json *j = &a->msg->json;
	json_ref all = json_get_set(j, 0, "metadata");

	for (uint32_t i = 0; i < p->n_require_metadata; i++) {
		struct str name = utf8_clip(p->require_metadata[i], SHOWN);
		char param[SHOWN + sizeof("metadata.")];

		if (is_filled(
			j, member(j, all, p->require_metadata[i], a->arena)))
			continue;
		(void)snprintf(
		    param, sizeof(param), "metadata.%.*s", STR_ARG(name));
		return gate_policy_refuse(a, MSG_FAIL_POLICY_FIELD,
		    str_z(param), "the request's metadata must have '%.*s'.",
		    STR_ARG(name));
	}
	return true;
}

static uint64_t
prompt_bytes(const struct msg_request *msg)
{
	uint64_t n = 0;

	for (const struct msg *m = msg->messages; m; m = m->next)
		n += m->raw.n;
	for (const struct msg_tool *t = msg->tools; t; t = t->next)
		n += t->raw.n;
	return n;
}

static bool
is_prompt_short(struct gate_policy_ask *a)
{
	const struct conf_policy *p = a->policy;
	uint64_t bytes = p->max_prompt > 0 ? prompt_bytes(a->msg) : 0;

	if (bytes > p->max_prompt)
		return gate_policy_refuse(a, MSG_FAIL_POLICY, STR("messages"),
		    "messages and tools have %llu bytes; %llu are allowed.",
		    (unsigned long long)bytes,
		    (unsigned long long)p->max_prompt);
	if (p->max_prompt_tokens == 0 ||
	    a->who->prompt_tokens <= p->max_prompt_tokens)
		return true;
	return gate_policy_refuse(a, MSG_FAIL_POLICY, STR("messages"),
	    "the prompt has about %lld tokens; %lld are allowed.",
	    (long long)a->who->prompt_tokens, (long long)p->max_prompt_tokens);
}

static bool
is_output_short(struct gate_policy_ask *a)
{
	const struct conf_policy *p = a->policy;
	struct gate_policy_result *r = a->result;
	int64_t asked = msg_max_tokens(a->msg, 0);
	bool is_new = str_present(a->msg->param[MSG_P_MAX_COMPLETION_TOKENS]);

	if (p->max_output_tokens == 0)
		return true;
	if (asked > p->max_output_tokens && p->on_output == CONF_OUTPUT_REFUSE)
		return gate_policy_refuse(a, MSG_FAIL_POLICY,
		    is_new ? STR("max_completion_tokens") : STR("max_tokens"),
		    "%lld tokens of answer are asked for; %lld are allowed.",
		    (long long)asked, (long long)p->max_output_tokens);
	/* 0 of a client's is "none"; the makers refuse it themselves */
	if (asked > 0 && asked <= p->max_output_tokens)
		return true;
	if (p->mode == CONF_POLICY_SHADOW)
		return asked == 0;
	if (r->max_output_tokens == 0 ||
	    r->max_output_tokens > p->max_output_tokens) {
		r->max_output_tokens = p->max_output_tokens;
		r->max_output_by = p->name;
		r->was_asked = asked > 0;
	}
	return true;
}

/* The parts of messages that a rule forbids, by sort. */
static const struct {
	enum msg_part_type type;
	unsigned deny; /* any of these bits */
	const char *what;
} part_rules[] = {
	{ MSG_PART_IMAGE, CONF_DENY_IMAGES, "images are" },
	{ MSG_PART_AUDIO, CONF_DENY_AUDIO, "audio is" },
	{ MSG_PART_FILE, CONF_DENY_FILES, "files are" },
	{ MSG_PART_VIDEO, CONF_DENY_VIDEO, "video is" },
	/* it may be any of them */
	{ MSG_PART_OTHER,
	    CONF_DENY_IMAGES | CONF_DENY_AUDIO | CONF_DENY_FILES |
		CONF_DENY_VIDEO,
	    "content of a sort that the gateway does not know is" },
};

static const char *
why_part_denied(unsigned deny, enum msg_part_type type)
{
	for (size_t i = 0; i < sizeof(part_rules) / sizeof(*part_rules); i++)
		if (part_rules[i].type == type && (part_rules[i].deny & deny))
			return part_rules[i].what;
	return NULL;
}

static bool
are_parts_allowed(struct gate_policy_ask *a)
{
	for (const struct msg *m = a->msg->messages; m; m = m->next) {
		uint32_t i = 0;

		for (const struct msg_part *p = m->parts; p; p = p->next) {
			const char *why =
			    why_part_denied(a->policy->deny, p->type);
			char param[64];

			(void)snprintf(param, sizeof(param),
			    "messages[%u].content[%u]", (unsigned)m->index,
			    (unsigned)i++);
			if (why)
				return forbid(a, param, why);
		}
	}
	return true;
}

/* What it says, not how: a letter may be written as \u0061. */
static bool
asks_for_audio(const struct msg_request *msg)
{
	const struct json *j = &msg->json;

	if (str_present(msg->param[MSG_P_AUDIO]))
		return true;
	json_each (j, json_get_set(j, 0, "modalities"), v)
		if (json_str_is(j, v, "audio"))
			return true;
	return false;
}

static bool
asks_for_logprobs(const struct msg_request *msg)
{
	struct str v = msg->param[MSG_P_LOGPROBS];

	return (str_present(v) && !str_eqz(v, "false") && !str_eqz(v, "0")) ||
	       str_present(msg->param[MSG_P_TOP_LOGPROBS]);
}

static bool
is_denied(struct gate_policy_ask *a, unsigned bit, bool is_asked)
{
	return (a->policy->deny & bit) != 0 && is_asked;
}

static bool
are_features_allowed(struct gate_policy_ask *a)
{
	const struct msg_request *m = a->msg;

	if (a->policy->deny == 0)
		return true;
	if (is_denied(a, CONF_DENY_TOOLS, m->n_tools > 0))
		return forbid(a, m->legacy_functions ? "functions" : "tools",
		    "tools are");
	/* a tool of the provider's own, by another name */
	if (is_denied(a, CONF_DENY_TOOLS,
		str_present(m->param[MSG_P_WEB_SEARCH_OPTIONS])))
		return forbid(a, "web_search_options", "tools are");
	if (is_denied(a, CONF_DENY_AUDIO, asks_for_audio(m)))
		return forbid(a, "modalities", "audio is");
	if (is_denied(a, CONF_DENY_RESPONSE_FORMAT,
		m->format != MSG_FORMAT_UNSET && m->format != MSG_FORMAT_TEXT))
		return forbid(a, "response_format", "response_format is");
	if (is_denied(a, CONF_DENY_LOGPROBS, asks_for_logprobs(m)))
		return forbid(a, "logprobs", "log probabilities are");
	if (is_denied(a, CONF_DENY_STREAM, m->stream))
		return forbid(a, "stream", "streaming is");
	return are_parts_allowed(a);
}

static bool
is_basic(struct str name)
{
	static const char *const basic[] = { "model", "messages", "stream",
		"stream_options", "client_id", "metadata" };

	for (size_t i = 0; i < sizeof(basic) / sizeof(*basic); i++)
		if (str_eqz(name, basic[i]))
			return true;
	return false;
}

static bool
are_members_allowed(struct gate_policy_ask *a)
{
	const struct conf_policy *p = a->policy;
	const struct json *j = &a->msg->json;

	if (p->n_deny_parameters == 0 && p->n_allow_parameters == 0)
		return true;
	json_each (j, 0, key) {
		struct str name = json_text(j, key, a->arena);
		bool denied;

		/* null is absent */
		if (json_type(j, json_value(j, key)) == JSON_T_NULL)
			continue;
		denied = p->n_deny_parameters > 0 &&
			 gate_policy_matches(
			     p->deny_parameters, p->n_deny_parameters, name);
		if (!denied && !is_basic(name))
			denied = !gate_policy_matches(
			    p->allow_parameters, p->n_allow_parameters, name);
		if (denied)
			return gate_policy_refuse(a, MSG_FAIL_POLICY, name,
			    "the parameter '%.*s' is not allowed here.",
			    STR_ARG(utf8_clip(name, SHOWN)));
	}
	return true;
}

static bool
is_n_small(struct gate_policy_ask *a)
{
	int64_t n = 1;

	if (a->policy->max_n == 0 || !msg_param_i64(a->msg, MSG_P_N, &n) ||
	    n <= a->policy->max_n)
		return true;
	return gate_policy_refuse(a, MSG_FAIL_POLICY, STR("n"),
	    "%lld answers are asked for; %lld are allowed.", (long long)n,
	    (long long)a->policy->max_n);
}

static bool
is_in_time(struct gate_policy_ask *a)
{
	const struct conf_policy *p = a->policy;
	struct zone_civil at;

	if (!p->hours)
		return true;
	zone_civil(p->zone, a->who->wall, &at);
	if (hours_contain(p->hours, at.weekday, at.hour * 60 + at.minute))
		return true;
	return gate_policy_refuse(a, MSG_FAIL_POLICY, (struct str){ 0 },
	    "requests are not allowed at this hour (%02d:%02d %.*s).", at.hour,
	    at.minute, STR_ARG(p->timezone));
}

/* ---- all of them ------------------------------------------------------------ */

/* In this order; the first that says no has refused. */
static bool (*const rules[])(struct gate_policy_ask *a) = {
	may_be_used,
	is_in_time,
	has_client_id,
	has_metadata,
	are_features_allowed,
	are_members_allowed,
	is_n_small,
	is_prompt_short,
	is_output_short,
};

bool
gate_policy_keeps_rules(struct gate_policy_ask *a)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (!rules[i](a))
			return false;
	return true;
}
