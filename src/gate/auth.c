#include "gate/auth.h"

#include "base/hash.h"
#include "base/map.h"

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

static enum err
identify_by_key(const struct conf *conf, struct str key,
    struct gate_client *client, struct msg_fail *fail)
{
	const struct conf_key *found = find_key(conf, key);

	if (!found) {
		msg_fail_set(fail, MSG_FAIL_AUTHENTICATION,
		    "Incorrect API key provided. Use a key of this gateway, "
		    "not one of a provider.");
		return ERR_DENIED;
	}
	*client = (struct gate_client){ .key = found,
		.name = found->name,
		.models = found->models,
		.n_models = found->n_models };
	return ERR_OK;
}

enum err
gate_identify(const struct conf *conf, const struct gate_credentials *cred,
    struct gate_client *client, struct msg_fail *fail)
{
	struct str key = given_key(cred);
	struct str user = web_server_identity(conf, cred);

	/* Basic and Digest belong to the web server's own modules. */
	if (key.n > 0)
		return identify_by_key(conf, key, client, fail);
	if (user.n == 0 && !conf->anonymous) {
		msg_fail_set(fail, MSG_FAIL_AUTHENTICATION,
		    "No API key came with the request. Send it as "
		    "\"Authorization: Bearer KEY\" or \"x-api-key: KEY\". "
		    "(Behind Apache, CGIPassAuth On is needed.)");
		return ERR_DENIED;
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
