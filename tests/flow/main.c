#include "scenario.h"
#include "sys/stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/fault.h"
#include "base/log.h"
#include "base/rand.h"
#include "conf/conf.h"
#include "conf/yaml.h"
#include "meter/event.h"
#include "meter/spool.h"
#include "sys/shm.h"

#define REQUESTS_MAX 128
/* No scenario may last longer on its own clock. */
#define SCENARIO_MAX (100 * 86400 * USEC_PER_SEC)
#define HOUR (3600 * USEC_PER_SEC)
#define DAY (24 * HOUR)
#define SCENARIO_WALL ((usec_t)1790000000 * USEC_PER_SEC)

static const struct conf_kind kinds[] = {
	{ "openai", false },
	{ "azure", true },
	{ "anthropic", false },
	{ "gemini", false },
	{ "openai-compatible", true },
	{ NULL, false },
};

static bool is_torture;
static uint64_t struck; /* faults that happened in the last scenario */

/* Upstream calls of a run without faults, for each of its requests. */
static struct {
	uint32_t before, own;
} usual[REQUESTS_MAX];

struct run {
	const struct tree_node *root;
	struct loop *loop;
	struct shm *shm;
	struct script script;
	struct people people;
	struct bookings bookings;
	struct flow *flow;
	struct door doors[REQUESTS_MAX];
	uint32_t n_doors;
	char folder[64];
	char conf_path[96];
	char log_path[96];
	struct buf audit; /* its events, a line each */
	struct buf *why;
	usec_t until; /* later than that nothing can be meant to happen */
	uint64_t lost; /* lines of the log before */
	bool has_failed; /* a request before had another answer than usual */
	bool is_torture; /* faults: only what must hold always is checked */
};

static void
file_write(const char *path, struct str text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	ASSERT(fd >= 0);
	ASSERT(write(fd, text.p, text.n) == (ssize_t)text.n);
	close(fd);
}

static void
file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	char *room;

	while (fd >= 0 && (room = buf_room(out, 65536)) &&
	       (n = read(fd, room, 65536)) > 0)
		out->n += (size_t)n;
	if (fd >= 0)
		close(fd);
}

/* As a line behind the log: what the worker would put into its spool. */
static bool
on_event(void *arg, const struct meter_event *ev)
{
	char bytes[METER_EVENT_MAX];
	struct meter_event back;
	struct run *r = arg;
	size_t n = meter_event_encode(ev, bytes);

	ASSERT(meter_event_decode(str_of(bytes, n), &back) == ERR_OK);
	buf_printf(&r->audit,
	    "audit %.*s by <%.*s> to <%.*s> from <%.*s> because <%.*s>: %.*s "
	    "%.*s\n",
	    STR_ARG(back.action), STR_ARG(back.actor), STR_ARG(back.object),
	    STR_ARG(back.address), STR_ARG(back.reason), STR_ARG(back.result),
	    STR_ARG(back.detail));
	return !r->audit.failed;
}

/* Writes the configuration; STATE_DIR in it is the scenario's folder. */
static void
conf_write(struct run *r, struct str text)
{
	size_t at = str_find(text, STR("STATE_DIR"));
	struct buf b;

	if (at == SIZE_MAX) {
		file_write(r->conf_path, text);
		return;
	}
	buf_init(&b, 1 << 20);
	buf_add(&b, text.p, at);
	buf_addz(&b, r->folder);
	buf_adds(&b, str_skip(text, at + 9));
	file_write(r->conf_path, buf_str(&b));
	buf_fini(&b);
}

/* Loads a configuration text into the flow; problems go to why. */
static bool
load(struct run *r, struct str text)
{
	struct arena *a = arena_new(1 << 20);
	struct conf_problems problems;
	struct conf *conf = NULL;
	struct str first;

	conf_write(r, text);
	conf_problems_init(&problems, a);
	if (conf_load(r->conf_path, &conf, &problems) == ERR_OK) {
		flow_conf_set(r->flow, conf);
		conf_unref(conf);
		arena_free(a);
		return true;
	}
	first = conf_problems_first(&problems, a);
	flow_conf_failed(r->flow, arena_strz(a, first));
	buf_printf(r->why, "configuration: %.*s\n", STR_ARG(first));
	arena_free(a);
	return false;
}

static void
turn(struct run *r)
{
	bool was = fault_pause(false);

	loop_turn(r->loop);
	fault_pause(was);
}

/* Moves the clock to the next timer until nothing is left to come. */
static bool
turn_until_idle(struct run *r, usec_t end)
{
	usec_t due;

	for (;;) {
		turn(r);
		due = loop_next_due(r->loop);
		if (due < 0 || due > end)
			return due < 0;
		clock_set(due, SCENARIO_WALL + due);
	}
}

