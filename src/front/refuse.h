#ifndef FRONT_REFUSE_H
#define FRONT_REFUSE_H
/* Answers to variables that never reach flow. */
#include "base/buf.h"
#include "base/err.h"

/*
 * Appends head and body of the answer: 431 for ERR_LIMIT, 503 for ERR_NOMEM,
 * otherwise 400.
 */
void front_refuse(struct buf *out, enum err e);

#endif
