/* What models of Anthropic's can do, told from their names. */
#include "prov/anthropic.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The next run of letters or of digits of *rest; absent at its end. */
static struct str
word_take(struct str *rest)
{
	size_t i = 0;
	size_t from;

	while (i < rest->n && !is_digit(rest->p[i]) &&
	       !((rest->p[i] | 32) >= 'a' && (rest->p[i] | 32) <= 'z'))
		i++;
	from = i;
	if (i == rest->n)
		return str_of(NULL, 0);
	while (i < rest->n && is_digit(rest->p[i]) == is_digit(rest->p[from]) &&
	       (is_digit(rest->p[i]) ||
		   ((rest->p[i] | 32) >= 'a' && (rest->p[i] | 32) <= 'z')))
		i++;
	*rest = str_skip(*rest, i);
	return str_of(rest->p - (i - from), i - from);
}

static int
small_number(struct str word)
{
	if (!str_present(word) || word.n > 2 || !is_digit(word.p[0]))
		return -1;
	return word.n == 1 ? word.p[0] - '0'
			   : (word.p[0] - '0') * 10 + (word.p[1] - '0');
}

/*
 * Version times 100: 305 for claude-3-5-sonnet, 407 for claude-opus-4-7, 400
 * for claude-sonnet-4-20250514. -1: not Claude; 0: Claude without a number.
 */
static int
version(struct str name)
{
	struct str rest = name;
	struct str w;
	int major = -1;
	int minor;

	do {
		w = word_take(&rest);
		if (!str_present(w))
			return -1;
	} while (!str_case_eq(w, STR("claude")));
	while (major < 0) {
		w = word_take(&rest);
		if (!str_present(w))
			return 0;
		major = small_number(w);
	}
	minor = small_number(word_take(&rest));
	return major * 100 + (minor < 0 ? 0 : minor);
}

struct anthropic_family
anthropic_family_find(struct str name)
{
	int v = version(name);

	if (v < 0) /* another maker's model behind this surface */
		return (struct anthropic_family){
			.has_thinking = true,
			.has_sampling = true,
			.max_tokens = 4096,
		};
	if (v == 0) /* a name without a number: a new one */
		v = 500;
	return (struct anthropic_family){
		.has_thinking = v >= 307,
		.is_adaptive = v >= 406,
		.has_xhigh = v >= 407,
		.has_sampling = v < 407,
		.one_of_temperature_top_p = v >= 401,
		.has_schema = v >= 405,
		.max_tokens = v >= 307	 ? 32000
			      : v >= 305 ? 8192
					 : 4096,
	};
}
