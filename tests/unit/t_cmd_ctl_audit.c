/* llmgwctl audit as a program, on a chain that is made here. */
#include "ctl_run.h"

#include "store/audit.h"

#define A_DAY (86400 * USEC_PER_SEC)
#define FIRST_DAY INT64_C(20000) /* 2024-10-04 */

static void
add(int64_t day, const char *actor, const char *action, const char *object)
{
	struct store_audit row = {
		.at = (FIRST_DAY + day) * A_DAY + USEC_PER_SEC,
		.actor = str_z(actor),
		.action = str_z(action),
		.object = str_z(object),
		.result = STR("ok"),
		.reason = STR("because \"x\""),
		.detail = STR("{\"name\":\"ci\"}"),
	};

	assert_int_equal(store_begin(bed_store), ERR_OK);
	assert_int_equal(store_audit_add(bed_store, &row), ERR_OK);
	assert_int_equal(store_commit(bed_store), ERR_OK);
}

static void
fill(void)
{
	add(0, "cli:kim", "tenant.create", "tenant:1");
	add(0, "cli:kim", "key.create", "key:1");
	add(1, "cli:lee", "key.block", "key:1");
	add(2, "cli:lee", "key.create", "key:2");
}

static unsigned
lines(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < ctl_out.n; i++)
		n += ctl_out.p[i] == '\n';
	return n;
}

static void
test_list(void **state)
{
	(void)state;
	fill();
	assert_run("audit list --json", 0);
	assert_says("\"seq\":4");
	assert_says("\"reason\":\"because \\\"x\\\"\"");
	assert_run("audit list --by cli:lee", 0);
	assert_says("key.block");
	assert_silent_of("tenant.create");
	assert_run("audit list --action tenant.", 0);
	assert_says("tenant.create");
	assert_silent_of("key.");
	assert_run("audit list --object key:1 --limit 1", 0);
	assert_says("key.block");
	assert_silent_of("key.create");
	assert_run("audit list --from 2024-10-05 --to 2024-10-05", 0);
	assert_says("key.block");
	assert_silent_of("key.create");
	assert_run("audit list --from 2024-10-32", 1);
	assert_says("it is written 2026-11-21");
	assert_run("audit list --tenant nobody", 1);
	assert_says("no tenant 'nobody'");
}

/* Every line is an object, and has all that a hash is made of. */
static void
test_export(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct str rest;
	int64_t seq = 0;

	(void)state;
	fill();
	assert_run("audit export", 0);
	assert_int_equal(lines(), 4);
	rest = buf_str(&ctl_out);
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');
		struct json j;

		assert_int_equal(json_scan(&j, a, line, NULL, NULL), ERR_OK);
		assert_int_equal(
		    json_i64_or(&j, json_get(&j, 0, "seq"), 0), ++seq);
		assert_int_equal(json_count(&j, 0), 13);
		assert_int_equal(json_inner(&j, json_get(&j, 0, "hash")).n, 64);
	}
	assert_says("\"day\":\"2024-10-04\",\"time\":\"2024-10-04T00:00:01.");
	assert_run("audit export --action key. --from 2024-10-05", 0);
	assert_int_equal(lines(), 2);
	arena_free(a);
}

static void
test_verify(void **state)
{
	static const struct store_sql tamper = {
		"UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE"
		" seq = 1) WHERE day = 20000",
		NULL
	};
	char head[128], line[256];

	(void)state;
	assert_run("audit head", 1);
	assert_says("nothing was written yet");
	fill();
	assert_run("audit verify", 0);
	assert_says("OK: 4 rows from 1 on");
	assert_run("audit verify --json --from 2024-10-05", 0);
	assert_says("\"first_seq\":3,\"rows\":2");
	assert_run("audit head 2024-10-04", 0);
	assert_int_equal(ctl_out.n, 2 + 64 + 1);
	(void)snprintf(
	    head, sizeof(head), "%.*s", STR_ARG(str_trim(buf_str(&ctl_out))));
	assert_true(str_starts(str_z(head), STR("2:")));
	(void)snprintf(line, sizeof(line), "audit verify --head %s", head);
	assert_run(line, 0);
	head[10] = head[10] == '0' ? '1' : '0';
	(void)snprintf(line, sizeof(line), "audit verify --head %s", head);
	assert_run(line, 1);
	assert_says("row 2 is not the one whose head was kept");
	assert_run("audit verify --head 2:xyz", 1);
	assert_says("is no head");
	assert_run("audit head 2024-10-09", 1);
	assert_says("no row was written on that day");
	assert_int_equal(
	    store_run(bed_store, &tamper, NULL, 0, NULL, NULL), ERR_OK);
	assert_run("audit verify --json", 1);
	assert_says("{\"error\":{\"message\":\"the audit was changed: the head "
		    "of 2024-10-04");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BED_TEST(test_list),
		BED_TEST(test_export),
		BED_TEST(test_verify),
	};

	(void)argc;
	return ctl_bed_run(argv[0], "llmgwctl audit", tests, COUNT(tests));
}
