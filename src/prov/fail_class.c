#include "prov/fail.h"

#include <stdio.h>

/*
 * Words that decide, whatever the status (wire.md 10 #35: an overload comes
 * with 529, 500, 429 and inside a 200). Compared without case, underscores and
 * blanks, so overloaded_error and OverloadedError are one.
 */
static const struct word_row {
	const char *word;
	enum msg_fail_class class;
} strong_words[] = {
	{ "contextlengthexceeded", MSG_FAIL_CONTEXT_LENGTH },
	{ "contextwindowexceeded", MSG_FAIL_CONTEXT_LENGTH },
	{ "exceedcontextsizeerror", MSG_FAIL_CONTEXT_LENGTH },
	{ "toomanytokens", MSG_FAIL_CONTEXT_LENGTH },
	{ "toomanyprompttokens", MSG_FAIL_CONTEXT_LENGTH },
	{ "contentfilter", MSG_FAIL_CONTENT_POLICY },
	{ "contentpolicyviolation", MSG_FAIL_CONTENT_POLICY },
	{ "moderationblocked", MSG_FAIL_CONTENT_POLICY },
	{ "responsibleaipolicyviolation", MSG_FAIL_CONTENT_POLICY },
	{ "insufficientquota", MSG_FAIL_QUOTA },
	{ "insufficientbalance", MSG_FAIL_QUOTA },
	{ "billingerror", MSG_FAIL_QUOTA },
	{ "billinghardlimitreached", MSG_FAIL_QUOTA },
	{ "billingnotactive", MSG_FAIL_QUOTA },
	{ "overloadederror", MSG_FAIL_OVERLOADED },
	{ "overloaded", MSG_FAIL_OVERLOADED },
	{ "engineoverloaded", MSG_FAIL_OVERLOADED },
	{ "authenticationerror", MSG_FAIL_UPSTREAM_AUTH },
	{ "invalidapikey", MSG_FAIL_UPSTREAM_AUTH },
	{ "apikeyinvalid", MSG_FAIL_UPSTREAM_AUTH },
	{ "apikeyexpired", MSG_FAIL_UPSTREAM_AUTH },
	{ "invalidauthentication", MSG_FAIL_UPSTREAM_AUTH },
	{ "unauthenticated", MSG_FAIL_UPSTREAM_AUTH },
	{ "permissionerror", MSG_FAIL_UPSTREAM_AUTH },
	{ "permissiondenied", MSG_FAIL_UPSTREAM_AUTH },
	{ "accessdeniedexception", MSG_FAIL_UPSTREAM_AUTH },
	{ "unrecognizedclientexception", MSG_FAIL_UPSTREAM_AUTH },
	{ "expiredtokenexception", MSG_FAIL_UPSTREAM_AUTH },
	{ "invalidsignatureexception", MSG_FAIL_UPSTREAM_AUTH },
	{ "modelnotfound", MSG_FAIL_MODEL_NOT_FOUND },
	{ "notfounderror", MSG_FAIL_MODEL_NOT_FOUND },
	{ "deploymentnotfound", MSG_FAIL_MODEL_NOT_FOUND },
	{ "timeouterror", MSG_FAIL_TIMEOUT },
	{ "modeltimeoutexception", MSG_FAIL_TIMEOUT },
	{ "deadlineexceeded", MSG_FAIL_TIMEOUT },
	{ "requesttoolarge", MSG_FAIL_TOO_LARGE },
	{ "ratelimiterror", MSG_FAIL_RATE_LIMIT },
	{ "ratelimitexceeded", MSG_FAIL_RATE_LIMIT },
	{ "ratelimitreached", MSG_FAIL_RATE_LIMIT },
	{ "ratelimited", MSG_FAIL_RATE_LIMIT },
	{ "resourceexhausted", MSG_FAIL_RATE_LIMIT },
	{ "throttlingexception", MSG_FAIL_RATE_LIMIT },
	{ "modelnotreadyexception", MSG_FAIL_RATE_LIMIT },
	{ "toomanyrequests", MSG_FAIL_RATE_LIMIT },
};