static bool
all_done(const struct run *r)
{
	for (uint32_t i = 0; i < r->n_doors; i++)
		if (!r->doors[i].is_done)
			return false;
	return true;
}

static void
wait_all(struct run *r)
{
	while (!all_done(r)) {
		usec_t due;

		turn(r);
		due = loop_next_due(r->loop);
		if (all_done(r) || due < 0 || due > r->until)
			break;
		clock_set(due, SCENARIO_WALL + due);
	}
}

static void
start_request(struct run *r, const struct tree_node *spec)
{
	struct door *d;

	ASSERT(r->n_doors < REQUESTS_MAX);
	d = &r->doors[r->n_doors++];
	*d = (struct door){ .spec = spec,
		.flow = r->flow,
		.loop = r->loop,
		.script = &r->script };
	door_run(d);
}

static void
do_wait(struct run *r, usec_t t)
{
	usec_t end = clock_mono() + t;

	turn_until_idle(r, end);
	clock_set(end, SCENARIO_WALL + end);
}

static void
do_reload(struct run *r, const struct tree_node *n, bool must_fail)
{
	struct buf ignored, *why = r->why;

	buf_init(&ignored, 65536);
	if (must_fail)
		r->why = &ignored;
	if (load(r, tree_text(n)) && must_fail)
		buf_printf(why, "line %u: a bad file was accepted\n", n->line);
	r->why = why;
	buf_fini(&ignored);
}

/* steps of those that have a database */
static bool
do_people(struct run *r, const struct tree_node *step)
{
	const struct tree_node *n;

	if (!r->people.pool)
		return false;
	if ((n = tree_find(step, "add")))
		people_add(&r->people, n);
	else if ((n = tree_find(step, "block")))
		people_block(&r->people, n, true);
	else if ((n = tree_find(step, "unblock")))
		people_block(&r->people, n, false);
	else if ((n = tree_find(step, "database")))
		people_break(&r->people, str_eqz(tree_text(n), "away"));
	return n != NULL;
}

/* steps: request | together | wait | reload | reload_bad | drain */
static void
do_step(struct run *r, const struct tree_node *step)
{
	const struct tree_node *n;

	if ((n = tree_find(step, "request"))) {
		start_request(r, n);
		wait_all(r);
	} else if ((n = tree_find(step, "begin"))) {
		start_request(r, n);
		turn(r);
	} else if ((n = tree_find(step, "wait"))) {
		do_wait(r, scenario_duration(n, 0));
	} else if ((n = tree_find(step, "reload"))) {
		do_reload(r, n, false);
	} else if ((n = tree_find(step, "reload_bad"))) {
		do_reload(r, n, true);
	} else if (tree_find(step, "drain")) {
		flow_drain(r->flow);
	} else if (!do_people(r, step)) {
		buf_printf(r->why, "line %u: unknown step\n", step->line);
	}
}

static uint64_t
count_lines(struct str log, struct str with)
{
	uint64_t n = 0;

	while (log.n > 0)
		n += str_contains(str_cut(&log, '\n'), with);
	return n;
}

/* Each request of the API has its line, or the loss of it is counted. */
static void
check_lines(struct run *r, struct str log)
{
	uint64_t lines = count_lines(log, STR(" surface=")), wanted = 0;

	for (uint32_t i = 0; i < r->n_doors; i++)
		wanted += r->doors[i].owner && !r->doors[i].is_page;
	lines += log_lost() - r->lost;
	if (lines < wanted)
		buf_printf(r->why, "%llu lines of %llu requests\n",
		    (unsigned long long)lines, (unsigned long long)wanted);
}

static void
check_sane(
    struct run *r, uint32_t i, const struct tree_node *expect, struct buf *why)
{
	const struct door *d = &r->doors[i];
	const struct sooner sooner = {
		.by_calls = d->first_call > usual[i].before ||
			    d->end_call - d->first_call > usual[i].own,
		.by_guesses = r->has_failed || shm_refused(r->shm) > 0,
	};

	if (!expect_sane(d, expect, &sooner, why))
		r->has_failed = true;
}

static void
note_usual(const struct run *r, uint32_t i)
{
	const struct door *d = &r->doors[i];

	if (r->is_torture)
		return;
	usual[i].before = d->first_call;
	usual[i].own = d->end_call - d->first_call;
}

