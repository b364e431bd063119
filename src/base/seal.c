#include "base/seal.h"

#include <sodium.h>

#include "base/hash.h"
#include "base/rand.h"

#define FORM 1
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(
    SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SEAL_EXTRA == 1 + NONCE + TAG, "extra");

static const unsigned char *
bytes(struct str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

void
seal_key_id(struct str key, char out[SEAL_ID_SIZE])
{
	unsigned char hash[HASH_KEY_BYTES];

	ASSERT(key.n == SEAL_KEY_BYTES);
	/* Keyed with a name: no other hash of the key says the same. */
	hash_key(key, STR("llmgw.seal.key_id"), hash);
	hash_hex(hash, (SEAL_ID_SIZE - 1) / 2, out);
}

enum err
seal_close(struct str key, struct str bound, struct str plain, struct buf *out)
{
	unsigned char *p;

	ASSERT(key.n == SEAL_KEY_BYTES);
	if (plain.n > SEAL_PLAIN_MAX)
		return ERR_LIMIT;
	p = (unsigned char *)buf_room(out, plain.n + SEAL_EXTRA);
	if (!p)
		return ERR_NOMEM;
	p[0] = FORM;
	rand_secret(p + 1, NONCE);
	if (crypto_aead_xchacha20poly1305_ietf_encrypt(p + 1 + NONCE, NULL,
		bytes(plain), plain.n, bytes(bound), bound.n, NULL, p + 1,
		bytes(key)) != 0)
		return ERR_LIMIT;
	out->n += plain.n + SEAL_EXTRA;
	return ERR_OK;
}

enum err
seal_open(
    struct str key, struct str bound, struct str sealed, struct secret **out)
{
	unsigned char plain[SEAL_PLAIN_MAX];
	const unsigned char *p = bytes(sealed);
	unsigned long long n = 0;
	enum err e = ERR_DENIED;

	ASSERT(key.n == SEAL_KEY_BYTES);
	if (sealed.n < SEAL_EXTRA || sealed.n > SEAL_PLAIN_MAX + SEAL_EXTRA ||
	    p[0] != FORM)
		return ERR_SYNTAX;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &n, NULL,
		p + 1 + NONCE, sealed.n - 1 - NONCE, bytes(bound), bound.n,
		p + 1, bytes(key)) == 0) {
		struct secret *s =
		    secret_new(str_of((const char *)plain, (size_t)n));

		e = s ? ERR_OK : ERR_NOMEM;
		if (s)
			*out = s;
	}
	secret_wipe(plain, sizeof(plain));
	return e;
}
