/* llmgwctl key */
#include "cmd/ctl.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/rand.h"
#include "base/secret.h"

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

static int
run_new(struct ctl *c)
{
	static const char *const columns[] = { "key", "hash", NULL };
	char key[sizeof(KEY_PREFIX) + KEY_PUBLIC + 1 + KEY_RANDOM];
	char *p = key;
	int status = CTL_OK;

	memcpy(p, KEY_PREFIX, sizeof(KEY_PREFIX) - 1);
	p += sizeof(KEY_PREFIX) - 1;
	random_base62(p, KEY_PUBLIC);
	p += KEY_PUBLIC;
	*p++ = '_';
	random_base62(p, KEY_RANDOM);
	p += KEY_RANDOM;
	*p = '\0';
	if (c->is_json) {
		ctl_record_begin(c, columns);
		ctl_put_text(c, str_z(key));
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

static int
run_hash(struct ctl *c)
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

const struct ctl_command ctl_key_commands[] = {
	{ .group = "key",
	    .verb = "new",
	    .operands = "",
	    .help = "make a key for the configuration file",
	    .more = "The first line is the key, the second its hash for "
		    "auth.keys. The key is kept nowhere.",
	    .run = run_new },
	/* An operand is accepted only to be told why not. */
	{ .group = "key",
	    .verb = "hash",
	    .operands = "",
	    .max = 1,
	    .help = "print the hash of the key on standard input",
	    .run = run_hash },
	{ 0 },
};
