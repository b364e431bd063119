#ifndef UPSTREAM_URLS_H
#define UPSTREAM_URLS_H
/*
 * Addresses that libcurl has taken apart before. Providers have few, and they
 * stay: parsing one anew for each call, and printing it again, costs 15 000
 * instructions, a twentieth of a whole request. At most URLS_MAX are kept; two
 * that want one place take turns, and one that is in use keeps it.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define URLS_MAX 64
/* Longer ones are not kept. */
#define URLS_BYTES_MAX 1024

struct urls_entry {
	char *text;
	size_t n;
	CURLU *parsed;
	unsigned users;
	bool is_reused; /* the last answer came over a connection that stood */
	uint64_t id; /* > 0; no other entry had it or will have it */
};

/* Zeroed is empty. */
struct urls {
	struct urls_entry entry[URLS_MAX];
	uint64_t last_id;
};

/* NULL: not kept, or no URL. Else text (which ends with a NUL) and parsed are
 * valid, and not to be changed, until it is put back. */
struct urls_entry *urls_take(struct urls *u, struct str text);
/* NULL is allowed. */
void urls_put(struct urls_entry *e);
/* All must have been put back. */
void urls_fini(struct urls *u);

#endif
