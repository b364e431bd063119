#include "mock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "wire/b64.h"

/*
 * Recorded answers. POST /_mock/answer queues a rule; the first rule that
 * matches a request is played, `times` times. The bytes of the body are sent
 * as they were recorded, in pieces that are each an HTTP chunk and a write of
 * its own.
 */
#define RULES_MAX 4096
#define PIECE_RANDOM_MAX 48

enum framing {
	FRAMING_CHUNKED,
	FRAMING_LENGTH,
	FRAMING_CLOSE
};

struct rule {
	struct rule *next;
	char *model, *path; /* patterns with '*', or NULL */
	char *type;
	struct buf headers; /* lines */
	struct buf body;
	size_t *ends; /* where recorded chunks end */
	size_t n_ends;
	int status;
	enum framing framing;
	int64_t cut; /* bytes per write; 0: as recorded; -1: random */
	uint64_t seed;
	int64_t gap, delay; /* ms */
	int64_t stop_at; /* bytes of body after which it breaks; -1 never */
	bool is_reset; /* how it breaks */
	int64_t times; /* left; -1: for ever */
	unsigned refs;
};

static struct rule *rules;
static size_t n_rules;

static void
rule_unref(struct rule *r)
{
	if (--r->refs > 0)
		return;
	free(r->model);
	free(r->path);
	free(r->type);
	free(r->ends);
	buf_fini(&r->headers);
	buf_fini(&r->body);
	free(r);
}

/* --- the job --------------------------------------------------------------------- */

struct replay {
	struct mock_job job;
	struct rule *rule;
	size_t at, end; /* in body, in ends */
	uint64_t rnd;
	enum {
		REPLAY_WAIT,
		REPLAY_HEAD,
		REPLAY_BODY
	} stage;
};

static size_t
next_piece(struct replay *j)
{
	const struct rule *r = j->rule;
	size_t left = r->body.n - j->at, n = left;

	if (r->cut > 0) {
		n = (size_t)r->cut;
	} else if (r->cut < 0) {
		j->rnd = j->rnd * 6364136223846793005u + 1442695040888963407u;
		n = 1 + (size_t)(j->rnd >> 33) % PIECE_RANDOM_MAX;
	} else if (j->end < r->n_ends) {
		n = r->ends[j->end++] - j->at;
	}
	n = n < left ? n : left;
	if (r->stop_at >= 0 && j->at + n > (size_t)r->stop_at)
		n = (size_t)r->stop_at - j->at;
	return n;
}

static enum mock_next
replay_head(struct replay *j, struct mock_conn *c)
{
	const struct rule *r = j->rule;
	int64_t length = -1;
	size_t from = c->out.n;

	if (r->framing == FRAMING_CLOSE)
		c->wants_close = true;
	if (r->framing == FRAMING_LENGTH)
		length = (int64_t)r->body.n;
	mock_http_head(&c->out, r->status, r->type, buf_str(&r->headers),
	    length, c->wants_close);
	if (r->framing == FRAMING_CLOSE) {
		/* no framing field: the end of the connection ends the body */
		size_t n = sizeof("transfer-encoding: chunked\r\n\r\n") - 1;

		ASSERT(c->out.failed || c->out.n - from > n);
		c->out.n -= n;
		buf_addz(&c->out, "\r\n");
	}
	if (r->status < 600)
		mock_counters.by_status[r->status]++;
	j->stage = REPLAY_BODY;
	return NEXT_FLUSH;
}

static enum mock_next
replay_body(struct replay *j, struct mock_conn *c)
{
	const struct rule *r = j->rule;
	size_t n;

	if (r->stop_at >= 0 && j->at >= (size_t)r->stop_at)
		return r->is_reset ? NEXT_RESET : NEXT_CLOSE;
	if (j->at == r->body.n) {
		if (r->framing == FRAMING_CHUNKED)
			buf_addz(&c->out, "0\r\n\r\n");
		return c->wants_close ? NEXT_CLOSE : NEXT_DONE;
	}
	n = next_piece(j);
	if (r->framing == FRAMING_CHUNKED)
		mock_http_chunk(&c->out, str_of(r->body.p + j->at, n));
	else
		buf_add(&c->out, r->body.p + j->at, n);
	j->at += n;
	c->wait = r->gap * USEC_PER_MSEC;
	return r->gap > 0 ? NEXT_AFTER : NEXT_FLUSH;
}

static enum mock_next
replay_step(struct mock_job *job, struct mock_conn *c)
{
	struct replay *j = (struct replay *)job;

	switch (j->stage) {
	case REPLAY_WAIT:
		j->stage = REPLAY_HEAD;
		c->wait = j->rule->delay * USEC_PER_MSEC;
		return c->wait > 0 ? NEXT_AFTER : NEXT_NOW;
	case REPLAY_HEAD:
		return replay_head(j, c);
	case REPLAY_BODY:
		break;
	}
	return replay_body(j, c);
}

static void
replay_end(struct mock_job *job, bool is_aborted)
{
	struct replay *j = (struct replay *)job;

	if (is_aborted)
		mock_stats_abort("(replay)", (int64_t)j->at);
	rule_unref(j->rule);
	free(j);
}

