/*
 * MariaDB, by Connector/C: the connection, what its failures mean, and locks
 * by name (GET_LOCK). Statements: mariadb_run.c, mariadb_many.c.
 */
#include "store/mariadb.h"

#include <errmsg.h>
#include <fcntl.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/secret.h"
#include "store/schema.h"

#define PASSWORD_MAX 4096

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void
library_init(void)
{
	(void)mysql_library_init(0, NULL, NULL);
}

static struct store *
mariadb_new(void)
{
	struct mariadb *m = calloc(1, sizeof(*m));

	(void)pthread_once(&library_once, library_init);
	return m != NULL ? &m->base : NULL;
}

static void
mariadb_free(struct store *s)
{
	free(mariadb_of(s));
}

/* ---- failures ------------------------------------------------------------ */

static enum err
err_of(unsigned code)
{
	switch (code) {
	case ER_DUP_ENTRY:
	case ER_DUP_ENTRY_WITH_KEY_NAME:
	case ER_ROW_IS_REFERENCED:
	case ER_ROW_IS_REFERENCED_2:
	case ER_NO_REFERENCED_ROW:
	case ER_NO_REFERENCED_ROW_2:
		return ERR_DENIED;
	case ER_LOCK_DEADLOCK:
	case ER_LOCK_WAIT_TIMEOUT:
	case ER_CHECKREAD:
	case ER_TABLE_DEF_CHANGED:
		return ERR_AGAIN;
	case ER_STATEMENT_TIMEOUT:
		return ERR_TIMEOUT;
	case ER_DATA_TOO_LONG:
	case ER_NET_PACKET_TOO_LARGE:
		return ERR_LIMIT;
	case CR_SERVER_GONE_ERROR:
	case CR_SERVER_LOST:
	case CR_SERVER_LOST_EXTENDED:
	case CR_CONN_HOST_ERROR:
	case CR_CONNECTION_ERROR:
	case CR_NET_PACKET_TOO_LARGE:
	case CR_COMMANDS_OUT_OF_SYNC:
	case ER_CON_COUNT_ERROR:
	case ER_TOO_MANY_USER_CONNECTIONS:
	case ER_SERVER_SHUTDOWN:
	case ER_NORMAL_SHUTDOWN:
	case ER_CONNECTION_KILLED:
	case ER_UNKNOWN_COM_ERROR: /* Galera: "not yet prepared node" */
		return ERR_CLOSED;
	case CR_OUT_OF_MEMORY:
	case ER_OUTOFMEMORY:
	case ER_OUT_OF_RESOURCES:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* The account lacks a grant. */
static bool
is_forbidden(unsigned code)
{
	return code == ER_TABLEACCESS_DENIED_ERROR ||
	       code == ER_COLUMNACCESS_DENIED_ERROR ||
	       code == ER_PROCACCESS_DENIED_ERROR;
}

/* Of these the server's text has the value; the last words name the column. */
static bool
tells_values(unsigned code)
{
	return code == ER_DUP_ENTRY || code == ER_DUP_ENTRY_WITH_KEY_NAME ||
	       code == ER_TRUNCATED_WRONG_VALUE_FOR_FIELD ||
	       code == ER_TRUNCATED_WRONG_VALUE ||
	       code == ER_DATA_OUT_OF_RANGE || code == ER_WRONG_VALUE;
}

static enum err
fail_as(struct mariadb *m, enum err e, unsigned code, const char *text)
{
	char why[STORE_WHY_SIZE];
	const char *last = NULL, *p;

	m->base.is_forbidden = is_forbidden(code);
	/* Triggers, and a server that has replicas. */
	if (code == ER_BINLOG_CREATE_ROUTINE_NEED_SUPER)
		return store_fail(&m->base, e,
		    "MariaDB 1419: the server has a binary log: SET GLOBAL "
		    "log_bin_trust_function_creators = 1 as its "
		    "administrator, and run the same command again");
	for (p = text; (p = strstr(p, " for ")) != NULL; p++)
		last = p;
	if (!tells_values(code))
		(void)snprintf(why, sizeof(why), "MariaDB %u: %s", code, text);
	else
		(void)snprintf(why, sizeof(why), "MariaDB %u: a value%s", code,
		    last != NULL ? last : " is wrong");
	return store_fail(&m->base, e, why);
}

/* The library's last failure, noted. */
static enum err
fail(struct mariadb *m)
{
	unsigned code = mysql_errno(m->my);

	return fail_as(m, err_of(code), code, mysql_error(m->my));
}

enum err
mariadb_fail_stmt(struct mariadb *m, MYSQL_STMT *st)
{
	unsigned code = mysql_stmt_errno(st);

	/* Connector/C 3.3.20: a failure between rows is the connection's. */
	if (code == 0)
		return fail(m);
	return fail_as(m, err_of(code), code, mysql_stmt_error(st));
}

/* Accounts and names fail otherwise than rows. */
static enum err
fail_connect(struct mariadb *m)
{
	unsigned code = mysql_errno(m->my);
	enum err e = err_of(code);

	switch (code) {
	case ER_ACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
	case ER_DBACCESS_DENIED_ERROR:
	case ER_HOST_NOT_PRIVILEGED:
		e = ERR_DENIED;
		break;
	case ER_BAD_DB_ERROR:
		e = ERR_NOT_FOUND;
		break;
	default:
		/* Whatever else: there is no connection. */
		if (e != ERR_NOMEM)
			e = ERR_CLOSED;
		break;
	}
	return fail_as(m, e, code, mysql_error(m->my));
}

/* ---- connection ---------------------------------------------------------- */

/*
 * So that both products read a statement in the same way, and what is wrong is
 * an error, not a guess.
 */
static const char session[] =
    "SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,"
    "NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,STRICT_TRANS_TABLES,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,"
    "ONLY_FULL_GROUP_BY,NO_UNSIGNED_SUBTRACTION',"
    "tx_isolation = 'READ-COMMITTED', autocommit = 1, "
    "time_zone = '+00:00', character_set_client = utf8mb4, "
    "character_set_results = utf8mb4, "
    "character_set_connection = utf8mb4, "
    "collation_connection = utf8mb4_nopad_bin, "
    "net_write_timeout = 600";

static const struct store_sql set_timeouts = {
	.text = "",
	.mariadb = "SET SESSION max_statement_time = ? / 1000000, "
		   "innodb_lock_wait_timeout = ?, lock_wait_timeout = ?",
};

/* The account's, ended by NUL. The caller wipes. */
static enum err
get_password(struct mariadb *m, char out[PASSWORD_MAX])
{
	struct store *s = &m->base;
	struct str given = secret_str(s->password);
	ssize_t n;
	int fd;

	out[0] = '\0';
	if (given.p != NULL && given.n < PASSWORD_MAX) {
		(void)memcpy(out, given.p, given.n);
		out[given.n] = '\0';
	}
	if (given.p != NULL || s->url.password_file == NULL)
		return ERR_OK;
	fd = open(s->url.password_file, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, out, PASSWORD_MAX - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return store_fail(
		    s, ERR_DENIED, "cannot read the store's password_file");
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return ERR_OK;
}

/* Whole seconds, at least one. */
static unsigned
seconds(usec_t t)
{
	return (unsigned)((t + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/*
 * With VERIFY a server without TLS is refused before it is told who we are.
 * ENFORCE alone only prefers it (Connector/C 3.3.20, test_database_tls), so
 * what came of it is looked at behind.
 */
static void
set_tls(struct mariadb *m)
{
	const struct store_url *u = &m->base.url;
	const my_bool yes = 1;

	if (u->tls == STORE_TLS_NONE)
		return;
	(void)mysql_options(m->my, MYSQL_OPT_SSL_ENFORCE, &yes);
	if (u->cert_file != NULL) {
		(void)mysql_options(m->my, MYSQL_OPT_SSL_CERT, u->cert_file);
		(void)mysql_options(m->my, MYSQL_OPT_SSL_KEY, u->key_file);
	}
	if (u->tls != STORE_TLS_VERIFY)
		return;
	if (u->ca_file != NULL)
		(void)mysql_options(m->my, MYSQL_OPT_SSL_CA, u->ca_file);
	(void)mysql_options(m->my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
}

static void
set_options(struct mariadb *m)
{
	unsigned connecting = seconds(m->base.timeout);
	/* The server ends a statement; this is for when it does not. */
	unsigned reading = connecting + 1;
	unsigned no = 0;

	if (connecting > seconds(STORE_TIMEOUT))
		connecting = seconds(STORE_TIMEOUT);
	(void)mysql_options(m->my, MYSQL_OPT_CONNECT_TIMEOUT, &connecting);
	(void)mysql_options(m->my, MYSQL_OPT_READ_TIMEOUT, &reading);
	(void)mysql_options(m->my, MYSQL_OPT_WRITE_TIMEOUT, &reading);
	(void)mysql_options(m->my, MYSQL_OPT_LOCAL_INFILE, &no);
	(void)mysql_options(m->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	set_tls(m);
}

static enum err
begin_session(struct mariadb *m)
{
	struct store *s = &m->base;
	struct store_value v[3] = { store_int(s->timeout),
		store_int(seconds(s->timeout)),
		store_int(seconds(s->timeout)) };

	if (s->url.tls != STORE_TLS_NONE && mysql_get_ssl_cipher(m->my) == NULL)
		return store_fail(s, ERR_CLOSED,
		    "SSL is required by the store's url, but the server does "
		    "not support it");
	if (mysql_query(m->my, session) != 0)
		return fail(m);
	return mariadb_run(s, &set_timeouts, v, 3, NULL, NULL);
}

static enum err
mariadb_open(struct store *s)
{
	struct mariadb *m = mariadb_of(s);
	const struct store_url *u = &s->url;
	char password[PASSWORD_MAX];
	enum err e = get_password(m, password);

	if (e != ERR_OK)
		return e;
	m->my = mysql_init(NULL);
	if (m->my == NULL) {
		secret_wipe(password, sizeof(password));
		return store_fail(s, ERR_NOMEM, "out of memory");
	}
	set_options(m);
	if (mysql_real_connect(m->my, u->host, u->user, password, u->name,
		u->port, u->socket, CLIENT_FOUND_ROWS) == NULL)
		e = fail_connect(m);
	secret_wipe(password, sizeof(password));
	if (e != ERR_OK)
		return e;
	/* Kept for connecting again by itself, which is off. */
	if (m->my->passwd != NULL)
		secret_wipe(m->my->passwd, strlen(m->my->passwd));
	e = begin_session(m);
	return e == ERR_OK || e == ERR_NOMEM ? e : ERR_CLOSED;
}

static void
mariadb_close(struct store *s)
{
	struct mariadb *m = mariadb_of(s);
	struct mariadb_stmt *p;

	while ((p = store_stmts_take(&m->stmts)) != NULL)
		mariadb_stmt_free(p);
	if (m->my != NULL)
		mysql_close(m->my);
	m->my = NULL;
}

/* ---- statements ---------------------------------------------------------- */

static enum err
mariadb_prepare(struct store *s, const struct store_sql *sql)
{
	struct mariadb_stmt *p;

	return mariadb_get(mariadb_of(s), sql, &p);
}

static enum err
mariadb_exec(struct store *s, const char *text)
{
	struct mariadb *m = mariadb_of(s);

	if (mysql_query(m->my, text) != 0)
		return fail(m);
	if (mysql_field_count(m->my) > 0)
		mysql_free_result(mysql_store_result(m->my));
	return mysql_errno(m->my) == 0 ? ERR_OK : fail(m);
}

static bool
mariadb_ping(struct store *s)
{
	return mysql_ping(mariadb_of(s)->my) == 0;
}

/* ---- locks --------------------------------------------------------------- */

static const struct store_sql get_lock = {
	.text = "",
	.mariadb = "SELECT GET_LOCK(CONCAT(DATABASE(), '.', ?), ? / 1000000)",
};
static const struct store_sql release_lock = {
	.text = "",
	.mariadb = "SELECT RELEASE_LOCK(CONCAT(DATABASE(), '.', ?))",
};

static enum err
mariadb_lock(struct store *s, const char *name, usec_t timeout)
{
	usec_t until = clock_mono() + timeout;
	struct store_value v[2] = { store_text(str_z(name)) };
	int64_t got = 0;
	enum err e;

	do {
		/* Well within what a statement may take. */
		usec_t wait = until - clock_mono();

		if (wait > s->timeout / 2)
			wait = s->timeout / 2;
		v[1] = store_int(wait > 0 ? wait : 0);
		e = mariadb_run(s, &get_lock, v, 2, store_row_int, &got);
	} while (e == ERR_OK && got == 0 && clock_mono() < until);
	if (e == ERR_OK && got == 0)
		return store_fail(s, ERR_TIMEOUT, "another has the lock");
	return e;
}

static void
mariadb_unlock(struct store *s, const char *name)
{
	struct store_value v = store_text(str_z(name));
	int64_t was = 0;

	/* A connection that is lost has no locks. */
	(void)!mariadb_run(s, &release_lock, &v, 1, store_row_int, &was);
}

const struct store_driver store_mariadb = {
	.product = "mariadb",
	.steps = store_steps_mariadb,
	.new = mariadb_new,
	.free = mariadb_free,
	.open = mariadb_open,
	.close = mariadb_close,
	.run = mariadb_run,
	.many = mariadb_many,
	.prepare = mariadb_prepare,
	.exec = mariadb_exec,
	.begin = "START TRANSACTION",
	.ping = mariadb_ping,
	.lock = mariadb_lock,
	.unlock = mariadb_unlock,
};
