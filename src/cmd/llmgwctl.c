/*
 * llmgwctl: the operator's command line. A command is a row of the table below.
 * Exit status: 0 all is well, 1 something is wrong (and was said), 2 the
 * command line itself is.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "config.h"

#include "base/buf.h"
#include "base/json_out.h"
#include "base/rand.h"
#include "base/secret.h"
#include "cmd/kinds.h"
#include "conf/conf.h"

#define EXIT_PROBLEMS 1
#define EXIT_USAGE 2
#define DEFAULT_FILE SYSCONFDIR "/llmgw/llmgw.yaml"

struct command {
	const char *group; /* first word */
	const char *verb; /* second word, or NULL */
	const char *args;
	const char *help;
	/* argc, argv: what follows the words. */
	int (*run)(int argc, char **argv);
};

static int usage(FILE *to);

/* Output that did not arrive is a failure, not a success. */
static int
flushed(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(
		    stderr, "llmgwctl: cannot write: %s\n", strerror(errno));
		return EXIT_PROBLEMS;
	}
	return status;
}

/* ---- check --------------------------------------------------------------- */

static void
print_json(const struct conf *c, const struct conf_problems *p)
{
	(void)printf("{\"ok\":%s", c != NULL ? "true" : "false");
	if (c != NULL)
		(void)printf(",\"providers\":%u,\"models\":%u,\"keys\":%u,"
			     "\"digest\":\"%s\"",
		    (unsigned)c->n_providers, (unsigned)c->n_models,
		    (unsigned)c->n_keys, c->digest);
	(void)printf(",\"problems\":");
	conf_problems_print_json(p, stdout);
	(void)printf("}\n");
}

static void
print_text(const struct conf *c, const struct conf_problems *p)
{
	conf_problems_print(p, stdout);
	if (c == NULL)
		return;
	(void)printf("OK: %u provider%s, %u model%s, %u key%s\n",
	    (unsigned)c->n_providers, c->n_providers == 1 ? "" : "s",
	    (unsigned)c->n_models, c->n_models == 1 ? "" : "s",
	    (unsigned)c->n_keys, c->n_keys == 1 ? "" : "s");
}

static int
run_check(int argc, char **argv)
{
	const char *file = DEFAULT_FILE;
	bool is_json = false;
	struct conf_problems problems;
	struct conf *c = NULL;
	struct arena *a;
	enum err e;

	if (argc > 0 && strcmp(argv[0], "--json") == 0) {
		is_json = true;
		argc--;
		argv++;
	}
	if (argc > 1 || (argc == 1 && argv[0][0] == '-'))
		return usage(stderr);
	if (argc == 1)
		file = argv[0];
	a = arena_new((size_t)4 * 1024 * 1024);
	if (a == NULL) {
		(void)fprintf(stderr, "llmgwctl: out of memory\n");
		return EXIT_PROBLEMS;
	}
	conf_problems_init(&problems, a);
	e = conf_load(file, &c, &problems);
	if (is_json)
		print_json(c, &problems);
	else
		print_text(c, &problems);
	conf_unref(c);
	arena_free(a);
	return flushed(e == ERR_OK ? 0 : EXIT_PROBLEMS);
}

/* ---- config -------------------------------------------------------------- */

static int
printed(int argc, enum err (*print)(FILE *to))
{
	enum err e;

	if (argc != 0)
		return usage(stderr);
	e = print(stdout);
	if (e != ERR_OK) {
		(void)fprintf(stderr, "llmgwctl: %s\n", err_word(e));
		return EXIT_PROBLEMS;
	}
	return flushed(0);
}

static int
run_config_schema(int argc, char **argv)
{
	(void)argv;
	return printed(argc, conf_schema_print);
}

static int
run_config_sample(int argc, char **argv)
{
	(void)argv;
	return printed(argc, conf_sample_print);
}

static int
run_config_man(int argc, char **argv)
{
	(void)argv;
	return printed(argc, conf_man_print);
}

/* ---- key ----------------------------------------------------------------- */

/* "llmgw_" 8 public "_" 43 random: 43 characters of base62 hold 256 bits. */
#define KEY_PREFIX "llmgw_"
#define KEY_PUBLIC 8
#define KEY_RANDOM 43
#define KEY_MAX 8192

static void
random_base62(char *out, size_t n)
{
	static const char digits[] = "0123456789"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	unsigned char byte;

	while (n > 0) {
		rand_secret(&byte, 1);
		/* 248 = 4 * 62: above it some digits would come more often. */
		if (byte >= 248)
			continue;
		*out++ = digits[byte % 62];
		n--;
	}
}

