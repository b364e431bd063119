#include "jobs/replica.h"

#include <stdio.h>
#include <string.h>

#include "store/replica.h"

void
jobs_replica_end(struct jobs_replica *r)
{
	store_close(r->to);
	r->to = NULL;
}

static void
file_failed(struct jobs_replica *r, const char *why)
{
	snprintf(r->why, sizeof(r->why), "%s", why);
	jobs_replica_end(r);
	r->next = clock_mono() + JOBS_REPLICA_PAUSE;
}

enum err
jobs_replica_run(struct jobs_replica *r, struct store *from)
{
	char why[STORE_WHY_SIZE] = "";
	bool is_to = false;
	enum err e;

	if (!r->path[0] || clock_mono() < r->next ||
	    strcmp(store_product(from), "sqlite") == 0)
		return ERR_OK;
	r->next = clock_mono() + JOBS_REPLICA_EVERY;
	if (!r->to && store_replica_open(r->path, &r->to, why) != ERR_OK) {
		file_failed(r, why);
		return ERR_OK;
	}
	e = store_replica_update(from, r->to, clock_wall(), &is_to);
	if (e == ERR_OK) {
		r->why[0] = '\0';
	} else if (is_to) {
		file_failed(r, store_why(r->to));
		e = ERR_OK;
	}
	return e;
}
