#include "store/key.h"

#include "store_people.h"

#include "base/buf.h"
#include "store/person.h"

static unsigned char hash[3][HASH_KEY_BYTES];

static struct store_key
add_key(const char *name, const char *public_part, unsigned i)
{
	struct store_key k = { .tenant_id = acme.id,
		.team_id = red.id,
		.name = str_z(name),
		.public_part = str_z(public_part),
		.pepper_id = STR("p1"),
		.models = STR("gpt-* claude"),
		.networks = STR("10.0.0.0/8") };

	memset(hash[i], 1 + (int)i, sizeof(hash[i]));
	assert_int_equal(store_key_add(bed_store, &k, hash[i]), ERR_OK);
	return k;
}

static void
test_make(void **state)
{
	char a[STORE_KEY_SIZE + 1], b[STORE_KEY_SIZE + 1];

	(void)state;
	store_key_make(a);
	store_key_make(b);
	assert_int_equal(strlen(a), 58);
	assert_true(str_starts(str_z(a), STR("llmgw_")));
	assert_int_equal(a[14], '_');
	assert_string_not_equal(a, b);
	assert_ptr_equal(store_key_public(str_z(a)).p, a + 6);
	assert_int_equal(store_key_public(str_z(a)).n, 8);
	assert_false(str_present(store_key_public(STR("llmgw_x"))));
	a[14] = 'x';
	assert_false(str_present(store_key_public(str_z(a))));
}

static void
test_add_and_find(void **state)
{
	unsigned char read[HASH_KEY_BYTES];
	struct store_key k, got;

	(void)state;
	add_people();
	k = add_key("ci", "AAAAAAAA", 0);
	assert_int_equal(
	    store_key_find(bed_store, acme.id, STR("ci"), arena, &got), ERR_OK);
	assert_str(got.name, "ci");
	assert_str(got.tenant, "acme");
	assert_str(got.team, "red");
	assert_false(str_present(got.user));
	assert_int_equal(got.expires, 0);
	assert_int_equal(got.replaced_by, 0);
	assert_str(got.models, "gpt-* claude");
	assert_str(got.hours, "");
	assert_int_equal(got.id, k.id);
	assert_int_equal(
	    store_key_find_public(bed_store, STR("AAAAAAAA"), arena, &got),
	    ERR_OK);
	assert_int_equal(got.id, k.id);
	assert_int_equal(store_key_find(bed_store, 99, STR("ci"), arena, &got),
	    ERR_NOT_FOUND);
	assert_int_equal(store_key_hash(bed_store, k.id, read), ERR_OK);
	assert_memory_equal(read, hash[0], sizeof(read));
	assert_int_equal(store_key_hash(bed_store, 99, read), ERR_NOT_FOUND);
	/* Name, public part and hash are each of one key only. */
	k.public_part = STR("BBBBBBBB");
	assert_int_equal(store_key_add(bed_store, &k, hash[1]), ERR_DENIED);
	k.name = STR("cd");
	assert_int_equal(store_key_add(bed_store, &k, hash[0]), ERR_DENIED);
}

static void
test_set(void **state)
{
	struct store_key k, got;

	(void)state;
	add_people();
	k = add_key("ci", "AAAAAAAA", 0);
	k.is_blocked = true;
	k.expires = 12345;
	k.models = (struct str){ 0 };
	k.hours = STR("mon-fri 08:00-18:00");
	assert_int_equal(store_key_set(bed_store, &k), ERR_OK);
	assert_int_equal(
	    store_key_find(bed_store, acme.id, STR("ci"), arena, &got), ERR_OK);
	assert_true(got.is_blocked);
	assert_int_equal(got.expires, 12345);
	assert_str(got.models, "");
	assert_str(got.hours, "mon-fri 08:00-18:00");
	k.id = 99;
	assert_int_equal(store_key_set(bed_store, &k), ERR_NOT_FOUND);
}

static enum err
on_key(void *arg, const struct store_key *k)
{
	char *names = arg;

	(void)snprintf(names + strlen(names), 30, "%.*s ", STR_ARG(k->name));
	return ERR_OK;
}

static void
expect(int64_t tenant_id, int64_t team_id, int64_t user_id, const char *all)
{
	char names[128] = "";

	assert_int_equal(store_key_each(bed_store, tenant_id, team_id, user_id,
			     on_key, names),
	    ERR_OK);
	assert_string_equal(names, all);
}

/* The old secret stays for a while, and is the same client. */
static void
test_rotate(void **state)
{
	struct store_key k, old;
	int64_t id;

	(void)state;
	add_people();
	k = add_key("ci", "AAAAAAAA", 0);
	id = k.id;
	memset(hash[1], 2, sizeof(hash[1]));
	assert_int_equal(store_key_rotate(bed_store, &k, STR("BBBBBBBB"),
			     STR("p2"), hash[1], 777),
	    ERR_OK);
	assert_int_equal(k.id, id);
	assert_str(k.public_part, "BBBBBBBB");
	assert_int_equal(
	    store_key_find(bed_store, acme.id, STR("ci"), arena, &k), ERR_OK);
	assert_int_equal(k.id, id);
	assert_str(k.public_part, "BBBBBBBB");
	assert_str(k.pepper_id, "p2");
	assert_str(k.name, "ci");
	assert_int_equal(k.expires, 0);
	assert_int_equal(
	    store_key_find_public(bed_store, STR("AAAAAAAA"), arena, &old),
	    ERR_OK);
	assert_int_equal(old.replaced_by, id);
	assert_int_equal(old.expires, 777);
	assert_str(old.pepper_id, "p1");
	assert_str(old.name, "ci~AAAAAAAA");
	assert_str(old.team, "red");
	memset(hash[2], 3, sizeof(hash[2]));
	/* A former secret has no successor of its own. */
	assert_int_equal(store_key_rotate(bed_store, &old, STR("CCCCCCCC"),
			     STR("p2"), hash[2], 888),
	    ERR_NOT_FOUND);
	assert_int_equal(store_key_rotate(bed_store, &k, STR("CCCCCCCC"),
			     STR("p2"), hash[2], 888),
	    ERR_OK);
	expect(0, 0, 0, "ci ci~AAAAAAAA ci~BBBBBBBB ");
}

