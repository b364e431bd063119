#include "meter/event.h"

#include "base/utf8.h"
#include "meter/spool.h"

/* The first byte of a payload; a new form gets a new one. */
#define FORM 1

enum {
	TEXTS = 7
};

/* In the host's order: a spool is read where it was written. */
struct fixed {
	unsigned char form;
	unsigned char unused[7];
	unsigned char id[METER_EVENT_ID];
	int64_t at, tenant_id;
};

_Static_assert(sizeof(struct fixed) == 40, "no holes");

static const uint16_t text_max[TEXTS] = { METER_EVENT_WORD_MAX,
	METER_EVENT_WORD_MAX, METER_EVENT_WORD_MAX, METER_EVENT_WORD_MAX,
	METER_EVENT_REASON_MAX, METER_EVENT_WORD_MAX, METER_EVENT_DETAIL_MAX };

_Static_assert(sizeof(struct fixed) + TEXTS * 2 + 5 * METER_EVENT_WORD_MAX +
		       METER_EVENT_REASON_MAX + METER_EVENT_DETAIL_MAX <=
		   METER_EVENT_MAX,
    "the largest fits");
_Static_assert(METER_EVENT_MAX <= SPOOL_PAYLOAD_MAX, "it fits a record");

/* One list for both directions. */
static void
texts_of(struct meter_event *ev, struct str *out[TEXTS])
{
	struct str *all[TEXTS] = { &ev->actor, &ev->action, &ev->object,
		&ev->result, &ev->reason, &ev->address, &ev->detail };

	memcpy(out, all, sizeof(all));
}

/* As many bytes as there were: what is wrong is written over. */
static void
put_clean(char *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	const unsigned char *end = p + s.n;

	while (p < end) {
		size_t n = utf8_seq(p, end);

		if (n == 0)
			*out = '?';
		else if (n == 1 && (*p < ' ' || *p == 0x7f))
			*out = ' ';
		else
			memcpy(out, p, n);
		n = n > 0 ? n : 1;
		out += n;
		p += n;
	}
}

size_t
meter_event_encode(const struct meter_event *ev, char out[METER_EVENT_MAX])
{
	struct meter_event copy = *ev;
	struct fixed f = {
		.form = FORM, .at = ev->at, .tenant_id = ev->tenant_id
	};
	struct str *texts[TEXTS];
	size_t n = sizeof(f);

	/* Half an object is none. */
	if (copy.detail.n > METER_EVENT_DETAIL_MAX)
		copy.detail = (struct str){ 0 };
	texts_of(&copy, texts);
	memcpy(f.id, ev->id, sizeof(f.id));
	memcpy(out, &f, sizeof(f));
	for (unsigned i = 0; i < TEXTS; i++) {
		struct str s = *texts[i];
		uint16_t len;

		if (s.n > text_max[i])
			s = utf8_clip(s, text_max[i]);
		len = (uint16_t)s.n;
		memcpy(out + n, &len, sizeof(len));
		n += sizeof(len);
		if (len > 0)
			put_clean(out + n, s);
		n += len;
	}
	return n;
}

enum err
meter_event_decode(struct str payload, struct meter_event *out)
{
	struct meter_event ev = { 0 };
	struct str *texts[TEXTS];
	struct fixed f;

	if (payload.n < sizeof(f))
		return ERR_SYNTAX;
	memcpy(&f, payload.p, sizeof(f));
	payload = str_skip(payload, sizeof(f));
	if (f.form != FORM)
		return ERR_SYNTAX;
	texts_of(&ev, texts);
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
	memcpy(ev.id, f.id, sizeof(ev.id));
	ev.at = f.at;
	ev.tenant_id = f.tenant_id;
	*out = ev;
	return ERR_OK;
}
