#include "wire/fcgi.h"

#include <string.h>

enum part {
	PART_HEADER,
	PART_CONTENT,
	PART_PADDING
};

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* -- name-value pairs ---------------------------------------------------- */

static uint32_t
length_at(const unsigned char *p)
{
	if (!(p[0] & 0x80))
		return p[0];
	return ((uint32_t)(p[0] & 0x7f) << 24) | ((uint32_t)p[1] << 16) |
	       ((uint32_t)p[2] << 8) | p[3];
}

/*
 * Takes one byte of the two lengths in front of a pair (1 or 4 bytes each, by
 * the high bit). True when both are complete.
 */
static bool
pair_head(struct fcgi_pair *pr, unsigned char c)
{
	size_t a, b;

	pr->head[pr->head_n++] = c;
	a = pr->head[0] & 0x80 ? 4 : 1;
	if (pr->head_n <= a)
		return false;
	b = pr->head[a] & 0x80 ? 4 : 1;
	if (pr->head_n < a + b)
		return false;
	pr->name_n = length_at(pr->head);
	pr->value_n = length_at(pr->head + a);
	pr->head_n = 0;
	pr->at = 0;
	return true;
}

/* -- reading records ----------------------------------------------------- */

void
fcgi_parser_init(struct fcgi_parser *p)
{
	memset(p, 0, sizeof(*p));
}

void
fcgi_parser_done(struct fcgi_parser *p)
{
	p->is_active = false;
}

static bool
is_for_active(const struct fcgi_parser *p)
{
	return p->is_active && p->record_id == p->id;
}

static enum fcgi_result
begin_request(struct fcgi_parser *p, const struct fcgi_events *ev, void *arg)
{
	unsigned role = (unsigned)p->hold[0] << 8 | p->hold[1];

	p->fill = 0;
	if (p->is_active) {
		if (p->record_id == p->id)
			return FCGI_R_ID;
		ev->refuse(arg, p->record_id, FCGI_CANT_MPX_CONN);
		return FCGI_R_OK;
	}
	if (role != FCGI_RESPONDER) {
		ev->refuse(arg, p->record_id, FCGI_UNKNOWN_ROLE);
		return FCGI_R_OK;
	}
	p->id = p->record_id;
	p->is_active = true;
	p->keep_conn = (p->hold[2] & FCGI_KEEP_CONN) != 0;
	p->params_ended = false;
	p->stdin_ended = false;
	ev->begin(arg, p->id, p->keep_conn);
	return FCGI_R_OK;
}

/* May this record come now, and is it well formed as far as its header says? */
static enum fcgi_result
check_header(const struct fcgi_parser *p)
{
	switch (p->type) {
	case FCGI_BEGIN_REQUEST:
		if (p->record_id == FCGI_NULL_REQUEST_ID)
			return FCGI_R_ID;
		return p->left == sizeof(p->hold) ? FCGI_R_OK : FCGI_R_LENGTH;
	case FCGI_ABORT_REQUEST:
		return p->left == 0 ? FCGI_R_OK : FCGI_R_LENGTH;
	case FCGI_PARAMS:
		if (is_for_active(p) && p->params_ended)
			return FCGI_R_ORDER;
		return FCGI_R_OK;
	case FCGI_STDIN:
		if (is_for_active(p) && (!p->params_ended || p->stdin_ended))
			return FCGI_R_ORDER;
		return FCGI_R_OK;
	default:
		return FCGI_R_OK;
	}
}

/* A record without content: the end of a stream, or an abort. */
static void
empty_record(struct fcgi_parser *p, const struct fcgi_events *ev, void *arg)
{
	if (!is_for_active(p))
		return;
	if (p->type == FCGI_PARAMS) {
		p->params_ended = true;
		ev->params_end(arg);
	} else if (p->type == FCGI_STDIN) {
		p->stdin_ended = true;
		ev->stdin_end(arg);
	} else if (p->type == FCGI_ABORT_REQUEST) {
		ev->abort(arg);
	}
}

/* All content of a record has been seen. */
static enum fcgi_result
end_record(struct fcgi_parser *p, const struct fcgi_events *ev, void *arg)
{
	p->part = p->pad ? PART_PADDING : PART_HEADER;
	if (p->type == FCGI_BEGIN_REQUEST)
		return begin_request(p, ev, arg);
	if (p->record_id == FCGI_NULL_REQUEST_ID) {
		if (p->type == FCGI_GET_VALUES)
			ev->get_values(arg, p->asked);
		else
			ev->unknown_type(arg, p->type);
	}
	return FCGI_R_OK;
}

