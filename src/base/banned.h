#ifndef BASE_BANNED_H
#define BASE_BANNED_H
/*
 * Included before everything (-include): calls that have a safe twin here fail
 * to compile. System headers come first, since they may name them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <signal.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets
#pragma GCC poison strtok strtok_r atoi atol atoll atof
#pragma GCC poison localtime ctime asctime alloca popen system
#pragma GCC poison rand srand random srandom

#endif
