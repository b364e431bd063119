/* What changes of sealed keys begin and end with. */
#include "cmd/ctl_secret.h"

#include <unistd.h>

#include "base/secret.h"
#include "route/keys.h"

int
ctl_secret_end(struct ctl_secret_work *w, int status)
{
	conf_unref(w->conf);
	secret_wipe(w->plain, sizeof(w->plain));
	return status;
}

int
ctl_secret_take_masters(struct ctl_secret_work *w)
{
	struct ctl *c = w->c;
	struct conf_problems problems;
	enum err e;

	conf_problems_init(&problems, c->arena);
	e = conf_secrets_read(c->config_file, &w->conf, &problems);
	if (e != ERR_OK)
		return ctl_conf_fail(c, &problems, e);
	w->masters = route_masters(w->conf);
	if (w->masters.n == 0)
		return ctl_fail(c,
		    "%s has no secrets.master_key; llmgwctl secret new-master "
		    "FILE makes one",
		    c->config_file);
	return CTL_OK;
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

int
ctl_secret_take_plain(struct ctl_secret_work *w)
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

int
ctl_secret_find(struct ctl_secret_work *w)
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

enum err
ctl_secret_act(
    struct ctl_secret_work *w, const char *action, struct str name, int64_t id)
{
	const struct ctl_pair pairs[] = { { "name", name },
		{ "provider", w->fresh.provider },
		{ "weight", w->fresh.weight > 0 ? number(w->c, w->fresh.weight)
						: (struct str){ 0 } },
		{ "not_before", ctl_time_text(w->c, w->fresh.not_before) },
		{ "not_after", ctl_time_text(w->c, w->until) },
		{ .name = NULL } };

	return ctl_act(w->c, action, "secret", id, 0, ctl_detail(w->c, pairs));
}
