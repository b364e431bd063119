#include "check.h"

#include <pthread.h>
#include <semaphore.h>

#include "base/log.h"
#include "flow/life.h"

struct bed {
	struct loop *loop;
	struct shm *shm;
	struct flow *flow;
	struct req *req;
	int finished; /* the door was told the end */
};

struct job {
	pthread_t loop_thread;
	sem_t begun, go; /* with a real pool */
	bool is_held;
	int worked, done, dropped;
	bool was_elsewhere;
	enum flow_step next;
	bool fails;
};

static void
door_write(void *door, struct str bytes, bool flush)
{
	(void)door;
	(void)bytes;
	(void)flush;
}

static size_t
door_pending(void *door)
{
	(void)door;
	return 0;
}

static void
door_finish(void *door)
{
	struct bed *b = door;

	b->finished++;
	b->req = NULL;
}

static const struct req_door door = { door_write, door_pending, door_finish };

/* No request here gets so far. */
static const struct upstream_ops no_ops;
static struct upstream upstream = { &no_ops };

static void
set_up(struct bed *b, struct loop *loop)
{
	*b = (struct bed){ .loop = loop };
	assert_non_null(loop);
	assert_int_equal(shm_open_file(NULL, 64, &b->shm), ERR_OK);
	b->flow = flow_new(loop, &upstream, b->shm, 0, NULL, NULL);
	assert_non_null(b->flow);
	b->req = req_new(b->flow, &door, b);
	assert_non_null(b->req);
	b->req->meta.request_id[0] = 'r';
	b->req->step = FLOW_IDENTIFY;
}

static void
tear_down(struct bed *b)
{
	flow_free(b->flow);
	loop_free(b->loop);
	shm_close(b->shm);
}

static void
work(void *arg)
{
	struct job *j = arg;

	if (j->is_held) {
		sem_post(&j->begun);
		while (sem_wait(&j->go) != 0)
			;
	}
	j->was_elsewhere = !pthread_equal(pthread_self(), j->loop_thread);
	j->worked++;
}

static enum flow_step
done(struct req *r, void *arg)
{
	struct job *j = arg;

	assert_true(pthread_equal(pthread_self(), j->loop_thread));
	assert_int_equal(flow_jobs(r->flow), 0);
	j->done++;
	if (!j->fails)
		return j->next;
	msg_fail_set(&r->fail, MSG_FAIL_PERMISSION, "No.");
	return flow_refuse(r);
}

static void
drop(void *arg)
{
	struct job *j = arg;

	assert_true(pthread_equal(pthread_self(), j->loop_thread));
	j->dropped++;
}

static void
test_done_moves_the_request(void **state)
{
	struct job j = { .loop_thread = pthread_self(), .fails = true };
	struct bed b;

	(void)state;
	set_up(&b, loop_new_virtual());
	assert_int_equal(flow_work(b.req, work, done, &j, drop), FLOW_WAIT);
	assert_int_equal(flow_jobs(b.flow), 1);
	assert_int_equal(j.worked, 0);
	loop_turn(b.loop);
	assert_int_equal(j.worked, 1);
	assert_int_equal(j.done, 1);
	assert_int_equal(j.dropped, 0);
	assert_int_equal(b.finished, 1); /* it was refused, and settled */
	assert_int_equal(flow_active(b.flow), 0);
	tear_down(&b);
}

static void
test_done_may_wait_on(void **state)
{
	struct job j = { .loop_thread = pthread_self(), .next = FLOW_WAIT };
	struct bed b;

	(void)state;
	set_up(&b, loop_new_virtual());
	assert_int_equal(flow_work(b.req, work, done, &j, drop), FLOW_WAIT);
	loop_turn(b.loop);
	assert_int_equal(j.done, 1);
	assert_int_equal(b.finished, 0);
	req_abort(b.req);
	tear_down(&b);
}

/* The client left before the job began: its work is done for nobody. */
static void
test_the_request_goes_first(void **state)
{
	struct job j[2] = { { .loop_thread = pthread_self() },
		{ .loop_thread = pthread_self() } };
	struct bed b;

	(void)state;
	set_up(&b, loop_new_virtual());
	assert_int_equal(flow_work(b.req, work, done, &j[0], drop), FLOW_WAIT);
	assert_int_equal(flow_work(b.req, work, done, &j[1], NULL), FLOW_WAIT);
	req_abort(b.req);
	assert_int_equal(flow_active(b.flow), 0);
	assert_int_equal(flow_jobs(b.flow), 2);
	loop_turn(b.loop);
	assert_int_equal(flow_jobs(b.flow), 0);
	assert_int_equal(j[0].done + j[1].done, 0);
	assert_int_equal(j[0].dropped, 1);
	assert_int_equal(j[1].dropped, 0); /* it has no drop */
	tear_down(&b);
}

static void *
let_go(void *arg)
{
	sem_post(&((struct job *)arg)->go);
	return NULL;
}

/*
 * On a real pool: the request goes while a thread works for it, and then the
 * flow, which waits for the thread.
 */
static void
test_it_goes_while_a_thread_works(void **state)
{
	struct job j = { .loop_thread = pthread_self(), .is_held = true };
	pthread_t helper;
	struct bed b;

	(void)state;
	assert_int_equal(sem_init(&j.begun, 0, 0), 0);
	assert_int_equal(sem_init(&j.go, 0, 0), 0);
	set_up(&b, loop_new());
	assert_int_equal(flow_work(b.req, work, done, &j, drop), FLOW_WAIT);
	while (sem_wait(&j.begun) != 0)
		;
	req_abort(b.req);
	assert_int_equal(flow_jobs(b.flow), 1);
	assert_int_equal(pthread_create(&helper, NULL, let_go, &j), 0);
	tear_down(&b);
	assert_int_equal(pthread_join(helper, NULL), 0);
	assert_int_equal(j.worked, 1);
	assert_true(j.was_elsewhere);
	assert_int_equal(j.done, 0);
	assert_int_equal(j.dropped, 1);
	sem_destroy(&j.begun);
	sem_destroy(&j.go);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done_moves_the_request),
		cmocka_unit_test(test_done_may_wait_on),
		cmocka_unit_test(test_the_request_goes_first),
		cmocka_unit_test(test_it_goes_while_a_thread_works),
	};

	if (log_open(STR("file:/dev/null"), LOG_KEYVALUE, LOG_ERROR) != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
