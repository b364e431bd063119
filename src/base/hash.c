#include "base/hash.h"

#include <pthread.h>
#include <sodium.h>

#include "base/err.h"

_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "64-bit hash");

static unsigned char table_key[crypto_shorthash_KEYBYTES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Never change it: ids made from hash_stable outlive a release. */
static const unsigned char stable_key[crypto_shorthash_KEYBYTES] = { 'l', 'l',
	'm', 'g', 'w', '.', 's', 't', 'a', 'b', 'l', 'e', '.', '1' };

static void
setup(void)
{
	ASSERT(sodium_init() >= 0);
	randombytes_buf(table_key, sizeof(table_key));
}

static uint64_t
siphash(struct str s, const unsigned char *key)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t h = 0;

	crypto_shorthash(
	    out, (const unsigned char *)(s.p ? s.p : ""), s.n, key);
	for (size_t i = 0; i < sizeof(out); i++)
		h |= (uint64_t)out[i] << (8 * i);
	return h;
}

uint64_t
hash_u64(struct str s)
{
	pthread_once(&once, setup);
	return siphash(s, table_key);
}

uint64_t
hash_stable(struct str s)
{
	return siphash(s, stable_key);
}

void
hash_key(struct str key, struct str pepper, unsigned char out[HASH_KEY_BYTES])
{
	ASSERT(pepper.n <= crypto_generichash_KEYBYTES_MAX);
	pthread_once(&once, setup);
	crypto_generichash(out, HASH_KEY_BYTES,
	    (const unsigned char *)(key.p ? key.p : ""), key.n,
	    pepper.n ? (const unsigned char *)pepper.p : NULL, pepper.n);
}

bool
hash_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void
hash_hex(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

void
hash_base62(struct str s, size_t n, char *out)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";
	uint64_t h = hash_stable(s);

	ASSERT(n <= 10);
	for (size_t i = 0; i < n; i++) {
		out[i] = digits[h % 62];
		h /= 62;
	}
	out[n] = '\0';
}
