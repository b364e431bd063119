#include "store/price.h"

#include "base/arena.h"
#include "store_bed.h"

static struct price_row
row_of(const char *provider, const char *model, int64_t in, int64_t out)
{
	struct price_row r;

	price_row_init(&r);
	r.provider = str_z(provider);
	r.model = str_z(model);
	r.part[PRICE_INPUT] = in;
	r.part[PRICE_OUTPUT] = out;
	return r;
}

static int64_t
added(const char *source, struct price_row *rows, size_t n, bool want_new)
{
	int64_t id = -1;
	bool is_new = !want_new;

	assert_int_equal(store_price_add(bed_store, source, STR("a note"), rows,
			     n, &id, &is_new),
	    ERR_OK);
	assert_true(is_new == want_new);
	assert_true(id > 0);
	return id;
}

struct list {
	struct arena *arena;
	struct price_row *rows;
	size_t n;
};

static struct list
rows_upto(int64_t upto)
{
	struct list l = { .arena = arena_new((size_t)16 * 1024 * 1024) };

	assert_non_null(l.arena);
	assert_int_equal(
	    store_price_rows(bed_store, upto, l.arena, &l.rows, &l.n), ERR_OK);
	return l;
}

static void
newest_counts(void **state)
{
	struct price_row a[] = {
		row_of("openai", "o3", 2000000, 8000000),
		row_of("openai", "gpt-4o", 2500000, 10000000),
		row_of("openai", "gpt-4o", 1250000, 5000000),
		row_of("gemini", "pro", 1, 1),
		row_of("gemini", "pro", 2, 2),
	};
	struct price_row b[] = { row_of("gemini", "pro", 3, -1) };
	int64_t first, second;
	struct list l;

	(void)state;
	a[2].is_batch = true;
	a[4].above = 200000;
	a[4].part[PRICE_PER_REQUEST] = 7;
	first = added("litellm", a, COUNT(a), true);
	second = added("genai-prices", b, 1, true);
	assert_true(second > first);

	l = rows_upto(0);
	/* of gemini's pro nothing of the first is left, not even its tier */
	assert_int_equal(l.n, 4);
	assert_str(l.rows[0].provider, "gemini");
	assert_int_equal(l.rows[0].part[PRICE_INPUT], 3);
	assert_int_equal(l.rows[0].part[PRICE_OUTPUT], PRICE_NONE);
	assert_int_equal(l.rows[0].version, second);
	assert_false(l.rows[0].is_hand);
	assert_str(l.rows[1].model, "gpt-4o");
	assert_false(l.rows[1].is_batch);
	assert_int_equal(l.rows[1].version, first);
	assert_true(l.rows[2].is_batch);
	assert_int_equal(l.rows[2].part[PRICE_OUTPUT], 5000000);
	arena_free(l.arena);

	l = rows_upto(first);
	assert_int_equal(l.n, 5);
	assert_int_equal(l.rows[1].above, 200000);
	assert_int_equal(l.rows[1].part[PRICE_PER_REQUEST], 7);
	assert_int_equal(l.rows[1].part[PRICE_CACHED], PRICE_NONE);
	arena_free(l.arena);
}

static void
same_set_once(void **state)
{
	struct price_row a[] = { row_of("x", "a", 1, 2),
		row_of("x", "b", 3, 4) };
	struct price_row turned[] = { a[1], a[0] };
	struct price_row other[] = { row_of("x", "a", 1, 3) };
	int64_t id = added("litellm", a, 2, true);

	(void)state;
	/* in another order it is the same set */
	assert_int_equal(added("litellm", turned, 2, false), id);
	/* by hand it means another thing */
	(void)added(STORE_PRICE_HAND, a, 2, true);
	assert_int_equal(added("litellm", a, 2, false), id);
	/* something came between: it shall count again */
	(void)added("models.dev", other, 1, true);
	assert_true(added("litellm", a, 2, true) > id);
}

