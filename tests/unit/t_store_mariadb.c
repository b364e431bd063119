#include "store/store.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"
#include "store/audit.h"
#include "store/driver.h"
#include "store/logday.h"
#include "store/people.h"
#include "store/schema.h"
#include "store/secret.h"
#include "store_bed.h"

static char why[STORE_WHY_SIZE];

/* ---- accounts ------------------------------------------------------------ */

static enum err
open_as(const char *user, const char *more, const char *password)
{
	struct store_options o = {
		.any_schema = true,
		.password = password ? secret_new(str_z(password)) : NULL,
	};
	struct store *s = NULL;
	char url[512];
	enum err e;

	(void)snprintf(url, sizeof(url),
	    "mariadb://%s@localhost/%s?socket=%s%s", user, bed_name(),
	    bed_socket(), more);
	e = store_open(str_z(url), &o, &s, why);
	secret_unref(o.password);
	if (e == ERR_OK)
		store_close(s);
	return e;
}

static void
test_passwords(void **state)
{
	char path[128], more[160];
	FILE *f;

	(void)state;
	if (!bed_is_mariadb())
		skip();
	bed_admin("CREATE OR REPLACE USER t_pass@localhost "
		  "IDENTIFIED BY 'a secret word'");
	bed_admin("GRANT ALL ON *.* TO t_pass@localhost");
	assert_int_equal(open_as("t_pass", "", NULL), ERR_DENIED);
	assert_int_equal(open_as("t_pass", "", "wrong word"), ERR_DENIED);
	assert_null(strstr(why, "wrong word"));
	assert_int_equal(open_as("t_pass", "", "a secret word"), ERR_OK);
	(void)snprintf(path, sizeof(path), "%s/password", bed_folder());
	(void)snprintf(more, sizeof(more), "&password_file=%s", path);
	assert_int_equal(open_as("t_pass", more, NULL), ERR_DENIED);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs("a secret word\n", f);
	(void)fclose(f);
	assert_int_equal(open_as("t_pass", more, NULL), ERR_OK);
	bed_admin("DROP USER t_pass@localhost");
}

static void
test_what_is_not_there(void **state)
{
	const struct store_options o = { .any_schema = true };
	struct store *s = NULL;
	char url[512];

	(void)state;
	if (!bed_is_mariadb())
		skip();
	assert_int_equal(open_as("t_nobody", "", NULL), ERR_DENIED);
	(void)snprintf(url, sizeof(url),
	    "mariadb://root@localhost/t_nothing?socket=%s", bed_socket());
	assert_int_equal(store_open(str_z(url), &o, &s, why), ERR_NOT_FOUND);
	assert_int_equal(
	    store_open(STR("mariadb://root@localhost/x?socket=/nonexistent/s"),
		&o, &s, why),
	    ERR_CLOSED);
	assert_int_equal(
	    store_open(STR("mariadb://root@127.0.0.1:1/x"), &o, &s, why),
	    ERR_CLOSED);
	assert_non_null(strstr(why, "MariaDB 2"));
}

/* ---- the session --------------------------------------------------------- */

static enum err
check_session(void *arg, const struct store_value *row, uint32_t n)
{
	static const char *const modes[] = { "STRICT_ALL_TABLES", "ANSI_QUOTES",
		"PIPES_AS_CONCAT", "NO_BACKSLASH_ESCAPES",
		"NO_ENGINE_SUBSTITUTION", "ONLY_FULL_GROUP_BY" };
	size_t i;

	(void)arg;
	assert_int_equal(n, 5);
	for (i = 0; i < COUNT(modes); i++)
		assert_true(str_contains(row[0].s, str_z(modes[i])));
	assert_str(row[1].s, "READ-COMMITTED");
	assert_str(row[2].s, "utf8mb4_nopad_bin");
	assert_str(row[3].s, "+00:00");
	assert_str(row[4].s, "utf8mb4");
	return ERR_OK;
}

