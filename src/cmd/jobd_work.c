#include "cmd/jobd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/fold.h"
#include "store/price.h"
#include "sys/stats.h"

/* Between two looks at the spool when nothing waits. */
#define LOOK_EVERY (200 * USEC_PER_MSEC)
/* A database that is away is tried again after 200 ms, 400 ms ... */
#define PAUSE_FIRST (200 * USEC_PER_MSEC)
#define PAUSE_MAX (5 * USEC_PER_SEC)
#define CHORES_EVERY (60 * 60 * USEC_PER_SEC)
#define PRICES_ARENA ((size_t)256 << 20)

/* Not all that fails is the database's. */
static const char *
why_of(const struct jobd_work *w, enum err e)
{
	const char *why = store_why(w->store);

	return why[0] ? why : err_word(e);
}

/* Said once, until something else is the matter or all is well again. */
static void
complain(struct jobd_work *w, const char *what, const char *why)
{
	char text[sizeof(w->problem)];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	if (strcmp(text, w->problem) == 0)
		return;
	memcpy(w->problem, text, sizeof(text));
	log_msg(LOG_ERROR, "%s", text);
}

static void
all_is_well(struct jobd_work *w)
{
	if (w->problem[0])
		log_msg(LOG_INFO, "the database takes the spool again");
	w->problem[0] = '\0';
	w->pause = PAUSE_FIRST;
}

/* ---- the database -------------------------------------------------------- */

static void
let_go(struct jobd_work *w)
{
	char name[160];

	if (w->store && w->has_lock) {
		jobs_drain_lock_name(w->node, name, sizeof(name));
		store_unlock(w->store, name);
	}
	w->has_lock = false;
	store_close(w->store);
	w->store = NULL;
	w->next_try = clock_mono() + w->pause;
	w->pause = w->pause * 2 < PAUSE_MAX ? w->pause * 2 : PAUSE_MAX;
}

static void
renew_prices(struct jobd_work *w)
{
	struct arena *a = arena_new(PRICES_ARENA);
	struct meter_prices *fresh = NULL;
	struct price_row *rows = NULL;
	size_t n = 0;

	if (a && w->conf && w->store &&
	    store_price_rows(w->store, 0, a, &rows, &n) == ERR_OK &&
	    meter_prices_of(w->conf, rows, n, &fresh) == ERR_OK) {
		jobs_drain_prices(w->drain, fresh, w->conf);
		meter_prices_free(w->prices);
		w->prices = fresh;
	}
	arena_free(a);
}

static void
get_store(struct jobd_work *w)
{
	struct store_options options = { .password = w->password };
	char why[STORE_WHY_SIZE], name[160];

	if (w->store || clock_mono() < w->next_try)
		return;
	if (store_open(str_z(w->url), &options, &w->store, why) != ERR_OK) {
		complain(w, "the database", why);
		let_go(w);
		return;
	}
	jobs_drain_lock_name(w->node, name, sizeof(name));
	if (store_lock(w->store, name, 0) != ERR_OK) {
		complain(w, "the database",
		    "another llmgw-jobd drains for a host of this name");
		let_go(w);
		return;
	}
	w->has_lock = true;
	w->next_chores = clock_mono();
}

/* ---- chores -------------------------------------------------------------- */

static enum err
keep_audit(struct jobd_work *w)
{
	uint64_t n = 0;
	enum err e = jobs_audit_keep(
	    w->store, w->conf ? w->conf->audit_keep : 0, clock_wall(), &n);

	if (n > 0)
		log_msg(LOG_INFO, "audit.keep: old days went");
	if (e != ERR_OK && e != ERR_AGAIN) {
		complain(w, "audit.keep", why_of(w, e));
		if (e == ERR_CLOSED)
			let_go(w);
	}
	return e;
}

/* Reports are as right without, only slower. */
static enum err
keep_folds(struct jobd_work *w, bool *more)
{
	enum err e = store_fold_prune(w->store, clock_wall(), more);

	if (e == ERR_OK && !*more)
		e = store_fold_make(w->store, clock_wall(), more);
	if (e != ERR_OK && e != ERR_AGAIN) {
		complain(w, "sums of days", why_of(w, e));
		if (e == ERR_CLOSED)
			let_go(w);
	}
	return e;
}

/* A piece at a time, so that the spool does not wait. */
static void
do_chores(struct jobd_work *w)
{
	struct jobs_retention r = { 0 };
	uint64_t n = 0;
	bool more = false;
	enum err e;

	if (!w->store || clock_mono() < w->next_chores)
		return;
	renew_prices(w);
	if (w->conf)
		r = (struct jobs_retention){ w->conf->ledger_keep,
			w->conf->ledger_keep_minutes };
	e = jobs_retention_run(w->store, &r, clock_wall(), &more, &n);
	if (n > 0)
		log_msg(LOG_INFO, "ledger.keep: %llu %s went",
		    (unsigned long long)n,
		    strcmp(store_product(w->store), "sqlite") == 0
			? "rows"
			: "partitions");
	if (e != ERR_OK && e != ERR_AGAIN) {
		complain(w, "ledger.keep", why_of(w, e));
		if (e == ERR_CLOSED)
			let_go(w);
	}
	if (!more && e == ERR_OK)
		e = keep_audit(w);
	if (!more && e == ERR_OK)
		e = keep_folds(w, &more);
	if (!more || e != ERR_OK)
		w->next_chores = clock_mono() + CHORES_EVERY;
}

