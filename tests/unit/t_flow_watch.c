#include "flow/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "flow/life.h"
#include "store/change.h"
#include "store/replica.h"
#include "store_bed.h"

static char folder[64], log_path[128], replica_path[128];
static struct loop *loop;
static struct shm *shm;
static struct flow *flow;
static struct conf *conf;
static struct watch *watch;
static struct arena *arena;

/* ---- what is watched ------------------------------------------------------ */

/* Its world, and what was asked of it. */
static struct {
	int n_fail; /* so many of the next reads fail */
	enum err fails_as;
	bool is_off; /* it is not wanted */
	int64_t version; /* of the next look */
	bool swaps_conf; /* the next read is overtaken */
	int n_looks, n_reads, n_takes, n_drops;
	const void *got;
	const struct conf *conf; /* that it was read with */
	int64_t read_version;
} world;

static bool
is_wanted(const struct conf *c)
{
	assert_ptr_equal(c, flow->conf);
	return !world.is_off;
}

static enum err
version(struct store *s, int64_t *out)
{
	assert_non_null(s);
	world.n_looks++;
	if (world.n_fail > 0) {
		world.n_fail--;
		return world.fails_as;
	}
	*out = world.version;
	return ERR_OK;
}

static enum err
read_it(struct store *s, const struct conf *c, int64_t v, void **out)
{
	assert_non_null(s);
	world.n_reads++;
	world.conf = c;
	world.read_version = v;
	if (world.swaps_conf)
		watch_conf(watch);
	world.swaps_conf = false;
	if (world.n_fail > 0) {
		world.n_fail--;
		return world.fails_as;
	}
	*out = malloc(1);
	assert_non_null(*out);
	return ERR_OK;
}

static void
take_it(struct flow *f, const struct conf *c, void *got)
{
	assert_ptr_equal(f, flow);
	assert_ptr_equal(c, world.conf);
	assert_ptr_not_equal(got, world.got);
	world.n_takes++;
	free((void *)(uintptr_t)world.got);
	world.got = got;
}

static void
drop_it(void *got)
{
	world.n_drops++;
	free(got);
}

static const struct watch_row logged = { .what = "things",
	.without = "there are none",
	.sorts = { "limit", "tenant" },
	.read = read_it,
	.take = take_it };

static const struct watch_row versioned = { .what = "lists",
	.without = "the files' count",
	.version = version,
	.read = read_it,
	.take = take_it };

static const struct watch_row opened = { .what = "sealed things",
	.without = "they are missing",
	.is_needed = true,
	.is_of_conf = true,
	.is_wanted = is_wanted,
	.sorts = { "secret" },
	.read = read_it,
	.take = take_it,
	.drop = drop_it };

/* ---- the bed -------------------------------------------------------------- */

/* There are no requests. */
static const struct upstream_ops no_ops;
static struct upstream upstream = { &no_ops };

static void
begin_with(const struct watch_row *row, struct str url)
{
	memset(&world, 0, sizeof(world));
	world.fails_as = ERR_CLOSED;
	flow->store = store_pool_new(url, NULL, 1);
	assert_non_null(flow->store);
	assert_int_equal(store_pool_replica(flow->store, replica_path), ERR_OK);
	watch = watch_new(flow, row);
	assert_non_null(watch);
}

static void
begin(const struct watch_row *row)
{
	begin_with(row, bed_url());
}

static int
setup(void **state)
{
	struct conf_problems problems;

	if (bed_setup(state) != 0)
		return -1;
	arena = arena_new(65536);
	conf_problems_init(&problems, arena);
	(void)snprintf(folder, sizeof(folder), "/tmp/llmgw-watch-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(log_path, sizeof(log_path), "file:%s/log", folder);
	(void)snprintf(
	    replica_path, sizeof(replica_path), "%s/replica.db", folder);
	if (log_open(str_z(log_path), LOG_KEYVALUE, LOG_INFO) != ERR_OK ||
	    shm_open_file(NULL, 64, &shm) != ERR_OK ||
	    conf_load_text(STR("{}"), STR("test"), &conf, &problems) != ERR_OK)
		return -1;
	clock_set(1000 * USEC_PER_SEC, 0);
	loop = loop_new_virtual();
	flow = flow_new(loop, &upstream, shm, 0, conf, NULL);
	return flow ? 0 : -1;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "log", "replica.db",
		"replica.db-wal", "replica.db-shm", "replica.db-schema.lock" };
	struct store_pool *pool = flow->store;
	char name[192];

	watch_free(watch);
	free((void *)(uintptr_t)world.got);
	flow_free(flow);
	store_pool_free(pool);
	conf_unref(conf);
	arena_free(arena);
	loop_free(loop);
	shm_close(shm);
	clock_real();
	if (log_open(STR("stderr"), LOG_KEYVALUE, LOG_INFO) != ERR_OK)
		return -1;
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		(void)unlink(name);
	}
	return rmdir(folder) == 0 ? bed_teardown(state) : -1;
}

