#include "meter/metrics.h"

#include "base/hash.h"
#include "base/log.h"
#include "meter/family.h"
#include "meter/machine.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

/* What a slot counts: mixed into its identity. */
enum slot_sort {
	SLOT_GLOBAL = 1,
	SLOT_SURFACE,
	SLOT_TARGET, /* attempts by result */
	SLOT_TIMES, /* histograms: duration, first byte */
	SLOT_TOKENS, /* histograms: input, output */
	SLOT_COST, /* nano-dollars; attempts whose tokens have no price */
	SLOT_POLICY, /* requests refused, and those that would have been */
};

/* Cells of the global slot below; in flight is per worker. */
enum {
	GLOBAL_LONGEST_TURN,
	GLOBAL_CONN_NEW,
	GLOBAL_CONN_REUSED,
	GLOBAL_LOG_LOST
};

#define TIMES_DURATION 0
#define TIMES_FIRST_BYTE 20
#define TOKENS_INPUT 0
#define TOKENS_OUTPUT 20
#define COST_NANO 0
#define COST_UNPRICED 1
#define POLICY_REFUSED 0
#define POLICY_SHADOW 1

struct meter_metrics {
	struct shm *shm;
	unsigned worker;
	struct shm_slot *global;
	uint64_t log_lost; /* of this process, as far as it is counted */
};

static const char *const surfaces[] = { "chat.completions", "chat", "models",
	"health", "metrics", "unknown" };
#define N_SURFACES (sizeof(surfaces) / sizeof(*surfaces))

_Static_assert(MSG_FAIL__MAX <= SHM_CELLS, "a cell per class");
_Static_assert(TIMES_FIRST_BYTE >= FAMILY_CELLS_MAX, "histograms overlap");

static struct shm_slot *
slot(const struct meter_metrics *m, enum slot_sort sort, uint64_t of)
{
	uint64_t key[2] = { sort, of };
	uint64_t id = hash_stable(str_of((const char *)key, sizeof(key)));

	return shm_slot(m->shm, id ? id : 1);
}

static void
add(struct shm_slot *s, unsigned cell, int64_t v)
{
	if (s)
		atomic_fetch_add_explicit(
		    &s->cell[cell], v, memory_order_relaxed);
}

struct meter_metrics *
meter_metrics_new(struct shm *shm, unsigned worker)
{
	struct meter_metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->shm = shm;
	m->worker = worker;
	m->global = slot(m, SLOT_GLOBAL, 0);
	/* What dead workers had in flight is gone. */
	if (m->global)
		shm_slot_reclaim(shm, m->global, worker);
	return m;
}

void
meter_metrics_free(struct meter_metrics *m)
{
	free(m);
}

static void
count_lost_lines(struct meter_metrics *m)
{
	uint64_t lost = log_lost();

	if (lost != m->log_lost)
		add(m->global, GLOBAL_LOG_LOST, (int64_t)(lost - m->log_lost));
	m->log_lost = lost;
}

void
meter_metrics_begin(struct meter_metrics *m)
{
	add(m->global, SHM_CELL_WORKER + m->worker, 1);
}

static void
count_cost(struct meter_metrics *m, const struct meter_attempt *a)
{
	struct shm_slot *s;

	if (!a->target || !a->is_used)
		return;
	s = slot(m, SLOT_COST, a->target->identity);
	if (a->is_priced)
		add(s, COST_NANO, a->cost);
	else
		add(s, COST_UNPRICED, 1);
}

static void
count_attempt(struct meter_metrics *m, const struct meter_attempt *a)
{
	struct shm_slot *s, *times;

	/* Neither failed nor answered: its client left before. */
	if (!a->target || (a->fail == MSG_FAIL_NONE && a->status == 0))
		return;
	s = slot(m, SLOT_TARGET, a->target->identity);
	add(s, a->fail, 1);
	if (a->connected >= 0)
		add(m->global, a->reused ? GLOBAL_CONN_REUSED : GLOBAL_CONN_NEW,
		    1);
	times = slot(m, SLOT_TIMES, a->target->identity);
	if (!times)
		return;
	family_observe(
	    &family_duration, &times->cell[TIMES_DURATION], a->total);
	if (a->first_byte >= 0)
		family_observe(&family_first_byte,
		    &times->cell[TIMES_FIRST_BYTE], a->first_byte);
}

