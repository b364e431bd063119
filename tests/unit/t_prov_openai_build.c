#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "prov_run.h"
#include "prov/openai.h"

#define USER "\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9\"}]"

static const struct prov_build openai = { .kind = "openai",
	.model = "gpt-4o-mini" };
static const struct prov_build gpt5 = { .kind = "openai", .model = "gpt-5" };

static struct prov_build
vendor(const char *name)
{
	return (
	    struct prov_build){ .kind = "openai-compatible", .vendor = name };
}

static void
only_the_model_changes(void **state)
{
	(void)state;
	prov_build_is(&openai,
	    "{ \"model\" : \"alias\", " USER ", \"seed\": 7, \"x\": [1, 2] }",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"seed\":7,\"x\":[1, 2]}",
	    NULL);
}

/* Ollama knows only the old name; by either name the limit arrives. */
static void
row_73_the_limit_reaches_ollama(void **state)
{
	struct prov_build b = vendor("ollama");

	(void)state;
	b.base_url = "http://localhost:11434/v1";
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"max_completion_tokens\":5}",
	    "{\"model\":\"model-1\"," USER ",\"max_tokens\":5}", NULL);
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"max_tokens\":5}",
	    "{\"model\":\"model-1\"," USER ",\"max_tokens\":5}", NULL);
}

static void
the_url_and_the_key(void **state)
{
	struct prov_build b = openai;
	char *url, *z;

	(void)state;
	z = prov_build(&b, "{\"model\":\"a\"," USER "}", NULL, &url);
	assert_string_equal(url, "https://api.openai.com/v1/chat/completions");
	free(url);
	free(z);
	b.base_url = "http://proxy:8080/openai/";
	z = prov_build(&b, "{\"model\":\"a\"," USER "}", NULL, &url);
	assert_string_equal(
	    url, "http://proxy:8080/openai/v1/chat/completions");
	free(url);
	free(z);
	b = vendor("groq");
	z = prov_build(&b, "{\"model\":\"a\"," USER "}", NULL, &url);
	assert_string_equal(
	    url, "https://api.groq.com/openai/v1/chat/completions");
	free(url);
	free(z);
	b = vendor("perplexity");
	z = prov_build(&b, "{\"model\":\"a\"," USER "}", NULL, &url);
	assert_string_equal(url, "https://api.perplexity.ai/chat/completions");
	free(url);
	free(z);
}

static void
no_base_url_at_all(void **state)
{
	struct prov_build b = vendor("vllm");
	char *z;

	(void)state;
	z = prov_build(&b, "{\"model\":\"a\"," USER "}", NULL, NULL);
	assert_string_equal(z,
	    "FAIL internal : the base_url of provider prov cannot be used: "
	    "malformed");
	free(z);
}

static void
usage_is_always_asked_for(void **state)
{
	struct prov_build b = openai;

	(void)state;
	b.stream = true;
	prov_build_is(&b, "{\"model\":\"a\"," USER "}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true}}",
	    NULL);
	prov_build_is(&b,
	    "{\"stream\":true,\"stream_options\":{\"include_usage\":false,"
	    "\"include_obfuscation\":false},\"model\":\"a\"," USER "}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"stream\":true,"
	    "\"stream_options\":{\"include_obfuscation\":false,"
	    "\"include_usage\":true}}",
	    NULL);
	/* the client streams, the provider is not asked to */
	b.stream = false;
	prov_build_is(&b,
	    "{\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	    "\"model\":\"a\"," USER "}",
	    "{\"model\":\"gpt-4o-mini\"," USER "}", NULL);
}

static void
the_envelope_stays_here(void **state)
{
	struct prov_build b = openai;

	(void)state;
	b.is_envelope = true;
	prov_build_is(&b,
	    "{\"client_id\":\"c\",\"model\":\"a\"," USER
	    ",\"metadata\":{\"request_id\":\"r\"},\"temperature\":0}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"temperature\":0}", NULL);
	b.is_envelope = false;
	prov_build_is(&b,
	    "{\"client_id\":\"c\",\"model\":\"a\"," USER
	    ",\"metadata\":{\"request_id\":\"r\"}}",
	    "{\"model\":\"gpt-4o-mini\"," USER
	    ",\"metadata\":{\"request_id\":\"r\"}}",
	    NULL);
}

