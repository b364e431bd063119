/* Keys of providers, and the master key that opens the sealed ones. */
#include "conf/values.h"

#include <errno.h>
#include <unistd.h>

#include "base/num.h"
#include "conf/file.h"
#include "conf/ref.h"

#define SEALED_NAME_MAX 64u
/* 64 hexadecimal digits and a line's end. */
#define MASTER_TEXT_MAX (2u * CONF_MASTER_KEY_BYTES + 2)

/* ---- references ---------------------------------------------------------- */

static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '_' ||
			c == '-'))
			return false;
	}
	return s.n > 0 && s.n <= SEALED_NAME_MAX;
}

static void
read_sealed(
    struct opt_run *run, const struct tree_node *node, struct conf_ref *out)
{
	struct str name = str_skip(node->text, 7);

	if (!is_name(name))
		opt_problem(run, node,
		    "sealed: must be followed by the name of a secret, of "
		    "letters, digits and . _ -");
	else if (run->conf->master_key == NULL)
		opt_problem(run, node,
		    "sealed: needs secrets.master_key, which opens it");
	else
		out->sealed = arena_str(run->arena, name);
}

void
value_read_provider_key(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct conf_ref *out = field;
	struct buf text;

	(void)row;
	if (str_starts(node->text, STR("sealed:"))) {
		read_sealed(run, node, out);
		return;
	}
	buf_init(&text, REF_MAX + 2);
	if (ref_resolve(run, node,
		", or seal it in the database with \"llmgwctl secret add\" "
		"and write sealed:NAME",
		&text)) {
		out->secret = secret_new(buf_str(&text));
		if (out->secret == NULL)
			opt_problem(run, node, "out of memory");
	}
	ref_wipe(&text);
}

void
value_read_short_key(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct conf_provider_key *k = field;

	value_read_provider_key(run, row, node, &k->key);
}

void
value_check_key_name(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	(void)row;
	(void)field;
	if (!is_name(node->text))
		opt_problem(run, node, "use letters, digits and . _ - only");
}

/* ---- the keys of one provider -------------------------------------------- */

/* "env:NAME" and "sealed:NAME" have one, of a file it is the last part. */
static struct str
name_of(struct opt_run *run, struct str reference, uint32_t index)
{
	struct str name = str_skip(reference, str_chr(reference, ':') + 1);

	if (str_starts(reference, STR("file:")))
		for (size_t at; (at = str_chr(name, '/')) < name.n;)
			name = str_skip(name, at + 1);
	if (!is_name(name))
		return arena_printf(run->arena, "key%u", index + 1);
	return arena_str(run->arena, name);
}

static struct str
reference_of(const struct tree_node *e)
{
	const struct tree_node *key = tree_find(e, "key");

	return tree_text(key != NULL ? key : e);
}

#define AGAIN                                               \
	"there is a key %.*s of this provider before: give" \
	" each of api_keys a \"name\""

static void
name_keys(
    struct opt_run *run, const struct tree_node *list, struct conf_provider *p)
{
	const struct tree_node *e = tree_first(list);

	for (uint32_t i = 0; i < p->n_keys && e != NULL; i++, e = e->next) {
		struct conf_provider_key *k = &p->keys[i];

		if (k->name.n == 0)
			k->name = name_of(run, reference_of(e), i);
		for (uint32_t j = 0; j < i; j++)
			if (str_eq(p->keys[j].name, k->name))
				opt_problem(run, e, AGAIN, STR_ARG(k->name));
	}
}

void
value_done_provider_keys(
    struct opt_run *run, const struct tree_node *node, struct conf_provider *p)
{
	const struct tree_node *one = tree_find(node, "api_key");
	struct conf_provider_key *all;

	name_keys(run, tree_find(node, "api_keys"), p);
	if (p->api_key.secret == NULL && !str_present(p->api_key.sealed))
		return;
	all = arena_calloc(run->arena, p->n_keys + 1, sizeof(*all));
	if (all == NULL)
		return;
	all[0] = (struct conf_provider_key){
		.name = name_of(run, tree_text(one), 0),
		.key = p->api_key,
		.weight = 1,
	};
	for (uint32_t i = 0; i < p->n_keys; i++) {
		all[i + 1] = p->keys[i];
		if (str_eq(all[0].name, all[i + 1].name))
			opt_problem(run, one, AGAIN, STR_ARG(all[0].name));
	}
	p->keys = all;
	p->n_keys++;
	p->api_key = (struct conf_ref){ 0 };
}

