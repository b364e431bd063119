#ifndef BADNET_H
#define BADNET_H
/*
 * badnet: a proxy that is a bad network. Rules per direction, changed while it
 * runs; limits in bytes count per connection.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define BADNET_OFF ((int64_t)-1)

struct badnet_rules {
	int64_t latency; /* ms that every byte waits */
	int64_t rate; /* bytes per second */
	int64_t slice; /* most bytes in one write */
	int64_t gap; /* ms between two writes */
	int64_t drop_after; /* bytes passed, then both sides see FIN */
	int64_t reset_after; /* bytes passed, then both sides see RST */
	int64_t halfclose; /* bytes passed, then only this direction ends */
	int64_t blackhole; /* bytes passed, then the rest vanishes */
	int64_t corrupt; /* every Nth byte has a bit flipped */
};

enum badnet_dir {
	DIR_UP,
	DIR_DOWN,
	DIR__MAX
};

struct badnet_counts {
	int64_t accepted, open, refused, dropped, reset;
	int64_t bytes[DIR__MAX];
};

extern struct badnet_rules badnet_rules[DIR__MAX];
extern struct badnet_counts badnet_counts;
/* New connections: 'n' normal, 'r' reset at once, 'h' accepted, never served */
extern char badnet_door;

/* "up latency=50 rate=1000", "both clear"; false when it makes no sense. */
bool badnet_rules_set(struct str words);

/* Proxies connections of `listen` to `to`, which must stay valid. */
bool badnet_link_listen(const char *listen, const char *to, int *port);
/* Ends all connections. */
void badnet_link_break_all(bool is_reset);

/* Commands, one a line, on this address. */
bool badnet_control_listen(const char *address);

#endif
