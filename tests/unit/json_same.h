#ifndef TESTS_JSON_SAME_H
#define TESTS_JSON_SAME_H
/* JSON texts compared as values, with Jansson (apart: its names clash). */
#include <stdbool.h>
#include <stddef.h>

/*
 * The texts are the same value. On a difference both are printed to stderr.
 * want may be written with ' for ".
 */
bool json_same(const char *got, size_t n, const char *want);
/* A copy with " for ', to be freed. */
char *json_quoted(const char *z);

#endif
