#ifndef PROV_KINDS_H
#define PROV_KINDS_H
/* The kinds, one line each; listed in kinds.c. Private to the room. */
#include "prov/prov.h"

extern const struct prov_kind prov_kind_anthropic;
extern const struct prov_kind prov_kind_azure;
extern const struct prov_kind prov_kind_compatible;
extern const struct prov_kind prov_kind_gemini;
extern const struct prov_kind prov_kind_openai;
/* The template: compiled and tested, not listed. */
extern const struct prov_kind prov_kind_skeleton;

#endif
