#include "store/url.h"

#include <stdio.h>

#include "base/num.h"
#include "wire/url.h"

#define ARENA_MAX ((size_t)64 * 1024)

static enum err
refuse(char why[STORE_WHY_SIZE], const char *text)
{
	(void)snprintf(why, STORE_WHY_SIZE, "the store's url %s", text);
	return ERR_SYNTAX;
}

static enum err
decode(struct store_url *u, struct str s, const char **out)
{
	struct str text;
	enum err e = url_decode(u->arena, s, &text);

	if (e != ERR_OK)
		return e;
	*out = arena_strz(u->arena, text);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err
parse_tls(struct store_url *u, struct str value, char why[STORE_WHY_SIZE])
{
	if (str_eqz(value, "verify"))
		u->tls = STORE_TLS_VERIFY;
	else if (str_eqz(value, "required"))
		u->tls = STORE_TLS_REQUIRED;
	else
		return refuse(why, "has a tls= that is not verify or required");
	return ERR_OK;
}

static enum err
parse_path(struct store_url *u, struct str name, struct str value,
    char why[STORE_WHY_SIZE])
{
	const struct {
		const char *name;
		const char **to;
	} known[] = {
		{ "socket", &u->socket },
		{ "password_file", &u->password_file },
		{ "ca_file", &u->ca_file },
		{ "cert_file", &u->cert_file },
		{ "key_file", &u->key_file },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eqz(name, known[i].name))
			break;
	if (i == sizeof(known) / sizeof(known[0]))
		return refuse(why,
		    "may have socket=, password_file=, ca_file=, cert_file=, "
		    "key_file= and tls= behind its '?'");
	if (value.n == 0 || value.p[0] != '/' ||
	    decode(u, value, known[i].to) != ERR_OK)
		return refuse(why, "needs absolute paths behind its '?'");
	return ERR_OK;
}

/* Who names a CA wants to be sure; half of that is a mistake. */
static enum err
check_tls(struct store_url *u, char why[STORE_WHY_SIZE])
{
	if (u->ca_file != NULL && u->tls == STORE_TLS_REQUIRED)
		return refuse(why, "has a ca_file, which means tls=verify");
	if ((u->cert_file == NULL) != (u->key_file == NULL))
		return refuse(why, "has one of cert_file and key_file");
	if (u->ca_file != NULL)
		u->tls = STORE_TLS_VERIFY;
	if (u->cert_file != NULL && u->tls == STORE_TLS_NONE)
		return refuse(why, "has a cert_file without ca_file or tls=");
	return ERR_OK;
}

static enum err
parse_query(struct store_url *u, struct str query, char why[STORE_WHY_SIZE])
{
	while (str_present(query)) {
		struct str value = str_cut(&query, '&');
		struct str name = str_cut(&value, '=');
		enum err e = str_eqz(name, "tls")
				 ? parse_tls(u, value, why)
				 : parse_path(u, name, value, why);

		if (e != ERR_OK)
			return e;
	}
	return check_tls(u, why);
}

static enum err
parse_host(struct store_url *u, struct str host, char why[STORE_WHY_SIZE])
{
	struct str port;
	int64_t number = 0;

	if (host.n > 0 && host.p[0] == '[') {
		host = str_skip(host, 1);
		port = host;
		host = str_cut(&port, ']');
		if (str_present(port) && port.n > 0 && port.p[0] != ':')
			return refuse(why, "has no good port");
		port = port.n > 0 ? str_skip(port, 1) : (struct str){ 0 };
	} else {
		port = host;
		host = str_cut(&port, ':');
	}
	if (str_present(port) && (num_parse_i64(port, &number) != ERR_OK ||
				     number < 1 || number > 65535))
		return refuse(why, "has no good port");
	u->port = (uint16_t)number;
	if (host.n == 0 || decode(u, host, &u->host) != ERR_OK)
		return refuse(why, "names no host");
	return ERR_OK;
}

static enum err
parse_mariadb(struct store_url *u, struct str rest, char why[STORE_WHY_SIZE])
{
	struct str host, user;
	enum err e;

	host = str_cut(&rest, '/');
	if (str_chr(host, '@') == host.n)
		return refuse(why, "names no user: mariadb://USER@HOST/NAME");
	user = str_cut(&host, '@');
	if (str_chr(user, ':') != user.n)
		return refuse(
		    why, "has a password inside: use ?password_file=/PATH");
	if (user.n == 0 || decode(u, user, &u->user) != ERR_OK)
		return refuse(why, "names no user: mariadb://USER@HOST/NAME");
	e = parse_host(u, host, why);
	if (e != ERR_OK)
		return e;
	host = str_cut(&rest, '?');
	if (host.n == 0 || host.n > 64 || decode(u, host, &u->name) != ERR_OK)
		return refuse(
		    why, "names no database: mariadb://USER@HOST/NAME");
	return parse_query(u, rest, why);
}

enum err
store_url_parse(struct store_url *u, struct str text, char why[STORE_WHY_SIZE])
{
	*u = (struct store_url){ .arena = arena_new(ARENA_MAX) };
	if (u->arena == NULL)
		return ERR_NOMEM;
	if (text.n > URL_MAX_BYTES) {
		(void)refuse(why, "is too long");
		return ERR_LIMIT;
	}
	if (str_starts(text, STR("mariadb://")))
		return parse_mariadb(u, str_skip(text, 10), why);
	if (!str_starts(text, STR("sqlite://")))
		return refuse(why, "must begin with sqlite:// or mariadb://");
	text = str_skip(text, 9);
	if (text.n < 2 || text.p[0] != '/' ||
	    decode(u, text, &u->path) != ERR_OK)
		return refuse(why, "needs an absolute path: sqlite:///PATH");
	return ERR_OK;
}

void
store_url_fini(struct store_url *u)
{
	arena_free(u->arena);
	*u = (struct store_url){ 0 };
}
