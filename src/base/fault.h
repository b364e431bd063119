#ifndef BASE_FAULT_H
#define BASE_FAULT_H
/*
 * Fault points: if (fault("arena.block")) behave as if the world failed here.
 * Without --enable-faults it is the constant false and no code remains.
 *
 * LLMGW_FAULT="arena.block:3" fails the third call, ":3+" every call from the
 * third on, ":5%" each with that chance (seeded); several are joined by ','.
 * LLMGW_FAULT_COUNT=FILE writes "name calls" lines there at exit.
 *
 * A test's own machinery shares code with what it tests; while it works it
 * pauses the points, which then neither count nor fail.
 */
#include <stdbool.h>
#include <stdint.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#ifdef WITH_FAULTS
bool fault(const char *name);
/* Reads a specification as above; NULL clears. Called by the mains. */
void fault_setup(const char *spec);
/* The value of LLMGW_FAULT_COUNT; NULL is allowed. Lines are appended. */
void fault_count_to(const char *path);
/* Returns what was so before, to be put back. */
bool fault_pause(bool is_paused);
/* How many calls have failed since the last setup. */
uint64_t fault_struck(void);
/*
 * A point where the process may be killed as by kill -9, to see what is left:
 * "kill.sent:3". tests/fault/torture.py leaves points named kill.* alone.
 */
void fault_kill(const char *name);
#else
#define fault(name) (false)

static inline void
fault_setup(const char *spec)
{
	(void)spec;
}

static inline void
fault_count_to(const char *path)
{
	(void)path;
}

static inline bool
fault_pause(bool is_paused)
{
	return is_paused;
}

static inline uint64_t
fault_struck(void)
{
	return 0;
}

static inline void
fault_kill(const char *name)
{
	(void)name;
}
#endif

#endif
