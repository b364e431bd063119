#ifndef CMD_FCGI_H
#define CMD_FCGI_H
/*
 * Inside of llmgw-fcgi: what its parent, its workers and its one-request door
 * share.
 */
#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "store/pool.h"
#include "sys/opt.h"
#include "sys/shm.h"
#include "sys/worker.h"

enum fcgi_door {
	DOOR_AUTO,
	DOOR_EVENT,
	DOOR_LIBFCGI
};

struct fcgi_args {
	const char *config;
	const char *listen;
	uint32_t workers; /* 0: as configured */
	int door; /* enum fcgi_door */
	bool foreground;
	bool version;
	bool help;
};

extern struct fcgi_args fcgi_args;
extern const struct opt_row fcgi_opts[];
#define FCGI_SYNOPSIS                                        \
	"[--config FILE] [--listen ADDRESS] [--workers N]\n" \
	"                  [--door DOOR] [--foreground]"

/* The newest good configuration; parent and each worker have their own. */
struct fcgi_conf {
	const char *file;
	struct conf *conf; /* NULL: none was good yet */
	uint64_t stamp; /* of the files when last loaded */
	char problem[512]; /* what is wrong with the newest */
	char log_problem[512]; /* "": the log is open */
};

struct fcgi_main {
	struct fcgi_conf conf;
	struct shm *shm;
	int listen_fd; /* -1: none */
	bool must_remove; /* --listen unix: has made a socket */
	usec_t watchdog_every; /* 0: nobody asks */
	usec_t next_watchdog;
};

/*
 * Loads the files; on ERR_OK c->conf is the new snapshot, otherwise the old one
 * stays and c->problem says why. All problems are logged.
 */
MUST_CHECK enum err fcgi_conf_load(struct fcgi_conf *c);
/* Logs what is wrong; the first error and the number go to c->problem. */
void
fcgi_conf_problems(struct fcgi_conf *c, const struct conf_problems *problems);
/* Points the log where the snapshot says; c->log_problem tells why not. */
void fcgi_log_open(struct fcgi_conf *c);

/*
 * Connections to the database that the files name, opened when they are first
 * needed; NULL and a line in the log: the gateway runs with what the files
 * declare. A new name takes effect in new processes.
 */
struct store_pool *fcgi_store_open(const struct fcgi_conf *c);

/* worker_pool's run: arg is a struct fcgi_main. */
int fcgi_worker_run(void *arg, unsigned slot);
/* One request after another from libfcgi's FCGX_*; the exit code. */
int fcgi_cgi_run(struct fcgi_main *m);

#endif
