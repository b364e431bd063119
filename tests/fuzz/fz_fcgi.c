/*
 * FastCGI records and PARAMS: whole and cut must say the same; a fault sticks.
 * Input: two bytes that seed the cuts, then the bytes of a connection.
 */
#include "fuzz_split.h"
#include "wire/fcgi.h"

struct subject {
	struct fcgi_parser parser;
	struct fcgi_params params;
	struct arena *arena;
	struct buf *out;
	char last;
};

static void
on_begin(void *arg, uint16_t id, bool keep_conn)
{
	struct subject *s = arg;

	FUZZ_CHECK(id != 0 && s->parser.is_active && s->parser.id == id);
	arena_free(s->arena);
	s->arena = arena_new(256 << 10);
	FUZZ_CHECK(s->arena);
	fcgi_params_init(&s->params, s->arena);
	buf_printf(s->out, "\nbegin %u %d", id, keep_conn);
	s->last = 'b';
}

static void
on_params(void *arg, const char *p, size_t n)
{
	struct subject *s = arg;

	FUZZ_CHECK(n > 0 && s->parser.is_active);
	(void)!fcgi_params_feed(&s->params, p, n);
	s->last = 'p';
}

static void
on_params_end(void *arg)
{
	struct subject *s = arg;
	enum err e = fcgi_params_finish(&s->params);

	buf_printf(s->out, "\nparams %d", e);
	FUZZ_CHECK(s->params.n <= FCGI_PARAMS_MAX_COUNT);
	for (uint32_t i = 0; i < s->params.n; i++) {
		const struct fcgi_param *v = &s->params.v[i];

		FUZZ_CHECK(v->name.n > 0 && v->name.p[v->name.n] == 0);
		FUZZ_CHECK(strlen(v->value.p) == v->value.n);
		buf_printf(s->out, "\n%s=%s", v->name.p, v->value.p);
	}
	s->last = 'e';
}

static void
on_stdin(void *arg, const char *p, size_t n)
{
	struct subject *s = arg;

	FUZZ_CHECK(n > 0 && s->parser.params_ended);
	if (s->last != 's')
		buf_addz(s->out, "\nstdin ");
	buf_add(s->out, p, n);
	s->last = 's';
}

static void
on_stdin_end(void *arg)
{
	struct subject *s = arg;

	buf_addz(s->out, "\nstdin-end");
	s->last = 'E';
	fcgi_parser_done(&s->parser);
}

static void
on_abort(void *arg)
{
	struct subject *s = arg;

	buf_addz(s->out, "\nabort");
	s->last = 'a';
	fcgi_parser_done(&s->parser);
}

static void
on_refuse(void *arg, uint16_t id, uint8_t status)
{
	struct subject *s = arg;

	buf_printf(s->out, "\nrefuse %u %u", id, status);
	fcgi_put_refused(s->out, id, status);
	s->last = 'r';
}

static void
on_get_values(void *arg, unsigned asked)
{
	struct subject *s = arg;

	FUZZ_CHECK(asked < 8);
	fcgi_put_values(s->out, asked, 7, 7);
	s->last = 'g';
}

static void
on_unknown(void *arg, uint8_t type)
{
	struct subject *s = arg;

	fcgi_put_unknown(s->out, type);
	s->last = 'u';
}

static const struct fcgi_events events = { on_begin, on_params, on_params_end,
	on_stdin, on_stdin_end, on_abort, on_refuse, on_get_values,
	on_unknown };

static void *
subject_open(void *arg, struct buf *out)
{
	struct subject *s = calloc(1, sizeof(*s));

	(void)arg;
	FUZZ_CHECK(s);
	fcgi_parser_init(&s->parser);
	s->out = out;
	return s;
}

static void
subject_feed(void *state, const char *p, size_t n)
{
	struct subject *s = state;
	enum fcgi_result before = s->parser.broken;
	enum fcgi_result r = fcgi_parse(&s->parser, p, n, &events, s);

	FUZZ_CHECK(before == FCGI_R_OK || r == before);
}

static void
subject_finish(void *state)
{
	struct subject *s = state;

	buf_printf(s->out, "\n%d", (int)s->parser.broken);
	arena_free(s->arena);
	free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct split_subject s = { subject_open, subject_feed,
		subject_finish, NULL };

	fuzz_split(&s, data, size);
	return 0;
}
