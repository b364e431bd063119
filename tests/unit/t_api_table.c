#include "api/table.h"

#include "check.h"

struct found {
	struct arena *a;
	struct api_target t;
	struct msg_fail fail;
	enum err err;
};

static void
find(struct found *f, const char *method, const char *path, bool encoded)
{
	f->a = arena_new(65536);
	assert_non_null(f->a);
	f->err = api_route_find(
	    f->a, str_z(method), str_z(path), encoded, &f->t, &f->fail);
}

static void
routes(void **state)
{
	static const struct {
		const char *method, *path;
		enum api_route route;
		enum msg_dialect dialect;
		bool needs_client;
	} rows[] = {
		{ "POST", "/v1/chat/completions", API_ROUTE_CHAT_COMPLETIONS,
		    MSG_DIALECT_OPENAI, true },
		{ "POST", "/v1/chat/completions/", API_ROUTE_CHAT_COMPLETIONS,
		    MSG_DIALECT_OPENAI, true },
		{ "POST", "/v1/chat", API_ROUTE_CHAT, MSG_DIALECT_CHAT, true },
		{ "GET", "/v1/models", API_ROUTE_MODELS, MSG_DIALECT_OPENAI,
		    true },
		{ "GET", "/v1/models/", API_ROUTE_MODELS, MSG_DIALECT_OPENAI,
		    true },
		{ "GET", "/health/live", API_ROUTE_HEALTH_LIVE,
		    MSG_DIALECT_OPENAI, false },
		{ "GET", "/health/ready", API_ROUTE_HEALTH_READY,
		    MSG_DIALECT_OPENAI, false },
		{ "GET", "/metrics", API_ROUTE_METRICS, MSG_DIALECT_OPENAI,
		    false },
	};
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		find(&f, rows[i].method, rows[i].path, true);
		assert_int_equal(f.err, ERR_OK);
		assert_int_equal(f.t.route, rows[i].route);
		assert_int_equal(f.t.dialect, rows[i].dialect);
		assert_int_equal(f.t.needs_client, rows[i].needs_client);
		assert_false(f.t.is_head);
		arena_free(f.a);
	}
}

static void
head_is_get_without_a_body(void **state)
{
	struct found f;

	(void)state;
	find(&f, "HEAD", "/v1/models", true);
	assert_int_equal(f.err, ERR_OK);
	assert_true(f.t.is_head);
	arena_free(f.a);
}

static void
model_ids_are_decoded_once(void **state)
{
	static const struct {
		const char *path;
		bool encoded;
		const char *id;
	} rows[] = {
		{ "/v1/models/gpt", true, "gpt" },
		{ "/v1/models/org/name:7b", true, "org/name:7b" },
		{ "/v1/models/org%2Fname%3A7b", true, "org/name:7b" },
		{ "/v1/models/a%252Fb", true, "a%2Fb" },
		{ "/v1/models/a%2Fb", false, "a%2Fb" },
		{ "/v1/models/caf%C3%A9", true, "caf\xc3\xa9" },
		{ "/v1/models/a/", true, "a" },
	};
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		find(&f, "GET", rows[i].path, rows[i].encoded);
		assert_int_equal(f.err, ERR_OK);
		assert_int_equal(f.t.route, API_ROUTE_MODEL);
		assert_str(f.t.id, rows[i].id);
		arena_free(f.a);
	}
}

static void
unknown_paths(void **state)
{
	static const char *const paths[] = { "/", "/v1", "/v1/", "/v1/chats",
		"/v1/chat/completions/x", "/V1/chat", "/v1/v1/chat",
		"/v1/chat//", "/healthlive" };
	struct found f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(paths); i++) {
		find(&f, "POST", paths[i], true);
		assert_int_equal(f.err, ERR_NOT_FOUND);
		assert_int_equal(f.fail.class, MSG_FAIL_NOT_FOUND);
		assert_int_equal(msg_fail_status(&f.fail), 404);
		assert_null(f.t.allow);
		assert_int_equal(f.t.route, API_ROUTE__MAX);
		arena_free(f.a);
	}
}

