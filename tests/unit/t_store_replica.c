#include "store/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/change.h"
#include "store/grant.h"
#include "store/key.h"
#include "store/person.h"
#include "store/price.h"
#include "store_people.h"

#define NOW ((usec_t)1000000 * USEC_PER_SEC)

static char folder[64], path[128];
static struct store *to;
static unsigned char hash[HASH_KEY_BYTES];

static void
open_replica(void)
{
	char why[STORE_WHY_SIZE];

	if (store_replica_open(path, &to, why) != ERR_OK)
		fail_msg("%s", why);
}

static int
begin(void **state)
{
	if (people_begin(state) != 0)
		return -1;
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-replica-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/replica.db", folder);
	memset(hash, 7, sizeof(hash));
	open_replica();
	return 0;
}

static int
end(void **state)
{
	static const char *const names[] = { "replica.db", "replica.db-wal",
		"replica.db-shm", "replica.db-schema.lock" };
	char name[192];

	store_close(to);
	to = NULL;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		(void)unlink(name);
	}
	if (rmdir(folder) != 0)
		return -1;
	return people_end(state);
}

static void
changed(const char *sort, int64_t id)
{
	assert_int_equal(store_change_add(bed_store, sort, id), ERR_OK);
}

static void
update(usec_t wall)
{
	bool is_to = false;
	enum err e = store_replica_update(bed_store, to, wall, &is_to);

	if (e != ERR_OK)
		fail_msg(
		    "%s: %s", err_word(e), store_why(is_to ? to : bed_store));
}

static void
add_all(struct store_key *k)
{
	struct store_grant g = { .pattern = STR("gpt-*"), .is_allowed = true };

	add_people();
	changed("tenant", acme.id);
	*k = (struct store_key){ .tenant_id = acme.id,
		.user_id = kim.id,
		.name = STR("laptop"),
		.public_part = STR("AAAAAAAA"),
		.pepper_id = STR("p"),
		.models = STR(""),
		.networks = STR(""),
		.hours = STR("") };
	assert_int_equal(store_key_add(bed_store, k, hash), ERR_OK);
	g.tenant_id = acme.id;
	assert_int_equal(store_grant_add(bed_store, &g), ERR_OK);
	changed("key", k->id);
}

/* Each part of a price, and the next version of it. */
static void
test_prices(void **state)
{
	struct price_row row, *rows = NULL;
	int64_t id = 0;
	bool is_new;
	size_t n = 0;

	(void)state;
	price_row_init(&row);
	row.provider = STR("openai");
	row.model = STR("gpt-*");
	for (int i = 0; i < PRICE__MAX; i++)
		row.part[i] = 100 + i;
	for (int turn = 0; turn < 2; turn++) {
		row.part[PRICE_IMAGE_OUT] += turn;
		assert_int_equal(store_price_add(bed_store, "litellm", STR(""),
				     &row, 1, &id, &is_new),
		    ERR_OK);
		changed("price", id);
		update(NOW + turn);
		assert_int_equal(
		    store_price_rows(to, 0, arena, &rows, &n), ERR_OK);
		assert_int_equal(n, 1);
		assert_int_equal(rows[0].version, id);
		assert_memory_equal(rows[0].part, row.part, sizeof(row.part));
	}
}

static enum err
find(struct store_person *p)
{
	return store_person_by_key(to, hash, STR("developer"), arena, p);
}

static void
test_all_and_one(void **state)
{
	struct store_person p;
	struct store_key k;
	usec_t at = -1;

	(void)state;
	assert_int_equal(store_replica_confirmed(to, &at), ERR_OK);
	assert_int_equal(at, 0);
	add_all(&k);
	update(NOW);
	assert_int_equal(find(&p), ERR_OK);
	assert_true(str_eqz(p.tenant, "acme") && str_eqz(p.user, "kim"));
	assert_true(str_eqz(p.timezone, "Europe/Berlin") && !p.is_blocked);
	assert_int_equal(p.n_grants, 1);
	assert_true(str_eqz(p.grants[0].pattern, "gpt-*"));
	assert_int_equal(store_replica_confirmed(to, &at), ERR_OK);
	assert_int_equal(at, NOW);

	k.is_blocked = true;
	assert_int_equal(store_key_set(bed_store, &k), ERR_OK);
	update(NOW + 1); /* nobody has told */
	assert_int_equal(find(&p), ERR_OK);
	assert_false(p.is_blocked);
	changed("key", k.id);
	update(NOW + 2);
	assert_int_equal(find(&p), ERR_OK);
	assert_true(p.is_blocked);
}

