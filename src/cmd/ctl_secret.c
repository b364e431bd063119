/* llmgwctl secret: keys of providers, sealed in the database */
#include "cmd/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/secret.h"
#include "route/keys.h"
#include "store/secret.h"

#define NAME_MAX_BYTES 64

static const char *opt_provider = "";
static uint32_t opt_weight = 1;
static const char *opt_in = "0s";
static const char *opt_for;
static const char *opt_grace = "1h";

/* ---- what all of them need ------------------------------------------------ */

/* A change under way: what the transaction's function gets. */
struct work {
	struct ctl *c;
	struct conf *conf; /* has the master keys */
	struct store_masters masters;
	struct store_secret_new fresh;
	struct store_secret_row old;
	usec_t now, until;
	int64_t id;
	bool is_done;
	char plain[SEAL_PLAIN_MAX + 2];
	size_t plain_n;
};

static int
work_end(struct work *w, int status)
{
	conf_unref(w->conf);
	secret_wipe(w->plain, sizeof(w->plain));
	return status;
}

static int
take_masters(struct work *w)
{
	struct ctl *c = w->c;
	struct conf_problems problems;
	enum err e;

	conf_problems_init(&problems, c->arena);
	e = conf_secrets_read(c->config_file, &w->conf, &problems);
	if (e != ERR_OK) {
		conf_problems_print(&problems, stderr);
		return ctl_fail(c, "%s: %s", c->config_file, err_word(e));
	}
	w->masters = route_masters(w->conf);
	if (w->masters.n == 0)
		return ctl_fail(c,
		    "%s has no secrets.master_key; llmgwctl secret new-master "
		    "FILE makes one",
		    c->config_file);
	return CTL_OK;
}

/* A key for a provider that is not there is asked of nobody. */
static void
look_for_provider(struct ctl *c, struct str name)
{
	struct conf_problems problems;
	struct conf *conf = NULL;

	conf_problems_init(&problems, c->arena);
	if (name.n == 0 ||
	    conf_prices_read(c->config_file, &conf, &problems) != ERR_OK)
		return;
	for (uint32_t i = 0; i < conf->n_providers; i++) {
		if (!str_eq(conf->providers[i].name, name))
			continue;
		conf_unref(conf);
		return;
	}
	ctl_note(
	    c, "%s has no provider '%.*s' yet", c->config_file, STR_ARG(name));
	conf_unref(conf);
}

/* Letters, digits and . _ - */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char b = s.p[i];

		if (!((b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') ||
			(b >= '0' && b <= '9') || b == '.' || b == '_' ||
			b == '-'))
			return false;
	}
	return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

static int
take_duration(struct ctl *c, const char *option, const char *text, usec_t *out)
{
	if (num_parse_duration(str_z(text), out) == ERR_OK && *out >= 0)
		return CTL_OK;
	return ctl_fail(
	    c, "--%s must be a duration such as 30m, 12h or 7d", option);
}

/* A header's value: one line of visible characters. */
static bool
is_fine(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f)
			return false;
	return n > 0 && n <= SEAL_PLAIN_MAX;
}

/* From standard input alone: arguments are seen by all users of the host. */
static int
take_plain(struct work *w)
{
	ssize_t got = 0;

	if (isatty(STDIN_FILENO))
		(void)fprintf(stderr, "the provider's key: ");
	while (w->plain_n < sizeof(w->plain) &&
	       (got = read(STDIN_FILENO, w->plain + w->plain_n,
		    sizeof(w->plain) - w->plain_n)) > 0) {
		w->plain_n += (size_t)got;
		if (w->plain[w->plain_n - 1] == '\n')
			break;
	}
	while (w->plain_n > 0 && (w->plain[w->plain_n - 1] == '\n' ||
				     w->plain[w->plain_n - 1] == '\r'))
		w->plain_n--;
	if (got < 0 || !is_fine(w->plain, w->plain_n))
		return ctl_fail(w->c,
		    "a key of 1 to %u visible ASCII characters, without "
		    "blanks, is expected on standard input",
		    SEAL_PLAIN_MAX);
	w->fresh.plain = str_of(w->plain, w->plain_n);
	return CTL_OK;
}

static int
find(struct work *w)
{
	struct ctl *c = w->c;
	enum err e =
	    store_secret_find(c->store, ctl_operand(c, 0), c->arena, &w->old);

	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "there is no secret '%s'; llmgwctl secret list shows them",
		    c->operands[0]);
	return e == ERR_OK ? CTL_OK : ctl_store_fail(c, e);
}

