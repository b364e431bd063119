#ifndef METER_ESTIMATE_H
#define METER_ESTIMATE_H
/*
 * Tokens of a text without a tokenizer: for limits before a request is sent,
 * and for the ledger where a provider told no usage. Makers agree on "about
 * four bytes of English"; other scripts take more tokens for a character and
 * have a weight by the first byte of the character's UTF-8. Whoever books an
 * estimate flags it (is_estimated): it is no tokenizer, and templates around
 * messages differ by maker.
 *
 * Text of a JSON string may be counted as it is written, still escaped.
 *
 * Pieces of a stream are added up as weights and rounded once, so that however
 * an answer was cut the count is the same.
 */
#include <stdint.h>

#include "api/msg.h"
#include "base/str.h"

#define METER_ESTIMATE_UNIT 240 /* weight of a token */

/* What is counted for parts whose tokens do not follow from their length. */
#define METER_ESTIMATE_IMAGE 765
#define METER_ESTIMATE_MEDIA_BYTES 1024 /* of base64, a token */

/* Weight of a text; 16 bytes at a time where it is ASCII (8 without SSE2). */
uint64_t meter_estimate_weight(struct str text);
/* Tokens of a weight, rounded up. */
int64_t meter_estimate_tokens(uint64_t weight);
/*
 * Tokens of a whole prompt: texts, calls and their arguments, reasoning, tools,
 * a flat sum for each image, base64 of audio and files by length.
 */
int64_t meter_estimate_prompt(const struct msg_request *m);

#endif
