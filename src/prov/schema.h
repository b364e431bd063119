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

#endif
