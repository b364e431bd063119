#ifndef METER_IMPORT_H
#define METER_IMPORT_H
/*
 * Price lists of others, read into rows (base/price.h). Numbers are read by
 * their digits; what has more of them than a pico-dollar is rounded and counted.
 *
 *	litellm		model_prices_and_context_window.json: dollars a token
 *	models.dev	api.json: dollars a million
 *	genai-prices	data.json: dollars a million, with rules for names
 *
 * What cannot be taken is left out and counted with its reason; nothing is
 * guessed. A price of 0 for everything is taken as "not known", since that is
 * what it mostly means there, unless with_free is set.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/price.h"
#include "base/str.h"

#define METER_IMPORT_TEXT_MAX ((size_t)64 * 1024 * 1024)
#define METER_IMPORT_ROWS_MAX 100000u

enum meter_import_reason {
	METER_IMPORT_NO_PRICE, /* none for tokens or requests */
	METER_IMPORT_FREE, /* all are 0 */
	METER_IMPORT_BELOW_ZERO,
	METER_IMPORT_BAD_NUMBER, /* no number, or beyond any price */
	METER_IMPORT_BAD_NAME,
	METER_IMPORT_AGAIN, /* the place has a price already */
	METER_IMPORT_BY_TIME, /* a price by time of day */
	METER_IMPORT_BY_RULE, /* a rule that '*' cannot say: by its id only */
	METER_IMPORT_NOT_A_MODEL, /* an entry of another kind */
	METER_IMPORT__MAX
};
/* For people: "has no price". */
extern const char *const meter_import_reasons[METER_IMPORT__MAX];

struct meter_import {
	struct price_row *rows; /* good, no place twice; in the arena */
	size_t n;
	uint32_t n_models; /* entries looked at */
	uint32_t n_rounded; /* prices */
	uint32_t skipped[METER_IMPORT__MAX];
	struct str example[METER_IMPORT__MAX]; /* the first of each */
	/* ERR_SYNTAX, ERR_LIMIT: where and why */
	size_t pos;
	const char *why;
};

struct meter_import_options {
	struct str today; /* "2026-11-21": of prices by date, today's */
	bool with_free;
};

/* Names of formats, NULL-terminated. */
extern const char *const meter_import_formats[];

/*
 * format: one of meter_import_formats, else ERR_NOT_FOUND. text must outlive
 * the rows. ERR_SYNTAX: no JSON, or not of this format; ERR_LIMIT, ERR_NOMEM.
 */
MUST_CHECK enum err meter_import(struct str format, struct str text,
    const struct meter_import_options *options, struct arena *a,
    struct meter_import *out);

#endif
