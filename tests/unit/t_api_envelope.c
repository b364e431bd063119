#include "api/chat.h"

#include "api_help.h"

/* {"model","messages",MEMBERS} as an envelope. */
static void
envelope(struct parsed *p, const char *members)
{
	static char text[65536];

	(void)snprintf(text, sizeof(text),
	    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"hi\"}]%s%s}",
	    *members ? "," : "", members);
	p->arena = arena_new(1 << 20);
	assert_non_null(p->arena);
	p->err =
	    api_envelope_parse(p->arena, str_z(text), NULL, &p->r, &p->fail);
}

static void
all_of_it(void **state)
{
	struct parsed p;

	(void)state;
	envelope(&p, "\"client_id\":\"app-1\",\"stream\":true,"
		     "\"metadata\":{\"request_id\":\"r-7\",\"team\":{}},"
		     "\"temperature\":0.5,\"n\":1,\"new\":1");
	assert_parsed(&p);
	assert_int_equal(p.r.dialect, MSG_DIALECT_CHAT);
	assert_str(p.r.client_id, "app-1");
	assert_str(p.r.request_id, "r-7");
	assert_true(p.r.stream);
	assert_str(p.r.param[MSG_P_TEMPERATURE], "0.5");
	/* the gateway's own: not the provider's metadata */
	assert_false(str_present(p.r.param[MSG_P_METADATA]));
	assert_str(p.r.extra->key, "new");
	assert_null(p.r.extra->next);
	parsed_free(&p);
}

static void
least(void **state)
{
	struct parsed p;

	(void)state;
	envelope(&p, "\"client_id\":null,\"metadata\":null");
	assert_parsed(&p);
	assert_false(str_present(p.r.client_id));
	assert_false(str_present(p.r.request_id));
	parsed_free(&p);
	envelope(&p, "\"stream_options\":{\"include_usage\":true}");
	assert_parsed(&p);
	parsed_free(&p);
}

static void
bad_envelopes_are_refused(void **state)
{
	static const struct refusal rows[] = {
		{ "\"client_id\":7", "client_id",
		    "client_id: must be a string, got a number" },
		{ "\"metadata\":[]", "metadata",
		    "metadata: must be an object, got an array" },
		{ "\"metadata\":{\"request_id\":7}", "metadata.request_id",
		    "metadata.request_id: must be a string, got a number" },
		{ "\"n\":2", "n",
		    "n: must be 1 here; /v1/chat/completions gives several" },
		{ "\"temperature\":3", "temperature",
		    "temperature: must be between 0 and 2" },
	};

	(void)state;
	assert_refusals(ROWS(rows), envelope);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(least),
		cmocka_unit_test(bad_envelopes_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
