#include "route/plan.h"

#include "route_help.h"

static usec_t now, wait;

static struct msg_fail failure(enum msg_fail_class class)
{
	struct msg_fail f = { .class = class,
		.retry_after = -1,
		.should_retry = -1,
		.upstream_status = 400 };

	return f;
}

/* Begins; the letter of the first target. */
static char
first(void)
{
	now = T0;
	make_plan(now, now + 60 * SEC);
	assert_int_equal(route_plan_first(&plan, now), ROUTE_TRY);
	return route_plan_target(&plan)->model.p[0];
}

#define PAUSE '.'
#define END '!'

/* What follows the failure: a letter, PAUSE or END. */
static char
then(struct msg_fail f)
{
	wait = -1;
	switch (route_plan_failed(&plan, &f, now, &wait)) {
	case ROUTE_TRY:
		return route_plan_target(&plan)->model.p[0];
	case ROUTE_WAIT:
		assert_true(wait >= 0);
		return PAUSE;
	case ROUTE_GIVE_UP:
		return END;
	}
	return '?';
}

static char after(enum msg_fail_class class)
{
	return then(failure(class));
}

static char
resume(void)
{
	now += wait;
	if (route_plan_resume(&plan, now) != ROUTE_TRY)
		return END;
	return route_plan_target(&plan)->model.p[0];
}

/* The whole course when every attempt fails alike. */
static const char *
course(struct msg_fail f)
{
	static char text[64];
	size_t n = 0;

	text[n++] = first();
	while (n + 1 < sizeof(text)) {
		text[n++] = then(f);
		if (text[n - 1] == PAUSE)
			text[n++] = resume();
		if (text[n - 1] == END)
			break;
	}
	text[n] = '\0';
	return text;
}

static const char *course_of(enum msg_fail_class class)
{
	return course(failure(class));
}

static bool
any_usable(usec_t at)
{
	for (uint32_t i = 0; i < model.n_targets; i++)
		if (route_target_usable(&conf, &targets[i], shm, at))
			return true;
	return false;
}

static void
own_priorities(void)
{
	for (uint32_t i = 0; i < TARGETS_MAX; i++)
		targets[i].priority = i + 1;
}

static void
test_peers_before_a_pause(void **state)
{
	(void)state;
	/* then the last one again, since it is the present one */
	assert_string_equal(course_of(MSG_FAIL_UNAVAILABLE), "abc.c.c!");
}

static void
test_pauses_before_a_lower_priority(void **state)
{
	(void)state;
	/* so many failures would open the breakers on the way */
	conf.breaker.failures = 100;
	own_priorities();
	assert_string_equal(
	    course_of(MSG_FAIL_UNAVAILABLE), "a.a.ab.b.bc.c.c!");
	model.retry_attempts = 0;
	assert_string_equal(course_of(MSG_FAIL_UNAVAILABLE), "abc!");
	model.retry_attempts = 1;
	assert_string_equal(course_of(MSG_FAIL_CONNECT), "a.ab.bc.c!");
}

static bool
is_not(const void *arg, const struct conf_target *t)
{
	return !strchr(arg, t->model.p[0]);
}

static void
test_restricted(void **state)
{
	(void)state;
	now = T0;
	make_plan(now, now + 60 * SEC);
	route_plan_restrict(&plan, is_not, "b");
	assert_string_equal(order(), "ac");
	assert_false(plan.last_resort);
	route_plan_restrict(&plan, is_not, "ac");
	assert_int_equal(route_plan_first(&plan, now), ROUTE_GIVE_UP);
	/* All that is left is open: it is asked once all the same. */
	break_target('a', now);
	make_plan(now, now + 60 * SEC);
	assert_false(plan.last_resort);
	route_plan_restrict(&plan, is_not, "bc");
	assert_string_equal(order(), "a");
	assert_true(plan.last_resort);
	assert_int_equal(route_plan_first(&plan, now), ROUTE_TRY);
	assert_int_equal(then(failure(MSG_FAIL_UNAVAILABLE)), END);
}

