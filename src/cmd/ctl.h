#ifndef CMD_CTL_H
#define CMD_CTL_H
/*
 * llmgwctl: the operator's command line. A command is a row of a table; the
 * parser, help, the manual page and the completion come from the rows.
 *
 * To add a group: a file ctl_GROUP.c with its rows, ended by one without a
 * group, and a line in ctl_table.c; then "make docs".
 *
 * Exit status: 0 all is well, 1 something is wrong (and was said on standard
 * error), 2 the command line itself is. With --json exactly one JSON value goes
 * to standard output, also on failure: {"error":{"message":TEXT}}. A command
 * line that was not understood (2: no such command, option or choice, words
 * missing or too many) is told on standard error; the value of an option that
 * is no good is a failure (1).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/str.h"
#include "conf/conf.h"
#include "sys/opt.h"

#define CTL_OK 0
#define CTL_FAILED 1
#define CTL_USAGE 2

struct ctl;
struct store;
struct store_options;

enum ctl_flag {
	CTL_STORE = 1, /* c->store is open when it runs */
	CTL_CONF = 2, /* c->conf is a snapshot without problems */
	/*
	 * It changes what the database says about people, keys, rules, ...:
	 * one audit row and one row of the change log (a test walks them).
	 */
	CTL_CHANGES = 4,
	/* --json does nothing: its output is a file of its own format. */
	CTL_RAW = 8,
	/*
	 * With CTL_CHANGES: of what the gateway's own account of the database
	 * may change, and llmgw_console may not (roles.sql).
	 */
	CTL_GATEWAYS = 16,
};

struct ctl_command {
	const char *group; /* first word */
	const char *verb; /* second word, or NULL */
	const char *operands; /* "NAME [TITLE]", "" */
	unsigned min, max; /* how many of them */
	/* What the first may be, blanks between, for completion; or NULL. */
	const char *words;
	unsigned flags; /* enum ctl_flag */
	/*
	 * Its own options, or NULL. Values are static variables of its file:
	 * one command runs in a process.
	 */
	const struct opt_row *options;
	const char *help; /* one clause for the list */
	const char *more; /* sentences for the manual, or NULL */
	/* CTL_CHANGES: with these options it only looks; NULL: it never does. */
	bool (*only_looks)(void);
	/* The exit status. */
	int (*run)(struct ctl *c);
};

struct ctl_group {
	const struct ctl_command *commands;
};

/* Ended by one without commands. */
extern const struct ctl_group ctl_groups[];

/* What a command works with. */
struct ctl {
	const struct ctl_command *command;
	unsigned n_operands;
	char **operands;
	struct arena *arena; /* lives as long as the command */
	bool is_json;
	const char *config_file; /* never NULL */
	const char *store_option; /* --store, or NULL */
	/* ctl_places, CTL_STORE: */
	struct str store_url;
	struct str state_dir;
	bool must_say_why; /* audit.require_reason: CTL_CHANGES has --reason */
	struct str actor; /* who: "cli:root" or --actor */
	struct str reason; /* --reason; empty when not given */
	struct conf *conf; /* CTL_CONF */
	struct store *store; /* CTL_STORE */
	/* private to ctl_out.c */
	struct ctl_out *out;
};

/* ---- running (ctl_main.c, ctl_store.c) ------------------------------------- */

/* NULL when there is none; group and verb may be NULL. */
const struct ctl_command *ctl_find(const char *group, const char *verb);
/* Says how the command is called; CTL_USAGE. */
int ctl_usage(const struct ctl *c);
/*
 * Fills in store_url and state_dir: from --store and the configuration, which
 * must be well formed but need not be in order otherwise (it is not loaded: an
 * operator's shell has not the service's environment). CTL_OK, or CTL_FAILED
 * and it was said.
 */
int ctl_places(struct ctl *c);
/*
 * c->config_file; NULL: it is the default one and there is none, as on a fresh
 * host.
 */
const char *ctl_config_here(const struct ctl *c);
/* Tells problems of the configuration, and e. CTL_FAILED. */
int
ctl_conf_fail(struct ctl *c, const struct conf_problems *problems, enum err e);
/* ctl_places, then opens c->store. CTL_STORE does it before run. */
int ctl_store_open(struct ctl *c);
/*
 * Opens c->store at store_url with options, whose password it sets. hint: what
 * is said behind why there is no database.
 */
int ctl_store_open_as(
    struct ctl *c, struct store_options *options, const char *hint);
/* Says what a call to the store has met: store_why. CTL_FAILED. */
int ctl_store_fail(struct ctl *c, enum err e);
/*
 * Runs one change in a transaction: fn as of store_atomically. ERR_OK: CTL_OK.
 * ERR_UNSUPPORTED: fn has said what is wrong with ctl_fail. Others are said
 * here.
 */
