#include "meter/booking.h"

#include "base/utf8.h"
#include "meter/estimate.h"
#include "meter/spool.h"

/*
 * The first byte of a payload; a new form gets a new one. The first had no
 * image_out: a spool may hold some while programs are exchanged.
 */
#define FORM_1 1
#define FORM 2

enum {
	NUMBERS_1 = 17,
	NUMBERS = 18,
	TEXTS = 7
};

/* In the host's order: a spool is read where it was written. */
struct fixed {
	unsigned char form;
	unsigned char state;
	unsigned char is_estimated;
	unsigned char unused;
	uint32_t attempt;
	int32_t status;
	unsigned char id[METER_BOOKING_ID];
	uint32_t unused2;
	int64_t numbers[NUMBERS];
};

_Static_assert(sizeof(struct fixed) == 32 + NUMBERS * 8, "no holes");

static const uint16_t text_max[TEXTS] = { METER_BOOKING_REQUEST_MAX,
	METER_BOOKING_CLIENT_MAX, METER_BOOKING_WORD_MAX,
	METER_BOOKING_NAME_MAX, METER_BOOKING_PROVIDER_MAX,
	METER_BOOKING_WORD_MAX, METER_BOOKING_NAME_MAX };

_Static_assert(sizeof(struct fixed) + TEXTS * 2 + METER_BOOKING_REQUEST_MAX +
		       METER_BOOKING_CLIENT_MAX + 2 * METER_BOOKING_WORD_MAX +
		       3 * METER_BOOKING_NAME_MAX <=
		   METER_BOOKING_MAX,
    "the largest fits");
_Static_assert(METER_BOOKING_MAX <= SPOOL_SLOT_PAYLOAD_MAX, "it fits a slot");
_Static_assert((int)METER_WORD__MAX <= SPOOL_WORDS, "so do its words");

static const char *const state_words[METER_BOOKED__MAX] = {
	[METER_BOOKED_OPEN] = "open",
	[METER_BOOKED_OK] = "ok",
	[METER_BOOKED_FAILED] = "failed",
	[METER_BOOKED_CUT] = "cut",
	[METER_BOOKED_ABORTED] = "aborted",
	[METER_BOOKED_LOST] = "lost",
	[METER_BOOKED_NOT_SENT] = "not_sent",
	[METER_BOOKED_UNSURE] = "unsure",
};

const char *
meter_booked_word(enum meter_booked state)
{
	return state_words[state];
}

bool
meter_booked_for_nothing(enum meter_booked state, const struct msg_usage *usage)
{
	if (state == METER_BOOKED_NOT_SENT)
		return true;
	return state == METER_BOOKED_FAILED && usage->prompt <= 0 &&
	       usage->completion <= 0;
}

bool
meter_booked_is_lost(enum meter_booked state)
{
	return state == METER_BOOKED_LOST || state == METER_BOOKED_UNSURE;
}

/* ---- of a worker that died ----------------------------------------------- */

enum {
	TOLD = METER_WORD__MAX - METER_WORD_USAGE
};

static void
told_of(struct msg_usage *u, int64_t *out[TOLD])
{
	int64_t *all[TOLD] = { &u->prompt, &u->completion, &u->cached,
		&u->written, &u->written_1h, &u->reasoning, &u->audio_in,
		&u->audio_out, &u->image_in, &u->image_out };

	memcpy(out, all, sizeof(all));
}

/* 0 is unknown, so all are one more. */
void
meter_booking_tell(_Atomic uint32_t *words, const struct msg_usage *told)
{
	struct msg_usage copy = *told;
	int64_t *n[TOLD];

	told_of(&copy, n);
	for (int i = 0; i < TOLD; i++) {
		int64_t more = *n[i] < UINT32_MAX ? *n[i] + 1 : UINT32_MAX;

		atomic_store_explicit(&words[METER_WORD_USAGE + i],
		    (uint32_t)(more > 0 ? more : 0), memory_order_relaxed);
	}
}

static struct msg_usage
was_told(const uint32_t *words)
{
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	int64_t *n[TOLD];

	told_of(&u, n);
	for (int i = 0; i < TOLD; i++)
		*n[i] = (int64_t)words[METER_WORD_USAGE + i] - 1;
	return u;
}

static void
at_least(int64_t *n, int64_t least)
{
	if (*n < least)
		*n = least;
}

void
meter_booking_lose(struct meter_booking *b,
    const uint32_t words[METER_WORD__MAX], uint64_t weight)
{
	bool is_final = (words[METER_WORD_ANSWER] & METER_ANSWER_FINAL) != 0;
	uint32_t call = words[METER_WORD_CALL];
	int64_t prompt = b->usage.prompt;
	bool has_failed;

	b->status = (int)(words[METER_WORD_ANSWER] & ~METER_ANSWER_FINAL);
	has_failed = b->status > 0 && (b->status < 200 || b->status > 299);
	b->usage = was_told(words);
	b->is_estimated = false;
	b->state = b->status > 0		 ? METER_BOOKED_LOST
		   : call == METER_CALL_NOT_SENT ? METER_BOOKED_NOT_SENT
		   : call == METER_CALL_SENDING	 ? METER_BOOKED_UNSURE
						 : METER_BOOKED_LOST;
	if (b->state == METER_BOOKED_NOT_SENT || (has_failed && weight == 0)) {
		at_least(&b->usage.prompt, 0);
		at_least(&b->usage.completion, 0);
		return;
	}
	if (b->usage.prompt < 0) {
		b->usage.prompt = prompt;
		b->is_estimated = true;
	}
	if (is_final && b->usage.completion >= 0)
		return;
	at_least(&b->usage.completion, meter_estimate_tokens(weight));
	b->is_estimated = true;
}

