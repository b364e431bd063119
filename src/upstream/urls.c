#include "upstream/urls.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/fault.h"
#include "base/hash.h"

/* What curl_easy_perform allows in a CURLOPT_URL, neither more nor less. */
#define FLAGS (CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME)

static void
forget(struct urls_entry *e)
{
	curl_url_cleanup(e->parsed);
	free(e->text);
	*e = (struct urls_entry){ 0 };
}

static bool
learn(struct urls *u, struct urls_entry *e, struct str text)
{
	char *z = fault("upstream.urls") ? NULL : malloc(text.n + 1);
	CURLU *parsed = z ? curl_url() : NULL;

	if (!parsed) {
		free(z);
		return false;
	}
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	if (curl_url_set(parsed, CURLUPART_URL, z, FLAGS) != CURLUE_OK) {
		curl_url_cleanup(parsed);
		free(z);
		return false;
	}
	forget(e);
	*e = (struct urls_entry){
		.text = z, .n = text.n, .parsed = parsed, .id = ++u->last_id
	};
	return true;
}

struct urls_entry *
urls_take(struct urls *u, struct str text)
{
	struct urls_entry *e;

	if (text.n == 0 || text.n > URLS_BYTES_MAX ||
	    memchr(text.p, '\0', text.n))
		return NULL;
	e = &u->entry[hash_u64(text) % URLS_MAX];
	if (e->n != text.n || memcmp(e->text, text.p, text.n) != 0) {
		if (e->users > 0 || !learn(u, e, text))
			return NULL;
	}
	e->users++;
	return e;
}

void
urls_put(struct urls_entry *e)
{
	if (!e)
		return;
	ASSERT(e->users > 0);
	e->users--;
}

void
urls_fini(struct urls *u)
{
	for (int i = 0; i < URLS_MAX; i++) {
		ASSERT(u->entry[i].users == 0);
		forget(&u->entry[i]);
	}
}
