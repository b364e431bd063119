/* Tokens and key sets of strangers: whatever comes, nobody is let in. */
#include <string.h>

#include "fuzz.h"
#include "wire/jwt.h"

static const char set[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"2\",\"x\":"
    "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	struct jwt_expect x = { .issuer = STR("i"),
		.audience = STR("a"),
		.wall = 1000,
		.leeway = 1000 };
	static struct jwt_keys *keys;
	struct jwt_keys *other = NULL;
	struct jwt_claims c;
	struct arena *a;
	enum err e;

	if (!keys && jwt_keys_parse(str_z(set), &keys) != ERR_OK)
		return 0;
	a = arena_new(1 << 24);
	FUZZ_CHECK(jwt_verify(keys, text, &x, a, &c) != JWT_FINE);
	e = jwt_keys_parse(text, &other);
	FUZZ_CHECK((e == ERR_OK) == (other != NULL));
	if (other) {
		FUZZ_CHECK(jwt_keys_count(other) > 0);
		(void)!jwt_verify(other, text, &x, a, &c);
	}
	jwt_keys_free(other);
	arena_free(a);
	return 0;
}
