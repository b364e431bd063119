#ifndef METER_IMPORT_INT_H
#define METER_IMPORT_INT_H
/* What the readers of price lists share. Private to meter/import*.c. */
#include "base/json.h"
#include "meter/import.h"

struct import {
	struct json json;
	struct arena *arena;
	const struct meter_import_options *options;
	struct meter_import *out;
	size_t cap; /* of out->rows */
	/* the model that is being read */
	struct str provider;
	struct str model; /* for reports */
	size_t first; /* its rows begin there */
	bool is_bad; /* it was left out: why is counted */
	bool is_full; /* more rows than there may be */
};

/* Its name there -> ours, where they differ; ended by NULL. */
struct import_name {
	const char *theirs, *ours;
};
struct str import_provider(const struct import_name *names, struct str theirs);

/* A model begins; its rows follow with import_price. */
void import_begin(struct import *i, struct str provider, struct str model);
/* It is left out, for this reason (the first counts). */
void import_skip(struct import *i, enum meter_import_reason why);
/* Counts a reason without leaving the model out. */
void import_note(struct import *i, enum meter_import_reason why);
/*
 * One price, of the tier above so many tokens: v is a number (or null, which is
 * none) in units of 10^-scale of what the part counts in.
 */
void import_price(struct import *i, enum price_part part, int64_t above,
    bool is_batch, json_ref v, int scale);
/* All is told: keeps the rows under this pattern, again for each pattern. */
void import_keep(struct import *i, struct str pattern);
void import_end(struct import *i);

/* ERR_SYNTAX when the text is not of the format (out->why). */
enum err import_litellm(struct import *i);
enum err import_models_dev(struct import *i);
enum err import_genai(struct import *i);

#endif
