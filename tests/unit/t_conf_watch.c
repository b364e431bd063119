/* Watching, in virtual time: what is loaded, when, and what is told. */
#include "conf_help.h"

#include <fcntl.h>

#include "base/fault.h"
#include "conf/watch.h"

struct watched {
	struct loop *loop;
	struct conf_watch *watch;
	usec_t now;
	uint32_t calls;
	uint32_t n_models; /* of the last snapshot */
	uint32_t n_errors;
	bool was_refused;
	bool ask_again; /* in the next callback */
	bool free_it; /* in the next callback */
};

static void
on_conf(void *arg, struct conf *c, const struct conf_problems *problems)
{
	struct watched *t = arg;

	t->calls++;
	t->was_refused = c == NULL;
	t->n_errors = problems->n_errors;
	if (c != NULL)
		t->n_models = c->n_models;
	if (t->ask_again) {
		t->ask_again = false;
		conf_watch_now(t->watch);
	}
	if (t->free_it) {
		conf_watch_free(t->watch);
		t->watch = NULL;
	}
}

static const char one[] =
    "providers: { p: { kind: openai } }\nmodels: { a: p/x }\n";
static const char two[] =
    "providers: { p: { kind: openai } }\nmodels: { a: p/x, b: p/y }\n";

/* A file changes its stamp even within one tick of the clock of the disk. */
static void
write_conf(const char *text)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	static int seconds = 1000;
	const char *path = put_file("llmgw.yaml", text);

	times[1].tv_sec = seconds++;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
pass(struct watched *t, usec_t by)
{
	t->now += by;
	clock_set(t->now, t->now);
	loop_turn(t->loop);
}

static void
begin(struct watched *t, bool from_nothing)
{
	uint64_t stamp;

	*t = (struct watched){ .now = USEC_PER_SEC };
	clock_set(t->now, t->now);
	write_conf(one);
	stamp = conf_stamp(test_path("llmgw.yaml"));
	assert_int_not_equal(stamp, 0);
	t->loop = loop_new_virtual();
	assert_non_null(t->loop);
	t->watch = conf_watch_new(t->loop, test_path("llmgw.yaml"),
	    from_nothing ? 0 : stamp, on_conf, t);
	assert_non_null(t->watch);
}

static void
end(struct watched *t)
{
	conf_watch_free(t->watch);
	loop_turn(t->loop);
	loop_free(t->loop);
	clock_real();
}

static void
test_nothing_changed(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	for (int i = 0; i < 10; i++)
		pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 0);
	end(&t);
}

static void
test_from_nothing(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, true);
	loop_turn(t.loop);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.n_models, 1);
	end(&t);
}

static void
test_change_is_loaded_once(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	write_conf(two);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 0); /* may still be written */
	pass(&t, CONF_WATCH_SETTLE - 1);
	assert_int_equal(t.calls, 0);
	pass(&t, 1);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.n_models, 2);
	pass(&t, 10 * CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	end(&t);
}

static void
test_moving_file_waits(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	for (int i = 0; i < 5; i++) {
		write_conf(i % 2 ? one : "mod");
		pass(&t, CONF_WATCH_PERIOD);
	}
	assert_int_equal(t.calls, 0);
	write_conf(two);
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	assert_false(t.was_refused);
	end(&t);
}

static void
test_bad_then_good(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	write_conf("modles: {}\n");
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	assert_true(t.was_refused);
	assert_int_equal(t.n_errors, 1);
	/* It is told once, not every second. */
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	/* The old text again is a change as well. */
	write_conf(one);
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 2);
	assert_false(t.was_refused);
	end(&t);
}

static void
test_file_gone(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	drop_file("llmgw.yaml");
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	assert_true(t.was_refused);
	end(&t);
}

static void
test_conf_d_is_watched(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	assert_int_equal(mkdir(test_path("conf.d"), 0700), 0);
	put_file("conf.d/x.yaml", "models: { c: p/z }\n");
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.n_models, 2);
	drop_file("conf.d/x.yaml");
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 2);
	assert_int_equal(t.n_models, 1);
	assert_int_equal(rmdir(test_path("conf.d")), 0);
	end(&t);
}

static void
test_on_request(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	conf_watch_now(t.watch);
	loop_turn(t.loop);
	assert_int_equal(t.calls, 1); /* changed or not */
	/* Asked while one is under way: what was read may be too old. */
	conf_watch_now(t.watch);
	conf_watch_now(t.watch);
	loop_turn(t.loop);
	assert_int_equal(t.calls, 3);
	t.ask_again = true;
	conf_watch_now(t.watch);
	loop_turn(t.loop);
	assert_int_equal(t.calls, 5);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 5);
	/* It goes on looking afterwards. */
	write_conf(two);
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 6);
	end(&t);
}

static void
test_free_at_any_time(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false); /* at rest */
	end(&t);

	begin(&t, false); /* with a load queued */
	conf_watch_now(t.watch);
	end(&t);
	assert_int_equal(t.calls, 0);

	begin(&t, false); /* in the callback */
	t.free_it = true;
	conf_watch_now(t.watch);
	loop_turn(t.loop);
	assert_int_equal(t.calls, 1);
	assert_null(t.watch);
	end(&t);
	conf_watch_free(NULL);
}

/* The same on a real loop with its pool. */
static void
on_real(void *arg, struct conf *c, const struct conf_problems *problems)
{
	struct watched *t = arg;

	(void)problems;
	assert_non_null(c);
	t->calls++;
	loop_stop(t->loop);
}

static void
test_real_loop(void **state)
{
	struct watched t = { 0 };

	(void)state;
	write_conf(one);
	t.loop = loop_new();
	assert_non_null(t.loop);
	t.watch =
	    conf_watch_new(t.loop, test_path("llmgw.yaml"), 0, on_real, &t);
	assert_non_null(t.watch);
	loop_run(t.loop);
	assert_int_equal(t.calls, 1);
	/* A load that is under way when all ends is waited for. */
	conf_watch_now(t.watch);
	conf_watch_free(t.watch);
	loop_free(t.loop);
	assert_int_equal(t.calls, 1);
}

#ifdef WITH_FAULTS
static void
test_no_memory(void **state)
{
	struct watched t;

	(void)state;
	begin(&t, false);
	fault_setup("conf.watch:1");
	conf_watch_now(t.watch);
	loop_turn(t.loop);
	assert_int_equal(t.calls, 0);
	/* The request is not forgotten. */
	pass(&t, CONF_WATCH_PERIOD);
	pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 1);
	fault_setup("loop.work:1,loop.work:2");
	write_conf(two);
	for (int i = 0; i < 5; i++)
		pass(&t, CONF_WATCH_PERIOD);
	assert_int_equal(t.calls, 2);
	fault_setup("conf.watch_new:1");
	assert_null(conf_watch_new(t.loop, "x", 1, on_conf, &t));
	fault_setup(NULL);
	end(&t);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_from_nothing),
		cmocka_unit_test(test_change_is_loaded_once),
		cmocka_unit_test(test_moving_file_waits),
		cmocka_unit_test(test_bad_then_good),
		cmocka_unit_test(test_file_gone),
		cmocka_unit_test(test_conf_d_is_watched),
		cmocka_unit_test(test_on_request),
		cmocka_unit_test(test_free_at_any_time),
		cmocka_unit_test(test_real_loop),
#ifdef WITH_FAULTS
		cmocka_unit_test(test_no_memory),
#endif
	};

	return cmocka_run_group_tests(tests, dir_begin, dir_end);
}
