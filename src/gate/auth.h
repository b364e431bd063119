#ifndef GATE_AUTH_H
#define GATE_AUTH_H
/*
 * Who asks, and whether he may use an alias.
 *
 * Sources, the first that is there decides: Authorization: Bearer, x-api-key,
 * api-key (OpenAI's, Anthropic's and Azure's SDKs), then the identity that the
 * web server established (REMOTE_USER or SSL_CLIENT_S_DN, if configured), then
 * anonymous, if allowed. A key that is given and wrong is refused even where
 * anonymous is allowed: a typing error must not change who pays.
 *
 * A certificate's name counts only where the web server says SUCCESS beside it:
 * one that asks without verifying (Apache's optional_no_ca) tells the name that
 * anybody may write into a certificate of his own.
 *
 * A key may be one of the file or, where there is a database, one of its own;
 * those of the file come first. With auth.tenant the web server's user is one of
 * that tenant's, or refused. With auth.jwt a Bearer key that has the form of a
 * token is one (gate/token.h). What the database knows is asked of the directory
 * (gate/directory.h); who is not known there yet is ERR_AGAIN.
 *
 * REFUSED. An unknown, foreign, expired or blocked key, or one from the wrong
 * network, is the same 401 to whoever tries it; which of them it was, is the
 * log's and the audit's (enum gate_refusal). Who guesses learns nothing by the
 * time either: an unknown and a foreign key take the same statements (by the
 * whole hash, then by the name) and are then remembered in the same way; the
 * others take more, but ask for the whole secret first. A key outside its hours is told so:
 * whoever is in the right network at the wrong time is no stranger.
 */
#include <stdbool.h>

#include "api/msg.h"
#include "base/str.h"
#include "conf/conf.h"
#include "gate/directory.h"
#include "gate/person.h"
#include "wire/jwt.h"

/* What the door knows of the client; absent spans where it knows nothing. */
struct gate_credentials {
	struct str authorization; /* the header's value */
	struct str x_api_key;
	struct str api_key;
	struct str remote_user; /* set by the web server only */
	struct str client_dn; /* set by the web server only */
	struct str client_verify; /* its SSL_CLIENT_VERIFY */
	struct str address; /* REMOTE_ADDR */
};

/*
 * Of the database (person) or of the configuration file (key, or globs alone);
 * the ids are 0 where there is none, all of them for the file's. The rest of
 * what the database says of him: person->facts.
 */
struct gate_client {
	const struct conf_key *key; /* NULL: not by a key of the file */
	struct gate_person *person; /* counted; NULL: not of the database */
	int64_t tenant_id, team_id, user_id, key_id;
	struct str name; /* for logs: key's name, user, DN, "anonymous" */
	bool is_user; /* name is who the web server says */
	/* globs over aliases, borrowed from the snapshot; not with person */
	const struct str *models;
	uint32_t n_models;
};

/* What came of the credentials. */
struct gate_verdict {
	enum gate_refusal refusal; /* GATE_WELCOME with ERR_OK */
	struct gate_want want; /* ERR_AGAIN: who is to be looked up */
	/* A token's key is not in the key set: perhaps in a newer one. */
	bool wants_keys;
	struct str token; /* where wants_keys; of the credentials */
};

/*
 * directory: NULL without a database. keys: of auth.jwt, NULL when they are
 * not there. ERR_OK and *client, ERR_DENIED and *fail,
 * or ERR_AGAIN: gate_directory_look(verdict->want), then gate_let_in.
 * client->name may point into the credentials or the snapshot.
 */
MUST_CHECK enum err gate_identify(const struct conf *conf,
    struct gate_directory *directory, const struct jwt_keys *keys,
    const struct gate_credentials *cred, struct gate_client *client,
    struct gate_verdict *verdict, struct msg_fail *fail);
/*
 * What gate_directory_look said: ERR_OK and *client, or ERR_DENIED, *refusal
 * and *fail. Takes over the reference to person, which may be NULL.
 */
MUST_CHECK enum err
gate_let_in(struct gate_person *person, enum gate_refusal *refusal,
    struct str address, struct gate_client *client, struct msg_fail *fail);

bool
gate_may_use(const struct gate_client *client, const struct conf_model *model);
/* Gives back what the client holds. A zeroed one is allowed. */
void gate_client_fini(struct gate_client *client);

#endif