static void
an_escaped_key_does_not_slip_through(void **state)
{
	(void)state;
	prov_build_is(&openai, "{\"mod\\u0065l\":\"alias\"," USER "}",
	    "{\"model\":\"gpt-4o-mini\"," USER "}", NULL);
}

static void
null_is_absent(void **state)
{
	(void)state;
	prov_build_is(&openai,
	    "{\"model\":\"a\"," USER ",\"seed\":null,\"tools\":null,"
	    "\"stream\":null}",
	    "{\"model\":\"gpt-4o-mini\"," USER "}", NULL);
}

static void
limits_of_both_names(void **state)
{
	struct prov_build ds = vendor("deepseek");

	(void)state;
	ds.base_url = "https://api.deepseek.com";
	prov_build_is(&openai, "{\"model\":\"a\"," USER ",\"max_tokens\":5}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"max_tokens\":5}", NULL);
	prov_build_is(&openai,
	    "{\"model\":\"a\"," USER ",\"max_completion_tokens\":5}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"max_completion_tokens\":5}",
	    NULL);
	prov_build_is(&gpt5, "{\"model\":\"a\"," USER ",\"max_tokens\":5}",
	    "{\"model\":\"gpt-5\"," USER ",\"max_completion_tokens\":5}", NULL);
	prov_build_is(&ds,
	    "{\"model\":\"a\"," USER ",\"max_completion_tokens\":5}",
	    "{\"model\":\"model-1\"," USER ",\"max_tokens\":5}", NULL);
}

static void
reasoning_models_and_sampling(void **state)
{
	(void)state;
	prov_build_is(&gpt5,
	    "{\"model\":\"a\"," USER ",\"temperature\":0.2,\"top_p\":1.0,"
	    "\"presence_penalty\":0,\"frequency_penalty\":0.5,"
	    "\"logprobs\":false,\"reasoning_effort\":\"low\"}",
	    "{\"model\":\"gpt-5\"," USER ",\"reasoning_effort\":\"low\"}",
	    "temperature,frequency_penalty");
	prov_build_is(&gpt5, "{\"model\":\"a\"," USER ",\"logprobs\":true}",
	    "FAIL invalid logprobs: logprobs is not supported by the model's "
	    "provider (prov)",
	    NULL);
	prov_build_is(&gpt5, "{\"model\":\"a\"," USER ",\"stop\":\"x\"}",
	    "FAIL invalid stop: stop is not supported by the model's "
	    "provider (prov)",
	    NULL);
}

static void
the_rule_can_be_set(void **state)
{
	struct prov_build b = gpt5;

	(void)state;
	b.on_unsupported = PROV_DROP_ALL;
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"stop\":\"x\"}",
	    "{\"model\":\"gpt-5\"," USER "}", "stop");
	b.on_unsupported = PROV_REFUSE_ALL;
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"temperature\":0.3}",
	    "FAIL invalid temperature: temperature is not supported by the "
	    "model's provider (prov)",
	    NULL);
	/* the value that it has anyway is no loss */
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"temperature\":1.0}",
	    "{\"model\":\"gpt-5\"," USER "}", NULL);
}

static void
families(void **state)
{
	(void)state;
	assert_true(openai_is_reasoning(STR("o1")));
	assert_true(openai_is_reasoning(STR("o3-mini-2025-01-31")));
	assert_true(openai_is_reasoning(STR("o4-mini")));
	assert_true(openai_is_reasoning(STR("gpt-5")));
	assert_true(openai_is_reasoning(STR("GPT-5.2-pro")));
	assert_false(openai_is_reasoning(STR("gpt-5-chat-latest")));
	assert_false(openai_is_reasoning(STR("gpt-4o")));
	assert_false(openai_is_reasoning(STR("omni-moderation")));
	assert_false(openai_is_reasoning(STR("o")));
	assert_false(openai_is_reasoning(STR("")));
}

static void
effort_only_for_models_that_reason(void **state)
{
	(void)state;
	prov_build_is(&openai,
	    "{\"model\":\"a\"," USER ",\"reasoning_effort\":\"low\","
	    "\"thinking\":{\"type\":\"enabled\"},\"top_k\":5}",
	    "{\"model\":\"gpt-4o-mini\"," USER "}",
	    "reasoning_effort,thinking,top_k");
}

