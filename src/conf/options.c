/*
 * Every option of the configuration, here and in options_*.c. A row is all it
 * takes: reading, range, schema, sample and manual follow. The order is the
 * order in which tables are read (providers before the models that name them)
 * and shown.
 */
#include "conf/opt.h"

#include "conf/options_audit.h"
#include "conf/options_jwt.h"
#include "conf/options_ledger.h"
#include "conf/options_price.h"
#include "conf/options_target.h"
#include "conf/values.h"

#define SEC USEC_PER_SEC
#define MIN (60 * SEC)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define KIB ((int64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define IN(s, f) .offset = offsetof(struct s, f)
#define LIST(s, f)                       \
	.offset = offsetof(struct s, f), \
	.count_offset = offsetof(struct s, n_##f)

/* ---- server -------------------------------------------------------------- */

static const struct opt json_rows[] = {
	{ "depth", OPT_U32, IN(conf, json.depth), .dflt = "64", .min = 4,
	    .max = 512, .doc = "Lists and objects inside one another." },
	{ "nodes", OPT_U32, IN(conf, json.nodes), .dflt = "200000", .min = 100,
	    .max = 10000000, .doc = "Values and keys in one body." },
	{ "keys", OPT_U32, IN(conf, json.keys), .dflt = "2000", .min = 16,
	    .max = 100000, .doc = "Members of one object." },
	{ .name = NULL },
};
static const struct opt_table json_table = {
	.what = "JSON limit",
	.rows = json_rows,
};

static const struct opt server_rows[] = {
	{ "workers", OPT_U32, IN(conf, workers), .dflt = "auto",
	    .zero_word = "auto", .min = 1, .max = 48,
	    .doc = "Worker processes; auto is one per core. A change "
		   "takes effect at the next start." },
	{ "state_dir", OPT_STR, IN(conf, state_dir), .dflt = "/var/lib/llmgw",
	    .max = 1024, .check = value_check_abs_path, .form = "/PATH",
	    .pattern = "^/",
	    .doc = "Folder for what outlives a restart; the workers share "
		   "memory through a file in it. A change takes effect at "
		   "the next start." },
	{ "counters", OPT_U32, IN(conf, counters), .dflt = "262144", .min = 256,
	    .max = 16777216,
	    .doc = "Places for limits to count in, in the memory that the "
		   "workers share (STATE_DIR/shm, 73 bytes for each place): "
		   "one for each limit, with `each` one for each key, user, "
		   "model ... that it meets, until the file is made anew. "
		   "Rounded up to a power of two, of which an eighth stays "
		   "empty. When none is left further limits are not "
		   "enforced: health, log and limits_unenforced_total tell. "
		   "A change takes effect at the next start; counting begins "
		   "anew then, budgets with what the ledger has." },
	{ "max_body", OPT_SIZE, IN(conf, max_body), .dflt = "32MiB", .min = KIB,
	    .max = GIB,
	    .doc = "Largest request body; larger ones are answered with "
		   "413." },
	{ "max_answer", OPT_SIZE, IN(conf, max_answer), .dflt = "32MiB",
	    .min = 64 * KIB, .max = GIB,
	    .doc = "Largest answer of a provider that is collected, and "
		   "largest single event of a stream." },
	{ "max_output_buffer", OPT_SIZE, IN(conf, max_output_buffer),
	    .dflt = "256KiB", .min = 16 * KIB, .max = 64 * MIB,
	    .doc = "Bytes that a slow client may leave untaken before the "
		   "provider's stream is paused." },
	{ "drain_timeout", OPT_DURATION, IN(conf, drain_timeout), .dflt = "60s",
	    .min = 0, .max = HOUR,
	    .doc = "How long requests under way may go on after SIGTERM." },
	{ "heartbeat", OPT_DURATION, IN(conf, heartbeat), .dflt = "15s",
	    .zero_word = "off", .min = SEC, .max = HOUR,
	    .doc = "A comment is sent on a stream that was silent for so "
		   "long, so that nothing between cuts it." },
	{ "metrics_allow", OPT_STRS, LIST(conf, metrics_allow),
	    .dflt = "127.0.0.0/8, ::1/128", .max = 64,
	    .check = value_check_cidr, .form = "ADDRESS or ADDRESS/BITS",
	    .doc = "Networks that may read /metrics, and in /health/ready "
		   "the details of what is wrong." },
	{ "max_idle_connections", OPT_U32, IN(conf, max_idle_connections),
	    .dflt = "2048", .min = 0, .max = 65536,
	    .doc = "Connections to providers that a worker keeps open for "
		   "the next request." },
	{ "max_messages", OPT_U32, IN(conf, max_messages), .dflt = "10000",
	    .min = 1, .max = 1000000, .doc = "Messages in one request." },
	{ "max_tools", OPT_U32, IN(conf, max_tools), .dflt = "512", .min = 1,
	    .max = 100000, .doc = "Tools in one request." },
	{ "json", OPT_TABLE, .sub = &json_table,
	    .doc = "Limits on the JSON that clients send." },
	{ .name = NULL },
};
static const struct opt_table server_table = {
	.what = "server",
	.rows = server_rows,
};

/* ---- auth ---------------------------------------------------------------- */

static const struct opt_word identity_words[] = {
	{ "none", CONF_ID_NONE, "keys only" },
	{ "remote_user", CONF_ID_REMOTE_USER,
	    "REMOTE_USER, as Basic, LDAP, OpenID modules set it" },
	{ "ssl_client_s_dn", CONF_ID_CLIENT_DN,
	    "SSL_CLIENT_S_DN, where SSL_CLIENT_VERIFY is SUCCESS" },
	{ NULL, 0, NULL },
};

static const struct opt key_rows[] = {
	{ "name", OPT_STR, .flags = OPT_REQUIRED | OPT_LIVE, IN(conf_key, name),
	    .max = 64, .example = "dev-local-1",
	    .pattern = "^[A-Za-z0-9][A-Za-z0-9._@:-]*$",
	    .doc = "What logs and counters call this client." },
	{ "key", OPT_CUSTOM, .flags = OPT_REQUIRED | OPT_SECRET | OPT_LIVE,
	    IN(conf_key, hash), .read = value_read_key_hash,
	    .form = "env:NAME, file:/PATH or blake2b:HEX",
	    .pattern = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+|"
		       "blake2b:[0-9A-Fa-f]{64})$",
	    .example = "env:DEV_KEY",
	    .doc = "The client's key by reference, or its hash as "
		   "\"llmgwctl key hash\" prints it; never the key "
		   "itself." },
	{ "models", OPT_STRS, .flags = OPT_REQUIRED | OPT_LIVE,
	    LIST(conf_key, models), .max = 1000,
	    .form = "names of models, * for any part", .example = "*",
	    .doc = "Models that this key may use; [\"*\"] is all, [] none." },
	{ "limits", OPT_TABLES, LIST(conf_key, limits), .max = 16,
	    .sub = &opt_limit_table, .doc = "Limits of this key." },
	{ .name = NULL },
};
static const struct opt_table key_table = {
	.what = "key",
	.size = sizeof(struct conf_key),
	.index_offset = offsetof(struct conf_key, index),
	.rows = key_rows,
	.done = value_done_key,
};

static const struct opt auth_rows[] = {
	{ "jwt", OPT_TABLE, IN(conf, jwt), .sub = &opt_jwt_table,
	    .doc = "Signed tokens (JWT) of an identity provider, as Bearer "
		   "keys. They name users of the database." },
	{ "anonymous", OPT_BOOL, IN(conf, anonymous), .dflt = "false",
	    .doc = "Serve requests that bring no key." },
	{ "identity", OPT_WORD, IN(conf, identity_from), .dflt = "none",
	    .words = identity_words,
	    .doc = "Accept who the web server says the user is." },
	{ "anonymous_models", OPT_STRS, LIST(conf, anonymous_models),
	    .dflt = "*", .max = 1000, .form = "names of models, * for any part",
	    .doc = "Models that requests without a key may use." },
	{ "keys", OPT_TABLES, .flags = OPT_LIVE, LIST(conf, keys), .max = 10000,
	    .sub = &key_table, .doc = "The clients' keys." },
	{ "tenant", OPT_STR, IN(conf, auth_tenant), .max = 64,
	    .example = "acme",
	    .doc = "With a database: who the web server says the user is, is a "
		   "user of this tenant there, or is refused. Without it such "
		   "users may use anonymous_models." },
	{ "poll", OPT_DURATION, IN(conf, auth_poll), .dflt = "500ms",
	    .min = SEC / 20, .max = 60 * SEC,
	    .doc = "How often each worker asks the database what has changed: "
		   "a blocked key is refused after this time and a query's." },
	{ "stale_for", OPT_DURATION, IN(conf, auth_stale_for), .dflt = "1h",
	    .max = 7 * DAY,
	    .doc = "How long keys that this host knows go on to work while the "
		   "database is away; llmgw-jobd keeps a copy for new "
		   "workers. Keys that it does not know get 503." },
	{ "max_known", OPT_U32, IN(conf, auth_max_known), .dflt = "100000",
	    .min = 100, .max = 1000000,
	    .doc = "Keys and users of the database that a worker remembers, "
		   "about 1.5 KB each." },
	{ .name = NULL },
};
static const struct opt_table auth_table = {
	.what = "auth",
	.rows = auth_rows,
};

/* ---- secrets ------------------------------------------------------------- */

#define MASTER_FORM "file:/PATH or credential:NAME"
#define MASTER_PATTERN "^(file:/.+|credential:[A-Za-z0-9._-]+)$"

static const struct opt master_rows[] = {
	{ "key", OPT_CUSTOM, .flags = OPT_REQUIRED | OPT_SECRET,
	    IN(conf_master_key, secret), .read = value_read_master,
	    .form = MASTER_FORM, .pattern = MASTER_PATTERN,
	    .example = "file:/etc/llmgw/master.key.old",
	    .doc = "The key by reference." },
	{ .name = NULL },
};
static const struct opt_table master_table = {
	.what = "master key",
	.size = sizeof(struct conf_master_key),
	.index_offset = SIZE_MAX,
	.rows = master_rows,
	.read_short = value_read_short_master,
	.short_form = MASTER_FORM,
	.short_pattern = MASTER_PATTERN,
	.sample_list = "[ file:/etc/llmgw/master.key.old ]",
};

static const struct opt secrets_rows[] = {
	{ "master_key", OPT_CUSTOM, .flags = OPT_SECRET, IN(conf, master_key),
	    .read = value_read_master, .form = MASTER_FORM,
	    .pattern = MASTER_PATTERN, .example = "file:/etc/llmgw/master.key",
	    .doc = "What opens the providers' keys that are sealed in the "
		   "database: 32 bytes, as \"llmgwctl secret new-master\" "
		   "makes them; credential: is systemd's." },
	{ "master_key_old", OPT_TABLES, LIST(conf, master_key_old), .max = 8,
	    .sub = &master_table,
	    .doc = "Keys that still open what they sealed, while \"llmgwctl "
		   "secret rotate-master\" is under way." },
	{ "recheck", OPT_DURATION, IN(conf, key_recheck), .dflt = "5m",
	    .min = SEC, .max = 31 * DAY,
	    .doc = "How long a provider's key that was refused is left alone "
		   "before one request tries it again. A reload has it tried "
		   "at once." },
	{ .name = NULL },
};
static const struct opt_table secrets_table = {
	.what = "secrets",
	.rows = secrets_rows,
	.done = value_done_secrets,
};

static const struct opt balance_rows[] = {
	{ "headroom", OPT_RATIO, IN(conf, headroom), .dflt = "0.8",
	    .doc = "Once this part of a provider's limit is used, by its own "
		   "headers or by \"limits\", load moves to other targets of "
		   "the same priority, the more the less is left." },
	{ "slow_max", OPT_DURATION, IN(conf, slow_max), .dflt = "2s",
	    .zero_word = "off", .min = 10 * USEC_PER_MSEC, .max = MIN,
	    .doc = "The longest pause before a request where there is no "
		   "other target of that priority." },
	{ .name = NULL },
};
static const struct opt_table balance_table = {
	.what = "balance",
	.rows = balance_rows,
};

/* ---- the rest ------------------------------------------------------------ */

static const struct opt breaker_rows[] = {
	{ "failures", OPT_U32, IN(conf_breaker, failures), .dflt = "5",
	    .min = 1, .max = 1000000,
	    .doc = "So many failures in a row open it." },
	{ "failure_ratio", OPT_RATIO, IN(conf_breaker, failure_ratio),
	    .dflt = "0.5",
	    .doc = "It opens when this part of a window's requests "
		   "failed." },
	{ "min_requests", OPT_U32, IN(conf_breaker, min_requests), .dflt = "10",
	    .min = 1, .max = 1000000,
	    .doc = "Requests that a window must have for the ratio to "
		   "count." },
	{ "window", OPT_DURATION, IN(conf_breaker, window), .dflt = "30s",
	    .min = SEC, .max = HOUR, .doc = "Length of a window." },
	{ "open_for", OPT_DURATION, IN(conf_breaker, open_for), .dflt = "5s",
	    .min = 100 * USEC_PER_MSEC, .max = HOUR,
	    .doc = "How long it stays open the first time, before one "
		   "request probes; doubles." },
	{ "open_max", OPT_DURATION, IN(conf_breaker, open_max), .dflt = "60s",
	    .min = 100 * USEC_PER_MSEC, .max = DAY,
	    .doc = "The longest that it stays open." },
	{ .name = NULL },
};
static const struct opt_table breaker_table = {
	.what = "breaker",
	.size = sizeof(struct conf_breaker),
	.rows = breaker_rows,
	.done = value_done_breaker,
};

static const struct opt image_rows[] = {
	{ "fetch", OPT_BOOL, IN(conf, fetch_images), .dflt = "false",
	    .doc = "Fetch images that clients give by URL, for providers "
		   "that cannot. Private addresses are never dialled." },
	{ .name = NULL },
};
static const struct opt_table image_table = {
	.what = "images",
	.rows = image_rows,
};

static const struct opt_word format_words[] = {
	{ "keyvalue", LOG_KEYVALUE, "key=value" },
	{ "json", LOG_JSON, "one JSON object per line" },
	{ NULL, 0, NULL },
};

static const struct opt_word level_words[] = {
	{ "error", LOG_ERROR, NULL },
	{ "warn", LOG_WARN, NULL },
	{ "info", LOG_INFO, NULL },
	{ "debug", LOG_DEBUG, NULL },
	{ NULL, 0, NULL },
};

static const struct opt log_rows[] = {
	{ "format", OPT_WORD, IN(conf, log_format), .dflt = "keyvalue",
	    .words = format_words, .doc = "How lines are written." },
	{ "level", OPT_WORD, IN(conf, log_level), .dflt = "info",
	    .words = level_words,
	    .doc = "The program's own messages down to this; requests are "
		   "always logged." },
	{ "to", OPT_STR, IN(conf, log_to), .dflt = "stderr", .max = 1024,
	    .check = value_check_log_to, .form = "stderr, syslog or file:/PATH",
	    .pattern = "^(stderr|syslog|file:/.+)$", .doc = "Where lines go." },
	{ .name = NULL },
};
static const struct opt_table log_table = {
	.what = "log",
	.rows = log_rows,
};

static const struct opt_word away_words[] = {
	{ "local", CONF_AWAY_LOCAL, "each host counts for itself" },
	{ "open", CONF_AWAY_OPEN, "what hosts count together refuses nothing" },
	{ "closed", CONF_AWAY_CLOSED, "what has a limit is refused (503)" },
	{ NULL, 0, NULL },
};

static const struct opt rows[] = {
	{ "server", OPT_TABLE, .sub = &server_table,
	    .doc = "The gateway itself." },
	{ "store", OPT_STR, IN(conf, store_url), .max = 4096,
	    .check = value_check_store,
	    .example = "sqlite:///var/lib/llmgw/llmgw.db",
	    .pattern = "^(sqlite:///.+|mariadb://[^:@/]+@.+/.+)$",
	    .form = "sqlite:///PATH or mariadb://USER@HOST/NAME",
	    .doc = "The database; llmgwctl db init makes what is in it. Not "
		   "said: SQLite in llmgw.db of server.state_dir, where there "
		   "is such a file. mariadb: takes ?socket=/PATH and "
		   "password_file=/PATH, joined by &; over a network also "
		   "ca_file=/PATH (TLS, and the server's certificate must be "
		   "HOST's by that CA; without it what is asked and answered "
		   "is not encrypted), tls=verify (the same by the system's "
		   "CAs), tls=required (TLS, whoever answers), and "
		   "cert_file=/PATH&key_file=/PATH for an account that "
		   "REQUIREs X509. A change takes effect at the next start." },
	{ "secrets", OPT_TABLE, .sub = &secrets_table,
	    .doc = "Keys of providers that are kept in the database." },
	{ "memcached", OPT_STRS, LIST(conf, memcached), .max = 64,
	    .check = value_check_memcached, .form = "unix:/PATH or HOST:PORT",
	    .example = "unix:/run/memcached/llmgw.sock",
	    .doc = "Servers that count limits for several hosts together; "
		   "none: each host counts in its own memory. Of a large "
		   "limit a host reserves some ahead: up to three quarters "
		   "of the limit, about what it uses in 100 ms, at most 1/64 "
		   "of what is left (1/32 with estimates that come back). "
		   "Other hosts may be refused that until it is used, or is "
		   "given back 1.5 s after the last request; never is the "
		   "limit passed. What a flushed memcached has lost each host "
		   "adds again; requests under such a limit wait up to a "
		   "second for that; few do where memcached was away "
		   "meanwhile (limits_when_away: local, open). A change takes "
		   "effect at the next start." },
	{ "limits_when_away", OPT_WORD, IN(conf, limits_when_away),
	    .dflt = "local", .words = away_words,
	    .doc = "What limits do while memcached does not answer." },
	{ "auth", OPT_TABLE, .flags = OPT_LIVE, .sub = &auth_table,
	    .doc = "Who may ask, and how much." },
	{ "providers", OPT_NAMED, .flags = OPT_LIVE, LIST(conf, providers),
	    .max = 1000, .sub = &opt_provider_table,
	    .doc = "Who answers: a name of your choice for each." },
	{ "models", OPT_NAMED, .flags = OPT_LIVE, LIST(conf, models),
	    .max = 10000, .sub = &opt_model_table,
	    .doc = "What clients may ask for: a name of your choice, and "
		   "where its requests go." },
	{ "policies", OPT_TABLES, LIST(conf, policies), .max = 1000,
	    .sub = &conf_policy_table,
	    .doc = "Rules on content and use. A request must pass all that "
		   "are for it; a refusal names the policy." },
	{ "prices", OPT_TABLES, LIST(conf, prices), .max = 10000,
	    .sub = &opt_price_table,
	    .doc = "Prices of your own, before those of the database and of "
		   "the catalogue." },
	{ "price_catalogue", OPT_CUSTOM, IN(conf, price_catalogue),
	    .read = value_read_path, .form = "/PATH", .pattern = "^/",
	    .example = "/usr/share/llmgw/prices.yaml",
	    .doc = "The file with list prices of models; default: the "
		   "package's." },
	{ "balance", OPT_TABLE, .sub = &balance_table,
	    .doc = "Keeping below the limits of providers." },
	{ "ledger", OPT_TABLE, .sub = &opt_ledger_table,
	    .doc = "What each call took and cost." },
	{ "audit", OPT_TABLE, .sub = &opt_audit_table,
	    .doc = "Who did what, in a chain that tells when it was "
		   "changed." },
	{ "limits", OPT_TABLES, LIST(conf, limits), .max = 1000,
	    .sub = &opt_rule_table,
	    .doc = "Limits over all requests that match, of any combination "
		   "of who asks and for what." },
	{ "breaker", OPT_TABLE, IN(conf, breaker), .sub = &breaker_table,
	    .doc = "When a target that fails is left alone for a while." },
	{ "images", OPT_TABLE, .sub = &image_table,
	    .doc = "Images in requests." },
	{ "log", OPT_TABLE, .sub = &log_table,
	    .doc = "One line per request, and the program's messages." },
	{ .name = NULL },
};

const struct opt_table conf_table = {
	.what = "configuration",
	.size = sizeof(struct conf),
	.rows = rows,
	.done = value_done_conf,
};
