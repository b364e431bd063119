#include "meter/estimate.h"

/* ESTIMATE_PORTABLE: a test of the form that other machines get. */
#if defined(__SSE2__) && !defined(ESTIMATE_PORTABLE)
#define ESTIMATE_SSE2
#include <emmintrin.h>
#endif

/* Of a byte of ASCII: four to a token. */
#define ASCII (METER_ESTIMATE_UNIT / 4)
#define TWO_BYTES 96 /* of a character from C0 to DF */

/*
 * Weight of a character by its first byte, from 0xC0 on; the bytes after it
 * weigh nothing. Tokens per character: 0.4 of Latin with accents, Greek,
 * Cyrillic, Arabic; 0.5 of Indic scripts and Thai; 0.8 kana; 0.9 Han; 0.75
 * Hangul; 1 of signs; 2 of what is beyond (emoji).
 */
static const uint16_t weights[64] = {
	96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, /* C0 */
	96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, 96, /* D0 */
	120, 160, 240, 192, 216, 216, 216, 216, 216, 216, /* E0 .. E9 */
	180, 180, 180, 180, 240, 240, /* EA .. EF */
	480, 480, 480, 480, 480, 480, 480, 480, /* F0 */
	480, 480, 480, 480, 480, 480, 480, 480, /* F8: not UTF-8 */
};

static uint64_t
weight_of(unsigned char c)
{
	if (c < 0x80)
		return ASCII;
	return c < 0xc0 ? 0 : weights[c - 0xc0];
}

#ifdef ESTIMATE_SSE2
#define BLOCK 16 /* bytes */

static inline __m128i
bytes_of(signed char c)
{
	return _mm_set1_epi8(c);
}

/*
 * A block with a byte that is not ASCII: in lanes weigh the characters whose
 * weight is that of ASCII or of two bytes (as quarters: they fit a byte); what
 * is missing for the longer ones is returned.
 */
static inline uint64_t
mixed_weight(const char *p, __m128i block, __m128i *lanes)
{
	const __m128i zero = _mm_setzero_si128();
	/* as signed bytes: 80..BF are the least, then C0.., ASCII on top */
	__m128i first = _mm_cmpgt_epi8(block, bytes_of((signed char)0xbf));
	__m128i lead = _mm_and_si128(first, _mm_cmplt_epi8(block, zero));
	__m128i is_long = _mm_and_si128(
	    lead, _mm_cmpgt_epi8(block, bytes_of((signed char)0xdf)));
	__m128i quarters =
	    _mm_add_epi8(_mm_and_si128(first, bytes_of(ASCII / 4)),
		_mm_and_si128(lead, bytes_of((TWO_BYTES - ASCII) / 4)));
	unsigned left = (unsigned)_mm_movemask_epi8(is_long);
	uint64_t sum = 0;

	*lanes = _mm_add_epi64(*lanes, _mm_sad_epu8(quarters, zero));
	for (; left; left &= left - 1)
		sum += weight_of((unsigned char)p[__builtin_ctz(left)]) -
		       TWO_BYTES;
	return sum;
}

/* Of whole blocks. */
static uint64_t
blocks_weight(const char *p, const char *end)
{
	__m128i lanes = _mm_setzero_si128();
	uint64_t sum = 0, lane[2];

	for (; p < end; p += BLOCK) {
		__m128i block = _mm_loadu_si128((const __m128i *)p);

		sum += _mm_movemask_epi8(block) ? mixed_weight(p, block, &lanes)
						: BLOCK * ASCII;
	}
	_mm_storeu_si128((__m128i *)lane, lanes);
	return sum + 4 * (lane[0] + lane[1]);
}

#else
#define BLOCK 8
#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t
blocks_weight(const char *p, const char *end)
{
	uint64_t sum = 0, word;

	for (; p < end; p += BLOCK) {
		memcpy(&word, p, BLOCK);
		if (!(word & HIGH_BITS)) {
			sum += BLOCK * ASCII;
			continue;
		}
		for (int i = 0; i < BLOCK; i++)
			sum += weight_of((unsigned char)p[i]);
	}
	return sum;
}
#endif

uint64_t
meter_estimate_weight(struct str text)
{
	size_t whole = text.n - text.n % BLOCK;
	uint64_t sum = whole > 0 ? blocks_weight(text.p, text.p + whole) : 0;

	for (size_t i = whole; i < text.n; i++)
		sum += weight_of((unsigned char)text.p[i]);
	return sum;
}

int64_t
meter_estimate_tokens(uint64_t weight)
{
	return (
	    int64_t)((weight + METER_ESTIMATE_UNIT - 1) / METER_ESTIMATE_UNIT);
}

static uint64_t
media(struct str base64)
{
	return base64.n / METER_ESTIMATE_MEDIA_BYTES * METER_ESTIMATE_UNIT;
}

static uint64_t
part_weight(const struct msg_part *p)
{
	switch (p->type) {
	case MSG_PART_TEXT:
	case MSG_PART_REFUSAL:
	case MSG_PART_THINKING:
		return meter_estimate_weight(p->text);
	case MSG_PART_IMAGE:
		return (uint64_t)METER_ESTIMATE_IMAGE * METER_ESTIMATE_UNIT;
	case MSG_PART_AUDIO:
	case MSG_PART_REDACTED:
		return media(p->data);
	case MSG_PART_FILE:
	case MSG_PART_VIDEO:
		return media(p->url);
	case MSG_PART_OTHER:
		return meter_estimate_weight(p->raw);
	case MSG_PART__MAX:
		break;
	}
	return 0;
}

static uint64_t
message_weight(const struct msg *m)
{
	uint64_t sum = meter_estimate_weight(m->reasoning);

	for (const struct msg_part *p = m->parts; p; p = p->next)
		sum += part_weight(p);
	for (const struct msg_part *p = m->thinking; p; p = p->next)
		sum += part_weight(p);
	for (const struct msg_call *c = m->calls; c; c = c->next)
		sum += meter_estimate_weight(c->name) +
		       meter_estimate_weight(c->arguments);
	return sum;
}

int64_t
meter_estimate_prompt(const struct msg_request *m)
{
	uint64_t sum = meter_estimate_weight(m->schema);

	for (const struct msg *one = m->messages; one; one = one->next)
		sum += message_weight(one);
	for (const struct msg_tool *t = m->tools; t; t = t->next)
		sum += meter_estimate_weight(t->raw);
	return meter_estimate_tokens(sum);
}