static void
count_tokens(struct meter_metrics *m, const struct meter_record *rec)
{
	struct shm_slot *s;

	if (!rec->target)
		return;
	s = slot(m, SLOT_TOKENS, rec->target->identity);
	if (s && rec->usage.prompt >= 0)
		family_observe(
		    &family_tokens, &s->cell[TOKENS_INPUT], rec->usage.prompt);
	if (s && rec->usage.completion >= 0)
		family_observe(&family_tokens, &s->cell[TOKENS_OUTPUT],
		    rec->usage.completion);
}

static uint64_t
surface_index(const char *word)
{
	for (uint64_t i = 0; i < N_SURFACES; i++)
		if (strcmp(surfaces[i], word) == 0)
			return i;
	return N_SURFACES - 1;
}

static struct shm_slot *
policy_slot(struct meter_metrics *m, struct str name)
{
	return slot(m, SLOT_POLICY, hash_stable(name));
}

static void
count_policies(struct meter_metrics *m, const struct meter_record *rec)
{
	if (rec->policy.n > 0)
		add(policy_slot(m, rec->policy), POLICY_REFUSED, 1);
	for (uint32_t i = 0; i < rec->n_shadows; i++)
		add(policy_slot(m, rec->shadows[i]->name), POLICY_SHADOW, 1);
}

void
meter_metrics_end(struct meter_metrics *m, const struct meter_record *rec)
{
	uint32_t n = rec->n_attempts < METER_ATTEMPTS_MAX ? rec->n_attempts
							  : METER_ATTEMPTS_MAX;

	count_lost_lines(m);
	add(m->global, SHM_CELL_WORKER + m->worker, -1);
	add(slot(m, SLOT_SURFACE, surface_index(rec->surface)), rec->outcome,
	    1);
	for (uint32_t i = 0; i < n; i++) {
		count_attempt(m, &rec->attempts[i]);
		count_cost(m, &rec->attempts[i]);
	}
	count_tokens(m, rec);
	count_policies(m, rec);
}

/* ---- the page ---------------------------------------------------------- */

static int64_t
get(const struct shm_slot *s, unsigned cell)
{
	return s ? atomic_load_explicit(&s->cell[cell], memory_order_relaxed)
		 : 0;
}

static void
print_requests(struct meter_metrics *m, struct buf *out)
{
	family_head(out, "llmgw_requests_total", "counter",
	    "Requests answered, by surface and outcome.");
	for (uint64_t i = 0; i < N_SURFACES; i++)
		for (unsigned o = 0; o < METER_OUTCOME__MAX; o++)
			buf_printf(out,
			    "llmgw_requests_total{surface=\"%s\","
			    "outcome=\"%s\"} %lld\n",
			    surfaces[i], meter_outcome_words[o],
			    (long long)get(slot(m, SLOT_SURFACE, i), o));
}

static void
print_global(
    struct meter_metrics *m, const struct meter_page *page, struct buf *out)
{
	int64_t in_flight = 0, longest = page->loop_longest_turn;

