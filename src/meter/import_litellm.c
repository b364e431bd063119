/* {"MODEL": {"litellm_provider", "input_cost_per_token", ...}, ...} */
#include "meter/import_int.h"

#include "base/num.h"

static const struct import_name providers[] = {
	{ "text-completion-openai", "openai" },
	{ "azure_ai", "azure" },
	{ "azure_text", "azure" },
	{ "cohere_chat", "cohere" },
	{ "fireworks_ai", "fireworks" },
	{ "fireworks_ai-embedding-models", "fireworks" },
	{ "together_ai", "together" },
	{ "dashscope", "qwen" },
	{ NULL, NULL },
};

/* What stands before the suffix; the longer name of two comes first. */
static const struct {
	const char *key;
	enum price_part part;
} parts[] = {
	{ "input_cost_per_token", PRICE_INPUT },
	{ "output_cost_per_token", PRICE_OUTPUT },
	{ "cache_read_input_token_cost", PRICE_CACHED },
	{ "cache_creation_input_token_cost_above_1hr", PRICE_CACHE_WRITE_1H },
	{ "cache_creation_input_token_cost", PRICE_CACHE_WRITE },
	{ "output_cost_per_reasoning_token", PRICE_REASONING },
	{ "input_cost_per_audio_token", PRICE_AUDIO_IN },
	{ "output_cost_per_audio_token", PRICE_AUDIO_OUT },
	{ "input_cost_per_image_token", PRICE_IMAGE_IN },
	{ "output_cost_per_image_token", PRICE_IMAGE_OUT },
	{ "input_cost_per_request", PRICE_PER_REQUEST },
};

/* "", "_batches", "_above_200k_tokens"; _priority and _flex are not ours. */
static bool
is_suffix(struct str s, int64_t *above, bool *is_batch)
{
	const struct str head = STR("_above_"), tail = STR("k_tokens");
	int64_t n;

	*above = 0;
	*is_batch = str_eq(s, STR("_batches"));
	if (s.n == 0 || *is_batch)
		return true;
	if (!str_starts(s, head) || !str_ends(s, tail))
		return false;
	s = str_skip(s, head.n);
	if (s.n <= tail.n)
		return false;
	s.n -= tail.n;
	if (num_parse_i64(s, &n) != ERR_OK || n <= 0 || n > 1000000)
		return false;
	*above = n * 1000;
	return true;
}

static void
read_member(struct import *i, struct str key, json_ref v)
{
	for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
		struct str name = str_z(parts[k].key);
		int64_t above;
		bool is_batch;

		if (!str_starts(key, name))
			continue;
		if (is_suffix(str_skip(key, name.n), &above, &is_batch))
			import_price(i, parts[k].part, above, is_batch, v,
			    parts[k].part == PRICE_PER_REQUEST ? 9 : 12);
		return;
	}
}

/* "groq/llama-3.1-8b-instant" of groq is llama-3.1-8b-instant. */
static struct str
bare_name(struct str name, struct str provider)
{
	if (str_starts(name, provider) && name.n > provider.n &&
	    name.p[provider.n] == '/')
		return str_skip(name, provider.n + 1);
	return name;
}

enum err
import_litellm(struct import *i)
{
	const struct json *j = &i->json;

	if (json_type(j, 0) != JSON_T_OBJECT) {
		i->out->why = "must be an object of models";
		return ERR_SYNTAX;
	}
	json_each (j, 0, k) {
		json_ref v = json_value(j, k);
		struct str name = json_text(j, k, i->arena);
		struct str theirs =
		    json_text(j, json_get(j, v, "litellm_provider"), i->arena);

		import_begin(i, import_provider(providers, theirs), name);
		if (str_eq(name, STR("sample_spec")) || theirs.n == 0) {
			import_skip(i, METER_IMPORT_NOT_A_MODEL);
			continue;
		}
		json_each (j, v, m)
			read_member(i, json_inner(j, m), json_value(j, m));
		import_keep(i, bare_name(name, theirs));
		import_end(i);
	}
	return ERR_OK;
}