static void
later(usec_t by)
{
	clock_set(clock_mono() + by, 0);
	loop_turn(loop);
}

static void
a_second_later(void)
{
	later(USEC_PER_SEC);
}

static void
changed(const char *sort)
{
	assert_int_equal(store_change_add(bed_store, sort, 1), ERR_OK);
}

/* How often the log has said it. */
static int
said(const char *text)
{
	static char all[65536];
	FILE *f = fopen(log_path + strlen("file:"), "r");
	size_t n;
	int times = 0;

	assert_non_null(f);
	n = fread(all, 1, sizeof(all) - 1, f);
	(void)fclose(f);
	all[n] = '\0';
	for (const char *p = all; (p = strstr(p, text)) != NULL; p++)
		times++;
	return times;
}

static void
assert_counts(int n_reads, int n_takes)
{
	assert_int_equal(world.n_reads, n_reads);
	assert_int_equal(world.n_takes, n_takes);
}

static void
make_replica(void)
{
	struct store *to;
	char why[STORE_WHY_SIZE];

	if (store_replica_open(replica_path, &to, why) != ERR_OK)
		fail_msg("%s", why);
	store_close(to);
}

/* ---- what is new ---------------------------------------------------------- */

static void
test_changes_of_its_sorts(void **state)
{
	(void)state;
	changed("limit");
	begin(&logged);
	watch_conf(watch);
	loop_turn(loop);
	assert_counts(1, 1);
	assert_ptr_equal(world.conf, conf);
	a_second_later();
	assert_counts(1, 1);
	changed("user");
	a_second_later();
	assert_counts(1, 1);
	changed("tenant");
	later(USEC_PER_SEC - 1);
	assert_counts(1, 1);
	later(1);
	assert_counts(2, 2);
	changed("limit");
	changed("user");
	a_second_later();
	assert_counts(3, 3);
	a_second_later();
	assert_counts(3, 3);
	assert_int_equal(said("things"), 0);
}

/* The log was pruned, or is another one: nobody knows what was missed. */
static void
test_a_gap(void **state)
{
	uint64_t n;

	(void)state;
	changed("user");
	begin(&logged);
	watch_read(watch);
	assert_counts(1, 1);
	for (int i = 0; i < 3; i++)
		changed("user");
	assert_int_equal(
	    store_change_prune(bed_store, INT64_MAX, 100, &n), ERR_OK);
	assert_true(n > 0);
	a_second_later();
	assert_counts(2, 2);
	a_second_later();
	assert_counts(2, 2);
}

static void
test_versions(void **state)
{
	(void)state;
	begin(&versioned);
	world.version = 7;
	watch_read(watch);
	assert_counts(1, 1);
	assert_int_equal(world.read_version, 7);
	changed("limit");
	a_second_later();
	assert_int_equal(world.n_looks, 2);
	assert_counts(1, 1);
	world.version = 9;
	a_second_later();
	assert_counts(2, 2);
	assert_int_equal(world.read_version, 9);
	world.version = 8; /* it was taken back */
	a_second_later();
	assert_counts(3, 3);
}

/* ---- here and now --------------------------------------------------------- */

static void
test_read_when_due(void **state)
{
	(void)state;
	begin(&versioned);
	watch_read(watch);
	assert_int_equal(world.n_looks, 1);
	watch_read(watch);
	clock_set(clock_mono() + USEC_PER_SEC - 1, 0);
	watch_read(watch);
	assert_int_equal(world.n_looks, 1);
	/* what the loop would have done, without the loop */
	clock_set(clock_mono() + 1, 0);
	watch_read(watch);
	assert_int_equal(world.n_looks, 2);
	/* another configuration does not ask sooner */
	watch_conf(watch);
	loop_turn(loop);
	assert_int_equal(world.n_looks, 2);
	a_second_later();
	assert_int_equal(world.n_looks, 3);
}

