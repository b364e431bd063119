#ifndef CONF_VALUES_H
#define CONF_VALUES_H
/*
 * Readers and checks that rows of the option tables name: values with a
 * meaning of their own. Private to conf; types in opt.h.
 */
#include "conf/opt.h"

/* keys.c: env:NAME, file:/PATH, sealed:NAME -> struct conf_ref. */
void value_read_provider_key(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* The same -> struct conf_provider_key. */
void value_read_short_key(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* file:/PATH, credential:NAME -> struct secret *, struct conf_master_key. */
void value_read_master(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_read_short_master(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_key_name(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_done_secrets(
    struct opt_run *run, const struct tree_node *node, void *object);
/* Of one provider: api_key becomes one of keys, each gets its name. */
void value_done_provider_keys(
    struct opt_run *run, const struct tree_node *node, struct conf_provider *p);

/* env:, file:, blake2b:HEX -> unsigned char[HASH_KEY_BYTES]. */
void value_read_key_hash(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* The name of a provider -> const struct conf_provider *. */
void value_read_provider(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* An absolute path -> const char * in the arena. */
void value_read_path(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* "mon-fri 08:00-18:00" -> struct hours *. policy.c */
void value_read_hours(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* "PROVIDER/MODEL" -> struct conf_target, struct conf_model. */
void value_read_target(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_read_model(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);

/* Dollars ("50", "12.50") -> int64_t nano-dollars. */
void value_read_money(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* "Europe/Berlin" -> const struct zone *. */
void value_read_zone(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);

/* Checks; field is the struct str (or struct conf_header value). */
void value_check_kind(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_vendor(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_base_url(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_cidr(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_header(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_memcached(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_store(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_log_to(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* A time zone that this host knows. policy.c */
void value_check_zone(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
/* A warning when the file is not there for us. */
void value_check_readable(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);
void value_check_abs_path(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field);

/* Ends of objects (struct opt_table's done). */
void value_done_limit(
    struct opt_run *run, const struct tree_node *node, void *object);
void value_done_rule(
    struct opt_run *run, const struct tree_node *node, void *object);
/* The limits of a key or a provider: what they count, and their names. */
void value_own_limits(struct opt_run *run, struct str owner, uint64_t identity,
    struct conf_limit *limits, uint32_t n);
void value_done_provider(
    struct opt_run *run, const struct tree_node *node, void *object);
void value_done_model(
    struct opt_run *run, const struct tree_node *node, void *object);
void
value_done_key(struct opt_run *run, const struct tree_node *node, void *object);
void value_done_breaker(
    struct opt_run *run, const struct tree_node *node, void *object);
void value_done_policy(
    struct opt_run *run, const struct tree_node *node, void *object);
/* Over the whole snapshot: maps, indexes, what refers to nothing. */
void value_done_conf(
    struct opt_run *run, const struct tree_node *node, void *object);

/* Policies: names that are there twice. policy.c */
void value_check_policies(struct opt_run *run, const struct tree_node *list);

/* Names of providers and of aliases: why not, or NULL. */
const char *value_bad_provider_name(struct str name);
const char *value_bad_model_name(struct str name);

/* Whose prices a provider has that does not say. */
struct str value_price_as(const struct conf_provider *p);

/* The kinds of conf_kinds_set; never NULL (an empty list before). */
const struct conf_kind *value_kinds(void);

#endif
