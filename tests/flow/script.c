#include "scenario.h"

#include "base/fault.h"
#include "base/json_out.h"
#include "base/num.h"
#include "wire/b64.h"
#include "wire/url.h"

#define CHUNKS_MAX 4096

/* One call under way. */
struct upstream_xfer {
	struct script *script;
	struct script_call *record;
	const struct tree_node *answer;
	const struct upstream_call *call;
	const struct upstream_sink *sink;
	void *arg;
	struct timer timer;
	struct arena *arena;
	struct str chunk[CHUNKS_MAX];
	uint32_t n_chunks, at;
	usec_t started, first_byte, last_byte;
	uint64_t bytes_in;
	enum upstream_end end; /* the next timer delivers it */
	bool is_head_done, is_paused, is_ending;
};

usec_t
scenario_duration(const struct tree_node *n, usec_t otherwise)
{
	usec_t t;

	if (!n || num_parse_duration(tree_text(n), &t) != ERR_OK)
		return otherwise;
	return t;
}

/* ---- bodies ------------------------------------------------------------ */

static void
add_chunk(struct upstream_xfer *x, struct str s)
{
	ASSERT(x->n_chunks < CHUNKS_MAX);
	x->chunk[x->n_chunks++] = arena_str(x->arena, s);
}

static void
put_usage(struct json_out *o, const struct tree_node *usage)
{
	int64_t prompt = 3, completion = 5;

	if (usage) {
		prompt = tree_i64_or(tree_first(usage), 0);
		completion = tree_i64_or(tree_first(usage)->next, 0);
	}
	json_out_key(o, "usage");
	json_out_obj(o);
	json_out_kv_i64(o, "prompt_tokens", prompt);
	json_out_kv_i64(o, "completion_tokens", completion);
	json_out_kv_i64(o, "total_tokens", num_add_i64_sat(prompt, completion));
	json_out_end(o);
}

static void
put_start(struct json_out *o, const char *object)
{
	json_out_obj(o);
	json_out_kv_str(o, "id", STR("chatcmpl-1"));
	json_out_kv_str(o, "object", str_z(object));
	json_out_kv_i64(o, "created", 1700000000);
	json_out_kv_str(o, "model", STR("upstream-model"));
	json_out_key(o, "choices");
	json_out_arr(o);
}

/* `text:` a whole chat.completion. */
static void
make_whole(struct upstream_xfer *x, struct str text)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, 1 << 20);
	json_out_init(&o, &b);
	put_start(&o, "chat.completion");
	json_out_obj(&o);
	json_out_kv_i64(&o, "index", 0);
	json_out_key(&o, "message");
	json_out_obj(&o);
	json_out_kv_str(&o, "role", STR("assistant"));
	json_out_kv_str(&o, "content", text);
	json_out_end(&o);
	json_out_kv_str(&o, "finish_reason", STR("stop"));
	json_out_end(&o);
	json_out_end(&o);
	put_usage(&o, tree_find(x->answer, "usage"));
	json_out_end(&o);
	add_chunk(x, buf_str(&b));
	buf_fini(&b);
}

static void
make_event(struct upstream_xfer *x, struct str content, const char *finish)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_addz(&b, "data: ");
	json_out_init(&o, &b);
	put_start(&o, "chat.completion.chunk");
	json_out_obj(&o);
	json_out_kv_i64(&o, "index", 0);
	json_out_key(&o, "delta");
	json_out_obj(&o);
	if (str_present(content))
		json_out_kv_str(&o, "content", content);
	json_out_end(&o);
	json_out_kv_raw(&o, "finish_reason", str_z(finish));
	json_out_end(&o);
	json_out_end(&o);
	json_out_end(&o);
	buf_addz(&b, "\n\n");
	add_chunk(x, buf_str(&b));
	buf_fini(&b);
}