static size_t
take_header(struct fcgi_parser *p, const char *b, size_t n,
    const struct fcgi_events *ev, void *arg)
{
	size_t use = min_size(n, sizeof(p->hold) - p->fill);

	memcpy(p->hold + p->fill, b, use);
	p->fill += (uint8_t)use;
	/* Complain of a foreign protocol at its first byte. */
	if (p->hold[0] != FCGI_VERSION_1) {
		p->broken = FCGI_R_VERSION;
		return use;
	}
	if (p->fill < sizeof(p->hold))
		return use;
	p->fill = 0;
	p->type = p->hold[1];
	p->record_id = (uint16_t)(p->hold[2] << 8 | p->hold[3]);
	p->left = (uint32_t)p->hold[4] << 8 | p->hold[5];
	p->pad = p->hold[6];
	p->asked = 0;
	memset(&p->pair, 0, sizeof(p->pair));
	p->broken = check_header(p);
	if (p->broken != FCGI_R_OK)
		return use;
	p->part = PART_CONTENT;
	if (p->left == 0) {
		empty_record(p, ev, arg);
		p->broken = end_record(p, ev, arg);
	}
	return use;
}

static void
note_asked(struct fcgi_parser *p)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = {
		{ FCGI_MAX_CONNS, FCGI_ASK_MAX_CONNS },
		{ FCGI_MAX_REQS, FCGI_ASK_MAX_REQS },
		{ FCGI_MPXS_CONNS, FCGI_ASK_MPXS_CONNS },
	};
	struct str name = str_of(p->name, p->pair.name_n);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (p->pair.name_n <= sizeof(p->name) &&
		    str_eqz(name, known[i].name))
			p->asked |= known[i].bit;
	}
}

/* GET_VALUES is rare and small: byte by byte. */
static void
take_asked(struct fcgi_parser *p, const char *b, size_t n)
{
	struct fcgi_pair *pr = &p->pair;

	for (size_t i = 0; i < n; i++) {
		if (pr->at == pr->name_n + pr->value_n) {
			(void)pair_head(pr, (unsigned char)b[i]);
			continue;
		}
		if (pr->at < pr->name_n && pr->at < sizeof(p->name))
			p->name[pr->at] = b[i];
		if (++pr->at == pr->name_n)
			note_asked(p);
	}
}

static size_t
take_content(struct fcgi_parser *p, const char *b, size_t n,
    const struct fcgi_events *ev, void *arg)
{
	size_t use = min_size(n, p->left);

	p->left -= (uint32_t)use;
	if (p->type == FCGI_BEGIN_REQUEST) {
		memcpy(p->hold + p->fill, b, use);
		p->fill += (uint8_t)use;
	} else if (p->type == FCGI_PARAMS && is_for_active(p)) {
		ev->params(arg, b, use);
	} else if (p->type == FCGI_STDIN && is_for_active(p)) {
		ev->stdin_data(arg, b, use);
	} else if (p->type == FCGI_GET_VALUES &&
		   p->record_id == FCGI_NULL_REQUEST_ID) {
		take_asked(p, b, use);
	}
	if (p->left == 0)
		p->broken = end_record(p, ev, arg);
	return use;
}

enum fcgi_result
fcgi_parse(struct fcgi_parser *p, const char *bytes, size_t n,
    const struct fcgi_events *ev, void *arg)
{
	size_t use;

	while (n > 0 && p->broken == FCGI_R_OK) {
		switch ((enum part)p->part) {
		case PART_HEADER:
			use = take_header(p, bytes, n, ev, arg);
			break;
		case PART_CONTENT:
			use = take_content(p, bytes, n, ev, arg);
			break;
		case PART_PADDING:
		default:
			use = min_size(n, p->pad);
			p->pad -= (uint8_t)use;
			if (p->pad == 0)
				p->part = PART_HEADER;
			break;
		}
		bytes += use;
		n -= use;
	}
	return p->broken;
}

/* -- PARAMS -------------------------------------------------------------- */

void
fcgi_params_init(struct fcgi_params *ps, struct arena *a)
{
	memset(ps, 0, sizeof(*ps));
	ps->a = a;
}

static enum err
params_grow(struct fcgi_params *ps)
{
	uint32_t cap = ps->cap ? FCGI_PARAMS_MAX_COUNT : 64;
	struct fcgi_param *v;

	if (ps->n < ps->cap)
		return ERR_OK;
	if (ps->n >= FCGI_PARAMS_MAX_COUNT)
		return ERR_LIMIT;
	v = arena_raw(ps->a, cap * sizeof(*v));
	if (!v)
		return ERR_NOMEM;
	if (ps->n)
		memcpy(v, ps->v, ps->n * sizeof(*v));
	ps->v = v;
	ps->cap = cap;
	return ERR_OK;
}

/* Lengths are known: check them, then take memory for both strings. */
static enum err
params_open(struct fcgi_params *ps)
{
	struct fcgi_pair *pr = &ps->pair;
	uint32_t left = FCGI_PARAMS_MAX_BYTES - ps->bytes;
	enum err e;

	if (pr->name_n == 0)
		return ERR_SYNTAX;
	if (pr->name_n > left || pr->value_n > left - pr->name_n)
		return ERR_LIMIT;
	e = params_grow(ps);
	if (e != ERR_OK)
		return e;
	ps->dst = arena_raw(ps->a, (size_t)pr->name_n + pr->value_n + 2);
	if (!ps->dst)
		return ERR_NOMEM;
	ps->bytes += pr->name_n + pr->value_n;
	return ERR_OK;
}

