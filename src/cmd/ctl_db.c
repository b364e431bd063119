/* llmgwctl db: the schema of the database. */
#include "cmd/ctl.h"

#include "gate/pepper.h"
#include "store/schema.h"
#include "store/store.h"

/* A statement may build a large table anew. */
#define DB_TIMEOUT (6 * 3600 * USEC_PER_SEC)

static const char *const columns[] = { "product", "schema", "wanted",
	"is_complete", "statements", NULL };

/* Without looking at the schema: that is what it is about. */
static int
db_open(struct ctl *c, bool create, usec_t timeout)
{
	struct store_options options = {
		.timeout = timeout,
		.create = create,
		.any_schema = true,
	};
	int status = ctl_places(c);

	if (status != CTL_OK)
		return status;
	return ctl_store_open_as(c, &options,
	    str_starts(c->store_url, STR("sqlite:"))
		? ": llmgwctl db init makes it"
		: ": CREATE DATABASE makes it, see roles.sql of the examples");
}

static void
tell_progress(void *arg, int64_t step, uint32_t done, uint32_t all)
{
	const struct ctl *c = arg;

	if (done == all)
		ctl_note(c, "schema %lld is in place (%u statements)",
		    (long long)step, (unsigned)all);
}

/* The record that all three end with. */
static int
tell(struct ctl *c, uint32_t statements)
{
	struct store_schema found;
	enum err e = store_schema_read(c->store, &found);

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	ctl_record_begin(c, columns);
	ctl_put_text(c, str_z(store_product(c->store)));
	ctl_put_int(c, found.found);
	ctl_put_int(c, found.wanted);
	ctl_put_bool(c, !found.is_partial);
	ctl_put_int(c, statements);
	return ctl_done(c, "OK: %s, schema %lld, %u statements fit",
	    store_product(c->store), (long long)found.found,
	    (unsigned)statements);
}

static int
check_statements(struct ctl *c)
{
	char why[STORE_WHY_SIZE];
	uint32_t n = 0;

	if (store_schema_check(c->store, &n, why) != ERR_OK)
		return ctl_fail(
		    c, "the database is not as it should be: %s", why);
	return tell(c, n);
}

/* Elsewhere than on the gateway's host it is made with the first key. */
static void
make_pepper(const struct ctl *c)
{
	struct gate_pepper pepper = { 0 };
	enum err e = gate_pepper_make(c->state_dir, &pepper);

	if (e != ERR_OK)
		ctl_note(c, "no %.*s/pepper is made for client keys: %s",
		    STR_ARG(c->state_dir), err_word(e));
	gate_pepper_fini(&pepper);
}

static int
run_init(struct ctl *c)
{
	char why[STORE_WHY_SIZE];
	int status = db_open(c, true, DB_TIMEOUT);

	if (status != CTL_OK)
		return status;
	if (store_schema_init(c->store, tell_progress, c, why) != ERR_OK)
		return ctl_fail(c, "%s", why);
	make_pepper(c);
	return check_statements(c);
}

static int
run_upgrade(struct ctl *c)
{
	char why[STORE_WHY_SIZE];
	int status = db_open(c, false, DB_TIMEOUT);

	if (status != CTL_OK)
		return status;
	if (store_schema_upgrade(c->store, tell_progress, c, why) != ERR_OK)
		return ctl_fail(c, "%s", why);
	return check_statements(c);
}

static int
run_check(struct ctl *c)
{
	char why[STORE_WHY_SIZE];
	int status = db_open(c, false, 30 * USEC_PER_SEC);

	if (status != CTL_OK)
		return status;
	if (store_schema_fits(c->store, why) != ERR_OK)
		return ctl_fail(c, "%s", why);
	return check_statements(c);
}

const struct ctl_command ctl_db_commands[] = {
	{ .group = "db",
	    .verb = "init",
	    .operands = "",
	    .help = "make the tables of a new database",
	    .more = "SQLite: makes the file as well, for the user who runs "
		    "it: run it as the gateway's. MariaDB: the database and "
		    "the account must be there (roles.sql of the examples "
		    "makes them), and the account must own the schema. Makes "
		    "STATE_DIR/pepper as well, which keys the hashes of client "
		    "keys. It may be killed and run again.",
	    .run = run_init },
	{ .group = "db",
	    .verb = "upgrade",
	    .operands = "",
	    .help = "bring the tables to what this release needs",
	    .more = "With the same account as db init. One process does it "
		    "at a time, statement by statement; it may be killed and "
		    "run again. Programs of another release refuse to start "
		    "on the new tables. Nothing is done when all is in place.",
	    .run = run_upgrade },
	{ .group = "db",
	    .verb = "check",
	    .operands = "",
	    .help = "tell whether the database fits this release",
	    .more = "Compares the schema's number and has the database "
		    "prepare every statement that the programs know and its "
		    "account may run, which needs their tables and columns.",
	    .run = run_check },
	{ 0 },
};