/* A note now and then is enough while nothing changes. */
static void
test_confirmed(void **state)
{
	struct store_key k;
	usec_t at;

	(void)state;
	add_all(&k);
	update(NOW);
	update(NOW + STORE_REPLICA_NOTE - 1);
	assert_int_equal(store_replica_confirmed(to, &at), ERR_OK);
	assert_int_equal(at, NOW);
	update(NOW + STORE_REPLICA_NOTE);
	assert_int_equal(store_replica_confirmed(to, &at), ERR_OK);
	assert_int_equal(at, NOW + STORE_REPLICA_NOTE);
	update(NOW - 5); /* the clock was set back */
	assert_int_equal(store_replica_confirmed(to, &at), ERR_OK);
	assert_int_equal(at, NOW - 5);
}

/* A key whose team only comes with it: all is copied the next time. */
static void
test_a_parent_is_missing(void **state)
{
	struct store_person p;
	struct store_team t;
	struct store_key k;
	bool is_to;

	(void)state;
	add_all(&k);
	update(NOW);
	t = (struct store_team){ .tenant_id = acme.id, .name = STR("late") };
	assert_int_equal(store_team_add(bed_store, &t), ERR_OK);
	k.name = STR("of the team");
	k.public_part = STR("BBBBBBBB");
	k.team_id = t.id;
	memset(hash, 9, sizeof(hash));
	assert_int_equal(store_key_add(bed_store, &k, hash), ERR_OK);
	changed("key", k.id);
	(void)!store_replica_update(bed_store, to, NOW, &is_to);
	update(NOW);
	assert_int_equal(find(&p), ERR_OK);
	assert_true(str_eqz(p.team, "late"));
}

/* The log tells a former secret by the id of its key. */
static void
test_former_secret(void **state)
{
	static const unsigned char newer[HASH_KEY_BYTES] = { 1, 2, 3 };
	struct store_person p;
	struct store_key k, former;

	(void)state;
	add_all(&k);
	update(NOW);
	assert_int_equal(store_key_rotate(bed_store, &k, STR("CCCCCCCC"),
			     STR("p"), newer, NOW + 1),
	    ERR_OK);
	changed("key", k.id);
	update(NOW);
	assert_int_equal(find(&p), ERR_OK);
	assert_false(p.is_blocked);
	assert_int_equal(p.expires, NOW + 1);
	assert_int_equal(p.key_id, k.id);

	assert_int_equal(
	    store_key_find_public(bed_store, STR("AAAAAAAA"), arena, &former),
	    ERR_OK);
	former.is_blocked = true;
	assert_int_equal(store_key_set(bed_store, &former), ERR_OK);
	changed("key", k.id);
	update(NOW);
	assert_int_equal(find(&p), ERR_OK);
	assert_true(p.is_blocked);
	memcpy(hash, newer, sizeof(hash));
	assert_int_equal(find(&p), ERR_OK);
	assert_false(p.is_blocked);
}

/* Behind a gap, and after a rotation, whose rows point to one another. */
static void
test_gap_and_rotation(void **state)
{
	static const unsigned char newer[HASH_KEY_BYTES] = { 1, 2, 3 };
	struct store_person p;
	struct store_key k;
	uint64_t n;

	(void)state;
	add_all(&k);
	update(NOW);
	assert_int_equal(store_key_rotate(bed_store, &k, STR("CCCCCCCC"),
			     STR("p"), newer, NOW + 1),
	    ERR_OK);
	changed("key", k.id);
	changed("grant", 1);
	changed("grant", 1);
	assert_int_equal(
	    store_change_prune(bed_store, INT64_MAX, 1000, &n), ERR_OK);
	assert_true(n > 0);
	update(NOW);
	assert_int_equal(find(&p), ERR_OK);
	assert_int_equal(p.expires, NOW + 1);
	memcpy(hash, newer, sizeof(hash));
	assert_int_equal(find(&p), ERR_OK);
	assert_int_equal(p.expires, 0);
}

/* One of another release is made anew. */
static void
test_another_release(void **state)
{
	static const struct store_sql spoil = {
		"UPDATE meta SET value = '99' WHERE name = 'schema'", NULL
	};
	struct store_person p;
	struct store_key k;

	(void)state;
	add_all(&k);
	update(NOW);
	assert_int_equal(store_run(to, &spoil, NULL, 0, NULL, NULL), ERR_OK);
	store_close(to);
	to = NULL;
	open_replica();
	assert_int_equal(find(&p), ERR_NOT_FOUND);
	update(NOW);
	assert_int_equal(find(&p), ERR_OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_prices),
		TEST(test_all_and_one),
		TEST(test_confirmed),
		TEST(test_a_parent_is_missing),
		TEST(test_former_secret),
		TEST(test_gap_and_rotation),
		TEST(test_another_release),
	};

	return bed_run("replica", tests, COUNT(tests));
}
