#include "cmd/fcgi.h"

#include <stdio.h>

#include "base/log.h"

#define PROBLEMS_ARENA ((size_t)1 << 20)

static void
log_problem(const struct conf_problem *p)
{
	log_msg(p->is_warning ? LOG_WARN : LOG_ERROR,
	    "configuration: %.*s:%u: %.*s%s%.*s", STR_ARG(p->file), p->line,
	    STR_ARG(p->path), p->path.n ? ": " : "", STR_ARG(p->what));
}

void
fcgi_conf_problems(struct fcgi_conf *c, const struct conf_problems *problems)
{
	bool first = true;

	c->problem[0] = '\0';
	for (const struct conf_problem *p = problems->first; p; p = p->next) {
		log_problem(p);
		if (p->is_warning || !first)
			continue;
		first = false;
		snprintf(c->problem, sizeof(c->problem), "%.*s:%u: %.*s%s%.*s",
		    STR_ARG(p->file), p->line, STR_ARG(p->path),
		    p->path.n ? ": " : "", STR_ARG(p->what));
	}
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
		conf_unref(c->conf);
		c->conf = fresh;
	}
	arena_free(a);
	return e;
}

void
fcgi_log_open(const struct conf *conf)
{
	struct str to = fcgi_args.foreground ? STR("stderr") : conf->log_to;

	if (log_open(to, conf->log_format, conf->log_level) != ERR_OK)
		log_msg(LOG_ERROR, "cannot open the log %.*s", STR_ARG(to));
}
