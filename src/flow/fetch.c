#include "flow/life.h"

#include "wire/b64.h"
#include "wire/url.h"

/*
 * Images that clients give by URL, for makers that cannot fetch them. Off
 * unless configured: a URL from a client is a request from inside our network.
 * https only, addresses are checked when dialled, nothing is followed, each
 * fetch has its own connection, and what comes must be an image by its bytes.
 */
#define IMAGE_BYTES_MAX (5u * 1024 * 1024) /* what makers take at most */
#define IMAGES_MAX 16
#define FETCH_TIMEOUT (10 * USEC_PER_SEC)

static bool
is_wanted(const struct msg_part *part)
{
	return part->type == MSG_PART_IMAGE &&
	       (str_case_starts(part->url, STR("https://")) ||
		   str_case_starts(part->url, STR("http://")));
}

/* The next part to fetch, and where it stands. */
static struct msg_part *
next_part(const struct msg_request *m, uint32_t *message, uint32_t *index)
{
	for (struct msg *msg = m->messages; msg; msg = msg->next) {
		*message = msg->index;
		*index = 0;
		for (struct msg_part *p = msg->parts; p; p = p->next) {
			if (is_wanted(p))
				return p;
			++*index;
		}
	}
	return NULL;
}

static void
fetch_fail(struct req *r, const char *why)
{
	const struct req_fetch *f = r->fetch;

	msg_fail_set(&r->fail, MSG_FAIL_INVALID,
	    "messages[%u].content[%u].image_url.url: the image could not be "
	    "fetched: %s.",
	    f->message, f->index, why);
	snprintf(r->fail.param, sizeof(r->fail.param),
	    "messages[%u].content[%u].image_url.url", f->message, f->index);
}

/* Our failure is not the client's: he would change what is right. */
static void
fetch_fail_ours(struct req *r)
{
	msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
}

static void
on_head(void *arg, int status, const struct http_headers *h)
{
	struct req *r = arg;

	(void)h;
	r->fetch->status = status;
}

static enum err
on_body(void *arg, const char *p, size_t n)
{
	struct req *r = arg;

	buf_add(&r->fetch->body, p, n);
	return r->fetch->body.failed ? ERR_LIMIT : ERR_OK;
}

/* The bytes become a data: URL, as if the client had sent one. */
static void
take_image(struct req *r)
{
	struct req_fetch *f = r->fetch;
	const char *type;
	struct buf url;

	buf_init(&url, f->body.n * 2 + 256);
	b64_encode(&url, f->body.p, f->body.n);
	type = b64_sniff_image(buf_str(&url));
	if (url.failed)
		fetch_fail_ours(r);
	else if (!type)
		fetch_fail(r, "it is no PNG, JPEG, GIF or WebP image");
	else
		f->part->url = arena_printf(r->arena, "data:%s;base64,%.*s",
		    type, STR_ARG(buf_str(&url)));
	if (r->fail.class == MSG_FAIL_NONE && !str_present(f->part->url))
		fetch_fail_ours(r);
	buf_fini(&url);
}

static void
on_done(void *arg, const struct upstream_result *result)
{
	struct req *r = arg;
	struct req_fetch *f = r->fetch;

	f->xfer = NULL;
	if (result->end == UPSTREAM_BLOCKED)
		fetch_fail(r, "its address is not public");
	else if (result->end == UPSTREAM_TOO_LARGE)
		fetch_fail(r, "it is larger than 5 MiB");
	else if (f->body.failed || result->end == UPSTREAM_FAILED)
		fetch_fail_ours(r);
	else if (result->end != UPSTREAM_OK)
		fetch_fail(r, upstream_end_word(result->end));
	else if (f->status != 200)
		fetch_fail(r, "the server did not answer 200");
	else
		take_image(r);
	buf_fini(&f->body);
	flow_go(
	    r, r->fail.class == MSG_FAIL_NONE ? FLOW_FETCH : flow_refuse(r));
}

static const struct upstream_sink sink = {
	.head = on_head,
	.body = on_body,
	.done = on_done,
};

static bool
can_fetch(struct req *r, struct str text)
{
	struct url url;

	if (!str_case_starts(text, STR("https://"))) {
		fetch_fail(r, "only https is allowed");
		return false;
	}
	switch (url_parse(&url, r->arena, text)) {
	case ERR_OK:
		break;
	case ERR_NOMEM:
		fetch_fail_ours(r);
		return false;
	default:
		fetch_fail(r, "the URL cannot be used");
		return false;
	}
	if (++r->fetch->n > IMAGES_MAX) {
		fetch_fail(r, "too many images by URL");
		return false;
	}
	return true;
}

static enum flow_step
fetch_start(struct req *r, struct msg_part *part)
{
	struct req_fetch *f = r->fetch;
	usec_t left = choose_left(r);

	if (!can_fetch(r, part->url))
		return flow_refuse(r);
	f->part = part;
	f->status = 0;
	buf_init(&f->body, IMAGE_BYTES_MAX);
	f->call = (struct upstream_call){
		.method = "GET",
		.url = part->url,
		.timeout_connect = FETCH_TIMEOUT,
		.timeout_first_byte = FETCH_TIMEOUT,
		.timeout_idle = FETCH_TIMEOUT,
		.timeout_total = left < FETCH_TIMEOUT ? left : FETCH_TIMEOUT,
		.max_body_bytes = IMAGE_BYTES_MAX,
		.fresh_connection = true,
	};
	f->xfer = upstream_start(r->flow->upstream, &f->call, &sink, r);
	if (f->xfer)
		return FLOW_WAIT;
	fetch_fail_ours(r);
	return flow_refuse(r);
}

enum flow_step
step_fetch(struct req *r)
{
	const struct conf_target *t = route_plan_target(&r->plan);
	const struct prov_kind *kind = prov_kind_find(t->provider->kind);
	struct msg_part *part;
	uint32_t message, index;

	ASSERT(kind);
	if (choose_is_late(r))
		return flow_refuse(r);
	if (!r->conf->fetch_images || (kind->caps & PROV_CAP_URL_IMAGES))
		return FLOW_TRANSLATE;
	part = next_part(&r->msg, &message, &index);
	if (!part)
		return FLOW_TRANSLATE;
	if (!r->fetch)
		r->fetch = ARENA_NEW(r->arena, struct req_fetch);
	if (!r->fetch) {
		msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
		return flow_refuse(r);
	}
	r->fail = (struct msg_fail){ 0 };
	r->fetch->message = message;
	r->fetch->index = index;
	return fetch_start(r, part);
}

void
fetch_drop(struct req *r)
{
	if (!r->fetch)
		return;
	if (r->fetch->xfer)
		r->flow->upstream->ops->cancel(r->fetch->xfer);
	r->fetch->xfer = NULL;
	buf_fini(&r->fetch->body);
}
