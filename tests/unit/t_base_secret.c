#include "base/secret.h"

#include <pthread.h>
#include <unistd.h>

#include "check.h"

static void
holds_a_copy(void **state)
{
	char key[] = "sk-test";
	struct secret *s = secret_new(str_z(key));

	(void)state;
	assert_non_null(s);
	secret_wipe(key, sizeof(key));
	for (size_t i = 0; i < sizeof(key); i++)
		assert_int_equal(key[i], 0);
	assert_str(secret_str(s), "sk-test");
	assert_ptr_equal(secret_ref(s), s);
	secret_unref(s);
	assert_str(secret_str(s), "sk-test");
	secret_unref(s);
	secret_unref(NULL);
	assert_null(secret_ref(NULL));
	assert_false(str_present(secret_str(NULL)));
	assert_null(secret_new(str_of("x", SIZE_MAX)));
}

/* The slot stays mapped for the next secret, so it can be looked at. */
static void
is_wiped_when_freed(void **state)
{
	struct secret *s = secret_new(STR("do not leave this around"));
	const char *p = secret_str(s).p;

	(void)state;
	secret_unref(s);
	for (int i = 0; i < 24; i++)
		assert_int_equal(p[i], 0);
}

static void
all_sizes(void **state)
{
	static char text[9000];
	struct secret *s[300];

	(void)state;
	memset(text, 'k', sizeof(text));
	for (size_t i = 0; i < COUNT(s); i++) {
		s[i] = secret_new(str_of(text, i * 30));
		assert_non_null(s[i]);
	}
	for (size_t i = 0; i < COUNT(s); i++) {
		assert_int_equal(secret_str(s[i]).n, i * 30);
		assert_memory_equal(secret_str(s[i]).p, text, i * 30);
	}
	for (size_t i = 0; i < COUNT(s); i++)
		secret_unref(s[i]);
}

static unsigned
lines_of(const char *path, const char *word, unsigned long p)
{
	char line[512];
	unsigned n = 0;
	bool is_ours = p == 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (p && sscanf(line, "%lx-%lx ", &from, &to) == 2)
			is_ours = p >= from && p < to;
		n += is_ours && strstr(line, word) != NULL;
	}
	fclose(f);
	return n;
}

/* "dd" among the flags of its mapping: MADV_DONTDUMP. */
static void
is_not_in_core_dumps(void **state)
{
	struct secret *s = secret_new(STR("x"));

	(void)state;
	assert_int_equal(lines_of("/proc/self/smaps", " dd",
			     (unsigned long)(uintptr_t)secret_str(s).p),
	    1);
	secret_unref(s);
}

/* 10 000 client keys must not cost 10 000 mappings (the limit is 65 530). */
static void
many_are_cheap(void **state)
{
	static struct secret *s[10000];
	unsigned before = lines_of("/proc/self/maps", "-", 0), after;

	(void)state;
	for (size_t i = 0; i < COUNT(s); i++) {
		s[i] = secret_new(STR("sk-0123456789abcdefghijklmnop"));
		assert_non_null(s[i]);
	}
	after = lines_of("/proc/self/maps", "-", 0);
	assert_true(after < before + 50);
	for (size_t i = 0; i < COUNT(s); i++)
		secret_unref(s[i]);
}

static void *
share(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		struct secret *mine = secret_new(STR("mine"));

		secret_unref(secret_ref(arg));
		if (!mine || !str_eqz(secret_str(mine), "mine"))
			return arg;
		secret_unref(mine);
	}
	return NULL;
}

static void
counting_is_atomic(void **state)
{
	struct secret *s = secret_new(STR("shared"));
	pthread_t t[4];
	void *bad;

	(void)state;
	for (unsigned i = 0; i < COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, share, s), 0);
	for (unsigned i = 0; i < COUNT(t); i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	assert_str(secret_str(s), "shared");
	secret_unref(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_a_copy),
		cmocka_unit_test(is_wiped_when_freed),
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(is_not_in_core_dumps),
		cmocka_unit_test(many_are_cheap),
		cmocka_unit_test(counting_is_atomic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
