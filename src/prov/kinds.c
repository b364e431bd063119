/*
 * The kinds of provider. A new one: a file made from skeleton.c, its
 * declaration in kinds.h, its row here.
 */
#include "prov/kinds.h"

#include <stddef.h>

const struct prov_kind *const prov_kinds[] = {
	&prov_kind_openai,
	&prov_kind_anthropic,
	&prov_kind_gemini,
	&prov_kind_azure,
	&prov_kind_compatible,
	NULL,
};

const struct prov_kind *
prov_kind_find(struct str name)
{
	for (size_t i = 0; prov_kinds[i] != NULL; i++) {
		if (str_eqz(name, prov_kinds[i]->name))
			return prov_kinds[i];
	}
	return NULL;
}
