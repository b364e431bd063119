/*
 * The event door when memory or descriptors run out at any point, once or from
 * then on: the web server gets an answer or the end of the connection, every
 * request that began ends, and the door serves on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/fault.h"
#include "front_bed.h"

#ifdef WITH_FAULTS

enum {
	POINTS_MAX = 40,
	ROOM = 1 << 18,
	BODY = 70000
};

static char body[BODY];

/* The test's own buffers have their room before anything fails. */
static void
make_room(struct buf *b)
{
	assert_non_null(buf_room(b, ROOM));
}

static void
open_with_room(struct bed *b, struct peer *p)
{
	peer_open(b, p);
	make_room(&p->out);
	make_room(&p->answer.raw);
	make_room(&p->answer.out);
	make_room(&p->answer.other);
	peer_request(&p->out, 1, false, body, sizeof(body));
}

static void
serve_one(struct bed *b, const char *spec)
{
	struct peer p;

	open_with_room(b, &p);
	fault_setup(spec);
	bed_until(b, &p, 1, p.is_closed || p.answer.ends == 1);
	peer_close(&p);
	bed_until(b, NULL, 0, front_fcgi_connections(b->front) == 0);
	fault_setup(NULL);
	assert_null(b->flow.last);
	assert_int_equal(b->flow.begun, b->flow.finished + b->flow.aborted);
}

/* And then as if nothing had been. */
static void
serve_well(struct bed *b)
{
	struct peer p;

	open_with_room(b, &p);
	bed_until(b, &p, 1, p.is_closed);
	assert_int_equal(p.answer.ends, 1);
	assert_int_equal(
	    p.answer.out.n, sizeof(DOUBLE_HEAD) - 1 + sizeof(body));
	peer_close(&p);
	bed_until(b, NULL, 0, front_fcgi_connections(b->front) == 0);
}

static void
test_points(void **state)
{
	static const char *const points[] = { "arena.block", "buf.grow",
		"front.conn", "pollset.set", "timer.grow" };
	struct bed b;
	char spec[64];
	unsigned tried = 0;

	(void)state;
	bed_open(&b, DOUBLE_ECHO);
	make_room(&b.flow.vars);
	make_room(&b.flow.body);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		for (int n = 1; n <= POINTS_MAX; n++) {
			snprintf(spec, sizeof(spec), "%s:%d%s", points[i],
			    (n + 1) / 2, n % 2 ? "" : "+");
			serve_one(&b, spec);
			tried++;
		}
	serve_well(&b);
	bed_close(&b);
	print_message("%u points\n", tried);
}

#else

static void
test_points(void **state)
{
	(void)state;
	print_message("no fault points are compiled in\n");
	skip();
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests_name("front/fault", tests, NULL, NULL);
}
