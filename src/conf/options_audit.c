/* Options of the audit: what is written into it, and how long it is kept. */
#include "conf/options_audit.h"

#define IN(s, f) .offset = offsetof(struct s, f)
#define DAY (86400 * USEC_PER_SEC)

static const struct opt_word access_words[] = {
	{ "none", CONF_AUDIT_NONE, "none of them" },
	{ "refused", CONF_AUDIT_REFUSED,
	    "those refused: who is unknown, what a policy or a limit forbids" },
	{ "all", CONF_AUDIT_ALL, "each of them, with the reason it gave" },
	{ NULL, 0, NULL },
};

static const struct opt rows[] = {
	{ "access", OPT_WORD, IN(conf, audit_access), .dflt = "refused",
	    .words = access_words,
	    .doc = "Which requests have a row in the audit. Clients may say "
		   "why they ask in x-llmgw-reason." },
	{ "refused_per_minute", OPT_U32, IN(conf, audit_per_minute),
	    .dflt = "60", .min = 1, .max = 100000,
	    .doc = "Rows a minute that a worker writes about refusals of one "
		   "sort from one address; the rest is told as a sum." },
	{ "addresses", OPT_BOOL, IN(conf, audit_addresses), .dflt = "true",
	    .doc = "Write the addresses of clients into the audit." },
	{ "keep", OPT_DURATION, IN(conf, audit_keep), .dflt = "730d",
	    .zero_word = "forever", .min = 7 * DAY, .max = 36500 * DAY,
	    .doc = "How long rows are kept, by whole days; the chain stays "
		   "verifiable." },
	{ "require_reason", OPT_BOOL, IN(conf, audit_require_reason),
	    .dflt = "false",
	    .doc = "Commands of llmgwctl that change something must have "
		   "--reason." },
	{ .name = NULL },
};

const struct opt_table opt_audit_table = {
	.what = "audit",
	.rows = rows,
};
