#include "wire/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192, /* what a verification may cost */
	EXPONENT_BYTES_MAX = 4,
	P256_BYTES = 32,
	ED25519_BYTES = 32,
	ED25519_SIGNATURE = 64,
};

struct jwt_key {
	struct str kid; /* absent: it has none */
	enum jwt_algorithm algorithm;
	EVP_PKEY *pkey;
};

struct jwt_keys {
	struct arena *arena; /* of the kids */
	uint32_t n;
	struct jwt_key key[JWT_KEYS_MAX];
};

/* ---- reading ------------------------------------------------------------- */

/* A member in base64url; absent when it is none. */
static struct str
member(const struct json *j, json_ref v, const char *name, struct arena *a)
{
	struct str text = json_text(j, json_get(j, v, name), a), bytes;

	if (text.n == 0 || jwt_decode(text, a, &bytes) != ERR_OK)
		return (struct str){ 0 };
	return bytes;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
read_rsa(const struct json *j, json_ref v, struct arena *a)
{
	struct str n = member(j, v, "n", a), e = member(j, v, "e", a);
	BIGNUM *bn, *be;
	OSSL_PARAM_BLD *b;
	EVP_PKEY *pkey = NULL;

	if (n.n == 0 || n.n > RSA_BITS_MAX / 8 + 1 || e.n == 0 ||
	    e.n > EXPONENT_BYTES_MAX)
		return NULL;
	bn = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
	be = BN_bin2bn((const unsigned char *)e.p, (int)e.n, NULL);
	b = OSSL_PARAM_BLD_new();
	if (bn && be && b && BN_num_bits(bn) >= RSA_BITS_MIN &&
	    BN_num_bits(bn) <= RSA_BITS_MAX && BN_is_odd(be) &&
	    !BN_is_one(be) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be))
		pkey = from_params("RSA", b);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn);
	BN_free(be);
	return pkey;
}

