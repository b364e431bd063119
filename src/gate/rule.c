#include "gate/rule.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/hash.h"

#define ARENA_MAX ((size_t)256 * 1024 * 1024)
#define HOUR (3600 * USEC_PER_SEC)
#define YEAR (366 * 24 * HOUR)
#define DEFAULT_CAP 256u

const char *const gate_rule_sorts[CONF_LIMIT_SORT__MAX] = {
	[CONF_LIMIT_REQUESTS] = "requests",
	[CONF_LIMIT_TOKENS] = "tokens",
	[CONF_LIMIT_INPUT] = "input",
	[CONF_LIMIT_OUTPUT] = "output",
	[CONF_LIMIT_CONCURRENT] = "concurrent",
	[CONF_LIMIT_MONEY] = "money",
};

static const struct {
	const char *word;
	unsigned bit;
} each_words[] = {
	{ "tenant", CONF_EACH_TENANT },
	{ "team", CONF_EACH_TEAM },
	{ "user", CONF_EACH_USER },
	{ "key", CONF_EACH_KEY },
	{ "model", CONF_EACH_MODEL },
	{ "provider", CONF_EACH_PROVIDER },
};

/* SORT__MAX: none of them. */
static enum conf_limit_sort
sort_of(struct str word)
{
	int i = 0;

	while (i < CONF_LIMIT_SORT__MAX && !str_eqz(word, gate_rule_sorts[i]))
		i++;
	return (enum conf_limit_sort)i;
}

/* False: one of the words is none. */
static bool
each_of(struct str words, unsigned *bits)
{
	*bits = 0;
	while (str_present(words) && words.n > 0) {
		struct str word = str_cut(&words, ' ');
		size_t i = 0;
		const size_t n = sizeof(each_words) / sizeof(each_words[0]);

		while (i < n && !str_eqz(word, each_words[i].word))
			i++;
		if (i == n)
			return false;
		*bits |= each_words[i].bit;
	}
	return true;
}

/* 1 + enum zone_period, 0 for none. */
static bool
period_of(struct str word, unsigned *out)
{
	enum zone_period p = ZONE_DAY;

	*out = 0;
	if (word.n == 0)
		return true;
	if (zone_period_parse(word, &p) != ERR_OK)
		return false;
	*out = 1 + (unsigned)p;
	return true;
}

static const char *
wrong_window(const struct store_limit *row, enum conf_limit_sort sort)
{
	bool has_per = row->per != 0, has_period = row->period.n > 0;

	if (sort == CONF_LIMIT_CONCURRENT)
		return has_per || has_period
			   ? "requests at the same time have no window"
			   : NULL;
	if (sort == CONF_LIMIT_MONEY && (!has_period || has_per))
		return "money is counted over a period: day, week, month or "
		       "quarter";
	if (has_per == has_period)
		return "needs its window (per), such as 1m, or a period, such "
		       "as month: one of them";
	if (has_per && (row->per < USEC_PER_SEC || row->per > YEAR))
		return "a window is from 1s to 366d";
	if (has_per && row->per < HOUR && row->amount >= INT64_C(1) << 38)
		return "so much in less than an hour is no limit";
	return NULL;
}

const char *
gate_rule_wrong(const struct store_limit *row)
{
	enum conf_limit_sort sort = sort_of(row->sort);
	unsigned ignored;

	if (sort == CONF_LIMIT_SORT__MAX)
		return "counts requests, tokens, input, output, concurrent or "
		       "money";
	if (row->amount <= 0 || row->amount > INT64_C(1000000000000000))
		return "the amount is from 1 to 10^15 (a million dollars)";
	if (!each_of(row->each_of, &ignored))
		return "each is one or more of tenant, team, user, key, model "
		       "and provider";
	if (!period_of(row->period, &ignored))
		return "a period is day, week, month or quarter";
	if (row->soft_percent < 0 || row->soft_percent > 100)
		return "soft is a percentage from 1 to 100";
	return wrong_window(row, sort);
}

/* Counts go on when the amount changes: it is no part of it. */
static uint64_t
identity_of(const struct store_limit *row, const struct conf_limit *l)
{
	const int64_t key[] = { INT64_C(0x64622072756c65), row->id, l->sort,
		l->per, l->period };
	uint64_t id = hash_stable(str_of((const char *)key, sizeof(key)));

	return id ? id : 1;
}

void
gate_rule_make(const struct store_limit *row, const struct zone *zone,
    struct gate_rule *out)
{
	struct conf_limit *l = &out->limit;

	*out = (struct gate_rule){ .tenant_id = row->tenant_id,
		.team_id = row->team_id,
		.user_id = row->user_id,
		.key_id = row->key_id };
	l->name = row->name;
	l->sort = sort_of(row->sort);
	l->amount = row->amount;
	l->per = row->per;
	(void)period_of(row->period, &l->period);
	(void)each_of(row->each_of, &l->each_of);
	/* NULL: who asks may tell */
	l->zone = zone;
	l->is_shadow = row->is_shadow;
	l->soft_percent = (uint32_t)row->soft_percent;
	l->model = row->model;
	l->provider = row->provider;
	l->identity = identity_of(row, l);
}

/* ---- all of them ---------------------------------------------------------- */

