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

/*
 * A command costs a round trip, and many requests count the same: each counter
 * is asked once for all of them. What is known then decides for each in turn,
 * and what was refused is undone in one more command.
 */
struct counter {
	const struct store_count *first; /* its key, and how it begins */
	int64_t seed;
	int64_t net; /* what all want of it */
	int64_t value; /* before the next in turn */
	int64_t undo;
	int64_t least;
	bool is_new;
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
	if (k->seed > c->seed)
		c->seed = k->seed;
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

/* Nobody has it: it begins. Another may be as quick: then it is added. */
static enum err
create(struct call *c, struct counter *k, uint64_t by, uint64_t *got)
{
	const struct store_count *f = k->first;
	uint64_t initial =
	    (uint64_t)num_add_i64_sat(k->seed > 0 ? k->seed : 0, (int64_t)by);
	enum err e = time_left(c);

	k->is_new = true;
	if (e != ERR_OK)
		return e;
	return verdict(memcached_increment_with_initial(c->m->client, f->key,
	    f->key_n, by, initial, (time_t)f->expires, got));
}

/* *value: after it. Nothing there to give back is 0. */
static enum err
add(struct call *c, struct counter *k, int64_t by, int64_t *value)
{
	const struct store_count *f = k->first;
	uint64_t got = 0;
	enum err e = time_left(c);

	if (e != ERR_OK)
		return e;
	if (by < 0) {
		e = verdict(memcached_decrement_with_initial(c->m->client,
		    f->key, f->key_n, 0 - (uint64_t)by, 0,
		    MEMCACHED_EXPIRATION_NOT_ADD, &got));
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	} else {
		e = verdict(memcached_increment_with_initial(c->m->client,
		    f->key, f->key_n, (uint64_t)by, 0,
		    MEMCACHED_EXPIRATION_NOT_ADD, &got));
		if (e == ERR_NOT_FOUND)
			e = create(c, k, (uint64_t)by, &got);
	}
	*value = got < INT64_MAX ? (int64_t)got : INT64_MAX;
	return e;
}

/* What it is, and which version of it. Digits, and blanks where it was more. */
static enum err
look(struct call *c, const struct counter *k, int64_t *value, uint64_t *cas)
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
	    value);
	memcached_result_free(r);
	/* the end of the answer */
	r = memcached_fetch_result(c->m->client, NULL, &rc);
	if (r)
		memcached_result_free(r);
	return e == ERR_OK ? ERR_OK : ERR_CLOSED;
}

#define RAISE_TRIES 8

/* No less than `least`, whoever counts meanwhile. Nobody has it: it begins so. */
static enum err
raise_one(struct call *c, const struct counter *k)
{
	const struct store_count *f = k->first;
	char text[24];
	int64_t value = 0;
	uint64_t cas = 0;
	enum err e;
	int n;

	for (int i = 0; i < RAISE_TRIES; i++) {
		e = look(c, k, &value, &cas);
		if (e == ERR_NOT_FOUND || (e == ERR_OK && value >= k->least))
			return ERR_OK;
		if (e == ERR_OK)
			e = time_left(c);
		if (e != ERR_OK)
			return e;
		n = snprintf(text, sizeof(text), "%lld", (long long)k->least);
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

/* As if nobody had asked yet; no less than nothing. */
static int64_t
before(int64_t value, int64_t net)
{
	if (net > 0)
		return value > net ? value - net : 0;
	return num_add_i64_sat(value, net > -INT64_MAX ? -net : INT64_MAX);
}

static enum err
ask_all(struct call *c, struct counters *t)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct counter *k = &t->all[i];
		enum err e = k->least > 0 ? raise_one(c, k) : ERR_OK;

		if (e != ERR_OK)
			return e;
		e = add(c, k, k->net, &k->value);
		k->counted =
		    e == ERR_OK ? STORE_COUNTED_YES : STORE_COUNTED_UNSURE;
		if (e != ERR_OK)
			return e;
		k->value = before(k->value, k->net);
	}
	return ERR_OK;
}

static enum err
undo_all(struct call *c, struct counters *t)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; e == ERR_OK && i < t->n; i++) {
		struct counter *k = &t->all[i];
		int64_t ignored;

		if (k->undo == 0)
			continue;
		e = add(c, k, -k->undo, &ignored);
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
    uint32_t i)
{
	uint32_t group = counts[i].group, from = i, to = i + 1;

	while (group && from > 0 && counts[from - 1].group == group)
		from--;
	while (group && to < n && counts[to].group == group)
		to++;
	counts[i].is_full = true;
	for (uint32_t k = from; k < to; k++)
		refuse_one(&counts[k], t->of[k], k <= i);
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
		if (c->value < 0)
			c->value = 0;
		k->err = ERR_OK;
		k->value = c->value;
		if (is_beyond(k, c->value))
			refuse(counts, t, n, i);
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
