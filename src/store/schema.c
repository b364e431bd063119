#include "store/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/num.h"
#include "store/driver.h"

#define LOCK "schema"
#define LOCK_WAIT (2 * USEC_PER_SEC)

enum {
	HAS_META,
	READ_META,
	WRITE_META,
	FORGET_META,
};

const struct store_sql store_schema_sql[] = {
	[HAS_META] = { "SELECT COUNT(*) FROM sqlite_master "
		       "WHERE type = 'table' AND name = 'meta'",
	    "SELECT COUNT(*) FROM information_schema.tables "
	    "WHERE table_schema = DATABASE() AND table_name = 'meta'" },
	[READ_META] = { "SELECT value FROM meta WHERE name = ?", NULL },
	[WRITE_META] = { "INSERT INTO meta (name, value) VALUES (?, ?) "
			 "ON CONFLICT (name) DO UPDATE SET "
			 "value = excluded.value",
	    "INSERT INTO meta (name, value) VALUES (?, ?) "
	    "ON DUPLICATE KEY UPDATE value = VALUES(value)" },
	[FORGET_META] = { "DELETE FROM meta WHERE name = ?", NULL },
	STORE_SQL_END,
};

/* Before the first step, which notes itself in it. */
static const struct store_sql make_meta = {
	"CREATE TABLE IF NOT EXISTS meta ("
	"name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS meta ("
	"name VARCHAR(64) NOT NULL PRIMARY KEY, value VARCHAR(190) NOT NULL) "
	"ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 "
	"COLLATE utf8mb4_nopad_bin",
};

static const char *
text_of(const struct store *s, const struct store_sql *sql)
{
	return sql->mariadb != NULL && s->driver != &store_sqlite ? sql->mariadb
								  : sql->text;
}

/* ---- what is there ------------------------------------------------------- */

/* "2" or "2:17" */
struct mark {
	bool is_there;
	int64_t step;
	int64_t done;
};

static enum err
read_mark(void *arg, const struct store_value *row, uint32_t n)
{
	struct mark *m = arg;
	struct str done = store_get_str(&row[0]);
	struct str step = str_cut(&done, ':');

	(void)n;
	m->is_there = true;
	if (num_parse_i64(step, &m->step) != ERR_OK)
		return ERR_SYNTAX;
	if (!str_present(done))
		return ERR_OK;
	return num_parse_i64(done, &m->done);
}

static enum err
get_mark(struct store *s, const char *name, struct mark *m)
{
	struct store_value v = store_text(str_z(name));

	*m = (struct mark){ 0 };
	return store_run(s, &store_schema_sql[READ_META], &v, 1, read_mark, m);
}

static enum err
get_marks(struct store *s, struct mark *whole, struct mark *step)
{
	int64_t n = 0;
	enum err e = store_run(
	    s, &store_schema_sql[HAS_META], NULL, 0, store_row_int, &n);

	*whole = (struct mark){ 0 };
	*step = (struct mark){ 0 };
	if (e != ERR_OK || n == 0)
		return e;
	e = get_mark(s, "schema", whole);
	return e == ERR_OK ? get_mark(s, "schema.step", step) : e;
}

static int64_t
newest(const struct store_step *steps)
{
	int64_t n = 0;

	for (; steps->number != 0; steps++)
		n = steps->number;
	return n;
}

enum err
store_schema_read(struct store *s, struct store_schema *out)
{
	struct mark whole, step;
	enum err e = get_marks(s, &whole, &step);

	if (e == ERR_OK)
		*out = (struct store_schema){
			.found = whole.step,
			.wanted = newest(s->driver->steps),
			.is_partial = step.is_there,
		};
	return e;
}

enum err
store_schema_fits(struct store *s, char why[STORE_WHY_SIZE])
{
	struct store_schema c;
	enum err e = store_schema_read(s, &c);

	if (e == ERR_OK)
		return store_schema_judge(&c, why);
	(void)snprintf(why, STORE_WHY_SIZE, "%s", store_why(s));
	return e;
}

enum err
store_schema_judge(const struct store_schema *c, char why[STORE_WHY_SIZE])
{
	if (c->found == 0)
		(void)snprintf(why, STORE_WHY_SIZE,
		    "the database has no %sschema: run \"llmgwctl db init\"",
		    c->is_partial ? "complete " : "");
	else if (c->found > c->wanted)
		(void)snprintf(why, STORE_WHY_SIZE,
		    "the database has schema %lld, newer than this program's "
		    "%lld: install the release that made it, then run "
		    "\"llmgwctl db check\"",
		    (long long)c->found, (long long)c->wanted);
	else if (c->found < c->wanted || c->is_partial)
		(void)snprintf(why, STORE_WHY_SIZE,
		    "the database has schema %lld%s, this program needs %lld: "
		    "run \"llmgwctl db upgrade\"",
		    (long long)c->found,
		    c->is_partial ? " and an unfinished upgrade" : "",
		    (long long)c->wanted);
	else
		return ERR_OK;
	return ERR_UNSUPPORTED;
}

/* ---- steps --------------------------------------------------------------- */

static enum err
put_mark(struct store *s, const char *name, int64_t step, int64_t done)
{
	char text[48];
	struct store_value v[2];

	(void)snprintf(text, sizeof(text), done < 0 ? "%lld" : "%lld:%lld",
	    (long long)step, (long long)done);
	v[0] = store_text(str_z(name));
	v[1] = store_text(str_z(text));
	return store_run(s, &store_schema_sql[WRITE_META], v, 2, NULL, NULL);
}

