#ifndef PROV_ANTHROPIC_H
#define PROV_ANTHROPIC_H
/*
 * Anthropic Messages, shared by the files anthropic*.c (wire.md 2, 3, 6.4).
 * Private to the room.
 */
#include "base/json_out.h"
#include "base/map.h"
#include "prov/collect.h"
#include "prov/common.h"
#include "prov/inner.h"
#include "prov/params.h"

/*
 * The tool whose input is the answer, where a JSON schema can only be had that
 * way. Nobody else's tool may have this name: the answer's parser turns calls
 * of it, and of nothing else, into content (wire.md 10 #77).
 */
#define ANTHROPIC_ANSWER_TOOL "llmgw_structured_answer"

/* What a family of models can do. */
struct anthropic_family {
	bool has_thinking; /* 3.7 and later */
	bool is_adaptive; /* thinking adaptive + effort, not budgets: 4.6 */
	bool has_xhigh; /* effort xhigh: 4.7 */
	bool has_sampling; /* temperature, top_p, top_k; not from 4.7 on */
	bool one_of_temperature_top_p; /* refuses both together: 4.1 */
	bool has_schema; /* output_config.format, strict tools: 4.5 */
	int64_t max_tokens; /* asked for when nobody says how many */
};
/* name: "claude-sonnet-4-5-20250929", "anthropic.claude-3-haiku@..." */
struct anthropic_family anthropic_family_find(struct str name);

struct anthropic_build {
	const struct prov_call *call;
	const struct msg_request *req;
	struct prov_http *http;
	struct msg_fail *fail;
	struct anthropic_family family;
	struct json_out out; /* into http->body */
	struct prov_tape tape;
	enum err err; /* the first; later steps do nothing of harm */
	unsigned cache_marks; /* the API takes four */
	bool is_document; /* the block written last */
	bool uses_files; /* beta: files named by id */
	bool has_tools; /* anything goes into tools[] */
	bool is_forced; /* tool_choice any or a tool */
	bool answer_tool; /* ANTHROPIC_ANSWER_TOOL is among them */
	bool has_thinking; /* thinking goes out, not disabled */
	bool format_is_native; /* output_config.format */
	int64_t max_tokens;
	int64_t thinking_budget;
	struct prov_reasoning reasoning;
};

/* anthropic_build.c */
enum err anthropic_build(const struct prov_call *call, struct prov_http *http,
    struct msg_fail *fail);
/* cache_control of the open block, as far as the API takes them. */
void anthropic_put_cache(struct anthropic_build *b, struct str cache_control);

/* anthropic_params.c */
/* Before anything is written: max_tokens, thinking. */
void anthropic_plan_limits(struct anthropic_build *b);
void anthropic_put_params(struct anthropic_build *b);

/* anthropic_tools.c */
/* Before anything is written: which tools, what is forced, which format. */
void anthropic_plan_tools(struct anthropic_build *b);
void anthropic_put_tools(struct anthropic_build *b);

/* anthropic_schema.c */
/*
 * Writes a JSON schema as structured outputs want it: each object closed
 * (additionalProperties: false), without the constraints that are refused.
 * Unchanged if it is so already. False when it is no schema.
 */
bool anthropic_put_schema(struct anthropic_build *b, struct str schema);

/* anthropic_messages.c */
void anthropic_put_system(struct anthropic_build *b);
void anthropic_put_messages(struct anthropic_build *b);
/*
 * The last assistant turn called tools whose results are at the end of the
 * history, and it has no thinking blocks to go first (wire.md 3.4).
 */
bool anthropic_is_bare_tool_loop(const struct msg_request *req);

/* anthropic_parts.c */
/*
 * Writes the part as a content block; false when nothing had to be written.
 * cache: its cache marker, or the message's on the message's last part.
 */
bool anthropic_put_part(struct anthropic_build *b, const struct msg *m,
    const struct msg_part *p, unsigned index, struct str cache);
/* A signed (or redacted) thinking block; false when it has no signature. */
bool
anthropic_put_thinking(struct anthropic_build *b, const struct msg_part *p);
/* Nothing is written for it. */
bool anthropic_part_is_void(const struct msg_part *p);
/* A text block of escaped text that is not blank. */
void anthropic_put_text(
    struct anthropic_build *b, struct str inner, struct str cache);

/* anthropic_answer.c */
struct prov_answer *anthropic_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink);
void anthropic_answer_free(struct prov_answer *a);

#endif