static void
wrong_methods(void **state)
{
	struct found f;

	(void)state;
	find(&f, "GET", "/v1/chat", true);
	assert_int_equal(f.err, ERR_DENIED);
	assert_int_equal(msg_fail_status(&f.fail), 405);
	assert_string_equal(f.t.allow, "POST");
	assert_int_equal(f.t.dialect, MSG_DIALECT_CHAT);
	arena_free(f.a);
	find(&f, "POST", "/v1/models/x", true);
	assert_int_equal(f.err, ERR_DENIED);
	assert_string_equal(f.t.allow, "GET, HEAD");
	arena_free(f.a);
	find(&f, "get", "/v1/models", true);
	assert_int_equal(f.err, ERR_DENIED);
	arena_free(f.a);
}

static void
malformed_paths(void **state)
{
	static char longest[5000];
	static const char *const paths[] = { "", "v1", "/%", "/%zz", "/%00",
		"/%ff", "/a%0ab", longest };
	struct found f;
	size_t i;

	(void)state;
	memset(longest, '/', sizeof(longest) - 1);
	for (i = 0; i < COUNT(paths); i++) {
		find(&f, "GET", paths[i], true);
		assert_int_equal(f.err, ERR_SYNTAX);
		assert_int_equal(f.fail.class, MSG_FAIL_INVALID);
		arena_free(f.a);
	}
}

static void
content_types(void **state)
{
	struct msg_fail fail;

	(void)state;
	assert_true(api_content_type_ok((struct str){ NULL, 0 }, &fail));
	assert_true(api_content_type_ok(STR("application/json"), &fail));
	assert_true(
	    api_content_type_ok(STR("Application/JSON; charset=utf-8"), &fail));
	assert_true(api_content_type_ok(STR("application/vnd.x+json"), &fail));
	assert_false(api_content_type_ok(STR("text/plain"), &fail));
	assert_int_equal(fail.class, MSG_FAIL_CONTENT_TYPE);
	assert_string_equal(fail.message,
	    "the body must be application/json, not 'text/plain'");
	assert_false(api_content_type_ok(
	    STR("application/x-www-form-urlencoded"), &fail));
	assert_false(api_content_type_ok(STR("text/json"), &fail));
	assert_false(api_content_type_ok(STR("+json"), &fail));
}

static void
request_ids(void **state)
{
	char out[API_REQUEST_ID_SIZE];
	char longest[API_REQUEST_ID_MAX + 1];
	char first[API_REQUEST_ID_SIZE];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(api_request_id_sane(STR("a.B_9:-")));
	assert_true(api_request_id_sane(str_of(longest, API_REQUEST_ID_MAX)));
	assert_false(
	    api_request_id_sane(str_of(longest, API_REQUEST_ID_MAX + 1)));
	assert_false(api_request_id_sane(STR("")));
	assert_false(api_request_id_sane((struct str){ NULL, 0 }));
	assert_false(api_request_id_sane(STR("a b")));
	assert_false(api_request_id_sane(STR("a\r\nX: y")));
	assert_false(api_request_id_sane(STR("\xc3\xa9")));
	api_request_id(STR("mine-1"), out);
	assert_string_equal(out, "mine-1");
	api_request_id(str_of(longest, API_REQUEST_ID_MAX), out);
	assert_int_equal(strlen(out), API_REQUEST_ID_MAX);
	api_request_id(STR("not mine"), first);
	assert_int_equal(strlen(first), 28);
	assert_memory_equal(first, "req_", 4);
	assert_true(api_request_id_sane(str_z(first)));
	api_request_id((struct str){ NULL, 0 }, out);
	assert_string_not_equal(first, out);
	/* later ones are greater */
	for (usec_t t = 1; t < (usec_t)3500000000000 * 1000; t *= 3) {
		clock_set(t, t);
		api_request_id((struct str){ NULL, 0 }, first);
		clock_set(t, t + 2 * USEC_PER_MSEC);
		api_request_id((struct str){ NULL, 0 }, out);
		assert_true(strcmp(first, out) < 0);
		assert_int_equal(strlen(out), 28);
	}
	clock_real();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes),
		cmocka_unit_test(head_is_get_without_a_body),
		cmocka_unit_test(model_ids_are_decoded_once),
		cmocka_unit_test(unknown_paths),
		cmocka_unit_test(wrong_methods),
		cmocka_unit_test(malformed_paths),
		cmocka_unit_test(content_types),
		cmocka_unit_test(request_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