/* The file's troubles are told, and do not hold up the spool. */
static void
keep_replica(struct jobd_work *w)
{
	bool was_well = !w->replica.why[0];
	enum err e;

	if (!w->store)
		return;
	e = jobs_replica_run(&w->replica, w->store);
	if (was_well && w->replica.why[0])
		log_msg(LOG_ERROR, "the replica: %s", w->replica.why);
	if (e != ERR_OK && e != ERR_AGAIN) {
		complain(w, "the replica", why_of(w, e));
		if (e == ERR_CLOSED)
			let_go(w);
	}
}

/* ---- a round ------------------------------------------------------------- */

static void
count(struct jobd_work *w, const struct jobs_drain_report *now)
{
	const struct jobs_drain_report *was = &w->seen;

	stats_add(w->shm, STATS_LEDGER_ROWS, (int64_t)(now->rows - was->rows));
	stats_add(w->shm, STATS_LEDGER_LOST, (int64_t)(now->lost - was->lost));
	stats_add(w->shm, STATS_LEDGER_DAMAGED,
	    (int64_t)(now->damaged - was->damaged));
	stats_set(w->shm, STATS_V_SPOOL_BYTES, (int64_t)now->bytes);
	stats_set(w->shm, STATS_V_SPOOL_OLDEST, now->oldest);
	stats_set(w->shm, STATS_V_JOBD_SEEN, clock_wall());
	if (now->lost > was->lost)
		log_msg(LOG_WARN, "%llu calls of dead workers booked as lost",
		    (unsigned long long)(now->lost - was->lost));
	if (now->damaged > was->damaged)
		log_msg(LOG_ERROR, "%llu bytes of the spool were damaged",
		    (unsigned long long)(now->damaged - was->damaged));
	if (now->unbooked > was->unbooked)
		log_msg(LOG_WARN, "%llu calls were made without a booking",
		    (unsigned long long)(now->unbooked - was->unbooked));
	if (now->stuck > was->stuck)
		log_msg(LOG_ERROR,
		    "%llu files of the spool are of newer workers and wait for "
		    "an llmgw-jobd of their version",
		    (unsigned long long)now->stuck);
	if (w->audit.damaged > w->audit_damaged)
		log_msg(LOG_ERROR, "%llu events were none for the audit",
		    (unsigned long long)(w->audit.damaged - w->audit_damaged));
	w->audit_damaged = w->audit.damaged;
	w->seen = *now;
}

usec_t
jobd_work_round(struct jobd_work *w)
{
	struct jobs_drain_report now = w->seen;
	enum err e;

	get_store(w);
	e = jobs_drain_pass(w->drain, w->store, &now);
	count(w, &now);
	if (e != ERR_OK && w->store) {
		complain(w, "the spool waits", why_of(w, e));
		/* Of what others do at the same time: just again. */
		if (e != ERR_AGAIN)
			let_go(w);
		return LOOK_EVERY;
	}
	if (e != ERR_OK)
		complain(w, w->folder, err_word(e));
	else if (w->store)
		all_is_well(w);
	keep_replica(w);
	do_chores(w);
	return now.is_behind ? 0 : LOOK_EVERY;
}

bool
jobd_work_is_idle(const struct jobd_work *w)
{
	return w->store && !w->problem[0] && w->seen.oldest == 0 &&
	       w->seen.stuck == 0 && !w->seen.is_behind;
}

/* ---- life ---------------------------------------------------------------- */

enum err
jobd_work_begin(
    struct jobd_work *w, struct shm *shm, struct str state_dir, struct str url)
{
	struct jobs_drain_options o = { 0 };

	*w = (struct jobd_work){ .shm = shm, .pause = PAUSE_FIRST };
	if (gethostname(w->node, sizeof(w->node) - 1) != 0 || !w->node[0])
		snprintf(w->node, sizeof(w->node), "localhost");
	snprintf(
	    w->folder, sizeof(w->folder), "%.*s/spool", STR_ARG(state_dir));
	snprintf(w->replica.path, sizeof(w->replica.path), "%.*s/replica.db",
	    STR_ARG(state_dir));
	snprintf(w->url, sizeof(w->url), "%.*s", STR_ARG(url));
	o.folder = w->folder;
	o.node = w->node;
	o.audit = jobs_audit_add;
	o.audit_arg = &w->audit;
	return jobs_drain_new(&o, &w->drain);
}

void
jobd_work_conf(struct jobd_work *w, const struct conf *conf)
{
	w->conf = conf;
	if (w->drain)
		jobs_drain_prices(w->drain, w->prices, conf);
	w->next_chores = clock_mono();
}

void
jobd_work_end(struct jobd_work *w)
{
	let_go(w);
	jobs_replica_end(&w->replica);
	jobs_drain_free(w->drain);
	meter_prices_free(w->prices);
}
