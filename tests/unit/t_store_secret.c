#include "store/secret.h"

#include "store_people.h"

#define NOW ((usec_t)1700000000 * USEC_PER_SEC)

static const char one[] = "11111111111111111111111111111111";
static const char two[] = "22222222222222222222222222222222";
static const struct store_masters old = { .key = { { one, 32 } }, .n = 1 };
static const struct store_masters both = {
	.key = { { two, 32 }, { one, 32 } },
	.n = 2,
};
static const struct store_masters fresh = { .key = { { two, 32 } }, .n = 1 };

static int64_t
add(const char *name, const char *provider, const char *plain)
{
	const struct store_secret_new n = { .name = str_z(name),
		.provider = str_z(provider),
		.plain = str_z(plain),
		.weight = 3 };
	int64_t id = 0;

	assert_int_equal(
	    store_secret_add(bed_store, &old, &n, NOW, &id), ERR_OK);
	assert_true(id > 0);
	return id;
}

static struct store_secret_row
find(const char *name)
{
	struct store_secret_row row;

	assert_int_equal(
	    store_secret_find(bed_store, str_z(name), arena, &row), ERR_OK);
	return row;
}

static struct store_secrets *
load(const struct store_masters *masters)
{
	struct store_secrets *set = NULL;

	assert_int_equal(store_secrets_load(bed_store, masters, &set), ERR_OK);
	assert_non_null(set);
	return set;
}

static void
test_add_and_load(void **state)
{
	struct store_secrets *set;
	struct store_secret_row *rows;
	uint32_t n;

	(void)state;
	set = load(&old);
	assert_int_equal(set->n, 0);
	store_secrets_free(set);
	for (int i = 0; i < 40; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "k%02d", i);
		add(name, i == 1 ? "p" : "", name);
	}
	set = load(&old);
	assert_int_equal(set->n, 40);
	assert_int_equal(set->n_closed, 0);
	assert_str(set->v[1].name, "k01");
	assert_str(set->v[1].provider, "p");
	assert_str(secret_str(set->v[1].secret), "k01");
	assert_int_equal(set->v[1].weight, 3);
	assert_int_equal(set->v[1].not_after, 0);
	store_secrets_free(set);
	store_secrets_free(NULL);
	assert_int_equal(
	    store_secret_list(bed_store, arena, &rows, &n), ERR_OK);
	assert_int_equal(n, 40);
	assert_str(rows[39].name, "k39");
	assert_int_equal(rows[39].created, NOW);
	/* with another master key they are there, but closed */
	set = load(&fresh);
	assert_int_equal(set->n, 40);
	assert_int_equal(set->n_closed, 40);
	assert_null(set->v[0].secret);
	store_secrets_free(set);
}

static void
test_names(void **state)
{
	const struct store_secret_new n = { .name = STR("x"),
		.plain = STR("sk") };
	struct store_secret_row row;
	int64_t id;

	(void)state;
	add("x", "", "sk");
	assert_int_equal(
	    store_secret_add(bed_store, &old, &n, NOW, &id), ERR_DENIED);
	assert_int_equal(
	    store_secret_find(bed_store, STR("y"), arena, &row), ERR_NOT_FOUND);
	assert_int_equal(store_secret_remove(bed_store, find("x").id), ERR_OK);
	assert_int_equal(store_secret_remove(bed_store, 1), ERR_NOT_FOUND);
	assert_int_equal(
	    store_secret_retire(bed_store, 1, NOW, NOW), ERR_NOT_FOUND);
}

static void
test_rotate(void **state)
{
	struct store_secret_row row;
	struct store_secrets *set;
	int64_t first, second = 0, third = 0;
	char name[32];

	(void)state;
	first = add("x", "p", "sk-1");
	row = find("x");
	assert_int_equal(store_secret_rotate(bed_store, &old, &row, STR("sk-2"),
			     0, NOW + 60, NOW, &second),
	    ERR_OK);
	assert_true(second != first);
	(void)snprintf(name, sizeof(name), "x@%lld", (long long)first);
	assert_int_equal(find(name).not_after, NOW + 60);
	assert_int_equal(find(name).id, first);
	assert_int_equal(find("x").id, second);
	assert_int_equal(find("x").weight, 3);
	set = load(&old);
	assert_int_equal(set->n, 2);
	assert_str(secret_str(set->v[0].secret), "sk-2");
	/* the renamed one opens under its new name */
	assert_str(secret_str(set->v[1].secret), "sk-1");
	assert_str(store_secret_family(set->v[1].name), "x");
	store_secrets_free(set);
	/* an earlier end stays */
	assert_int_equal(
	    store_secret_retire(bed_store, second, NOW + 10, NOW), ERR_OK);
	row = find("x");
	assert_int_equal(store_secret_rotate(bed_store, &old, &row, STR("sk-3"),
			     NOW + 5, NOW + 60, NOW, &third),
	    ERR_OK);
	(void)snprintf(name, sizeof(name), "x@%lld", (long long)second);
	assert_int_equal(find(name).not_after, NOW + 10);
	assert_int_equal(find("x").not_before, NOW + 5);
	assert_int_equal(find("x").not_after, 0);
}

