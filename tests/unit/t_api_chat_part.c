#include "api/chat.h"

#include "api_help.h"

/* One user message with these parts. */
static void
parts(struct parsed *p, const char *list)
{
	char text[2048];

	(void)snprintf(
	    text, sizeof(text), "{\"role\":\"user\",\"content\":[%s]}", list);
	parsed_messages(p, text);
}

static void
all_types(void **state)
{
	const struct msg_part *part;
	struct parsed p;

	(void)state;
	parts(&p,
	    "{\"type\":\"text\",\"text\":\"\"},"
	    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:a\\/b\","
	    "\"detail\":\"low\"}},"
	    "{\"type\":\"image_url\",\"image_url\":\"https://x\"},"
	    "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\","
	    "\"format\":\"wav\"}},"
	    "{\"type\":\"file\",\"file\":{\"file_data\":\"data:x\","
	    "\"filename\":\"f.pdf\"}},"
	    "{\"type\":\"file\",\"file\":{\"file_id\":\"id\"}},"
	    "{\"type\":\"refusal\",\"refusal\":\"no\"},"
	    "{\"type\":\"video_url\",\"video_url\":{\"url\":\"v\"}},"
	    "{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"},"
	    "{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
	    "{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\"}]},"
	    "{\"type\":\"document_url\",\"document_url\":\"x\"}");
	assert_parsed(&p);
	part = p.r.messages->parts;
	assert_false(p.r.messages->content_is_string);
	assert_int_equal(part->type, MSG_PART_TEXT);
	assert_str(part->text, "");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_IMAGE);
	assert_str(part->url, "data:a/b");
	assert_str(part->detail, "low");
	part = part->next;
	assert_str(part->url, "https://x");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_AUDIO);
	assert_str(part->data, "AA==");
	assert_str(part->format, "wav");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_FILE);
	assert_str(part->url, "data:x");
	assert_str(part->filename, "f.pdf");
	part = part->next;
	assert_str(part->file_id, "id");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_REFUSAL);
	assert_str(part->text, "no");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_VIDEO);
	assert_str(part->url, "v");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_THINKING);
	assert_str(part->signature, "s");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_REDACTED);
	assert_str(part->data, "d");
	part = part->next;
	assert_int_equal(part->type, MSG_PART_OTHER);
	part = part->next;
	assert_int_equal(part->type, MSG_PART_OTHER);
	assert_str(
	    part->raw, "{\"type\":\"document_url\",\"document_url\":\"x\"}");
	assert_null(part->next);
	parsed_free(&p);
}

static void
cache_markers(void **state)
{
	const struct msg_part *part;
	struct parsed p;

	(void)state;
	parts(&p,
	    "{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
	    "\"ephemeral\",\"ttl\":\"1h\"}},"
	    "{\"type\":\"text\",\"text\":\"b\",\"prompt_cache_breakpoint\":"
	    "true},"
	    "{\"type\":\"text\",\"text\":\"c\",\"prompt_cache_breakpoint\":"
	    "false,\"cache_control\":null}");
	assert_parsed(&p);
	part = p.r.messages->parts;
	assert_str(
	    part->cache_control, "{\"type\":\"ephemeral\",\"ttl\":\"1h\"}");
	assert_str(part->next->cache_control, "{\"type\":\"ephemeral\"}");
	assert_false(str_present(part->next->next->cache_control));
	parsed_free(&p);
}

static void
bad_parts_are_refused(void **state)
{
#define AT "messages[0].content[0]"
	static const struct refusal rows[] = {
		{ "\"text\"", AT, AT ": must be an object, got a string" },
		{ "{\"text\":\"x\"}", AT ".type", AT ".type: is required" },
		{ "{\"type\":5}", AT ".type",
		    AT ".type: must be a string, got a number" },
		{ "{\"type\":\"text\"}", AT ".text", AT ".text: is required" },
		{ "{\"type\":\"text\",\"text\":[]}", AT ".text",
		    AT ".text: must be a string, got an array" },
		{ "{\"type\":\"image_url\"}", AT ".image_url",
		    AT ".image_url: is required" },
		{ "{\"type\":\"image_url\",\"image_url\":{}}",
		    AT ".image_url.url", AT ".image_url.url: is required" },
		{ "{\"type\":\"image_url\",\"image_url\":{\"url\":5}}",
		    AT ".image_url.url",
		    AT ".image_url.url: must be a string, got a number" },
		{ "{\"type\":\"image_url\",\"image_url\":\"\"}",
		    AT ".image_url", AT ".image_url: must not be empty" },
		{ "{\"type\":\"input_audio\",\"input_audio\":{\"data\":"
		  "\"A\"}}",
		    AT ".input_audio.format",
		    AT ".input_audio.format: is required" },
		{ "{\"type\":\"file\",\"file\":{\"filename\":\"f\"}}",
		    AT ".file", AT ".file: needs file_data or file_id" },
		{ "{\"type\":\"text\",\"text\":\"\",\"cache_control\":1}",
		    AT ".cache_control",
		    AT ".cache_control: must be an object, got a number" },
	};

	(void)state;
	assert_refusals(ROWS(rows), parts);
}

static void
counts_are_limited(void **state)
{
	struct api_limits lim = api_limits_default;
	struct parsed p;

	(void)state;
	lim.parts = 2;
	lim.images = 1;
	parsed_body(&p,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
		"[{\"type\":\"a\"},{\"type\":\"a\"},{\"type\":\"a\"}]}]}"),
	    &lim);
	assert_refused(&p, "messages[0].content",
	    "messages[0].content: has 3 parts; at most 2 are allowed");
	parsed_free(&p);
	parsed_body(&p,
	    STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
		"[{\"type\":\"image_url\",\"image_url\":\"x\"},{\"type\":"
		"\"image_url\",\"image_url\":\"x\"}]}]}"),
	    &lim);
	assert_refused(&p, "messages[0].content[1]",
	    "messages[0].content[1]: is one image too many; at most 1 are "
	    "allowed in a request");
	parsed_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types),
		cmocka_unit_test(cache_markers),
		cmocka_unit_test(bad_parts_are_refused),
		cmocka_unit_test(counts_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
