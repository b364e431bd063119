#ifndef CMD_CTL_KEY_H
#define CMD_CTL_KEY_H
/* The group "key", over two files. */
#include "cmd/ctl_people.h"

/* key new, key hash: for the configuration file. */
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
