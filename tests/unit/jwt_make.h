#ifndef TESTS_UNIT_JWT_MAKE_H
#define TESTS_UNIT_JWT_MAKE_H
/* Keys and tokens as an identity provider makes them, by OpenSSL itself. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "check.h"
#include "wire/b64.h"
#include "wire/jwt.h"

/* Base64url, appended. */
static inline void
make_b64(struct buf *out, const void *p, size_t n)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	b64_encode(&b, p, n);
	assert_false(b.failed);
	for (size_t i = 0; i < b.n && b.p[i] != '='; i++)
		buf_addc(out, b.p[i] == '+'   ? '-'
			      : b.p[i] == '/' ? '_'
					      : b.p[i]);
	buf_fini(&b);
}

static inline void
make_bn(struct buf *out, EVP_PKEY *k, const char *param, int size)
{
	unsigned char bytes[1024];
	BIGNUM *bn = NULL;
	int n;

	assert_int_equal(EVP_PKEY_get_bn_param(k, param, &bn), 1);
	n = size ? size : BN_num_bytes(bn);
	assert_int_equal(BN_bn2binpad(bn, bytes, n), n);
	BN_free(bn);
	make_b64(out, bytes, (size_t)n);
}

static inline EVP_PKEY *
make_key(enum jwt_algorithm algorithm, unsigned bits)
{
	EVP_PKEY *k = NULL;

	switch (algorithm) {
	case JWT_RS256:
		k = EVP_RSA_gen(bits);
		break;
	case JWT_ES256:
		k = EVP_EC_gen(bits == 384 ? "P-384" : "P-256");
		break;
	case JWT_EDDSA:
		k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	assert_non_null(k);
	return k;
}

/* {"kty":...,"kid":"...",MORE}; more: "" or ",\"use\":\"sig\"" */
static inline void
make_jwk(struct buf *out, EVP_PKEY *k, enum jwt_algorithm algorithm,
    const char *kid, const char *more)
{
	unsigned char raw[32];
	size_t n = sizeof(raw);

	switch (algorithm) {
	case JWT_RS256:
		buf_addz(out, "{\"kty\":\"RSA\",\"n\":\"");
		make_bn(out, k, OSSL_PKEY_PARAM_RSA_N, 0);
		buf_addz(out, "\",\"e\":\"");
		make_bn(out, k, OSSL_PKEY_PARAM_RSA_E, 0);
		break;
	case JWT_ES256:
		buf_addz(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
		make_bn(out, k, OSSL_PKEY_PARAM_EC_PUB_X, 32);
		buf_addz(out, "\",\"y\":\"");
		make_bn(out, k, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
		break;
	case JWT_EDDSA:
		assert_int_equal(EVP_PKEY_get_raw_public_key(k, raw, &n), 1);
		buf_addz(out, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		make_b64(out, raw, n);
		break;
	}
	buf_printf(out, "\"%s%s%s%s}", kid ? ",\"kid\":\"" : "", kid ? kid : "",
	    kid ? "\"" : "", more);
}

static inline void
make_signature(
    struct buf *out, EVP_PKEY *k, enum jwt_algorithm algorithm, struct str text)
{
	const EVP_MD *md = algorithm == JWT_EDDSA ? NULL : EVP_sha256();
	unsigned char sig[1024], raw[64];
	const unsigned char *p = sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = sizeof(sig);
	ECDSA_SIG *es;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, md, NULL, k), 1);
	assert_int_equal(
	    EVP_DigestSign(ctx, sig, &n, (const unsigned char *)text.p, text.n),
	    1);
	EVP_MD_CTX_free(ctx);
	if (algorithm != JWT_ES256) {
		make_b64(out, sig, n);
		return;
	}
	es = d2i_ECDSA_SIG(NULL, &p, (long)n);
	assert_non_null(es);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(es), raw, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(es), raw + 32, 32), 32);
	ECDSA_SIG_free(es);
	make_b64(out, raw, sizeof(raw));
}

/* header and payload: JSON. */
static inline void
make_token(struct buf *out, EVP_PKEY *k, enum jwt_algorithm algorithm,
    const char *header, const char *payload)
{
	buf_reset(out);
	make_b64(out, header, strlen(header));
	buf_addc(out, '.');
	make_b64(out, payload, strlen(payload));
	struct buf signed_text;
	buf_init(&signed_text, 1 << 16);
	buf_adds(&signed_text, buf_str(out));
	buf_addc(out, '.');
	make_signature(out, k, algorithm, buf_str(&signed_text));
	buf_fini(&signed_text);
	assert_false(out->failed);
}

#endif