/* ---- the master key ------------------------------------------------------ */

static bool
from_hex(struct str text, unsigned char out[CONF_MASTER_KEY_BYTES])
{
	uint64_t v;

	if (text.n != (size_t)2 * CONF_MASTER_KEY_BYTES)
		return false;
	for (size_t i = 0; i < CONF_MASTER_KEY_BYTES; i++) {
		if (num_parse_hex_u64(str_of(text.p + 2 * i, 2), &v) != ERR_OK)
			return false;
		out[i] = (unsigned char)v;
	}
	return true;
}

/* 32 bytes as they are, or in hexadecimal digits with or without a newline. */
static struct secret *
make_master(struct str text)
{
	unsigned char key[CONF_MASTER_KEY_BYTES];
	struct secret *s;

	if (text.n == CONF_MASTER_KEY_BYTES)
		return secret_new(text);
	if (!from_hex(str_trim(text), key))
		return NULL;
	s = secret_new(str_of((const char *)key, sizeof(key)));
	secret_wipe(key, sizeof(key));
	return s;
}

/* A file that others may read would open all that is sealed. */
static bool
read_master(struct opt_run *run, const struct tree_node *node, const char *path,
    struct buf *out)
{
	struct stat st;
	enum err e = conf_file_read(path, out, &st);

	if (e != ERR_OK) {
		opt_problem(run, node, "the file %s cannot be read: %s", path,
		    conf_file_why(e, errno));
		return false;
	}
	if (st.st_mode & (S_IROTH | S_IWOTH)) {
		opt_problem(run, node,
		    "every user of this host may read the master key in %s: "
		    "chmod o= %s",
		    path, path);
		return false;
	}
	return true;
}

static const char *
credential_path(
    struct opt_run *run, const struct tree_node *node, struct str name)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	if (!is_name(name)) {
		opt_problem(run, node,
		    "credential: must be followed by the name that "
		    "LoadCredential= gives it");
		return NULL;
	}
	if (folder == NULL) {
		opt_problem(run, node,
		    "CREDENTIALS_DIRECTORY is not set: systemd sets it for a "
		    "service with LoadCredential=%.*s:/PATH",
		    STR_ARG(name));
		return NULL;
	}
	return arena_strz(run->arena,
	    arena_printf(run->arena, "%s/%.*s", folder, STR_ARG(name)));
}

static const char *
master_path(struct opt_run *run, const struct tree_node *node)
{
	struct str text = node->text;

	if (str_starts(text, STR("credential:")))
		return credential_path(run, node, str_skip(text, 11));
	if (str_starts(text, STR("file:/")) && strlen(text.p) == text.n)
		return arena_strz(run->arena, str_skip(text, 5));
	/* Never repeated in the problem: it may be the key itself. */
	opt_problem(
	    run, node, "must be file:/PATH, or credential:NAME of systemd");
	return NULL;
}

void
value_read_master(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	const char *path = master_path(run, node);
	struct secret *s = NULL;
	struct buf text;

	(void)row;
	if (path == NULL)
		return;
	buf_init(&text, MASTER_TEXT_MAX);
	if (read_master(run, node, path, &text)) {
		s = make_master(buf_str(&text));
		if (s == NULL)
			opt_problem(run, node,
			    "%s must hold 32 bytes, or 64 hexadecimal digits: "
			    "\"llmgwctl secret new-master\" makes one",
			    path);
	}
	ref_wipe(&text);
	*(struct secret **)field = s;
}

void
value_read_short_master(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct conf_master_key *k = field;

	value_read_master(run, row, node, &k->secret);
}

void
value_done_secrets(
    struct opt_run *run, const struct tree_node *node, void *object)
{
	const struct conf *c = object;

	if (c->n_master_key_old > 0 && c->master_key == NULL)
		opt_problem(run, tree_find(node, "master_key_old"),
		    "needs a master_key that takes its place");
}