static struct str
number(struct ctl *c, int64_t v)
{
	return arena_printf(c->arena, "%lld", (long long)v);
}

static struct str
time_text(struct ctl *c, usec_t wall)
{
	char iso[CLOCK_ISO_SIZE];

	if (wall == 0)
		return (struct str){ 0 };
	clock_iso(wall, iso);
	return arena_str(c->arena, str_z(iso));
}

static enum err
act(struct work *w, const char *action, struct str name, int64_t id)
{
	const struct ctl_pair pairs[] = { { "name", name },
		{ "provider", w->fresh.provider },
		{ "weight", w->fresh.weight > 0 ? number(w->c, w->fresh.weight)
						: (struct str){ 0 } },
		{ "not_before", time_text(w->c, w->fresh.not_before) },
		{ "not_after", time_text(w->c, w->until) }, { .name = NULL } };

	return ctl_act(w->c, action, "secret", id, 0, ctl_detail(w->c, pairs));
}

/* ---- add ----------------------------------------------------------------- */

static enum err
do_add(struct store *s, void *arg)
{
	struct work *w = arg;
	enum err e =
	    store_secret_add(s, &w->masters, &w->fresh, w->now, &w->id);

	if (e == ERR_DENIED) {
		(void)ctl_fail(w->c,
		    "there is a secret '%s' already; llmgwctl secret rotate "
		    "gives it another key",
		    w->c->operands[0]);
		return ERR_UNSUPPORTED;
	}
	return e == ERR_OK ? act(w, "secret.create", w->fresh.name, w->id) : e;
}

static int
take_new(struct work *w)
{
	struct ctl *c = w->c;
	usec_t in, length = 0;

	w->fresh.name = ctl_operand(c, 0);
	w->fresh.provider = str_z(opt_provider);
	w->fresh.weight = opt_weight;
	if (!is_name(w->fresh.name) ||
	    (opt_provider[0] && !is_name(w->fresh.provider)))
		return ctl_fail(c,
		    "a name has 1 to %d letters, digits and . _ -",
		    NAME_MAX_BYTES);
	if (take_duration(c, "in", opt_in, &in) != CTL_OK ||
	    (opt_for && take_duration(c, "for", opt_for, &length) != CTL_OK))
		return CTL_FAILED;
	if (opt_for && length == 0)
		return ctl_fail(
		    c, "--for: '%s' would be over at once", opt_for);
	w->fresh.not_before = in > 0 ? w->now + in : 0;
	w->until = w->fresh.not_after = opt_for ? w->now + in + length : 0;
	return CTL_OK;
}

static int
said(struct work *w, struct str name, const char *what)
{
	static const char *const columns[] = { "id", "name", NULL };
	struct ctl *c = w->c;

	ctl_record_begin(c, columns);
	ctl_put_int(c, w->id);
	ctl_put_text(c, name);
	return ctl_done(c, "secret %.*s: %s", STR_ARG(name), what);
}

static int
run_add(struct ctl *c)
{
	struct work w = { .c = c, .now = clock_wall() };
	int status = take_new(&w);

	if (status == CTL_OK)
		status = take_masters(&w);
	if (status == CTL_OK)
		status = take_plain(&w);
	if (status == CTL_OK)
		status = ctl_change(c, do_add, &w);
	if (status == CTL_OK)
		look_for_provider(c, w.fresh.provider);
	if (status == CTL_OK)
		status = said(&w, w.fresh.name,
		    "sealed; it can be used, but not be shown again");
	return work_end(&w, status);
}

/* ---- rotate, retire, remove ------------------------------------------------ */

static enum err
do_rotate(struct store *s, void *arg)
{
	struct work *w = arg;
	enum err e = store_secret_rotate(s, &w->masters, &w->old,
	    w->fresh.plain, w->fresh.not_before, w->until, w->now, &w->id);

	return e == ERR_OK ? act(w, "secret.rotate", w->old.name, w->id) : e;
}

