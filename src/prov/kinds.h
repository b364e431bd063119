#ifndef PROV_KINDS_H
#define PROV_KINDS_H
/* The kinds, one line each; listed in kinds.c. Private to the room. */
#include "prov/prov.h"

#endif
