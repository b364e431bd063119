#include "load.h"

#include <string.h>

#include "base/num.h"

#define LINE_MAX_BYTES ((size_t)1 << 20)

void
reply_init(struct reply *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->line, LINE_MAX_BYTES);
	buf_init(&r->event, LINE_MAX_BYTES);
}

void
reply_fini(struct reply *r)
{
	buf_fini(&r->line);
	buf_fini(&r->event);
}

void
reply_reset(struct reply *r, bool is_stream)
{
	struct buf line = r->line, event = r->event;
	void (*on_content)(struct reply *, usec_t) = r->on_content;

	memset(r, 0, sizeof(*r));
	buf_reset(&line);
	buf_reset(&event);
	r->line = line;
	r->event = event;
	r->on_content = on_content;
	r->is_stream = is_stream;
}

/* --- events ------------------------------------------------------------------ */

/* A content chunk of OpenAI's: some text, not the empty one of the start. */
static bool
is_content(struct str line)
{
	size_t at = str_find(line, STR("\"content\":"));

	if (at == SIZE_MAX)
		return false;
	line = str_skip(line, at + 10);
	if (line.n && line.p[0] == ' ')
		line = str_skip(line, 1);
	return line.n > 1 && line.p[0] == '"' && line.p[1] != '"';
}

static void
event_line(struct reply *r, struct str line, usec_t now)
{
	if (!str_starts(line, STR("data:")))
		return;
	if (is_content(line)) {
		r->events++;
		r->on_content(r, now);
	} else if (str_contains(line, STR("[DONE]"))) {
		r->saw_done = true;
	} else if (str_contains(line, STR("{\"error\":"))) {
		r->saw_error = true;
	}
}

static void
body(struct reply *r, struct str bytes, usec_t now)
{
	r->body_bytes += bytes.n;
	if (!r->is_stream)
		return;
	while (bytes.n) {
		size_t n = str_chr(bytes, '\n');

		if (n == bytes.n || r->event.n) {
			buf_add(&r->event, bytes.p, n);
			if (n == bytes.n)
				return;
			event_line(r, buf_str(&r->event), now);
			buf_reset(&r->event);
		} else {
			event_line(r, str_of(bytes.p, n), now);
		}
		bytes = str_skip(bytes, n + 1);
	}
}

/* --- heads --------------------------------------------------------------------- */

static void
head_field(struct reply *r, struct str line)
{
	struct str value = line, name = str_cut(&value, ':');
	uint64_t n;

	value = str_trim(value);
	if (str_case_eq(name, STR("content-length"))) {
		if (num_parse_u64(value, &n) != ERR_OK)
			r->state = REPLY_BAD;
		else if (r->state != REPLY_CHUNK_SIZE) {
			r->left = n;
			r->state = n ? REPLY_LENGTH : REPLY_DONE;
		}
	} else if (str_case_eq(name, STR("transfer-encoding"))) {
		r->state = REPLY_CHUNK_SIZE;
	} else if (str_case_eq(name, STR("connection"))) {
		r->keeps_alive = !str_case_eq(value, STR("close"));
	}
}

static void
head(struct reply *r)
{
	struct str rest = buf_str(&r->line);
	struct str line = str_trim(str_cut(&rest, '\n'));
	uint64_t status;

	r->keeps_alive = str_starts(line, STR("HTTP/1.1 "));
	(void)str_cut(&line, ' ');
	if (num_parse_u64(str_cut(&line, ' '), &status) != ERR_OK ||
	    status < 100 || status > 599) {
		r->state = REPLY_BAD;
		return;
	}
	r->status = (int)status;
	if (status == 100) {
		buf_reset(&r->line);
		return;
	}
	r->state = REPLY_TO_END;
	while (str_present(rest) && r->state != REPLY_BAD)
		head_field(r, str_trim(str_cut(&rest, '\n')));
	if (r->state == REPLY_TO_END)
		r->keeps_alive = false;
	buf_reset(&r->line);
}

/* --- the framing ------------------------------------------------------------------ */

/* Takes a line into r->line; its length in bytes, 0 when it is not complete. */
static size_t
take_line(struct reply *r, struct str bytes, bool *is_complete)
{
	size_t n = str_chr(bytes, '\n');

	*is_complete = n < bytes.n;
	n += *is_complete;
	buf_add(&r->line, bytes.p, n);
	if (r->line.failed)
		r->state = REPLY_BAD;
	return n;
}

static bool
is_head_complete(const struct buf *b)
{
	return (b->n >= 4 && memcmp(b->p + b->n - 4, "\r\n\r\n", 4) == 0) ||
	       (b->n >= 2 && memcmp(b->p + b->n - 2, "\n\n", 2) == 0);
}

static size_t
feed_line(struct reply *r, struct str bytes)
{
	bool is_complete;
	size_t n = take_line(r, bytes, &is_complete);
	struct str line;
	uint64_t size;

	if (!is_complete || r->state == REPLY_BAD)
		return n;
	if (r->state == REPLY_HEAD) {
		if (is_head_complete(&r->line))
			head(r);
		return n;
	}
	line = str_trim(buf_str(&r->line));
	if (r->state == REPLY_CHUNK_END) {
		r->state = line.n ? REPLY_BAD : REPLY_CHUNK_SIZE;
	} else if (r->state == REPLY_TRAILER) {
		r->state = line.n ? REPLY_TRAILER : REPLY_DONE;
	} else if (num_parse_hex_u64(str_cut(&line, ';'), &size) != ERR_OK) {
		r->state = REPLY_BAD;
	} else {
		r->left = size;
		r->state = size ? REPLY_CHUNK : REPLY_TRAILER;
	}
	buf_reset(&r->line);
	return n;
}

bool
reply_feed(struct reply *r, struct str bytes, usec_t now)
{
	while (bytes.n && r->state < REPLY_DONE) {
		size_t n = bytes.n;

		if (r->state == REPLY_TO_END) {
			body(r, bytes, now);
		} else if (r->state == REPLY_LENGTH ||
			   r->state == REPLY_CHUNK) {
			n = n < r->left ? n : (size_t)r->left;
			body(r, str_of(bytes.p, n), now);
			r->left -= n;
			if (r->left == 0)
				r->state = r->state == REPLY_LENGTH
					       ? REPLY_DONE
					       : REPLY_CHUNK_END;
		} else {
			n = feed_line(r, bytes);
		}
		bytes = str_skip(bytes, n);
	}
	return r->state < REPLY_DONE;
}

bool
reply_eof(struct reply *r)
{
	if (r->state != REPLY_TO_END)
		return false;
	r->state = REPLY_DONE;
	return true;
}
