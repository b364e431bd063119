#ifndef TESTS_UNIT_GATE_REMOTE_HELP_H
#define TESTS_UNIT_GATE_REMOTE_HELP_H
/* Hosts that count limits together in a memcached of the test's own. */
#include "base/rand.h"
#include "gate/lease.h"
#include "gate/limit_int.h"
#include "gate/remote.h"
#include "memcached_server.h"
#include "store/memcached.h"
#include "sys/stats.h"

#define MINUTE (60 * USEC_PER_SEC)
#define WALL ((usec_t)4000000000 * USEC_PER_SEC)

/*
 * Two hosts: each with a table of its own, one memcached. The loops are
 * virtual, so a job runs within loop_turn.
 */
struct host {
	struct loop *loop;
	struct shm *shm;
	struct gate_limit limit;
	struct gate_remote *remote;
	int away;
};

static struct memcached_server server;
static struct host one, two;
static struct arena *arena;
static usec_t mono, wall_now;

static inline void
on_away(void *arg, bool is_away)
{
	struct host *h = arg;

	h->away += is_away ? 1 : -1;
}

static inline void
host_init(struct host *h, enum conf_away when_away)
{
	const struct str names[] = { str_z(server.name) };
	const struct gate_remote_options o = { names, 1, when_away, on_away,
		h };

	*h = (struct host){ .loop = loop_new_virtual() };
	assert_non_null(h->loop);
	assert_int_equal(shm_open_file(NULL, 64, &h->shm), ERR_OK);
	gate_limit_init(&h->limit, h->shm, 0);
	h->remote = gate_remote_new(h->loop, &h->limit, &o);
	assert_non_null(h->remote);
}

/* Another worker of host one, on that loop; on_away tells two. */
static inline void
worker_init(struct host *w, struct loop *loop)
{
	const struct str names[] = { str_z(server.name) };
	const struct gate_remote_options o = { names, 1, CONF_AWAY_LOCAL,
		on_away, &two };

	*w = one;
	w->loop = loop;
	assert_non_null(loop);
	gate_limit_init(&w->limit, one.shm, 1);
	w->remote = gate_remote_new(loop, &w->limit, &o);
	assert_non_null(w->remote);
}

static inline void
host_fini(struct host *h)
{
	if (!h->loop)
		return;
	gate_remote_free(h->remote);
	assert_int_equal(h->away, 0);
	loop_free(h->loop);
	shm_close(h->shm);
	h->loop = NULL;
}

static inline int
setup(void **state)
{
	(void)state;
	mono = 1000 * USEC_PER_SEC;
	wall_now = WALL;
	clock_set(mono, WALL);
	rand_init_fixed(7);
	arena = arena_new(16 << 20);
	memcached_server_init(&server);
	host_init(&one, CONF_AWAY_LOCAL);
	host_init(&two, CONF_AWAY_LOCAL);
	return arena ? 0 : -1;
}

static inline int
teardown(void **state)
{
	(void)state;
	host_fini(&one);
	host_fini(&two);
	memcached_server_fini(&server);
	arena_free(arena);
	clock_real();
	return 0;
}

/* The clock stands, so time-outs of ours would never come: it is moved. */
static inline void
later(usec_t by)
{
	mono += by;
	clock_set(mono, wall_now);
}

/* What memcached has of such a counter by the minute. */
static inline enum err
memcached_has(struct store_memcached *m, uint64_t identity, int64_t *value)
{
	struct store_count c = {
		.max = INT64_MAX, .expires = 4100000000, .next = 1
	};
	enum err e;

	c.key_n = (uint32_t)snprintf(c.key, sizeof(c.key),
	    "llmgw1:%016llx:%llx", (unsigned long long)identity,
	    (unsigned long long)(WALL / MINUTE));
	e = store_memcached_count(m, &c, 1);
	*value = c.value;
	return e;
}

static inline int64_t
shared(const struct conf_limit *l)
{
	const struct str names[] = { str_z(server.name) };
	struct store_memcached *m =
	    store_memcached_new(names, 1, 10 * USEC_PER_SEC);
	int64_t value;

	assert_non_null(m);
	assert_int_equal(l->per, MINUTE);
	assert_int_equal(memcached_has(m, l->identity, &value), ERR_OK);
	store_memcached_free(m);
	return value;
}

