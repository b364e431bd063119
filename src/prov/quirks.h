#ifndef PROV_QUIRKS_H
#define PROV_QUIRKS_H
/*
 * What makers that speak OpenAI's dialect refuse or spell otherwise (wire.md
 * 2.1), as rows. A row is chosen by the configuration's `vendor`, else by the
 * host of base_url, else it is "generic". Private to the room, but for
 * prov_vendor_known.
 */
#include "prov/common.h"

enum prov_quirk {
	/* knows no role "developer" */
	PROV_Q_NO_DEVELOPER = 1 << 0,
	/* refuses messages[].name, but for a tool's in its result */
	PROV_Q_NO_NAME = 1 << 1,
	/* refuses the text of earlier reasoning in messages */
	PROV_Q_NO_REASONING = 1 << 2,
	/* calls that text "reasoning" */
	PROV_Q_REASONING_SHORT = 1 << 3,
	/* demands reasoning_content beside tool_calls, if only "" */
	PROV_Q_REASONING_EMPTY = 1 << 4,
	/* refuses thinking_blocks and reasoning_details */
	PROV_Q_NO_THINKING = 1 << 5,
	/* refuses cache_control on messages, parts and tools */
	PROV_Q_NO_CACHE = 1 << 6,
	/* refuses tool_calls[].extra_content (Gemini's signatures) */
	PROV_Q_NO_SIGNATURE = 1 << 7,
	/* tool-call ids are nine letters and digits */
	PROV_Q_ID9 = 1 << 8,
	/* no user message right behind a tool result */
	PROV_Q_TURN_AFTER_TOOL = 1 << 9,
	/* refuses stream_options (and sends usage unasked) */
	PROV_Q_NO_STREAM_OPTIONS = 1 << 10,
	/* refuses what it does not know: only `known` goes through */
	PROV_Q_STRICT = 1 << 11,
	/* knows max_tokens only */
	PROV_Q_MAX_TOKENS = 1 << 12,
	/* knows functions and function_call, the older form of tools */
	PROV_Q_LEGACY = 1 << 13,
	/* logprobs is a number */
	PROV_Q_LOGPROBS_NUMBER = 1 << 14,
	/*
	 * stands in the operator's own network: what it fetches by a client's
	 * URL it fetches from inside, so only data: URLs go there
	 */
	PROV_Q_INSIDE = 1 << 15,
};

/* A member of the request that the maker refuses or renames. */
struct prov_quirk_field {
	const char *name;
	const char *renamed; /* NULL: refused */
	enum prov_loss loss;
	const char *harmless; /* value whose loss is none: "1", "false" */
};

struct prov_quirks {
	const char *vendor;
	const char *host; /* suffix of the host; NULL: only by name */
	const char *base_url; /* where none is given; NULL */
	const char *path; /* of chat; NULL: /v1/chat/completions */
	unsigned flags; /* enum prov_quirk */
	const struct prov_quirk_field *fields; /* ends with name NULL */
	const char *const *known; /* with STRICT; NULL-terminated */
	const char *const *known_message; /* members of messages[] */
};

/* The row of a name; NULL when there is none. */
const struct prov_quirks *prov_quirks_find(struct str vendor);
/* The row of a target, never NULL. */
const struct prov_quirks *prov_quirks_of(const struct prov_target *t);
/* The field's row; NULL when the maker takes it as it is. */
const struct prov_quirk_field *
prov_quirk_field(const struct prov_quirk_field *rows, struct str name);
/*
 * The row of a member by which a client would choose another model, account or
 * address, or have something billed that is not tokens: it goes to no server
 * of this dialect. NULL: it does none of that.
 */
const struct prov_quirk_field *prov_quirk_steers(struct str name);
bool prov_quirk_knows(const char *const *known, struct str name);

/* False: the model answers 400 to a reasoning_effort. */
bool prov_quirk_has_effort(const struct prov_quirks *q, struct str family);

/* Of OpenAI's and xAI's reasoning models. */
extern const struct prov_quirk_field prov_quirk_openai_reasoning[];
extern const struct prov_quirk_field prov_quirk_xai_reasoning[];

#endif
