#include "jobs/audit.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "jobs/drain.h"
#include "jobs_help.h"
#include "meter/event.h"
#include "store/audit.h"
#include "store/logday.h"
#include "store/secret.h"

enum {
	ROWS,
	SUM,
	FORGET,
};

static const struct store_sql sql[] = {
	[ROWS] = { "SELECT COUNT(*) FROM audit", NULL },
	[SUM] = { "SELECT SUM(tenant_id) FROM audit", NULL },
	[FORGET] = { "DELETE FROM spool_segment", NULL },
	STORE_SQL_END,
};

static int64_t
number(int which)
{
	int64_t n = 0;

	assert_int_equal(
	    store_run(bed_store, &sql[which], NULL, 0, store_row_int, &n),
	    ERR_OK);
	return n;
}

/* i, from 1 on, tells all of it. */
static void
events(struct writer *w, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct meter_event ev = { .at = JOBS_T0 + i * USEC_PER_SEC,
			.tenant_id = i,
			.actor = STR("nobody"),
			.action = STR("auth.refused"),
			.result = STR("unknown"),
			.reason = STR("a \xc3\xa9 \xff") };
		char bytes[METER_EVENT_MAX];

		memcpy(ev.id, &i, sizeof(i));
		assert_int_equal(spool_add(w->spool, SPOOL_AUDIT, bytes,
				     meter_event_encode(&ev, bytes)),
		    ERR_OK);
		if (i % 16 == 0)
			loop_turn(w->loop);
	}
}

static void
drain(const char *folder, struct store *s, struct jobs_audit *a)
{
	struct jobs_drain_options o = { .folder = folder,
		.node = JOBS_NODE,
		.audit = jobs_audit_add,
		.audit_arg = a };
	struct jobs_drain_report r = { 0 };
	struct jobs_drain *d = NULL;

	assert_int_equal(jobs_drain_new(&o, &d), ERR_OK);
	do
		assert_int_equal(jobs_drain_pass(d, s, &r), ERR_OK);
	while (r.is_behind);
	assert_int_equal(r.stuck, 0);
	jobs_drain_free(d);
}

/* Each of 1 ... n once, in a chain that is whole. */
static void
assert_exact(int64_t n)
{
	struct store_audit_check check = { 0 };
	struct store_audit_verdict v;

	assert_int_equal(number(ROWS), n);
	assert_int_equal(number(SUM), n * (n + 1) / 2);
	assert_int_equal(store_audit_verify(bed_store, &check, &v), ERR_OK);
	assert_string_equal(v.why, "");
	assert_int_equal(v.rows, n);
}

static void
test_events(void **state)
{
	char *folder = spool_bed();
	struct jobs_audit a = { 0 };
	struct writer w;

	(void)state;
	writer_open(&w, folder, SPOOL_MAX_ALL);
	events(&w, 1, 400);
	drain(folder, bed_store, &a);
	assert_exact(399);
	events(&w, 400, 501);
	calls(&w, 0, 20);
	writer_close(&w);
	drain(folder, bed_store, &a);
	assert_exact(500);
	assert_int_equal(a.damaged, 0);
	spool_bed_remove(folder);
}

/* A position that was lost: what is there is not appended again. */
static void
test_read_twice(void **state)
{
	char *folder = spool_bed();
	struct jobs_audit a = { 0 };
	struct writer w;

	(void)state;
	writer_open(&w, folder, SPOOL_MAX_ALL);
	events(&w, 1, 200);
	drain(folder, bed_store, &a);
	assert_int_equal(
	    store_run(bed_store, &sql[FORGET], NULL, 0, NULL, NULL), ERR_OK);
	events(&w, 200, 301);
	drain(folder, bed_store, &a);
	assert_exact(300);
	writer_close(&w);
	drain(folder, bed_store, &a);
	assert_exact(300);
	spool_bed_remove(folder);
}

/* What is no event does not hold up those behind it. */
static void
test_damaged(void **state)
{
	char *folder = spool_bed();
	struct jobs_audit a = { 0 };
	struct writer w;

	(void)state;
	writer_open(&w, folder, SPOOL_MAX_ALL);
	assert_int_equal(
	    spool_add(w.spool, SPOOL_AUDIT, "nonsense", 8), ERR_OK);
	events(&w, 1, 11);
	writer_close(&w);
	drain(folder, bed_store, &a);
	assert_exact(10);
	assert_int_equal(a.damaged, 1);
	spool_bed_remove(folder);
}

static void
tell_key(struct writer *w, unsigned char n, const char *action, usec_t at,
    const char *detail)
{
	struct meter_event ev = { .at = at,
		.id = { 0xee, n },
		.actor = STR("gateway"),
		.action = str_z(action),
		.object = STR("provider:p/k"),
		.result = STR("told"),
		.detail = str_z(detail) };
	char bytes[METER_EVENT_MAX];

	assert_int_equal(spool_add(w->spool, SPOOL_AUDIT, bytes,
			     meter_event_encode(&ev, bytes)),
	    ERR_OK);
}

