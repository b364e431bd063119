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
 *	not_sent the request did not go out, or not to its end, so nobody was
 *		 asked (upstream/handed.h): no tokens. Also of a worker that
 *		 died before.
 *	lost	 the worker died with the call in hand. Tokens that were told
 *		 for good (the answer was complete, or its end and then its
 *		 usage had come): not flagged. Else as cut; as failed where
 *		 nothing but an error's status had come.
 *	unsure	 as lost, but the worker died within the one system call that
 *		 hands over the request's end, or an instruction beside it:
 *		 the provider may have been asked, and nobody can know. Booked
 *		 as if it had been.
 *
 * Where a count that was told is only what was so far (Anthropic tells one
 * token of output at the beginning) the larger one of told and counted holds.
 *
 * What comes of a call whose worker died is told by its slot in the spool:
 * the begin, how much had come (spool_progress, a weight of meter/estimate.h)
 * and the words below. llmgw-jobd makes the row of them (meter_booking_lose).
 * What is not known is what the provider has generated and we have not read:
 * of a whole answer, whose tokens come with its last bytes, all of it.
 */
#include <stdatomic.h>
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
#define METER_BOOKING_MAX 960

enum meter_booked {
	METER_BOOKED_OPEN, /* a begin */
	METER_BOOKED_OK,
	METER_BOOKED_FAILED,
	METER_BOOKED_CUT,
	METER_BOOKED_ABORTED,
	METER_BOOKED_LOST,
	METER_BOOKED_NOT_SENT,
	METER_BOOKED_UNSURE,
	METER_BOOKED__MAX
};

/* Words of a slot (spool_words). */
enum meter_word {
	METER_WORD_CALL, /* enum meter_call */
	METER_WORD_ANSWER, /* its status; METER_ANSWER_FINAL */
	METER_WORD_USAGE, /* and following: what was told, meter_booking_tell */
	METER_WORD__MAX = METER_WORD_USAGE + 10
};

/* How far the request has gone: as enum upstream_handed. */
enum meter_call {
	METER_CALL_UNKNOWN, /* an older worker wrote it */
	METER_CALL_NOT_SENT,
	METER_CALL_SENDING,
	METER_CALL_SENT
};

/* The usage is that of the whole answer. */
#define METER_ANSWER_FINAL (UINT32_C(1) << 31)

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
/* Has the worker died with it in hand? */
bool meter_booked_is_lost(enum meter_booked state);
/* Into the words of its slot: what the provider told so far. */
void meter_booking_tell(_Atomic uint32_t *words, const struct msg_usage *told);
/*
 * Of a begin: how it is booked when its worker is dead. What it cost is the
 * caller's.
 */
void meter_booking_lose(struct meter_booking *b,
    const uint32_t words[METER_WORD__MAX], uint64_t weight);
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
