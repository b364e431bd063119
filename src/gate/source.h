#ifndef GATE_SOURCE_H
#define GATE_SOURCE_H
/* Where the directory's people come from: the database. */
#include "gate/directory.h"
#include "store/pool.h"

/* pool is borrowed. Each run takes one connection for its length. */
struct gate_source gate_source_store(struct store_pool *pool);

#endif