static void
check_all(struct run *r)
{
	struct buf log;

	flow_flush(r->flow);
	buf_init(&log, 1 << 24);
	file_read(r->log_path, &log);
	buf_adds(&log, buf_str(&r->audit));
	bookings_print(&r->bookings, &log);
	for (uint32_t i = 0; i < r->n_doors; i++) {
		struct door *d = &r->doors[i];
		const struct tree_node *expect = tree_find(d->spec, "expect");
		struct buf why;

		if (!expect)
			buf_printf(
			    r->why, "line %u: no expect\n", d->spec->line);
		buf_init(&why, 1 << 20);
		if (r->is_torture)
			check_sane(r, i, expect, &why);
		else
			expect_check(
			    d, &r->script, expect, buf_str(&log), &why);
		note_usual(r, i);
		if (why.n > 0)
			buf_printf(r->why, "request %u (line %u):\n%.*s", i + 1,
			    d->spec->line, STR_ARG(buf_str(&why)));
		buf_fini(&why);
	}
	check_lines(r, buf_str(&log));
	buf_fini(&log);
}

/* The request that a step makes, or NULL. */
static const struct tree_node *
step_request(const struct tree_node *step)
{
	const struct tree_node *n = tree_find(step, "request");

	return n ? n : tree_find(step, "begin");
}

static void
must_go(struct run *r, const struct tree_node *spec, bool exactly)
{
	const struct tree_node *expect = tree_find(spec, "expect");
	struct buf why;

	buf_init(&why, 1 << 20);
	start_request(r, spec);
	wait_all(r);
	if (exactly)
		expect_check(&r->doors[r->n_doors - 1], &r->script, expect,
		    STR(""), &why);
	else
		(void)expect_sane(
		    &r->doors[r->n_doors - 1], expect, NULL, &why);
	if (why.n > 0)
		buf_printf(r->why, "afterwards, line %u:\n%.*s", spec->line,
		    STR_ARG(buf_str(&why)));
	buf_fini(&why);
}

/*
 * The faults are over, a day has gone: nothing counts as under way, and the
 * first request goes again, without a limit in its way that was not given back.
 */
static void
check_afterlife(struct run *r)
{
	static const char page[] =
	    "method: GET\n"
	    "path: /metrics\n"
	    "expect: { status: 200, has: [ \"in_flight 1\\n\" ] }\n";
	struct arena *a = arena_new(TREE_ARENA_MAX);
	const struct tree_node *steps = tree_find(r->root, "steps");
	struct conf_problems problems;
	struct tree_node *root;
	struct tree tree;

	r->until = clock_mono() + 2 * DAY;
	/* Workers ask a database twice a second: a day of it takes seconds. */
	do_wait(r, r->people.pool ? HOUR : DAY);
	conf_problems_init(&problems, a);
	tree_init(&tree, a);
	ASSERT(yaml_read(&tree, str_z(page), STR("page"), &root, &problems) ==
	       ERR_OK);
	must_go(r, root, true);
	tree_each(steps, step)
	{
		if (!step_request(step))
			continue;
		must_go(r, step_request(step), false);
		break;
	}
	arena_free(a);
}

static void
run_setup(struct run *r, const struct tree_node *root, struct buf *why)
{
	*r = (struct run){ .root = root,
		.why = why,
		.until = SCENARIO_MAX,
		.is_torture = is_torture };
	snprintf(r->folder, sizeof(r->folder), "/tmp/llmgw-scenario-XXXXXX");
	ASSERT(mkdtemp(r->folder));
	snprintf(r->conf_path, sizeof(r->conf_path), "%s/c.yaml", r->folder);
	snprintf(r->log_path, sizeof(r->log_path), "%s/log", r->folder);
	clock_set(1000 * USEC_PER_SEC, SCENARIO_WALL + 1000 * USEC_PER_SEC);
	rand_init_fixed((uint64_t)tree_i64_or(tree_find(root, "seed"), 1));
	r->loop = loop_new_virtual();
	ASSERT(r->loop);
	ASSERT(shm_open_file(NULL, 1024, &r->shm) == ERR_OK);
	script_init(&r->script, r->loop, tree_find(root, "upstream"));
	if (tree_find(root, "people")) {
		people_open(&r->people, r->folder);
		people_add(&r->people, tree_find(root, "people"));
	}
	r->flow =
	    flow_new(r->loop, &r->script.base, r->shm, 0, NULL, r->people.pool);
	ASSERT(r->flow);
	buf_init(&r->audit, 1 << 20);
	flow_audit_set(r->flow, on_event, r);
	if (tree_find(root, "jobd_seen"))
		stats_set(r->shm, STATS_V_JOBD_SEEN,
		    clock_wall() -
			scenario_duration(tree_find(root, "jobd_seen"), 0));
	if (str_eqz(tree_text(tree_find(root, "ledger")), "full"))
		flow_spool_set(r->flow, NULL, "no room");
	else if (tree_find(root, "ledger")) {
		bookings_open(&r->bookings, r->loop, r->folder);
		flow_spool_set(r->flow, r->bookings.spool, "");
	}
	r->lost = log_lost();
}

