#include "gate/auth.h"

#include "base/hash.h"
#include "base/map.h"
#include "gate/token.h"

#define BEARER STR("bearer ")

/* The key as given, or absent. */
static struct str
given_key(const struct gate_credentials *cred)
{
	struct str key;

	if (str_case_starts(cred->authorization, BEARER)) {
		key = str_trim(str_skip(cred->authorization, BEARER.n));
		if (key.n > 0)
			return key;
	}
	key = str_trim(cred->x_api_key);
	return key.n > 0 ? key : str_trim(cred->api_key);
}

static const struct conf_key *
find_key(const struct conf *conf, struct str key)
{
	unsigned char hash[HASH_KEY_BYTES];
	const struct conf_key *found;

	if (map_count(conf->keys_by_hash) == 0)
		return NULL; /* all keys are the database's */
	hash_key(key, (struct str){ 0 }, hash);
	found = map_find(
	    conf->keys_by_hash, str_of((const char *)hash, sizeof(hash)));
	if (!found || !hash_equal(found->hash, hash, sizeof(hash)))
		return NULL;
	return found;
}

static struct str
web_server_identity(const struct conf *conf, const struct gate_credentials *c)
{
	switch (conf->identity_from) {
	case CONF_ID_REMOTE_USER:
		return c->remote_user;
	case CONF_ID_CLIENT_DN:
		if (str_eqz(c->client_verify, "SUCCESS"))
			return c->client_dn;
		break;
	case CONF_ID_NONE:
		break;
	}
	return (struct str){ 0 };
}

/* How long a client waits for a database that is away. */
#define AWAY_RETRY_AFTER (2 * USEC_PER_SEC)

/* The text for the client; only what he knows anyhow is told apart. */
static enum err
refuse(enum gate_refusal refusal, struct msg_fail *fail)
{
	switch (refusal) {
	case GATE_NO_CREDENTIAL:
		msg_fail_set(fail, MSG_FAIL_AUTHENTICATION,
		    "No API key came with the request. Send it as "
		    "\"Authorization: Bearer KEY\" or \"x-api-key: KEY\". "
		    "(Behind Apache, CGIPassAuth On is needed.)");
		break;
	case GATE_AWAY:
		msg_fail_set(fail, MSG_FAIL_STORE_AWAY,
		    "Your key cannot be checked now: the gateway's database "
		    "does not answer. Try again soon.");
		fail->retry_after = AWAY_RETRY_AFTER;
		break;
	case GATE_NEW:
		msg_fail_set(fail, MSG_FAIL_STORE_AWAY,
		    "You are new here, and your entry is not made yet. Try "
		    "again soon.");
		fail->retry_after = AWAY_RETRY_AFTER;
		break;
	case GATE_HOURS:
		msg_fail_set(fail, MSG_FAIL_PERMISSION,
		    "This key may not be used at this time.");
		break;
	case GATE_UNKNOWN:
	case GATE_FOREIGN:
	case GATE_BLOCKED:
	case GATE_EXPIRED:
	case GATE_NETWORK:
	case GATE_BROKEN:
	case GATE_BAD_TOKEN:
	case GATE_WELCOME:
	case GATE_REFUSAL__MAX:
		msg_fail_set(fail, MSG_FAIL_AUTHENTICATION,
		    "Incorrect API key provided. Use a key of this gateway, "
		    "not one of a provider.");
		break;
	}
	return ERR_DENIED;
}

enum err
gate_let_in(struct gate_person *person, enum gate_refusal *refusal,
    struct str address, struct gate_client *client, struct msg_fail *fail)
{
	const struct store_person *f;

	if (*refusal == GATE_WELCOME)
		*refusal = gate_person_check(person, address, clock_wall());
	if (*refusal != GATE_WELCOME) {
		gate_person_unref(person);
		return refuse(*refusal, fail);
	}
	f = &person->facts;
	*client = (struct gate_client){ .person = person,
		.tenant_id = f->tenant_id,
		.team_id = f->team_id,
		.user_id = f->user_id,
		.key_id = f->key_id,
		.is_user = f->key_id == 0,
		.name = person->name };
	return ERR_OK;
}

