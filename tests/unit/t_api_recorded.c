#include "api/chat.h"

#include <stdio.h>
#include <stdlib.h>

#include "api_help.h"
#include "base/buf.h"
#include "base/json.h"

/*
 * Every recorded OpenAI chat request that a provider accepted must be accepted
 * here as well: being stricter than the makers breaks clients. The recordings
 * are no part of this repository (LLMGW_SHARED says where they are); without
 * them the test says so and is skipped.
 */

#define FILE_MAX_BYTES ((size_t)64 << 20)

struct tally {
	unsigned accepted;
	unsigned refused; /* that the maker refused as well */
	unsigned without_model; /* Azure: it stands in the URL */
	unsigned wrong;
};

static const char *
shared(void)
{
	const char *p = getenv("LLMGW_SHARED");

	return p && *p ? p : TEST_SRCDIR "/../shared";
}

/* fixtures/NAME into *text. */
static bool
load(struct str name, struct buf *text)
{
	char path[4096];
	char piece[65536];
	size_t n;
	FILE *f;

	(void)snprintf(
	    path, sizeof(path), "%s/fixtures/%.*s", shared(), STR_ARG(name));
	buf_init(text, FILE_MAX_BYTES);
	f = fopen(path, "r");
	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(text, piece, n);
	(void)fclose(f);
	return !text->failed;
}

static void
scan(struct json *j, struct arena *a, const struct buf *text)
{
	const struct json_limits any = { 200, 4000000, 100000 };

	assert_int_equal(json_scan(j, a, buf_str(text), &any, NULL), ERR_OK);
}

static void
check_body(struct tally *tally, struct str id, bool is_error, struct str body,
    uint32_t n_messages)
{
	struct parsed p;

	parsed_body(&p, body, NULL);
	if (p.err == ERR_OK) {
		tally->accepted++;
		assert_int_equal(p.r.n_messages, n_messages);
	} else if (strcmp(p.fail.message, "model: is required") == 0) {
		tally->without_model++;
	} else if (is_error) {
		tally->refused++;
	} else {
		tally->wrong++;
		print_message("%.*s: %s\n", STR_ARG(id), p.fail.message);
	}
	parsed_free(&p);
}

static void
check_file(struct tally *tally, struct str file, struct str id, bool is_error)
{
	struct arena *a = arena_new(FILE_MAX_BYTES);
	struct buf text;
	struct json j;
	json_ref body;

	assert_non_null(a);
	assert_true(load(file, &text));
	scan(&j, a, &text);
	body = json_at(&j, 0, "request", "body", NULL);
	if (json_type(&j, body) == JSON_T_OBJECT)
		check_body(tally, id, is_error, json_raw(&j, body),
		    json_count(&j, json_get(&j, body, "messages")));
	buf_fini(&text);
	arena_free(a);
}

static void
recorded_requests_are_accepted(void **state)
{
	struct arena *a = arena_new(FILE_MAX_BYTES);
	struct tally tally = { 0 };
	struct buf text;
	struct json j;

	(void)state;
	assert_non_null(a);
	if (!load(STR("INDEX.json"), &text)) {
		print_message("recorded exchanges are absent: %s\n", shared());
		arena_free(a);
		skip();
	}
	scan(&j, a, &text);
	json_each (&j, json_get(&j, 0, "fixtures"), row) {
		json_ref kind = json_get(&j, row, "kind");

		if (json_str_is(
			&j, json_get(&j, row, "surface"), "openai.chat"))
			check_file(&tally,
			    json_text(&j, json_get(&j, row, "file"), a),
			    json_text(&j, json_get(&j, row, "id"), a),
			    json_str_is(&j, kind, "error"));
	}
	buf_fini(&text);
	arena_free(a);
	print_message(
	    "recorded requests: %u accepted, %u refused by the "
	    "maker and by us, %u without a model, %u wrongly refused\n",
	    tally.accepted, tally.refused, tally.without_model, tally.wrong);
	assert_int_equal(tally.wrong, 0);
	assert_true(tally.accepted > 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_requests_are_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