	for (unsigned i = 0; i < SHM_WORKERS_MAX; i++)
		in_flight += get(m->global, SHM_CELL_WORKER + i);
	if (m->global && longest > get(m->global, GLOBAL_LONGEST_TURN))
		atomic_store(&m->global->cell[GLOBAL_LONGEST_TURN], longest);
	if (longest < get(m->global, GLOBAL_LONGEST_TURN))
		longest = get(m->global, GLOBAL_LONGEST_TURN);
	family_gauge(out, "llmgw_requests_in_flight",
	    "Requests under way in all workers.", (double)in_flight);
	family_gauge(out, "llmgw_loop_longest_turn_seconds",
	    "Longest single turn of a worker's event loop, as far as shown.",
	    (double)longest / USEC_PER_SEC);
	family_head(out, "llmgw_upstream_connections_total", "counter",
	    "Upstream attempts by whether an open connection was used again.");
	buf_printf(out,
	    "llmgw_upstream_connections_total{reused=\"no\"} %lld\n"
	    "llmgw_upstream_connections_total{reused=\"yes\"} %lld\n",
	    (long long)get(m->global, GLOBAL_CONN_NEW),
	    (long long)get(m->global, GLOBAL_CONN_REUSED));
	family_head(out, "llmgw_log_lines_lost_total", "counter",
	    "Log lines that could not be written.");
	buf_printf(out, "llmgw_log_lines_lost_total %lld\n",
	    (long long)get(m->global, GLOBAL_LOG_LOST));
	family_gauge(out, "llmgw_shared_slots_used",
	    "Slots of the shared memory table in use.",
	    (double)shm_used(m->shm));
}

static void
print_conf(const struct meter_page *page, struct buf *out)
{
	family_head(out, "llmgw_build_info", "gauge", "Version, always 1.");
	buf_printf(
	    out, "llmgw_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	family_gauge(out, "llmgw_config_last_reload_successful",
	    "Whether the newest configuration file is in force.",
	    page->conf_ok ? 1 : 0);
	if (!page->conf)
		return;
	family_gauge(out, "llmgw_config_last_reload_success_timestamp_seconds",
	    "When the configuration in force was loaded.",
	    (double)page->conf->loaded_wall / USEC_PER_SEC);
	family_head(out, "llmgw_config_info", "gauge",
	    "Digest of the configuration in force, always 1.");
	buf_printf(
	    out, "llmgw_config_info{digest=\"%s\"} 1\n", page->conf->digest);
}

/* Calls print once for each different target. */
static void
each_target(struct meter_metrics *m, const struct meter_page *page,
    struct buf *out,
    void (*print)(struct meter_metrics *m, const struct meter_page *page,
	const struct conf_target *t, struct buf *out))
{
	struct map *seen = map_new(page->conf->n_targets + 1);

	for (uint32_t i = 0; i < page->conf->n_models && seen; i++) {
		const struct conf_model *model = &page->conf->models[i];

		for (uint32_t k = 0; k < model->n_targets; k++) {
			const struct conf_target *t = &model->targets[k];
			struct str id = str_of(
			    (const char *)&t->identity, sizeof(t->identity));

			if (map_find(seen, id))
				continue;
			if (map_put(seen, id, m) == ERR_OK)
				print(m, page, t, out);
		}
	}
	map_free(seen);
}

static void
print_attempts(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	struct shm_slot *s = slot(m, SLOT_TARGET, t->identity);

	(void)page;
	for (unsigned c = 0; c < MSG_FAIL__MAX; c++) {
		if (get(s, c) == 0 && c != MSG_FAIL_NONE)
			continue;
		buf_addz(out, "llmgw_upstream_attempts_total{");
		family_target_labels(out, t);
		buf_printf(out, ",result=\"%s\"} %lld\n",
		    c == MSG_FAIL_NONE ? "ok" : msg_fail_table[c].word,
		    (long long)get(s, c));
	}
}

static void
print_breaker(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	(void)m;
	buf_addz(out, "llmgw_breaker_state{");
	family_target_labels(out, t);
	buf_printf(out, "} %d\n", page->breaker_state(page->arg, t));
}

static void
print_duration(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	struct shm_slot *s = slot(m, SLOT_TIMES, t->identity);

	(void)page;
	if (s)
		family_histogram(&family_duration, &s->cell[TIMES_DURATION], t,
		    "gen_ai_operation_name=\"chat\"", out);
}

