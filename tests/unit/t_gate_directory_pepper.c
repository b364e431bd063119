/* The directory and client keys: the pepper's file, and the hot path. */
#include "gate/directory.h"

#include "base/map.h"
#include "gate/auth.h"
#include "gate/pepper.h"
#include "gate_directory_help.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

static void
put_pepper(const char *folder, const char *bytes)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/pepper", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, 32, f), 32);
	fclose(f);
}

#define KEY "llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* The hot path: whole credentials to a client, without memory or a thread. */
static void
test_a_hit_costs_nothing(void **state)
{
	enum {
		ROUNDS = 100000
	};
	struct gate_credentials cred = { .authorization = STR("Bearer " KEY),
		.address = STR("127.0.0.1") };
	struct gate_directory_options o = options;
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_client client = { 0 };
	struct gate_verdict v;
	struct msg_fail fail;
	struct conf conf = { .keys_by_hash = map_new(1) };
	struct asker a = { 0 };
	struct mallinfo2 before, after;
	usec_t start;
	struct bed b;
	int runs;

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	assert_int_equal(
	    gate_identify(&conf, b.d, NULL, &cred, &client, &v, &fail),
	    ERR_AGAIN);
	b.fake.row[0].first = v.want.id[0];
	a.look.want = v.want;
	assert_true(gate_directory_look(b.d, &a.look, on_told, &a));
	loop_turn(b.loop);
	assert_int_equal(a.refusal, GATE_WELCOME);
	runs = b.fake.runs;
	before = mallinfo2();
	clock_real();
	start = clock_mono();
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(
		    gate_identify(&conf, b.d, NULL, &cred, &client, &v, &fail),
		    ERR_OK);
		gate_client_fini(&client);
	}
	start = clock_mono() - start;
	after = mallinfo2();
	assert_int_equal(before.uordblks, after.uordblks);
	assert_int_equal(b.fake.runs, runs);
	print_message("a known key: %d ns\n", (int)(start * 1000 / ROUNDS));
	tear_down(&b);
	map_free(conf.keys_by_hash);
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	rmdir(folder);
}

/* Another pepper: what was known and what is being asked is of the past. */
static void
test_pepper(void **state)
{
	struct gate_directory_options o = options;
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_want w, w2;
	struct asker a;
	struct bed b;

	(void)state;
	assert_non_null(mkdtemp(folder));
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	assert_false(gate_directory_want_key(b.d, STR(KEY), &w));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	pass(&b, POLL);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w));
	assert_int_equal(w.sort, GATE_WANT_KEY);
	assert_string_equal(w.public_part, "AAAAAAAA");
	assert_false(gate_directory_want_key(b.d, STR("sk-proj-abc"), &w2));
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	gate_directory_set(b.d, &o); /* the same pepper */
	assert_get(&b, 1, GATE_WELCOME, true);
	ask(&b, &a, 2, 0);
	put_pepper(folder, "fedcba9876543210fedcba9876543210");
	gate_directory_set(b.d, &o);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w2));
	assert_memory_not_equal(w.id, w2.id, sizeof(w.id));
	loop_turn(b.loop);
	assert_int_equal(a.told, 1);
	assert_get(&b, 2, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	/* a file that went leaves the pepper that is known */
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	gate_directory_set(b.d, &o);
	assert_get(&b, 1, GATE_WELCOME, true);
	tear_down(&b);
	rmdir(folder);
}

/* Another file is seen with the next poll; older ones go with each want. */
static void
test_older_peppers(void **state)
{
	struct gate_directory_options o = options;
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_pepper now = { 0 };
	struct gate_want w, w2;
	struct bed b;

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w));
	assert_int_equal(w.n_older, 0);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_int_equal(gate_pepper_add(str_z(folder), &now), ERR_OK);
	gate_pepper_fini(&now);
	assert_get(&b, 1, GATE_WELCOME, true);
	pass(&b, POLL);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w2));
	assert_int_equal(w2.n_older, 1);
	assert_memory_equal(w2.older[0], w.id, sizeof(w.id));
	assert_memory_not_equal(w2.id, w.id, sizeof(w.id));
	assert_get(&b, 1, GATE_WELCOME, false);
	pass(&b, POLL); /* the same file: nothing is forgotten */
	assert_get(&b, 1, GATE_WELCOME, true);
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	pass(&b, POLL);
	assert_get(&b, 1, GATE_WELCOME, true);
	tear_down(&b);
	rmdir(folder);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hit_costs_nothing),
		cmocka_unit_test(test_pepper),
		cmocka_unit_test(test_older_peppers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
