#include "gate/want.h"

#include "gate/pepper.h"

_Static_assert(GATE_PEPPERS_MAX == 1 + STORE_PERSON_OLDER_MAX, "one each");

bool
gate_key_has_form(struct str key)
{
	return key.n == STORE_KEY_SIZE &&
	       str_starts(key, STR(STORE_KEY_PREFIX)) &&
	       key.p[sizeof(STORE_KEY_PREFIX) - 1 + STORE_KEY_PUBLIC] == '_';
}

bool
gate_want_key(
    const struct gate_pepper *pepper, struct str key, struct gate_want *out)
{
	if (!gate_key_has_form(key))
		return false;
	*out = (struct gate_want){ .sort = GATE_WANT_KEY };
	memcpy(out->public_part, key.p + sizeof(STORE_KEY_PREFIX) - 1,
	    STORE_KEY_PUBLIC);
	gate_pepper_hash(pepper, key, out->id);
	out->n_older = pepper->n_older;
	for (uint32_t i = 0; i < out->n_older; i++)
		gate_pepper_hash_old(pepper, i, key, out->older[i]);
	return true;
}

static bool
copy_name(char to[GATE_NAME_SIZE], struct str from)
{
	if (from.n == 0 || from.n >= GATE_NAME_SIZE ||
	    memchr(from.p, '\0', from.n))
		return false;
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
	return true;
}

bool
gate_want_user(struct str tenant, struct str user, struct gate_want *out)
{
	char text[2 * GATE_NAME_SIZE];

	*out = (struct gate_want){ .sort = GATE_WANT_USER };
	if (!copy_name(out->tenant, tenant) || !copy_name(out->user, user))
		return false;
	memcpy(text, tenant.p, tenant.n);
	text[tenant.n] = '\0';
	memcpy(text + tenant.n + 1, user.p, user.n);
	hash_key(str_of(text, tenant.n + 1 + user.n), STR("user"), out->id);
	return true;
}

void
gate_want_token(struct str token, struct gate_want *out)
{
	*out = (struct gate_want){ .sort = GATE_WANT_USER };
	hash_key(token, STR("token"), out->id);
}