/* Known, known not to be, or ERR_AGAIN. */
static enum err
find(struct gate_directory *d, const struct gate_credentials *cred,
    struct gate_client *client, struct gate_verdict *v, struct msg_fail *fail)
{
	struct gate_person *person = NULL;

	v->refusal = gate_directory_find(d, &v->want, &person);
	if (v->refusal == GATE_AWAY)
		return ERR_AGAIN;
	return gate_let_in(person, &v->refusal, cred->address, client, fail);
}

/* Once it is known, its id is enough. */
static enum err
identify_by_token(const struct conf *conf, struct gate_directory *d,
    const struct jwt_keys *keys, struct str token,
    const struct gate_credentials *cred, struct gate_client *client,
    struct gate_verdict *v, struct msg_fail *fail)
{
	enum gate_refusal read;
	bool has_key;
	enum err e;

	gate_want_token(token, &v->want);
	e = find(d, cred, client, v, fail);
	if (e == ERR_OK)
		return e;
	read = gate_token_read(
	    &conf->jwt, keys, token, clock_wall(), &v->want, &has_key);
	/* Refused as remembered; the token was read to name him in the audit. */
	if (e != ERR_AGAIN)
		return e;
	v->refusal = read;
	v->wants_keys = !has_key;
	v->token = token;
	return v->refusal == GATE_WELCOME ? ERR_AGAIN
					  : refuse(v->refusal, fail);
}

static enum err
identify_by_key(const struct conf *conf, struct gate_directory *d,
    struct str key, const struct gate_credentials *cred,
    struct gate_client *client, struct gate_verdict *v, struct msg_fail *fail)
{
	const struct conf_key *found = find_key(conf, key);

	if (found) {
		*client = (struct gate_client){ .key = found,
			.name = found->name,
			.models = found->models,
			.n_models = found->n_models };
		return ERR_OK;
	}
	if (d && gate_directory_want_key(d, key, &v->want))
		return find(d, cred, client, v, fail);
	v->refusal = GATE_UNKNOWN;
	return refuse(v->refusal, fail);
}

/* A user of auth.tenant: he is in the database, or nobody. */
static enum err
identify_by_name(const struct conf *conf, struct gate_directory *d,
    struct str user, const struct gate_credentials *cred,
    struct gate_client *client, struct gate_verdict *v, struct msg_fail *fail)
{
	if (gate_want_user(conf->auth_tenant, user, &v->want))
		return find(d, cred, client, v, fail);
	v->refusal = GATE_UNKNOWN;
	return refuse(v->refusal, fail);
}

enum err
gate_identify(const struct conf *conf, struct gate_directory *directory,
    const struct jwt_keys *keys, const struct gate_credentials *cred,
    struct gate_client *client, struct gate_verdict *verdict,
    struct msg_fail *fail)
{
	struct str key = given_key(cred);
	struct str user = web_server_identity(conf, cred);

	verdict->refusal = GATE_WELCOME;
	verdict->wants_keys = false;
	if (directory && conf->jwt.issuer.n > 0 && jwt_is_token(key))
		return identify_by_token(
		    conf, directory, keys, key, cred, client, verdict, fail);
	/* Basic and Digest belong to the web server's own modules. */
	if (key.n > 0)
		return identify_by_key(
		    conf, directory, key, cred, client, verdict, fail);
	if (user.n > 0 && directory && conf->auth_tenant.n > 0)
		return identify_by_name(
		    conf, directory, user, cred, client, verdict, fail);
	if (user.n == 0 && !conf->anonymous) {
		verdict->refusal = GATE_NO_CREDENTIAL;
		return refuse(verdict->refusal, fail);
	}
	*client = (struct gate_client){
		.name = user.n > 0 ? user : STR("anonymous"),
		.is_user = user.n > 0,
		.models = conf->anonymous_models,
		.n_models = conf->n_anonymous_models,
	};
	return ERR_OK;
}

bool
gate_may_use(const struct gate_client *client, const struct conf_model *model)
{
	if (client->person)
		return gate_person_may_use(client->person, model);
	for (uint32_t i = 0; i < client->n_models; i++)
		if (str_glob(client->models[i], model->name))
			return true;
	return false;
}

void
gate_client_fini(struct gate_client *client)
{
	gate_person_unref(client->person);
	*client = (struct gate_client){ 0 };
}