static EVP_PKEY *
read_p256(const struct json *j, json_ref v, struct arena *a)
{
	struct str x = member(j, v, "x", a), y = member(j, v, "y", a);
	unsigned char point[1 + 2 * P256_BYTES] = {
		POINT_CONVERSION_UNCOMPRESSED
	};
	OSSL_PARAM_BLD *b;
	EVP_PKEY *pkey = NULL;

	if (!json_str_is(j, json_get(j, v, "crv"), "P-256") ||
	    x.n != P256_BYTES || y.n != P256_BYTES)
		return NULL;
	memcpy(point + 1, x.p, P256_BYTES);
	memcpy(point + 1 + P256_BYTES, y.p, P256_BYTES);
	b = OSSL_PARAM_BLD_new();
	if (b &&
	    OSSL_PARAM_BLD_push_utf8_string(
		b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(
		b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		pkey = from_params("EC", b); /* refuses what is off the curve */
	OSSL_PARAM_BLD_free(b);
	return pkey;
}

static EVP_PKEY *
read_ed25519(const struct json *j, json_ref v, struct arena *a)
{
	struct str x = member(j, v, "x", a);

	if (!json_str_is(j, json_get(j, v, "crv"), "Ed25519") ||
	    x.n != ED25519_BYTES)
		return NULL;
	return EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n);
}

static const struct {
	const char *kty, *alg;
	enum jwt_algorithm algorithm;
	EVP_PKEY *(*read)(const struct json *j, json_ref v, struct arena *a);
} sorts[] = {
	{ "RSA", "RS256", JWT_RS256, read_rsa },
	{ "EC", "ES256", JWT_ES256, read_p256 },
	{ "OKP", "EdDSA", JWT_EDDSA, read_ed25519 },
};

static void
read_key(
    struct jwt_keys *keys, const struct json *j, json_ref v, struct arena *a)
{
	json_ref alg = json_get_set(j, v, "alg");
	json_ref use = json_get_set(j, v, "use");
	struct jwt_key *k = &keys->key[keys->n];
	struct str kid = json_text(j, json_get(j, v, "kid"), a);

	if (use != JSON_NONE && !json_str_is(j, use, "sig"))
		return;
	for (size_t i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (!json_str_is(j, json_get(j, v, "kty"), sorts[i].kty) ||
		    (alg != JSON_NONE && !json_str_is(j, alg, sorts[i].alg)))
			continue;
		k->algorithm = sorts[i].algorithm;
		k->kid = str_present(kid) ? arena_str(keys->arena, kid) : kid;
		k->pkey = sorts[i].read(j, v, a);
		keys->n += k->pkey != NULL;
		return;
	}
}

static enum err
read_keys(struct jwt_keys *keys, struct str text, struct arena *a)
{
	json_ref list;
	struct json j;
	enum err e = json_scan(&j, a, text, NULL, NULL);

	if (e != ERR_OK)
		return e;
	list = json_get(&j, 0, "keys");
	if (json_type(&j, list) != JSON_T_ARRAY)
		return ERR_SYNTAX;
	if (json_count(&j, list) > JWT_KEYS_MAX)
		return ERR_LIMIT;
	json_each (&j, list, v)
		read_key(keys, &j, v, a);
	if (arena_failed(keys->arena) || arena_failed(a))
		return ERR_NOMEM;
	return keys->n > 0 ? ERR_OK : ERR_NOT_FOUND;
}

enum err
jwt_keys_parse(struct str json, struct jwt_keys **out)
{
	struct jwt_keys *keys;
	struct arena *a;
	enum err e = ERR_NOMEM;

	if (json.n > JWT_KEY_SET_BYTES_MAX)
		return ERR_LIMIT;
	keys = calloc(1, sizeof(*keys));
	a = arena_new(32 * JWT_KEY_SET_BYTES_MAX);
	if (keys)
		keys->arena = arena_new(JWT_KEY_SET_BYTES_MAX);
	if (a && keys && keys->arena)
		e = read_keys(keys, json, a);
	arena_free(a);
	if (e == ERR_OK)
		*out = keys;
	else
		jwt_keys_free(keys);
	return e;
}

void
jwt_keys_free(struct jwt_keys *k)
{
	if (!k)
		return;
	for (uint32_t i = 0; i < k->n; i++)
		EVP_PKEY_free(k->key[i].pkey);
	arena_free(k->arena);
	free(k);
}

uint32_t
jwt_keys_count(const struct jwt_keys *k)
{
	return k->n;
}

/* ---- asking -------------------------------------------------------------- */

const struct jwt_key *
jwt_key_find(const struct jwt_keys *keys, struct str kid)
{
	if (!str_present(kid))
		return keys->n == 1 ? &keys->key[0] : NULL;
	for (uint32_t i = 0; i < keys->n; i++)
		if (str_present(keys->key[i].kid) &&
		    str_eq(keys->key[i].kid, kid))
			return &keys->key[i];
	return NULL;
}

enum jwt_algorithm
jwt_key_algorithm(const struct jwt_key *k)
{
	return k->algorithm;
}

static bool
verify(const struct jwt_key *k, const EVP_MD *md, struct str text,
    const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx &&
		  EVP_DigestVerifyInit(ctx, NULL, md, NULL, k->pkey) == 1 &&
		  EVP_DigestVerify(ctx, signature, n,
		      (const unsigned char *)text.p, text.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* r and s side by side (RFC 7518, 3.4); OpenSSL wants them in DER. */
static bool
verify_es256(const struct jwt_key *k, struct str text, struct str signature)
{
	const unsigned char *p = (const unsigned char *)signature.p;
	unsigned char *der = NULL;
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	bool ok = false;
	int n;

	if (signature.n != 2 * P256_BYTES)
		return false;
	sig = ECDSA_SIG_new();
	r = BN_bin2bn(p, P256_BYTES, NULL);
	s = BN_bin2bn(p + P256_BYTES, P256_BYTES, NULL);
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		n = i2d_ECDSA_SIG(sig, &der);
		ok = n > 0 && verify(k, EVP_sha256(), text, der, (size_t)n);
		OPENSSL_free(der);
	}
	ECDSA_SIG_free(sig);
	return ok;
}

bool
jwt_key_verify(
    const struct jwt_key *k, struct str signed_text, struct str signature)
{
	const unsigned char *p = (const unsigned char *)signature.p;

	switch (k->algorithm) {
	case JWT_RS256:
		return verify(k, EVP_sha256(), signed_text, p, signature.n);
	case JWT_ES256:
		return verify_es256(k, signed_text, signature);
	case JWT_EDDSA:
		return signature.n == ED25519_SIGNATURE &&
		       verify(k, NULL, signed_text, p, signature.n);
	}
	return false;
}
