#include "wire/sse.h"

#include <string.h>

/* A buffer larger than this is given back when its event is over. */
#define KEEP_BYTES 65536

static const struct str absent = { NULL, 0 };

void
sse_init(struct sse *s, size_t max_event_bytes)
{
	ASSERT(max_event_bytes > 0 && max_event_bytes < SIZE_MAX / 2);
	memset(s, 0, sizeof(*s));
	s->max = max_event_bytes;
	/* One more: stray lines are joined with an LF that is counted late. */
	buf_init(&s->hold, max_event_bytes + 1);
	buf_init(&s->name, SSE_NAME_MAX);
}

void
sse_fini(struct sse *s)
{
	buf_fini(&s->hold);
	buf_fini(&s->name);
}

/*
 * Delivers what has been gathered, if anything, and starts afresh. hold keeps
 * its bytes: the line being read may still be there.
 */
static enum err
dispatch(struct sse *s, sse_fn fn, void *arg)
{
	struct sse_event ev = { SSE_DATA, s->event, absent };
	bool has_data = s->has_data;

	if (s->is_stray)
		ev.kind = SSE_STRAY;
	ev.data = s->data.p ? s->data : str_of(s->hold.p, s->data_n);
	if (!ev.data.p)
		ev.data = STR("");
	s->has_data = false;
	s->is_stray = false;
	s->data = absent;
	s->data_n = 0;
	s->event = absent;
	return has_data ? fn(arg, &ev) : ERR_OK;
}

/*
 * Adds one line's value to the event's data. in_hold: the value lies in hold,
 * behind the data. Only one of s->data and a line in hold can be there: the
 * line in hold began in an earlier feed, s->data in this one.
 */
static void
add_data(struct sse *s, struct str value, bool in_hold)
{
	size_t off = in_hold ? (size_t)(value.p - s->hold.p) : 0;

	if (!s->has_data) {
		s->has_data = true;
		if (!in_hold) {
			s->data = value;
			return;
		}
		memmove(s->hold.p, s->hold.p + off, value.n);
		s->data_n = value.n;
		return;
	}
	if (s->data.p) {
		buf_adds(&s->hold, s->data);
		s->data_n = s->data.n;
		s->data = absent;
	}
	if (in_hold) {
		if (!buf_room(&s->hold, 1))
			return;
		memmove(s->hold.p + s->data_n + 1, s->hold.p + off, value.n);
		s->hold.p[s->data_n] = '\n';
	} else {
		buf_addc(&s->hold, '\n');
		buf_adds(&s->hold, value);
	}
	if (!s->hold.failed)
		s->data_n += 1 + value.n;
}

/* Copies a name that would not outlive its bytes. */
static enum err
keep_event(struct sse *s)
{
	if (!s->event.p || s->event.p == s->name.p)
		return ERR_OK;
	buf_reset(&s->name);
	buf_adds(&s->name, s->event);
	if (s->name.failed)
		return ERR_NOMEM;
	s->event = buf_str(&s->name);
	return ERR_OK;
}

static enum err
take_event(struct sse *s, struct str value, bool in_hold)
{
	if (value.n > SSE_NAME_MAX)
		return ERR_LIMIT;
	s->event = value.n ? value : absent;
	return in_hold ? keep_event(s) : ERR_OK;
}

static struct str
after_space(struct str s)
{
	return s.n && s.p[0] == ' ' ? str_skip(s, 1) : s;
}

/* "data", "data:" or "event:..." and so on: the fields that we know. */
static bool
is_field(struct str line, struct str name)
{
	return str_starts(line, name) &&
	       (line.n == name.n || line.p[name.n] == ':');
}

static struct str
field_value(struct str line, struct str name)
{
	return after_space(str_skip(line, name.n + 1));
}

static enum err
take_field(struct sse *s, struct str line, bool in_hold, sse_fn fn, void *arg)
{
	bool is_data = is_field(line, STR("data"));
	bool is_event = is_field(line, STR("event"));
	bool is_body = line.p[0] == '{' || line.p[0] == '[';
	enum err e;

	if (s->is_stray && !is_data && !is_event) {
		add_data(s, line, in_hold);
		return ERR_OK;
	}
	/* A stray body begins or ends without a blank line between. */
	if (s->has_data && (is_body || s->is_stray)) {
		e = dispatch(s, fn, arg);
		if (e != ERR_OK)
			return e;
	}
	if (is_data) {
		add_data(s, field_value(line, STR("data")), in_hold);
	} else if (is_event) {
		return take_event(s, field_value(line, STR("event")), in_hold);
	} else if (is_body) {
		s->is_stray = true;
		add_data(s, line, in_hold);
	}
	return ERR_OK;
}

