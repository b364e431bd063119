#ifndef CONF_CONF_H
#define CONF_CONF_H
/*
 * Configuration: files -> tree -> validated settings -> snapshot.
 *
 * A snapshot is immutable and counted; it is swapped whole. Whoever works with
 * one holds a reference. Everything in it lives in its arena (secrets apart)
 * and is freed with the last reference. References are counted for one thread:
 * a worker has its own snapshot.
 *
 * Each option is a row of a table in conf/options.c (path, type, default,
 * range, documentation): validation, `llmgwctl config schema`, the sample's
 * check and the manual come from it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/price.h"
#include "base/secret.h"
#include "base/str.h"
#include "conf/problem.h"
#include "sys/hours.h"
#include "sys/zone.h"

struct conf_timeouts {
	usec_t connect; /* 5s */
	usec_t first_byte; /* 60s */
	usec_t idle; /* 60s */
	usec_t total; /* 600s */
};

enum conf_limit_sort {
	CONF_LIMIT_REQUESTS,
	CONF_LIMIT_TOKENS, /* of the prompt and of the answer */
	CONF_LIMIT_INPUT, /* tokens of the prompt */
	CONF_LIMIT_OUTPUT, /* tokens of the answer */
	CONF_LIMIT_CONCURRENT,
	CONF_LIMIT_MONEY, /* nano-dollars */
	CONF_LIMIT_SORT__MAX
};

/* Counts for each of them on its own. */
enum conf_each {
	CONF_EACH_TENANT = 1,
	CONF_EACH_TEAM = 2,
	CONF_EACH_USER = 4,
	CONF_EACH_KEY = 8,
	CONF_EACH_MODEL = 16,
	CONF_EACH_PROVIDER = 32
};

/* One of `limits:`, of a key, of a provider or of the file. */
struct conf_limit {
	struct str name; /* never absent: made of its parts when not given */
	enum conf_limit_sort sort;
	int64_t amount; /* > 0 */
	usec_t per; /* the window; 0 with concurrent or period */
	unsigned period; /* 1 + enum zone_period; 0: none */
	const struct zone *zone; /* of the period; NULL: the tenant's, or UTC */
	bool is_shadow; /* counts, refuses nothing */
	uint32_t soft_percent; /* an event at so much of it; 0: none */
	/* Of the file's own list: who and what; absent: all. Globs. */
	struct str tenant, team, user, key, model;
	struct str provider;
	unsigned each_of; /* enum conf_each */
	uint64_t identity; /* of what it counts: stable over reloads, not 0 */
	/* as written; sort and amount tell which */
	int64_t requests, tokens, input, output, concurrent, money;
	unsigned mode;
};

/* What limits do while memcached does not answer. */
enum conf_away {
	CONF_AWAY_LOCAL, /* each host counts for itself */
	CONF_AWAY_OPEN, /* nothing is refused */
	CONF_AWAY_CLOSED /* what has a limit is refused */
};

struct conf_header {
	struct str name;
	struct str value;
};

/*
 * What a reference to a provider's key led to: the key itself, or the name of
 * one that is sealed in the database. Both absent: there is no reference.
 */
struct conf_ref {
	struct secret *secret;
	struct str sealed;
};

/* One of a provider's keys: `api_key`, or an element of `api_keys`. */
struct conf_provider_key {
	struct str name; /* one of its own among the provider's */
	struct conf_ref key;
	uint32_t weight; /* default 1; 0: only when all others are out */
};
#define CONF_PROVIDER_KEYS_MAX 64u

/* One of secrets.master_key_old. */
struct conf_master_key {
	struct secret *secret;
};
struct conf_catalogue; /* conf/catalogue.h */

