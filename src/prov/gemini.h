#ifndef PROV_GEMINI_H
#define PROV_GEMINI_H
/*
 * Gemini's generateContent, shared by the files gemini*.c (wire.md 2, 3, 6.3).
 * Private to the room.
 */
#include "base/json_out.h"
#include "prov/collect.h"
#include "prov/common.h"
#include "prov/history.h"
#include "prov/inner.h"
#include "prov/params.h"

/* What a family of models can do. */
struct gemini_family {
	int version; /* times 100: 250 for gemini-2.5-pro */
	bool is_flash;
	bool is_lite;
	bool has_system; /* Gemma has not */
	bool has_budget; /* thinkingBudget: 2.5 */
	bool has_level; /* thinkingLevel: 3 */
	bool has_json_schema; /* responseJsonSchema: 2.5 */
	bool has_tool_json_schema; /* parametersJsonSchema: 3 */
	bool has_json_with_tools; /* both at once: 3 */
	bool needs_signature; /* a call without thoughtSignature is a 400: 3 */
	bool has_call_id; /* functionCall.id: 3 */
};
/* name: "gemini-2.5-flash-lite", "models/gemini-3-pro-preview" */
struct gemini_family gemini_family_find(struct str name);

struct gemini_build {
	const struct prov_call *call;
	const struct msg_request *req;
	struct prov_http *http;
	struct msg_fail *fail;
	struct gemini_family family;
	struct json_out out; /* into http->body */
	struct prov_tape tape;
	enum err err; /* the first; later steps do nothing of harm */
	unsigned budget; /* for prov_schema_subset, over the whole request */
	bool has_tools; /* function declarations go out */
	bool json_by_words; /* json_object as an instruction */
	bool json_native; /* by generationConfig */
};

/* gemini_build.c */
enum err gemini_build(const struct prov_call *call, struct prov_http *http,
    struct msg_fail *fail);

/* gemini_config.c */
void gemini_put_config(struct gemini_build *b);

/* gemini_tools.c */
void gemini_plan_tools(struct gemini_build *b);
void gemini_put_tools(struct gemini_build *b);
/*
 * A schema of a tool's parameters or of the answer: in the subset, or unchanged
 * under another key where the family takes that. An object without members is
 * left out. param names it in reports.
 */
void gemini_put_schema(struct gemini_build *b, struct str schema,
    bool is_parameters, const char *param);

/* gemini_contents.c */
void gemini_put_system(struct gemini_build *b);
void gemini_put_contents(struct gemini_build *b);

/* gemini_parts.c */
/* False: nothing was written. */
bool gemini_put_part(struct gemini_build *b, const struct msg *m,
    const struct msg_part *p, unsigned index, struct str signature);
bool gemini_part_is_void(const struct msg_part *p);
void
gemini_put_text(struct gemini_build *b, struct str inner, struct str signature);

/* gemini_answer.c */
struct prov_answer *gemini_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink);
void gemini_answer_free(struct prov_answer *a);

/*
 * gemini_partial.c: arguments of a call that come in pieces by JSON path
 * (streamFunctionCallArguments).
 */
struct gemini_partial;
/* max_bytes bounds what it holds. NULL: no memory. */
struct gemini_partial *gemini_partial_new(size_t max_bytes);
/* NULL is allowed. */
void gemini_partial_free(struct gemini_partial *p);
/*
 * {"jsonPath":"$.a[0].b","stringValue":"x","willContinue":true}. ERR_SYNTAX:
 * no path, or one through something that is no container; ERR_LIMIT.
 */
MUST_CHECK enum err
gemini_partial_add(struct gemini_partial *p, const struct json *j, json_ref v);
/* Appends the object as JSON. */
void gemini_partial_put(const struct gemini_partial *p, struct buf *out);

#endif
