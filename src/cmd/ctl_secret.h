#ifndef CMD_CTL_SECRET_H
#define CMD_CTL_SECRET_H
/*
 * The commands of llmgwctl secret and what they share. What returns an int:
 * CTL_OK, or the exit status and it was said.
 */
#include "cmd/ctl.h"
#include "store/secret.h"

/* ---- what changes share (ctl_secret_work.c) -------------------------------- */

/* A change under way: what the transaction's function gets. */
struct ctl_secret_work {
	struct ctl *c;
	struct conf *conf; /* has the master keys */
	struct store_masters masters;
	struct store_secret_new fresh;
	struct store_secret_row old;
	usec_t now, until;
	int64_t id;
	bool is_done;
	char plain[SEAL_PLAIN_MAX + 2];
	size_t plain_n;
};

/* Wipes and frees what it holds; status as it is. */
int ctl_secret_end(struct ctl_secret_work *w, int status);
/* The configuration's master keys, at least one. */
int ctl_secret_take_masters(struct ctl_secret_work *w);
/*
 * fresh.plain from standard input alone: arguments are seen by all users of
 * the host.
 */
int ctl_secret_take_plain(struct ctl_secret_work *w);
/* old: the secret of operand 0. */
int ctl_secret_find(struct ctl_secret_work *w);
/* In a change: its row in the audit. */
MUST_CHECK enum err ctl_secret_act(
    struct ctl_secret_work *w, const char *action, struct str name, int64_t id);

/* ---- the commands (ctl_secret_change.c, ctl_secret_master.c) --------------- */

/* As the options have it, durations as text. */
struct ctl_secret_given {
	const char *provider; /* "": of those that name it */
	uint32_t weight;
	const char *in, *grace;
	const char *length; /* --for; NULL: for ever */
};
int ctl_secret_add(struct ctl *c, const struct ctl_secret_given *given);
int ctl_secret_rotate(struct ctl *c, const struct ctl_secret_given *given);
int ctl_secret_retire(struct ctl *c, const struct ctl_secret_given *given);
int ctl_secret_enable(struct ctl *c);
int ctl_secret_remove(struct ctl *c);

int ctl_secret_new_master(struct ctl *c);
int ctl_secret_rotate_master(struct ctl *c);

#endif