/* Each class, alone in fallback_on and not in it. */
static void
test_classes(void **state)
{
	static const struct {
		enum msg_fail_class class;
		unsigned bit;
		const char *with, *without;
	} rows[] = {
		{ MSG_FAIL_UNAVAILABLE, CONF_FB_UNAVAILABLE, "ab!", "a!" },
		{ MSG_FAIL_OVERLOADED, CONF_FB_UNAVAILABLE, "ab!", "a!" },
		{ MSG_FAIL_CONNECT, CONF_FB_UNAVAILABLE, "ab!", "a!" },
		{ MSG_FAIL_CUT, CONF_FB_UNAVAILABLE, "ab!", "a!" },
		{ MSG_FAIL_BAD_ANSWER, CONF_FB_UNAVAILABLE, "ab!", "a!" },
		{ MSG_FAIL_RATE_LIMIT, CONF_FB_RATE_LIMIT, "ab!", "a!" },
		{ MSG_FAIL_TIMEOUT, CONF_FB_TIMEOUT, "ab!", "a!" },
		{ MSG_FAIL_CONTEXT_LENGTH, CONF_FB_CONTEXT_LENGTH, "ab!",
		    "a!" },
		{ MSG_FAIL_TOO_LARGE, CONF_FB_CONTEXT_LENGTH, "ab!", "a!" },
		{ MSG_FAIL_CONTENT_POLICY, CONF_FB_CONTENT_POLICY, "ab!",
		    "a!" },
		{ MSG_FAIL_UPSTREAM_AUTH, CONF_FB_AUTH, "ab!", "a!" },
		{ MSG_FAIL_QUOTA, CONF_FB_QUOTA, "ab!", "a!" },
		{ MSG_FAIL_MODEL_NOT_FOUND, CONF_FB_MODEL_NOT_FOUND, "ab!",
		    "a!" },
		{ MSG_FAIL_INVALID, CONF_FB_INVALID, "ab!", "a!" },
		{ MSG_FAIL_INTERNAL, ~0u, "a!", "a!" },
		{ MSG_FAIL_POLICY, ~0u, "a!", "a!" },
		{ MSG_FAIL_LIMIT, ~0u, "a!", "a!" },
	};

	(void)state;
	model.n_targets = 2;
	model.retry_attempts = 0;
	conf.breaker.failures = 100;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *word = msg_fail_table[rows[i].class].word;

		model.fallback_on = rows[i].bit;
		if (strcmp(course_of(rows[i].class), rows[i].with) != 0)
			fail_msg("%s with its word: %s", word,
			    course_of(rows[i].class));
		model.fallback_on = ~rows[i].bit;
		if (strcmp(course_of(rows[i].class), rows[i].without) != 0)
			fail_msg("%s without its word: %s", word,
			    course_of(rows[i].class));
	}
}

/* What a pause cannot cure is not asked again. */
static void
test_hopeless_classes_are_not_retried(void **state)
{
	static const enum msg_fail_class hopeless[] = { MSG_FAIL_INVALID,
		MSG_FAIL_CONTEXT_LENGTH, MSG_FAIL_CONTENT_POLICY,
		MSG_FAIL_UPSTREAM_AUTH, MSG_FAIL_QUOTA,
		MSG_FAIL_MODEL_NOT_FOUND };

	(void)state;
	model.n_targets = 1;
	for (size_t i = 0; i < COUNT(hopeless); i++)
		assert_string_equal(course_of(hopeless[i]), "a!");
	assert_string_equal(course_of(MSG_FAIL_RATE_LIMIT), "a.a.a!");
}

static void
test_timeout_is_retried_once(void **state)
{
	(void)state;
	model.n_targets = 1;
	assert_string_equal(course_of(MSG_FAIL_TIMEOUT), "a.a!");
	model.retry_attempts = 0;
	assert_string_equal(course_of(MSG_FAIL_TIMEOUT), "a!");
}

static void
test_should_retry(void **state)
{
	struct msg_fail f = failure(MSG_FAIL_UNAVAILABLE);

	(void)state;
	model.n_targets = 1;
	f.should_retry = 0;
	assert_string_equal(course(f), "a!");
	f = failure(MSG_FAIL_INVALID);
	f.should_retry = 1;
	assert_string_equal(course(f), "a.a.a!");
	/* it speaks of the same target only */
	model.n_targets = 2;
	f = failure(MSG_FAIL_UNAVAILABLE);
	f.should_retry = 0;
	assert_string_equal(course(f), "ab!");
}