static void
test_session(void **state)
{
	static const struct store_sql ask = { "",
		"SELECT @@sql_mode, @@tx_isolation, @@collation_connection, "
		"@@time_zone, @@character_set_results" };

	(void)state;
	if (!bed_is_mariadb())
		skip();
	assert_string_equal(store_product(bed_store), "mariadb");
	assert_int_equal(
	    store_run(bed_store, &ask, NULL, 0, check_session, NULL), ERR_OK);
}

/* ---- roles.sql ------------------------------------------------------------ */

static void
feed_roles(void)
{
	char option[300];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (freopen(TOP_SRCDIR "/sql/mariadb/roles.sql", "r", stdin) ==
			NULL ||
		    freopen("/dev/null", "w", stdout) == NULL)
			_exit(126);
		(void)snprintf(
		    option, sizeof(option), "--socket=%s", bed_socket());
		(void)execl("/usr/bin/mariadb", "mariadb", "--no-defaults",
		    "--user=root", option, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct store *
as(const char *user, bool any_schema)
{
	struct store_options o = {
		.any_schema = any_schema,
		.password = secret_new(STR("for the test")),
	};
	struct store *s = NULL;
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "ALTER USER %s@localhost IDENTIFIED BY 'for the test'", user);
	bed_admin(text);
	(void)snprintf(text, sizeof(text),
	    "mariadb://%s@localhost/llmgw?socket=%s", user, bed_socket());
	if (store_open(str_z(text), &o, &s, why) != ERR_OK)
		fail_msg("%s: %s", user, why);
	secret_unref(o.password);
	return s;
}

extern const struct store_sql store_audit_sql[], store_audit_keep_sql[],
    store_audit_read_sql[], store_change_sql[], store_ledger_sql[],
    store_rollup_sql[], store_spool_segment_sql[], store_person_sql[],
    store_price_sql[], store_grant_sql[], store_key_sql[], store_role_sql[],
    store_team_sql[], store_tenant_sql[], store_user_sql[], store_secret_sql[];

/* What the programs of an account do must be allowed. */
static void
may_prepare(struct store *s, const struct store_sql *const *tables, size_t n)
{
	const struct store_sql *row;
	size_t i;

	for (i = 0; i < n; i++)
		for (row = tables[i]; row->text != NULL; row++)
			if (s->driver->prepare(s, row) != ERR_OK)
				fail_msg("%s: %s", store_why(s),
				    row->mariadb ? row->mariadb : row->text);
}

/* Error 1142 is "denied to user for table", 1143 for a column. */
static void
may_not(struct store *s, const struct store_sql *rows)
{
	for (; rows->text != NULL; rows++) {
		if (s->driver->prepare(s, rows) == ERR_OK &&
		    store_run(s, rows, NULL, 0, NULL, NULL) == ERR_OK)
			fail_msg("was allowed: %s", rows->text);
		if (strstr(store_why(s), "MariaDB 1142") == NULL &&
		    strstr(store_why(s), "MariaDB 1143") == NULL &&
		    strstr(store_why(s), "MariaDB 1044") == NULL)
			fail_msg("%s: %s", rows->text, store_why(s));
	}
}

static const struct store_sql nobody_may[] = {
	{ "UPDATE audit SET actor = ''", NULL },
	{ "DELETE FROM audit", NULL },
	{ "DROP TABLE audit", NULL },
	{ "ALTER TABLE ledger DROP PARTITION p_rest", NULL },
	{ "CREATE TABLE more (a INTEGER)", NULL },
	{ "DELETE FROM ledger", NULL },
	STORE_SQL_END,
};
static const struct store_sql runtime_may_not[] = {
	{ "UPDATE client_key SET is_blocked = 0", NULL },
	{ "UPDATE user_account SET is_blocked = 0", NULL },
	{ "INSERT INTO team_member (team_id, user_id) VALUES (1, 1)", NULL },
	{ "INSERT INTO role_grant (role, created) VALUES ('admin', 0)", NULL },
	{ "UPDATE provider_secret SET sealed = ''", NULL },
	{ "DELETE FROM limit_rule", NULL },
	STORE_SQL_END,
};
static const struct store_sql console_may_not[] = {
	{ "UPDATE ledger SET cost = 0", NULL },
	{ "DELETE FROM usage_rollup", NULL },
	{ "DELETE FROM meta", NULL },
	STORE_SQL_END,
};

static enum err
note(struct store *s, void *arg)
{
	struct store_audit row = { .at = clock_wall(),
		.actor = str_z(arg),
		.action = STR("test"),
		.source_id = str_z(arg) };

	if (strstr(arg, "daemon"))
		row.at = STORE_DAY * 100;
	return store_audit_add(s, &row);
}

/* Both add to one chain, and its days leave by the owner's procedure. */
static void
audit_by_both(struct store *daemon, struct store *console)
{
	char daemons[] = "the daemon's own", consoles[] = "the console's...";
	struct store_audit_check check = { 0 };
	struct store_audit_verdict v;
	uint64_t n;

	assert_int_equal(store_logday_make(daemon, STORE_AUDIT, 100), ERR_OK);
	assert_int_equal(store_atomically(daemon, note, daemons), ERR_OK);
	assert_int_equal(store_atomically(console, note, consoles), ERR_OK);
	assert_int_equal(
	    store_audit_drop(daemon, STR("test"), 101, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(store_audit_verify(console, &check, &v), ERR_OK);
	assert_string_equal(v.why, "");
	assert_int_equal(v.first_seq, 2);
}

static void
test_roles(void **state)
{
	const struct store_sql *const runtime[] = { store_audit_sql,
		store_audit_keep_sql, store_audit_read_sql, store_change_sql,
		store_ledger_sql, store_rollup_sql, store_spool_segment_sql,
		store_person_sql };
	const struct store_sql *const console[] = { store_audit_sql,
		store_audit_read_sql, store_person_sql, store_price_sql,
		store_grant_sql, store_key_sql, store_role_sql, store_team_sql,
		store_tenant_sql, store_user_sql, store_secret_sql };
	struct store_user nobody = { .tenant_id = 1, .name = STR("kim") };
	uint32_t all = 0, some = 0;
	struct store *s, *daemon;
	uint64_t n;

	(void)state;
	if (!bed_is_mariadb())
		skip();
	feed_roles();
	s = as("llmgw_owner", true);
	if (store_schema_init(s, NULL, NULL, why) != ERR_OK ||
	    store_schema_check(s, &all, why) != ERR_OK)
		fail_msg("%s", why);
	store_close(s);
	feed_roles();
	s = as("llmgw", false);
	may_prepare(s, runtime, COUNT(runtime));
	/* db check with the account of the daemons */
	if (store_schema_check(s, &some, why) != ERR_OK)
		fail_msg("%s", why);
	assert_in_range(some, 20, all - 1);
	may_not(s, nobody_may);
	may_not(s, runtime_may_not);
	/* what llmgw-jobd does with events */
	assert_int_equal(store_secret_told(s, 1, STR("p"), 401, 1), ERR_OK);
	assert_int_equal(store_secret_told(s, 1, STR("p"), 0, 2), ERR_OK);
	assert_int_equal(store_user_add(s, &nobody), ERR_DENIED);
	/* by the owner's procedures */
	assert_int_equal(store_logday_make(s, STORE_LEDGER, 100), ERR_OK);
	assert_int_equal(store_logday_drop(s, STORE_LEDGER, 101, &n), ERR_OK);
	assert_int_equal(n, 1);
	store_close(s);
	s = as("llmgw_console", false);
	may_prepare(s, console, COUNT(console));
	may_not(s, nobody_may);
	may_not(s, console_may_not);
	daemon = as("llmgw", false);
	audit_by_both(daemon, s);
	store_close(daemon);
	store_close(s);
	bed_admin("DROP DATABASE llmgw");
	bed_admin("DROP USER llmgw_owner@localhost, llmgw@localhost, "
		  "llmgw_console@localhost");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_passwords),
		BED_TEST(test_what_is_not_there),
		BED_TEST(test_session),
		BED_TEST(test_roles),
	};

	return bed_run("mariadb", tests, COUNT(tests));
}