static enum err
take_line(struct sse *s, struct str line, bool in_hold, sse_fn fn, void *arg)
{
	enum err e;

	if (!s->begun && str_starts(line, STR("\xef\xbb\xbf")))
		line = str_skip(line, 3);
	s->begun = true;
	if (line.n == 0) {
		e = dispatch(s, fn, arg);
	} else if (line.p[0] == ':') {
		struct sse_event ev = { SSE_COMMENT, absent, absent };

		ev.data = after_space(str_skip(line, 1));
		e = fn(arg, &ev);
	} else {
		e = take_field(s, line, in_hold, fn, arg);
	}
	if (e == ERR_OK && s->hold.failed)
		e = ERR_NOMEM;
	s->hold.n = s->data_n;
	if (s->data_n == 0 && s->hold.cap > KEEP_BYTES)
		buf_fini(&s->hold);
	return e;
}

/*
 * The next line end in [p, end), or NULL. *lf remembers the next LF, so that
 * lines that end in lone CRs do not have it searched again and again.
 */
static const char *
find_eol(const char *p, const char *end, const char **lf)
{
	const char *cr;

	if (!*lf || *lf < p) {
		*lf = memchr(p, '\n', (size_t)(end - p));
		if (!*lf)
			*lf = end;
	}
	cr = memchr(p, '\r', (size_t)(*lf - p));
	if (cr)
		return cr;
	return *lf < end ? *lf : NULL;
}

/* n more bytes belong to the line being read. */
static bool
is_too_long(const struct sse *s, size_t n)
{
	size_t have = s->data.p ? s->data.n : s->hold.n;

	return have > s->max || n > s->max - have;
}

static enum err
feed_lines(
    struct sse *s, const char **at, const char *end, sse_fn fn, void *arg)
{
	const char *p = *at, *lf = NULL, *eol;
	enum err e = ERR_OK;

	while (p < end && e == ERR_OK) {
		struct str line;
		bool in_hold = s->hold.n > s->data_n;

		if (s->skip_lf) {
			s->skip_lf = false;
			if (*p == '\n') {
				p++;
				continue;
			}
		}
		eol = find_eol(p, end, &lf);
		line = str_of(p, (size_t)((eol ? eol : end) - p));
		if (is_too_long(s, line.n))
			return ERR_LIMIT;
		if (!eol)
			break;
		if (in_hold) {
			buf_adds(&s->hold, line);
			if (s->hold.failed)
				return ERR_NOMEM;
			line = str_skip(buf_str(&s->hold), s->data_n);
		}
		s->skip_lf = *eol == '\r';
		p = eol + 1;
		e = take_line(s, line, in_hold, fn, arg);
	}
	*at = p;
	return e;
}

/* What is not over yet moves out of the caller's bytes. */
static enum err
keep_rest(struct sse *s, const char *p, const char *end)
{
	enum err e = keep_event(s);

	if (e != ERR_OK)
		return e;
	if (s->data.p) {
		buf_adds(&s->hold, s->data);
		s->data_n = s->data.n;
		s->data = absent;
	}
	buf_add(&s->hold, p, (size_t)(end - p));
	return s->hold.failed ? ERR_NOMEM : ERR_OK;
}

enum err
sse_feed(struct sse *s, const char *p, size_t n, sse_fn fn, void *arg)
{
	const char *end = p + n;

	if (s->broken == ERR_OK && n > 0)
		s->broken = feed_lines(s, &p, end, fn, arg);
	if (s->broken == ERR_OK && n > 0)
		s->broken = keep_rest(s, p, end);
	return s->broken;
}

enum err
sse_end(struct sse *s, sse_fn fn, void *arg)
{
	enum err e = s->broken;

	if (e == ERR_OK && s->hold.n > s->data_n)
		e = take_line(
		    s, str_skip(buf_str(&s->hold), s->data_n), true, fn, arg);
	if (e == ERR_OK)
		e = dispatch(s, fn, arg);
	s->broken = e != ERR_OK ? e : ERR_CLOSED;
	return e;
}