struct run {
	struct store *s;
	const struct store_step *step;
	int64_t done; /* statements that need no repeating */
	store_schema_fn progress;
	void *arg;
};

/* Two marks at once: nobody sees a step neither done nor under way. */
static enum err
finish_step(struct store *s, void *arg)
{
	const struct run *r = arg;
	struct store_value v = store_text(STR("schema.step"));
	enum err e = put_mark(s, "schema", r->step->number, -1);

	return e == ERR_OK ? store_run(s, &store_schema_sql[FORGET_META], &v, 1,
				 NULL, NULL)
			   : e;
}

static enum err
run_statements(struct store *s, void *arg)
{
	struct run *r = arg;
	uint32_t i, n = 0;
	enum err e = ERR_OK;

	while (r->step->statements[n] != NULL)
		n++;
	for (i = (uint32_t)r->done; i < n && e == ERR_OK; i++) {
		if (fault("store.schema"))
			return store_fail(s, ERR_CLOSED, "fault: schema");
		e = s->driver->exec(s, r->step->statements[i]);
		if (e == ERR_OK)
			e = put_mark(s, "schema.step", r->step->number, i + 1);
		if (e == ERR_OK && r->progress != NULL)
			r->progress(r->arg, r->step->number, i + 1, n);
	}
	return e;
}

static enum err
run_step(struct run *r)
{
	struct store *s = r->s;
	enum err e;

	/* SQLite: a step is one transaction. */
	if (s->driver == &store_sqlite) {
		e = store_begin(s);
		if (e != ERR_OK)
			return e;
		e = run_statements(s, r);
		if (e == ERR_OK)
			e = finish_step(s, r);
		if (e == ERR_OK)
			return store_commit(s);
		store_rollback(s);
		return e;
	}
	e = run_statements(s, r);
	return e == ERR_OK ? store_atomically(s, finish_step, r) : e;
}

static enum err
apply(struct store *s, const struct store_step *steps, store_schema_fn progress,
    void *arg)
{
	struct run r = { .s = s, .progress = progress, .arg = arg };
	struct mark whole, step;
	enum err e = get_marks(s, &whole, &step);

	if (e == ERR_OK)
		e = s->driver->exec(s, text_of(s, &make_meta));
	for (; e == ERR_OK && steps->number != 0; steps++) {
		if (steps->number <= whole.step)
			continue;
		r.step = steps;
		r.done =
		    step.is_there && step.step == steps->number ? step.done : 0;
		e = run_step(&r);
	}
	return e;
}

enum err
store_schema_apply(struct store *s, const struct store_step *steps,
    store_schema_fn progress, void *arg, char why[STORE_WHY_SIZE])
{
	enum err e = store_lock(s, LOCK, LOCK_WAIT);

	if (e == ERR_TIMEOUT) {
		(void)snprintf(why, STORE_WHY_SIZE,
		    "another process changes the schema just now");
		return e;
	}
	if (e == ERR_OK) {
		e = apply(s, steps, progress, arg);
		store_unlock(s, LOCK);
	}
	if (e != ERR_OK)
		(void)snprintf(why, STORE_WHY_SIZE, "%s", store_why(s));
	return e;
}

static enum err
refuse(char why[STORE_WHY_SIZE], enum err e, const char *text)
{
	(void)snprintf(why, STORE_WHY_SIZE, "%s", text);
	return e;
}

enum err
store_schema_init(struct store *s, store_schema_fn progress, void *arg,
    char why[STORE_WHY_SIZE])
{
	struct store_schema c;
	enum err e = store_schema_read(s, &c);

	if (e != ERR_OK)
		return refuse(why, e, store_why(s));
	if (c.found > 0)
		return refuse(why, ERR_DENIED,
		    "the database has a schema already: see \"llmgwctl db "
		    "check\"");
	return store_schema_apply(s, s->driver->steps, progress, arg, why);
}

enum err
store_schema_upgrade(struct store *s, store_schema_fn progress, void *arg,
    char why[STORE_WHY_SIZE])
{
	struct store_schema c;
	enum err e = store_schema_read(s, &c);

	if (e != ERR_OK)
		return refuse(why, e, store_why(s));
	if (c.found == 0)
		return refuse(why, ERR_NOT_FOUND,
		    "the database has no schema: run \"llmgwctl db init\"");
	if (c.found > c.wanted)
		return store_schema_fits(s, why);
	return store_schema_apply(s, s->driver->steps, progress, arg, why);
}

enum err
store_schema_check(struct store *s, uint32_t *n, char why[STORE_WHY_SIZE])
{
	const struct store_sql *const *table;
	const struct store_sql *row;
	uint32_t count = 0;

	for (table = store_sql_tables; *table != NULL; table++)
		for (row = *table; row->text != NULL; row++) {
			enum err e;

			if (text_of(s, row)[0] == '\0')
				continue;
			s->is_forbidden = false;
			e = s->driver->prepare(s, row);
			if (e == ERR_IO && s->is_forbidden)
				continue;
			if (e != ERR_OK) {
				(void)snprintf(why, STORE_WHY_SIZE,
				    "%.200s: %.200s", store_why(s),
				    text_of(s, row));
				return e;
			}
			count++;
		}
	*n = count;
	return ERR_OK;
}