static void
params_close(struct fcgi_params *ps)
{
	struct fcgi_pair *pr = &ps->pair;
	struct fcgi_param *v = &ps->v[ps->n++];

	ps->dst[pr->name_n] = 0;
	ps->dst[pr->name_n + 1 + pr->value_n] = 0;
	v->name = str_of(ps->dst, pr->name_n);
	v->value = str_of(ps->dst + pr->name_n + 1, pr->value_n);
	ps->dst = NULL;
}

/* Copies what is there of the open pair; *used bytes were eaten. */
static enum err
params_copy(struct fcgi_params *ps, const char *p, size_t n, size_t *used)
{
	struct fcgi_pair *pr = &ps->pair;
	bool in_name = pr->at < pr->name_n;
	size_t left = (in_name ? 0 : pr->value_n) + pr->name_n - pr->at;
	size_t use = min_size(n, left);

	if (use && memchr(p, 0, use))
		return ERR_SYNTAX;
	memcpy(ps->dst + pr->at + (in_name ? 0 : 1), p, use);
	pr->at += (uint32_t)use;
	*used = use;
	if (pr->at == pr->name_n + pr->value_n)
		params_close(ps);
	return ERR_OK;
}

/*
 * A pair that lies whole in the piece, as nearly all do: taken at once. False:
 * it does not, or something is wrong with it, which the long way finds.
 */
static bool
take_whole(struct fcgi_params *ps, const char *p, size_t n, size_t *used)
{
	const unsigned char *head = (const unsigned char *)p;
	struct fcgi_pair *pr = &ps->pair;
	size_t a, at, both;

	if (n < sizeof(pr->head) || pr->head_n > 0)
		return false;
	a = head[0] & 0x80 ? 4 : 1;
	at = a + (head[a] & 0x80 ? 4 : 1);
	pr->name_n = length_at(head);
	pr->value_n = length_at(head + a);
	both = (size_t)pr->name_n + pr->value_n;
	if (both > n - at || memchr(p + at, 0, both))
		return false;
	ps->failed = params_open(ps);
	if (ps->failed != ERR_OK)
		return true;
	memcpy(ps->dst, p + at, pr->name_n);
	memcpy(ps->dst + pr->name_n + 1, p + at + pr->name_n, pr->value_n);
	params_close(ps);
	*used = at + both;
	return true;
}

enum err
fcgi_params_feed(struct fcgi_params *ps, const char *p, size_t n)
{
	while (n > 0 && ps->failed == ERR_OK) {
		size_t use = 1;

		if (ps->dst)
			ps->failed = params_copy(ps, p, n, &use);
		else if (!take_whole(ps, p, n, &use) &&
			 pair_head(&ps->pair, (unsigned char)*p))
			ps->failed = params_open(ps);
		p += use;
		n -= use;
	}
	return ps->failed;
}

#define SLOTS 512 /* a power of two, twice FCGI_PARAMS_MAX_COUNT */

/* Of the length and the last eight bytes: names differ mostly at their ends. */
static size_t
slot_of(struct str name)
{
	uint64_t tail = 0;
	size_t n = min_size(name.n, sizeof(tail));

	memcpy(&tail, name.p + name.n - n, n);
	return (tail + name.n) * 0x9e3779b97f4a7c15u >> 55;
}

/*
 * All pairs would be 2.4 us for 40 names, this is 0.3. Names made to collide
 * cost what all pairs would, and there are at most 256.
 */
static bool
has_duplicate(const struct fcgi_params *ps)
{
	uint16_t slots[SLOTS] = { 0 }; /* index + 1 */

	for (uint32_t i = 0; i < ps->n; i++) {
		size_t at = slot_of(ps->v[i].name);

		while (slots[at]) {
			if (str_eq(ps->v[slots[at] - 1].name, ps->v[i].name))
				return true;
			at = (at + 1) % SLOTS;
		}
		slots[at] = (uint16_t)(i + 1);
	}
	return false;
}

enum err
fcgi_params_finish(struct fcgi_params *ps)
{
	if (ps->failed == ERR_OK && (ps->dst || ps->pair.head_n))
		ps->failed = ERR_SYNTAX;
	if (ps->failed == ERR_OK && has_duplicate(ps))
		ps->failed = ERR_DENIED;
	return ps->failed;
}

enum err
fcgi_params_add(struct fcgi_params *ps, struct str name, struct str value)
{
	size_t used;

	if (ps->failed != ERR_OK)
		return ps->failed;
	if (name.n > FCGI_PARAMS_MAX_BYTES || value.n > FCGI_PARAMS_MAX_BYTES)
		return ps->failed = ERR_LIMIT;
	ps->pair.name_n = (uint32_t)name.n;
	ps->pair.value_n = (uint32_t)value.n;
	ps->pair.at = 0;
	ps->failed = params_open(ps);
	if (ps->failed == ERR_OK)
		ps->failed = params_copy(ps, name.p, name.n, &used);
	if (ps->failed == ERR_OK && ps->dst)
		ps->failed = params_copy(ps, value.p, value.n, &used);
	return ps->failed;
}