struct conf_provider {
	struct str name;
	uint32_t index; /* in snapshot->providers */
	struct str kind; /* "openai"; known to conf through conf_kinds_set */
	struct str vendor; /* openai-compatible: quirk row; absent: by host */
	/* whose prices its models have: as told, else vendor, host or kind */
	struct str price_as;
	struct str base_url; /* absent: the kind's default */
	struct str api_version;
	struct conf_ref api_key; /* as written: it is the one of keys */
	struct conf_provider_key *keys; /* none: no key is sent */
	uint32_t n_keys;
	struct conf_header *headers; /* added to each call */
	uint32_t n_headers;
	struct conf_limit *limits;
	uint32_t n_limits;
	struct conf_timeouts timeouts;
	bool streaming; /* default true */
	bool allow_private; /* loopback and private addresses; http as well */
	bool http2; /* default true */
	const char *ca_file; /* NULL: the system's */
	struct str on_unsupported; /* "tuning" (default), "drop", "refuse" */
	struct str *tags; /* of all its targets, for data residency */
	uint32_t n_tags;
};

struct conf_target {
	const struct conf_provider *provider;
	struct str model;
	struct str family; /* absent: model */
	uint32_t priority; /* 1 is tried first; default 1 */
	uint32_t weight; /* default 1; 0: only when all others are out */
	int64_t max_output_tokens; /* 0: the kind's default */
	bool has_price; /* its own; else by the price lists */
	struct price_row price; /* with has_price; no provider, no model */
	/* 0: unknown. For fall-back after context_length: only to larger. */
	int64_t context_window;
	struct str *tags; /* beside the provider's */
	uint32_t n_tags;
	uint32_t index; /* over all targets of the snapshot: breaker slot */
	/*
	 * What counts for a call to this target: the model's where it says so,
	 * else the provider's. Each is > 0.
	 */
	struct conf_timeouts timeouts;
	/* stable over reloads: hash of provider name, base_url and model */
	uint64_t identity;
};

enum conf_strategy {
	CONF_WEIGHTED, /* default: random by weight within a priority */
	CONF_ROUND_ROBIN,
	CONF_FIRST, /* in the order of the file */
};

/* Bits of fallback_on; CONF_FB_UNAVAILABLE covers connect errors and cuts. */
enum conf_fallback {
	CONF_FB_UNAVAILABLE = 1,
	CONF_FB_RATE_LIMIT = 2,
	CONF_FB_TIMEOUT = 4,
	CONF_FB_CONTEXT_LENGTH = 8,
	CONF_FB_CONTENT_POLICY = 16,
	CONF_FB_AUTH = 32,
	CONF_FB_QUOTA = 64,
	CONF_FB_MODEL_NOT_FOUND = 128,
	CONF_FB_INVALID = 256,
};

#define CONF_MASTER_KEY_BYTES 32

enum conf_cache_scope {
	CONF_CACHE_KEY
};

struct conf_model {
	struct str name; /* the alias */
	struct str *tags;
	uint32_t n_tags;
	enum conf_strategy strategy;
	struct conf_target *targets;
	uint32_t n_targets;
	uint32_t retry_attempts; /* tries per target beyond the first: 2 */
	usec_t retry_backoff; /* first pause: 250ms, doubling, jitter */
	usec_t retry_backoff_max; /* 8s */
	unsigned fallback_on; /* enum conf_fallback */
	/* As written, 0 where not: targets have what counts. */
	struct conf_timeouts timeouts;
	usec_t cache_ttl; /* read, not used by this version */
	enum conf_cache_scope cache_scope;
	uint32_t index;
};

struct conf_key {
	struct str name; /* the client's id in logs */
	/* keyed or unkeyed BLAKE2b of the key: never the key itself */
	unsigned char hash[HASH_KEY_BYTES];
	struct str *models; /* globs over alias names; none: no model */
	uint32_t n_models;
	struct conf_limit *limits;
	uint32_t n_limits;
	uint32_t index;
	uint64_t identity; /* hash of the name: stable over reloads */
};

