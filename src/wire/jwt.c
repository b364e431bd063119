#include "wire/jwt.h"

#include "base/buf.h"
#include "wire/b64.h"

const char *const jwt_fault_words[JWT_FAULT__MAX] = {
	[JWT_FINE] = "fine",
	[JWT_MALFORMED] = "malformed",
	[JWT_NO_KEY] = "no_key",
	[JWT_ALGORITHM] = "algorithm",
	[JWT_SIGNATURE] = "signature",
	[JWT_EXPIRED] = "expired",
	[JWT_EARLY] = "early",
	[JWT_ISSUER] = "issuer",
	[JWT_AUDIENCE] = "audience",
	[JWT_NO_MEMORY] = "no_memory",
};

static bool
is_base64url(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return s.n > 0;
}

enum err
jwt_decode(struct str text, struct arena *a, struct str *out)
{
	size_t pad = (4 - text.n % 4) % 4;
	struct buf b, bytes;
	enum err e = ERR_SYNTAX;

	if (!is_base64url(text) || pad == 3)
		return ERR_SYNTAX;
	buf_init(&b, text.n + 4);
	buf_init(&bytes, text.n + 4);
	for (size_t i = 0; i < text.n; i++)
		buf_addc(&b, text.p[i] == '-'	? '+'
			     : text.p[i] == '_' ? '/'
						: text.p[i]);
	buf_add(&b, "==", pad);
	e = b.failed ? ERR_NOMEM : b64_decode(&bytes, buf_str(&b));
	if (e == ERR_OK) {
		struct str s = arena_str(a, buf_str(&bytes));

		if (str_present(s))
			*out = s;
		else
			e = ERR_NOMEM;
	}
	buf_fini(&b);
	buf_fini(&bytes);
	return e;
}

struct parts {
	struct str header, payload, signature;
	struct str signed_text; /* header.payload, as sent */
};

static bool
split(struct str token, struct parts *p)
{
	struct str rest = token;

	if (token.n > JWT_BYTES_MAX)
		return false;
	p->header = str_cut(&rest, '.');
	if (!str_present(rest))
		return false;
	p->payload = str_cut(&rest, '.');
	if (!str_present(rest))
		return false;
	p->signature = rest;
	p->signed_text = str_of(token.p, p->header.n + 1 + p->payload.n);
	return is_base64url(p->header) && is_base64url(p->payload) &&
	       is_base64url(p->signature);
}

bool
jwt_is_token(struct str text)
{
	struct parts p;

	return split(text, &p);
}

static enum jwt_fault
scan(struct str part, struct arena *a, struct json *j)
{
	struct str text;
	enum err e = jwt_decode(part, a, &text);

	if (e == ERR_OK)
		e = json_scan(j, a, text, NULL, NULL);
	if (e == ERR_NOMEM)
		return JWT_NO_MEMORY;
	return e == ERR_OK && json_type(j, 0) == JSON_T_OBJECT ? JWT_FINE
							       : JWT_MALFORMED;
}

static bool
is_algorithm(const struct json *header, enum jwt_algorithm algorithm)
{
	json_ref alg = json_get(header, 0, "alg");

	switch (algorithm) {
	case JWT_RS256:
		return json_str_is(header, alg, "RS256");
	case JWT_ES256:
		return json_str_is(header, alg, "ES256");
	case JWT_EDDSA:
		return json_str_is(header, alg, "EdDSA") ||
		       json_str_is(header, alg, "Ed25519"); /* RFC 9864 */
	}
	return false;
}

static enum jwt_fault
check_signature(
    const struct jwt_keys *keys, const struct parts *p, struct arena *a)
{
	const struct jwt_key *key;
	struct str kid, signature;
	struct json header;
	json_ref v;
	enum jwt_fault f = scan(p->header, a, &header);

	if (f != JWT_FINE)
		return f;
	v = json_get(&header, 0, "kid");
	kid = json_text(&header, v, a);
	if ((v != JSON_NONE && !str_present(kid)) ||
	    json_get(&header, 0, "crit") != JSON_NONE)
		return JWT_MALFORMED;
	key = jwt_key_find(keys, kid);
	if (!key)
		return JWT_NO_KEY;
	if (!is_algorithm(&header, jwt_key_algorithm(key)))
		return JWT_ALGORITHM;
	switch (jwt_decode(p->signature, a, &signature)) {
	case ERR_OK:
		break;
	case ERR_NOMEM:
		return JWT_NO_MEMORY;
	default:
		return JWT_MALFORMED;
	}
	return jwt_key_verify(key, p->signed_text, signature) ? JWT_FINE
							      : JWT_SIGNATURE;
}

/* Seconds since 1970, also with a fraction; the year 9999 is far enough. */
static enum jwt_fault
read_time(const struct json *j, const char *name, usec_t otherwise, usec_t *out)
{
	json_ref v = json_get(j, 0, name);
	double sec;

	*out = otherwise;
	if (v == JSON_NONE)
		return JWT_FINE;
	if (json_double(j, v, &sec) != ERR_OK || !(sec >= 0) ||
	    sec > 253402300800.0)
		return JWT_MALFORMED;
	*out = (usec_t)(sec * (double)USEC_PER_SEC);
	return JWT_FINE;
}

static enum jwt_fault
check_times(const struct json *j, const struct jwt_expect *x, usec_t *expires)
{
	usec_t nbf, iat;

	if (read_time(j, "exp", -1, expires) != JWT_FINE ||
	    read_time(j, "nbf", 0, &nbf) != JWT_FINE ||
	    read_time(j, "iat", 0, &iat) != JWT_FINE || *expires < 0)
		return JWT_MALFORMED;
	*expires += x->leeway;
	if (x->wall >= *expires)
		return JWT_EXPIRED;
	if (nbf > x->wall + x->leeway || iat > x->wall + x->leeway)
		return JWT_EARLY;
	return JWT_FINE;
}

static bool
is_text(const struct json *j, json_ref v, struct str want, struct arena *a)
{
	struct str s = json_text(j, v, a);

	return str_present(s) && str_eq(s, want);
}

static bool
is_audience(const struct json *j, struct str want, struct arena *a)
{
	json_ref aud = json_get(j, 0, "aud");

	if (json_type(j, aud) != JSON_T_ARRAY)
		return is_text(j, aud, want, a);
	json_each (j, aud, v)
		if (is_text(j, v, want, a))
			return true;
	return false;
}

enum jwt_fault
jwt_verify(const struct jwt_keys *keys, struct str token,
    const struct jwt_expect *expect, struct arena *a, struct jwt_claims *out)
{
	struct jwt_claims c;
	struct parts p;
	enum jwt_fault f;

	if (!split(token, &p))
		return JWT_MALFORMED;
	f = check_signature(keys, &p, a);
	/* Only what is signed is read. */
	if (f == JWT_FINE)
		f = scan(p.payload, a, &c.json);
	if (f == JWT_FINE)
		f = check_times(&c.json, expect, &c.expires);
	if (f != JWT_FINE)
		return f;
	if (!is_text(&c.json, json_get(&c.json, 0, "iss"), expect->issuer, a))
		return JWT_ISSUER;
	if (!is_audience(&c.json, expect->audience, a))
		return JWT_AUDIENCE;
	if (arena_failed(a))
		return JWT_NO_MEMORY;
	*out = c;
	return JWT_FINE;
}
