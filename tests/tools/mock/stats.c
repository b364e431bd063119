#include "mock.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define MODELS_MAX 4096
#define ABORTS_MAX 64
#define LAST_BODY_MAX ((size_t)256 << 10)

struct mock_counters mock_counters;

static struct mock_model other = { .name = NULL };
static struct map *models;

static struct {
	usec_t at;
	int64_t chunks;
	char model[192];
} aborts[ABORTS_MAX];

struct last {
	usec_t at;
	struct buf head, body;
	size_t body_bytes;
	int64_t prompt, completion; /* tokens */
	bool is_complete; /* the whole answer has gone out */
};

static struct last *lasts; /* a ring of mock_options.last_max */
static uint64_t n_last;

struct mock_model *
mock_stats_model(struct str name)
{
	struct mock_model *m;

	if (!models)
		models = map_new(MODELS_MAX);
	m = map_find(models, name);
	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (m)
		m->name = strndup(name.p ? name.p : "", name.n);
	if (!m || !m->name ||
	    map_put(models, str_of(m->name, name.n), m) != ERR_OK) {
		if (m)
			free(m->name);
		free(m);
		return &other;
	}
	return m;
}

uint64_t
mock_stats_request(const struct mock_req *r)
{
	struct last *l;

	if (mock_options.last_max == 0 || str_starts(r->path, STR("/_mock/")))
		return 0;
	if (!lasts) {
		lasts = calloc(mock_options.last_max, sizeof(*lasts));
		if (!lasts)
			abort();
		for (size_t i = 0; i < mock_options.last_max; i++) {
			buf_init(&lasts[i].head, MOCK_HEAD_MAX * 2);
			buf_init(&lasts[i].body, LAST_BODY_MAX);
		}
	}
	l = &lasts[n_last++ % mock_options.last_max];
	l->at = ev_now();
	l->body_bytes = r->body.n;
	l->prompt = l->completion = 0;
	l->is_complete = false;
	buf_reset(&l->head);
	buf_reset(&l->body);
	buf_adds(&l->head, r->head);
	buf_add(&l->body, r->body.p,
	    r->body.n < LAST_BODY_MAX ? r->body.n : LAST_BODY_MAX);
	return n_last;
}

void
mock_stats_spent(
    uint64_t number, int64_t prompt, int64_t completion, bool is_complete)
{
	struct last *l;

	/* others have taken its place, or all was forgotten */
	if (number == 0 || number > n_last ||
	    n_last - number >= mock_options.last_max)
		return;
	l = &lasts[(number - 1) % mock_options.last_max];
	l->prompt = prompt;
	l->completion = completion;
	l->is_complete = is_complete;
}

void
mock_stats_abort(const char *model, int64_t chunks)
{
	size_t i = (size_t)(mock_counters.client_aborts++ % ABORTS_MAX);

	aborts[i].at = ev_now();
	aborts[i].chunks = chunks;
	snprintf(aborts[i].model, sizeof(aborts[i].model), "%s", model);
}

/* --- as JSON ------------------------------------------------------------------ */

static void
set_int(json_t *o, const char *key, int64_t v)
{
	json_object_set_new(o, key, json_integer(v));
}

static json_t *
models_json(void)
{
	json_t *o = json_object(), *row;
	struct mock_model *m;
	struct str key;
	size_t pos = 0;
	void *value;

	while (models && map_next(models, &pos, &key, &value)) {
		m = value;
		if (m->requests == 0)
			continue;
		row = json_object();
		set_int(row, "requests", m->requests);
		set_int(row, "prompt_tokens", m->prompt_tokens);
		set_int(row, "completion_tokens", m->completion_tokens);
		json_object_set_new(o, m->name, row);
	}
	return o;
}

static json_t *
aborts_json(void)
{
	int64_t n = mock_counters.client_aborts;
	json_t *list = json_array();

	for (int64_t i = n > ABORTS_MAX ? n - ABORTS_MAX : 0; i < n; i++) {
		size_t k = (size_t)(i % ABORTS_MAX);
		json_t *row = json_object();

		set_int(row, "at_us", aborts[k].at);
		set_int(row, "chunks_sent", aborts[k].chunks);
		json_object_set_new(row, "model", json_string(aborts[k].model));
		json_array_append_new(list, row);
	}
	return list;
}

