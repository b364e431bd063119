/* Values of their own kind: clients' keys, addresses, names. */
#include "conf/values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "base/num.h"
#include "base/utf8.h"
#include "conf/ref.h"
#include "wire/url.h"

#define SHOWN 64u
#define KEY_SHORT 16u /* client keys below this are easily guessed */

static const struct conf_kind no_kinds[] = { { NULL, false } };
/* Set once by the mains before anything is loaded. */
static const struct conf_kind *kinds = no_kinds;

void
conf_kinds_set(const struct conf_kind *list)
{
	kinds = list;
}

/* As above. */
static bool (*vendor_is_known)(struct str vendor);

void
conf_vendors_set(bool (*is_known)(struct str vendor))
{
	vendor_is_known = is_known;
}

/* As above. */
static const char *(*price_as)(
    struct str kind, struct str vendor, struct str base_url);

void
conf_price_as_set(
    const char *(*of)(struct str kind, struct str vendor, struct str base_url))
{
	price_as = of;
}

struct str
value_price_as(const struct conf_provider *p)
{
	if (price_as != NULL)
		return str_z(price_as(p->kind, p->vendor, p->base_url));
	return p->vendor.n != 0 ? p->vendor : p->kind;
}

const struct conf_kind *
value_kinds(void)
{
	return kinds;
}

static bool
parse_hash(struct str hex, unsigned char out[HASH_KEY_BYTES])
{
	uint64_t v;

	if (hex.n != 2 * HASH_KEY_BYTES)
		return false;
	for (size_t i = 0; i < HASH_KEY_BYTES; i++) {
		if (num_parse_hex_u64(str_of(hex.p + 2 * i, 2), &v) != ERR_OK)
			return false;
		out[i] = (unsigned char)v;
	}
	return true;
}

void
value_read_key_hash(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct str text = node->text;
	struct buf key;

	(void)row;
	if (str_starts(text, STR("blake2b:"))) {
		if (!parse_hash(str_skip(text, 8), field)) {
			memset(field, 0, HASH_KEY_BYTES);
			opt_problem(run, node,
			    "blake2b: must be followed by 64 hexadecimal "
			    "digits, as \"llmgwctl key hash\" prints them");
		}
		return;
	}
	buf_init(&key, REF_MAX + 2);
	if (ref_resolve(run, node,
		", or write blake2b: and the hash that \"llmgwctl key hash\" "
		"prints",
		&key)) {
		if (key.n < KEY_SHORT)
			opt_warning(run, node,
			    "the key is short and easily guessed: \"llmgwctl "
			    "key new\" makes a good one");
		hash_key(buf_str(&key), (struct str){ NULL, 0 }, field);
	}
	ref_wipe(&key);
}

/* ---- names --------------------------------------------------------------- */

static bool
all_of(struct str s, const char *also)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') ||
			(c != '\0' && strchr(also, c) != NULL)))
			return false;
	}
	return true;
}

const char *
value_bad_provider_name(struct str name)
{
	if (name.n == 0 || name.n > 64)
		return "it must have 1 to 64 characters";
	if (!all_of(name, "._-"))
		return "use letters, digits and . _ - only";
	return NULL;
}

const char *
value_bad_model_name(struct str name)
{
	if (name.n == 0 || name.n > 128)
		return "it must have 1 to 128 characters";
	if (!all_of(name, "._-/:@+"))
		return "use letters, digits and . _ - / : @ + only";
	return NULL;
}

void
value_check_kind(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct opt_word words[64] = { { NULL, 0, NULL } };
	const char *near;
	char all[512];
	size_t n = 0;

	(void)row;
	(void)field;
	for (; kinds[n].name != NULL && n < 63; n++) {
		if (str_eqz(node->text, kinds[n].name))
			return;
		words[n].word = kinds[n].name;
	}
	words[n].word = NULL;
	near = opt_nearest_word(words, node->text);
	opt_words_text(words, all, sizeof(all));
	opt_problem(run, node, "must be %s, is \"%.*s\"%s%s%s", all,
	    STR_ARG(utf8_clip(node->text, SHOWN)),
	    near != NULL ? " (did you mean " : "", near != NULL ? near : "",
	    near != NULL ? "?)" : "");
}

void
value_check_vendor(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	(void)field;
	if (vendor_is_known != NULL && !vendor_is_known(node->text))
		opt_problem(run, node,
		    "nothing is known of a vendor \"%.*s\": leave it out",
		    STR_ARG(utf8_clip(node->text, SHOWN)));
}

/* ---- addresses ----------------------------------------------------------- */

void
value_check_base_url(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct url url;

	(void)row;
	(void)field;
	switch (url_parse(&url, run->arena, node->text)) {
	case ERR_OK:
	case ERR_NOMEM: /* the arena remembers */
		break;
	case ERR_DENIED:
		opt_problem(
		    run, node, "has a user or a password inside: use api_key");
		break;
	case ERR_UNSUPPORTED:
		opt_problem(run, node, "must begin with https:// (or http://)");
		break;
	default:
		opt_problem(
		    run, node, "must be an address such as https://host/v1");
		break;
	}
}

