/* llmgwctl key: what is shown, and keys for the configuration file */
#include "cmd/ctl_key.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/secret.h"

#define KEY_MAX 8192

/* ---- showing ------------------------------------------------------------- */

const char *const ctl_key_columns[] = { "id", "tenant", "name", "team", "user",
	"public", "state", "expires", "created", NULL };

#define ALL                                                                   \
	"id", "tenant", "name", "team", "user", "public", "state", "expires", \
	    "created", "changed", "models", "networks", "hours", "pepper",    \
	    "former_of"

static const char *const record[] = { ALL, NULL };
static const char *const new_record[] = { ALL, "key", NULL };
static const char *const whole_record[] = { ALL, CTL_RIGHTS, NULL };

static struct str
state_of(const struct store_key *k)
{
	if (k->is_blocked)
		return STR("blocked");
	if (k->expires > 0 && k->expires <= clock_wall())
		return STR("expired");
	return k->replaced_by != 0 ? STR("former") : STR("active");
}

void
ctl_key_row(struct ctl *c, const struct store_key *k)
{
	ctl_put_int(c, k->id);
	ctl_put_text(c, k->tenant);
	ctl_put_text(c, k->name);
	ctl_put_text(c, k->team);
	ctl_put_text(c, k->user);
	ctl_put_text(c, k->public_part);
	ctl_put_text(c, state_of(k));
	ctl_put_time(c, k->expires);
	ctl_put_time(c, k->created);
}

static void
put_all(struct ctl *c, const struct store_key *k)
{
	ctl_key_row(c, k);
	ctl_put_time(c, k->changed);
	ctl_put_words(c, k->models);
	ctl_put_words(c, k->networks);
	ctl_put_text(c, k->hours);
	ctl_put_text(c, k->pepper_id);
	if (k->replaced_by != 0)
		ctl_put_int(c, k->replaced_by);
	else
		ctl_put_null(c);
}

void
ctl_key_record(struct ctl *c, const struct store_key *k, const char *text)
{
	ctl_record_begin(c, text != NULL ? new_record : record);
	put_all(c, k);
	if (text != NULL)
		ctl_put_secret(c, str_z(text));
}

void
ctl_key_show(
    struct ctl *c, const struct store_key *k, const struct store_person *p)
{
	ctl_record_begin(c, whole_record);
	put_all(c, k);
	ctl_put_rights(c, p);
}

/* ---- for the configuration file ------------------------------------------- */

static void
put_hash(struct ctl *c, struct str key)
{
	unsigned char hash[HASH_KEY_BYTES];
	char text[8 + 2 * HASH_KEY_BYTES + 1] = "blake2b:";

	hash_key(key, (struct str){ NULL, 0 }, hash);
	hash_hex(hash, sizeof(hash), text + 8);
	if (c->is_json)
		ctl_put_text(c, str_z(text));
	else
		(void)printf("%s\n", text);
}

int
ctl_key_new(struct ctl *c)
{
	static const char *const columns[] = { "key", "hash", NULL };
	char key[STORE_KEY_SIZE + 1];
	int status = CTL_OK;

	store_key_make(key);
	if (c->is_json) {
		ctl_record_begin(c, columns);
		ctl_put_secret(c, str_z(key));
		put_hash(c, str_z(key));
		status = ctl_record_end(c);
	} else {
		(void)printf("%s\n", key);
		put_hash(c, str_z(key));
	}
	secret_wipe(key, sizeof(key));
	return ctl_flushed(status);
}

static int
hash_line(struct ctl *c, struct str line)
{
	static const char *const columns[] = { "hash", NULL };

	if (line.n == 0 || line.n > KEY_MAX)
		return ctl_fail(c,
		    "a key of 1 to %d bytes is expected on standard input",
		    KEY_MAX);
	if (!c->is_json) {
		put_hash(c, line);
		return CTL_OK;
	}
	ctl_record_begin(c, columns);
	put_hash(c, line);
	return ctl_record_end(c);
}

int
ctl_key_hash(struct ctl *c)
{
	char key[KEY_MAX + 2];
	int status;

	if (c->n_operands != 0) {
		(void)fprintf(stderr,
		    "llmgwctl: the key is read from standard input; arguments "
		    "are seen by all users of this host\n");
		return CTL_USAGE;
	}
	if (isatty(STDIN_FILENO))
		(void)fprintf(stderr, "key: ");
	if (fgets(key, sizeof(key), stdin) == NULL)
		key[0] = '\0';
	status = hash_line(c, str_trim(str_z(key)));
	secret_wipe(key, sizeof(key));
	return ctl_flushed(status);
}