/* `stream:` the pieces as chat.completion.chunk events. */
static void
make_stream(struct upstream_xfer *x, const struct tree_node *pieces)
{
	struct json_out o;
	struct buf b;

	tree_each(pieces, piece) make_event(x, tree_text(piece), "null");
	make_event(x, (struct str){ 0 }, "\"stop\"");
	buf_init(&b, 4096);
	buf_addz(&b, "data: ");
	json_out_init(&o, &b);
	put_start(&o, "chat.completion.chunk");
	json_out_end(&o);
	put_usage(&o, tree_find(x->answer, "usage"));
	json_out_end(&o);
	buf_addz(&b, "\n\ndata: [DONE]\n\n");
	add_chunk(x, buf_str(&b));
	buf_fini(&b);
}

/* `body_base64:` bytes that are no text. */
static void
make_binary(struct upstream_xfer *x, struct str text)
{
	struct buf b;

	buf_init(&b, 1 << 24);
	ASSERT(b64_decode(&b, text) == ERR_OK);
	add_chunk(x, buf_str(&b));
	buf_fini(&b);
}

static void
make_chunks(struct upstream_xfer *x)
{
	const struct tree_node *n;

	if ((n = tree_find(x->answer, "text")))
		make_whole(x, tree_text(n));
	if ((n = tree_find(x->answer, "stream")))
		make_stream(x, n);
	tree_each(tree_find(x->answer, "chunks"), chunk)
	    add_chunk(x, tree_text(chunk));
	if ((n = tree_find(x->answer, "body")))
		add_chunk(x, tree_text(n));
	if ((n = tree_find(x->answer, "body_base64")))
		make_binary(x, tree_text(n));
}

/* ---- time -------------------------------------------------------------- */

static void step(void *arg);

static void
xfer_free(struct upstream_xfer *x)
{
	timer_stop(x->script->loop, &x->timer);
	arena_free(x->arena);
	free(x);
}

static void
finish(struct upstream_xfer *x, enum upstream_end end)
{
	const struct upstream_sink *sink = x->sink;
	void *arg = x->arg;
	struct upstream_result r = {
		.end = end,
		.connected = end == UPSTREAM_CONNECT || end == UPSTREAM_DNS
				 ? -1
				 : USEC_PER_MSEC,
		.first_byte = x->bytes_in ? x->first_byte - x->started : -1,
		.total = clock_mono() - x->started,
		.bytes_in = x->bytes_in,
		.request_sent = end != UPSTREAM_CONNECT && end != UPSTREAM_DNS,
	};

	if (end != UPSTREAM_OK)
		snprintf(r.detail, sizeof(r.detail), "scripted %s",
		    upstream_end_word(end));
	xfer_free(x);
	fault_pause(false);
	sink->done(arg, &r);
	fault_pause(true);
}

/* Limit of the present phase, as time of the clock. */
static usec_t
phase_limit(const struct upstream_xfer *x, enum upstream_end *end)
{
	usec_t total = x->started + x->call->timeout_total;
	usec_t phase = x->bytes_in ? x->last_byte + x->call->timeout_idle
				   : x->started + x->call->timeout_first_byte;

	*end =
	    x->bytes_in ? UPSTREAM_TIMEOUT_IDLE : UPSTREAM_TIMEOUT_FIRST_BYTE;
	if (total <= phase) {
		*end = UPSTREAM_TIMEOUT_TOTAL;
		return total;
	}
	return phase;
}

/* The next thing happens after `delay`, unless a time-out comes first. */
static void
schedule(struct upstream_xfer *x, usec_t delay, enum upstream_end end)
{
	enum upstream_end late;
	usec_t limit = phase_limit(x, &late);

	x->end = end;
	if (delay < 0 || clock_mono() + delay > limit) {
		x->end = late;
		x->is_ending = true;
		delay = limit - clock_mono();
	}
	ASSERT(timer_set(x->script->loop, &x->timer, delay > 0 ? delay : 0,
		   step, x) == ERR_OK);
}