void
value_check_cidr(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct str rest = node->text;
	struct str host = str_cut(&rest, '/');
	unsigned char address[16];
	char z[64];
	uint64_t bits;
	uint64_t max;

	(void)row;
	(void)field;
	(void)snprintf(z, sizeof(z), "%.*s", STR_ARG(utf8_clip(host, 63)));
	max = inet_pton(AF_INET, z, address) == 1    ? 32
	      : inet_pton(AF_INET6, z, address) == 1 ? 128
						     : 0;
	if (max == 0 || host.n > 63 ||
	    (str_present(rest) &&
		(num_parse_u64(rest, &bits) != ERR_OK || bits > max)))
		opt_problem(run, node,
		    "must be a network such as 10.0.0.0/8 or ::1, is "
		    "\"%.*s\"",
		    STR_ARG(utf8_clip(node->text, SHOWN)));
}

/* Set by the gateway itself or about one connection only. */
static const char *const own_headers[] = { "host", "content-length",
	"content-type", "connection", "transfer-encoding", "te", "trailer",
	"upgrade", "keep-alive", "expect", "accept-encoding",
	"proxy-connection", NULL };
static const char *const key_headers[] = { "authorization", "x-api-key",
	"api-key", "x-goog-api-key", "proxy-authorization", "cookie", NULL };

static bool
is_one_of(struct str s, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (str_case_eq(s, str_z(*list)))
			return true;
	}
	return false;
}

void
value_check_header(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	(void)field;
	if (node->key.n == 0 || node->key.n > 128 ||
	    !all_of(node->key, "!#$%&'*+-.^_`|~"))
		opt_problem(run, node, "is not the name of a header");
	else if (is_one_of(node->key, own_headers))
		opt_problem(
		    run, node, "is set by the gateway itself: remove it");
	else if (is_one_of(node->key, key_headers))
		opt_problem(
		    run, node, "credentials do not belong here: use api_key");
}

void
value_check_abs_path(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	(void)field;
	if (node->text.n == 0 || node->text.p[0] != '/')
		opt_problem(run, node, "must be an absolute path");
}

void
value_read_path(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	if (node->text.n == 0 || node->text.p[0] != '/' ||
	    strlen(node->text.p) != node->text.n)
		opt_problem(run, node, "must be an absolute path");
	else
		*(const char **)field = arena_strz(run->arena, node->text);
}

void
value_check_readable(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	(void)field;
	/* A warning: who checks may be another user than who runs. */
	if (access(node->text.p, R_OK) != 0)
		opt_warning(run, node, "%.*s cannot be read: %s",
		    STR_ARG(utf8_clip(node->text, 256)), strerror(errno));
}

/*
 * A warning: what is not there now may be there when the gateway starts, and
 * a log is no reason not to serve.
 */
static void
warn_log_place(struct opt_run *run, const struct tree_node *node)
{
	struct str path = str_skip(node->text, 5);
	size_t n = path.n;
	char *folder;

	if (str_eqz(node->text, "syslog") && access("/dev/log", F_OK) != 0)
		opt_warning(
		    run, node, "no syslog daemon listens at /dev/log now");
	if (!str_starts(node->text, STR("file:/")))
		return;
	while (n > 1 && path.p[n - 1] != '/')
		n--;
	folder = arena_strz(run->arena, str_of(path.p, n));
	if (folder != NULL && access(folder, W_OK) != 0)
		opt_warning(run, node, "the folder %s cannot be written: %s",
		    folder, strerror(errno));
}

void
value_check_log_to(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct str text = node->text;

	(void)row;
	(void)field;
	if (!str_eqz(text, "stderr") && !str_eqz(text, "syslog") &&
	    !(str_starts(text, STR("file:/")) && text.n > 6))
		opt_problem(run, node,
		    "must be stderr, syslog or file:/PATH, is \"%.*s\"",
		    STR_ARG(utf8_clip(text, SHOWN)));
	else
		warn_log_place(run, node);
}

void
value_check_store(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct str rest = node->text, user;

	(void)row;
	(void)field;
	if (str_starts(rest, STR("sqlite://"))) {
		if (!str_starts(rest, STR("sqlite:///")) || rest.n == 10)
			opt_problem(run, node,
			    "must have an absolute path: sqlite:///PATH");
		return;
	}
	if (!str_starts(rest, STR("mariadb://"))) {
		opt_problem(
		    run, node, "must begin with sqlite:// or mariadb://");
		return;
	}
	rest = str_skip(rest, 10);
	user = str_cut(&rest, '@');
	if (user.n == 0 || !str_present(rest) || str_chr(rest, '/') == rest.n)
		opt_problem(run, node, "must be mariadb://USER@HOST/NAME");
	else if (str_chr(user, ':') != user.n)
		opt_problem(run, node,
		    "has a password inside: use ?password_file=/PATH");
}