int ctl_change(
    struct ctl *c, enum err (*fn)(struct store *s, void *arg), void *arg);
/*
 * In a change: its row in the audit and in the change log (store/act.h), with
 * the actor and the reason of the command line. The object is "SORT:ID".
 * detail: a JSON object (ctl_detail), or absent.
 */
MUST_CHECK enum err ctl_act(struct ctl *c, const char *action, const char *sort,
    int64_t id, int64_t tenant_id, struct str detail);
/* Pairs, ended by one without name; absent values are left out. */
struct ctl_pair {
	const char *name;
	struct str value;
};
struct str ctl_detail(struct ctl *c, const struct ctl_pair *pairs);
/* A value of a detail: a wall time; absent for 0. */
struct str ctl_time_text(struct ctl *c, usec_t wall);
/* The options that every command has. */
extern const struct opt_row ctl_common_options[];
/*
 * Operand i as a span; absent when it was not given. A command that takes
 * lists (models, networks) has them as one option, commas or blanks between.
 */
struct str ctl_operand(const struct ctl *c, unsigned i);

/* ---- saying (ctl_out.c) -------------------------------------------------- */

/*
 * "llmgwctl: TEXT" on standard error (and the JSON object with --json);
 * CTL_FAILED. The sentence says what to do: "no tenant 'x'; llmgwctl tenant
 * list shows them".
 */
int ctl_fail(struct ctl *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* CTL_FAILED for what ran out of memory. */
int ctl_nomem(struct ctl *c);
/* A remark on standard error; not part of the answer. */
void ctl_note(const struct ctl *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Lists and records: names of the columns (static, NULL ends them; snake_case:
 * they are the JSON's members), then values row by row, then an end.
 *
 *	static const char *const columns[] = { "name", "created", NULL };
 *	ctl_list_begin(c, columns);
 *	for (...) { ctl_put_text(c, x->name); ctl_put_time(c, x->created); }
 *	return ctl_list_end(c);
 *
 * A list is a table for people or an array of objects. A record is one row:
 * lines "name: value" or an object. ctl_done ends a record with a sentence for
 * people instead of the lines: what a change says.
 *
 * Texts are copied. Values never fail: memory that ran out is told at the end.
 */
void ctl_list_begin(struct ctl *c, const char *const *columns);
int ctl_list_end(struct ctl *c);
void ctl_record_begin(struct ctl *c, const char *const *columns);
int ctl_record_end(struct ctl *c);
int ctl_done(struct ctl *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Ends a list that was read from the store; e: what the reading has met. */
int ctl_list_read(struct ctl *c, enum err e);

void ctl_put_text(struct ctl *c, struct str s); /* absent: null */
/* The same, but not copied: a secret, which its owner wipes after the end. */
void ctl_put_secret(struct ctl *c, struct str s);
void ctl_put_int(struct ctl *c, int64_t v);
void ctl_put_bool(struct ctl *c, bool v);
void ctl_put_null(struct ctl *c);
/* A wall time; 0 is null. */
void ctl_put_time(struct ctl *c, usec_t wall);
/* Words with blanks between: an array in JSON. */
void ctl_put_words(struct ctl *c, struct str words);
/* Nano-dollars: a decimal number of dollars. */
void ctl_put_usd(struct ctl *c, int64_t nanousd);
/* A finished JSON value: JSON as it is, people see it so too. */
void ctl_put_raw(struct ctl *c, struct str json);

/* Output that did not arrive is a failure, not a success. */
int ctl_flushed(int status);

/* ---- the groups ---------------------------------------------------------- */

extern const struct ctl_command ctl_audit_commands[];
extern const struct ctl_command ctl_check_commands[];
extern const struct ctl_command ctl_config_commands[];
extern const struct ctl_command ctl_db_commands[];
extern const struct ctl_command ctl_grant_commands[];
extern const struct ctl_command ctl_key_commands[];
extern const struct ctl_command ctl_secret_commands[];
extern const struct ctl_command ctl_limit_commands[];
extern const struct ctl_command ctl_price_commands[];
extern const struct ctl_command ctl_usage_commands[];
extern const struct ctl_command ctl_help_commands[];
extern const struct ctl_command ctl_key_commands[];
extern const struct ctl_command ctl_role_commands[];
extern const struct ctl_command ctl_secret_commands[];
extern const struct ctl_command ctl_team_commands[];
extern const struct ctl_command ctl_tenant_commands[];
extern const struct ctl_command ctl_user_commands[];

#endif