/* What providers say of a sealed key lies beside it, whatever comes twice. */
static void
test_secrets(void **state)
{
	static const char master[] = "11111111111111111111111111111111";
	const struct store_masters m = { .key = { { master, 32 } }, .n = 1 };
	const struct store_secret_new fresh = {
		.name = STR("k"), .plain = STR("sk"), .weight = 1
	};
	char *folder = spool_bed(), out[128], in[128];
	struct arena *arena = arena_new(65536);
	struct store_secret_row row;
	struct jobs_audit a = { 0 };
	struct writer w;
	int64_t id = 0;

	(void)state;
	assert_int_equal(
	    store_secret_add(bed_store, &m, &fresh, JOBS_T0, &id), ERR_OK);
	(void)snprintf(out, sizeof(out),
	    "{\"secret_id\":%lld,\"provider\":\"p\",\"status\":402,"
	    "\"at\":%lld}",
	    (long long)id, (long long)JOBS_T0 + 5);
	(void)snprintf(in, sizeof(in),
	    "{\"secret_id\":%lld,\"provider\":\"p\",\"status\":0,"
	    "\"at\":%lld}",
	    (long long)id, (long long)JOBS_T0 + 7);
	writer_open(&w, folder, SPOOL_MAX_ALL);
	tell_key(&w, 1, "provider_key.out", JOBS_T0 + 5, out);
	tell_key(&w, 2, "provider_key.out", JOBS_T0 + 9, "");
	tell_key(&w, 3, "provider_key.out", JOBS_T0 + 9, "{}");
	tell_key(&w, 4, "provider_key.out", JOBS_T0 + 9, "{\"secret_id\":");
	tell_key(&w, 5, "auth.refused", JOBS_T0 + 9, in);
	drain(folder, bed_store, &a);
	assert_int_equal(number(ROWS), 5);
	assert_int_equal(
	    store_secret_find(bed_store, STR("k"), arena, &row), ERR_OK);
	assert_int_equal(row.out_since, JOBS_T0 + 5);
	assert_str(row.out_why, "p answered 402");
	tell_key(&w, 6, "provider_key.in", JOBS_T0 + 7, in);
	drain(folder, bed_store, &a);
	assert_int_equal(
	    store_run(bed_store, &sql[FORGET], NULL, 0, NULL, NULL), ERR_OK);
	writer_close(&w);
	drain(folder, bed_store, &a);
	assert_int_equal(number(ROWS), 6);
	assert_int_equal(
	    store_secret_find(bed_store, STR("k"), arena, &row), ERR_OK);
	assert_int_equal(row.out_since, 0);
	arena_free(arena);
	spool_bed_remove(folder);
}

#ifdef WITH_FAULTS
/* kill -9 at each step of a drain; then another one: all is there once. */
static void
test_killed(void **state)
{
	static const char *const points[] = { "drain.rows", "drain.sums",
		"drain.positions", "drain.committed", "drain.delete",
		"drain.deleted", "drain.table" };
	enum {
		EACH = 500,
		TIMES = 3
	};
	struct jobs_audit a = { 0 };
	unsigned deaths = 0;
	uint32_t n = 1;

	(void)state;
	for (size_t p = 0; p < COUNT(points); p++)
		for (int k = 1; k <= TIMES; k++) {
			char *folder = spool_bed(), spec[64];
			struct writer w;
			pid_t pid;
			int code;

			writer_open(&w, folder, SPOOL_MAX_ALL);
			events(&w, n, n + EACH);
			writer_close(&w);
			snprintf(spec, sizeof(spec), "%s:%d", points[p], k);
			pid = fork();
			assert_true(pid >= 0);
			if (pid == 0) {
				fault_setup(spec);
				drain(folder, bed_open(NULL), &a);
				_exit(0);
			}
			assert_int_equal(waitpid(pid, &code, 0), pid);
			deaths +=
			    WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL;
			drain(folder, bed_store, &a);
			n += EACH;
			assert_exact(n - 1);
			spool_bed_remove(folder);
		}
	assert_true(deaths >= COUNT(points));
	print_message(
	    "#| %u kills of a drain, %u events exact\n", deaths, n - 1);
}
#endif

/* Days are made and leave; what was told stays true. */
static void
test_keep(void **state)
{
	usec_t now = clock_wall();
	struct store_audit row = { .actor = STR("a"),
		.action = STR("b"),
		.object = STR("c"),
		.result = STR("ok") };
	struct store_audit_check check = { 0 };
	struct store_audit_verdict v;
	uint64_t n;

	(void)state;
	assert_int_equal(
	    store_logday_make(bed_store, STORE_AUDIT, now / STORE_DAY - 11),
	    ERR_OK);
	assert_int_equal(jobs_audit_keep(bed_store, 0, now, &n), ERR_OK);
	for (int d = 12; d >= 0; d--) {
		row.at = now - d * STORE_DAY;
		assert_int_equal(store_begin(bed_store), ERR_OK);
		assert_int_equal(store_audit_add(bed_store, &row), ERR_OK);
		assert_int_equal(store_commit(bed_store), ERR_OK);
	}
	assert_int_equal(jobs_audit_keep(bed_store, 0, now, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    jobs_audit_keep(bed_store, 400 * STORE_DAY, now, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(number(ROWS), 13);
	assert_int_equal(
	    jobs_audit_keep(bed_store, 9 * STORE_DAY, now, &n), ERR_OK);
	assert_true(n > 0);
	/* days -9 ... 0, and what tells of the three that went */
	assert_int_equal(number(ROWS), 11);
	assert_int_equal(store_audit_verify(bed_store, &check, &v), ERR_OK);
	assert_string_equal(v.why, "");
	assert_int_equal(v.first_seq, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_events),
		BED_TEST(test_read_twice),
		BED_TEST(test_damaged),
		BED_TEST(test_secrets),
#ifdef WITH_FAULTS
		BED_TEST(test_killed),
#endif
		BED_TEST(test_keep),
	};

	return bed_run("jobs audit", tests, COUNT(tests));
}
