#include "store_bed.h"

#include <dirent.h>
#include <fcntl.h>
#include <mysql.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "store/schema.h"

#define TABLES_MAX 64

struct store *bed_store;

static bool is_mariadb;
static char folder[64];
static char url[512];
static char name[32]; /* of the database */
static char server_socket[256];
static int server_pipe = -1; /* closed: the server ends */
static pid_t server_pid;
static MYSQL *admin;

/* ---- the server ---------------------------------------------------------- */

static bool
server_start(void)
{
	const char *given = getenv("LLMGW_TEST_MARIADB");
	int in[2], out[2];
	size_t n = 0;
	ssize_t got = 0;

	if (given != NULL && given[0] != '\0') {
		(void)snprintf(
		    server_socket, sizeof(server_socket), "%s", given);
		return true;
	}
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
		return false;
	server_pid = fork();
	if (server_pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execl("/usr/bin/python3", "python3",
		    TOP_SRCDIR "/tests/tools/mariadb_bed.py", (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	server_pipe = in[1];
	do {
		n += (size_t)got;
		server_socket[n] = '\0';
		got = read(
		    out[0], server_socket + n, sizeof(server_socket) - 1 - n);
	} while (got > 0 && strchr(server_socket, '\n') == NULL);
	(void)close(out[0]);
	server_socket[strcspn(server_socket, "\n")] = '\0';
	return server_socket[0] != '\0';
}

static void
server_stop(void)
{
	if (server_pipe >= 0)
		(void)close(server_pipe);
	server_pipe = -1;
	if (server_pid > 0)
		(void)waitpid(server_pid, NULL, 0);
	server_pid = 0;
}

static bool
admin_run(const char *text)
{
	MYSQL_RES *rows;

	if (mysql_query(admin, text) != 0) {
		print_error("%s: %s\n", text, mysql_error(admin));
		return false;
	}
	rows = mysql_store_result(admin);
	mysql_free_result(rows);
	return true;
}

void
bed_admin(const char *text)
{
	assert_true(admin_run(text));
}

/* before, the database's name, after. */
static bool
admin_on_it(const char *before, const char *after)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s%s%s", before, name, after);
	return admin_run(text);
}

static bool
admin_open(void)
{
	admin = mysql_init(NULL);
	if (mysql_real_connect(admin, "localhost", "root", NULL, NULL, 0,
		server_socket, 0) == NULL) {
		print_error("%s\n", mysql_error(admin));
		return false;
	}
	return true;
}

/* ---- a database ---------------------------------------------------------- */

/* A database of this test program: kind is a letter. */
static void
name_it(const char *kind)
{
	(void)snprintf(name, sizeof(name), "%s%ld", kind, (long)getpid());
	if (is_mariadb)
		(void)snprintf(url, sizeof(url),
		    "mariadb://root@localhost/%s?socket=%s", name,
		    server_socket);
	else
		(void)snprintf(
		    url, sizeof(url), "sqlite://%s/%s.db", folder, name);
}

static bool
database_make(void)
{
	return !is_mariadb ||
	       admin_on_it("CREATE OR REPLACE DATABASE ",
		   " CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
}

/* All files of the folder; or the folder as well. */
static void
folder_empty(bool and_it)
{
	char path[320];
	DIR *d = opendir(folder);
	struct dirent *f;

	while (d != NULL && (f = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, f->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	if (and_it)
		(void)rmdir(folder);
}

/* What a test that failed has left open would be waited for. */
static void
end_sessions(void)
{
	MYSQL_RES *rows;
	MYSQL_ROW row;
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "SELECT id FROM information_schema.processlist WHERE db = '%s'",
	    name);
	if (mysql_query(admin, text) != 0)
		return;
	rows = mysql_store_result(admin);
	while (rows != NULL && (row = mysql_fetch_row(rows)) != NULL) {
		(void)snprintf(text, sizeof(text), "KILL %s", row[0]);
		(void)mysql_query(admin, text);
	}
	mysql_free_result(rows);
}

static void
database_drop(void)
{
	if (is_mariadb) {
		end_sessions();
		(void)admin_on_it("DROP DATABASE IF EXISTS ", "");
	} else {
		folder_empty(false);
	}
}

struct tables {
	char name[TABLES_MAX][65];
	unsigned n;
};

static enum err
keep_name(void *arg, const struct store_value *row, uint32_t n)
{
	struct tables *t = arg;

	(void)n;
	assert_true(t->n < TABLES_MAX && row[0].s.n < 65);
	memcpy(t->name[t->n++], row[0].s.p, row[0].s.n);
	return ERR_OK;
}

static const struct store_sql list_tables = {
	"SELECT name FROM sqlite_master WHERE type = 'table' "
	"AND name <> 'meta' AND name NOT LIKE 'sqlite%'",
	"SELECT table_name FROM information_schema.tables "
	"WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' "
	"AND table_name <> 'meta'",
};
/* Rows are known by their address, so each table has one. */
static struct store_sql clear_tables[TABLES_MAX];
static char clear_text[TABLES_MAX][96];
static const struct store_sql keys_off = {
	"PRAGMA foreign_keys = OFF",
	"SET SESSION foreign_key_checks = 0",
};

/* The audit's triggers let go of days that are no longer kept. */
static const struct store_sql audit_free[] = {
	{ "INSERT INTO meta (name, value) VALUES ('audit_kept_from', '99999')"
	  " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	    "REPLACE INTO meta (name, value) VALUES ('audit_kept_from',"
	    " '99999')" },
	{ "DELETE FROM meta WHERE name = 'audit_kept_from'", NULL },
};

static bool
database_clear(void)
{
	static struct tables t;
	struct store *s = bed_open(NULL);
	bool is_good;
	unsigned i;

	t = (struct tables){ 0 };
	is_good =
	    store_run(s, &list_tables, NULL, 0, keep_name, &t) == ERR_OK &&
	    store_run(s, &keys_off, NULL, 0, NULL, NULL) == ERR_OK &&
	    store_run(s, &audit_free[0], NULL, 0, NULL, NULL) == ERR_OK;
	for (i = 0; i < t.n && is_good; i++) {
		(void)snprintf(clear_text[i], sizeof(clear_text[i]),
		    "DELETE FROM %s", t.name[i]);
		clear_tables[i].text = clear_text[i];
		is_good = store_run(s, &clear_tables[i], NULL, 0, NULL, NULL) ==
			  ERR_OK;
	}
	is_good = is_good &&
		  store_run(s, &audit_free[1], NULL, 0, NULL, NULL) == ERR_OK;
	if (!is_good)
		print_error("%s\n", store_why(s));
	store_close(s);
	return is_good;
}

struct store *
bed_open(const struct store_options *options)
{
	struct store *s = NULL;
	char why[STORE_WHY_SIZE];

	if (store_open(str_z(url), options, &s, why) != ERR_OK)
		fail_msg("%s", why);
	return s;
}

static bool
schema_make(void)
{
	const struct store_options o = { .create = true, .any_schema = true };
	char why[STORE_WHY_SIZE];
	struct store *s;
	bool is_good = store_open(str_z(url), &o, &s, why) == ERR_OK;

	if (is_good) {
		is_good = store_schema_init(s, NULL, NULL, why) == ERR_OK;
		store_close(s);
	}
	if (!is_good)
		print_error("%s\n", why);
	return is_good;
}

/* ---- around tests -------------------------------------------------------- */

static int
product_begin(void **state)
{
	(void)state;
	rand_init();
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-bed-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	if (is_mariadb && (!server_start() || !admin_open())) {
		print_error("no MariaDB: its tests cannot run\n");
		return -1;
	}
	name_it("t");
	return database_make() && schema_make() ? 0 : -1;
}

static int
product_end(void **state)
{
	(void)state;
	if (!is_mariadb || admin != NULL) {
		database_drop();
		mysql_close(admin);
	}
	admin = NULL;
	folder_empty(true);
	server_stop();
	return 0;
}

int
bed_setup(void **state)
{
	(void)state;
	bed_store = bed_open(NULL);
	return 0;
}

int
bed_teardown(void **state)
{
	(void)state;
	store_close(bed_store);
	bed_store = NULL;
	if (is_mariadb)
		end_sessions();
	return database_clear() ? 0 : -1;
}

int
bed_setup_empty(void **state)
{
	const struct store_options o = { .create = true, .any_schema = true };

	(void)state;
	name_it("e");
	if (!database_make())
		return -1;
	bed_store = bed_open(&o);
	return 0;
}

int
bed_teardown_empty(void **state)
{
	char path[320];

	(void)state;
	store_close(bed_store);
	bed_store = NULL;
	if (is_mariadb) {
		database_drop();
	} else {
		(void)snprintf(path, sizeof(path), "%s/%s.db", folder, name);
		(void)unlink(path);
	}
	name_it("t");
	return 0;
}

bool
bed_is_mariadb(void)
{
	return is_mariadb;
}

struct str
bed_url(void)
{
	return str_z(url);
}

const char *
bed_name(void)
{
	return name;
}

const char *
bed_folder(void)
{
	return folder;
}

const char *
bed_socket(void)
{
	return server_socket;
}

int
bed_run(const char *group, const struct CMUnitTest *tests, size_t n)
{
	char title[96];
	int failed;

	is_mariadb = false;
	(void)snprintf(title, sizeof(title), "%s on SQLite", group);
	failed = _cmocka_run_group_tests(
	    title, tests, n, product_begin, product_end);
	is_mariadb = true;
	(void)snprintf(title, sizeof(title), "%s on MariaDB", group);
	return failed + _cmocka_run_group_tests(
			    title, tests, n, product_begin, product_end);
}