static void
effort_in_other_makers_words(void **state)
{
	struct prov_build b = gpt5;

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"reasoning\":{\"effort\":\"high\"}}",
	    "{\"model\":\"gpt-5\"," USER ",\"reasoning_effort\":\"high\"}",
	    NULL);
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"thinking\":{\"type\":\"disabled\"}}",
	    "{\"model\":\"gpt-5\"," USER ",\"reasoning_effort\":\"minimal\"}",
	    NULL);
	b.model = "gpt-5.2";
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"thinking\":{\"type\":\"disabled\"}}",
	    "{\"model\":\"gpt-5.2\"," USER ",\"reasoning_effort\":\"none\"}",
	    NULL);
	b.model = "o3-mini";
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"reasoning\":{\"effort\":\"minimal\"}"
	    "}",
	    "{\"model\":\"o3-mini\"," USER ",\"reasoning_effort\":\"low\"}",
	    NULL);
	/* the client's own word wins, and the other is a loss */
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"reasoning_effort\":\"medium\","
	    "\"reasoning\":{\"effort\":\"high\"}}",
	    "{\"model\":\"o3-mini\"," USER ",\"reasoning_effort\":\"medium\"}",
	    "reasoning");
}

#define TOOL "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"

static void
tools_of_none(void **state)
{
	(void)state;
	prov_build_is(&openai,
	    "{\"model\":\"a\"," USER ",\"tools\":[],\"tool_choice\":\"none\","
	    "\"parallel_tool_calls\":false}",
	    "{\"model\":\"gpt-4o-mini\"," USER "}", NULL);
	prov_build_is(&openai,
	    "{\"model\":\"a\"," USER ",\"tools\":[" TOOL "],\"tool_choice\":"
	    "\"required\"}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"tools\":[" TOOL "],"
	    "\"tool_choice\":\"required\"}",
	    NULL);
}

static void
tools_without_their_cache_markers(void **state)
{
	(void)state;
	prov_build_is(&openai,
	    "{\"model\":\"a\"," USER ",\"tools\":[" TOOL ",{\"type\":"
	    "\"function\",\"function\":{\"name\":\"g\",\"description\":"
	    "\"d\\n\",\"strict\":true},\"cache_control\":{\"type\":"
	    "\"ephemeral\"}}]}",
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"tools\":[" TOOL ",{\"type\""
	    ":\"function\",\"function\":{\"name\":\"g\",\"description\":"
	    "\"d\\n\",\"strict\":true}}]}",
	    "tools.cache_control");
}

static void
legacy_functions(void **state)
{
	static const char asked[] =
	    "{\"model\":\"a\"," USER ",\"functions\":[{\"name\":\"f\","
	    "\"parameters\":{\"type\":\"object\"}}],\"function_call\":{"
	    "\"name\":\"f\"}}";
	struct prov_build b = vendor("xai");

	(void)state;
	prov_build_is(&openai, asked,
	    "{\"model\":\"gpt-4o-mini\"," USER ",\"functions\":[{\"name\":\"f"
	    "\",\"parameters\":{\"type\":\"object\"}}],\"function_call\":{"
	    "\"name\":\"f\"}}",
	    NULL);
	prov_build_is(&b, asked,
	    "{\"model\":\"model-1\"," USER ",\"tools\":[{\"type\":\"function\""
	    ",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\""
	    "}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{"
	    "\"name\":\"f\"}}}",
	    NULL);
}

static void
groq(void **state)
{
	struct prov_build b = vendor("groq");

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"n\":1,\"logprobs\":false,"
	    "\"logit_bias\":{\"1\":2},\"seed\":3}",
	    "{\"model\":\"model-1\"," USER ",\"seed\":3}", "logit_bias");
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"n\":2}",
	    "FAIL invalid n: n is not supported by the model's provider "
	    "(prov)",
	    NULL);
}

/* The alias says whom to ask, as whom and where: not the client. */
static void
nothing_steers(void **state)
{
	static const char *const names[] = { "models", "route", "preset",
		"provider", "providerOptions", "model_list", "fallbacks",
		"content_policy_fallbacks", "mock_response", "compound_custom",
		"safety_model", "draft_model", "lora_path", "api_base",
		"api_key", "base_url", "user_config", "litellm_credential_name",
		"aws_secret_access_key", "vertex_project", "extra_headers",
		"extra_body", "data_sources", "kv_transfer_params",
		"bootstrap_host", "custom_logit_processor", "plugins",
		"search_parameters", "num_retries", "deferred" };
	static const char *const vendors[] = { "openrouter", "generic", "vllm",
		"mistral" };
	char asked[256], want[256];

	(void)state;
	for (size_t v = 0; v < sizeof(vendors) / sizeof(*vendors); v++)
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			struct prov_build b = vendor(vendors[v]);

			b.base_url = "https://prov.test/v1";
			snprintf(asked, sizeof(asked),
			    "{\"model\":\"a\"," USER ",\"%s\":[\"dear/one\"]}",
			    names[i]);
			snprintf(want, sizeof(want),
			    "FAIL invalid %s: %s is not supported by the "
			    "model's provider (prov)",
			    names[i], names[i]);
			prov_build_is(&b, asked, want, NULL);
			b.on_unsupported = PROV_DROP_ALL;
			prov_build_is(&b, asked,
			    "{\"model\":\"model-1\"," USER "}", names[i]);
		}
}

