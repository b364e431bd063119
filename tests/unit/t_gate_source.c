#include "gate/source.h"

#include "check.h"
#include "store/act.h"
#include "store/change.h"
#include "store/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct store_sql rows[] = {
	{ "INSERT INTO tenant (id, name, created, changed)"
	  " VALUES (1, 'acme', 1, 1)",
	    NULL },
	{ "INSERT INTO user_account (id, tenant_id, name, created, changed)"
	  " VALUES (5, 1, 'kim', 1, 1)",
	    NULL },
	{ "INSERT INTO client_key (id, tenant_id, name, public, hash,"
	  " pepper_id, created, changed)"
	  " VALUES (7, 1, 'ci', 'AAAAAAAA', ?, 'p', 1, 1)",
	    NULL },
	{ "INSERT INTO model_grant (tenant_id, role, sort, pattern,"
	  " is_allowed, created) VALUES (1, 'developer', 'name', '*', 1, 1)",
	    NULL },
	STORE_SQL_END,
};

static char folder[64], url[128];
static struct store *store; /* the administrator's */
static struct store_pool *pool;
static struct gate_source source;
static struct gate_batch batch;
static unsigned char hash[HASH_KEY_BYTES] = { 1, 2, 3 };

static int
setup_without(void **state)
{
	(void)state;
	batch = (struct gate_batch){ .seen = -1 };
	snprintf(folder, sizeof(folder), "/tmp/llmgw-source-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(url, sizeof(url), "sqlite://%s/a.db", folder);
	pool = store_pool_new(str_z(url), NULL, 2);
	if (!pool)
		return -1;
	source = gate_source_store(pool);
	return 0;
}

static int
setup(void **state)
{
	struct store_options o = { .create = true, .any_schema = true };
	struct store_value v = store_blob(hash, sizeof(hash));
	char why[STORE_WHY_SIZE];

	if (setup_without(state) != 0 ||
	    store_open(str_z(url), &o, &store, why) != ERR_OK ||
	    store_schema_init(store, NULL, NULL, why) != ERR_OK)
		return -1;
	for (size_t i = 0; rows[i].text; i++)
		if (store_run(store, &rows[i], &v,
			strchr(rows[i].text, '?') != NULL, NULL,
			NULL) != ERR_OK) {
			print_error("%s\n", store_why(store));
			return -1;
		}
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm",
		"a.db-schema.lock" };
	char path[128];

	(void)state;
	store_pool_free(pool);
	store_close(store);
	store = NULL;
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static enum err
ask(void)
{
	batch.n_changes = 0;
	for (uint32_t i = 0; i < batch.n_wants; i++)
		batch.answer[i] = (struct gate_answer){ .err = ERR_IO };
	return source.run(source.arg, &batch);
}

static void
want_key(const unsigned char *id, const char *public_part)
{
	struct gate_want *w = &batch.want[batch.n_wants++];

	*w = (struct gate_want){ .sort = GATE_WANT_KEY };
	memcpy(w->id, id, sizeof(w->id));
	snprintf(w->public_part, sizeof(w->public_part), "%s", public_part);
}

static void
change(const char *sort, int64_t id)
{
	struct store_act act = { .actor = STR("cli:test") };

	assert_int_equal(store_begin(store), ERR_OK);
	assert_int_equal(store_act_note(store, &act, "test.change", STR("it"),
			     0, (struct str){ 0 }, sort, id),
	    ERR_OK);
	assert_int_equal(store_commit(store), ERR_OK);
}

static void
test_answers(void **state)
{
	unsigned char other[HASH_KEY_BYTES] = { 9 };
	struct conf_model m = { .name = STR("gpt") };

	(void)state;
	want_key(hash, "AAAAAAAA");
	want_key(other, "AAAAAAAA");
	want_key(other, "BBBBBBBB");
	assert_true(gate_want_user(
	    STR("acme"), STR("kim"), &batch.want[batch.n_wants++]));
	assert_true(gate_want_user(
	    STR("acme"), STR("lee"), &batch.want[batch.n_wants++]));
	assert_int_equal(ask(), ERR_OK);
	assert_int_equal(batch.answer[0].err, ERR_OK);
	assert_int_equal(batch.answer[0].person->facts.key_id, 7);
	/* without a user it counts as a developer */
	assert_true(gate_person_may_use(batch.answer[0].person, &m));
	assert_int_equal(batch.answer[1].err, ERR_NOT_FOUND);
	assert_int_equal(batch.answer[1].refusal, GATE_FOREIGN);
	assert_int_equal(batch.answer[2].err, ERR_NOT_FOUND);
	assert_int_equal(batch.answer[2].refusal, GATE_UNKNOWN);
	assert_int_equal(batch.answer[3].err, ERR_OK);
	assert_int_equal(batch.answer[3].person->facts.user_id, 5);
	/* but a user without a role is nobody */
	assert_false(gate_person_may_use(batch.answer[3].person, &m));
	assert_int_equal(batch.answer[4].err, ERR_NOT_FOUND);
	assert_int_equal(batch.answer[4].refusal, GATE_UNKNOWN);
	for (uint32_t i = 0; i < batch.n_wants; i++)
		gate_person_unref(batch.answer[i].person);
}

/* Whom a token names may be made, where his tenant is. */
static void
test_new_users(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct gate_want *w = &batch.want[batch.n_wants++];

		assert_true(gate_want_user(i == 1 ? STR("emca") : STR("acme"),
		    i == 2   ? STR("kim")
		    : i == 3 ? STR("a\nb")
			     : STR("lee"),
		    w));
		w->may_be_new = true;
	}
	assert_int_equal(ask(), ERR_OK);
	assert_int_equal(batch.answer[0].err, ERR_NOT_FOUND);
	assert_int_equal(batch.answer[0].refusal, GATE_NEW);
	assert_int_equal(batch.answer[1].refusal, GATE_UNKNOWN);
	assert_int_equal(batch.answer[2].err, ERR_OK);
	assert_int_equal(batch.answer[3].refusal, GATE_UNKNOWN);
	gate_person_unref(batch.answer[2].person);
}