/*
 * Words that decide only where no status does: an error inside a 200. DeepSeek
 * has invalid_request_error as the code of a 402.
 */
static const struct word_row weak_words[] = {
	{ "invalidrequesterror", MSG_FAIL_INVALID },
	{ "invalidargument", MSG_FAIL_INVALID },
	{ "failedprecondition", MSG_FAIL_INVALID },
	{ "outofrange", MSG_FAIL_INVALID },
	{ "validationexception", MSG_FAIL_INVALID },
	{ "validation", MSG_FAIL_INVALID },
	{ "badrequesterror", MSG_FAIL_INVALID },
	{ "badrequest", MSG_FAIL_INVALID },
	{ "notfound", MSG_FAIL_MODEL_NOT_FOUND },
	{ "unimplemented", MSG_FAIL_INVALID },
	{ "cancelled", MSG_FAIL_CUT },
	{ "timeout", MSG_FAIL_TIMEOUT },
};

static const struct phrase_row {
	const char *phrase;
	enum msg_fail_class class;
} phrases[] = {
	/* the length first: such messages name limits and tokens as well */
	{ "prompt is too long", MSG_FAIL_CONTEXT_LENGTH },
	{ "prompt too long", MSG_FAIL_CONTEXT_LENGTH },
	{ "input is too long", MSG_FAIL_CONTEXT_LENGTH },
	{ "input tokens exceeded", MSG_FAIL_CONTEXT_LENGTH },
	{ "maximum number of tokens", MSG_FAIL_CONTEXT_LENGTH },
	{ "maximum context length", MSG_FAIL_CONTEXT_LENGTH },
	{ "maximum prompt length", MSG_FAIL_CONTEXT_LENGTH },
	{ "context length exceeded", MSG_FAIL_CONTEXT_LENGTH },
	{ "exceed context limit", MSG_FAIL_CONTEXT_LENGTH },
	{ "exceeds the available context", MSG_FAIL_CONTEXT_LENGTH },
	{ "exceeds the context window", MSG_FAIL_CONTEXT_LENGTH },
	{ "`max_new_tokens` must be <=", MSG_FAIL_CONTEXT_LENGTH },
	{ "length of all messages is too long", MSG_FAIL_CONTEXT_LENGTH },
	{ "content management policy", MSG_FAIL_CONTENT_POLICY },
	{ "content policy", MSG_FAIL_CONTENT_POLICY },
	{ "input was flagged", MSG_FAIL_CONTENT_POLICY },
	{ "rejected as a result of our safety system",
	    MSG_FAIL_CONTENT_POLICY },
	{ "credit balance is too low", MSG_FAIL_QUOTA },
	{ "insufficient balance", MSG_FAIL_QUOTA },
	{ "insufficient credits", MSG_FAIL_QUOTA },
	{ "spend limit", MSG_FAIL_QUOTA },
	{ "spending limit", MSG_FAIL_QUOTA },
	{ "incorrect api key", MSG_FAIL_UPSTREAM_AUTH },
	{ "invalid api key", MSG_FAIL_UPSTREAM_AUTH },
	{ "api key not valid", MSG_FAIL_UPSTREAM_AUTH },
	{ "model not exist", MSG_FAIL_MODEL_NOT_FOUND },
	{ "server busy", MSG_FAIL_OVERLOADED },
	{ "is overloaded", MSG_FAIL_OVERLOADED },
	{ "currently overloaded", MSG_FAIL_OVERLOADED },
};

static bool
same_word(const char *maker, const char *row)
{
	for (; *maker != '\0'; maker++) {
		char c = *maker;

		if (c == '_' || c == '-' || c == ' ')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		if (c != *row)
			return false;
		row++;
	}
	return *row == '\0';
}

static enum msg_fail_class
find_word(const char *maker, const struct word_row *rows, size_t n)
{
	if (maker[0] == '\0')
		return MSG_FAIL_NONE;
	for (size_t i = 0; i < n; i++) {
		if (same_word(maker, rows[i].word))
			return rows[i].class;
	}
	return MSG_FAIL_NONE;
}

