#include "store/seal.h"

#include "check.h"

static const char one[] = "11111111111111111111111111111111";
static const char two[] = "22222222222222222222222222222222";
static const struct store_masters old = { .key = { { one, 32 } }, .n = 1 };
static const struct store_masters both = {
	.key = { { two, 32 }, { one, 32 } },
	.n = 2,
};
static const struct store_masters fresh = { .key = { { two, 32 } }, .n = 1 };
static const struct store_masters none;

static const struct store_seal_place place = {
	.id = 7,
	.family = { "x", 1 },
	.provider = { "p", 1 },
};

static char master_id[SEAL_ID_SIZE];
static struct buf sealed;

static void
seal_with(const struct store_masters *masters)
{
	buf_init(&sealed, 9000);
	assert_int_equal(
	    store_seal(masters, &place, STR("sk-1"), master_id, &sealed),
	    ERR_OK);
}

static enum err
unseal(
    const struct store_masters *masters, const struct store_seal_place *where)
{
	struct secret *s = NULL;
	enum err e = store_unseal(
	    masters, where, str_z(master_id), buf_str(&sealed), &s);

	if (e == ERR_OK)
		assert_str(secret_str(s), "sk-1");
	secret_unref(s);
	return e;
}

static void
test_masters(void **state)
{
	(void)state;
	seal_with(&old);
	assert_int_equal(unseal(&old, &place), ERR_OK);
	assert_int_equal(unseal(&both, &place), ERR_OK);
	assert_int_equal(unseal(&fresh, &place), ERR_NOT_FOUND);
	assert_int_equal(unseal(&none, &place), ERR_NOT_FOUND);
	buf_fini(&sealed);
	seal_with(&both);
	assert_int_equal(unseal(&fresh, &place), ERR_OK);
	assert_int_equal(unseal(&old, &place), ERR_NOT_FOUND);
	buf_fini(&sealed);
	buf_init(&sealed, 100);
	assert_int_equal(
	    store_seal(&none, &place, STR("sk-1"), master_id, &sealed),
	    ERR_UNSUPPORTED);
}

/* Of another row, another name, another provider: it does not open. */
static void
test_places(void **state)
{
	struct store_seal_place p = place;

	(void)state;
	seal_with(&old);
	p.id = 8;
	assert_int_equal(unseal(&old, &p), ERR_DENIED);
	p = place;
	p.family = STR("y");
	assert_int_equal(unseal(&old, &p), ERR_DENIED);
	p = place;
	p.provider = STR("q");
	assert_int_equal(unseal(&old, &p), ERR_DENIED);
	p.family = STR("x\np");
	p.provider = (struct str){ 0 };
	assert_int_equal(unseal(&old, &p), ERR_DENIED);
	sealed.p[sealed.n - 1] ^= 1;
	assert_int_equal(unseal(&old, &place), ERR_DENIED);
	sealed.p[0] = 9;
	assert_int_equal(unseal(&old, &place), ERR_SYNTAX);
	buf_fini(&sealed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masters),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
