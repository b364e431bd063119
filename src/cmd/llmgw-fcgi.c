/*
 * llmgw-fcgi: the responder. A parent that holds the listening socket and
 * workers that serve it; or, where there is no such socket, one CGI request.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "base/rand.h"
#include "cmd/fcgi.h"
#include "cmd/kinds.h"
#include "cmd/store_env.h"
#include "front/listen.h"
#include "sys/notify.h"
#include "sys/stats.h"

#define EXIT_PROBLEMS 1
#define EXIT_USAGE 2
#define DEFAULT_FILE SYSCONFDIR "/llmgw/llmgw.yaml"
#define DEFAULT_STATE_DIR LOCALSTATEDIR "/lib/llmgw"
#define LISTEN_FDS_START 3
#define LOOK_EVERY USEC_PER_SEC
#define DRAIN_DEFAULT (60 * USEC_PER_SEC)

/* ---- options ----------------------------------------------------------- */

/*
 * A web server puts a query without '=' on the command line of a CGI program
 * (RFC 3875, 4.4; Apache does): whoever asks has written it then.
 */
static bool
is_command_line_foreign(void)
{
	const char *query = getenv("QUERY_STRING");

	return getenv("GATEWAY_INTERFACE") && query && *query &&
	       !strchr(query, '=');
}