static void
dump_to(struct buf *out, json_t *v)
{
	char *text = json_dumps(v, JSON_INDENT(1) | JSON_SORT_KEYS);

	buf_addz(out, text ? text : "{}");
	buf_addc(out, '\n');
	free(text);
	json_decref(v);
}

void
mock_stats_json(struct buf *out)
{
	const struct mock_counters *c = &mock_counters;
	json_t *o = json_object(), *status = json_object();
	char word[16];

	set_int(o, "now_us", ev_now());
	set_int(o, "requests", c->requests);
	set_int(o, "refused", c->refused);
	set_int(o, "prompt_tokens", c->prompt_tokens);
	set_int(o, "completion_tokens", c->completion_tokens);
	set_int(o, "streams_open", c->streams_open);
	set_int(o, "streams_max", c->streams_max);
	set_int(o, "connections", c->connections);
	set_int(o, "connections_open", c->connections_open);
	set_int(o, "client_aborts", c->client_aborts);
	set_int(o, "streamed_bytes", c->streamed_bytes);
	set_int(o, "answers_queued", (int64_t)mock_replay_count());
	for (int i = 0; i < 600; i++) {
		if (c->by_status[i] == 0)
			continue;
		snprintf(word, sizeof(word), "%d", i);
		set_int(status, word, c->by_status[i]);
	}
	json_object_set_new(o, "by_status", status);
	json_object_set_new(o, "by_model", models_json());
	json_object_set_new(o, "aborts", aborts_json());
	dump_to(out, o);
}

/* Lower-case names; a field that came twice is joined with ", ". */
static json_t *
headers_json(struct str head)
{
	json_t *o = json_object();

	(void)str_cut(&head, '\n');
	while (str_present(head)) {
		struct str value = str_trim(str_cut(&head, '\n'));
		struct str name = str_cut(&value, ':');
		char key[128];
		json_t *old;
		size_t n = name.n < sizeof(key) - 1 ? name.n : sizeof(key) - 1;

		if (n == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			key[i] = name.p[i] >= 'A' && name.p[i] <= 'Z'
				     ? (char)(name.p[i] + 32)
				     : name.p[i];
		key[n] = '\0';
		value = str_trim(value);
		old = json_object_get(o, key);
		json_object_set_new(o, key,
		    old ? json_sprintf("%s, %.*s", json_string_value(old),
			      STR_ARG(value))
			: json_stringn(value.p ? value.p : "", value.n));
	}
	return o;
}

static json_t *
last_json(const struct last *l, bool is_brief)
{
	struct str line = buf_str(&l->head);
	json_t *o = json_object(), *text;

	line = str_trim(str_cut(&line, '\n'));
	set_int(o, "at_us", l->at);
	if (!is_brief) {
		json_object_set_new(o, "line", json_stringn(line.p, line.n));
		json_object_set_new(
		    o, "headers", headers_json(buf_str(&l->head)));
	}
	set_int(o, "body_bytes", (int64_t)l->body_bytes);
	set_int(o, "prompt_tokens", l->prompt);
	set_int(o, "completion_tokens", l->completion);
	json_object_set_new(o, "is_complete", json_boolean(l->is_complete));
	text = json_stringn(l->body.p ? l->body.p : "", l->body.n);
	/* NULL when it is not UTF-8 */
	json_object_set_new(o, "body", text ? text : json_null());
	return o;
}

void
mock_stats_last(struct buf *out, size_t n, bool is_brief)
{
	json_t *list = json_array();
	uint64_t from;

	if (n > mock_options.last_max)
		n = mock_options.last_max;
	from = n_last > n ? n_last - n : 0;
	for (uint64_t i = from; i < n_last; i++)
		json_array_append_new(list,
		    last_json(&lasts[i % mock_options.last_max], is_brief));
	dump_to(out, list);
}

void
mock_stats_reset(void)
{
	int64_t open = mock_counters.connections_open;
	int64_t streams = mock_counters.streams_open;
	struct str key;
	size_t pos = 0;
	void *value;

	memset(&mock_counters, 0, sizeof(mock_counters));
	mock_counters.connections_open = open;
	mock_counters.streams_open = streams;
	n_last = 0;
	/* rows stay: answers under way point at them */
	while (models && map_next(models, &pos, &key, &value)) {
		struct mock_model *m = value;

		m->requests = m->prompt_tokens = 0;
		m->completion_tokens = m->failed_first = 0;
	}
	mock_replay_clear();
}
