#include "store/people.h"

#include "store_people.h"

static void
test_add_and_find(void **state)
{
	struct store_tenant t;
	usec_t before = clock_wall();

	(void)state;
	add_people();
	assert_true(acme.id > 0 && acme.created >= before);
	assert_int_equal(
	    store_tenant_find(bed_store, STR("acme"), arena, &t), ERR_OK);
	assert_int_equal(t.id, acme.id);
	assert_str(t.name, "acme");
	assert_str(t.title, "Acme");
	assert_str(t.timezone, "Europe/Berlin");
	assert_str(t.residency, "eu");
	assert_false(t.is_blocked);
	assert_int_equal(t.created, acme.created);
	assert_int_equal(t.changed, acme.created);
	/* By bytes: case counts, and so does a blank at the end. */
	assert_int_equal(store_tenant_find(bed_store, STR("Acme"), arena, &t),
	    ERR_NOT_FOUND);
	assert_int_equal(store_tenant_find(bed_store, STR("acme "), arena, &t),
	    ERR_NOT_FOUND);
	assert_int_equal(store_tenant_add(bed_store, &acme), ERR_DENIED);
}

static void
test_set(void **state)
{
	struct store_tenant t;

	(void)state;
	add_people();
	clock_set(0, acme.created + 1000);
	acme.title = (struct str){ 0 };
	acme.timezone = STR("UTC");
	acme.residency = STR("us ca");
	acme.is_blocked = true;
	assert_int_equal(store_tenant_set(bed_store, &acme), ERR_OK);
	clock_real();
	assert_int_equal(
	    store_tenant_find(bed_store, STR("acme"), arena, &t), ERR_OK);
	assert_str(t.title, "");
	assert_str(t.timezone, "UTC");
	assert_str(t.residency, "us ca");
	assert_true(t.is_blocked);
	assert_int_equal(t.changed, acme.created + 1000);
	/* The same again changes nothing and is no error. */
	assert_int_equal(store_tenant_set(bed_store, &acme), ERR_OK);
	acme.id = 99;
	assert_int_equal(store_tenant_set(bed_store, &acme), ERR_NOT_FOUND);
}

static enum err
on_tenant(void *arg, const struct store_tenant *t)
{
	char *names = arg;

	(void)snprintf(names + strlen(names), 8, "%.*s ", STR_ARG(t->name));
	return ERR_OK;
}

static enum err
stop(void *arg, const struct store_tenant *t)
{
	(void)t;
	++*(int *)arg;
	return ERR_LIMIT;
}

static void
test_each(void **state)
{
	char names[64] = "";
	int calls = 0;

	(void)state;
	(void)add_tenant("b");
	(void)add_tenant("a");
	(void)add_tenant("B");
	assert_int_equal(
	    store_tenant_each(bed_store, on_tenant, names), ERR_OK);
	assert_string_equal(names, "B a b ");
	assert_int_equal(store_tenant_each(bed_store, stop, &calls), ERR_LIMIT);
	assert_int_equal(calls, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_add_and_find),
		PEOPLE_TEST(test_set),
		PEOPLE_TEST(test_each),
	};

	return bed_run("tenant", tests, COUNT(tests));
}
