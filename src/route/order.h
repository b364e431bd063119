#ifndef ROUTE_ORDER_H
#define ROUTE_ORDER_H
/* The order in which a plan's targets are tried. */
#include "route/plan.h"

/*
 * Sorts plan->candidates (filled in the order of the file): usable before
 * open, warm before cooling, priority ascending, weight 0 last, then by strategy and
 * pressure (route/headroom.h). rotation: the alias's running number, for
 * round_robin.
 */
void route_order(struct route_plan *plan, uint64_t rotation, usec_t now);

#endif
