#include "flow/life.h"

#include "base/fault.h"

/*
 * A job is known to its request while both live: whichever ends first takes
 * leave of the other.
 */
struct flow_job {
	struct flow *flow;
	struct req *req; /* NULL: it has gone */
	struct flow_job *next; /* of the same request */
	void (*work)(void *job);
	enum flow_step (*done)(struct req *r, void *job);
	void (*drop)(void *job);
	void *job;
};

static void
leave(struct flow_job *j)
{
	struct flow_job **at = &j->req->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
}

static void
on_work(void *arg)
{
	struct flow_job *j = arg;

	j->work(j->job);
}

static void
on_done(void *arg)
{
	struct flow_job *j = arg;
	struct req *r = j->req;
	void (*drop)(void *job) = j->drop;
	enum flow_step (*done)(struct req *, void *) = j->done;
	void *job = j->job;

	j->flow->n_jobs--;
	if (r)
		leave(j);
	free(j);
	if (r)
		flow_go(r, done(r, job));
	else if (drop)
		drop(job);
}

enum flow_step
flow_work(struct req *r, void (*work)(void *job),
    enum flow_step (*done)(struct req *r, void *job), void *job,
    void (*drop)(void *job))
{
	struct flow_job *j = fault("flow.work") ? NULL : calloc(1, sizeof(*j));

	if (!j)
		goto out;
	*j = (struct flow_job){ r->flow, r, r->jobs, work, done, drop, job };
	if (loop_work(r->flow->loop, on_work, on_done, j) != ERR_OK)
		goto out;
	r->jobs = j;
	r->flow->n_jobs++;
	return FLOW_WAIT;
out:
	free(j);
	if (drop)
		drop(job);
	msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	return flow_refuse(r);
}

void
job_leave_all(struct req *r)
{
	struct flow_job *j;

	while ((j = r->jobs)) {
		r->jobs = j->next;
		j->req = NULL;
	}
}