static enum msg_fail_class
any_word(const struct prov_fail_facts *f, const struct word_row *rows, size_t n)
{
	const char *said[] = { f->inner, f->code, f->type, f->word };

	for (size_t i = 0; i < sizeof(said) / sizeof(*said); i++) {
		enum msg_fail_class class = find_word(said[i], rows, n);

		if (class != MSG_FAIL_NONE)
			return class;
	}
	return MSG_FAIL_NONE;
}

/*
 * By what the message says: only where the status could mean anything. A 429
 * says "quota" and "tokens" and means neither of the classes above.
 */
static enum msg_fail_class
by_phrase(const struct prov_fail_facts *f)
{
	if (f->status == 429 || f->status == 401 || f->status == 404)
		return MSG_FAIL_NONE;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		if (str_case_contains(
			buf_str(&f->text), str_z(phrases[i].phrase)))
			return phrases[i].class;
	}
	return MSG_FAIL_NONE;
}

static enum msg_fail_class
by_status(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 407:
		return MSG_FAIL_UPSTREAM_AUTH;
	case 402:
		return MSG_FAIL_QUOTA;
	case 404:
	case 410:
		return MSG_FAIL_MODEL_NOT_FOUND;
	case 408:
	case 504:
		return MSG_FAIL_TIMEOUT;
	case 409:
	case 424:
	case 425:
		return MSG_FAIL_UNAVAILABLE;
	case 498: /* Groq's flex tier is full */
		return MSG_FAIL_OVERLOADED;
	case 413:
		return MSG_FAIL_TOO_LARGE;
	case 429:
		return MSG_FAIL_RATE_LIMIT;
	case 529:
		return MSG_FAIL_OVERLOADED;
	default:
		break;
	}
	if (status >= 400 && status < 500)
		return MSG_FAIL_INVALID;
	if (status >= 500)
		return MSG_FAIL_UNAVAILABLE;
	/* a redirection: not followed, since the key would go with it */
	return status >= 300 ? MSG_FAIL_BAD_ANSWER : MSG_FAIL_NONE;
}

enum msg_fail_class
prov_fail_class(const struct prov_fail_facts *f)
{
	enum msg_fail_class class;

	/* Groq: too big for the tier, with the code of a rate limit */
	if (f->status == 413)
		return MSG_FAIL_TOO_LARGE;
	if (f->is_moderation)
		return MSG_FAIL_CONTENT_POLICY;
	class = any_word(
	    f, strong_words, sizeof(strong_words) / sizeof(*strong_words));
	if (class == MSG_FAIL_NONE)
		class = by_phrase(f);
	if (class == MSG_FAIL_NONE)
		class = by_status(f->status);
	if (class == MSG_FAIL_NONE)
		class = any_word(
		    f, weak_words, sizeof(weak_words) / sizeof(*weak_words));
	return class != MSG_FAIL_NONE ? class : MSG_FAIL_UNAVAILABLE;
}

void
prov_fail_code(const struct prov_fail_facts *f, enum msg_fail_class class,
    char out[MSG_FAIL_WORD_SIZE])
{
	const char *code = f->code[0] != '\0' ? f->code : f->word;

	out[0] = '\0';
	switch (class) {
	case MSG_FAIL_INVALID:
	case MSG_FAIL_UNAVAILABLE:
		break;
	case MSG_FAIL_OVERLOADED:
		code = f->status == 498 ? f->code : "";
		break;
	case MSG_FAIL_RATE_LIMIT:
		code = same_word(f->word, "modelnotreadyexception")
			   ? "model_not_ready"
			   : "";
		break;
	default:
		/* the class has a code of its own (msg_fail_table) */
		code = "";
		break;
	}
	if (class == MSG_FAIL_UNAVAILABLE && f->status == 503 &&
	    str_case_contains(buf_str(&f->text), STR("loading")))
		code = "model_loading";
	(void)snprintf(out, MSG_FAIL_WORD_SIZE, "%s", code);
}