/* ---- away and back -------------------------------------------------------- */

static void
test_away_and_back(void **state)
{
	const void *first;

	(void)state;
	begin(&logged);
	watch_read(watch);
	first = world.got;
	changed("limit");
	world.n_fail = 2;
	a_second_later();
	a_second_later();
	assert_counts(3, 1);
	assert_ptr_equal(world.got, first);
	assert_int_equal(said("things cannot be read: "), 1);
	assert_int_equal(said("; the last ones stay"), 1);
	assert_int_equal(said("can be read again"), 0);
	/* what it missed it reads then */
	a_second_later();
	assert_counts(4, 2);
	assert_int_equal(said("things cannot be read: "), 1);
	assert_int_equal(said("things can be read again"), 1);
}

static void
test_nothing_was_read(void **state)
{
	(void)state;
	begin(&logged);
	world.n_fail = 1;
	watch_read(watch);
	assert_counts(1, 0);
	assert_int_equal(said("; there are none"), 1);
	a_second_later();
	assert_counts(2, 1);
}

/* Not every installation has a database. */
static void
test_no_database_was_made(void **state)
{
	(void)state;
	begin_with(&logged, STR("sqlite:///nonexistent/x.db"));
	watch_read(watch);
	assert_int_equal(said("cannot be read"), 0);
	watch_free(watch);
	watch = watch_new(flow, &opened);
	assert_non_null(watch);
	watch_read(watch);
	assert_int_equal(said("sealed things cannot be read: "), 1);
	assert_int_equal(said("; they are missing"), 1);
}

/* The copy of the host does until the database is back, and is read anew. */
static void
test_replica(void **state)
{
	(void)state;
	make_replica();
	changed("limit");
	begin(&logged);
	world.n_fail = 1; /* the database's */
	watch_read(watch);
	assert_counts(2, 1);
	assert_int_equal(said("; those that this host knew count"), 1);
	world.n_fail = 2; /* and the copy's */
	a_second_later();
	assert_counts(4, 1);
	a_second_later();
	assert_counts(5, 2);
	assert_int_equal(said("can be read again"), 1);
	/* who has read the database never asks the copy again */
	changed("limit");
	world.n_fail = 1;
	a_second_later();
	assert_counts(6, 2);
}

/* A version is the same wherever it was read. */
static void
test_replica_has_the_version(void **state)
{
	(void)state;
	make_replica();
	begin(&versioned);
	world.version = 5;
	world.n_fail = 1;
	watch_read(watch);
	assert_counts(1, 1);
	a_second_later();
	assert_int_equal(world.n_looks, 3);
	assert_counts(1, 1);
	world.version = 6;
	a_second_later();
	assert_counts(2, 2);
}

/* ---- another configuration ------------------------------------------------ */

static void
test_of_another_configuration(void **state)
{
	(void)state;
	begin(&opened);
	watch_conf(watch);
	watch_read(watch);
	assert_counts(1, 1);
	/* at once, although nothing has changed and a second is not over */
	watch_conf(watch);
	loop_turn(loop);
	assert_counts(2, 2);
	/* one that comes while it is read */
	watch_conf(watch);
	world.swaps_conf = true;
	loop_turn(loop);
	assert_counts(4, 3);
	assert_int_equal(world.n_drops, 1);
}

static void
test_not_wanted(void **state)
{
	(void)state;
	begin(&opened);
	world.is_off = true;
	watch_conf(watch);
	loop_turn(loop);
	watch_read(watch);
	a_second_later();
	assert_counts(0, 0);
	assert_int_equal(loop_next_due(loop), -1);
	world.is_off = false;
	watch_conf(watch);
	loop_turn(loop);
	assert_counts(1, 1);
	/* and when it ends, while it is asked every second */
	world.is_off = true;
	a_second_later();
	assert_counts(1, 1);
	assert_int_equal(loop_next_due(loop), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_changes_of_its_sorts),
		T(test_a_gap),
		T(test_versions),
		T(test_read_when_due),
		T(test_away_and_back),
		T(test_nothing_was_read),
		T(test_no_database_was_made),
		T(test_replica),
		T(test_replica_has_the_version),
		T(test_of_another_configuration),
		T(test_not_wanted),
	};

	return bed_run("watch", tests, COUNT(tests));
}
