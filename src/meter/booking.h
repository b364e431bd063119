#ifndef METER_BOOKING_H
#define METER_BOOKING_H
/*
 * One row of the ledger on its way: a call to a provider (an attempt) as it
 * begins and as it ends, in the words of a spool's payload. Both forms are
 * whole rows; llmgw-jobd need not find the one to read the other.
 *
 * HOW EACH END IS BOOKED (llmgw-jobd(8) says the same). Each attempt is a row
 * of its own: retries and fall-backs of a request share request_id and count
 * `attempt`.
 *
 *	ok	 the answer is complete. Tokens as the provider told; where it
 *		 told none, counted by us (meter/estimate.h) and flagged.
 *	failed	 the provider answered with an error: no tokens, unless it told
 *		 some or content had come (then as cut).
 *	cut	 the exchange broke, timed out, or what came was no valid answer.
 *		 Tokens that were told; else the prompt's estimate and what had
 *		 come, flagged.
 *	aborted	 the client left, and the call was cancelled: as cut. What the
 *		 provider had generated until then is paid for.
 *	not_sent no connection came about, so nothing was asked: no tokens.
 *	lost	 the worker died: the prompt's estimate and what had come until
 *		 then (spool_progress), flagged. Booked by llmgw-jobd.
 *
 * Where a count that was told is only what was so far (Anthropic tells one
 * token of output at the beginning) the larger one of told and counted holds.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/msg.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/money.h"
#include "base/str.h"

#define METER_BOOKING_ID 16
/* Longest of each text; what is longer is cut. */
#define METER_BOOKING_REQUEST_MAX 64
#define METER_BOOKING_CLIENT_MAX 128
#define METER_BOOKING_WORD_MAX 32 /* surface, kind */
#define METER_BOOKING_PROVIDER_MAX 128
#define METER_BOOKING_NAME_MAX 160 /* alias, model */
/* Of an encoded one; fits a slot of the spool. */
#define METER_BOOKING_MAX 1000

enum meter_booked {
	METER_BOOKED_OPEN, /* a begin */
	METER_BOOKED_OK,
	METER_BOOKED_FAILED,
	METER_BOOKED_CUT,
	METER_BOOKED_ABORTED,
	METER_BOOKED_LOST,
	METER_BOOKED_NOT_SENT,
	METER_BOOKED__MAX
};

struct meter_booking {
	unsigned char id[METER_BOOKING_ID];
	usec_t began, ended; /* wall; ended 0: not yet */
	int64_t tenant_id, team_id, user_id, key_id; /* 0: none */
	uint32_t attempt; /* 1 ... */
	enum meter_booked state;
	int status; /* the provider's; 0: none came */
	bool is_estimated;
	/* -1 where not known; of a begin the prompt's estimate */
	struct msg_usage usage;
	nanousd_t cost; /* -1: unpriced */
	int64_t price_version; /* meter/price.h; counts where cost does */
	/* borrowed; never absent when decoded */
	struct str request_id;
	struct str client;
	struct str surface;
	struct str alias;
	struct str provider; /* its name in the configuration */
	struct str kind; /* "openai": prices go by it */
	struct str model;
};

/* "open", "ok", ... */
const char *meter_booked_word(enum meter_booked state);
/* Costs nothing, whatever the prices: not sent, or failed without tokens. */
bool meter_booked_for_nothing(
    enum meter_booked state, const struct msg_usage *usage);
/*
 * Returns the bytes written, at most METER_BOOKING_MAX. Bytes that are no UTF-8
 * (a name that a web server told) become '?': a database would refuse the row.
 */
size_t meter_booking_encode(
    const struct meter_booking *b, char out[METER_BOOKING_MAX]);
/* *out borrows from payload. ERR_SYNTAX: none of ours, or of a newer form. */
MUST_CHECK enum err
meter_booking_decode(struct str payload, struct meter_booking *out);

#endif
