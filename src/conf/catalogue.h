#ifndef CONF_CATALOGUE_H
#define CONF_CATALOGUE_H
/*
 * The package's list of prices, conf/prices.yaml: by provider, with the page
 * where the maker tells them and the day they were read.
 *
 *	date: 2026-11-21
 *	makers:
 *	  - provider: openai
 *	    source: https://openai.com/api/pricing
 *	    as_of: 2026-08-21
 *	    models:
 *	      - { model: gpt-4o-mini, input: 0.15, cached: 0.075, output: 0.60 }
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/price.h"
#include "conf/problem.h"

struct conf_maker {
	struct str provider;
	struct str source;
	struct str as_of; /* "2026-08-21" */
	struct price_row *models;
	uint32_t n_models;
};

struct conf_catalogue {
	struct arena *arena;
	struct str date;
	/* minus the date: METER_PRICE_CATALOGUE's version in the ledger */
	int64_t version;
	struct conf_maker *makers;
	uint32_t n_makers;
	/* of all makers, ordered by price_row_cmp */
	struct price_row *rows;
	uint32_t n_rows;
};

/*
 * Blocking. On ERR_OK *out is whole; otherwise problems tell: ERR_SYNTAX (also
 * for a model that stands there twice), ERR_NOT_FOUND, ERR_IO, ERR_LIMIT,
 * ERR_NOMEM.
 */
MUST_CHECK enum err conf_catalogue_load(const char *path,
    struct conf_catalogue **out, struct conf_problems *problems);
/* NULL is allowed. */
void conf_catalogue_free(struct conf_catalogue *c);

#endif
