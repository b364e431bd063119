#include "store/memcached.h"

#include <libmemcached/memcached.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/map.h"
#include "base/num.h"

struct store_memcached {
	struct str *servers;
	uint32_t n_servers;
	usec_t timeout;
	memcached_st *client; /* NULL: none, or dropped after a failure */
};

/* ---- life ---------------------------------------------------------------- */

static struct str
copy_of(struct str s)
{
	char *p = malloc(s.n + 1);

	if (!p)
		return (struct str){ 0 };
	memcpy(p, s.p, s.n);
	p[s.n] = '\0'; /* libmemcached wants it so */
	return str_of(p, s.n);
}

struct store_memcached *
store_memcached_new(const struct str *servers, uint32_t n, usec_t timeout)
{
	struct store_memcached *m =
	    fault("memcached.new") ? NULL : calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->timeout = timeout;
	m->servers = calloc(n ? n : 1, sizeof(*m->servers));
	for (uint32_t i = 0; m->servers && i < n; i++) {
		m->servers[i] = copy_of(servers[i]);
		if (!m->servers[i].p)
			break;
		m->n_servers++;
	}
	if (m->servers && m->n_servers == n)
		return m;
	store_memcached_free(m);
	return NULL;
}

static void
client_drop(struct store_memcached *m)
{
	if (m->client)
		memcached_free(m->client);
	m->client = NULL;
}

void
store_memcached_free(struct store_memcached *m)
{
	if (!m)
		return;
	client_drop(m);
	for (uint32_t i = 0; i < m->n_servers; i++)
		free((char *)(uintptr_t)m->servers[i].p);
	free(m->servers);
	free(m);
}

static bool
server_add(memcached_st *c, struct str server)
{
	char host[256];
	int64_t port = 0;
	size_t colon = server.n;

	if (str_starts(server, STR("unix:")))
		return memcached_server_add_unix_socket(c, server.p + 5) ==
		       MEMCACHED_SUCCESS;
	while (colon > 0 && server.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || colon > sizeof(host) ||
	    num_parse_i64(str_skip(server, colon), &port) != ERR_OK)
		return false;
	memcpy(host, server.p, colon - 1);
	host[colon - 1] = '\0';
	return memcached_server_add(c, host, (in_port_t)port) ==
	       MEMCACHED_SUCCESS;
}

static void
set(memcached_st *c, memcached_behavior_t what, uint64_t v)
{
	/* all of them are known to every libmemcached since 1.0 */
	(void)memcached_behavior_set(c, what, v);
}

