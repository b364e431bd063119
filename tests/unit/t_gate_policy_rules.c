/* What one policy says of a request. */
#include "gate/policy.h"

#include "gate_policy_help.h"

/* A message with one part of this sort beside a text. */
#define PART(part)                                                 \
	"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":" \
	"\"text\",\"text\":\"x\"}," part "]}]"
#define IMAGE                                                              \
	PART("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/" \
	     "\"}}")
#define AUDIO                                                       \
	PART("{\"type\":\"input_audio\",\"input_audio\":{\"data\":" \
	     "\"AAAA\",\"format\":\"wav\"}}")
#define PDF PART("{\"type\":\"file\",\"file\":{\"file_id\":\"f-1\"}}")
#define VIDEO                                                              \
	PART("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://x/" \
	     "\"}}")
#define UNKNOWN PART("{\"type\":\"hologram\",\"data\":\"x\"}")
#define FUNCTIONS "\"functions\":[{\"name\":\"f\"}]," SAY

/* ---- rules ------------------------------------------------------------------ */

static void
test_none(void **state)
{
	(void)state;
	policies("  []\n");
	assert_passes(SAY);
	assert_false(str_present(result.refused));
	assert_false(str_present(result.shadow));
	assert_int_equal(result.max_output_tokens, 0);
}

static void
test_disabled(void **state)
{
	(void)state;
	policies("  - { name: old-model, for: { models: [m] }, disabled: "
		 "\"Ask for chat-2 instead.\" }\n");
	assert_refused(
	    SAY, MSG_FAIL_POLICY, "model", "Ask for chat-2 instead.");
	assert_int_equal(msg_fail_status(&fail), 403);
	assert_string_equal(
	    msg_fail_table[fail.class].chat_type, "policy_violation");
	alias = "us-only";
	assert_passes(SAY);
}

static void
test_client_id(void **state)
{
	(void)state;
	policies("  - { name: who, require_client_id: true }\n");
	assert_refused(SAY, MSG_FAIL_POLICY_FIELD, "client_id", "client_id");
	assert_int_equal(msg_fail_status(&fail), 400);
	assert_refused("\"client_id\":\"\"," SAY, MSG_FAIL_POLICY_FIELD,
	    "client_id", "client_id");
	assert_passes("\"client_id\":\"shop\"," SAY);
}

static void
test_metadata(void **state)
{
	(void)state;
	policies("  - { name: why, require_metadata: [cost_centre, trace] }\n");
	assert_refused(SAY, MSG_FAIL_POLICY_FIELD, "metadata.cost_centre",
	    "'cost_centre'");
	assert_refused("\"metadata\":{\"cost_centre\":\"\",\"trace\":1}," SAY,
	    MSG_FAIL_POLICY_FIELD, "metadata.cost_centre", "metadata");
	assert_refused(
	    "\"metadata\":{\"cost_centre\":\"7\",\"trace\":null}," SAY,
	    MSG_FAIL_POLICY_FIELD, "metadata.trace", "'trace'");
	assert_passes("\"metadata\":{\"cost_centre\":\"7\",\"trace\":0}," SAY);
	/* however it is spelt */
	assert_passes(
	    "\"metadata\":{\"cost\\u005fcentre\":\"7\",\"trace\":false}," SAY);
}

