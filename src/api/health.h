#ifndef API_HEALTH_H
#define API_HEALTH_H
/* Bodies of /health/live and /health/ready. */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct api_health {
	bool has_conf;
	bool is_draining;
	struct str conf_problem; /* text; empty: the newest file is in force */
	struct str store_problem; /* text; empty: it answers, or is not used */
	struct str log_problem; /* text; empty: the log is written */
	struct str notes; /* more problems, one a line; absent: none */
	struct str ledger_problem; /* text; empty: calls can be booked */
	bool must_book; /* such calls are refused */
	uint32_t n_models; /* aliases */
	uint32_t n_usable; /* of them with a target that is not open */
};

/* {"status":"live"} */
void api_live_print(struct buf *out);
/*
 * {"status":"ready"|"not_ready","problems":[...],"models":n,"usable":n}.
 * Returns whether it is ready. A refused newer file and a log that cannot be
 * written are told among the problems, but requests are served: ready all the
 * same. Where requests are refused since they cannot be booked it is not.
 */
bool api_health_print(const struct api_health *h, struct buf *out);

#endif
