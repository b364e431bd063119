#ifndef METER_MACHINE_H
#define METER_MACHINE_H
/*
 * The counters of the machinery (sys/stats.h) as Prometheus text, for all
 * workers of the host.
 */
#include "base/buf.h"
#include "sys/shm.h"

void machine_print(struct shm *shm, struct buf *out);

#endif
