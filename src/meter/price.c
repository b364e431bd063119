#include "meter/price.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/map.h"
#include "conf/catalogue.h"

#define ARENA_MAX ((size_t)256 * 1024 * 1024)

/* The rows of one list for one provider and model. */
struct group {
	enum meter_price_list list;
	struct str provider, model;
	size_t n_literals; /* of model */
	struct meter_price *tiers; /* ascending by above; batch ones last */
	size_t n_plain, n_batch;
	struct group *next; /* the same place in a later list */
};

struct meter_prices {
	struct arena *arena;
	struct map *exact; /* "provider\0model" -> the first struct group */
	struct group *groups;
	size_t n_groups;
	/* by list, provider, n_literals descending, model */
	struct group **patterns;
	size_t n_patterns;
	size_t n_rows;
};

/* A provider whose models cost what they cost at another. */
static const struct {
	const char *provider, *as;
} same_prices[] = {
	{ "azure", "openai" },
};

/* ---- building ----------------------------------------------------------- */

static int
compare_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By list and place; of one place the highest version comes first. */
static int
compare_rows(const void *a, const void *b)
{
	const struct meter_price *x = a, *y = b;
	int c = compare_i64(x->list, y->list);

	if (c == 0)
		c = str_cmp(x->row.provider, y->row.provider);
	if (c == 0)
		c = str_cmp(x->row.model, y->row.model);
	if (c == 0)
		c = compare_i64(y->version, x->version);
	if (c == 0)
		c = compare_i64(x->row.is_batch, y->row.is_batch);
	return c != 0 ? c : compare_i64(x->row.above, y->row.above);
}

static bool
is_same_model(const struct meter_price *a, const struct meter_price *b)
{
	return a->list == b->list && str_eq(a->row.provider, b->row.provider) &&
	       str_eq(a->row.model, b->row.model);
}

static struct meter_price *
copy_rows(struct meter_prices *p, const struct meter_price_source *sources,
    size_t n, size_t *n_out)
{
	struct meter_price *all;
	size_t n_all = 0;

	for (size_t i = 0; i < n; i++)
		n_all += sources[i].n;
	all = arena_calloc(p->arena, n_all, sizeof(*all));
	if (all == NULL)
		return NULL;
	n_all = 0;
	for (size_t i = 0; i < n; i++) {
		const struct meter_price_source *s = &sources[i];

		for (size_t k = 0; k < s->n; k++) {
			struct meter_price *to = &all[n_all];

			if (price_row_wrong(&s->rows[k]) != NULL)
				continue;
			to->row = s->rows[k];
			to->row.provider =
			    arena_str(p->arena, s->rows[k].provider);
			to->row.model = arena_str(p->arena, s->rows[k].model);
			to->list = s->list;
			if (s->list == METER_PRICE_IMPORTED && to->row.is_hand)
				to->list = METER_PRICE_HAND;
			to->version =
			    to->row.version != 0 ? to->row.version : s->version;
			n_all++;
		}
	}
	*n_out = n_all;
	return all;
}

/* What a tier does not say, the one below it does; then parents count. */
static void
resolve(struct meter_price *tiers, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		for (unsigned k = 0; k < PRICE__MAX; k++) {
			if (tiers[i].row.part[k] < 0)
				tiers[i].row.part[k] = tiers[i - 1].row.part[k];
		}
	}
	for (size_t i = 0; i < n; i++) {
		int64_t *part = tiers[i].row.part;

		/* a parent stands before its children in the table */
		for (unsigned k = 0; k < PRICE__MAX; k++) {
			enum price_part parent = price_part_table[k].parent;

			if (part[k] < 0 && parent != PRICE__MAX)
				part[k] = part[parent];
		}
	}
}

/* The first n rows are those of one model: the group's tiers from them. */
static void
fill_group(struct group *g, struct meter_price *rows, size_t n)
{
	size_t kept = 0;

	g->list = rows[0].list;
	g->provider = rows[0].row.provider;
	g->model = rows[0].row.model;
	for (size_t i = 0; i < g->model.n; i++)
		g->n_literals += g->model.p[i] != '*';
	for (size_t i = 0; i < n; i++) {
		/* older versions, and what stands there twice */
		if (rows[i].version != rows[0].version ||
		    (kept > 0 &&
			price_row_cmp(&rows[kept - 1].row, &rows[i].row) == 0))
			continue;
		rows[kept++] = rows[i];
	}
	g->tiers = rows;
	while (g->n_plain < kept && !rows[g->n_plain].row.is_batch)
		g->n_plain++;
	g->n_batch = kept - g->n_plain;
	resolve(g->tiers, g->n_plain);
	resolve(g->tiers + g->n_plain, g->n_batch);
}

