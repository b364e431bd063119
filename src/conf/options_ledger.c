/* Options of the ledger: what is booked, and how long it is kept. */
#include "conf/options_ledger.h"

#define IN(s, f) .offset = offsetof(struct s, f)
#define MIB ((int64_t)1 << 20)
#define DAY (86400 * USEC_PER_SEC)

static const struct opt_word full_words[] = {
	{ "refuse", CONF_FULL_REFUSE,
	    "503, before any provider is called: nothing is spent unbooked" },
	{ "unbooked", CONF_FULL_UNBOOKED,
	    "serve it; llmgw_ledger_unbooked_total counts" },
	{ NULL, 0, NULL },
};

static const struct opt_word enabled_words[] = {
	{ "auto", CONF_LEDGER_AUTO,
	    "when `store` is named, or its file is in the state folder" },
	{ "true", CONF_LEDGER_ON, "always" },
	{ "false", CONF_LEDGER_OFF, "never" },
	{ NULL, 0, NULL },
};

static const struct opt rows[] = {
	{ "enabled", OPT_WORD, IN(conf, ledger_mode), .dflt = "auto",
	    .words = enabled_words,
	    .doc = "Book each call to a provider. The workers write a spool, "
		   "llmgw-jobd brings it to the database; without one nobody "
		   "would." },
	{ "max_spool", OPT_SIZE, IN(conf, ledger_max_spool), .dflt = "1GiB",
	    .min = 16 * MIB, .max = (int64_t)1 << 50,
	    .doc = "Largest size of the spool's files, all workers together: "
		   "what is kept while the database is away. Each worker "
		   "takes 6 MiB of it from the start." },
	{ "when_full", OPT_WORD, IN(conf, ledger_when_full), .dflt = "refuse",
	    .words = full_words,
	    .doc = "What to do with a request while the spool has no room "
		   "for its booking (it is full, the disk is, the folder "
		   "cannot be written)." },
	{ "keep", OPT_DURATION, IN(conf, ledger_keep), .dflt = "400d",
	    .zero_word = "forever", .min = DAY, .max = 36500 * DAY,
	    .doc = "How long the ledger's rows are kept; sums by hour and day "
		   "stay." },
	{ "keep_minutes", OPT_DURATION, IN(conf, ledger_keep_minutes),
	    .dflt = "31d", .zero_word = "forever", .min = DAY,
	    .max = 36500 * DAY, .doc = "How long sums by minute are kept." },
	{ .name = NULL },
};

const struct opt_table opt_ledger_table = {
	.what = "ledger",
	.rows = rows,
};