static int
run_rotate(struct ctl *c)
{
	struct work w = { .c = c, .now = clock_wall() };
	usec_t in = 0, grace = 0;
	int status = find(&w);

	if (status == CTL_OK && !is_name(w.old.name))
		status = ctl_fail(c,
		    "'%s' was replaced already; rotate the one that took its "
		    "place",
		    c->operands[0]);
	if (status == CTL_OK)
		status = take_duration(c, "in", opt_in, &in);
	if (status == CTL_OK)
		status = take_duration(c, "grace", opt_grace, &grace);
	if (status == CTL_OK)
		status = take_masters(&w);
	if (status == CTL_OK)
		status = take_plain(&w);
	w.fresh.not_before = in > 0 ? w.now + in : 0;
	w.until = w.now + in + grace;
	if (status == CTL_OK)
		status = ctl_change(c, do_rotate, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name,
		    "rotated; the key before it is used beside the new one "
		    "until its time is over");
	return work_end(&w, status);
}

static enum err
do_retire(struct store *s, void *arg)
{
	struct work *w = arg;
	enum err e = store_secret_retire(s, w->old.id, w->until, w->now);

	return e == ERR_OK ? act(w, "secret.retire", w->old.name, w->old.id)
			   : e;
}

static int
run_retire(struct ctl *c)
{
	struct work w = { .c = c, .now = clock_wall() };
	usec_t in = 0;
	int status = find(&w);

	if (status == CTL_OK)
		status = take_duration(c, "in", opt_in, &in);
	w.until = w.now + in;
	w.id = w.old.id;
	if (status == CTL_OK)
		status = ctl_change(c, do_retire, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name, "its time has an end now");
	return work_end(&w, status);
}

/* Workers read all secrets anew, which has what is out tried (route/keys.h). */
static enum err
do_enable(struct store *s, void *arg)
{
	struct work *w = arg;

	(void)s;
	return act(w, "secret.enable", w->old.name, w->old.id);
}

static int
run_enable(struct ctl *c)
{
	struct work w = { .c = c, .now = clock_wall() };
	int status = find(&w);

	if (status == CTL_OK && w.old.not_after > 0 && w.now >= w.old.not_after)
		status = ctl_fail(c,
		    "the time of '%.*s' is over; llmgwctl secret rotate or "
		    "add brings a new key",
		    STR_ARG(w.old.name));
	w.id = w.old.id;
	if (status == CTL_OK)
		status = ctl_change(c, do_enable, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name,
		    "the next request that may use it tries it; llmgwctl "
		    "secret list shows when it was accepted");
	return work_end(&w, status);
}

static enum err
do_remove(struct store *s, void *arg)
{
	struct work *w = arg;
	enum err e = store_secret_remove(s, w->old.id);

	return e == ERR_OK ? act(w, "secret.remove", w->old.name, w->old.id)
			   : e;
}

static int
run_remove(struct ctl *c)
{
	struct work w = { .c = c, .now = clock_wall() };
	int status = find(&w);

	w.id = w.old.id;
	if (status == CTL_OK)
		status = ctl_change(c, do_remove, &w);
	if (status == CTL_OK)
		status = said(&w, w.old.name, "removed");
	return work_end(&w, status);
}

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

/* ---- the master key ------------------------------------------------------ */

static enum err
do_reseal(struct store *s, void *arg)
{
	struct work *w = arg;
	enum err e =
	    store_secret_reseal(s, &w->masters, w->old.id, w->now, &w->is_done);

	if (e != ERR_OK || w->is_done)
		return e;
	return act(w, "secret.reseal", w->old.name, w->old.id);
}

struct tally {
	int64_t resealed, done, closed;
};

/* One row, one transaction: who breaks off in between begins again. */
static int
reseal(struct work *w, const struct store_secret_row *row, struct tally *t)
{
	enum err e;

	w->old = *row;
	e = store_atomically(w->c->store, do_reseal, w);
	switch (e) {
	case ERR_OK:
		*(w->is_done ? &t->done : &t->resealed) += 1;
		return CTL_OK;
	case ERR_NOT_FOUND:
	case ERR_SYNTAX:
		t->closed++;
		ctl_note(w->c, "no master key opens %.*s (sealed with %.*s)",
		    STR_ARG(row->name), STR_ARG(row->master_id));
		return CTL_OK;
	case ERR_DENIED:
		t->closed++;
		ctl_note(w->c,
		    "%.*s does not open: it was changed, or moved from "
		    "another row",
		    STR_ARG(row->name));
		return CTL_OK;
	default:
		return ctl_store_fail(w->c, e);
	}
}