static void
test_parts(void **state)
{
	static const struct {
		const char *deny, *body, *words;
	} cases[] = {
		{ "images", IMAGE, "images are not allowed" },
		{ "audio", AUDIO, "audio is not allowed" },
		{ "files", PDF, "files are not allowed" },
		{ "video", VIDEO, "video is not allowed" },
		{ "images", UNKNOWN, "a sort that the gateway does not know" },
		{ "video", UNKNOWN, "a sort that the gateway does not know" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char yaml[128];

		(void)snprintf(yaml, sizeof(yaml),
		    "  - { name: plain, deny: [%s] }\n", cases[i].deny);
		policies(yaml);
		assert_refused(cases[i].body, MSG_FAIL_POLICY,
		    "messages[0].content[1]", cases[i].words);
		assert_passes(SAY);
	}
	policies("  - { name: plain, deny: [tools, stream] }\n");
	assert_passes(UNKNOWN);
	assert_passes(IMAGE);
}

static void
test_features(void **state)
{
	(void)state;
	policies("  - { name: bare, deny: [tools, audio, response_format, "
		 "logprobs, stream] }\n");
	assert_refused(TOOLS, MSG_FAIL_POLICY, "tools", "tools are not");
	assert_refused(FUNCTIONS, MSG_FAIL_POLICY, "functions", "tools are");
	assert_refused("\"modalities\":[\"text\",\"audio\"],\"audio\":{"
		       "\"voice\":\"a\",\"format\":\"wav\"}," SAY,
	    MSG_FAIL_POLICY, "modalities", "audio is not");
	assert_refused("\"modalities\":[\"text\",\"\\u0061udio\"]," SAY,
	    MSG_FAIL_POLICY, "modalities", "audio is not");
	assert_refused("\"response_format\":{\"type\":\"json_object\"}," SAY,
	    MSG_FAIL_POLICY, "response_format", "response_format is not");
	assert_refused("\"logprobs\":true," SAY, MSG_FAIL_POLICY, "logprobs",
	    "log probabilities");
	assert_refused(
	    "\"stream\":true," SAY, MSG_FAIL_POLICY, "stream", "streaming");
	/* what says that it is not asked for */
	assert_passes("\"tools\":[],\"modalities\":[\"text\"],"
		      "\"response_format\":{\"type\":\"text\"},"
		      "\"logprobs\":false,\"stream\":false," SAY);
}

static void
test_parameters(void **state)
{
	(void)state;
	policies("  - { name: p, deny_parameters: [\"*_penalty\", seed] }\n");
	assert_refused("\"presence_penalty\":1," SAY, MSG_FAIL_POLICY,
	    "presence_penalty", "'presence_penalty'");
	assert_refused(
	    "\"se\\u0065d\":1," SAY, MSG_FAIL_POLICY, "seed", "'seed'");
	assert_passes("\"seed\":null,\"temperature\":1," SAY);
	policies("  - { name: p, allow_parameters: [temperature, max_*] }\n");
	assert_passes("\"temperature\":1,\"max_tokens\":5,\"stream\":true,"
		      "\"stream_options\":{},\"metadata\":{}," SAY);
	assert_refused("\"top_p\":1," SAY, MSG_FAIL_POLICY, "top_p", "'top_p'");
	assert_refused(
	    "\"my_own\":{}," SAY, MSG_FAIL_POLICY, "my_own", "'my_own'");
	/* both: what is denied is denied, also of the basic ones */
	policies("  - { name: p, allow_parameters: [seed], deny_parameters: "
		 "[metadata] }\n");
	assert_passes("\"seed\":1," SAY);
	assert_refused(
	    "\"metadata\":{}," SAY, MSG_FAIL_POLICY, "metadata", "'metadata'");
}

static void
test_n(void **state)
{
	(void)state;
	policies("  - { name: few, max_n: 2 }\n");
	assert_passes("\"n\":2," SAY);
	assert_passes(SAY);
	assert_refused("\"n\":3," SAY, MSG_FAIL_POLICY, "n", "3 answers");
}

static void
test_prompt(void **state)
{
	(void)state;
	policies("  - { name: short, max_prompt: 60 }\n");
	assert_passes(SAY);
	assert_refused(TOOLS, MSG_FAIL_POLICY, "messages", "60 are allowed");
	policies("  - { name: short, max_prompt_tokens: 100 }\n");
	who.prompt_tokens = 100;
	assert_passes(SAY);
	who.prompt_tokens = 101;
	assert_refused(SAY, MSG_FAIL_POLICY, "messages", "about 101 tokens");
}

static void
test_output(void **state)
{
	(void)state;
	policies("  - { name: brief, max_output_tokens: 100 }\n");
	assert_passes("\"max_tokens\":100," SAY);
	assert_int_equal(result.max_output_tokens, 0);
	assert_refused("\"max_tokens\":101," SAY, MSG_FAIL_POLICY, "max_tokens",
	    "100 are allowed");
	assert_refused("\"max_completion_tokens\":101," SAY, MSG_FAIL_POLICY,
	    "max_completion_tokens", "100 are allowed");
	/* who names none gets it, also by the word for none */
	assert_passes(SAY);
	assert_int_equal(result.max_output_tokens, 100);
	assert_false(result.was_asked);
	assert_passes("\"max_tokens\":-1," SAY);
	assert_int_equal(result.max_output_tokens, 100);
}

static void
test_output_clamped(void **state)
{
	(void)state;
	policies("  - { name: a, max_output_tokens: 100, on_output: clamp }\n"
		 "  - { name: b, max_output_tokens: 50, on_output: clamp }\n"
		 "  - { name: c, max_output_tokens: 70, on_output: clamp }\n");
	assert_passes("\"max_tokens\":500," SAY);
	assert_int_equal(result.max_output_tokens, 50);
	assert_true(str_eqz(result.max_output_by, "b"));
	assert_true(result.was_asked);
	assert_passes("\"max_tokens\":60," SAY);
	assert_int_equal(result.max_output_tokens, 50);
	assert_passes("\"max_tokens\":50," SAY);
	assert_int_equal(result.max_output_tokens, 0);
}

static void
test_hours(void **state)
{
	(void)state;
	policies("  - { name: office, hours: \"mon-fri 08:00-18:00\" }\n");
	who.wall = MONDAY + 8 * HOUR;
	assert_passes(SAY);
	who.wall = MONDAY + 18 * HOUR;
	assert_refused(SAY, MSG_FAIL_POLICY, "", "(18:00 UTC)");
	who.wall = MONDAY - 12 * HOUR; /* Sunday */
	assert_refused(SAY, MSG_FAIL_POLICY, "", "at this hour");
	/* Tokyo is nine hours ahead: 08:00 there is 23:00 before */
	policies("  - { name: office, hours: \"mon-fri 08:00-18:00\", "
		 "timezone: Asia/Tokyo }\n");
	who.wall = MONDAY - HOUR;
	assert_passes(SAY);
	who.wall = MONDAY + 9 * HOUR;
	assert_refused(SAY, MSG_FAIL_POLICY, "", "(18:00 Asia/Tokyo)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_none),
		T(test_disabled),
		T(test_client_id),
		T(test_metadata),
		T(test_parts),
		T(test_features),
		T(test_parameters),
		T(test_n),
		T(test_prompt),
		T(test_output),
		T(test_output_clamped),
		T(test_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
