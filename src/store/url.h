#ifndef STORE_URL_H
#define STORE_URL_H
/*
 * Where the database is: the url of store_open taken apart. Private to store.
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

enum store_tls {
	STORE_TLS_NONE, /* as the server and the network are trusted */
	STORE_TLS_REQUIRED, /* encrypted, or no connection */
	STORE_TLS_VERIFY /* and its certificate is the host's, by a CA */
};

struct store_url {
	struct arena *arena; /* all texts below */
	const char *path; /* sqlite, else NULL */
	const char *user;
	const char *host;
	const char *name;
	const char *socket; /* NULL: none; so for those below */
	const char *password_file;
	const char *ca_file; /* NULL with VERIFY: the system's */
	const char *cert_file; /* ours, for accounts that REQUIRE X509 */
	const char *key_file;
	enum store_tls tls;
	uint16_t port; /* 0: the product's own */
};

/* ERR_SYNTAX, ERR_LIMIT, ERR_NOMEM; why tells. *u is for store_url_fini. */
MUST_CHECK enum err
store_url_parse(struct store_url *u, struct str text, char why[STORE_WHY_SIZE]);
void store_url_fini(struct store_url *u);

#endif
