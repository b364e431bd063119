#include "meter/estimate.h"

/* Of a byte of ASCII: four to a token. */
#define ASCII (METER_ESTIMATE_UNIT / 4)
#define HIGH_BITS UINT64_C(0x8080808080808080)

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

uint64_t
meter_estimate_weight(struct str text)
{
	uint64_t sum = 0, word;
	size_t i = 0;

	while (i < text.n) {
		if (text.n - i >= sizeof(word)) {
			memcpy(&word, text.p + i, sizeof(word));
			if (!(word & HIGH_BITS)) {
				sum += sizeof(word) * ASCII;
				i += sizeof(word);
				continue;
			}
		}
		sum += weight_of((unsigned char)text.p[i++]);
	}
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
