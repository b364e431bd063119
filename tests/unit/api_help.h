#ifndef API_HELP_H
#define API_HELP_H
/* What the unit tests of src/api share: a parse, and what it refused. */
#include "check.h"

#include "api/chat.h"
#include "base/arena.h"

struct parsed {
	struct arena *arena;
	struct msg_request r;
	struct msg_fail fail;
	enum err err;
};

/* Of whole body. */
static inline void
parsed_body(struct parsed *p, struct str body, const struct api_limits *limits)
{
	p->arena = arena_new(16 << 20);
	assert_non_null(p->arena);
	p->err = api_chat_parse(p->arena, body, limits, &p->r, &p->fail);
}

static inline void
parsed_free(struct parsed *p)
{
	arena_free(p->arena);
}

/* {"model":"m","messages":[{"role":"user","content":"hi"}],MEMBERS} */
static inline void
parsed_with(struct parsed *p, const char *members)
{
	static char text[65536];

	(void)snprintf(text, sizeof(text),
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"hi\"}]%s%s}",
	    *members ? "," : "", members);
	parsed_body(p, str_z(text), NULL);
}

/* {"model":"m","messages":[MESSAGES]} */
static inline void
parsed_messages(struct parsed *p, const char *messages)
{
	static char text[65536];

	(void)snprintf(text, sizeof(text),
	    "{\"model\":\"m\",\"messages\":[%s]}", messages);
	parsed_body(p, str_z(text), NULL);
}

static inline void
assert_parsed(const struct parsed *p)
{
	if (p->err != ERR_OK)
		fail_msg("refused: %s", p->fail.message);
}

/* The message in full, and the path. */
static inline void
assert_refused(const struct parsed *p, const char *param, const char *message)
{
	assert_int_not_equal(p->err, ERR_OK);
	assert_int_equal(p->fail.class, MSG_FAIL_INVALID);
	assert_string_equal(p->fail.message, message);
	assert_string_equal(p->fail.param, param);
}

struct refusal {
	const char *body;
	const char *param;
	const char *message;
};

/* Each row through `parse`. */
static inline void
assert_refusals(const struct refusal *rows, size_t n,
    void (*parse)(struct parsed *, const char *))
{
	struct parsed p;
	size_t i;

	for (i = 0; i < n; i++) {
		parse(&p, rows[i].body);
		if (p.err == ERR_OK)
			fail_msg("accepted: %s", rows[i].body);
		assert_refused(&p, rows[i].param, rows[i].message);
		parsed_free(&p);
	}
}
#define ROWS(a) a, COUNT(a)

#endif