static void
test_backoff(void **state)
{
	static const usec_t want[] = { 250 * MSEC, 500 * MSEC, 1 * SEC, 2 * SEC,
		3 * SEC, 3 * SEC };
	usec_t least = 1000 * SEC, most = 0;

	(void)state;
	conf.breaker.failures = UINT32_MAX;
	conf.breaker.min_requests = UINT32_MAX;
	model.n_targets = 1;
	model.retry_attempts = COUNT(want);
	model.retry_backoff_max = 3 * SEC;
	for (int round = 0; round < 200; round++) {
		assert_int_equal(first(), 'a');
		for (size_t i = 0; i < COUNT(want); i++) {
			assert_int_equal(after(MSG_FAIL_UNAVAILABLE), PAUSE);
			/* a quarter of jitter either way */
			assert_in_range(
			    wait, want[i] - want[i] / 4, want[i] * 5 / 4);
			if (i == 0) {
				least = wait < least ? wait : least;
				most = wait > most ? wait : most;
			}
			assert_int_equal(resume(), 'a');
		}
		assert_int_equal(after(MSG_FAIL_UNAVAILABLE), END);
	}
	assert_true(most - least > 100 * MSEC);
}

static void
test_retry_after(void **state)
{
	struct msg_fail f = failure(MSG_FAIL_RATE_LIMIT);

	(void)state;
	model.n_targets = 1;
	/* never come earlier */
	f.retry_after = 7 * SEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), PAUSE);
	assert_int_equal(wait, 7 * SEC);
	/* "0" and the like: half a second at least */
	f.retry_after = 0;
	model.retry_backoff = 1 * MSEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), PAUSE);
	assert_int_equal(wait, SEC / 2);
	/* shorter than our own pause */
	model.retry_backoff = 4 * SEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), PAUSE);
	assert_in_range(wait, 3 * SEC, 5 * SEC);
	/* nobody waits for an hour */
	f.retry_after = 3600 * SEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), END);
}

static void
test_long_pause_is_spent_elsewhere(void **state)
{
	struct msg_fail f = failure(MSG_FAIL_RATE_LIMIT);

	(void)state;
	own_priorities();
	model.n_targets = 2;
	f.retry_after = 900 * MSEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), PAUSE);
	assert_int_equal(wait, 900 * MSEC);
	shm_close(shm);
	assert_int_equal(shm_open_file(NULL, 64, &shm), ERR_OK);
	f.retry_after = 1 * SEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), 'b');
	/* it cools: the next request begins elsewhere */
	assert_int_equal(first(), 'b');
}

static void
test_deadline(void **state)
{
	struct msg_fail f = failure(MSG_FAIL_UNAVAILABLE);

	(void)state;
	model.n_targets = 1;
	f.retry_after = 59 * SEC;
	assert_int_equal(first(), 'a');
	assert_int_equal(then(f), PAUSE);
	/* a pause that ends at the deadline helps nobody */
	assert_int_equal(first(), 'a');
	now = T0 + 1 * SEC;
	assert_int_equal(then(f), END);
	/* it is over: no other target either */
	model.n_targets = 3;
	assert_int_equal(first(), 'b');
	now = T0 + 60 * SEC;
	assert_int_equal(after(MSG_FAIL_UNAVAILABLE), END);
}

static void
test_context_length_needs_a_larger_one(void **state)
{
	(void)state;
	model.fallback_on |= CONF_FB_CONTEXT_LENGTH;
	model.n_targets = 4;
	targets[0].context_window = 8000;
	targets[1].context_window = 8000;
	targets[2].context_window = 4000;
	targets[3].context_window = 128000;
	assert_string_equal(course_of(MSG_FAIL_CONTEXT_LENGTH), "ad!");
	/* where a size is unknown it may help */
	targets[1].context_window = 0;
	assert_string_equal(course_of(MSG_FAIL_CONTEXT_LENGTH), "abcd!");
	/* other failures do not look at sizes */
	model.retry_attempts = 0;
	assert_string_equal(course_of(MSG_FAIL_UNAVAILABLE), "abcd!");
}

static void
test_open_ones_are_passed_over(void **state)
{
	(void)state;
	break_target('a', T0);
	assert_int_equal(first(), 'b');
	assert_false(plan.is_probe);
	assert_int_equal(after(MSG_FAIL_UNAVAILABLE), 'c');
	assert_int_equal(after(MSG_FAIL_INVALID), END);
}