static enum err
client_get(struct store_memcached *m)
{
	const uint64_t msec = (uint64_t)(m->timeout / USEC_PER_MSEC);
	memcached_st *c;

	if (m->client)
		return ERR_OK;
	c = memcached_create(NULL);
	if (!c)
		return ERR_NOMEM;
	set(c, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
	set(c, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
	set(c, MEMCACHED_BEHAVIOR_NO_BLOCK, 1);
	set(c, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
	set(c, MEMCACHED_BEHAVIOR_KETAMA, 1);
	set(c, MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, msec);
	set(c, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, msec);
	set(c, MEMCACHED_BEHAVIOR_SND_TIMEOUT, (uint64_t)m->timeout);
	set(c, MEMCACHED_BEHAVIOR_RCV_TIMEOUT, (uint64_t)m->timeout);
	for (uint32_t i = 0; i < m->n_servers; i++) {
		if (!server_add(c, m->servers[i])) {
			memcached_free(c);
			return ERR_NOMEM;
		}
	}
	m->client = c;
	return ERR_OK;
}

/* ---- one call ------------------------------------------------------------ */

struct call {
	struct store_memcached *m;
	usec_t until;
};

static enum err
verdict(memcached_return_t rc)
{
	switch (rc) {
	case MEMCACHED_SUCCESS:
	case MEMCACHED_BUFFERED:
		return ERR_OK;
	case MEMCACHED_NOTFOUND:
		return ERR_NOT_FOUND;
	case MEMCACHED_TIMEOUT:
	case MEMCACHED_IN_PROGRESS:
		return ERR_TIMEOUT;
	case MEMCACHED_MEMORY_ALLOCATION_FAILURE:
		return ERR_NOMEM;
	default:
		return ERR_CLOSED;
	}
}

/* What is left of the time is all that the next command may take. */
static enum err
time_left(struct call *c)
{
	usec_t left = c->until - clock_mono();

	if (left <= 0)
		return ERR_TIMEOUT;
	if (left < c->m->timeout / 2)
		set(c->m->client, MEMCACHED_BEHAVIOR_POLL_TIMEOUT,
		    (uint64_t)((left + USEC_PER_MSEC - 1) / USEC_PER_MSEC));
	return ERR_OK;
}

/* ---- counters of a call ---------------------------------------------------- */

/* The word of a counter. */
#define COUNT_BITS 54
#define COUNT_ZERO (INT64_C(1) << (COUNT_BITS - 1))
#define COUNT_MOST (COUNT_ZERO / 2)
#define GENERATION_MASK 255u
#define IS_REBUILDING (INT64_C(1) << (COUNT_BITS + 8))

/*
 * A command costs a round trip, and many requests count the same: each counter
 * is asked once for all of them. What is known then decides for each in turn,
 * and what was refused is undone in one more command.
 */
struct counter {
	const struct store_count *first; /* its key, and how it begins */
	int64_t net; /* what all want of it */
	int64_t value; /* before the next in turn */
	int64_t undo;
	int64_t least;
	bool make_ready;
	bool is_new;
	bool is_rebuilding;
	uint32_t generation;
	enum store_counted counted; /* net */
	enum store_counted undone;
};

struct counters {
	struct counter *all;
	uint32_t n;
	struct counter **of; /* of each count */
};

static void
counters_fini(struct counters *t)
{
	free(t->all);
	free(t->of);
}

static void
counter_want(struct counter *c, const struct store_count *k)
{
	if (!c->first)
		c->first = k;
	c->make_ready |= k->make_ready;
	if (k->least > c->least)
		c->least = k->least;
	c->net = num_add_i64_sat(c->net, k->add);
}

static enum err
counters_init(struct counters *t, const struct store_count *counts, uint32_t n)
{
	struct map *by_key = map_new(n);
	enum err e = ERR_OK;

	*t = (struct counters){ .all = calloc(n, sizeof(*t->all)),
		.of = calloc(n, sizeof(struct counter *)) };
	if (!by_key || !t->all || !t->of)
		e = ERR_NOMEM;
	for (uint32_t i = 0; e == ERR_OK && i < n; i++) {
		struct str key = str_of(counts[i].key, counts[i].key_n);
		struct counter *c = map_find(by_key, key);

		if (!c) {
			c = &t->all[t->n++];
			e = map_put(by_key, key, c);
		}
		counter_want(c, &counts[i]);
		t->of[i] = c;
	}
	map_free(by_key);
	if (e != ERR_OK)
		counters_fini(t);
	return e;
}

static int64_t
word_of(uint32_t generation, bool is_rebuilding, int64_t count)
{
	return (int64_t)(generation & GENERATION_MASK) << COUNT_BITS |
	       (is_rebuilding ? IS_REBUILDING : 0) | (count + COUNT_ZERO);
}

static uint32_t
generation_of(int64_t word)
{
	return (uint32_t)(word >> COUNT_BITS) & GENERATION_MASK;
}

static int64_t
count_of(int64_t word)
{
	return (word & (COUNT_ZERO * 2 - 1)) - COUNT_ZERO;
}

static int64_t
within(int64_t amount)
{
	return amount > COUNT_MOST    ? COUNT_MOST
	       : amount < -COUNT_MOST ? -COUNT_MOST
				      : amount;
}

/* Nobody has it: it begins. Another may be as quick: then it is added. */
static enum err
create(struct call *c, struct counter *k, int64_t by, uint64_t *got)
{
	const struct store_count *f = k->first;
	bool is_lost = f->was != 0;
	/* what the ledger has is in it when those who count have added theirs */
	int64_t count = within(num_add_i64_sat(is_lost ? 0 : k->least, by));
	uint64_t initial = (uint64_t)word_of(f->next, is_lost, count);
	enum err e = time_left(c);

	if (e != ERR_OK)
		return e;
	e = verdict(memcached_increment_with_initial(c->m->client, f->key,
	    f->key_n, (uint64_t)by, initial, (time_t)f->expires, got));
	k->is_new = e == ERR_OK && *got == initial;
	return e;
}

/* Where nobody knew of any, there is nothing to give back. */
static enum err
add(struct call *c, struct counter *k, int64_t by)
{
	const struct store_count *f = k->first;
	uint64_t got = 0;
	enum err e = time_left(c);

	if (e != ERR_OK)
		return e;
	by = within(by);
	if (by < 0) {
		e = verdict(memcached_decrement_with_initial(c->m->client,
		    f->key, f->key_n, 0 - (uint64_t)by, 0,
		    MEMCACHED_EXPIRATION_NOT_ADD, &got));
		if (e == ERR_NOT_FOUND && f->was == 0)
			return ERR_OK;
	} else {
		e = verdict(memcached_increment_with_initial(c->m->client,
		    f->key, f->key_n, (uint64_t)by, 0,
		    MEMCACHED_EXPIRATION_NOT_ADD, &got));
	}
	if (e == ERR_NOT_FOUND)
		e = create(c, k, by, &got);
	if (e != ERR_OK)
		return e;
	k->generation = generation_of((int64_t)got);
	k->is_rebuilding = ((int64_t)got & IS_REBUILDING) != 0;
	k->value = count_of((int64_t)got);
	return ERR_OK;
}

/* What it is, and which version of it. Digits, and blanks where it was more. */
static enum err
look(struct call *c, const struct counter *k, int64_t *word, uint64_t *cas)
{
	const struct store_count *f = k->first;
	const char *const keys[] = { f->key };
	const size_t lengths[] = { f->key_n };
	memcached_return_t rc;
	memcached_result_st *r;
	enum err e = time_left(c);

	if (e != ERR_OK)
		return e;
	e = verdict(memcached_mget(c->m->client, keys, lengths, 1));
	if (e != ERR_OK)
		return e;
	r = memcached_fetch_result(c->m->client, NULL, &rc);
	if (!r)
		return rc == MEMCACHED_END ? ERR_NOT_FOUND : verdict(rc);
	*cas = memcached_result_cas(r);
	e = num_parse_i64(str_trim(str_of(memcached_result_value(r),
			      memcached_result_length(r))),
	    word);
	memcached_result_free(r);
	/* the end of the answer */
	r = memcached_fetch_result(c->m->client, NULL, &rc);
	if (r)
		memcached_result_free(r);
	return e == ERR_OK ? ERR_OK : ERR_CLOSED;
}

#define PUT_TRIES 8

/* What it is to be instead; the same: nothing to do. */
static int64_t
word_wanted(const struct counter *k, int64_t word)
{
	if (k->make_ready && generation_of(word) == k->first->was)
		word &= ~IS_REBUILDING;
	if (!(word & IS_REBUILDING) && count_of(word) < k->least)
		word = word_of(generation_of(word), false, within(k->least));
	return word;
}

/* No less than `least`, and ready, whoever counts meanwhile. */
static enum err
put_one(struct call *c, const struct counter *k)
{
	const struct store_count *f = k->first;
	char text[24];
	int64_t word = 0, to;
	uint64_t cas = 0;
	enum err e;
	int n;

	for (int i = 0; i < PUT_TRIES; i++) {
		e = look(c, k, &word, &cas);
		to = word_wanted(k, word);
		if (e == ERR_NOT_FOUND || (e == ERR_OK && to == word))
			return ERR_OK;
		if (e == ERR_OK)
			e = time_left(c);
		if (e != ERR_OK)
			return e;
		n = snprintf(text, sizeof(text), "%lld", (long long)to);
		switch (memcached_cas(c->m->client, f->key, f->key_n, text,
		    (size_t)n, (time_t)f->expires, 0, cas)) {
		case MEMCACHED_SUCCESS: /* the next look will tell */
		case MEMCACHED_DATA_EXISTS: /* somebody was quicker */
		case MEMCACHED_NOTFOUND:
			break;
		default:
			return ERR_CLOSED;
		}
	}
	return ERR_OK; /* it is asked for again */
}

static enum err
ask_all(struct call *c, struct counters *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct counter *k = &t->all[i];
		enum err e =
		    k->least > 0 || k->make_ready ? put_one(c, k) : ERR_OK;

		if (e != ERR_OK)
			return e;
		e = add(c, k, k->net);
		k->counted =
		    e == ERR_OK ? STORE_COUNTED_YES : STORE_COUNTED_UNSURE;
		if (e != ERR_OK)
			return e;
		k->value -= k->generation ? within(k->net) : 0;
	}
	return ERR_OK;
}

/* If it is another by now, it never had what is undone. */
static enum err
undo_one(struct call *c, struct counter *k)
{
	const struct counter was = *k;
	enum err e = add(c, k, -k->undo);

	if (e == ERR_OK && k->generation != was.generation)
		e = add(c, k, k->undo);
	k->generation = was.generation;
	k->is_new = was.is_new;
	k->is_rebuilding = was.is_rebuilding;
	return e;
}

static enum err
undo_all(struct call *c, struct counters *t)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; e == ERR_OK && i < t->n; i++) {
		struct counter *k = &t->all[i];

		if (k->undo == 0)
			continue;
		e = undo_one(c, k);
		k->undone =
		    e == ERR_OK ? STORE_COUNTED_YES : STORE_COUNTED_UNSURE;
	}
	return e;
}