struct mock_job *
mock_replay_find(struct mock_conn *c, struct str path, struct str model)
{
	struct rule **at = &rules, *r;
	struct replay *j;

	(void)c;
	for (; (r = *at); at = &r->next) {
		if (r->model && !str_glob(str_z(r->model), model))
			continue;
		if (!r->path || str_glob(str_z(r->path), path))
			break;
	}
	if (!r)
		return NULL;
	j = calloc(1, sizeof(*j));
	if (!j)
		abort();
	j->job = (struct mock_job){ replay_step, replay_end };
	j->rule = r;
	j->rnd = r->seed;
	r->refs++;
	if (r->times > 0 && --r->times == 0) {
		*at = r->next;
		n_rules--;
		rule_unref(r);
	}
	return &j->job;
}

/* --- the queue ---------------------------------------------------------------------- */

void
mock_replay_clear(void)
{
	while (rules) {
		struct rule *r = rules;

		rules = r->next;
		rule_unref(r);
	}
	n_rules = 0;
}

size_t
mock_replay_count(void)
{
	return n_rules;
}

static int64_t
get_int(const json_t *o, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static char *
get_text(const json_t *o, const char *key)
{
	const char *z = json_string_value(json_object_get(o, key));

	return z ? strdup(z) : NULL;
}

/* Framing fields of the recording do not fit what is sent here. */
static bool
is_framing_field(const char *name)
{
	return strcasecmp(name, "content-length") == 0 ||
	       strcasecmp(name, "transfer-encoding") == 0 ||
	       strcasecmp(name, "content-encoding") == 0 ||
	       strcasecmp(name, "connection") == 0;
}

static void
read_headers(struct rule *r, json_t *headers)
{
	const char *name;
	json_t *v;

	json_object_foreach(headers, name, v)
	{
		const char *text = json_string_value(v);

		if (!text || is_framing_field(name) || strpbrk(text, "\r\n"))
			continue;
		if (strcasecmp(name, "content-type") == 0) {
			free(r->type);
			r->type = strdup(text);
			continue;
		}
		buf_printf(&r->headers, "%s: %s\r\n", name, text);
	}
}

static const char *
read_chunks(struct rule *r, const json_t *list, bool is_base64)
{
	r->n_ends = json_array_size(list);
	r->ends = calloc(r->n_ends + 1, sizeof(*r->ends));
	if (!r->ends)
		return "out of memory";
	for (size_t i = 0; i < r->n_ends; i++) {
		const json_t *v = json_array_get(list, i);
		struct str s =
		    str_of(json_string_value(v), json_string_length(v));

		if (!s.p)
			return "chunks must be strings";
		if (!is_base64)
			buf_adds(&r->body, s);
		else if (b64_decode(&r->body, s) != ERR_OK)
			return "bad base64";
		r->ends[i] = r->body.n;
	}
	return NULL;
}

static const char *
read_body(struct rule *r, const json_t *o)
{
	const json_t *v;
	char *text;

	if ((v = json_object_get(o, "chunks")))
		return read_chunks(r, v, false);
	if ((v = json_object_get(o, "chunks_base64")))
		return read_chunks(r, v, true);
	v = json_object_get(o, "body");
	if (json_is_string(v)) {
		buf_add(&r->body, json_string_value(v), json_string_length(v));
	} else if (v) {
		text = json_dumps(v, JSON_ENCODE_ANY);
		buf_addz(&r->body, text ? text : "");
		free(text);
	}
	return r->body.failed ? "the body is too large" : NULL;
}

static void
read_framing(struct rule *r, const json_t *o)
{
	const json_t *cut = json_object_get(o, "cut");
	const char *word = json_string_value(json_object_get(o, "framing"));

	r->cut = json_is_integer(cut) ? json_integer_value(cut) : 0;
	if (json_is_string(cut))
		r->cut = -1;
	r->framing = r->n_ends || r->cut ? FRAMING_CHUNKED : FRAMING_LENGTH;
	if (word && strcmp(word, "chunked") == 0)
		r->framing = FRAMING_CHUNKED;
	else if (word && strcmp(word, "length") == 0)
		r->framing = FRAMING_LENGTH;
	else if (word && strcmp(word, "close") == 0)
		r->framing = FRAMING_CLOSE;
}

static const char *
read_rule(struct rule *r, const json_t *o)
{
	const json_t *match = json_object_get(o, "match");
	const char *fault;

	buf_init(&r->headers, MOCK_HEAD_MAX);
	buf_init(&r->body, MOCK_BODY_MAX);
	r->refs = 1;
	r->model = get_text(match, "model");
	r->path = get_text(match, "path");
	r->status = (int)get_int(o, "status", 200);
	if (r->status < 200 || r->status > 599)
		return "status must be 200 to 599";
	r->times = get_int(o, "times", 1);
	if (r->times == 0)
		r->times = -1;
	r->seed = (uint64_t)get_int(o, "seed", 1);
	r->gap = get_int(o, "gap", 0);
	r->delay = get_int(o, "delay", 0);
	r->stop_at = get_int(o, "stop_at", -1);
	r->is_reset = json_is_true(json_object_get(o, "reset"));
	read_headers(r, json_object_get(o, "headers"));
	fault = read_body(r, o);
	read_framing(r, o);
	return fault;
}

const char *
mock_replay_add(struct str text)
{
	static json_error_t why;
	json_t *o =
	    json_loadb(text.p ? text.p : "", text.n, JSON_ALLOW_NUL, &why);
	struct rule **at = &rules, *r;
	const char *fault;

	if (!json_is_object(o) || n_rules >= RULES_MAX) {
		json_decref(o);
		return o ? "too many answers are queued" : why.text;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	fault = read_rule(r, o);
	json_decref(o);
	if (fault) {
		rule_unref(r);
		return fault;
	}
	while (*at)
		at = &(*at)->next;
	*at = r;
	n_rules++;
	return NULL;
}