/* -1: go on; otherwise the exit code. */
static int
options(int argc, char **argv)
{
	int rest;

	if (is_command_line_foreign())
		return -1;
	if (opt_parse(fcgi_opts, argc, argv, stderr, &rest) != ERR_OK)
		return EXIT_USAGE;
	if (fcgi_args.help) {
		opt_help(fcgi_opts, "llmgw-fcgi", FCGI_SYNOPSIS, stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_PROBLEMS;
	}
	if (fcgi_args.version) {
		puts("llmgw-fcgi " PACKAGE_VERSION);
		return fflush(stdout) == 0 ? 0 : EXIT_PROBLEMS;
	}
	if (rest < argc) {
		fprintf(stderr, "llmgw-fcgi: %s: what is this? See --help\n",
		    argv[rest]);
		return EXIT_USAGE;
	}
	return -1;
}

/* ---- pre-init ---------------------------------------------------------- */

static void
pre_init(void)
{
	struct rlimit lim;
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	/* A limit on file sizes shows as an error of the call. */
	sigaction(SIGXFSZ, &ignore, NULL);
	umask(0077);
#ifdef WITH_FAULTS
	fault_setup(getenv("LLMGW_FAULT"));
#else
	/* No core, no ptrace: keys are in this memory. */
	prctl(PR_SET_DUMPABLE, 0);
#endif
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	rand_init();
	kinds_install();
}

/* ---- init -------------------------------------------------------------- */

/* Sockets that systemd (or what speaks like it) passes. */
static int
passed_socket(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	int64_t p, count;

	if (!pid || !n || num_parse_i64(str_z(pid), &p) != ERR_OK ||
	    p != getpid() || num_parse_i64(str_z(n), &count) != ERR_OK ||
	    count < 1 || !front_listen_is(LISTEN_FDS_START))
		return -1;
	fcntl(LISTEN_FDS_START, F_SETFD, FD_CLOEXEC);
	return LISTEN_FDS_START;
}

static enum err
find_socket(struct fcgi_main *m)
{
	char why[256];

	m->listen_fd = -1;
	if (fcgi_args.listen) {
		if (front_listen_open(str_z(fcgi_args.listen), &m->listen_fd,
			why, sizeof(why)) != ERR_OK) {
			log_msg(LOG_ERROR, "%s", why);
			return ERR_IO;
		}
		m->must_remove = true;
		return ERR_OK;
	}
	m->listen_fd = passed_socket();
	if (m->listen_fd < 0 && front_listen_is(STDIN_FILENO))
		m->listen_fd = STDIN_FILENO;
	if (m->listen_fd >= 0)
		front_listen_widen(m->listen_fd);
	return ERR_OK;
}

static enum err
open_shm(struct fcgi_main *m)
{
	char path[1024];
	struct str dir = STR(DEFAULT_STATE_DIR);
	uint32_t slots = SHM_SLOTS;
	enum err e;

	if (m->conf.conf && m->conf.conf->state_dir.n)
		dir = m->conf.conf->state_dir;
	if (m->conf.conf)
		slots = m->conf.conf->counters / SHM_TALLIES_PER_SLOT;
	snprintf(path, sizeof(path), "%.*s/shm", STR_ARG(dir));
	e = shm_open_file(path, slots, &m->shm);
	if (e == ERR_OK)
		return ERR_OK;
	/* Breakers and limits then hold for this pool only. */
	log_msg(LOG_WARN,
	    "cannot use %s (%s): limits are not shared with "
	    "other programs",
	    path, strerror(errno));
	return shm_open_file(NULL, slots, &m->shm);
}

static const char *
config_file(void)
{
	const char *env = getenv("LLMGW_CONFIG");

	if (fcgi_args.config)
		return fcgi_args.config;
	return env && *env ? env : DEFAULT_FILE;
}

static enum err
init(struct fcgi_main *m)
{
	m->conf.file = config_file();
	if (fcgi_conf_load(&m->conf) != ERR_OK)
		log_msg(LOG_ERROR,
		    "no configuration: only health is served "
		    "until %s is good",
		    m->conf.file);
	else
		fcgi_log_open(&m->conf);
	if (notify_open(getenv("NOTIFY_SOCKET")) != ERR_OK)
		log_msg(LOG_WARN, "NOTIFY_SOCKET cannot be used");
	m->watchdog_every = notify_watchdog_every(
	    getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	if (find_socket(m) != ERR_OK)
		return ERR_IO;
	return open_shm(m);
}

static void
deinit(struct fcgi_main *m)
{
	if (m->must_remove)
		front_listen_remove(str_z(fcgi_args.listen));
	conf_unref(m->conf.conf);
	shm_close(m->shm);
	notify_close();
}

/* ---- the parent -------------------------------------------------------- */

static usec_t
drain_timeout(const struct fcgi_main *m)
{
	return m->conf.conf ? m->conf.conf->drain_timeout : DRAIN_DEFAULT;
}

static void
log_end(const struct worker_event *e)
{
	if (WIFSIGNALED(e->status))
		log_msg(LOG_ERROR, "worker %u (pid %ld) died of signal %d",
		    e->slot, (long)e->pid, WTERMSIG(e->status));
	else
		log_msg(LOG_ERROR, "worker %u (pid %ld) ended with code %d",
		    e->slot, (long)e->pid, WEXITSTATUS(e->status));
}

static void
on_report(void *arg, const struct worker_event *e)
{
	struct fcgi_main *m = arg;

	switch (e->what) {
	case WORKER_STARTED:
		stats_add(m->shm, STATS_WORKER_STARTS, 1);
		break;
	case WORKER_READY:
		log_msg(LOG_INFO, "worker %u (pid %ld) is ready", e->slot,
		    (long)e->pid);
		break;
	case WORKER_ENDED:
		shm_worker_died(m->shm, e->pid);
		break;
	case WORKER_CRASHED:
		shm_worker_died(m->shm, e->pid);
		stats_add(m->shm, STATS_WORKER_CRASHES, 1);
		log_end(e);
		break;
	case WORKER_WAITS:
		log_msg(LOG_WARN, "worker %u is started again in %lld ms",
		    e->slot, (long long)(e->delay / USEC_PER_MSEC));
		break;
	case WORKER_KILLED:
		log_msg(LOG_ERROR, "worker %u (pid %ld) did not end: killed",
		    e->slot, (long)e->pid);
		break;
	case WORKER__MAX:
		ASSERT(false);
	}
}

static void
on_ready(void *arg)
{
	(void)arg;
	notify_ready();
}

static void
on_stopping(void *arg)
{
	struct fcgi_main *m = arg;

	notify_stopping();
	/* Who connects now is refused, or waits for who holds it as well. */
	if (m->must_remove)
		front_listen_remove(str_z(fcgi_args.listen));
	m->must_remove = false;
	front_listen_drop(m->listen_fd);
}

static void
reload_own(struct fcgi_main *m)
{
	if (fcgi_conf_load(&m->conf) == ERR_OK)
		fcgi_log_open(&m->conf);
}

static usec_t
on_reload(void *arg)
{
	struct fcgi_main *m = arg;

	notify_reloading();
	reload_own(m);
	notify_ready();
	return drain_timeout(m);
}

static void
on_reopen(void *arg)
{
	(void)arg;
	if (log_reopen() != ERR_OK)
		log_msg(LOG_ERROR, "cannot open the log again");
}

/* The parent's copy is what a new worker begins with when the files are bad. */
static void
on_tick(void *arg)
{
	struct fcgi_main *m = arg;
	usec_t now = clock_mono();

	if (m->watchdog_every > 0 && now >= m->next_watchdog) {
		notify_watchdog();
		m->next_watchdog = now + m->watchdog_every;
	}
	if (conf_stamp(m->conf.file) != m->conf.stamp)
		reload_own(m);
}

static unsigned
cores(void)
{
	cpu_set_t set;
	int n = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n > WORKER_MAX ? WORKER_MAX : (unsigned)n;
}

/* Refused here, where an operator looks, and not by each worker in turn. */
static bool
schema_fits(const struct fcgi_main *m)
{
	char why[STORE_WHY_SIZE];

	/* The workers inherit it; our environment does not show it any more. */
	secret_unref(store_env_password());
	if (m->conf.conf == NULL ||
	    store_env_fits(m->conf.conf->store_url, why) != ERR_UNSUPPORTED)
		return true;
	log_msg(LOG_ERROR, "cannot start: %s", why);
	return false;
}

static int
run_pool(struct fcgi_main *m)
{
	struct worker_pool pool = {
		.count = fcgi_args.workers,
		.drain_timeout = drain_timeout(m),
		.run = fcgi_worker_run,
		.report = on_report,
		.ready = on_ready,
		.reload = on_reload,
		.reopen = on_reopen,
		.stopping = on_stopping,
		.tick = on_tick,
		.tick_every = LOOK_EVERY,
		.arg = m,
	};

	if (m->watchdog_every > 0 && m->watchdog_every < pool.tick_every)
		pool.tick_every = m->watchdog_every;
	if (!pool.count && m->conf.conf)
		pool.count = m->conf.conf->workers;
	if (!pool.count)
		pool.count = cores();
	if (pool.count > WORKER_MAX)
		pool.count = WORKER_MAX;
	return worker_pool_run(&pool);
}

static int
run(struct fcgi_main *m)
{
	if (fcgi_args.door == DOOR_LIBFCGI ||
	    (fcgi_args.door == DOOR_AUTO && m->listen_fd < 0 &&
		getenv("GATEWAY_INTERFACE")))
		return fcgi_cgi_run(m);
	if (m->listen_fd >= 0)
		return schema_fits(m) ? run_pool(m) : EXIT_PROBLEMS;
	log_msg(LOG_ERROR, "nothing to listen on: standard input is not a "
			   "listening socket; see --listen");
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	struct fcgi_main m = { .listen_fd = -1 };
	int code = options(argc, argv);

	if (code >= 0)
		return code;
	pre_init();
	code = init(&m) == ERR_OK ? run(&m) : EXIT_PROBLEMS;
	deinit(&m);
	return code;
}