static void
test_last_resort(void **state)
{
	(void)state;
	break_target('a', T0);
	break_target('c', T0 - 2 * SEC);
	break_target('b', T0 - 1 * SEC);
	assert_false(any_usable(T0));
	/* the one that opens soonest, once, without another */
	assert_int_equal(first(), 'c');
	assert_true(plan.last_resort);
	assert_int_equal(after(MSG_FAIL_UNAVAILABLE), END);
	assert_int_equal(route_plan_retry_after(&plan, T0), 3 * SEC);
	assert_true(any_usable(T0 + 3 * SEC));
}

/* Between making the plan and asking, another worker took the probe. */
static void
test_probe_taken_meanwhile(void **state)
{
	(void)state;
	model.n_targets = 1;
	break_target('a', T0 - 5 * SEC);
	now = T0;
	make_plan(now, now + 60 * SEC);
	assert_int_equal(
	    breaker_ask(slot_of('a'), &conf.breaker, now), BREAKER_PROBE);
	assert_int_equal(route_plan_first(&plan, now), ROUTE_TRY);
	assert_true(plan.last_resort);
	assert_false(plan.is_probe);
	/* its outcome does not decide: that is the probe's */
	route_plan_succeeded(&plan, now);
	assert_int_equal(breaker_state(slot_of('a')), BREAKER_HALF_OPEN);
}

static void
test_probe(void **state)
{
	(void)state;
	break_target('a', T0 - 5 * SEC);
	assert_int_equal(first(), 'a');
	assert_true(plan.is_probe);
	/* meanwhile others go elsewhere */
	assert_int_equal(first(), 'b');
	assert_false(plan.is_probe);
}

static void
test_probe_outcomes(void **state)
{
	static const struct {
		enum msg_fail_class class; /* NONE: success */
		int status;
		enum breaker_state state;
	} rows[] = {
		{ MSG_FAIL_NONE, 200, BREAKER_CLOSED },
		{ MSG_FAIL_UNAVAILABLE, 503, BREAKER_OPEN },
		{ MSG_FAIL_TIMEOUT, 0, BREAKER_OPEN },
		/* the provider answered: it is well */
		{ MSG_FAIL_INVALID, 400, BREAKER_CLOSED },
		{ MSG_FAIL_RATE_LIMIT, 429, BREAKER_CLOSED },
		/* it was not asked at all: nothing is known */
		{ MSG_FAIL_RATE_LIMIT, 0, BREAKER_OPEN },
		{ MSG_FAIL_INTERNAL, 0, BREAKER_OPEN },
	};

	(void)state;
	model.n_targets = 1;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct msg_fail f = failure(rows[i].class);

		shm_close(shm);
		assert_int_equal(shm_open_file(NULL, 64, &shm), ERR_OK);
		break_target('a', T0 - 5 * SEC);
		assert_int_equal(first(), 'a');
		assert_true(plan.is_probe);
		f.upstream_status = rows[i].status;
		if (rows[i].class == MSG_FAIL_NONE)
			route_plan_succeeded(&plan, now);
		else
			route_plan_broke(&plan, &f, now);
		if (breaker_state(slot_of('a')) != rows[i].state)
			fail_msg("row %zu: state %d", i,
			    (int)breaker_state(slot_of('a')));
	}
}

/* An attempt is told once: a success, then a break, is no second report. */
static void
test_reported_once(void **state)
{
	(void)state;
	model.n_targets = 1;
	for (uint32_t i = 0; i < conf.breaker.failures; i++) {
		struct msg_fail f = failure(MSG_FAIL_CUT);

		assert_int_equal(breaker_state(slot_of('a')), BREAKER_CLOSED);
		assert_int_equal(first(), 'a');
		route_plan_broke(&plan, &f, now);
		/* neither of these hides it */
		route_plan_succeeded(&plan, now);
		route_plan_abandoned(&plan);
	}
	assert_int_equal(breaker_state(slot_of('a')), BREAKER_OPEN);
}

/* It had less time than it may take: running out is not its failure. */
static void
test_cut_short(void **state)
{
	struct msg_fail f = failure(MSG_FAIL_TIMEOUT);

	(void)state;
	model.n_targets = 1;
	f.upstream_status = 0;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(first(), 'a');
		plan.is_cut_short = true;
		route_plan_broke(&plan, &f, now);
	}
	assert_int_equal(breaker_state(slot_of('a')), BREAKER_CLOSED);
	/* the next attempt starts afresh */
	assert_int_equal(first(), 'a');
	assert_false(plan.is_cut_short);
}

static void
test_abandoned_probe(void **state)
{
	(void)state;
	break_target('a', T0 - 5 * SEC);
	assert_int_equal(first(), 'a');
	route_plan_abandoned(&plan);
	assert_int_equal(first(), 'a');
	assert_true(plan.is_probe);
}

