#include "sys/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"

/* Beyond drain_timeout, which the workers keep by themselves. */
#define KILL_GRACE (5 * USEC_PER_SEC)

struct slot {
	pid_t pid; /* 0: none */
	usec_t started;
	usec_t start_at; /* when pid is 0 */
	unsigned young_deaths; /* in a row */
	bool ready;
};

struct parent {
	const struct worker_pool *pool;
	struct slot slot[WORKER_MAX];
	usec_t drain_timeout;
	usec_t kill_at; /* 0: not draining; then when to SIGKILL */
	usec_t next_tick;
	bool was_ready, had_to_kill;
	int signal_fd;
	int ready_fd[2];
	sigset_t old_mask;
};

/* The worker's own: where to say ready, and who the parent was. */
static int self_ready_fd = -1;
static pid_t self_parent;
static sigset_t self_mask;

static void
report(struct parent *p, struct worker_event e)
{
	if (p->pool->report)
		p->pool->report(p->pool->arg, &e);
}

static usec_t
or_default(usec_t v, usec_t def)
{
	return v > 0 ? v : def;
}

/* ---- starting ---------------------------------------------------------- */

static void
schedule(struct parent *p, unsigned i)
{
	struct slot *s = &p->slot[i];
	usec_t pause = or_default(p->pool->backoff_first, 100000);
	usec_t max = or_default(p->pool->backoff_max, 10 * USEC_PER_SEC);

	if (s->young_deaths <= 1) {
		s->start_at = clock_mono();
		return;
	}
	for (unsigned n = 2; n < s->young_deaths && pause < max; n++)
		pause *= 2;
	if (pause > max)
		pause = max;
	s->start_at = clock_mono() + pause;
	report(p, (struct worker_event){
		      .what = WORKER_WAITS, .slot = i, .delay = pause });
}

__attribute__((noreturn)) static void
child(struct parent *p, unsigned i, pid_t parent_pid)
{
	int code;

	close(p->signal_fd);
	close(p->ready_fd[0]);
	self_ready_fd = p->ready_fd[1];
	self_parent = parent_pid;
	self_mask = p->old_mask;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* It may have died before prctl. */
	if (worker_is_orphan())
		_exit(1);
	code = p->pool->run(p->pool->arg, i);
	exit(code);
}

static void
start(struct parent *p, unsigned i)
{
	struct slot *s = &p->slot[i];
	pid_t parent_pid = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fault("worker.fork") ? -1 : fork();
	if (pid == 0)
		child(p, i, parent_pid);
	if (pid < 0) {
		s->young_deaths += 2;
		schedule(p, i);
		return;
	}
	s->pid = pid;
	s->ready = false;
	s->started = clock_mono();
	report(p, (struct worker_event){
		      .what = WORKER_STARTED, .slot = i, .pid = pid });
}

static void
start_due(struct parent *p)
{
	usec_t now = clock_mono();

	for (unsigned i = 0; i < p->pool->count; i++)
		if (!p->slot[i].pid && p->slot[i].start_at <= now &&
		    !p->kill_at)
			start(p, i);
}

/* ---- ends -------------------------------------------------------------- */

