#ifndef TESTS_JSON_ORACLE_H
#define TESTS_JSON_ORACLE_H
/*
 * Jansson's view of a text, for fz_json. A file of its own, since jansson.h and
 * base/json.h both want names like json_type.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum oracle_says {
	ORACLE_YES,
	ORACLE_NO,
	/*
	 * Not, but only because its own forms cannot hold the value: a number
	 * out of their range, NUL inside a key, a surrogate without its twin.
	 */
	ORACLE_CANNOT,
};

/*
 * On ORACLE_YES the value is appended to out, one per line, depth first:
 * "object N", "key LEN:BYTES", "array N", "string LEN:BYTES", "integer N",
 * "real %.17g", "true", "false", "null". Members in the text's order.
 */
enum oracle_says json_oracle(struct str text, struct buf *out);

#endif
