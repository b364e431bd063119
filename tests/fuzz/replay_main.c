/*
 * The main of a fuzz target where there is no libFuzzer: runs the target over
 * every file given, and over every file of every folder given.
 *
 *	fz_X [-m N] FILE|FOLDER ...
 *
 * -m N: also N mutations of each file, always the same ones. That is no fuzzing
 * worth the name (nothing guides it), but it runs everywhere, in every suite.
 *
 * What makes the target fail is written to ./crash-fz_X before the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)4 << 20)
#define MUTANT_MAX ((size_t)64 << 10)

static struct {
	const char *program;
	const char *name; /* of the file being run */
	const uint8_t *data; /* the input being run */
	size_t size;
	unsigned long mutant; /* 0: the file itself */
	unsigned long files, inputs, mutants;
} now;

/* -- a failing input is kept --------------------------------------------- */

/* Only calls that a signal handler may make. */
static void
keep_input(void)
{
	static const char prefix[] = "crash-";
	char path[256], *end = path;
	size_t n = strlen(now.program);
	int fd;

	if (!now.data || n > sizeof(path) - sizeof(prefix))
		return;
	end = (char *)memcpy(path, prefix, sizeof(prefix) - 1);
	memcpy(end + sizeof(prefix) - 1, now.program, n + 1);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0) {
		(void)!write(fd, now.data, now.size);
		close(fd);
	}
	(void)!write(2, "input from ", 11);
	(void)!write(2, now.name, strlen(now.name));
	(void)!write(2, now.mutant ? " (mutated) kept as " : " kept as ",
	    now.mutant ? 19 : 9);
	(void)!write(2, path, strlen(path));
	(void)!write(2, "\n", 1);
}

static void
on_abort(int sig)
{
	(void)sig;
	keep_input();
	_exit(1);
}

/* There when a sanitizer is. */
void __sanitizer_set_death_callback(void (*f)(void)) __attribute__((weak));

/* -- running ------------------------------------------------------------- */

/* From a block of exactly its size, so that one byte too far is seen. */
static void
run_one(const uint8_t *data, size_t size)
{
	uint8_t *block = malloc(size ? size : 1);

	if (!block)
		abort();
	if (size)
		memcpy(block, data, size);
	now.data = block;
	now.size = size;
	if (LLVMFuzzerTestOneInput(block, size) != 0)
		abort();
	now.data = NULL;
	free(block);
	now.inputs++;
}

static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One change to m[0..*n), which has room for MUTANT_MAX. */
static void
change(uint8_t *m, size_t *n, uint64_t *rand)
{
	static const uint8_t special[] = { 0, 1, 0x7f, 0x80, 0xff, '\n', '\r',
		'"', '\\', '{', '}', '[', ']', ':', ',', '%', '/', ' ' };
	size_t at = *n ? next(rand) % *n : 0;
	size_t len = *n ? next(rand) % (*n - at) + 1 : 0;

	if (len > 64)
		len = len % 64 + 1;
	switch (next(rand) % 5) {
	case 0: /* a bit */
		if (*n)
			m[at] ^= (uint8_t)(1u << next(rand) % 8);
		break;
	case 1: /* a byte that matters somewhere */
		if (*n)
			m[at] = special[next(rand) % sizeof(special)];
		break;
	case 2: /* a run gone */
		memmove(m + at, m + at + len, *n - at - len);
		*n -= len;
		break;
	case 3: /* a run twice */
		if (*n + len <= MUTANT_MAX) {
			memmove(m + at + len, m + at, *n - at);
			*n += len;
		}
		break;
	default: /* cut short */
		*n = at;
		break;
	}
}

static void
run_mutants(const uint8_t *data, size_t size, unsigned long count)
{
	static uint8_t m[MUTANT_MAX];
	uint64_t rand = 0x2545f4914f6cdd1du ^ size;

	if (size > sizeof(m))
		return;
	for (now.mutant = 1; now.mutant <= count; now.mutant++) {
		size_t n = size, changes = next(&rand) % 4 + 1;

		memcpy(m, data, size);
		while (changes-- > 0)
			change(m, &n, &rand);
		run_one(m, n);
	}
	now.mutant = 0;
}

static bool
run_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	FILE *f = fopen(path, "rb");
	size_t n = f && data ? fread(data, 1, INPUT_MAX, f) : 0;
	bool ok = f && data && !ferror(f) && feof(f);

	if (f)
		fclose(f);
	if (ok) {
		now.name = path;
		now.files++;
		run_one(data, n);
		run_mutants(data, n, now.mutants);
	} else {
		fprintf(stderr, "%s: cannot be read, or is too large\n", path);
	}
	free(data);
	return ok;
}

static bool
run_path(const char *path, int depth)
{
	struct dirent **list = NULL;
	struct stat st;
	bool ok = true;
	char sub[4096];
	int n;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path);
	n = depth < 4 ? scandir(path, &list, NULL, alphasort) : -1;
	for (int i = 0; i < n; i++) {
		int len =
		    snprintf(sub, sizeof(sub), "%s/%s", path, list[i]->d_name);

		if (list[i]->d_name[0] != '.')
			ok = len > 0 && (size_t)len < sizeof(sub) &&
			     run_path(sub, depth + 1) && ok;
		free(list[i]);
	}
	free(list);
	return ok && n >= 0;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	int at = 1;
	int64_t n;
	bool ok = true;

	now.program = slash ? slash + 1 : argv[0];
	if (argc > 2 && strcmp(argv[1], "-m") == 0) {
		if (num_parse_i64(str_z(argv[2]), &n) != ERR_OK || n < 0)
			return 2;
		now.mutants = (unsigned long)n;
		at = 3;
	}
	signal(SIGABRT, on_abort);
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(keep_input);
	for (; at < argc; at++)
		ok = run_path(argv[at], 0) && ok;
	printf("%lu seeds, %lu inputs\n", now.files, now.inputs);
	return ok && now.files > 0 ? 0 : 1;
}
