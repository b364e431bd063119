#include "base/fault.h"

#ifdef WITH_FAULTS
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

enum {
	POINTS_MAX = 128,
	NAME_MAX_BYTES = 48
};

enum when {
	NEVER,
	ONCE,
	FROM,
	CHANCE
};

struct point {
	char name[NAME_MAX_BYTES];
	enum when when;
	uint64_t n; /* the call, or the chance in percent */
	uint64_t calls;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct point points[POINTS_MAX];
static unsigned n_points;
static uint64_t dice = 88172645463325252;
static const char *count_path;
static bool paused;
static uint64_t struck;

/* A generator of its own: a fault run must not depend on other draws. */
static bool
happens(uint64_t percent)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice >> 11) % 100 < percent;
}

/* Found or added; NULL when the table is full. Called with the lock held. */
static struct point *
point_get(struct str name)
{
	struct point *p;

	for (unsigned i = 0; i < n_points; i++)
		if (str_eqz(name, points[i].name))
			return &points[i];
	if (n_points == POINTS_MAX || name.n >= NAME_MAX_BYTES || !name.n)
		return NULL;
	p = &points[n_points++];
	memset(p, 0, sizeof(*p));
	memcpy(p->name, name.p, name.n);
	return p;
}

bool
fault(const char *name)
{
	struct point *p;
	bool is_hit = false;

	pthread_mutex_lock(&lock);
	p = paused ? NULL : point_get(str_z(name));
	if (p) {
		p->calls++;
		is_hit = (p->when == ONCE && p->calls == p->n) ||
			 (p->when == FROM && p->calls >= p->n) ||
			 (p->when == CHANCE && happens(p->n));
		struck += is_hit;
	}
	pthread_mutex_unlock(&lock);
	return is_hit;
}

/* "arena.block:3+"; what cannot be read is reported, never passed over. */
static void
point_setup(struct str one)
{
	struct str name = str_cut(&one, ':');
	enum when when = ONCE;
	struct point *p;
	uint64_t n;

	if (one.n && (str_ends(one, STR("+")) || str_ends(one, STR("%")))) {
		when = str_ends(one, STR("+")) ? FROM : CHANCE;
		one.n--;
	}
	p = point_get(name);
	if (!p || num_parse_u64(one, &n) != ERR_OK) {
		fprintf(stderr, "fault: cannot read '%.*s'\n", STR_ARG(name));
		return;
	}
	p->when = when;
	p->n = n;
}

void
fault_setup(const char *spec)
{
	struct str rest = str_z(spec);

	pthread_mutex_lock(&lock);
	n_points = 0;
	struck = 0;
	dice = 88172645463325252;
	while (str_present(rest) && rest.n)
		point_setup(str_cut(&rest, ','));
	pthread_mutex_unlock(&lock);
}

bool
fault_pause(bool is_paused)
{
	bool before;

	pthread_mutex_lock(&lock);
	before = paused;
	paused = is_paused;
	pthread_mutex_unlock(&lock);
	return before;
}

uint64_t
fault_struck(void)
{
	uint64_t n;

	pthread_mutex_lock(&lock);
	n = struck;
	pthread_mutex_unlock(&lock);
	return n;
}

void
fault_kill(const char *name)
{
	if (fault(name))
		kill(getpid(), SIGKILL);
}

static void
count_write(void)
{
	FILE *f = fopen(count_path, "ae");

	if (!f)
		return;
	for (unsigned i = 0; i < n_points; i++)
		fprintf(f, "%s %llu\n", points[i].name,
		    (unsigned long long)points[i].calls);
	fclose(f);
}

void
fault_count_to(const char *path)
{
	if (path && !count_path)
		atexit(count_write);
	if (path)
		count_path = path;
}

#else

/* Without --enable-faults nothing is left of it (ISO C wants a line here). */
extern int fault_none;

#endif