/* ---- as bytes ------------------------------------------------------------ */

/* One list of the numbers and texts for both directions. */
static void
numbers_of(struct meter_booking *b, int64_t *out[NUMBERS])
{
	int64_t *all[NUMBERS] = { &b->began, &b->ended, &b->tenant_id,
		&b->team_id, &b->user_id, &b->key_id, &b->usage.prompt,
		&b->usage.completion, &b->usage.cached, &b->usage.written,
		&b->usage.written_1h, &b->usage.reasoning, &b->usage.audio_in,
		&b->usage.audio_out, &b->usage.image_in, &b->cost,
		&b->price_version, &b->usage.image_out };

	memcpy(out, all, sizeof(all));
}

static void
texts_of(struct meter_booking *b, struct str *out[TEXTS])
{
	struct str *all[TEXTS] = { &b->request_id, &b->client, &b->surface,
		&b->alias, &b->provider, &b->kind, &b->model };

	memcpy(out, all, sizeof(all));
}

static void
put_text(struct str s, uint16_t max, char **out)
{
	uint16_t len;
	char *p = *out + sizeof(len);

	if (s.n > max)
		s = utf8_clip(s, max);
	len = (uint16_t)s.n;
	memcpy(*out, &len, sizeof(len));
	if (len > 0)
		memcpy(p, s.p, len);
	for (size_t i = 0; i < len && !utf8_valid(s); i++)
		if ((unsigned char)p[i] >= 0x80)
			p[i] = '?';
	*out = p + len;
}

size_t
meter_booking_encode(const struct meter_booking *b, char out[METER_BOOKING_MAX])
{
	struct meter_booking copy = *b;
	struct fixed f = { .form = FORM,
		.state = (unsigned char)b->state,
		.is_estimated = b->is_estimated,
		.attempt = b->attempt,
		.status = b->status };
	int64_t *numbers[NUMBERS];
	struct str *texts[TEXTS];
	char *end = out + sizeof(f);

	numbers_of(&copy, numbers);
	texts_of(&copy, texts);
	memcpy(f.id, b->id, sizeof(f.id));
	for (unsigned i = 0; i < NUMBERS; i++)
		f.numbers[i] = *numbers[i];
	memcpy(out, &f, sizeof(f));
	for (unsigned i = 0; i < TEXTS; i++)
		put_text(*texts[i], text_max[i], &end);
	return (size_t)(end - out);
}

static bool
read_fixed(struct str *payload, struct fixed *f, size_t *n_numbers)
{
	size_t size = offsetof(struct fixed, numbers);

	if (payload->n < size)
		return false;
	memcpy(f, payload->p, size);
	if ((f->form != FORM && f->form != FORM_1) ||
	    f->state >= METER_BOOKED__MAX)
		return false;
	*n_numbers = f->form == FORM ? NUMBERS : NUMBERS_1;
	if (payload->n < size + *n_numbers * sizeof(*f->numbers))
		return false;
	memcpy(f->numbers, payload->p + size, *n_numbers * sizeof(*f->numbers));
	*payload = str_skip(*payload, size + *n_numbers * sizeof(*f->numbers));
	return true;
}

enum err
meter_booking_decode(struct str payload, struct meter_booking *out)
{
	struct meter_booking b = { .usage = MSG_USAGE_UNKNOWN };
	int64_t *numbers[NUMBERS];
	struct str *texts[TEXTS];
	struct fixed f;
	size_t n_numbers;

	if (!read_fixed(&payload, &f, &n_numbers))
		return ERR_SYNTAX;
	numbers_of(&b, numbers);
	texts_of(&b, texts);
	for (unsigned i = 0; i < TEXTS; i++) {
		uint16_t len;

		if (payload.n < sizeof(len))
			return ERR_SYNTAX;
		memcpy(&len, payload.p, sizeof(len));
		payload = str_skip(payload, sizeof(len));
		if (len > payload.n || len > text_max[i])
			return ERR_SYNTAX;
		*texts[i] = str_of(payload.p, len);
		payload = str_skip(payload, len);
	}
	if (payload.n > 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n_numbers; i++)
		*numbers[i] = f.numbers[i];
	memcpy(b.id, f.id, sizeof(b.id));
	b.state = (enum meter_booked)f.state;
	b.is_estimated = f.is_estimated != 0;
	b.attempt = f.attempt;
	b.status = f.status;
	*out = b;
	return ERR_OK;
}
