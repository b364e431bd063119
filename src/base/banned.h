#ifndef BASE_BANNED_H
#define BASE_BANNED_H
/*
 * Included before everything (-include): calls that have a safe twin here fail
 * to compile. System headers come first, since they may name them. So does
 * config.h, which decides what system headers declare.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#undef alloca /* a macro of <stdlib.h>: poison warns about those */

#pragma GCC poison strcat strncat sprintf vsprintf gets
#pragma GCC poison strtok strtok_r atoi atol atoll atof
#pragma GCC poison localtime ctime asctime alloca popen system
#pragma GCC poison srand srandom

/*
 * Words that headers of libraries use for members and parameters (libuv,
 * libsodium, OpenSSL) or in macros (MariaDB) cannot be poisoned. A call warns,
 * which --enable-werror makes an error.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#define BANNED(twin) __attribute__((deprecated("banned here: " twin)))
extern int rand(void) BANNED("use rand_u64");
extern long random(void) BANNED("use rand_u64");
extern char *strcpy(char *to, const char *from) BANNED("use str or buf");
extern char *
strncpy(char *to, const char *from, size_t n) BANNED("use str or buf");
#undef BANNED
#pragma GCC diagnostic pop

#endif