static void
what_steers_nothing_passes(void **state)
{
	struct prov_build b = vendor("openrouter");

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"models\":[],\"top_k\":3,"
	    "\"transforms\":[\"middle-out\"],\"usage\":{\"include\":true},"
	    "\"mode\":1,\"ap\":2,\"tag\":3}",
	    "{\"model\":\"model-1\"," USER ",\"top_k\":3,"
	    "\"transforms\":[\"middle-out\"],\"usage\":{\"include\":true},"
	    "\"mode\":1,\"ap\":2,\"tag\":3}",
	    NULL);
	/* an escape is no way past it */
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"prov\\u0069der\":{\"only\":[\"x\"]}}",
	    "FAIL invalid provider: provider is not supported by the model's "
	    "provider (prov)",
	    NULL);
}

#define FUNCTION                                                               \
	"{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{" \
	"}}}"

/* A tool that the server runs: an address, or money, of the client's choice. */
static void
tools_of_the_server(void **state)
{
	struct prov_build b = vendor("openrouter");
	const char *const two = "{\"model\":\"a\"," USER ",\"tools\":[" FUNCTION
				",{\"type\":\"mcp\",\"server_url\":"
				"\"http://10.0.0.1\"}]}";

	(void)state;
	prov_build_is(&b, two,
	    "FAIL invalid tools[1].type: tools[1].type is not supported by "
	    "the model's provider (prov)",
	    NULL);
	b.on_unsupported = PROV_DROP_ALL;
	prov_build_is(&b, two,
	    "{\"model\":\"model-1\"," USER ",\"tools\":[" FUNCTION "]}",
	    "tools[1].type");
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"tools\":[{\"type\":\"web_search\"}]}",
	    "{\"model\":\"model-1\"," USER "}", "tools[0].type");
}

#define PICTURE(url)                                      \
	"\"messages\":[{\"role\":\"user\",\"content\":[{" \
	"\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}]}]"

/* What fetches from inside our network fetches nothing for a client. */
static void
urls_for_a_server_inside(void **state)
{
	static const char *const inside[] = { "vllm", "llamacpp", "lmstudio",
		"ollama" };
	static const char only[] =
	    "FAIL invalid messages[0].content[0]: messages[0].content[0]: the "
	    "model's provider (prov) takes data: URLs only.";

	(void)state;
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		struct prov_build b = vendor(inside[i]);

		b.base_url = "http://10.0.0.7:8000/v1";
		b.on_unsupported = PROV_DROP_ALL;
		prov_build_is(&b,
		    "{\"model\":\"a\"," PICTURE(
			"http://169.254.169.254/latest") "}",
		    only, NULL);
		prov_build_is(&b,
		    "{\"model\":\"a\"," PICTURE("ht\\u0074ps://x.test/") "}",
		    only, NULL);
		prov_build_is(&b,
		    "{\"model\":\"a\",\"messages\":[{\"role\":\"user\","
		    "\"content\":[{\"type\":\"audio_url\",\"audio_url\":{"
		    "\"url\":\"http://10.0.0.1/\"}}]}]}",
		    only, NULL);
		prov_build_is(&b,
		    "{\"model\":\"a\"," PICTURE("data:image/png;base64,AA") "}",
		    "{\"model\":\"model-1\"," PICTURE(
			"data:image/png;base64,AA") "}",
		    NULL);
	}
}