static enum err
make_groups(struct meter_prices *p, struct meter_price *rows, size_t n)
{
	p->groups = arena_calloc(p->arena, n, sizeof(*p->groups));
	if (p->groups == NULL)
		return ERR_NOMEM;
	if (n > 1)
		qsort(rows, n, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < n;) {
		struct group *g = &p->groups[p->n_groups++];
		size_t end = i + 1;

		while (end < n && is_same_model(&rows[i], &rows[end]))
			end++;
		fill_group(g, rows + i, end - i);
		p->n_rows += g->n_plain + g->n_batch;
		i = end;
	}
	return ERR_OK;
}

#define KEY_SIZE (PRICE_PROVIDER_MAX + 1 + PRICE_MODEL_MAX)

/* The key of the map; absent when no row can have such names. */
static struct str
make_key(char key[KEY_SIZE], struct str provider, struct str model)
{
	if (provider.n == 0 || provider.n > PRICE_PROVIDER_MAX ||
	    model.n == 0 || model.n > PRICE_MODEL_MAX)
		return (struct str){ 0 };
	memcpy(key, provider.p, provider.n);
	key[provider.n] = '\0';
	memcpy(key + provider.n + 1, model.p, model.n);
	return str_of(key, provider.n + 1 + model.n);
}

static int
compare_patterns(const void *a, const void *b)
{
	const struct group *x = *(struct group *const *)a;
	const struct group *y = *(struct group *const *)b;
	int c = compare_i64(x->list, y->list);

	if (c == 0)
		c = str_cmp(x->provider, y->provider);
	if (c == 0)
		c = compare_i64((int64_t)y->n_literals, (int64_t)x->n_literals);
	return c != 0 ? c : str_cmp(x->model, y->model);
}

static enum err
make_index(struct meter_prices *p)
{
	p->exact = map_new(p->n_groups + 1);
	p->patterns = arena_calloc(p->arena, p->n_groups, sizeof(*p->patterns));
	if (p->exact == NULL || p->patterns == NULL)
		return ERR_NOMEM;
	/* backwards, so that chains begin with the first list */
	for (size_t i = p->n_groups; i-- > 0;) {
		struct group *g = &p->groups[i];
		char text[KEY_SIZE];
		struct str key = make_key(text, g->provider, g->model);

		if (g->n_literals < g->model.n) {
			p->patterns[p->n_patterns++] = g;
			continue;
		}
		g->next = map_find(p->exact, key);
		key = arena_str(p->arena, key);
		if (!str_present(key) || map_put(p->exact, key, g) != ERR_OK)
			return ERR_NOMEM;
	}
	if (p->n_patterns > 1)
		qsort(p->patterns, p->n_patterns, sizeof(*p->patterns),
		    compare_patterns);
	return ERR_OK;
}

static enum err
build(
    struct meter_prices *p, const struct meter_price_source *sources, size_t n)
{
	size_t n_rows = 0;
	struct meter_price *rows = copy_rows(p, sources, n, &n_rows);
	enum err e = rows != NULL ? make_groups(p, rows, n_rows) : ERR_NOMEM;

	if (e == ERR_OK)
		e = make_index(p);
	return arena_failed(p->arena) ? ERR_NOMEM : e;
}

enum err
meter_prices_new(const struct meter_price_source *sources, size_t n,
    struct meter_prices **out)
{
	struct arena *a;
	struct meter_prices *p;
	size_t n_rows = 0;
	enum err e;

	for (size_t i = 0; i < n; i++) {
		if (sources[i].n > METER_PRICES_MAX - n_rows)
			return ERR_LIMIT;
		n_rows += sources[i].n;
	}
	a = arena_new(ARENA_MAX);
	p = a != NULL ? ARENA_NEW(a, struct meter_prices) : NULL;
	if (p == NULL) {
		arena_free(a);
		return ERR_NOMEM;
	}
	p->arena = a;
	e = build(p, sources, n);
	if (e == ERR_OK)
		*out = p;
	else
		meter_prices_free(p);
	return e;
}

