#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H
/*
 * What a fuzz target sees: one function to define, and a way to say that an
 * answer is wrong. A target checks more than "does not crash": two ways to the
 * same answer must agree (cut and whole, ours and another's, there and back).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0. data is not NUL-terminated; size may be 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(x)                                                    \
	do {                                                             \
		if (!(x)) {                                              \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
			    __LINE__, #x);                               \
			abort();                                         \
		}                                                        \
	} while (0)

#endif