/* Tokens of an identity provider; issuer absent: none are taken. */
struct conf_jwt {
	struct str issuer;
	struct str audience;
	struct str keys; /* "https://..." or "file:/PATH" */
	bool allow_private; /* addresses of ours for keys */
	const char *ca_file; /* who may vouch for them; NULL: the system's */
	usec_t refresh; /* 10m */
	usec_t leeway; /* 30s */
	struct str tenant; /* of all its users; empty: the claim says */
	/* names of claims; empty: not looked for */
	struct str tenant_claim, user_claim, team_claim, roles_claim;
	bool create_users; /* llmgw-jobd makes those that are not there */
};

struct conf_breaker {
	uint32_t failures; /* consecutive, to open: 5 */
	double failure_ratio; /* of the last window, to open: 0.5 */
	uint32_t min_requests; /* in the window for the ratio: 10 */
	usec_t window; /* 30s */
	usec_t open_for; /* first time: 5s, doubling */
	usec_t open_max; /* 60s */
};

/*
 * Whom a policy is for: globs, any of a list and all of the lists; an empty
 * list is everybody. Who has no such thing (no team, no key) matches no glob.
 */
struct conf_policy_for {
	struct str *models; /* aliases */
	uint32_t n_models;
	struct str *tags; /* of the alias */
	uint32_t n_tags;
	struct str *keys; /* names */
	uint32_t n_keys;
	struct str *tenants;
	uint32_t n_tenants;
	struct str *teams;
	uint32_t n_teams;
	struct str *users;
	uint32_t n_users;
	struct str *roles;
	uint32_t n_roles;
};

/* Bits of policies[].deny. */
enum conf_deny {
	CONF_DENY_IMAGES = 1,
	CONF_DENY_AUDIO = 2,
	CONF_DENY_FILES = 4,
	CONF_DENY_VIDEO = 8,
	CONF_DENY_TOOLS = 16,
	CONF_DENY_RESPONSE_FORMAT = 32,
	CONF_DENY_LOGPROBS = 64,
	CONF_DENY_STREAM = 128,
};

/* Which requests have a row in the audit. */
enum conf_audit {
	CONF_AUDIT_NONE,
	CONF_AUDIT_REFUSED,
	CONF_AUDIT_ALL
};

enum conf_policy_mode {
	CONF_POLICY_ENFORCE,
	CONF_POLICY_SHADOW, /* counts and tells, refuses nothing */
};

enum conf_output {
	CONF_OUTPUT_REFUSE,
	CONF_OUTPUT_CLAMP
};

/* What a tenant's own residency is called; no policy has this name. */
#define CONF_POLICY_TENANT "tenant-residency"

/* One of `policies:`. A rule that is absent is 0, an absent span, no list. */
struct conf_policy {
	struct str name;
	struct conf_policy_for scope;
	enum conf_policy_mode mode;
	struct str disabled; /* why the alias may not be used */
	bool require_client_id;
	struct str *require_metadata;
	uint32_t n_require_metadata;
	int64_t max_prompt_tokens; /* estimated */
	uint64_t max_prompt; /* bytes */
	int64_t max_output_tokens;
	enum conf_output on_output; /* when more is asked for */
	unsigned deny; /* enum conf_deny */
	struct str *deny_parameters; /* globs */
	uint32_t n_deny_parameters;
	struct str *allow_parameters; /* globs; none: all */
	uint32_t n_allow_parameters;
	int64_t max_n;
	struct str *residency; /* a target needs one of these tags */
	uint32_t n_residency;
	struct hours *hours; /* NULL: always */
	const struct zone *zone; /* of the hours; never NULL */
	struct str timezone;
	uint32_t index;
};

/* What to do with requests that the spool has no room to book. */
enum conf_ledger {
	CONF_LEDGER_AUTO, /* where there is a database */
	CONF_LEDGER_ON,
	CONF_LEDGER_OFF
};

enum conf_when_full {
	CONF_FULL_REFUSE,
	CONF_FULL_UNBOOKED
};

enum conf_identity {
	CONF_ID_NONE,
	CONF_ID_REMOTE_USER,
	CONF_ID_CLIENT_DN
};