enum err
meter_prices_of(const struct conf *c, const struct price_row *stored, size_t n,
    struct meter_prices **out)
{
	const struct conf_catalogue *k = c->catalogue;
	const struct meter_price_source sources[] = {
		{ c->prices, c->n_prices, METER_PRICE_OWN,
		    METER_PRICE_VERSION_OWN },
		{ stored, n, METER_PRICE_IMPORTED, 0 },
		{ k != NULL ? k->rows : NULL, k != NULL ? k->n_rows : 0,
		    METER_PRICE_CATALOGUE, k != NULL ? k->version : 0 },
	};

	return meter_prices_new(
	    sources, sizeof(sources) / sizeof(*sources), out);
}

void
meter_prices_free(struct meter_prices *p)
{
	if (p == NULL)
		return;
	map_free(p->exact);
	arena_free(p->arena);
}

size_t
meter_prices_count(const struct meter_prices *p)
{
	return p != NULL ? p->n_rows : 0;
}

/* ---- looking up --------------------------------------------------------- */

static const struct group *
find_exact(const struct meter_prices *p, struct str provider, struct str model)
{
	UNCLEARED char text[KEY_SIZE];
	struct str key = make_key(text, provider, model);

	return str_present(key) ? map_find(p->exact, key) : NULL;
}

static const struct group *
find_pattern(const struct meter_prices *p, enum meter_price_list list,
    struct str provider, struct str model)
{
	size_t low = 0, high = p->n_patterns;

	/* the first of this list and provider */
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct group *g = p->patterns[mid];
		int c = compare_i64(g->list, list);

		if (c == 0)
			c = str_cmp(g->provider, provider);
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < p->n_patterns; low++) {
		const struct group *g = p->patterns[low];

		if (g->list != list || !str_eq(g->provider, provider))
			break;
		if (str_glob(g->model, model))
			return g;
	}
	return NULL;
}

static const struct group *
in_list(const struct group *chain, enum meter_price_list list)
{
	while (chain != NULL && chain->list != list)
		chain = chain->next;
	return chain;
}

static const struct group *
find_group(const struct meter_prices *p, struct str provider, struct str model)
{
	const struct str any = STR("*");
	const struct group *named = find_exact(p, provider, model);
	const struct group *all = find_exact(p, any, model);
	const struct group *g = NULL;

	for (unsigned i = 0; g == NULL && i < METER_PRICE_LIST__MAX; i++) {
		g = in_list(named, i);
		if (g == NULL)
			g = in_list(all, i);
		if (g == NULL)
			g = find_pattern(p, i, provider, model);
		if (g == NULL)
			g = find_pattern(p, i, any, model);
	}
	return g;
}

static const struct group *
find_anywhere(const struct meter_prices *p, const struct meter_price_ask *ask)
{
	const struct str models[] = { ask->model, ask->family };
	const struct group *g = NULL;

	for (size_t m = 0; g == NULL && m < 2; m++) {
		if (models[m].n == 0)
			continue;
		g = find_group(p, ask->provider, models[m]);
		for (size_t i = 0; g == NULL && i < sizeof(same_prices) /
							sizeof(*same_prices);
		     i++) {
			if (str_eqz(ask->provider, same_prices[i].provider))
				g = find_group(
				    p, str_z(same_prices[i].as), models[m]);
		}
	}
	return g;
}

static bool
find_tier(const struct group *g, bool is_batch, int64_t prompt_tokens,
    struct meter_price *out)
{
	const struct meter_price *tiers = g->tiers, *best = NULL;
	size_t n = g->n_plain;

	if (is_batch && g->n_batch > 0) {
		tiers += g->n_plain;
		n = g->n_batch;
	}
	for (size_t i = 0; i < n; i++) {
		int64_t above = tiers[i].row.above;

		if (above == 0 || prompt_tokens > above)
			best = &tiers[i];
	}
	if (best == NULL)
		return false;
	*out = *best;
	return true;
}

bool
meter_price_find(const struct meter_prices *p,
    const struct meter_price_ask *ask, int64_t prompt_tokens,
    struct meter_price *out)
{
	const struct group *g;

	if (ask->own != NULL) {
		*out = (struct meter_price){ .row = *ask->own,
			.list = METER_PRICE_OWN,
			.version = METER_PRICE_VERSION_OWN };
		resolve(out, 1);
		return true;
	}
	if (p == NULL)
		return false;
	g = find_anywhere(p, ask);
	return g != NULL && find_tier(g, ask->is_batch, prompt_tokens, out);
}

/* ---- counting ----------------------------------------------------------- */

