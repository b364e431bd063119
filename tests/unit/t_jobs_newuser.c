#include "jobs/newuser.h"

#include "jobs/audit.h"
#include "store_people.h"

enum {
	AUDIT,
	CHANGES,
	USERS,
	ROLES,
	NEWEST,
	FILL,
};

static const struct store_sql sql[] = {
	[AUDIT] = { "SELECT COUNT(*) FROM audit", NULL },
	[CHANGES] = { "SELECT COUNT(*) FROM change_log WHERE sort = 'user'",
	    NULL },
	[USERS] = { "SELECT COUNT(*) FROM user_account", NULL },
	[ROLES] = { "SELECT (SELECT COUNT(*) FROM role_grant)"
		    " + (SELECT COUNT(*) FROM model_grant)"
		    " + (SELECT COUNT(*) FROM team_member)",
	    NULL },
	[NEWEST] = { "SELECT COUNT(*) FROM audit WHERE seq ="
		     " (SELECT MAX(seq) FROM audit) AND actor = 'issuer:i'"
		     " AND action = 'user.create' AND object = ?"
		     " AND tenant_id = ? AND result = ?",
	    NULL },
	[FILL] = { "INSERT INTO user_account (tenant_id, name, created,"
		   " changed) VALUES (?, ?, 1, 1)",
	    NULL },
	STORE_SQL_END,
};

static struct jobs_audit jobs;

struct told {
	const char *detail;
	unsigned char id;
};

static enum err
tell_in(struct store *s, void *arg)
{
	const struct told *t = arg;
	struct meter_event ev = { .id = { t->id },
		.at = clock_wall(),
		.actor = STR("issuer:i"),
		.action = STR(METER_EVENT_NEW_USER),
		.object = STR("user"),
		.result = STR("ok"),
		.detail = str_z(t->detail) };
	char bytes[METER_EVENT_MAX];

	return jobs_audit_add(
	    s, &jobs, str_of(bytes, meter_event_encode(&ev, bytes)));
}

/* What is added to the audit and to the change log by it. */
static void
tell(const char *detail, unsigned char id, int audit, int changes)
{
	struct told t = { detail, id };
	int64_t a = count(&sql[AUDIT]), c = count(&sql[CHANGES]);

	assert_int_equal(store_atomically(bed_store, tell_in, &t), ERR_OK);
	assert_int_equal(count(&sql[AUDIT]) - a, audit);
	assert_int_equal(count(&sql[CHANGES]) - c, changes);
}

static void
assert_newest(const char *object, int64_t tenant_id, const char *result)
{
	const struct store_value v[] = { store_text(str_z(object)),
		store_int(tenant_id), store_text(str_z(result)) };
	int64_t n = 0;

	assert_int_equal(
	    store_run(bed_store, &sql[NEWEST], v, 3, store_row_int, &n),
	    ERR_OK);
	assert_int_equal(n, 1);
}

static void
test_made_once(void **state)
{
	struct store_user u;
	char object[32];

	(void)state;
	add_people();
	tell("{\"tenant\":\"acme\",\"name\":\"lee \\u00e9\"}", 1, 1, 1);
	assert_int_equal(
	    store_user_find(bed_store, acme.id, STR("lee \xc3\xa9"), arena, &u),
	    ERR_OK);
	assert_false(u.is_blocked);
	(void)snprintf(object, sizeof(object), "user:%lld", (long long)u.id);
	assert_newest(object, acme.id, "ok");
	/* told by another worker, or read once more; and who was there */
	tell("{\"tenant\":\"acme\",\"name\":\"lee \\u00e9\"}", 2, 0, 0);
	tell("{\"tenant\":\"acme\",\"name\":\"lee \\u00e9\"}", 1, 0, 0);
	tell("{\"tenant\":\"acme\",\"name\":\"kim\"}", 3, 0, 0);
	assert_int_equal(count(&sql[USERS]), 2);
	/* he may nothing by it */
	assert_int_equal(count(&sql[ROLES]), 0);
	assert_int_equal(jobs.damaged, 0);
}

static void
test_not_made(void **state)
{
	static const char *const bad[] = { "", "{}", "nonsense",
		"{\"tenant\":\"acme\"}", "{\"name\":\"lee\"}",
		"{\"tenant\":7,\"name\":\"lee\"}",
		"{\"tenant\":\"acme\",\"name\":\"\"}",
		"{\"tenant\":\"acme\",\"name\":\"a\\nb\"}" };

	(void)state;
	add_people();
	jobs.damaged = 0;
	for (unsigned char i = 0; i < COUNT(bad); i++)
		tell(bad[i], (unsigned char)(20 + i), 0, 0);
	assert_int_equal(jobs.damaged, COUNT(bad));
	jobs.damaged = 0;
	/* a tenant is not made */
	tell("{\"tenant\":\"emca\",\"name\":\"lee\"}", 1, 1, 0);
	acme.is_blocked = true;
	assert_int_equal(store_tenant_set(bed_store, &acme), ERR_OK);
	tell("{\"tenant\":\"acme\",\"name\":\"lee\"}", 2, 1, 0);
	assert_newest("user", acme.id, "no_tenant");
	assert_int_equal(count(&sql[USERS]), 1);
}

static void
test_bounded(void **state)
{
	int64_t id;

	(void)state;
	add_people();
	id = add_tenant("big");
	assert_int_equal(store_begin(bed_store), ERR_OK);
	for (int done = 0; done < JOBS_NEWUSER_MAX; done += 1000) {
		static struct store_value v[1000][2];
		static char name[1000][16];

		for (int i = 0; i < 1000; i++) {
			(void)snprintf(
			    name[i], sizeof(name[i]), "u%d", done + i);
			v[i][0] = store_int(id);
			v[i][1] = store_text(str_z(name[i]));
		}
		assert_int_equal(
		    store_run_many(bed_store, &sql[FILL], &v[0][0], 2, 1000),
		    ERR_OK);
	}
	assert_int_equal(store_commit(bed_store), ERR_OK);
	tell("{\"tenant\":\"big\",\"name\":\"lee\"}", 1, 1, 0);
	assert_newest("user", id, "too_many");
	tell("{\"tenant\":\"acme\",\"name\":\"lee\"}", 2, 1, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PEOPLE_TEST(test_made_once),
		PEOPLE_TEST(test_not_made),
		PEOPLE_TEST(test_bounded),
	};

	return bed_run("jobs newuser", tests, COUNT(tests));
}
