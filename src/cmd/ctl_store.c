/* Where configuration and database are, and opening the latter. */
#include "cmd/ctl.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/json_out.h"
#include "cmd/ctl_int.h"
#include "cmd/store_env.h"
#include "store/act.h"
#include "store/store.h"

const char *
ctl_config_here(const struct ctl *c)
{
	const char *file = c->config_file;

	return strcmp(file, CTL_DEFAULT_FILE) == 0 && access(file, F_OK) != 0
		   ? NULL
		   : file;
}

int
ctl_conf_fail(struct ctl *c, const struct conf_problems *problems, enum err e)
{
	conf_problems_print(problems, stderr);
	if (e == ERR_SYNTAX)
		return ctl_fail(c, "%s is not in order", c->config_file);
	return ctl_fail(c, "%s: %s", c->config_file, err_word(e));
}

int
ctl_places(struct ctl *c)
{
	struct conf_places places;
	struct conf_problems problems;
	enum err e;

	conf_problems_init(&problems, c->arena);
	e = conf_places_read(ctl_config_here(c), c->arena, &places, &problems);
	if (e != ERR_OK)
		return ctl_conf_fail(c, &problems, e);
	c->state_dir = places.state_dir;
	c->must_say_why = places.audit_require_reason;
	c->store_url =
	    c->store_option != NULL ? str_z(c->store_option) : places.store_url;
	return CTL_OK;
}

static bool
is_change(const struct ctl_command *command)
{
	return (command->flags & CTL_CHANGES) != 0 &&
	       !(command->only_looks && command->only_looks());
}

int
ctl_store_open_as(
    struct ctl *c, struct store_options *options, const char *hint)
{
	char why[STORE_WHY_SIZE];
	enum err e;

	options->password = store_env_password();
	e = store_open(c->store_url, options, &c->store, why);
	secret_unref(options->password);
	options->password = NULL;
	if (e == ERR_OK)
		return CTL_OK;
	return ctl_fail(c, "%s%s", why, e == ERR_NOT_FOUND ? hint : "");
}

int
ctl_store_open(struct ctl *c)
{
	struct store_options options = { .timeout = 30 * USEC_PER_SEC };
	int status = ctl_places(c);

	if (status != CTL_OK)
		return status;
	if (c->must_say_why && is_change(c->command) &&
	    str_trim(c->reason).n == 0)
		return ctl_fail(c,
		    "say why: --reason is needed here (audit.require_reason)");
	return ctl_store_open_as(c, &options, "; llmgwctl db init makes it");
}

int
ctl_store_fail(struct ctl *c, enum err e)
{
	const char *why = c->store != NULL ? store_why(c->store) : "";

	if (e == ERR_NOMEM)
		return ctl_nomem(c);
	/* Accounts may one or the other: people and rules, or the ledger. */
	if (str_contains(str_z(why), STR("MariaDB 1142")) || /* a table */
	    str_contains(str_z(why), STR("MariaDB 1143"))) /* a column */
		return ctl_fail(c,
		    "%s; name an account that may with --store "
		    "mariadb://%s@... (roles.sql)",
		    why,
		    c->command->flags & CTL_GATEWAYS ? "llmgw"
						     : "llmgw_console");
	return ctl_fail(c, "the database: %s%s%s", err_word(e),
	    why[0] != '\0' ? ": " : "", why);
}

int
ctl_list_read(struct ctl *c, enum err e)
{
	return e == ERR_OK ? ctl_list_end(c) : ctl_store_fail(c, e);
}

int
ctl_change(struct ctl *c, enum err (*fn)(struct store *s, void *arg), void *arg)
{
	enum err e = store_atomically(c->store, fn, arg);

	if (e == ERR_OK)
		return CTL_OK;
	return e == ERR_UNSUPPORTED ? CTL_FAILED : ctl_store_fail(c, e);
}

enum err
ctl_act(struct ctl *c, const char *action, const char *sort, int64_t id,
    int64_t tenant_id, struct str detail)
{
	const struct store_act act = { .actor = c->actor, .reason = c->reason };
	char object[64];
	int n =
	    snprintf(object, sizeof(object), "%s:%lld", sort, (long long)id);

	return store_act_note(c->store, &act, action, str_of(object, (size_t)n),
	    tenant_id, detail, sort, id);
}

struct str
ctl_detail(struct ctl *c, const struct ctl_pair *pairs)
{
	struct str text = { 0 };
	struct json_out o;
	struct buf b;

	buf_init(&b, (size_t)256 * 1024);
	json_out_init(&o, &b);
	json_out_obj(&o);
	for (; pairs->name != NULL; pairs++)
		if (str_present(pairs->value))
			json_out_kv_str(&o, pairs->name, pairs->value);
	json_out_end(&o);
	if (!b.failed)
		text = arena_str(c->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

struct str
ctl_time_text(struct ctl *c, usec_t wall)
{
	char iso[CLOCK_ISO_SIZE];

	if (wall <= 0)
		return (struct str){ 0 };
	clock_iso(wall, iso);
	return arena_str(c->arena, str_z(iso));
}