/* As much of *rest as part is; unknown is nothing. */
static int64_t
take(int64_t *rest, int64_t part)
{
	int64_t n = part < 0 ? 0 : part > *rest ? *rest : part;

	*rest -= n;
	return n;
}

static bool
is_counted(const struct meter_price *price, const struct msg_usage *u,
    struct money_sum *sum)
{
	int64_t n[PRICE__MAX] = { 0 };
	int64_t rest = u->prompt > 0 ? u->prompt : 0;

	n[PRICE_CACHED] = take(&rest, u->cached);
	n[PRICE_CACHE_WRITE] = take(&rest, u->written);
	n[PRICE_CACHE_WRITE_1H] = take(&n[PRICE_CACHE_WRITE], u->written_1h);
	n[PRICE_AUDIO_IN] = take(&rest, u->audio_in);
	n[PRICE_IMAGE_IN] = take(&rest, u->image_in);
	n[PRICE_INPUT] = rest;
	rest = u->completion > 0 ? u->completion : 0;
	n[PRICE_REASONING] = take(&rest, u->reasoning);
	n[PRICE_AUDIO_OUT] = take(&rest, u->audio_out);
	n[PRICE_IMAGE_OUT] = take(&rest, u->image_out);
	n[PRICE_OUTPUT] = rest;
	for (unsigned i = 0; i < PRICE_PER_REQUEST; i++) {
		if (n[i] == 0)
			continue;
		if (price->row.part[i] < 0)
			return false;
		money_add_tokens(sum, n[i], price->row.part[i]);
	}
	if (price->row.part[PRICE_PER_REQUEST] >= 0)
		money_add_nano(sum, price->row.part[PRICE_PER_REQUEST]);
	return true;
}

bool
meter_price_cost_of(const struct meter_prices *p,
    const struct meter_price_ask *ask, const struct msg_usage *usage,
    nanousd_t *cost, int64_t *version)
{
	struct money_sum sum = { 0 };
	struct meter_price price;

	if (usage->prompt < 0 && usage->completion < 0)
		return false;
	if (!meter_price_find(p, ask, usage->prompt, &price) ||
	    price_row_is_empty(&price.row) ||
	    !is_counted(&price, usage, &sum) || !money_total(&sum, cost))
		return false;
	if (*cost > METER_COST_MAX)
		*cost = METER_COST_MAX;
	if (version != NULL)
		*version = price.version;
	return true;
}

bool
meter_price_cost(const struct meter_prices *p, struct str provider_kind,
    struct str model, const struct msg_usage *usage, nanousd_t *cost,
    int64_t *version)
{
	const struct meter_price_ask ask = { .provider = provider_kind,
		.model = model };

	return meter_price_cost_of(p, &ask, usage, cost, version);
}

bool
meter_price_target_cost(const struct meter_prices *p,
    const struct conf_target *target, const struct msg_usage *usage,
    nanousd_t *cost, int64_t *version)
{
	const struct meter_price_ask ask = {
		.provider = target->provider->price_as,
		.model = target->model,
		.family = target->family,
		.own = target->has_price ? &target->price : NULL,
	};

	return meter_price_cost_of(p, &ask, usage, cost, version);
}

const struct conf_target *
meter_price_target_find(
    const struct conf *c, struct str provider, struct str model)
{
	for (uint32_t i = 0; c != NULL && i < c->n_models; i++) {
		const struct conf_model *m = &c->models[i];

		for (uint32_t k = 0; k < m->n_targets; k++) {
			const struct conf_target *t = &m->targets[k];

			if (str_eq(t->provider->name, provider) &&
			    str_eq(t->model, model))
				return t;
		}
	}
	return NULL;
}

bool
meter_price_booked_cost(const struct meter_prices *p, const struct conf *c,
    struct str provider, struct str price_as, struct str model,
    const struct msg_usage *usage, nanousd_t *cost, int64_t *version)
{
	const struct conf_target *t =
	    meter_price_target_find(c, provider, model);

	if (t != NULL)
		return meter_price_target_cost(p, t, usage, cost, version);
	return meter_price_cost(p, price_as, model, usage, cost, version);
}

bool
meter_price_estimate(const struct meter_prices *p,
    const struct conf_target *target, int64_t prompt, int64_t completion,
    nanousd_t *cost)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;

	u.prompt = prompt;
	u.completion = completion;
	return meter_price_target_cost(p, target, &u, cost, NULL);
}