static void
print_hash(struct str key)
{
	unsigned char hash[HASH_KEY_BYTES];
	char hex[2 * HASH_KEY_BYTES + 1];

	hash_key(key, (struct str){ NULL, 0 }, hash);
	hash_hex(hash, sizeof(hash), hex);
	(void)printf("blake2b:%s\n", hex);
}

static int
run_key_new(int argc, char **argv)
{
	char key[sizeof(KEY_PREFIX) + KEY_PUBLIC + 1 + KEY_RANDOM];
	char *p = key;

	(void)argv;
	if (argc != 0)
		return usage(stderr);
	memcpy(p, KEY_PREFIX, sizeof(KEY_PREFIX) - 1);
	p += sizeof(KEY_PREFIX) - 1;
	random_base62(p, KEY_PUBLIC);
	p += KEY_PUBLIC;
	*p++ = '_';
	random_base62(p, KEY_RANDOM);
	p += KEY_RANDOM;
	*p = '\0';
	(void)printf("%s\n", key);
	print_hash(str_z(key));
	secret_wipe(key, sizeof(key));
	return flushed(0);
}

static int
run_key_hash(int argc, char **argv)
{
	char key[KEY_MAX + 2];
	struct str line;
	int status = 0;

	(void)argv;
	if (argc != 0) {
		(void)fprintf(stderr,
		    "llmgwctl: the key is read from standard input; arguments "
		    "are seen by all users of this host\n");
		return EXIT_USAGE;
	}
	if (isatty(STDIN_FILENO))
		(void)fprintf(stderr, "key: ");
	if (fgets(key, sizeof(key), stdin) == NULL)
		key[0] = '\0';
	line = str_trim(str_z(key));
	if (line.n == 0 || line.n > KEY_MAX) {
		(void)fprintf(stderr,
		    "llmgwctl: a key of 1 to %d bytes is expected on "
		    "standard input\n",
		    KEY_MAX);
		status = EXIT_PROBLEMS;
	} else {
		print_hash(line);
	}
	secret_wipe(key, sizeof(key));
	return flushed(status);
}

/* ---- the table ----------------------------------------------------------- */

static int
run_help(int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return usage(stderr);
	(void)usage(stdout);
	return flushed(0);
}

static int
run_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	(void)printf("llmgwctl %s\n", PACKAGE_VERSION);
	return flushed(0);
}

static const struct command commands[] = {
	{ "check", NULL, "[--json] [FILE]",
	    "tell everything that is wrong with a configuration", run_check },
	{ "config", "schema", "", "print its JSON schema", run_config_schema },
	{ "config", "sample", "", "print a commented sample of it",
	    run_config_sample },
	{ "config", "man", "", "print its options as a part of a manual page",
	    run_config_man },
	{ "key", "new", "", "make a client key: the key, then its hash",
	    run_key_new },
	{ "key", "hash", "", "print the hash of the key on standard input",
	    run_key_hash },
	{ "help", NULL, "", "print this", run_help },
	{ "version", NULL, "", "print the version", run_version },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int
usage(FILE *to)
{
	(void)fprintf(to, "usage:\n");
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		char words[64];

		(void)snprintf(words, sizeof(words), "%s%s%s%s%s", c->group,
		    c->verb != NULL ? " " : "", c->verb != NULL ? c->verb : "",
		    c->args[0] != '\0' ? " " : "", c->args);
		(void)fprintf(to, "  llmgwctl %-24s %s\n", words, c->help);
	}
	(void)fprintf(to, "\nFILE is %s when it is not given.\n", DEFAULT_FILE);
	return EXIT_USAGE;
}

static const struct command *
find(int argc, char **argv)
{
	const char *group = argc > 1 ? argv[1] : "";

	if (strcmp(group, "--help") == 0 || strcmp(group, "-h") == 0)
		group = "help";
	if (strcmp(group, "--version") == 0)
		group = "version";
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(group, commands[i].group) != 0)
			continue;
		if (commands[i].verb == NULL ||
		    (argc > 2 && strcmp(argv[2], commands[i].verb) == 0))
			return &commands[i];
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	const struct command *c = find(argc, argv);
	int words;

	if (c == NULL)
		return usage(stderr);
	words = c->verb != NULL ? 3 : 2;
	kinds_install();
	return c->run(argc - words, argv + words);
}
