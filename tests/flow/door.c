#include "scenario.h"

#include "base/fault.h"

#define VARS_MAX 64

static void
door_write(void *arg, struct str bytes, bool flush)
{
	struct door *d = arg;
	bool was = fault_pause(true);

	(void)flush;
	ASSERT(!d->is_done);
	buf_adds(&d->out, bytes);
	ASSERT(!d->out.failed);
	fault_pause(was);
	if (d->is_stuck)
		d->pending += bytes.n;
}

static size_t
door_pending(void *arg)
{
	return ((struct door *)arg)->pending;
}

static void
door_finish(void *arg)
{
	struct door *d = arg;

	d->req = NULL;
	d->is_done = true;
	d->ended = clock_mono();
	d->end_call = d->script->n_calls;
	timer_stop(d->loop, &d->abort);
	timer_stop(d->loop, &d->unstick);
}

static const struct req_door ops = { door_write, door_pending, door_finish };

static void
door_abort(void *arg)
{
	struct door *d = arg;
	struct req *r = d->req;
	bool was;

	if (!r)
		return;
	d->req = NULL;
	d->is_aborted = d->is_done = true;
	d->ended = clock_mono();
	d->end_call = d->script->n_calls;
	timer_stop(d->loop, &d->unstick);
	was = fault_pause(false);
	req_abort(r);
	fault_pause(was);
}

void
door_unstick(void *arg)
{
	struct door *d = arg;
	bool was = fault_pause(false);

	d->is_stuck = false;
	d->pending = 0;
	if (d->req)
		req_writable(d->req);
	fault_pause(was);
}

/* HTTP header name -> CGI variable. */
static struct str
cgi_name(struct str name, struct arena *a)
{
	struct str s = arena_printf(a, "HTTP_%.*s", STR_ARG(name));
	char *p = arena_strz(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] == '-')
			p[i] = '_';
		else if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 'a' + 'A');
	return str_of(p, s.n);
}

/* As those of a web server they end with the call: a copy, to be freed. */
static void
lend_vars(struct req *r, const struct req_var *vars, size_t n)
{
	bool was = fault_pause(true); /* ours, not the product's */
	struct arena *a = arena_new(64 << 20);
	struct req_var *lent = arena_calloc(a, n, sizeof(*lent));

	ASSERT(lent);
	for (size_t i = 0; i < n; i++)
		lent[i] = (struct req_var){ arena_str(a, vars[i].name),
			arena_str(a, vars[i].value) };
	ASSERT(!arena_failed(a));
	fault_pause(was);
	req_params(r, lent, n);
	arena_free(a);
}

static size_t
make_vars(
    const struct door *d, struct str body, struct req_var *v, struct arena *a)
{
	const struct tree_node *method = tree_find(d->spec, "method");
	const struct tree_node *path = tree_find(d->spec, "path");
	const struct tree_node *length = tree_find(d->spec, "content_length");
	size_t n = 0;

	v[n++] = (struct req_var){ STR("REQUEST_METHOD"),
		method ? tree_text(method) : STR("POST") };
	v[n++] = (struct req_var){ STR("REQUEST_URI"),
		path ? tree_text(path) : STR("/v1/chat/completions") };
	v[n++] =
	    (struct req_var){ STR("CONTENT_TYPE"), STR("application/json") };
	v[n++] = (struct req_var){ STR("CONTENT_LENGTH"),
		length ? tree_text(length) : arena_printf(a, "%zu", body.n) };
	v[n++] = (struct req_var){ STR("REMOTE_ADDR"), STR("127.0.0.1") };
	tree_each(tree_find(d->spec, "headers"), h)
	{
		ASSERT(n < VARS_MAX);
		v[n++] = (struct req_var){ cgi_name(h->key, a), tree_text(h) };
	}
	tree_each(tree_find(d->spec, "vars"), h)
	{
		ASSERT(n < VARS_MAX);
		for (size_t i = 0; i < n; i++)
			if (str_eq(v[i].name, h->key))
				v[i].name = STR("OVERRIDDEN");
		v[n++] = (struct req_var){ h->key, tree_text(h) };
	}
	return n;
}

/* `body:` as it is, or made of `ask:` (a user's text) and `stream: true`. */
static struct str
make_body(const struct door *d, struct arena *a)
{
	const struct tree_node *body = tree_find(d->spec, "body");
	const struct tree_node *ask = tree_find(d->spec, "ask");
	const struct tree_node *model = tree_find(d->spec, "model");

	if (body)
		return tree_text(body);
	if (!ask)
		return STR("");
	return arena_printf(a,
	    "{\"model\":\"%.*s\",\"messages\":[{\"role\":\"user\","
	    "\"content\":\"%.*s\"}]%s}",
	    STR_ARG(model ? tree_text(model) : STR("m")),
	    STR_ARG(tree_text(ask)),
	    tree_is_true(tree_find(d->spec, "stream")) ? ",\"stream\":true"
						       : "");
}

static void
send_body(struct door *d, struct str body)
{
	/* Pieces, as records of a web server are. */
	while (body.n > 0 && d->req) {
		size_t n = body.n < 1000 ? body.n : 1000;

		if (!req_body(d->req, body.p, n))
			break;
		body = str_skip(body, n);
	}
	if (d->req && !tree_is_true(tree_find(d->spec, "body_unfinished")))
		req_body_end(d->req);
}

/* No memory for a request: a door closes the connection. */
static void
door_closed(struct door *d)
{
	d->is_aborted = d->is_done = true;
	d->ended = clock_mono();
	d->end_call = d->script->n_calls;
	timer_stop(d->loop, &d->abort);
	timer_stop(d->loop, &d->unstick);
}

void
door_run(struct door *d)
{
	struct arena *a = arena_new(64 << 20);
	struct req_var vars[VARS_MAX];
	struct str body = make_body(d, a);
	const struct tree_node *abort_at = tree_find(d->spec, "abort_after");
	const struct tree_node *stuck = tree_find(d->spec, "stuck_for");
	bool was;
	size_t n;

	buf_init(&d->out, 64 << 20);
	d->began = clock_mono();
	d->first_call = d->script->n_calls;
	if (abort_at)
		ASSERT(timer_set(d->loop, &d->abort,
			   scenario_duration(abort_at, 0), door_abort,
			   d) == ERR_OK);
	if (stuck) {
		d->is_stuck = true;
		ASSERT(
		    timer_set(d->loop, &d->unstick, scenario_duration(stuck, 0),
			door_unstick, d) == ERR_OK);
	}
	n = make_vars(d, body, vars, a);
	d->is_page = str_starts(vars[1].value, STR("/health")) ||
		     str_starts(vars[1].value, STR("/metrics"));
	was = fault_pause(false);
	d->req = req_new(d->flow, &ops, d);
	d->owner = d->req;
	if (!d->req)
		door_closed(d);
	if (d->req)
		lend_vars(d->req, vars, n);
	if (d->req)
		send_body(d, body);
	fault_pause(was);
	arena_free(a);
}

void
door_fini(struct door *d)
{
	buf_fini(&d->out);
}
