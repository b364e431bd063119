#include "conf/ref.h"

#include <errno.h>

#include "base/secret.h"
#include "conf/file.h"

static bool
is_env_name(struct str s)
{
	if (s.n == 0 || (s.p[0] >= '0' && s.p[0] <= '9'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

static bool
from_env(struct opt_run *run, const struct tree_node *node, struct str name,
    struct buf *out)
{
	const char *value;

	if (!is_env_name(name)) {
		opt_problem(run, node,
		    "env: must be followed by the name of an environment "
		    "variable");
		return false;
	}
	value = getenv(name.p); /* the end of a text that has its NUL */
	if (value == NULL) {
		opt_problem(run, node,
		    "the environment variable %.*s is not set", STR_ARG(name));
		return false;
	}
	buf_addz(out, value);
	return true;
}

static bool
from_file(struct opt_run *run, const struct tree_node *node, struct str path,
    struct buf *out)
{
	struct stat st;
	enum err e;

	if (path.n == 0 || path.p[0] != '/' || strlen(path.p) != path.n) {
		opt_problem(run, node,
		    "file: must be followed by an absolute path (file:/...)");
		return false;
	}
	e = conf_file_read(path.p, out, &st);
	if (e != ERR_OK) {
		opt_problem(run, node, "the file %.*s cannot be read: %s",
		    STR_ARG(path), conf_file_why(e, errno));
		return false;
	}
	if (st.st_mode & (S_IROTH | S_IWOTH))
		opt_warning(run, node,
		    "every user of this host may read the secret in %.*s: "
		    "chmod o= %.*s",
		    STR_ARG(path), STR_ARG(path));
	return true;
}

/* A secret goes into a header: one line of visible characters. */
static bool
is_fine(struct opt_run *run, const struct tree_node *node, struct buf *out)
{
	if (out->n > 0 && out->p[out->n - 1] == '\n')
		out->n--;
	if (out->n > 0 && out->p[out->n - 1] == '\r')
		out->n--;
	if (out->failed || out->n > REF_MAX) {
		opt_problem(run, node,
		    "what it leads to is longer than %u bytes", REF_MAX);
		return false;
	}
	if (out->n == 0) {
		opt_problem(run, node, "what it leads to is empty");
		return false;
	}
	for (size_t i = 0; i < out->n; i++) {
		unsigned char c = (unsigned char)out->p[i];

		if (c <= 0x20 || c >= 0x7f) {
			opt_problem(run, node,
			    "what it leads to has blanks, line breaks or "
			    "characters outside ASCII inside");
			return false;
		}
	}
	return true;
}

bool
ref_resolve(struct opt_run *run, const struct tree_node *node,
    const char *other, struct buf *out)
{
	struct str text = node->text;

	if (str_starts(text, STR("env:")))
		return from_env(run, node, str_skip(text, 4), out) &&
		       is_fine(run, node, out);
	if (str_starts(text, STR("file:")))
		return from_file(run, node, str_skip(text, 5), out) &&
		       is_fine(run, node, out);
	if (str_starts(text, STR("sealed:")))
		opt_problem(run, node,
		    "sealed: is for keys of providers: use env: or file:%s",
		    other);
	else
		/* Never repeated in the problem: it may be a secret. */
		opt_problem(run, node,
		    "a secret may not stand in the configuration: put it into "
		    "a file and write file:/PATH, or into the environment and "
		    "write env:NAME%s",
		    other);
	return false;
}

void
ref_wipe(struct buf *out)
{
	if (out->p != NULL)
		secret_wipe(out->p, out->cap);
	buf_fini(out);
}
