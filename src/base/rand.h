#ifndef BASE_RAND_H
#define BASE_RAND_H
/*
 * Random numbers. rand_secret is the system's source. rand_u64 is a fast
 * generator per process, reseeded after fork by rand_init: for jitter, weights
 * and request ids, never for keys.
 */
#include <stddef.h>
#include <stdint.h>

/* Call first in every process, again after fork. */
void rand_init(void);
/* Tests only: the same sequence each time. */
void rand_init_fixed(uint64_t seed);

uint64_t rand_u64(void);
/* 0 <= result < bound; bound > 0. */
uint64_t rand_below(uint64_t bound);
/* 0.0 <= result < 1.0 */
double rand_unit(void);
/* n characters of [0-9A-Za-z] and a NUL: out has n + 1 bytes. */
void rand_id(char *out, size_t n);

void rand_secret(void *p, size_t n);

#endif