static void
hand_and_unset(void **state)
{
	struct price_row import[] = { row_of("x", "a", 1, 1) };
	struct price_row hand[] = { row_of("x", "a", 2, 2) };
	struct price_row none[] = { row_of("x", "a", -1, -1) };
	struct list l;

	(void)state;
	(void)added(STORE_PRICE_HAND, hand, 1, true);
	(void)added("litellm", import, 1, true);
	l = rows_upto(0);
	assert_int_equal(l.n, 2);
	assert_true(l.rows[0].is_hand);
	assert_int_equal(l.rows[0].part[PRICE_INPUT], 2);
	assert_false(l.rows[1].is_hand);
	arena_free(l.arena);
	/* "has no price" is a row; "unset" is none */
	(void)added(STORE_PRICE_HAND, none, 1, true);
	l = rows_upto(0);
	assert_int_equal(l.n, 2);
	assert_true(price_row_is_empty(&l.rows[0]));
	arena_free(l.arena);
	(void)added(STORE_PRICE_UNSET, none, 1, true);
	l = rows_upto(0);
	assert_int_equal(l.n, 1);
	assert_false(l.rows[0].is_hand);
	arena_free(l.arena);
}

static void
versions(void **state)
{
	struct price_row a[] = { row_of("x", "a", 1, 2),
		row_of("x", "b", 3, 4) };
	struct price_row b[] = { row_of("x", "c", 1, 2) };
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct store_price_version *v;
	int64_t second, newest = -1;
	size_t n = 99;

	(void)state;
	assert_int_equal(store_price_newest(bed_store, &newest), ERR_OK);
	assert_int_equal(newest, 0);
	assert_int_equal(
	    store_price_versions(bed_store, 10, arena, &v, &n), ERR_OK);
	assert_int_equal(n, 0);
	clock_set(0, 1700000000000000);
	(void)added("litellm", a, 2, true);
	clock_real();
	second = added("hand", b, 1, true);
	assert_int_equal(store_price_newest(bed_store, &newest), ERR_OK);
	assert_int_equal(newest, second);
	assert_int_equal(
	    store_price_versions(bed_store, 10, arena, &v, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(v[0].id, second);
	assert_str(v[0].source, "hand");
	assert_str(v[1].note, "a note");
	assert_int_equal(v[1].n_rows, 2);
	assert_true(v[1].created == 1700000000000000);
	assert_int_equal(v[1].digest.n, 64);
	assert_int_equal(
	    store_price_versions(bed_store, 1, arena, &v, &n), ERR_OK);
	assert_int_equal(n, 1);
	arena_free(arena);
}

static void
bad_sets(void **state)
{
	struct price_row twice[] = { row_of("x", "a", 1, 1),
		row_of("x", "a", 2, 2) };
	struct price_row bad[] = { row_of("x", "", 1, 1) };
	int64_t id;
	bool is_new;

	(void)state;
	assert_int_equal(
	    store_price_add(bed_store, "hand", STR(""), twice, 2, &id, &is_new),
	    ERR_RANGE);
	assert_int_equal(
	    store_price_add(bed_store, "hand", STR(""), bad, 1, &id, &is_new),
	    ERR_RANGE);
	assert_int_equal(
	    store_price_add(bed_store, "hand", STR(""), bad, 0, &id, &is_new),
	    ERR_RANGE);
}

/* More than go in one round trip. */
static void
many(void **state)
{
	enum {
		N = 1203
	};
	static struct price_row rows[N];
	static char names[N][16];
	struct list l;

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "m%05d", i);
		rows[N - 1 - i] = row_of("x", names[i], i, -1);
	}
	(void)added("litellm", rows, N, true);
	l = rows_upto(0);
	assert_int_equal(l.n, N);
	for (int i = 0; i < N; i++) {
		assert_str(l.rows[i].model, names[i]);
		assert_int_equal(l.rows[i].part[PRICE_INPUT], i);
	}
	arena_free(l.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(newest_counts),
		BED_TEST(same_set_once),
		BED_TEST(hand_and_unset),
		BED_TEST(versions),
		BED_TEST(bad_sets),
		BED_TEST(many),
	};

	return bed_run("prices", tests, COUNT(tests));
}
