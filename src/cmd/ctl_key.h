#ifndef CMD_CTL_KEY_H
#define CMD_CTL_KEY_H
/*
 * The group "key": its rows, list and show are in ctl_key.c. What returns an
 * int: the exit status.
 */
#include "cmd/ctl_people.h"

/* As the options have it; NULL: not given. */
struct ctl_key_given {
	const char *tenant, *team, *user;
	const char *models, *networks, *hours;
	const char *expires, *at; /* moments, as of ctl_when */
	const char *grace; /* a duration */
};

/* Keys in the database (ctl_key_change.c). */
int ctl_key_create(struct ctl *c, const struct ctl_key_given *given);
int ctl_key_rotate(struct ctl *c, const struct ctl_key_given *given);
int ctl_key_expire(struct ctl *c, const struct ctl_key_given *given);
int ctl_key_restrict(struct ctl *c, const struct ctl_key_given *given);
int ctl_key_block(
    struct ctl *c, const struct ctl_key_given *given, bool is_blocked);

/* key new, key hash: for the configuration file (ctl_key_file.c). */
int ctl_key_new(struct ctl *c);
int ctl_key_hash(struct ctl *c);

/* key peppers, key new-pepper, key drop-pepper (ctl_pepper.c). */
int ctl_pepper_list(struct ctl *c);
int ctl_pepper_add(struct ctl *c);
int ctl_pepper_drop(struct ctl *c);
/* What is wrong with STATE_DIR/pepper; CTL_FAILED. */
int ctl_pepper_fail(struct ctl *c, enum err e);

/* How keys are shown. */
extern const char *const ctl_key_columns[];
void ctl_key_row(struct ctl *c, const struct store_key *k);
/* A record with what it may. */
void ctl_key_show(
    struct ctl *c, const struct store_key *k, const struct store_person *p);
/* A record, with the new secret in it (text) or without (NULL). */
void ctl_key_record(struct ctl *c, const struct store_key *k, const char *text);

#endif