/* By what a rule is found. */
enum rank {
	RANK_ALL, /* asked one by one */
	RANK_KEY,
	RANK_USER,
	RANK_TENANT,
	RANK__MAX
};

struct gate_rules {
	struct arena *arena; /* names */
	uint32_t refs;
	struct gate_rule *rule; /* in the order of enum rank, then by id */
	uint32_t n, cap;
	uint32_t n_of[RANK__MAX];
	uint32_t n_bad;
};

static struct str
keep(struct arena *a, struct str s)
{
	return str_present(s) ? arena_str(a, s) : s;
}

static enum err
on_limit(void *arg, const struct store_limit *row)
{
	struct gate_rules *r = arg;
	const struct zone *zone = NULL;
	struct gate_rule *rule;

	if (gate_rule_wrong(row)) {
		r->n_bad++;
		return ERR_OK;
	}
	if (r->n == r->cap) {
		uint32_t cap = r->cap ? r->cap * 2 : DEFAULT_CAP;
		void *p = fault("rules.grow")
			      ? NULL
			      : realloc(r->rule, cap * sizeof(*r->rule));

		if (!p)
			return ERR_NOMEM;
		r->rule = p;
		r->cap = cap;
	}
	/* A zone that is not there any more: UTC. */
	if (row->timezone.n > 0 && zone_find(row->timezone, &zone) != ERR_OK)
		zone = NULL;
	rule = &r->rule[r->n++];
	gate_rule_make(row, zone, rule);
	rule->limit.name = keep(r->arena, row->name);
	rule->limit.model = keep(r->arena, row->model);
	rule->limit.provider = keep(r->arena, row->provider);
	return arena_failed(r->arena) ? ERR_NOMEM : ERR_OK;
}

static enum rank
rank(const struct gate_rule *r)
{
	if (r->key_id > 0)
		return RANK_KEY;
	if (r->user_id > 0)
		return RANK_USER;
	return r->tenant_id > 0 ? RANK_TENANT : RANK_ALL;
}

static int64_t
id_of(const struct gate_rule *r)
{
	switch (rank(r)) {
	case RANK_KEY:
		return r->key_id;
	case RANK_USER:
		return r->user_id;
	case RANK_TENANT:
		return r->tenant_id;
	case RANK_ALL:
	case RANK__MAX:
		break;
	}
	return 0;
}

static int
in_order(const void *a, const void *b)
{
	const struct gate_rule *x = a, *y = b;

	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? -1 : 1;
	if (id_of(x) != id_of(y))
		return id_of(x) < id_of(y) ? -1 : 1;
	return str_cmp(x->limit.name, y->limit.name);
}

enum err
gate_rules_load(struct store *s, struct gate_rules **out)
{
	struct gate_rules *r =
	    fault("rules.new") ? NULL : calloc(1, sizeof(*r));
	enum err e;

	if (!r)
		return ERR_NOMEM;
	r->refs = 1;
	r->arena = arena_new(ARENA_MAX);
	e = r->arena ? store_limit_each(s, 0, on_limit, r) : ERR_NOMEM;
	if (e != ERR_OK) {
		gate_rules_unref(r);
		return e;
	}
	if (r->n > 0)
		qsort(r->rule, r->n, sizeof(*r->rule), in_order);
	for (uint32_t i = 0; i < r->n; i++)
		r->n_of[rank(&r->rule[i])]++;
	*out = r;
	return ERR_OK;
}

struct gate_rules *
gate_rules_ref(struct gate_rules *r)
{
	if (r)
		r->refs++;
	return r;
}

void
gate_rules_unref(struct gate_rules *r)
{
	if (!r || --r->refs > 0)
		return;
	arena_free(r->arena);
	free(r->rule);
	free(r);
}

uint32_t
gate_rules_bad(const struct gate_rules *r)
{
	return r ? r->n_bad : 0;
}

/* The rules of that id among n; the lists grow by them. */
static void
add_range(const struct gate_rule *rule, uint32_t n, int64_t id,
    struct gate_limits *lists, uint32_t *n_lists)
{
	uint32_t low = 0, high = n, end;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (id_of(&rule[mid]) < id)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < n && id_of(&rule[end]) == id; end++)
		;
	if (end > low)
		lists[(*n_lists)++] =
		    (struct gate_limits){ .rules = &rule[low], .n = end - low };
}

uint32_t
gate_rules_for(const struct gate_rules *r, int64_t key_id, int64_t user_id,
    int64_t tenant_id, struct gate_limits *lists)
{
	const int64_t ids[RANK__MAX] = { [RANK_KEY] = key_id,
		[RANK_USER] = user_id,
		[RANK_TENANT] = tenant_id };
	const struct gate_rule *rule;
	uint32_t n = 0;

	if (!r || r->n == 0)
		return 0;
	rule = r->rule;
	if (r->n_of[RANK_ALL] > 0)
		lists[n++] = (struct gate_limits){ .rules = rule,
			.n = r->n_of[RANK_ALL] };
	rule += r->n_of[RANK_ALL];
	for (int k = RANK_KEY; k < RANK__MAX; k++) {
		if (ids[k] > 0)
			add_range(rule, r->n_of[k], ids[k], lists, &n);
		rule += r->n_of[k];
	}
	return n;
}