/* ---- each in turn ----------------------------------------------------------- */

/* Is it beyond what it may come to? With nothing to add: is none left? */
static bool
is_beyond(const struct store_count *k, int64_t value)
{
	if (k->max == INT64_MAX)
		return false;
	return k->add > 0 ? value > k->max : k->add == 0 && value >= k->max;
}

static void
refuse_one(struct store_count *k, struct counter *c, bool is_counted)
{
	k->err = ERR_DENIED;
	if (k->add <= 0)
		return;
	c->undo = num_add_i64_sat(c->undo, k->add);
	if (is_counted)
		c->value -= k->add;
}

/* Refuses the whole group of counts[i], which stand together. */
static void
refuse(struct store_count *counts, const struct counters *t, uint32_t n,
    uint32_t i, bool is_full)
{
	uint32_t group = counts[i].group, from = i, to = i + 1;

	while (group && from > 0 && counts[from - 1].group == group)
		from--;
	while (group && to < n && counts[to].group == group)
		to++;
	counts[i].is_full = is_full;
	for (uint32_t k = from; k < to; k++)
		refuse_one(&counts[k], t->of[k], k <= i);
}

/* The part of who asks is not in it yet. */
static bool
is_another(const struct store_count *k, const struct counter *c)
{
	return k->was != 0 && c->generation != 0 && c->generation != k->was;
}

