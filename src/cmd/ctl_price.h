#ifndef CMD_CTL_PRICE_H
#define CMD_CTL_PRICE_H
/*
 * Prices for llmgwctl's commands: of the files and of the database. What
 * returns an int: CTL_OK, or the exit status and it was said.
 */
#include "base/arena.h"
#include "cmd/ctl.h"
#include "meter/price.h"

/* ---- reading and showing (ctl_prices.c) ------------------------------------ */

/* *out: conf_prices_read of the configuration, for conf_unref. */
int ctl_prices_conf(struct ctl *c, struct conf **out);

struct ctl_prices {
	struct conf *conf; /* ctl_prices_conf */
	struct arena *arena;
	struct price_row *stored; /* of the database, in the arena */
	size_t n_stored;
	struct meter_prices *all;
};

/* upto: the database's as of this version; 0: now. c->store is open. */
int ctl_prices_load(struct ctl *c, int64_t upto, struct ctl_prices *out);
void ctl_prices_done(struct ctl_prices *p);

/*
 * Whose prices are meant: a vendor's or a kind's name stands for itself, the
 * name that the configuration gave a provider for what its models are priced
 * as, which is said, since others may be priced so, too.
 */
struct str
ctl_price_family(struct ctl *c, const struct conf *conf, struct str name);

/* The columns of a row, NULL at the end. */
extern const char *const ctl_price_columns[];
void ctl_price_put(struct ctl *c, const struct price_row *row,
    enum meter_price_list list, int64_t version);

/* ---- changing the database's (ctl_price_add.c) ----------------------------- */

struct ctl_price_adding {
	struct ctl *c;
	const char *source; /* as of store_price_add */
	const char *action; /* in the audit */
	const char *note; /* for those who read the version, or NULL */
	struct price_row *rows;
	size_t n;
	/* private */
	int64_t id;
	bool is_new;
};

/* Stores a version and shows it; the same rows again change nothing. */
int ctl_price_add(struct ctl_price_adding *a);

/* ---- the commands that do so ----------------------------------------------- */

/* As the options have it; NULL: not given. */
struct ctl_price_import {
	const char *note;
	bool with_free; /* models without a cost, too */
	bool is_dry; /* only show */
};
int ctl_price_import(struct ctl *c, const struct ctl_price_import *given);

struct ctl_price_set {
	const char *part[PRICE__MAX];
	const char *note;
	uint32_t above; /* tokens of a prompt: a tier */
	bool is_batch, is_unpriced;
};
int ctl_price_set(struct ctl *c, const struct ctl_price_set *given);
int ctl_price_unset(struct ctl *c, const char *note);

#endif