static void
test_changes(void **state)
{
	static const struct {
		const char *sort;
		enum gate_change_sort is;
	} sorts[] = { { "key", GATE_CHANGE_KEY }, { "user", GATE_CHANGE_USER },
		{ "tenant", GATE_CHANGE_TENANT }, { "team", GATE_CHANGE_ALL },
		{ "role", GATE_CHANGE_ALL }, { "grant", GATE_CHANGE_ALL } };
	int64_t seen;

	(void)state;
	change("key", 1);
	assert_int_equal(ask(), ERR_OK); /* what was before is of no interest */
	assert_true(batch.seen > 0);
	assert_int_equal(batch.n_changes, 0);
	for (size_t i = 0; i < COUNT(sorts); i++) {
		change("limit", 3);
		change(sorts[i].sort, 42);
		change("price", 3);
		seen = batch.seen;
		assert_int_equal(ask(), ERR_OK);
		assert_int_equal(batch.seen, seen + 3);
		assert_int_equal(batch.n_changes, 1);
		assert_int_equal(batch.change[0].sort, sorts[i].is);
		if (sorts[i].is != GATE_CHANGE_ALL)
			assert_int_equal(batch.change[0].id, 42);
		assert_int_equal(ask(), ERR_OK);
		assert_int_equal(batch.n_changes, 0);
	}
}

static void
test_more_changes_than_room(void **state)
{
	int64_t newest;

	(void)state;
	assert_int_equal(ask(), ERR_OK);
	for (uint32_t i = 0; i < GATE_CHANGES_MAX + 44; i++)
		change("key", 1000 + (int64_t)i);
	assert_int_equal(ask(), ERR_OK);
	assert_int_equal(batch.n_changes, 1);
	assert_int_equal(batch.change[0].sort, GATE_CHANGE_ALL);
	assert_int_equal(store_change_last(store, &newest), ERR_OK);
	assert_int_equal(batch.seen, newest);
}

/* Before "llmgwctl db init": nobody is known, and nothing is wrong. */
static void
test_no_database(void **state)
{
	(void)state;
	want_key(hash, "AAAAAAAA");
	assert_int_equal(ask(), ERR_OK);
	assert_int_equal(batch.seen, -1);
	assert_int_equal(batch.answer[0].err, ERR_NOT_FOUND);
	assert_int_equal(batch.answer[0].refusal, GATE_UNKNOWN);
	/* one that was there is another matter */
	batch.seen = 3;
	assert_int_not_equal(ask(), ERR_OK);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_new_users, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_more_changes_than_room, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_no_database, setup_without, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
