/* {"PROVIDER": {"models": {"MODEL": {"cost": {"input", ...}}}}, ...} */
#include "meter/import_int.h"

#define MILLION 6 /* dollars a million -> pico-dollars a token */

static const struct import_name providers[] = {
	{ "google", "gemini" },
	{ "togetherai", "together" },
	{ "fireworks-ai", "fireworks" },
	{ "moonshotai", "moonshot" },
	{ "alibaba", "qwen" },
	{ "zai", "zai" },
	{ NULL, NULL },
};

static const struct {
	const char *key;
	enum price_part part;
} parts[] = {
	{ "input", PRICE_INPUT },
	{ "output", PRICE_OUTPUT },
	{ "cache_read", PRICE_CACHED },
	{ "cache_write", PRICE_CACHE_WRITE },
	{ "reasoning", PRICE_REASONING },
	{ "input_audio", PRICE_AUDIO_IN },
	{ "output_audio", PRICE_AUDIO_OUT },
};

static void
read_cost(struct import *i, json_ref cost, int64_t above)
{
	const struct json *j = &i->json;

	for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++)
		import_price(i, parts[k].part, above, false,
		    json_get(j, cost, parts[k].key), MILLION);
}

static void
read_model(struct import *i, struct str provider, json_ref key, json_ref v)
{
	const struct json *j = &i->json;
	struct str name = json_text(j, key, i->arena);
	json_ref cost = json_get_set(j, v, "cost");

	import_begin(i, provider, name);
	if (json_type(j, v) != JSON_T_OBJECT)
		import_skip(i, METER_IMPORT_NOT_A_MODEL);
	read_cost(i, cost, 0);
	read_cost(i, json_get_set(j, cost, "context_over_200k"), 200000);
	import_keep(i, name);
	import_end(i);
}

enum err
import_models_dev(struct import *i)
{
	const struct json *j = &i->json;

	if (json_type(j, 0) != JSON_T_OBJECT) {
		i->out->why = "must be an object of providers";
		return ERR_SYNTAX;
	}
	json_each (j, 0, k) {
		json_ref models = json_get(j, json_value(j, k), "models");
		struct str provider =
		    import_provider(providers, json_text(j, k, i->arena));

		if (json_type(j, models) != JSON_T_OBJECT) {
			i->out->why = "has a provider without models";
			return ERR_SYNTAX;
		}
		json_each (j, models, m)
			read_model(i, provider, m, json_value(j, m));
	}
	return ERR_OK;
}
