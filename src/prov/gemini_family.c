/* What models of Google's can do, told from their names. */
#include "prov/gemini.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number behind "gemini-": 250 for "2.5", 300 for "3"; 0: none. */
static int
version(struct str name, struct str maker)
{
	size_t at = str_find(name, maker);
	struct str s;
	int v;

	if (at == SIZE_MAX)
		return 0;
	s = str_skip(name, at + maker.n);
	if (s.n == 0 || !is_digit(s.p[0]))
		return 0;
	v = (s.p[0] - '0') * 100;
	if (s.n >= 3 && s.p[1] == '.' && is_digit(s.p[2]))
		v += (s.p[2] - '0') * 10;
	return v;
}

struct gemini_family
gemini_family_find(struct str name)
{
	bool is_gemma = str_contains(name, STR("gemma"));
	int v = is_gemma ? 100 : version(name, STR("gemini-"));

	/*
	 * "gemini-flash-latest", a tuned model: new, but nothing is used that
	 * 2.5 has not.
	 */
	if (v == 0)
		v = 250;
	return (struct gemini_family){
		.version = v,
		.is_flash = str_contains(name, STR("flash")),
		.is_lite = str_contains(name, STR("lite")),
		.has_system = !is_gemma,
		.has_budget = v >= 250 && v < 300,
		.has_level = v >= 300,
		.has_json_schema = v >= 250,
		.has_tool_json_schema = v >= 300,
		.has_json_with_tools = v >= 300,
		.needs_signature = v >= 300,
		.has_call_id = v >= 300,
	};
}
