#include "json_same.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
json_quoted(const char *z)
{
	char *copy = strdup(z);

	for (char *p = copy; p != NULL && *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	return copy;
}

static void
show(const char *what, json_t *v)
{
	char *text = v == NULL ? NULL : json_dumps(v, JSON_SORT_KEYS);

	fprintf(stderr, "%s %s\n", what, text == NULL ? "(no JSON)" : text);
	free(text);
}

bool
json_same(const char *got, size_t n, const char *want)
{
	char *text = json_quoted(want);
	json_error_t why;
	json_t *w =
	    json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	json_t *g;
	bool same;

	if (w == NULL)
		fprintf(stderr, "the expected text is wrong: %s\n", why.text);
	g = json_loadb(got, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (g == NULL)
		fprintf(stderr, "not JSON (%s): %.*s\n", why.text, (int)n, got);
	same = w != NULL && g != NULL && json_equal(w, g);
	if (!same) {
		show("want", w);
		show("got ", g);
	}
	json_decref(w);
	json_decref(g);
	free(text);
	return same;
}
