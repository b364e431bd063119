/* Elements of a streamed JSON array, cut anywhere. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "prov/array.h"
#include "split.h"

struct state {
	struct prov_array a;
	struct buf *out;
	enum err err;
};

static enum err
take(void *arg, struct str element)
{
	struct state *s = arg;

	buf_adds(s->out, element);
	buf_addc(s->out, '|');
	return str_eqz(element, "\"stop\"") ? ERR_CLOSED : ERR_OK;
}

static void *
start(void *arg, struct buf *out)
{
	struct state *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	prov_array_init(&s->a, *(size_t *)arg);
	s->out = out;
	return s;
}

static void
feed(void *state, const char *p, size_t n)
{
	struct state *s = state;

	if (s->err == ERR_OK)
		s->err = prov_array_feed(&s->a, p, n, take, s);
}

static void
finish(void *state)
{
	struct state *s = state;

	buf_addz(s->out, err_word(s->err));
	prov_array_fini(&s->a);
	free(s);
}

static void
cuts(const char *text, size_t max, const char *want)
{
	struct split_subject subject = { start, feed, finish, &max };
	struct buf out;

	buf_init(&out, 65536);
	assert_true(split_check(&subject, str_z(text), 50, &out) > 0);
	assert_str(buf_str(&out), want);
	buf_fini(&out);
}

static void
gives_each_element(void **state)
{
	(void)state;
	cuts("[{\"a\":[1,{\"b\":\"]}\\\"[\"}]}\n,\r\n{}]\n", 100,
	    "{\"a\":[1,{\"b\":\"]}\\\"[\"}]}|{}|ok");
	cuts("[1, \"x,y\" ,[2,3],null]", 100, "1|\"x,y\" |[2,3]|null|ok");
	cuts("[]", 100, "ok");
	cuts("[ \r\n]", 100, "ok");
	/* what follows the array is not looked at */
	cuts("[{}]{\"a\":1}]", 100, "{}|ok");
	/* nor does it run when there is less than an array */
	cuts("[{\"a\":1},{\"b\":", 100, "{\"a\":1}|ok");
}

static void
ends_when_told_to(void **state)
{
	char want[64];

	(void)state;
	(void)snprintf(
	    want, sizeof(want), "1|\"stop\"|%s", err_word(ERR_CLOSED));
	cuts("[1,\"stop\",2]", 100, want);
}

static void
bounds_an_element(void **state)
{
	char want[64];

	(void)state;
	(void)snprintf(want, sizeof(want), "12345|%s", err_word(ERR_LIMIT));
	cuts("[12345,123456]", 5, want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_element),
		cmocka_unit_test(ends_when_told_to),
		cmocka_unit_test(bounds_an_element),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