static int
tell_tally(struct ctl *c, const struct tally *t)
{
	static const char *const columns[] = { "resealed", "done_before",
		"closed", NULL };

	if (t->closed > 0)
		return ctl_fail(c,
		    "%lld sealed anew, %lld were before; %lld could not be "
		    "opened: add the key that sealed them to "
		    "secrets.master_key_old, or remove them",
		    (long long)t->resealed, (long long)t->done,
		    (long long)t->closed);
	ctl_record_begin(c, columns);
	ctl_put_int(c, t->resealed);
	ctl_put_int(c, t->done);
	ctl_put_int(c, t->closed);
	return ctl_done(c,
	    "%lld sealed anew, %lld were before: the old master key is not "
	    "needed any more",
	    (long long)t->resealed, (long long)t->done);
}

static int
run_rotate_master(struct ctl *c)
{
	struct work w = { .c = c, .now = clock_wall() };
	struct store_secret_row *rows = NULL;
	struct tally tally = { 0 };
	uint32_t n = 0;
	int status = take_masters(&w);
	enum err e;

	if (status == CTL_OK) {
		e = store_secret_list(c->store, c->arena, &rows, &n);
		if (e != ERR_OK)
			status = ctl_store_fail(c, e);
	}
	for (uint32_t i = 0; i < n && status == CTL_OK; i++)
		status = reseal(&w, &rows[i], &tally);
	if (status == CTL_OK)
		status = tell_tally(c, &tally);
	return work_end(&w, status);
}

static int
write_master(struct ctl *c, int fd)
{
	unsigned char key[SEAL_KEY_BYTES];
	char text[2 * SEAL_KEY_BYTES + 1];
	bool is_written;

	rand_secret(key, sizeof(key));
	hash_hex(key, sizeof(key), text);
	text[sizeof(text) - 1] = '\n';
	is_written = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) &&
		     fsync(fd) == 0;
	secret_wipe(key, sizeof(key));
	secret_wipe(text, sizeof(text));
	if (close(fd) != 0 || !is_written)
		return ctl_fail(c, "%s: %s", c->operands[0], strerror(errno));
	return CTL_OK;
}

static int
run_new_master(struct ctl *c)
{
	static const char *const columns[] = { "file", NULL };
	const char *path = c->operands[0];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int status;

	if (fd < 0 && errno == EEXIST)
		return ctl_fail(c,
		    "%s is there already; what it sealed would be lost", path);
	if (fd < 0)
		return ctl_fail(c, "%s: %s", path, strerror(errno));
	status = write_master(c, fd);
	if (status != CTL_OK)
		return status;
	ctl_record_begin(c, columns);
	ctl_put_text(c, str_z(path));
	return ctl_done(c,
	    "%s made; let the gateway's user read it, name it in "
	    "secrets.master_key, and keep a copy in a safe place",
	    path);
}

/* ---- the rows ------------------------------------------------------------ */

#define IN_ROW                                                              \
	{                                                                   \
		"in", 0, OPT_TEXT, &opt_in, "DURATION",                     \
		    .help = "From when on: so long from now. Default: now." \
	}

static const struct opt_row add_options[] = {
	{ "provider", 0, OPT_TEXT, &opt_provider, "NAME",
	    .help = "A provider of the configuration whose keys it joins, "
		    "without being named there." },
	{ "weight", 0, OPT_NUMBER, &opt_weight, "N", .min = 0, .max = 1000000,
	    .help = "Its share of the requests; 0: only when all others are "
		    "out. Default: 1. Where the configuration names it, the "
		    "weight there counts." },
	IN_ROW,
	{ "for", 0, OPT_TEXT, &opt_for, "DURATION",
	    .help = "How long it is used. Default: for ever." },
	{ .name = NULL },
};

static const struct opt_row rotate_options[] = {
	IN_ROW,
	{ "grace", 0, OPT_TEXT, &opt_grace, "DURATION",
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
	    .run = run_enable },
	{ .group = "secret",
	    .verb = "remove",
	    .operands = "NAME",
	    .min = 1,
	    .max = 1,
	    .flags = CTL_STORE | CTL_CHANGES,
	    .help = "remove a sealed key from the database",
	    .run = run_remove },
	{ .group = "secret",
	    .verb = "new-master",
	    .operands = "FILE",
	    .min = 1,
	    .max = 1,
	    .help = "make a master key",
	    .more = "Writes 64 hexadecimal digits to a new FILE that only "
		    "its owner may read. Without this key, what it has sealed "
		    "is lost.",
	    .run = run_new_master },
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
	    .run = run_rotate_master },
	{ 0 },
};