struct conf {
	struct arena *arena;
	uint32_t refs;
	uint64_t version; /* counts loads in this process */
	usec_t loaded_wall;
	char digest[17]; /* hex of the files' hash: agrees in all workers */

	/* server: */
	uint32_t workers; /* 0: one per core */
	struct str state_dir;
	uint64_t max_body; /* 32MiB: request body */
	uint64_t max_answer; /* 32MiB: collected answer, one stream event */
	uint64_t max_output_buffer; /* 256KiB: unsent bytes before pausing */
	usec_t drain_timeout; /* 60s after SIGTERM */
	usec_t heartbeat; /* 15s: ": ping" on silent streams */
	uint32_t counters; /* places for limits in the shared memory */
	struct str *metrics_allow; /* CIDR list for /metrics; 127.0.0.1, ::1 */
	uint32_t n_metrics_allow;
	uint32_t max_idle_connections; /* upstream, per worker: 2048 */
	/* body limits */
	struct json_limits json;
	uint32_t max_messages; /* 10000 */
	uint32_t max_tools; /* 512 */

	/* auth: */
	bool anonymous;
	enum conf_identity identity_from; /* none */
	/* globs; what anonymous or web-server identities may use: ["*"] */
	struct str *anonymous_models;
	uint32_t n_anonymous_models;
	struct conf_key *keys;
	uint32_t n_keys;
	struct map *keys_by_hash; /* key: the 32 hash bytes */
	/* of the database's keys and users */
	struct conf_jwt jwt;
	struct str auth_tenant; /* of the web server's users; empty: none */
	usec_t auth_poll; /* 500ms */
	usec_t auth_stale_for; /* 1h */
	uint32_t auth_max_known; /* 100000 */

	struct conf_provider *providers;
	uint32_t n_providers;
	struct conf_model *models;
	uint32_t n_models;
	struct map *models_by_name;
	uint32_t n_targets; /* over all models */
	struct conf_breaker breaker;

	struct conf_policy *policies;
	uint32_t n_policies;
	/* secrets: */
	struct secret *master_key; /* CONF_MASTER_KEY_BYTES; NULL: none */
	struct conf_master_key
	    *master_key_old; /* still open what they sealed */
	uint32_t n_master_key_old;
	usec_t key_recheck; /* 5m: a refused key is left alone for so long */

	/* balance: */
	double headroom; /* 0.8: of a provider's limit, then load moves */
	usec_t slow_max; /* 2s: longest pause before a limit; 0: never */

	/* store: for store_open */
	struct str store_url; /* never absent */
	/* Not said: SQLite in state_dir. No such file: no database. */
	bool store_is_default;
	/* limits: over all requests; counters shared by hosts */
	struct conf_limit *limits;
	uint32_t n_limits;
	enum conf_away limits_when_away;
	struct str *memcached; /* "unix:/PATH", "HOST:PORT" */
	uint32_t n_memcached;

	/* log: */
	enum log_format log_format;
	enum log_level log_level;
	struct str log_to;

	/* prices: own rows, before every other list */
	struct price_row *prices;
	uint32_t n_prices;
	const char *price_catalogue; /* file; NULL: the package's */
	/* what it holds; NULL: the package has none here */
	struct conf_catalogue *catalogue;

	/* audit: */
	enum conf_audit audit_access; /* refused */
	uint32_t audit_per_minute; /* 60 */
	bool audit_addresses; /* true */
	usec_t audit_keep; /* 730d; 0: for ever */
	bool audit_require_reason; /* false: see conf_places */

	/* ledger: */
	enum conf_ledger ledger_mode; /* auto */
	bool ledger; /* calls are booked */
	bool has_store; /* it is named, or its file was there */
	uint64_t ledger_max_spool; /* 1GiB */
	enum conf_when_full ledger_when_full;
	usec_t ledger_keep; /* 400d: rows */
	usec_t ledger_keep_minutes; /* 31d: sums by minute */

