/*
 * llmgw-jobd: what need not be done while a client waits. It brings the spool
 * of the workers to the database, keeps the sums, and lets old rows go.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

#include "base/fault.h"
#include "base/log.h"
#include "base/rand.h"
#include "cmd/jobd.h"
#include "cmd/kinds.h"
#include "cmd/store_env.h"
#include "conf/watch.h"
#include "sys/notify.h"
#include "sys/sigwatch.h"

#define EXIT_PROBLEMS 1
#define EXIT_USAGE 2
#define DEFAULT_FILE SYSCONFDIR "/llmgw/llmgw.yaml"
#define PROBLEMS_ARENA ((size_t)1 << 20)
#define SHM_PATH_SIZE 1100
/* --once: a database that does not answer for so long is away. */
#define ONCE_PATIENCE (30 * USEC_PER_SEC)

static const int signums[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

struct jobd {
	const char *file;
	struct conf *conf; /* NULL: it could not be loaded */
	uint64_t stamp;
	char state_dir[1024], url[1024];
	struct shm *shm;
	struct loop *loop;
	struct sigwatch *signals;
	struct conf_watch *watch;
	struct jobd_work work;
	struct secret *password; /* of the database's account; or NULL */
	struct timer next;
	usec_t watchdog_every, next_watchdog;
	usec_t give_up; /* --once: mono */
	int code;
	char why[STORE_WHY_SIZE];
};

/* ---- options ------------------------------------------------------------- */

/* -1: go on; otherwise the exit code. */
static int
options(int argc, char **argv)
{
	int rest;

	if (opt_parse(jobd_opts, argc, argv, stderr, &rest) != ERR_OK)
		return EXIT_USAGE;
	if (jobd_args.help) {
		opt_help(jobd_opts, "llmgw-jobd", JOBD_SYNOPSIS, stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_PROBLEMS;
	}
	if (jobd_args.version) {
		puts("llmgw-jobd " PACKAGE_VERSION);
		return fflush(stdout) == 0 ? 0 : EXIT_PROBLEMS;
	}
	if (rest < argc) {
		fprintf(stderr, "llmgw-jobd: %s: what is this? See --help\n",
		    argv[rest]);
		return EXIT_USAGE;
	}
	return -1;
}

/* ---- configuration ------------------------------------------------------- */

static void
log_problems(const struct conf_problems *problems)
{
	for (const struct conf_problem *p = problems->first; p; p = p->next)
		log_msg(p->is_warning ? LOG_WARN : LOG_ERROR,
		    "configuration: %.*s:%u: %.*s%s%.*s", STR_ARG(p->file),
		    (unsigned)p->line, STR_ARG(p->path), p->path.n ? ": " : "",
		    STR_ARG(p->what));
}

static void
open_log(const struct conf *c)
{
	struct str to = jobd_args.foreground ? STR("stderr") : c->log_to;

	if (log_open(to, c->log_format, c->log_level) != ERR_OK)
		log_msg(LOG_ERROR, "log.to: cannot open %.*s", STR_ARG(to));
}

/*
 * A configuration whose secrets are not at hand here still says where the
 * spool and the database are: what is spooled must not wait for them.
 */
static enum err
load_places(struct jobd *j, struct arena *a)
{
	struct conf_problems problems;
	struct conf_places places;
	enum err e;

	conf_problems_init(&problems, a);
	e = conf_places_read(j->file, a, &places, &problems);
	if (e != ERR_OK) {
		log_problems(&problems);
		return e;
	}
	snprintf(j->state_dir, sizeof(j->state_dir), "%.*s",
	    STR_ARG(places.state_dir));
	snprintf(j->url, sizeof(j->url), "%.*s", STR_ARG(places.store_url));
	return ERR_OK;
}

static enum err
load(struct jobd *j)
{
	struct arena *a = arena_new(PROBLEMS_ARENA);
	struct conf_problems problems;
	enum err e;

	if (!a)
		return ERR_NOMEM;
	conf_problems_init(&problems, a);
	j->stamp = conf_stamp(j->file);
	if (conf_load(j->file, &j->conf, &problems) == ERR_OK)
		open_log(j->conf);
	else
		log_msg(LOG_WARN,
		    "%s: not all of it can be used here (llmgwctl check "
		    "tells): rows are kept, lost calls have no price",
		    j->file);
	e = load_places(j, a);
	arena_free(a);
	return e;
}

static void
on_conf(void *arg, struct conf *c, const struct conf_problems *problems)
{
	struct jobd *j = arg;

	log_problems(problems);
	if (!c)
		return;
	conf_ref(c);
	jobd_work_conf(&j->work, c);
	conf_unref(j->conf);
	j->conf = c;
	open_log(c);
	log_msg(LOG_INFO, "configuration %s in force", c->digest);
}

/* ---- rounds -------------------------------------------------------------- */

static void
watchdog(struct jobd *j)
{
	usec_t now = clock_mono();

	if (j->watchdog_every == 0 || now < j->next_watchdog)
		return;
	notify_watchdog();
	j->next_watchdog = now + j->watchdog_every;
}

static void
shm_path(const struct jobd *j, char out[SHM_PATH_SIZE])
{
	snprintf(out, SHM_PATH_SIZE, "%s/shm", j->state_dir);
}

/* llmgw-fcgi makes another when it is started with other server.counters. */
static void
follow_shm(struct jobd *j)
{
	char path[SHM_PATH_SIZE];
	struct shm *fresh;

	shm_path(j, path);
	if (shm_is_at(j->shm, path) ||
	    shm_open_any(path, SHM_SLOTS, &fresh) != ERR_OK)
		return;
	shm_close(j->shm);
	j->shm = j->work.shm = fresh;
}

static void
on_round(void *arg)
{
	struct jobd *j = arg;
	usec_t pause;

	follow_shm(j);
	pause = jobd_work_round(&j->work);
	watchdog(j);
	if (jobd_args.once && jobd_work_is_idle(&j->work)) {
		j->code = 0;
		loop_stop(j->loop);
	} else if (jobd_args.once && clock_mono() > j->give_up) {
		j->code = EXIT_PROBLEMS;
		loop_stop(j->loop);
	} else if (timer_set(j->loop, &j->next, pause, on_round, j) != ERR_OK) {
		j->code = EXIT_PROBLEMS;
		loop_stop(j->loop);
	}
}

static void
on_signal(void *arg, int signum)
{
	struct jobd *j = arg;

	switch (signum) {
	case SIGHUP:
		conf_watch_now(j->watch);
		break;
	case SIGUSR1:
		if (log_reopen() != ERR_OK)
			log_msg(LOG_ERROR, "cannot open the log again");
		break;
	default:
		notify_stopping();
		loop_stop(j->loop);
		break;
	}
}

/* ---- life ---------------------------------------------------------------- */

/*
 * Requests come first (conf/systemd: Nice). Where the kernel shares the CPU by
 * sessions, nice(2) tells only within ours: the session is told, too, if it is
 * our own (sched(7), autogroup).
 */
static void
nice_session(void)
{
	int fd, nice = getpriority(PRIO_PROCESS, 0);

	if (nice <= 0 || getsid(0) != getpid())
		return;
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* it does not */
	(void)dprintf(fd, "%d", nice);
	(void)close(fd);
}

static void
pre_init(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	/* A limit of the size of files is an error of the write, not our end. */
	sigaction(SIGXFSZ, &ignore, NULL);
	umask(0077);
	nice_session();
#ifdef WITH_FAULTS
	fault_setup(getenv("LLMGW_FAULT"));
#else
	prctl(PR_SET_DUMPABLE, 0);
#endif
	rand_init();
	kinds_install();
}

static enum err
open_shm(struct jobd *j)
{
	char path[SHM_PATH_SIZE];

	shm_path(j, path);
	if (shm_open_any(path, SHM_SLOTS, &j->shm) == ERR_OK)
		return ERR_OK;
	log_msg(LOG_WARN, "cannot use %s: /metrics will not tell of us", path);
	return shm_open_file(NULL, SHM_SLOTS, &j->shm);
}

static const char *
init(struct jobd *j)
{
	const char *env = getenv("LLMGW_CONFIG");
	enum err e;

	j->file = env && *env ? env : DEFAULT_FILE;
	if (jobd_args.config)
		j->file = jobd_args.config;
	j->password = store_env_password();
	if (load(j) != ERR_OK)
		return "the configuration cannot be read";
	if (store_env_fits(str_z(j->url), j->why) == ERR_UNSUPPORTED)
		return j->why;
	if (notify_open(getenv("NOTIFY_SOCKET")) != ERR_OK)
		log_msg(LOG_WARN, "NOTIFY_SOCKET cannot be used");
	j->watchdog_every = notify_watchdog_every(
	    getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
	j->loop = loop_new();
	if (!j->loop || open_shm(j) != ERR_OK)
		return "no memory";
	e = jobd_work_begin(
	    &j->work, j->shm, str_z(j->state_dir), str_z(j->url));
	if (e == ERR_DENIED)
		return "another llmgw-jobd works on this spool";
	if (e != ERR_OK)
		return "the spool's folder cannot be used";
	j->work.password = j->password;
	jobd_work_conf(&j->work, j->conf);
	j->watch = conf_watch_new(j->loop, j->file, j->stamp, on_conf, j);
	j->signals = sigwatch_new(j->loop, signums,
	    sizeof(signums) / sizeof(signums[0]), on_signal, j);
	return j->watch && j->signals ? NULL : "no memory";
}

static void
deinit(struct jobd *j)
{
	if (j->loop)
		timer_stop(j->loop, &j->next);
	conf_watch_free(j->watch);
	sigwatch_free(j->signals);
	if (j->work.drain)
		jobd_work_end(&j->work);
	loop_free(j->loop);
	conf_unref(j->conf);
	secret_unref(j->password);
	shm_close(j->shm);
	notify_close();
}

int
main(int argc, char **argv)
{
	struct jobd j = { 0 };
	const char *why;
	int code = options(argc, argv);

	if (code >= 0)
		return code;
	pre_init();
	why = init(&j);
	if (why) {
		log_msg(LOG_ERROR, "cannot start: %s", why);
		j.code = EXIT_PROBLEMS;
	} else {
		j.give_up = clock_mono() + ONCE_PATIENCE;
		notify_ready();
		if (timer_set(j.loop, &j.next, 0, on_round, &j) == ERR_OK)
			loop_run(j.loop);
	}
	deinit(&j);
	return j.code;
}