static void
urls_for_other_servers(void **state)
{
	static const char *const good[] = { "https://x.test/a.png",
		"HTTP://x.test/a.png", "/9j/4AAQSkZJRg==" };
	static const char *const bad[] = { "file:///etc/passwd",
		"/etc/llmgw.yaml", "../key.png", "gopher://x.test" };
	struct prov_build b = vendor("generic");
	char body[256], want[256];

	(void)state;
	b.base_url = "https://prov.test/v1";
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(body, sizeof(body),
		    "{\"model\":\"a\"," PICTURE("%s") "}", good[i]);
		snprintf(want, sizeof(want),
		    "{\"model\":\"model-1\"," PICTURE("%s") "}", good[i]);
		prov_build_is(&b, body, want, NULL);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(body, sizeof(body),
		    "{\"model\":\"a\"," PICTURE("%s") "}", bad[i]);
		prov_build_is(&b, body,
		    "FAIL invalid messages[0].content[0]: "
		    "messages[0].content[0]: the model's provider (prov) "
		    "takes https:, http: and data: URLs only.",
		    NULL);
	}
}

static void
mistral(void **state)
{
	struct prov_build b = vendor("mistral");

	(void)state;
	b.stream = true;
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"seed\":3,\"user\":\"u\",\"store\":"
	    "true,\"temperature\":0,\"x\":1,\"max_completion_tokens\":9,"
	    "\"stream_options\":{\"include_usage\":true},\"stream\":true,"
	    "\"safe_prompt\":true}",
	    "{\"model\":\"model-1\"," USER ",\"random_seed\":3,"
	    "\"temperature\":0,\"safe_prompt\":true,\"max_tokens\":9,"
	    "\"stream\":true}",
	    "user,store,x");
}

static void
together_logprobs(void **state)
{
	struct prov_build b = vendor("together");

	(void)state;
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"logprobs\":true,\"top_logprobs\":3}",
	    "{\"model\":\"model-1\"," USER ",\"logprobs\":3}", NULL);
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"logprobs\":2}",
	    "{\"model\":\"model-1\"," USER ",\"logprobs\":2}", NULL);
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"logprobs\":false}",
	    "{\"model\":\"model-1\"," USER "}", NULL);
}

static void
xai_reasoning(void **state)
{
	struct prov_build b = vendor("xai");

	(void)state;
	b.model = "grok-4-1-fast-reasoning";
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"presence_penalty\":1,"
	    "\"temperature\":0}",
	    "{\"model\":\"grok-4-1-fast-reasoning\"," USER
	    ",\"temperature\":0}",
	    "presence_penalty");
	b.model = "grok-4-1-fast-non-reasoning";
	prov_build_is(&b, "{\"model\":\"a\"," USER ",\"presence_penalty\":1}",
	    "{\"model\":\"grok-4-1-fast-non-reasoning\"," USER
	    ",\"presence_penalty\":1}",
	    NULL);
}

static void
numbers_keep_their_spelling(void **state)
{
	struct prov_build b = vendor("generic");

	(void)state;
	b.base_url = "http://h/v1";
	prov_build_is(&b,
	    "{\"model\":\"a\"," USER ",\"seed\":12345678901234567,\"temperatu"
	    "re\":1.50e0,\"min_p\":0.10}",
	    "{\"model\":\"model-1\"," USER ",\"seed\":12345678901234567,"
	    "\"temperature\":1.50e0,\"min_p\":0.10}",
	    NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_model_changes),
		cmocka_unit_test(row_73_the_limit_reaches_ollama),
		cmocka_unit_test(the_url_and_the_key),
		cmocka_unit_test(no_base_url_at_all),
		cmocka_unit_test(usage_is_always_asked_for),
		cmocka_unit_test(the_envelope_stays_here),
		cmocka_unit_test(an_escaped_key_does_not_slip_through),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(limits_of_both_names),
		cmocka_unit_test(reasoning_models_and_sampling),
		cmocka_unit_test(the_rule_can_be_set),
		cmocka_unit_test(families),
		cmocka_unit_test(effort_only_for_models_that_reason),
		cmocka_unit_test(effort_in_other_makers_words),
		cmocka_unit_test(tools_of_none),
		cmocka_unit_test(tools_without_their_cache_markers),
		cmocka_unit_test(legacy_functions),
		cmocka_unit_test(groq),
		cmocka_unit_test(nothing_steers),
		cmocka_unit_test(what_steers_nothing_passes),
		cmocka_unit_test(tools_of_the_server),
		cmocka_unit_test(urls_for_a_server_inside),
		cmocka_unit_test(urls_for_other_servers),
		cmocka_unit_test(mistral),
		cmocka_unit_test(together_logprobs),
		cmocka_unit_test(xai_reasoning),
		cmocka_unit_test(numbers_keep_their_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
