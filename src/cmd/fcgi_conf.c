#include "cmd/fcgi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/store_env.h"

#define PROBLEMS_ARENA ((size_t)1 << 20)

/* ":LINE" where one is known, as llmgwctl check prints it. */
static const char *
line_text(const struct conf_problem *p, char text[16])
{
	text[0] = '\0';
	if (p->line > 0)
		snprintf(text, 16, ":%u", p->line);
	return text;
}

static void
log_problem(const struct conf_problem *p)
{
	char line[16];

	log_msg(p->is_warning ? LOG_WARN : LOG_ERROR,
	    "configuration: %.*s%s: %.*s%s%.*s", STR_ARG(p->file),
	    line_text(p, line), STR_ARG(p->path), p->path.n ? ": " : "",
	    STR_ARG(p->what));
}

void
fcgi_conf_problems(struct fcgi_conf *c, const struct conf_problems *problems)
{
	const struct conf_problem *first = NULL;
	char more[64] = "", line[16];

	for (const struct conf_problem *p = problems->first; p; p = p->next) {
		log_problem(p);
		if (!first && !p->is_warning)
			first = p;
	}
	c->problem[0] = '\0';
	if (!first)
		return;
	if (problems->n_errors > 1)
		snprintf(more, sizeof(more), " (and %u more: see the log)",
		    (unsigned)(problems->n_errors - 1));
	snprintf(c->problem, sizeof(c->problem), "%.*s%s: %.*s%s%.*s%s",
	    STR_ARG(first->file), line_text(first, line), STR_ARG(first->path),
	    first->path.n ? ": " : "", STR_ARG(first->what), more);
}

static bool
same_servers(const struct conf *a, const struct conf *b)
{
	if (a->n_memcached != b->n_memcached)
		return false;
	for (uint32_t i = 0; i < a->n_memcached; i++)
		if (!str_eq(a->memcached[i], b->memcached[i]))
			return false;
	return true;
}

/* What the parent has made once stays as it is: that is said, at least. */
static void
tell_what_waits(const struct conf *old, const struct conf *fresh)
{
	static const char said[] =
	    "configuration: %s: the change takes effect at the next start";

	if (old->workers != fresh->workers && fcgi_args.workers == 0)
		log_msg(LOG_WARN, said, "server.workers");
	if (!str_eq(old->state_dir, fresh->state_dir))
		log_msg(LOG_WARN, said, "server.state_dir");
	if (old->counters != fresh->counters)
		log_msg(LOG_WARN, said, "server.counters");
	if (!str_eq(old->store_url, fresh->store_url))
		log_msg(LOG_WARN, said, "store");
	if (!same_servers(old, fresh))
		log_msg(LOG_WARN, said, "memcached");
}

enum err
fcgi_conf_load(struct fcgi_conf *c)
{
	struct arena *a = arena_new(PROBLEMS_ARENA);
	struct conf_problems problems;
	struct conf *fresh = NULL;
	enum err e;

	if (!a)
		return ERR_NOMEM;
	conf_problems_init(&problems, a);
	c->stamp = conf_stamp(c->file);
	e = conf_load(c->file, &fresh, &problems);
	fcgi_conf_problems(c, &problems);
	if (e == ERR_OK) {
		if (c->conf)
			tell_what_waits(c->conf, fresh);
		conf_unref(c->conf);
		c->conf = fresh;
	}
	arena_free(a);
	return e;
}

void
fcgi_log_open(struct fcgi_conf *c)
{
	const struct conf *conf = c->conf;
	struct str to = fcgi_args.foreground ? STR("stderr") : conf->log_to;

	c->log_problem[0] = '\0';
	errno = 0;
	if (log_open(to, conf->log_format, conf->log_level) == ERR_OK)
		return;
	snprintf(c->log_problem, sizeof(c->log_problem),
	    "log.to: cannot open %.*s: %s; lines go where they went before",
	    STR_ARG(to), strerror(errno));
	log_msg(LOG_ERROR, "%s", c->log_problem);
}

/*
 * Of a worker: each job of the thread pool (libuv's four threads) has one. A
 * statement that takes longer than this is given up: clients wait for it.
 */
#define STORE_CONNECTIONS 4
#define STORE_WAIT_MAX (2 * USEC_PER_SEC)

struct store_pool *
fcgi_store_open(const struct fcgi_conf *c)
{
	struct store_options options = { .timeout = STORE_WAIT_MAX };
	struct arena *a = arena_new(1 << 20);
	struct conf_problems problems;
	struct conf_places places = { 0 };
	struct store_pool *pool = NULL;
	struct str replica;

	if (!a)
		return NULL;
	options.password = store_env_password();
	conf_problems_init(&problems, a);
	if (conf_places_read(c->file, a, &places, &problems) == ERR_OK)
		pool = store_pool_new(
		    places.store_url, &options, STORE_CONNECTIONS);
	secret_unref(options.password);
	/* llmgw-jobd keeps it where the database is not a file itself. */
	replica = arena_printf(a, "%.*s/replica.db", STR_ARG(places.state_dir));
	if (pool && !str_starts(places.store_url, STR("sqlite:")) &&
	    (!replica.p || store_pool_replica(pool, replica.p) != ERR_OK))
		log_msg(LOG_ERROR, "no replica of the database: no memory");
	if (!pool)
		log_msg(LOG_ERROR, "no database: its address cannot be read");
	arena_free(a);
	return pool;
}