static void
test_reseal(void **state)
{
	int64_t a = add("a", "", "sk-a");
	int64_t b = add("b", "", "sk-b");
	struct store_secrets *set;
	bool is_done = true;

	(void)state;
	assert_int_equal(
	    store_secret_reseal(bed_store, &both, a, NOW + 1, &is_done),
	    ERR_OK);
	assert_false(is_done);
	assert_int_equal(find("a").changed, NOW + 1);
	assert_int_equal(
	    store_secret_reseal(bed_store, &both, a, NOW + 2, &is_done),
	    ERR_OK);
	assert_true(is_done);
	assert_int_equal(find("a").changed, NOW + 1);
	/* between: both keys open all, each its own */
	set = load(&both);
	assert_int_equal(set->n_closed, 0);
	store_secrets_free(set);
	set = load(&fresh);
	assert_int_equal(set->n_closed, 1);
	assert_str(secret_str(set->v[0].secret), "sk-a");
	store_secrets_free(set);
	assert_int_equal(
	    store_secret_reseal(bed_store, &fresh, b, NOW, &is_done),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    store_secret_reseal(bed_store, &both, b, NOW, &is_done), ERR_OK);
	assert_int_equal(
	    store_secret_reseal(bed_store, &both, 999, NOW, &is_done),
	    ERR_NOT_FOUND);
	set = load(&fresh);
	assert_int_equal(set->n_closed, 0);
	store_secrets_free(set);
}

/* What providers say of it, in whatever order it comes. */
static void
test_told(void **state)
{
	static const struct {
		const char *provider;
		int status;
		int at;
		const char *why; /* then */
		int since;
	} words[] = {
		{ "p", 401, 10, "p answered 401", 10 },
		{ "p", 403, 12, "p answered 403", 12 },
		{ "p", 401, 11, "p answered 403", 12 }, /* of the past */
		{ "q", 0, 13, "p answered 403", 12 }, /* another's word */
		{ "p", 0, 11, "p answered 403", 12 },
		{ "p", 0, 14, "", 0 },
		{ "p", 402, 13, "", 0 }, /* before it was accepted */
		{ "q", 429, 15, "q answered 429", 15 },
		{ "p", 0, 16, "q answered 429", 15 },
		{ "q", 0, 16, "", 0 },
		{ "q", 401, 16, "q answered 401", 16 },
	};
	int64_t id = add("x", "", "sk"), other = add("y", "", "sk");
	struct store_secrets *set;
	int status = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		assert_int_equal(
		    store_secret_told(bed_store, id, str_z(words[i].provider),
			words[i].status, NOW + words[i].at),
		    ERR_OK);
		assert_str(find("x").out_why, words[i].why);
		assert_int_equal(find("x").out_since,
		    words[i].since > 0 ? NOW + words[i].since : 0);
	}
	assert_int_equal(find("y").out_since, 0);
	assert_int_equal(find("x").changed, NOW);
	set = load(&old);
	assert_int_equal(set->v[0].out_since, NOW + 16);
	assert_true(store_sealed_is_out(&set->v[0], STR("q"), &status));
	assert_int_equal(status, 401);
	assert_false(store_sealed_is_out(&set->v[0], STR("p"), &status));
	assert_false(store_sealed_is_out(&set->v[1], STR("q"), &status));
	store_secrets_free(set);
	assert_int_equal(store_secret_remove(bed_store, other), ERR_OK);
	assert_int_equal(
	    store_secret_told(bed_store, other, STR("p"), 401, NOW), ERR_OK);
}

/* What an attacker with the database alone may do: move rows about. */
static void
test_swapped_rows(void **state)
{
	static const struct store_sql swap[] = {
		{ "UPDATE provider_secret SET sealed = (SELECT p.sealed FROM"
		  " provider_secret p WHERE p.name = 'a') WHERE name = 'b'",
		    NULL },
		{ "UPDATE provider_secret SET provider = 'evil'"
		  " WHERE name = 'a'",
		    NULL },
	};
	struct store_secrets *set;

	(void)state;
	add("a", "p", "sk-a");
	add("b", "p", "sk-b");
	for (size_t i = 0; i < COUNT(swap); i++) {
		assert_int_equal(
		    store_run(bed_store, &swap[i], NULL, 0, NULL, NULL),
		    ERR_OK);
		set = load(&old);
		assert_int_equal(set->n, 2);
		assert_int_equal(set->n_closed, i + 1);
		store_secrets_free(set);
	}
}

/* Nothing of it stands in the file, nor in its journal. */
static void
test_not_in_the_file(void **state)
{
	static const char *const ends[] = { "", "-wal" };
	static const char plain[] = "sk-planted-canary-4711";
	struct str path = bed_url();

	(void)state;
	if (bed_is_mariadb())
		return; /* tests/live/test_canary.py looks into its files */
	path = str_skip(path, sizeof("sqlite://") - 1);
	path.n = str_chr(path, '?');
	add("a", "p", plain);
	for (size_t i = 0; i < COUNT(ends); i++) {
		static char bytes[1 << 22];
		char name[300];
		FILE *f;
		size_t n;

		(void)snprintf(
		    name, sizeof(name), "%.*s%s", STR_ARG(path), ends[i]);
		f = fopen(name, "rb");
		assert_true(f != NULL || i > 0);
		if (f == NULL)
			continue;
		n = fread(bytes, 1, sizeof(bytes), f);
		assert_int_equal(fclose(f), 0);
		assert_true(n > 0);
		assert_false(str_contains(str_of(bytes, n), str_z(plain)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_add_and_load),
		PEOPLE_TEST(test_names),
		PEOPLE_TEST(test_rotate),
		PEOPLE_TEST(test_told),
		PEOPLE_TEST(test_reseal),
		PEOPLE_TEST(test_swapped_rows),
		PEOPLE_TEST(test_not_in_the_file),
	};

	return bed_run("secret", tests, COUNT(tests));
}
