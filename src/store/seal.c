#include "store/seal.h"

#define PLACE_MAX 512

static void
put_place(const struct store_seal_place *place, struct buf *out)
{
	buf_init(out, PLACE_MAX);
	buf_printf(out, "llmgw provider_secret 1\n%lld\n%.*s\n%.*s",
	    (long long)place->id, STR_ARG(place->family),
	    STR_ARG(place->provider));
}

enum err
store_seal(const struct store_masters *masters,
    const struct store_seal_place *place, struct str plain,
    char master_id[SEAL_ID_SIZE], struct buf *out)
{
	struct buf bound;
	enum err e;

	if (masters->n == 0)
		return ERR_UNSUPPORTED;
	put_place(place, &bound);
	seal_key_id(masters->key[0], master_id);
	e = bound.failed
		? ERR_NOMEM
		: seal_close(masters->key[0], buf_str(&bound), plain, out);
	buf_fini(&bound);
	return e;
}

enum err
store_unseal(const struct store_masters *masters,
    const struct store_seal_place *place, struct str master_id,
    struct str sealed, struct secret **out)
{
	struct buf bound;
	enum err e = ERR_NOT_FOUND;

	put_place(place, &bound);
	for (uint32_t i = 0; i < masters->n && e == ERR_NOT_FOUND; i++) {
		char id[SEAL_ID_SIZE];

		seal_key_id(masters->key[i], id);
		if (!str_eqz(master_id, id))
			continue;
		e = bound.failed ? ERR_NOMEM
				 : seal_open(masters->key[i], buf_str(&bound),
				       sealed, out);
	}
	buf_fini(&bound);
	return e;
}