struct asked {
	struct gate_holds holds;
	struct gate_wait wait;
	struct gate_limit_result res;
	enum gate_remote_verdict verdict;
	uint32_t hold;
	int told;
};

static inline void
on_verdict(void *arg, enum gate_remote_verdict verdict, uint32_t hold)
{
	struct asked *a = arg;

	a->verdict = verdict;
	a->hold = hold;
	a->told++;
}

static inline void
ask(struct host *h, const struct conf_limit *l, uint32_t n, int64_t in,
    struct asked *a)
{
	const struct gate_limits list = { l, NULL, n, true };
	const struct gate_ask who = { .input = in };

	*a = (struct asked){ 0 };
	assert_int_equal(gate_limit_take(&h->limit, arena, &list, 1, &who, WALL,
			     &a->holds, &a->res),
	    ERR_OK);
	if (!a->res.admitted) {
		a->verdict = GATE_REMOTE_REFUSED;
		return;
	}
	a->verdict =
	    gate_remote_take(h->remote, &a->holds, &a->wait, on_verdict, a);
}

static inline void
give_back_refused(struct host *h, struct asked *a)
{
	const struct gate_use none = { .is_refused = true };

	gate_limit_settle(&h->limit, &a->holds, &none, NULL);
}

static inline bool
admits(struct host *h, const struct conf_limit *l, uint32_t n, int64_t in,
    struct asked *a)
{
	ask(h, l, n, in, a);
	loop_turn(h->loop);
	assert_true(a->verdict != GATE_REMOTE_WAIT);
	assert_null(a->wait.group);
	if (a->verdict != GATE_REMOTE_ADMITTED && a->holds.n > 0)
		give_back_refused(h, a);
	return a->verdict == GATE_REMOTE_ADMITTED;
}

/* What nobody waits for is sent by then. */
static inline void
pass_a_moment(struct host *h)
{
	loop_turn(h->loop);
	later(10 * USEC_PER_MSEC);
	loop_turn(h->loop);
	assert_int_equal(gate_remote_pending(h->remote), 0);
}

static inline void
both_turn(usec_t by)
{
	later(by);
	loop_turn(one.loop);
	if (two.loop)
		loop_turn(two.loop);
}

/* Both hosts have added their parts to what was lost, and nobody waits. */
static inline void
rebuild(void)
{
	for (int i = 0; i < 4; i++)
		both_turn(GATE_REMOTE_LOOK / 4);
	both_turn(GATE_REMOTE_REBUILD);
	for (int i = 0; i < 4; i++)
		both_turn(10 * USEC_PER_MSEC);
}

/* As admits, of a counter that is lost. */
static inline bool
admits_rebuilt(struct host *h, const struct conf_limit *l, uint32_t n,
    int64_t in, struct asked *a)
{
	ask(h, l, n, in, a);
	loop_turn(h->loop);
	assert_int_equal(a->verdict, GATE_REMOTE_WAIT);
	rebuild();
	assert_int_equal(a->told, 1);
	if (a->verdict != GATE_REMOTE_ADMITTED)
		give_back_refused(h, a);
	return a->verdict == GATE_REMOTE_ADMITTED;
}

static inline void
settle(struct host *h, struct asked *a, int64_t in)
{
	const struct gate_use use = { .input = in };

	gate_remote_settle(h->remote, &a->holds, &use, &a->res);
	pass_a_moment(h);
}

static inline int64_t
used(struct host *h, const struct conf_limit *l)
{
	struct gate_count c;

	gate_limit_look(&h->limit, l, &(struct gate_ask){ 0 }, WALL, &c);
	return c.used;
}

static const struct conf_limit requests = {
	.sort = CONF_LIMIT_REQUESTS, .amount = 10, .per = MINUTE, .identity = 1
};
static const struct conf_limit tokens = {
	.sort = CONF_LIMIT_INPUT, .amount = 100, .per = MINUTE, .identity = 2
};
static const struct conf_limit at_once = {
	.sort = CONF_LIMIT_CONCURRENT, .amount = 2, .identity = 3
};

#endif
