/* llmgwctl secret: keys of providers, sealed in the database */
#include "cmd/ctl_secret.h"

static struct ctl_secret_given given = {
	.provider = "",
	.weight = 1,
	.in = "0s",
	.grace = "1h",
};

/* ---- list ---------------------------------------------------------------- */

static const char *
state_of(const struct store_secret_row *row, usec_t now)
{
	if (row->out_since > 0 && now >= row->not_before &&
	    (row->not_after == 0 || now < row->not_after))
		return "refused";
	if (now < row->not_before)
		return "waiting";
	if (row->not_after > 0 && now >= row->not_after)
		return "over";
	return row->not_after > 0 ? "ending" : "valid";
}

static int
run_list(struct ctl *c)
{
	static const char *const columns[] = { "name", "provider", "weight",
		"state", "out_since", "out_why", "not_before", "not_after",
		"master_id", "created", "changed", NULL };
	struct store_secret_row *rows;
	uint32_t n;
	enum err e = store_secret_list(c->store, c->arena, &rows, &n);

	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	ctl_list_begin(c, columns);
	for (uint32_t i = 0; i < n; i++) {
		ctl_put_text(c, rows[i].name);
		ctl_put_text(c, rows[i].provider);
		ctl_put_int(c, rows[i].weight);
		ctl_put_text(c, str_z(state_of(&rows[i], clock_wall())));
		ctl_put_time(c, rows[i].out_since);
		ctl_put_text(c, rows[i].out_since > 0 ? rows[i].out_why
						      : (struct str){ 0 });
		ctl_put_time(c, rows[i].not_before);
		ctl_put_time(c, rows[i].not_after);
		ctl_put_text(c, rows[i].master_id);
		ctl_put_time(c, rows[i].created);
		ctl_put_time(c, rows[i].changed);
	}
	return ctl_list_end(c);
}

/* ---- changes ------------------------------------------------------------- */

static int
run_add(struct ctl *c)
{
	return ctl_secret_add(c, &given);
}

static int
run_rotate(struct ctl *c)
{
	return ctl_secret_rotate(c, &given);
}

static int
run_retire(struct ctl *c)
{
	return ctl_secret_retire(c, &given);
}

/* ---- the rows ------------------------------------------------------------ */

#define IN_ROW                                                              \
	{                                                                   \
		"in", 0, OPT_TEXT, &given.in, "DURATION",                   \
		    .help = "From when on: so long from now. Default: now." \
	}

static const struct opt_row add_options[] = {
	{ "provider", 0, OPT_TEXT, &given.provider, "NAME",
	    .help = "A provider of the configuration whose keys it joins, "
		    "without being named there." },
	{ "weight", 0, OPT_NUMBER, &given.weight, "N", .min = 0, .max = 1000000,
	    .help = "Its share of the requests; 0: only when all others are "
		    "out. Default: 1. Where the configuration names it, the "
		    "weight there counts." },
	IN_ROW,
	{ "for", 0, OPT_TEXT, &given.length, "DURATION",
	    .help = "How long it is used. Default: for ever." },
	{ .name = NULL },
};

static const struct opt_row rotate_options[] = {
	IN_ROW,
	{ "grace", 0, OPT_TEXT, &given.grace, "DURATION",
	    .help = "How long the key before it is used beside the new one. "
		    "Default: 1h." },
	{ .name = NULL },
};

static const struct opt_row retire_options[] = {
	IN_ROW,
	{ .name = NULL },
};

const struct ctl_command ctl_secret_commands[] = {
	{ .group = "secret",
	    .verb = "add",
	    .operands = "NAME",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .options = add_options,
	    .help = "seal a provider's key from standard input",
	    .more = "The key is sealed with secrets.master_key of the "
		    "configuration and kept in the database, from where no "
		    "command shows it again. The configuration names it "
		    "sealed:NAME. Workers use it within two seconds.",
	    .run = run_add },
	{ .group = "secret",
	    .verb = "list",
	    .operands = "",
	    .flags = CTL_STORE,
	    .help = "list the sealed keys",
	    .more = "NAME@NUMBER is a key that a rotation has replaced. "
		    "master_id tells which master key has sealed it. State: "
		    "waiting, valid, ending (its time has an end), over, or "
		    "refused: a provider answered 401, 402 or 403, or that "
		    "its quota is spent, out_since and out_why tell when and "
		    "which; it is left alone, tried again every "
		    "secrets.recheck, and is valid again when that provider "
		    "accepts it. llmgw-jobd writes this from what the workers "
		    "tell, so it is some tenths of a second late, and what "
		    "the last of several hosts told counts.",
	    .run = run_list },
	{ .group = "secret",
	    .verb = "rotate",
	    .operands = "NAME",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .options = rotate_options,
	    .help = "replace a key by the one on standard input",
	    .more = "For the time of --grace both are used: the key before it "
		    "becomes NAME@NUMBER and ends then.",
	    .run = run_rotate },
	{ .group = "secret",
	    .verb = "retire",
	    .operands = "NAME",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .options = retire_options,
	    .help = "use a key no longer, from now or later on",
	    .run = run_retire },
	{ .group = "secret",
	    .verb = "enable",
	    .operands = "NAME",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .help = "have a key that was refused tried again at once",
	    .more = "For when its bill is paid or its block is lifted, "
		    "instead of waiting for secrets.recheck. The list shows "
		    "it as refused until a request with it has succeeded.",
	    .run = ctl_secret_enable },
	{ .group = "secret",
	    .verb = "remove",
	    .operands = "NAME",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .help = "remove a sealed key from the database",
	    .run = ctl_secret_remove },
	{ .group = "secret",
	    .verb = "new-master",
	    .operands = "FILE",
	    .min = 1,
	    .max = 1,
	    .help = "make a master key",
	    .more = "Writes 64 hexadecimal digits to a new FILE that only "
		    "its owner may read. Without this key, what it has sealed "
		    "is lost.",
	    .run = ctl_secret_new_master },
	{ .group = "secret",
	    .verb = "rotate-master",
	    .operands = "",
	    .flags = CTL_STORE | CTL_CHANGES,
	    .help = "seal all keys with the present master key",
	    .more = "To change the master key: make a new one, name it in "
		    "secrets.master_key and the old one in the list "
		    "secrets.master_key_old, "
		    "reload the gateways, run this command, then take the old "
		    "one away. Requests go on meanwhile, since both keys open "
		    "what they sealed. Each key is a transaction of its own; "
		    "the command may be broken off and begun again.",
	    .run = ctl_secret_rotate_master },
	{ 0 },
};
