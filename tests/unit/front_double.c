#include "front_double.h"

#include <stdlib.h>

#define KEPT_MAX ((size_t)64 << 20)

struct req {
	struct flow *flow;
	const struct req_door *door;
	void *arg;
	size_t left; /* DOUBLE_STREAM */
	bool is_paused;
};

void
double_init(struct flow *f, enum double_mode mode)
{
	*f = (struct flow){ .mode = mode };
	buf_init(&f->vars, KEPT_MAX);
	buf_init(&f->body, KEPT_MAX);
}

void
double_fini(struct flow *f)
{
	buf_fini(&f->vars);
	buf_fini(&f->body);
}

static void
put(struct req *r, struct str bytes)
{
	size_t pending;

	r->door->write(r->arg, bytes, true);
	pending = r->door->pending(r->arg);
	if (pending > r->flow->max_pending)
		r->flow->max_pending = pending;
}

static void
end(struct req *r)
{
	const struct req_door *door = r->door;
	void *arg = r->arg;

	r->flow->finished++;
	if (r->flow->last == r)
		r->flow->last = NULL;
	free(r);
	door->finish(arg);
}

static void
pump(struct req *r)
{
	static const char chunk[1000] = "data";

	while (r->left > 0) {
		size_t n = r->left < sizeof(chunk) ? r->left : sizeof(chunk);

		if (r->door->pending(r->arg) > r->flow->bound) {
			r->is_paused = true;
			r->flow->pauses++;
			return;
		}
		put(r, str_of(chunk, n));
		r->left -= n;
	}
	end(r);
}

void
double_write(struct flow *f, struct str bytes)
{
	put(f->last, bytes);
}

void
double_finish(struct flow *f)
{
	end(f->last);
}

struct req *
req_new(struct flow *f, const struct req_door *door, void *door_arg)
{
	struct req *r;

	if (f->mode == DOUBLE_NOMEM)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct req){ .flow = f, .door = door, .arg = door_arg };
	r->left = f->stream_bytes;
	f->begun++;
	f->last = r;
	buf_reset(&f->vars);
	buf_reset(&f->body);
	return r;
}

void
req_params(struct req *r, const struct req_var *vars, size_t n)
{
	struct flow *f = r->flow;

	for (size_t i = 0; i < n; i++) {
		buf_adds(&f->vars, vars[i].name);
		buf_addc(&f->vars, '=');
		buf_adds(&f->vars, vars[i].value);
		buf_addc(&f->vars, '\n');
	}
	if (f->mode == DOUBLE_EARLY) {
		put(r, STR(DOUBLE_HEAD "early"));
		end(r);
	}
}

bool
req_body(struct req *r, const char *p, size_t n)
{
	buf_add(&r->flow->body, p, n);
	if (r->flow->mode != DOUBLE_FULL)
		return true;
	put(r, STR(DOUBLE_HEAD "full"));
	end(r);
	return false;
}

void
req_body_end(struct req *r)
{
	struct flow *f = r->flow;

	f->body_ends++;
	if (f->mode == DOUBLE_ECHO) {
		put(r, STR(DOUBLE_HEAD));
		if (f->body.n)
			put(r, buf_str(&f->body));
		end(r);
	} else if (f->mode == DOUBLE_BEGIN) {
		put(r, STR(DOUBLE_HEAD));
	} else if (f->mode == DOUBLE_STREAM) {
		put(r, STR(DOUBLE_HEAD));
		pump(r);
	}
}

void
req_abort(struct req *r)
{
	r->flow->aborted++;
	if (r->flow->last == r)
		r->flow->last = NULL;
	free(r);
}

void
req_writable(struct req *r)
{
	if (!r->is_paused)
		return;
	r->is_paused = false;
	pump(r);
}

/* It logs nothing. */
void
flow_flush(struct flow *f)
{
	(void)f;
}
