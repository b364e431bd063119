#ifndef PROV_SCHEMA_H
#define PROV_SCHEMA_H
/*
 * JSON schemas that must be changed for a maker: the one thing on the request's
 * way that is built anew (with Jansson). Callers have scanned the text before
 * (base/json bounds its depth and nodes). Private to the room; includes nothing
 * of base/json.h, whose names Jansson's own would meet.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

#define PROV_SCHEMA_DEPTH 64

/* Constraints that Anthropic's structured outputs refuse. */
#define PROV_SCHEMA_REFUSED 13
extern const char *const prov_schema_refused[PROV_SCHEMA_REFUSED];

/*
 * Appends the schema for Anthropic's structured outputs: every object closed
 * (additionalProperties: false), refused constraints moved into the
 * description. False: too deep, no schema, or no memory.
 */
bool prov_schema_close(struct buf *out, struct str schema);

enum prov_subset {
	PROV_SUBSET_EXACT, /* says the same */
	PROV_SUBSET_LOSSY, /* some constraint has no place in the subset */
	PROV_SUBSET_EMPTY, /* an object without properties: nothing appended */
	PROV_SUBSET_BAD, /* no object, or no memory */
};

/*
 * Appends the schema in the subset of OpenAPI 3.0 that Gemini takes: $ref
 * inlined (cycles end in {"type":"object"}), unions and constants rewritten,
 * everything unknown left out. *budget bounds the members written, over all
 * schemas of a request: begin with PROV_SUBSET_BUDGET (some 50 ms at worst);
 * beyond it, and deeper than 32, comes {"type":"object"}.
 */
#define PROV_SUBSET_BUDGET 100000
enum prov_subset
prov_schema_subset(struct buf *out, struct str schema, unsigned *budget);

#endif