static void
deliver_head(struct upstream_xfer *x)
{
	struct http_headers h;
	bool is_stream = tree_find(x->answer, "stream") != NULL;

	http_headers_init(&h, x->arena);
	(void)!http_headers_add(&h, STR("content-type"),
	    is_stream ? STR("text/event-stream") : STR("application/json"));
	tree_each(tree_find(x->answer, "headers"), n)
	    ASSERT(http_headers_set(&h, n->key, tree_text(n)) == ERR_OK);
	x->is_head_done = true;
	fault_pause(false);
	x->sink->head(
	    x->arg, (int)tree_i64_or(tree_find(x->answer, "status"), 200), &h);
	fault_pause(true);
}

static bool
deliver_chunk(struct upstream_xfer *x)
{
	struct str c = x->chunk[x->at++];
	enum err e;

	x->last_byte = clock_mono();
	if (x->bytes_in == 0)
		x->first_byte = x->last_byte;
	x->bytes_in += c.n;
	if (x->call->max_body_bytes && x->bytes_in > x->call->max_body_bytes) {
		finish(x, UPSTREAM_TOO_LARGE);
		return false;
	}
	fault_pause(false);
	e = x->sink->body(x->arg, c.p, c.n);
	fault_pause(true);
	if (e != ERR_OK) {
		finish(x, UPSTREAM_STOPPED);
		return false;
	}
	if (x->sink->rest)
		x->sink->rest(x->arg);
	return true;
}

/* After a chunk: what comes next, and when. */
static void
plan_next(struct upstream_xfer *x)
{
	int64_t cut = tree_i64_or(tree_find(x->answer, "cut_after"), -1);
	int64_t stall = tree_i64_or(tree_find(x->answer, "stall_after"), -1);
	usec_t gap = scenario_duration(tree_find(x->answer, "gap"), 0);

	if (cut >= 0 && x->at >= cut) {
		x->is_ending = true;
		schedule(x, gap, UPSTREAM_CUT);
	} else if (stall >= 0 && x->at >= stall) {
		schedule(x, -1, UPSTREAM_OK);
	} else if (x->at == x->n_chunks) {
		bool open = tree_is_true(tree_find(x->answer, "stays_open"));

		x->is_ending = true;
		schedule(x, open ? -1 : gap, UPSTREAM_OK);
	} else {
		schedule(x, gap, UPSTREAM_OK);
	}
}

/* Always with the fault points paused, but for the sink's calls. */
static void
go_on(struct upstream_xfer *x)
{
	if (x->is_ending) {
		finish(x, x->end);
		return;
	}
	if (!x->is_head_done)
		deliver_head(x);
	if (x->is_paused)
		return; /* goes on in resume */
	if (x->at < x->n_chunks && !deliver_chunk(x))
		return;
	if (!x->is_paused)
		plan_next(x);
}

static void
step(void *arg)
{
	bool was = fault_pause(true);

	go_on(arg);
	fault_pause(was);
}

/* ---- operations -------------------------------------------------------- */

static const struct {
	const char *word;
	enum upstream_end end;
} fail_words[] = {
	{ "dns", UPSTREAM_DNS },
	{ "connect", UPSTREAM_CONNECT },
	{ "tls", UPSTREAM_TLS },
	{ "cut", UPSTREAM_CUT },
	{ "protocol", UPSTREAM_PROTOCOL },
	{ "blocked", UPSTREAM_BLOCKED },
	{ "timeout_connect", UPSTREAM_TIMEOUT_CONNECT },
};

static void
schedule_first(struct upstream_xfer *x)
{
	struct str fail = tree_text(tree_find(x->answer, "fail"));
	const struct tree_node *after = tree_find(x->answer, "after");

	for (size_t i = 0; i < sizeof(fail_words) / sizeof(*fail_words); i++)
		if (str_eqz(fail, fail_words[i].word)) {
			x->is_ending = true;
			schedule(x, scenario_duration(after, USEC_PER_MSEC),
			    fail_words[i].end);
			return;
		}
	if (str_eqz(tree_text(after), "never"))
		schedule(x, -1, UPSTREAM_OK);
	else
		schedule(
		    x, scenario_duration(after, USEC_PER_MSEC), UPSTREAM_OK);
}

