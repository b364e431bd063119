/*
 * [{"id", "models": [{"id", "match": RULE, "prices": PRICES | [{"constraint",
 * "prices"}]}]}]; a price is a number or {"base", "tiers": [{"start",
 * "price"}]}.
 */
#include "meter/import_int.h"

#define MILLION 6 /* dollars a million -> pico-dollars a token */
#define THOUSAND_REQUESTS 6 /* dollars a thousand -> nano-dollars a request */
#define RULE_DEPTH_MAX 8

static const struct import_name providers[] = {
	{ "google", "gemini" },
	{ "x-ai", "xai" },
	{ "moonshotai", "moonshot" },
	{ "zhipuai", "zai" },
	{ NULL, NULL },
};

static const struct {
	const char *key;
	enum price_part part;
	int scale;
} parts[] = {
	{ "input_mtok", PRICE_INPUT, MILLION },
	{ "output_mtok", PRICE_OUTPUT, MILLION },
	{ "cache_read_mtok", PRICE_CACHED, MILLION },
	{ "cache_write_mtok", PRICE_CACHE_WRITE, MILLION },
	{ "input_audio_mtok", PRICE_AUDIO_IN, MILLION },
	{ "output_audio_mtok", PRICE_AUDIO_OUT, MILLION },
	{ "requests_kcount", PRICE_PER_REQUEST, THOUSAND_REQUESTS },
};

static void
read_prices(struct import *i, json_ref prices)
{
	const struct json *j = &i->json;

	for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
		json_ref v = json_get_set(j, prices, parts[k].key);

		if (json_type(j, v) != JSON_T_OBJECT) {
			import_price(
			    i, parts[k].part, 0, false, v, parts[k].scale);
			continue;
		}
		import_price(i, parts[k].part, 0, false, json_get(j, v, "base"),
		    parts[k].scale);
		json_each (j, json_get(j, v, "tiers"), t) {
			int64_t start =
			    json_i64_or(j, json_get(j, t, "start"), 0);

			if (start <= 0)
				import_skip(i, METER_IMPORT_BAD_NUMBER);
			import_price(i, parts[k].part, start, false,
			    json_get(j, t, "price"), parts[k].scale);
		}
	}
}

/* Of a list the last that holds today; those by time of day are left out. */
static json_ref
prices_today(struct import *i, json_ref prices)
{
	const struct json *j = &i->json;
	json_ref best = JSON_NONE;

	if (json_type(j, prices) != JSON_T_ARRAY)
		return prices;
	json_each (j, prices, e) {
		json_ref rule = json_get_set(j, e, "constraint");
		struct str from =
		    json_inner(j, json_get_set(j, rule, "start_date"));

		if (json_get(j, rule, "start_time") != JSON_NONE)
			import_note(i, METER_IMPORT_BY_TIME);
		else if (str_cmp(from, i->options->today) <= 0)
			best = json_get(j, e, "prices");
	}
	return best;
}

/* False: a rule that '*' cannot say. */
static bool
keep_rule(struct import *i, json_ref rule, unsigned depth)
{
	static const struct {
		const char *key, *before, *after;
	} forms[] = {
		{ "equals", "", "" },
		{ "starts_with", "", "*" },
		{ "ends_with", "*", "" },
		{ "contains", "*", "*" },
	};
	const struct json *j = &i->json;
	bool is_said = true;
	json_ref any = json_get(j, rule, "or");

	for (size_t k = 0; k < sizeof(forms) / sizeof(*forms); k++) {
		struct str text =
		    json_text(j, json_get(j, rule, forms[k].key), i->arena);

		if (!str_present(text))
			continue;
		import_keep(
		    i, arena_printf(i->arena, "%s%.*s%s", forms[k].before,
			   STR_ARG(text), forms[k].after));
		return true;
	}
	if (any == JSON_NONE || depth == RULE_DEPTH_MAX)
		return false;
	json_each (j, any, e)
		is_said = keep_rule(i, e, depth + 1) && is_said;
	return is_said;
}

static void
read_model(struct import *i, struct str provider, json_ref v)
{
	const struct json *j = &i->json;
	struct str id = json_text(j, json_get(j, v, "id"), i->arena);

	import_begin(i, provider, id);
	read_prices(i, prices_today(i, json_get(j, v, "prices")));
	if (!keep_rule(i, json_get(j, v, "match"), 0)) {
		import_note(i, METER_IMPORT_BY_RULE);
		import_keep(i, id);
	}
	import_end(i);
}

enum err
import_genai(struct import *i)
{
	const struct json *j = &i->json;

	if (json_type(j, 0) != JSON_T_ARRAY) {
		i->out->why = "must be a list of providers";
		return ERR_SYNTAX;
	}
	json_each (j, 0, p) {
		struct str provider = import_provider(
		    providers, json_text(j, json_get(j, p, "id"), i->arena));
		json_ref models = json_get(j, p, "models");

		if (provider.n == 0 || json_type(j, models) != JSON_T_ARRAY) {
			i->out->why = "has a provider without id or models";
			return ERR_SYNTAX;
		}
		json_each (j, models, m)
			read_model(i, provider, m);
	}
	return ERR_OK;
}
