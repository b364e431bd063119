#include "conf/options_jwt.h"

#include "conf/values.h"

#define IN(s, f) .offset = offsetof(struct s, f)
#define SEC ((int64_t)USEC_PER_SEC)
#define CLAIM_MAX 200

static void
check_keys(struct opt_run *run, const struct opt *row,
    const struct tree_node *node, void *field)
{
	struct str s = *(const struct str *)field;

	(void)row;
	if (!str_starts(s, STR("https://")) && !str_starts(s, STR("file:/")))
		opt_problem(run, node, "must be an https:// URL or file:/PATH");
}

/* Without one of these no token could be judged. */
static void
done_jwt(struct opt_run *run, const struct tree_node *node, void *object)
{
	const struct conf_jwt *j = object;

	if (!node || tree_first(node) == NULL)
		return;
	if (j->issuer.n == 0 || j->audience.n == 0 || j->keys.n == 0)
		opt_problem(run, node, "jwt needs issuer, audience and keys");
	if (j->tenant.n == 0 && j->tenant_claim.n == 0)
		opt_problem(run, node, "jwt needs tenant or tenant_claim");
}

static const struct opt rows[] = {
	{ "issuer", OPT_STR, IN(conf_jwt, issuer), .max = 1024,
	    .example = "https://id.example.org/realms/main",
	    .doc = "The tokens' iss, to the letter. Without it no tokens are "
		   "taken." },
	{ "audience", OPT_STR, IN(conf_jwt, audience), .max = 1024,
	    .example = "llmgw",
	    .doc = "The tokens' aud, or one of them: tokens that were made for "
		   "other services are refused." },
	{ "keys", OPT_STR, IN(conf_jwt, keys), .max = 2048, .check = check_keys,
	    .form = "https://... or file:/PATH",
	    .pattern = "^(https://|file:/).+",
	    .example =
		"https://id.example.org/realms/main/protocol/openid-connect/"
		"certs",
	    .doc = "The issuer's key set (JWKS): RS256, ES256 and EdDSA "
		   "(Ed25519). It is read at start, every refresh, and when a "
		   "token names a key that is not in it, but for that every "
		   "10s at most; the token waits for it, 10s at most. While "
		   "it cannot be read the last one is used." },
	{ "allow_private", OPT_BOOL, IN(conf_jwt, allow_private),
	    .dflt = "false",
	    .doc = "The key set may lie at a loopback or private address." },
	{ "ca_file", OPT_CUSTOM, IN(conf_jwt, ca_file), .read = value_read_path,
	    .check = value_check_readable, .form = "/PATH", .pattern = "^/",
	    .example = "/etc/llmgw/ca.pem",
	    .doc = "Certificates that may vouch for the server of keys; "
		   "default: the system's." },
	{ "refresh", OPT_DURATION, IN(conf_jwt, refresh), .dflt = "10m",
	    .min = 10 * SEC, .max = 86400 * SEC,
	    .doc = "How often the key set is read again: a key that was taken "
		   "out of it is refused after this time." },
	{ "leeway", OPT_DURATION, IN(conf_jwt, leeway), .dflt = "30s",
	    .max = 300 * SEC,
	    .doc = "How much the issuer's clock and ours may differ." },
	{ "tenant", OPT_STR, IN(conf_jwt, tenant), .max = 64, .example = "acme",
	    .doc = "The tenant that all users of this issuer belong to." },
	{ "tenant_claim", OPT_STR, IN(conf_jwt, tenant_claim), .max = CLAIM_MAX,
	    .example = "org",
	    .doc = "The claim that names the tenant, where tenant does not." },
	{ "user_claim", OPT_STR, IN(conf_jwt, user_claim), .dflt = "sub",
	    .max = CLAIM_MAX,
	    .doc = "The claim that names the user; he must be in the "
		   "database, see create_users." },
	{ "team_claim", OPT_STR, IN(conf_jwt, team_claim), .max = CLAIM_MAX,
	    .example = "team",
	    .doc = "The claim that names his team: it pays, and its grants "
		   "hold for him. A blocked team is refused; one that is not "
		   "in the database is as none, and then his own pays." },
	{ "roles_claim", OPT_STR, IN(conf_jwt, roles_claim), .max = CLAIM_MAX,
	    .example = "roles",
	    .doc = "The claim with roles (a text or a list) that he has beside "
		   "those of the database; other words in it are passed "
		   "over." },
	{ "create_users", OPT_BOOL, IN(conf_jwt, create_users), .dflt = "false",
	    .doc = "A user whom a valid token names and who is not in the "
		   "database is made by llmgw-jobd, in a tenant that is "
		   "there (tenants and teams are never made); his first "
		   "request waits for it, up to 3s, then it gets 503. He has "
		   "no role and no grant of his own: what he may is what the "
		   "token's roles and team may. Limits, reports and the audit "
		   "know him as any other, and user block refuses him. At most "
		   "100000 users of a tenant come so." },
	{ .name = NULL },
};

const struct opt_table opt_jwt_table = {
	.what = "jwt",
	.size = sizeof(struct conf_jwt),
	.rows = rows,
	.done = done_jwt,
};