/* The answer of that host whose turn it is; the last one stays. */
static const struct tree_node *
next_answer(struct script *s, struct str host, const struct secret *key)
{
	char own[128];
	const struct tree_node *list;
	const struct tree_node *n;
	uint32_t index = 0;

	snprintf(own, sizeof(own), "%.*s/%.*s", STR_ARG(host),
	    STR_ARG(secret_str(key)));
	list = tree_find(s->answers, own);
	if (!list)
		list = tree_find_str(s->answers, host);
	n = tree_first(list);
	ASSERT(list && n);
	tree_each(s->answers, other)
	{
		if (other == list)
			break;
		index++;
	}
	for (uint32_t i = 0; i < s->used[index] && n->next; i++)
		n = n->next;
	s->used[index]++;
	return n;
}

static void
record_call(struct script *s, struct upstream_xfer *x, struct str host)
{
	const struct upstream_call *c = x->call;
	struct script_call *r;

	ASSERT(s->n_calls < CALLS_MAX);
	r = &s->calls[s->n_calls++];
	r->owner = x->arg;
	snprintf(r->host, sizeof(r->host), "%.*s", STR_ARG(host));
	buf_init(&r->body, 1 << 24);
	buf_adds(&r->body, c->body);
	buf_init(&r->head, 1 << 16);
	buf_printf(&r->head, "%s %.*s\n", c->method, STR_ARG(c->url));
	for (uint32_t i = 0; c->headers && i < c->headers->n; i++)
		buf_printf(&r->head, "%.*s: %.*s\n",
		    STR_ARG(c->headers->v[i].name),
		    STR_ARG(c->headers->v[i].value));
	if (c->key)
		buf_printf(&r->head, "%s: %s%.*s\n", c->key_header,
		    c->key_prefix, STR_ARG(secret_str(c->key)));
	x->record = r;
}

static struct upstream_xfer *
start(struct script *s, const struct upstream_call *call,
    const struct upstream_sink *sink, void *arg)
{
	struct upstream_xfer *x = calloc(1, sizeof(*x));
	struct url url;
	struct str host;

	ASSERT(x);
	x->arena = arena_new(64 << 20);
	ASSERT(url_parse(&url, x->arena, call->url) == ERR_OK);
	host = url.host;
	if (str_ends(host, STR(".test")))
		host.n -= 5;
	x->script = s;
	x->call = call;
	x->sink = sink;
	x->arg = arg;
	x->started = clock_mono();
	x->answer = next_answer(s, host, call->key);
	record_call(s, x, host);
	make_chunks(x);
	schedule_first(x);
	return x;
}

static struct upstream_xfer *
script_start(struct upstream *u, const struct upstream_call *call,
    const struct upstream_sink *sink, void *arg)
{
	struct upstream_xfer *x;
	bool was;

	if (fault("upstream.start"))
		return NULL;
	was = fault_pause(true);
	x = start((struct script *)u, call, sink, arg);
	fault_pause(was);
	return x;
}

static void
script_pause(struct upstream_xfer *x)
{
	x->is_paused = true;
	x->record->was_paused = true;
	timer_stop(x->script->loop, &x->timer);
}

static void
script_resume(struct upstream_xfer *x)
{
	bool was = fault_pause(true);

	if (x->is_paused) {
		x->is_paused = false;
		x->last_byte = clock_mono();
		plan_next(x);
	}
	fault_pause(was);
}

static void
script_cancel(struct upstream_xfer *x)
{
	x->record->is_cancelled = true;
	xfer_free(x);
}

static void
script_free(struct upstream *u)
{
	(void)u;
}

static const struct upstream_ops script_ops = {
	.start = script_start,
	.pause = script_pause,
	.resume = script_resume,
	.cancel = script_cancel,
	.free = script_free,
};

void
script_init(
    struct script *s, struct loop *loop, const struct tree_node *answers)
{
	*s = (struct script){
		.base.ops = &script_ops, .loop = loop, .answers = answers
	};
}

void
script_fini(struct script *s)
{
	for (uint32_t i = 0; i < s->n_calls; i++) {
		buf_fini(&s->calls[i].body);
		buf_fini(&s->calls[i].head);
	}
}