static void
print_first_byte(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	struct shm_slot *s = slot(m, SLOT_TIMES, t->identity);

	(void)page;
	if (s)
		family_histogram(&family_first_byte, &s->cell[TIMES_FIRST_BYTE],
		    t, "gen_ai_operation_name=\"chat\"", out);
}

static void
print_tokens(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	struct shm_slot *s = slot(m, SLOT_TOKENS, t->identity);

	(void)page;
	if (!s)
		return;
	family_histogram(&family_tokens, &s->cell[TOKENS_INPUT], t,
	    "gen_ai_token_type=\"input\"", out);
	family_histogram(&family_tokens, &s->cell[TOKENS_OUTPUT], t,
	    "gen_ai_token_type=\"output\"", out);
}

static void
print_cost(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	int64_t cost = get(slot(m, SLOT_COST, t->identity), COST_NANO);
	char text[MONEY_TEXT_SIZE];

	(void)page;
	money_print_usd(cost, text);
	buf_addz(out, "llmgw_cost_dollars_total{");
	family_target_labels(out, t);
	buf_printf(out, "} %s\n", text);
}

static void
print_unpriced(struct meter_metrics *m, const struct meter_page *page,
    const struct conf_target *t, struct buf *out)
{
	(void)page;
	buf_addz(out, "llmgw_unpriced_total{");
	family_target_labels(out, t);
	buf_printf(out, "} %lld\n",
	    (long long)get(slot(m, SLOT_COST, t->identity), COST_UNPRICED));
}

/* Names of policies are plain words: conf sees to it. */
static void
print_policy(struct meter_metrics *m, struct str name, struct buf *out)
{
	struct shm_slot *s = policy_slot(m, name);

	buf_printf(out,
	    "llmgw_policy_hits_total{policy=\"%.*s\",mode=\"enforce\"} "
	    "%lld\n"
	    "llmgw_policy_hits_total{policy=\"%.*s\",mode=\"shadow\"} "
	    "%lld\n",
	    STR_ARG(name), (long long)get(s, POLICY_REFUSED), STR_ARG(name),
	    (long long)get(s, POLICY_SHADOW));
}

static void
print_policies(
    struct meter_metrics *m, const struct meter_page *page, struct buf *out)
{
	family_head(out, "llmgw_policy_hits_total", "counter",
	    "Requests that a policy refused, or would have (mode shadow).");
	print_policy(m, STR(CONF_POLICY_TENANT), out);
	for (uint32_t i = 0; i < page->conf->n_policies; i++)
		print_policy(m, page->conf->policies[i].name, out);
}

void
meter_metrics_print(
    struct meter_metrics *m, const struct meter_page *page, struct buf *out)
{
	count_lost_lines(m);
	print_conf(page, out);
	print_requests(m, out);
	print_global(m, page, out);
	machine_print(m->shm, out);
	if (!page->conf)
		return;
	family_head(out, "llmgw_upstream_attempts_total", "counter",
	    "Upstream attempts, by target and result.");
	each_target(m, page, out, print_attempts);
	family_head(out, "llmgw_breaker_state", "gauge",
	    "Circuit breaker: 0 closed, 1 open, 2 half open.");
	each_target(m, page, out, print_breaker);
	family_head(out, "llmgw_cost_dollars_total", "counter",
	    "What attempts cost by the price lists, by target.");
	each_target(m, page, out, print_cost);
	family_head(out, "llmgw_unpriced_total", "counter",
	    "Attempts whose tokens have no price, by target.");
	each_target(m, page, out, print_unpriced);
	print_policies(m, page, out);
	family_histogram_head(&family_duration, out);
	each_target(m, page, out, print_duration);
	family_histogram_head(&family_first_byte, out);
	each_target(m, page, out, print_first_byte);
	family_histogram_head(&family_tokens, out);
	each_target(m, page, out, print_tokens);
}