static bool
is_unfit(const struct store_count *k, const struct counter *c)
{
	return is_another(k, c) || (c->is_rebuilding && !k->takes_unready);
}

static void
decide(struct store_count *counts, const struct counters *t, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct store_count *k = &counts[i];
		struct counter *c = t->of[i];

		if (k->err == ERR_DENIED) /* its group was refused */
			continue;
		c->value = num_add_i64_sat(c->value, k->add);
		k->err = ERR_OK;
		k->value = c->value > 0 ? c->value : 0;
		if (k->group && is_unfit(k, c))
			refuse(counts, t, n, i, false);
		else if (is_beyond(k, c->value))
			refuse(counts, t, n, i, true);
	}
}

static void
tell_counted(struct store_count *counts, const struct counters *t, uint32_t n)
{
	/* of what is refused, by what of it is undone */
	static const enum store_counted left[] = {
		[STORE_COUNTED_NO] = STORE_COUNTED_YES,
		[STORE_COUNTED_UNSURE] = STORE_COUNTED_UNSURE,
		[STORE_COUNTED_YES] = STORE_COUNTED_NO,
	};

	for (uint32_t i = 0; i < n; i++) {
		counts[i].is_new = t->of[i]->is_new;
		counts[i].generation = t->of[i]->generation;
		counts[i].is_rebuilding = t->of[i]->is_rebuilding;
		counts[i].counted = counts[i].err == ERR_DENIED
					? left[t->of[i]->undone]
					: t->of[i]->counted;
	}
}

static enum err
run(struct call *c, struct store_count *counts, uint32_t n)
{
	struct counters t;
	enum err e = counters_init(&t, counts, n);

	if (e != ERR_OK)
		return e;
	e = ask_all(c, &t);
	if (e == ERR_OK) {
		decide(counts, &t, n);
		e = undo_all(c, &t);
	}
	tell_counted(counts, &t, n);
	counters_fini(&t);
	return e;
}

static enum err
begin(struct store_memcached *m, struct call *c)
{
	enum err e = fault("memcached.call") ? ERR_TIMEOUT : client_get(m);

	*c = (struct call){ m, clock_mono() + m->timeout };
	if (e == ERR_OK)
		set(m->client, MEMCACHED_BEHAVIOR_POLL_TIMEOUT,
		    (uint64_t)(m->timeout / USEC_PER_MSEC));
	return e;
}

enum err
store_memcached_count(
    struct store_memcached *m, struct store_count *counts, uint32_t n)
{
	struct call c;
	enum err e = begin(m, &c);

	for (uint32_t i = 0; i < n; i++) {
		counts[i].err = ERR_CLOSED;
		counts[i].is_full = counts[i].is_new = false;
		counts[i].is_rebuilding = false;
		counts[i].generation = 0;
		counts[i].counted = STORE_COUNTED_NO;
	}
	if (e == ERR_OK && n > 0)
		e = run(&c, counts, n);
	/* A late answer would be taken for that of the next command. */
	if (e != ERR_OK)
		client_drop(m);
	return e;
}

enum err
store_memcached_probe(struct store_memcached *m)
{
	struct call c;
	enum err e = begin(m, &c);

	if (e == ERR_OK)
		e = verdict(memcached_version(m->client));
	if (e != ERR_OK)
		client_drop(m);
	return e;
}
