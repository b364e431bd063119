#include "gate/net.h"

#include <arpa/inet.h>

#include "base/num.h"

struct net_address {
	unsigned char byte[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool is_v4;
};

static bool
address_parse(struct str s, struct net_address *out)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	memcpy(out->byte, mapped, sizeof(mapped));
	out->is_v4 = inet_pton(AF_INET, text, out->byte + 12) == 1;
	return out->is_v4 || inet_pton(AF_INET6, text, out->byte) == 1;
}

static bool
net_parse(struct str net, struct net_address *out, int64_t *bits)
{
	struct str rest = net;
	struct str address = str_cut(&rest, '/');

	if (!address_parse(address, out))
		return false;
	*bits = 128;
	if (!str_present(rest))
		return true;
	if (num_parse_i64(rest, bits) != ERR_OK || *bits < 0 ||
	    *bits > (out->is_v4 ? 32 : 128))
		return false;
	if (out->is_v4)
		*bits += 96;
	return true;
}

static bool
net_has(
    const struct net_address *net, int64_t bits, const struct net_address *a)
{
	size_t whole = (size_t)bits / 8;
	unsigned rest = (unsigned)bits % 8;
	unsigned char mask = (unsigned char)(0xff00u >> rest);

	for (size_t i = 0; i < whole; i++)
		if (net->byte[i] != a->byte[i])
			return false;
	return rest == 0 || ((net->byte[whole] ^ a->byte[whole]) & mask) == 0;
}

bool
gate_net_valid(struct str net)
{
	struct net_address a;
	int64_t bits;

	return net_parse(net, &a, &bits);
}

bool
gate_net_allowed(const struct str *nets, uint32_t n, struct str address)
{
	struct net_address net, a;
	int64_t bits;

	if (!address_parse(address, &a))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (net_parse(nets[i], &net, &bits) && net_has(&net, bits, &a))
			return true;
	return false;
}
