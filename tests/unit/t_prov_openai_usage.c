#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov/openai.h"

static struct buf extra_buf = { .max = 65536 };

static struct msg_usage
usage_of(const char *text)
{
	struct arena *a = arena_new(1 << 20);
	struct msg_usage u;
	struct json j;

	assert_int_equal(json_scan(&j, a, str_z(text), NULL, NULL), ERR_OK);
	openai_usage(&j, 0, &u, &extra_buf);
	arena_free(a);
	/* what msg.h promises */
	assert_true(u.cached <= u.prompt || u.prompt < 0);
	assert_true(u.reasoning <= u.completion || u.completion < 0);
	return u;
}

static void
openai(void **state)
{
	struct msg_usage u = usage_of(
	    "{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":"
	    "30,\"prompt_tokens_details\":{\"cached_tokens\":4,"
	    "\"cache_write_tokens\":2,\"audio_tokens\":1},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":5,"
	    "\"audio_tokens\":2,\"accepted_prediction_tokens\":3,"
	    "\"rejected_prediction_tokens\":0}}");

	(void)state;
	assert_int_equal(u.prompt, 10);
	assert_int_equal(u.completion, 20);
	assert_int_equal(u.cached, 4);
	assert_int_equal(u.written, 2);
	assert_int_equal(u.reasoning, 5);
	assert_int_equal(u.audio_in, 1);
	assert_int_equal(u.audio_out, 2);
	assert_int_equal(u.accepted_prediction, 3);
	assert_int_equal(u.rejected_prediction, 0);
	assert_false(str_present(u.extra));
	/* a part of the whole; images go along as the maker told them */
	u = usage_of("{\"prompt_tokens\":10,\"completion_tokens\":2,"
		     "\"prompt_tokens_details\":{\"audio_tokens\":11,"
		     "\"image_tokens\":7},\"completion_tokens_details\":"
		     "{\"audio_tokens\":3,\"image_tokens\":9}}");
	assert_int_equal(u.audio_in, 10);
	assert_int_equal(u.image_in, 7);
	assert_int_equal(u.image_out, 2);
	assert_int_equal(u.audio_out, 2);
	assert_true(str_contains(u.extra, STR("\"image_tokens\":7")));
}

static void
row_41_zero_is_not_absent(void **state)
{
	struct msg_usage u =
	    usage_of("{\"prompt_tokens\":0,\"completion_tokens\":0,"
		     "\"prompt_tokens_details\":{\"cached_tokens\":0}}");

	(void)state;
	assert_int_equal(u.prompt, 0);
	assert_int_equal(u.completion, 0);
	assert_int_equal(u.cached, 0);
	assert_int_equal(u.written, -1);
	u = usage_of("{\"prompt_tokens\":26,\"completion_tokens\":null,"
		     "\"total_tokens\":null}");
	assert_int_equal(u.prompt, 26);
	assert_int_equal(u.completion, -1);
}

static void
row_43_xai_reasoning(void **state)
{
	struct msg_usage u = usage_of(
	    "{\"prompt_tokens\":401,\"completion_tokens\":44,\"total_tokens\":"
	    "630,\"completion_tokens_details\":{\"reasoning_tokens\":185}}");

	(void)state;
	assert_int_equal(u.completion, 229);
	assert_int_equal(u.reasoning, 185);
	assert_int_equal(u.prompt + u.completion, 630);
}

static void
row_42_gemini_compatible_surface(void **state)
{
	struct msg_usage u =
	    usage_of("{\"prompt_tokens\":35,\"completion_tokens\":"
		     "12,\"total_tokens\":109}");

	(void)state;
	assert_int_equal(u.prompt, 35);
	assert_int_equal(u.completion, 74);
	assert_int_equal(u.reasoning, 62);
	/* Vercel: not even in the total */
	u = usage_of("{\"prompt_tokens\":28,\"completion_tokens\":5,"
		     "\"total_tokens\":33,\"completion_tokens_details\":{"
		     "\"reasoning_tokens\":49}}");
	assert_int_equal(u.completion, 54);
}

static void
row_47_reasoning_in_the_details(void **state)
{
	struct msg_usage u = usage_of(
	    "{\"prompt_tokens\":1,\"completion_tokens\":9,\"total_tokens\":10,"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":7}}");

	(void)state;
	assert_int_equal(u.completion, 9);
	assert_int_equal(u.reasoning, 7);
}

static void
mistral_audio(void **state)
{
	struct msg_usage u =
	    usage_of("{\"prompt_audio_seconds\":4,\"prompt_tokens\":9,"
		     "\"completion_tokens\":201,\"total_tokens\":585,"
		     "\"prompt_tokens_details\":{\"audio_tokens\":375}}");

	(void)state;
	assert_int_equal(u.prompt, 384);
	assert_int_equal(u.completion, 201);
	assert_int_equal(u.audio_in, 375);
	assert_true(str_eq(u.extra, STR("\"prompt_audio_seconds\":4")));
}

static void
deepseek_and_together_caches(void **state)
{
	struct msg_usage u = usage_of(
	    "{\"prompt_tokens\":9,\"completion_tokens\":1,"
	    "\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":5}");

	(void)state;
	assert_int_equal(u.cached, 4);
	assert_true(str_eq(u.extra, STR("\"prompt_cache_hit_tokens\":4,"
					"\"prompt_cache_miss_tokens\":5")));
	u = usage_of("{\"prompt_tokens\":9,\"completion_tokens\":1,"
		     "\"cached_tokens\":3}");
	assert_int_equal(u.cached, 3);
}

static void
more_cached_than_there_is(void **state)
{
	struct msg_usage u =
	    usage_of("{\"prompt_tokens\":7,\"completion_tokens\":1,"
		     "\"prompt_tokens_details\":{\"cached_tokens\":163,"
		     "\"text_tokens\":7,\"image_tokens\":0}}");

	(void)state;
	assert_int_equal(u.cached, 7);
	/* what has no field goes along whole */
	assert_true(str_eq(u.extra,
	    STR("\"native_prompt_tokens_details\":{\"cached_tokens\":163,"
		"\"text_tokens\":7,\"image_tokens\":0}")));
}

static void
no_counts(void **state)
{
	struct msg_usage u =
	    usage_of("{\"prompt_tokens\":-5,\"completion_tokens\":1e300,"
		     "\"total_tokens\":9223372036854775807,\"cost\":0.25}");

	(void)state;
	assert_int_equal(u.prompt, -1);
	assert_int_equal(u.completion, -1);
	assert_true(str_eq(u.extra, STR("\"cost\":0.25")));
	u = usage_of("{\"prompt_tokens\":\"5\",\"completion_tokens\":{}}");
	assert_int_equal(u.prompt, -1);
	assert_int_equal(u.completion, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openai),
		cmocka_unit_test(row_41_zero_is_not_absent),
		cmocka_unit_test(row_42_gemini_compatible_surface),
		cmocka_unit_test(row_43_xai_reasoning),
		cmocka_unit_test(row_47_reasoning_in_the_details),
		cmocka_unit_test(mistral_audio),
		cmocka_unit_test(deepseek_and_together_caches),
		cmocka_unit_test(more_cached_than_there_is),
		cmocka_unit_test(no_counts),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_fini(&extra_buf);
	return failed;
}