static void
test_rotated_is_the_same_person(void **state)
{
	struct store_person p;
	struct store_key k;

	(void)state;
	add_people();
	k = add_key("ci", "AAAAAAAA", 0);
	memset(hash[1], 2, sizeof(hash[1]));
	assert_int_equal(store_key_rotate(bed_store, &k, STR("BBBBBBBB"),
			     STR("p2"), hash[1], 777),
	    ERR_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_person_by_key(bed_store, hash[i],
				     (struct str){ 0 }, arena, &p),
		    ERR_OK);
		assert_int_equal(p.key_id, k.id);
		assert_str(p.key, "ci");
		assert_str(p.models, "gpt-* claude");
		assert_int_equal(p.expires, i == 0 ? 777 : 0);
	}
	/* What ends the key ends its former secrets. */
	k.expires = 500;
	assert_int_equal(store_key_set(bed_store, &k), ERR_OK);
	assert_int_equal(store_person_by_key(
			     bed_store, hash[0], (struct str){ 0 }, arena, &p),
	    ERR_OK);
	assert_int_equal(p.expires, 500);
	k.is_blocked = true;
	assert_int_equal(store_key_set(bed_store, &k), ERR_OK);
	assert_int_equal(store_person_by_key(
			     bed_store, hash[0], (struct str){ 0 }, arena, &p),
	    ERR_OK);
	assert_true(p.is_blocked);
}

/* Whichever pepper it hangs on: its hash is one of them. */
static void
test_older_peppers(void **state)
{
	unsigned char older[STORE_PERSON_OLDER_MAX][HASH_KEY_BYTES];
	struct store_person p;
	struct store_key k;

	(void)state;
	add_people();
	k = add_key("ci", "AAAAAAAA", 0);
	memset(hash[1], 9, sizeof(hash[1]));
	for (uint32_t n = 1; n <= STORE_PERSON_OLDER_MAX; n++) {
		memset(older, 8, sizeof(older));
		assert_int_equal(
		    store_person_by_keys(bed_store, hash[1],
			(const unsigned char(*)[HASH_KEY_BYTES])older, n,
			(struct str){ 0 }, arena, &p),
		    ERR_NOT_FOUND);
		memcpy(older[n - 1], hash[0], sizeof(hash[0]));
		assert_int_equal(
		    store_person_by_keys(bed_store, hash[1],
			(const unsigned char(*)[HASH_KEY_BYTES])older, n,
			(struct str){ 0 }, arena, &p),
		    ERR_OK);
		assert_int_equal(p.key_id, k.id);
	}
	/* what lies behind those that count does not */
	assert_int_equal(
	    store_person_by_keys(bed_store, hash[1],
		(const unsigned char(*)[HASH_KEY_BYTES])older,
		STORE_PERSON_OLDER_MAX - 1, (struct str){ 0 }, arena, &p),
	    ERR_NOT_FOUND);
}

static enum err
on_pepper(void *arg, struct str id, int64_t secrets, int64_t lasting)
{
	buf_printf(arg, "%.*s %lld %lld, ", STR_ARG(id), (long long)secrets,
	    (long long)lasting);
	return ERR_OK;
}

static void
expect_peppers(usec_t now, const char *what)
{
	struct buf b;

	buf_init(&b, 256);
	assert_int_equal(
	    store_key_peppers(bed_store, now, on_pepper, &b), ERR_OK);
	assert_str(buf_str(&b), what);
	buf_fini(&b);
}

static void
test_peppers(void **state)
{
	struct store_key k;

	(void)state;
	add_people();
	expect_peppers(1, "");
	(void)add_key("other", "CCCCCCCC", 1);
	k = add_key("ci", "AAAAAAAA", 0);
	expect_peppers(1, "p1 2 2, ");
	memset(hash[2], 7, sizeof(hash[2]));
	assert_int_equal(store_key_rotate(bed_store, &k, STR("BBBBBBBB"),
			     STR("p2"), hash[2], 777),
	    ERR_OK);
	expect_peppers(776, "p1 2 2, p2 1 1, ");
	expect_peppers(777, "p1 2 1, p2 1 1, ");
}

static void
test_each(void **state)
{
	struct store_key k;

	(void)state;
	add_people();
	(void)add_key("b", "AAAAAAAA", 0);
	(void)add_key("a", "BBBBBBBB", 1);
	k = (struct store_key){ .tenant_id = acme.id,
		.user_id = kim.id,
		.name = STR("kims"),
		.public_part = STR("CCCCCCCC"),
		.pepper_id = STR("p1") };
	memset(hash[2], 3, sizeof(hash[2]));
	assert_int_equal(store_key_add(bed_store, &k, hash[2]), ERR_OK);
	expect(0, 0, 0, "a b kims ");
	expect(acme.id, red.id, 0, "a b ");
	expect(0, 0, kim.id, "kims ");
	expect(99, 0, 0, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		PEOPLE_TEST(test_add_and_find),
		PEOPLE_TEST(test_set),
		PEOPLE_TEST(test_rotate),
		PEOPLE_TEST(test_rotated_is_the_same_person),
		PEOPLE_TEST(test_older_peppers),
		PEOPLE_TEST(test_peppers),
		PEOPLE_TEST(test_each),
	};

	return bed_run("key", tests, COUNT(tests));
}
