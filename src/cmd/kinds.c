#include "cmd/kinds.h"

#include "base/err.h"
#include "conf/conf.h"
#include "prov/prov.h"

#define KINDS_MAX 63

/* Filled once, before anything is loaded. */
static struct conf_kind list[KINDS_MAX + 1];

static int
by_name(const void *a, const void *b)
{
	const struct conf_kind *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
kinds_install(void)
{
	size_t n = 0;

	for (; prov_kinds[n] != NULL; n++) {
		ASSERT(n < KINDS_MAX);
		list[n].name = prov_kinds[n]->name;
		list[n].needs_base_url =
		    prov_kinds[n]->default_base_url == NULL;
	}
	qsort(list, n, sizeof(list[0]), by_name);
	list[n] = (struct conf_kind){ NULL, false };
	conf_kinds_set(list);
	conf_vendors_set(prov_vendor_known);
	conf_price_as_set(prov_price_as);
	conf_catalogue_default(PKGDATADIR "/prices.yaml");
}
