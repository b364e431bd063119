#ifndef GATE_NET_H
#define GATE_NET_H
/* Networks in configuration: "127.0.0.0/8", "::1", "10.1.2.3". */
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Is this an address or a network in CIDR form? */
bool gate_net_valid(struct str net);
/*
 * Is the address (as the web server writes it, IPv4 or IPv6, also IPv4 mapped
 * into IPv6) within one of the networks? False for anything that is no address:
 * a unix socket peer has none.
 */
bool gate_net_allowed(const struct str *nets, uint32_t n, struct str address);

#endif