/* What never reached the target does not hide its failures in a row. */
static void
test_own_refusals_do_not_count(void **state)
{
	struct msg_fail ours = failure(MSG_FAIL_RATE_LIMIT);

	(void)state;
	ours.upstream_status = 0;
	model.n_targets = 1;
	model.retry_attempts = 0;
	for (uint32_t i = 0; i < conf.breaker.failures; i++) {
		assert_int_equal(breaker_state(slot_of('a')), BREAKER_CLOSED);
		assert_int_equal(first(), 'a');
		assert_int_equal(after(MSG_FAIL_UNAVAILABLE), END);
		assert_int_equal(first(), 'a');
		assert_int_equal(then(ours), END);
	}
	assert_int_equal(breaker_state(slot_of('a')), BREAKER_OPEN);
}

/* Its breaker opened while we waited. */
static void
test_resume_elsewhere(void **state)
{
	(void)state;
	own_priorities();
	model.n_targets = 2;
	assert_int_equal(first(), 'a');
	assert_int_equal(after(MSG_FAIL_UNAVAILABLE), PAUSE);
	break_target('a', now);
	assert_int_equal(resume(), 'b');
	assert_int_equal(first(), 'b');
	model.n_targets = 1;
	shm_close(shm);
	assert_int_equal(shm_open_file(NULL, 64, &shm), ERR_OK);
	assert_int_equal(first(), 'a');
	assert_int_equal(after(MSG_FAIL_UNAVAILABLE), PAUSE);
	break_target('a', now);
	assert_int_equal(resume(), END);
}

static void
test_nothing_to_try(void **state)
{
	(void)state;
	model.n_targets = 0;
	make_plan(T0, T0 + SEC);
	assert_int_equal(route_plan_first(&plan, T0), ROUTE_GIVE_UP);
	assert_int_equal(route_plan_retry_after(&plan, T0), 0);
	assert_false(any_usable(T0));
}

/* Without shared memory there is routing, but no breaker. */
static void
test_full_table(void **state)
{
	(void)state;
	shm_close(shm);
	assert_int_equal(shm_open_file(NULL, 1, &shm), ERR_OK);
	for (uint64_t id = 1000; shm_slot(shm, id); id++)
		;
	model.strategy = CONF_ROUND_ROBIN;
	model.retry_attempts = 0;
	for (int i = 0; i < 10; i++) {
		size_t n = strlen(course_of(MSG_FAIL_UNAVAILABLE));

		assert_int_equal(n, 4);
	}
}

static void
test_no_memory(void **state)
{
	struct arena *small = arena_new(64);

	(void)state;
	model.n_targets = TARGETS_MAX;
	assert_non_null(small);
	assert_int_equal(route_plan_make(&plan, small, &conf, &model, shm, NULL,
			     T0, T0 + SEC),
	    ERR_NOMEM);
	/* the request ends with the plan as it is */
	route_plan_abandoned(&plan);
	arena_free(small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(test_peers_before_a_pause),
		ROUTE_TEST(test_restricted),
		ROUTE_TEST(test_pauses_before_a_lower_priority),
		ROUTE_TEST(test_classes),
		ROUTE_TEST(test_hopeless_classes_are_not_retried),
		ROUTE_TEST(test_timeout_is_retried_once),
		ROUTE_TEST(test_should_retry),
		ROUTE_TEST(test_backoff),
		ROUTE_TEST(test_retry_after),
		ROUTE_TEST(test_long_pause_is_spent_elsewhere),
		ROUTE_TEST(test_deadline),
		ROUTE_TEST(test_context_length_needs_a_larger_one),
		ROUTE_TEST(test_open_ones_are_passed_over),
		ROUTE_TEST(test_last_resort),
		ROUTE_TEST(test_probe_taken_meanwhile),
		ROUTE_TEST(test_probe),
		ROUTE_TEST(test_probe_outcomes),
		ROUTE_TEST(test_reported_once),
		ROUTE_TEST(test_cut_short),
		ROUTE_TEST(test_abandoned_probe),
		ROUTE_TEST(test_own_refusals_do_not_count),
		ROUTE_TEST(test_resume_elsewhere),
		ROUTE_TEST(test_nothing_to_try),
		ROUTE_TEST(test_full_table),
		ROUTE_TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