	/* images: URLs from clients are fetched for makers that cannot */
	bool fetch_images; /* false */
};

/*
 * Loads file plus the folder "conf.d" beside it: all *.yaml in order of name
 * (at most CONF_FILES_MAX). Later files add entries; a name or an option given
 * twice is a problem. Reads env: and file: references. Blocking (files): at
 * start or on the thread pool.
 *
 * On ERR_OK *out has one reference and problems holds warnings at most.
 * Otherwise problems tell everything that is wrong, not only the first thing:
 * ERR_SYNTAX, ERR_NOMEM. problems was prepared with conf_problems_init and comes
 * back sorted by file and line.
 */
#define CONF_FILES_MAX 256u
MUST_CHECK enum err
conf_load(const char *file, struct conf **out, struct conf_problems *problems);
/* The same from memory, without conf.d; name: what problems call it. */
MUST_CHECK enum err conf_load_text(struct str text, struct str name,
    struct conf **out, struct conf_problems *problems);
/*
 * Only where the state lies and what holds for who changes it, for tools: the
 * files must be well formed, but the secrets and names that they refer to need
 * not be there (an operator's shell has not the environment of the service).
 * Strings lie in a. file NULL: the defaults. Errors and problems as conf_load.
 */
struct conf_places {
	struct str state_dir; /* "/var/lib/llmgw" */
	struct str store_url; /* "sqlite:///var/lib/llmgw/llmgw.db" */
	bool audit_require_reason; /* anything but false counts */
};
/*
 * Only the section `secrets`, for tools, as conf_places_read: what *out has
 * besides means nothing.
 */
MUST_CHECK enum err conf_secrets_read(
    const char *file, struct conf **out, struct conf_problems *problems);
/*
 * Only providers, models, prices and the catalogue, as conf_places_read: what
 * meter_prices_of and look-ups by provider need. No secret is read. file NULL:
 * the defaults.
 */
MUST_CHECK enum err conf_prices_read(
    const char *file, struct conf **out, struct conf_problems *problems);
/* Only `limits` and providers, as conf_places_read. No secret is read. */
MUST_CHECK enum err conf_limits_read(
    const char *file, struct conf **out, struct conf_problems *problems);
MUST_CHECK enum err conf_places_read(const char *file, struct arena *a,
    struct conf_places *out, struct conf_problems *problems);
struct conf *conf_ref(struct conf *c);
/* NULL is allowed. */
void conf_unref(struct conf *c);

/*
 * The kinds of providers that exist, for validation; conf may not know prov.
 * A NULL-terminated list of {name, needs_base_url}; static for ever.
 */
struct conf_kind {
	const char *name;
	bool needs_base_url;
};
void conf_kinds_set(const struct conf_kind *kinds);
/* Whether `vendor: NAME` means anything. Not set: every name is accepted. */
void conf_vendors_set(bool (*is_known)(struct str vendor));
/*
 * Whose prices a provider without price_as has: a word for ever. Not set: its
 * vendor, or its kind.
 */
void conf_price_as_set(
    const char *(*of)(struct str kind, struct str vendor, struct str base_url));

/*
 * Where the package's price catalogue lies, for files that name none; borrowed
 * for ever. Not set, or not there: no catalogue.
 */
void conf_catalogue_default(const char *path);

/* NULL when there is none. */
const struct conf_model *conf_model_find(const struct conf *c, struct str name);

/*
 * Made from the option tables: a JSON schema (draft 2020-12) of one file; the
 * commented sample conf/llmgw.yaml; the OPTIONS of llmgw.yaml(5) in mdoc.
 * ERR_IO when the file took less, ERR_NOMEM.
 */
MUST_CHECK enum err conf_schema_print(FILE *to);
MUST_CHECK enum err conf_sample_print(FILE *to);
MUST_CHECK enum err conf_man_print(FILE *to);

/* A changing word when the file or conf.d changed: mtimes, sizes, names. */
uint64_t conf_stamp(const char *file);

#endif