static void
run_teardown(struct run *r)
{
	/* With a database it never is idle: workers ask what has changed. */
	if (!r->people.pool || flow_active(r->flow) != 0)
		turn_until_idle(
		    r, r->people.pool ? clock_mono() + HOUR : r->until);
	if (flow_active(r->flow) != 0)
		buf_printf(
		    r->why, "%u requests were left\n", flow_active(r->flow));
	else
		flow_free(r->flow);
	bookings_close(&r->bookings);
	buf_fini(&r->audit);
	for (uint32_t i = 0; i < r->n_doors; i++)
		door_fini(&r->doors[i]);
	script_fini(&r->script);
	people_close(&r->people, r->folder);
	shm_close(r->shm);
	loop_free(r->loop);
	unlink(r->conf_path);
	unlink(r->log_path);
	rmdir(r->folder);
	*r = (struct run){ 0 }; /* no pointer that would hide a leak */
}

static void
run_scenario(const struct tree_node *root, struct buf *why)
{
	static struct run r;
	struct arena *a = arena_new(1 << 16);
	const struct tree_node *conf = tree_find(root, "config");

	run_setup(&r, root, why);
	ASSERT(log_open(arena_printf(a, "file:%s", r.log_path), LOG_KEYVALUE,
		   LOG_INFO) == ERR_OK);
	if (!conf || load(&r, tree_text(conf)))
		tree_each(tree_find(root, "steps"), step) do_step(&r, step);
	if (r.bookings.spool) /* its sync is part of what may fail */
		turn_until_idle(&r, clock_mono() + 2 * SPOOL_SYNC_EVERY);
	check_all(&r);
	if (r.is_torture) {
		struck = fault_struck();
		fault_setup(NULL);
		check_afterlife(&r);
	}
	run_teardown(&r);
	arena_free(a);
}

/* One TAP line per document. */
static bool
run_file(const char *path)
{
	struct arena *a = arena_new(TREE_ARENA_MAX);
	struct arena *pa = arena_new(1 << 20);
	struct conf_problems problems;
	struct tree_node *root;
	struct tree tree;
	struct buf why;
	bool ok;

	buf_init(&why, 1 << 22);
	conf_problems_init(&problems, pa);
	tree_init(&tree, a);
	if (yaml_read_file(&tree, path, &root, &problems) != ERR_OK)
		buf_printf(&why, "%.*s\n",
		    STR_ARG(conf_problems_first(&problems, pa)));
	else
		run_scenario(root, &why);
	ok = why.n == 0;
	printf("%s - %s\n", ok ? "ok" : "not ok", path);
	if (!ok)
		printf("%.*s", STR_ARG(buf_str(&why)));
	buf_fini(&why);
	arena_free(a);
	arena_free(pa);
	return ok;
}

static int
is_scenario(const struct dirent *e)
{
	return str_ends(str_z(e->d_name), STR(".yaml"));
}

static bool
run_folder(const char *folder)
{
	struct dirent **list;
	int n = scandir(folder, &list, is_scenario, alphasort);
	bool ok = n > 0;

	for (int i = 0; i < n; i++) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		ok = run_file(path) && ok;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return ok;
}

/*
 * Faults. What the points leave behind must be the same as without them:
 * nothing. The process dies at what sanitizers find; the driver
 * (tests/fault/torture.py) reads which fault was the last.
 */
static bool
torture(const char *path, char **specs, int n)
{
	bool ok = run_file(path); /* for what is usual */

	is_torture = true;
	for (int i = 0; i < n; i++) {
		printf("# %s\n", specs[i]);
		fflush(stdout);
		fault_setup(specs[i]);
		ok = run_file(path) && ok;
		if (struck == 0) {
			printf("not ok - %s: did not happen\n", specs[i]);
			ok = false;
		}
#ifdef __SANITIZE_ADDRESS__
		if (__lsan_do_recoverable_leak_check()) {
			printf("not ok - %s: leak\n", specs[i]);
			ok = false;
		}
#endif
		fflush(stdout);
	}
	return ok;
}

/* scenarios FILE|FOLDER ... | scenarios --torture FILE POINT:N[+] ... */
int
main(int argc, char **argv)
{
	bool ok = argc > 1;
	struct stat st;

	fault_count_to(getenv("LLMGW_FAULT_COUNT"));
	fault_pause(true);
	conf_kinds_set(kinds);
	setenv("TEST_KEY", "client-secret", 1);
	setenv("UPSTREAM_KEY", "upstream-secret", 1);
	setenv("KEY_A", "secret-a", 1);
	setenv("KEY_B", "secret-b", 1);
	if (argc > 2 && strcmp(argv[1], "--torture") == 0)
		return torture(argv[2], argv + 3, argc - 3) ? 0 : 1;
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			ok = run_folder(argv[i]) && ok;
		else
			ok = run_file(argv[i]) && ok;
	}
	return ok ? 0 : 1;
}