static void
ended(struct parent *p, unsigned i, int status)
{
	struct slot *s = &p->slot[i];
	struct worker_event e = { .slot = i, .pid = s->pid, .status = status };
	usec_t healthy = or_default(p->pool->healthy_after, 10 * USEC_PER_SEC);
	/* Told twice, it may have been past its handlers already. */
	bool is_clean = (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
			(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

	e.what = p->kill_at && is_clean ? WORKER_ENDED : WORKER_CRASHED;
	s->pid = 0;
	report(p, e);
	if (p->kill_at)
		return;
	if (clock_mono() - s->started >= healthy)
		s->young_deaths = 0;
	s->young_deaths++;
	schedule(p, i);
}

static void
reap(struct parent *p)
{
	int status;

	for (unsigned i = 0; i < p->pool->count; i++)
		if (p->slot[i].pid &&
		    waitpid(p->slot[i].pid, &status, WNOHANG) == p->slot[i].pid)
			ended(p, i, status);
}

static void
tell_all(struct parent *p, int sig)
{
	for (unsigned i = 0; i < p->pool->count; i++)
		if (p->slot[i].pid)
			kill(p->slot[i].pid, sig);
}

static void
kill_late(struct parent *p)
{
	if (!p->kill_at || clock_mono() < p->kill_at)
		return;
	for (unsigned i = 0; i < p->pool->count; i++) {
		if (!p->slot[i].pid)
			continue;
		kill(p->slot[i].pid, SIGKILL);
		p->had_to_kill = true;
		report(p, (struct worker_event){ .what = WORKER_KILLED,
			      .slot = i,
			      .pid = p->slot[i].pid });
	}
	p->kill_at = clock_mono() + KILL_GRACE;
}

static bool
is_over(const struct parent *p)
{
	if (!p->kill_at)
		return false;
	for (unsigned i = 0; i < p->pool->count; i++)
		if (p->slot[i].pid)
			return false;
	return true;
}

/* ---- signals ----------------------------------------------------------- */

static void
drain(struct parent *p)
{
	const struct worker_pool *pool = p->pool;

	if (!p->kill_at) {
		p->kill_at = clock_mono() + p->drain_timeout + KILL_GRACE;
		if (pool->stopping)
			pool->stopping(pool->arg);
	}
	tell_all(p, SIGTERM);
}

static void
reload(struct parent *p)
{
	usec_t t = p->pool->reload ? p->pool->reload(p->pool->arg) : -1;

	if (t >= 0)
		p->drain_timeout = t;
	tell_all(p, SIGHUP);
}

static void
handle_signal(struct parent *p, uint32_t sig)
{
	switch (sig) {
	case SIGCHLD:
		reap(p);
		break;
	case SIGTERM:
	case SIGINT:
		drain(p);
		break;
	case SIGHUP:
		reload(p);
		break;
	case SIGUSR1:
		if (p->pool->reopen)
			p->pool->reopen(p->pool->arg);
		tell_all(p, SIGUSR1);
		break;
	default:
		break;
	}
}

static void
read_signals(struct parent *p)
{
	struct signalfd_siginfo info;

	while (read(p->signal_fd, &info, sizeof(info)) == sizeof(info))
		handle_signal(p, info.ssi_signo);
}

/* Workers write their pid. */
static void
read_ready(struct parent *p)
{
	bool all = true;
	int32_t pid;

	while (read(p->ready_fd[0], &pid, sizeof(pid)) == sizeof(pid))
		for (unsigned i = 0; i < p->pool->count; i++)
			if (p->slot[i].pid == pid && !p->slot[i].ready) {
				p->slot[i].ready = true;
				report(p,
				    (struct worker_event){ .what = WORKER_READY,
					.slot = i,
					.pid = pid });
			}
	for (unsigned i = 0; i < p->pool->count; i++)
		all = all && p->slot[i].pid && p->slot[i].ready;
	if (all && !p->was_ready) {
		p->was_ready = true;
		if (p->pool->ready)
			p->pool->ready(p->pool->arg);
	}
}

/* ---- the parent's loop ------------------------------------------------- */

static usec_t
earlier(usec_t a, usec_t b)
{
	return a < b ? a : b;
}

static int
poll_timeout(const struct parent *p)
{
	usec_t at = INT64_MAX, left;

	if (p->kill_at)
		at = p->kill_at;
	else
		for (unsigned i = 0; i < p->pool->count; i++)
			if (!p->slot[i].pid)
				at = earlier(at, p->slot[i].start_at);
	if (p->pool->tick_every > 0)
		at = earlier(at, p->next_tick);
	if (at == INT64_MAX)
		return -1;
	left = at - clock_mono();
	if (left <= 0)
		return 0;
	return (int)(earlier(left, 3600 * USEC_PER_SEC) / 1000 + 1);
}

static void
tick(struct parent *p)
{
	if (p->pool->tick_every <= 0 || clock_mono() < p->next_tick)
		return;
	p->next_tick = clock_mono() + p->pool->tick_every;
	if (p->pool->tick)
		p->pool->tick(p->pool->arg);
}

static void
serve(struct parent *p)
{
	struct pollfd fds[2] = {
		{ .fd = p->signal_fd, .events = POLLIN },
		{ .fd = p->ready_fd[0], .events = POLLIN },
	};

	while (!is_over(p)) {
		start_due(p);
		tick(p);
		if (poll(fds, 2, poll_timeout(p)) < 0 && errno != EINTR)
			ASSERT(errno == ENOMEM);
		read_signals(p);
		read_ready(p);
		/* A SIGCHLD may stand for several. */
		reap(p);
		kill_late(p);
	}
}

static int
setup(struct parent *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	if (pipe2(p->ready_fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p->signal_fd < 0) {
		close(p->ready_fd[0]);
		close(p->ready_fd[1]);
		return -1;
	}
	sigprocmask(SIG_BLOCK, &set, &p->old_mask);
	/* Whoever started us may have left them blocked. */
	for (int s = 1; s < SIGRTMIN; s++)
		if (sigismember(&set, s) == 1)
			sigdelset(&p->old_mask, s);
	return 0;
}

int
worker_pool_run(const struct worker_pool *pool)
{
	struct parent p = {
		.pool = pool,
		.drain_timeout = pool->drain_timeout,
	};

	ASSERT(pool->count >= 1 && pool->count <= WORKER_MAX);
	if (setup(&p) != 0)
		return 1;
	serve(&p);
	close(p.signal_fd);
	close(p.ready_fd[0]);
	close(p.ready_fd[1]);
	sigprocmask(SIG_SETMASK, &p.old_mask, NULL);
	return p.had_to_kill ? 1 : 0;
}

/* ---- in the worker ----------------------------------------------------- */

void
worker_ready(void)
{
	int32_t pid = (int32_t)getpid();

	if (self_ready_fd < 0)
		return;
	(void)(write(self_ready_fd, &pid, sizeof(pid)) == sizeof(pid));
	close(self_ready_fd);
	self_ready_fd = -1;
	sigprocmask(SIG_SETMASK, &self_mask, NULL);
}

bool
worker_is_orphan(void)
{
	return self_parent && getppid() != self_parent;
}
