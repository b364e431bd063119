/*
 * What people and keys cost in the database: a key's look-up with all that
 * decides what it may, with 100 and with 100 000 keys, beside the shortest
 * statement; a whole list of the keys; one audited change. Nothing is asserted
 * but that it works.
 *
 *	tests/bench/keys_bench URL	of an empty database: it is filled
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rand.h"
#include "store/act.h"
#include "store/key.h"
#include "store/people.h"
#include "store/person.h"
#include "store/schema.h"

enum {
	FEW = 100,
	MANY = 100000,
	TEAMS = 100,
	LOOKS = 5000,
	CHANGES = 200,
	BATCH = 1000
};

static const struct store_sql shortest[] = {
	{ "SELECT 1", NULL },
	/* a grant for each team, as an organisation has them */
	{ "INSERT INTO model_grant (tenant_id, team_id, sort, pattern,"
	  " is_allowed, created) SELECT tenant_id, id, 'name', 'gpt-*', 1, 1"
	  " FROM team",
	    NULL },
	STORE_SQL_END,
};

static struct store *store;
static struct store_tenant tenant;
static int64_t team[TEAMS];

static void
must(enum err e, const char *what)
{
	if (e == ERR_OK)
		return;
	(void)fprintf(stderr, "%s: %s: %s\n", what, err_word(e),
	    store != NULL ? store_why(store) : "");
	exit(1);
}

static void
hash_of(unsigned i, unsigned char hash[HASH_KEY_BYTES])
{
	char text[32];
	int n = snprintf(text, sizeof(text), "key %u", i);

	hash_key(str_of(text, (size_t)n), (struct str){ 0 }, hash);
}

static void
add_key(unsigned i)
{
	unsigned char hash[HASH_KEY_BYTES];
	char name[16], public_part[16];
	struct store_key k = { .tenant_id = tenant.id,
		.team_id = team[i % TEAMS],
		.pepper_id = STR("bench") };
	int n;

	(void)snprintf(name, sizeof(name), "key-%u", i);
	k.name = str_z(name);
	n = snprintf(public_part, sizeof(public_part), "%08u", i);
	k.public_part = str_of(public_part, (size_t)n);
	hash_of(i, hash);
	must(store_key_add(store, &k, hash), "add a key");
}

static void
fill(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		if ((i - from) % BATCH == 0)
			must(store_begin(store), "begin");
		add_key(i);
		if ((i - from) % BATCH == BATCH - 1 || i + 1 == to)
			must(store_commit(store), "commit");
	}
}

static void
begin(void)
{
	tenant = (struct store_tenant){ .name = STR("acme"),
		.timezone = STR("UTC") };
	must(store_tenant_add(store, &tenant), "add a tenant");
	for (unsigned i = 0; i < TEAMS; i++) {
		char name[16];
		int n = snprintf(name, sizeof(name), "team-%u", i);
		struct store_team t = { .tenant_id = tenant.id,
			.name = str_of(name, (size_t)n) };

		must(store_team_add(store, &t), "add a team");
		team[i] = t.id;
	}
	must(store_run(store, &shortest[1], NULL, 0, NULL, NULL), "grants");
}

static int
by_size(const void *a, const void *b)
{
	usec_t x = *(const usec_t *)a, y = *(const usec_t *)b;

	return (x > y) - (x < y);
}

static void
tell(const char *what, usec_t *t, unsigned n)
{
	qsort(t, n, sizeof(*t), by_size);
	(void)printf("%-36s p50 %6lld us  p99 %6lld us\n", what,
	    (long long)t[n / 2], (long long)t[n - n / 100 - 1]);
}

static usec_t took[LOOKS];

static void
look_up(const char *what, unsigned keys)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		struct arena *a = arena_new((size_t)1024 * 1024);
		unsigned char hash[HASH_KEY_BYTES];
		struct store_person p;
		usec_t start;

		hash_of((unsigned)rand_below(keys), hash);
		start = clock_mono();
		must(store_person_by_key(store, hash, STR("developer"), a, &p),
		    "look up");
		took[i] = clock_mono() - start;
		ASSERT(p.n_grants == 1);
		arena_free(a);
	}
	tell(what, took, LOOKS);
}

static void
ask_shortest(void)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		usec_t start = clock_mono();

		must(
		    store_run(store, &shortest[0], NULL, 0, NULL, NULL), "ask");
		took[i] = clock_mono() - start;
	}
	tell("SELECT 1", took, LOOKS);
}

static enum err
on_key(void *arg, const struct store_key *k)
{
	(void)k;
	++*(unsigned *)arg;
	return ERR_OK;
}

static void
list(void)
{
	usec_t start = clock_mono();
	unsigned n = 0;

	must(store_key_each(store, 0, 0, 0, on_key, &n), "list");
	(void)printf("%-36s %u keys in %lld ms\n", "list", n,
	    (long long)((clock_mono() - start) / USEC_PER_MSEC));
}

static enum err
block(struct store *s, void *arg)
{
	const struct store_act act = { STR("cli:bench"), { 0 }, { 0 } };
	struct store_key *k = arg;
	enum err e;

	k->is_blocked = !k->is_blocked;
	e = store_key_set(s, k);
	return e != ERR_OK ? e
			   : store_act_note(s, &act, "key.block", STR("key:1"),
				 k->tenant_id, (struct str){ 0 }, "key", k->id);
}

static void
change(void)
{
	struct arena *a = arena_new((size_t)1024 * 1024);
	struct store_key k;

	must(store_key_find(store, tenant.id, STR("key-1"), a, &k), "find");
	for (unsigned i = 0; i < CHANGES; i++) {
		usec_t start = clock_mono();

		must(store_atomically(store, block, &k), "change");
		took[i] = clock_mono() - start;
	}
	tell("change with audit, durable", took, CHANGES);
	arena_free(a);
}

int
main(int argc, char **argv)
{
	struct store_options o = {
		.create = true, .any_schema = true, .timeout = 60 * USEC_PER_SEC
	};
	char why[STORE_WHY_SIZE] = "";
	enum err e;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: keys_bench URL\n");
		return 2;
	}
	rand_init();
	e = store_open(str_z(argv[1]), &o, &store, why);
	if (e == ERR_OK)
		e = store_schema_init(store, NULL, NULL, why);
	if (e != ERR_OK) {
		(void)fprintf(stderr, "%s\n", why);
		return 1;
	}
	begin();
	fill(0, FEW);
	ask_shortest();
	look_up("look up one of 100 keys", FEW);
	fill(FEW, MANY);
	look_up("look up one of 100 000 keys", MANY);
	list();
	change();
	store_close(store);
	return 0;
}
