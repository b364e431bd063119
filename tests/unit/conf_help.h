#ifndef TESTS_UNIT_CONF_HELP_H
#define TESTS_UNIT_CONF_HELP_H
/* A folder of configuration files, and what came of loading them. */
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "conf/conf.h"
#include "conf/tree.h"

static const struct conf_kind test_kinds[] __attribute__((unused)) = {
	{ "anthropic", false },
	{ "azure", true },
	{ "gemini", false },
	{ "openai", false },
	{ "openai-compatible", true },
	{ NULL, false },
};

static char test_dir[64];

static inline const char *
test_path(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	return path;
}

static inline const char *
put_file(const char *name, const char *text)
{
	const char *path = test_path(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	return path;
}

static inline void
drop_file(const char *name)
{
	assert_int_equal(unlink(test_path(name)), 0);
}

static inline int
dir_begin(void **state)
{
	(void)state;
	conf_kinds_set(test_kinds);
	(void)snprintf(test_dir, sizeof(test_dir), "/tmp/llmgw-conf-XXXXXX");
	return mkdtemp(test_dir) != NULL ? 0 : -1;
}

/* Fails when a test left something there. */
static inline int
dir_end(void **state)
{
	(void)state;
	(void)unlink(test_path("llmgw.yaml"));
	return rmdir(test_dir);
}

struct loaded {
	struct arena *arena;
	struct conf_problems problems;
	struct conf *conf;
	enum err err;
};

static inline void
load_file(struct loaded *l, const char *path)
{
	*l = (struct loaded){ .arena = arena_new(1024 * 1024) };
	assert_non_null(l->arena);
	conf_problems_init(&l->problems, l->arena);
	l->err = conf_load(path, &l->conf, &l->problems);
}

static inline void
load_text(struct loaded *l, const char *text)
{
	load_file(l, put_file("llmgw.yaml", text));
}

static inline void
load_done(struct loaded *l)
{
	conf_unref(l->conf);
	arena_free(l->arena);
}

/* A problem at path (line 0: any) whose sentence contains what. */
static inline bool
has_problem(const struct conf_problems *problems, uint32_t line,
    const char *path, const char *what)
{
	for (const struct conf_problem *p = problems->first; p != NULL;
	     p = p->next) {
		if ((line == 0 || p->line == line) &&
		    str_eq(p->path, str_z(path)) &&
		    str_contains(p->what, str_z(what)))
			return true;
	}
	conf_problems_print(problems, stdout);
	return false;
}

#endif
