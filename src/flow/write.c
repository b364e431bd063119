#include "flow/life.h"

#define HEAD_MAX 16384
/* Taken at once: neither half of a usual head has to grow. */
#define HEAD_USUAL 600

static void
put_head(struct req *r, struct buf *b, int status, const char *content_type)
{
	buf_addz(b, "Status: ");
	buf_addi(b, status);
	buf_addc(b, ' ');
	buf_addz(b, http_reason(status));
	buf_addz(b, "\r\nContent-Type: ");
	buf_addz(b, content_type);
	buf_addz(b, "\r\nX-Request-Id: ");
	buf_addz(b, r->meta.request_id);
	buf_addz(b, "\r\nCache-Control: no-cache\r\n"
		    "X-Content-Type-Options: nosniff\r\n");
}

/* Without the extras, and without memory. */
static void
write_plain_head(struct req *r, int status, const char *content_type)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
	    "Status: %d %s\r\nContent-Type: %s\r\nX-Request-Id: %s\r\n"
	    "Cache-Control: no-cache\r\n\r\n",
	    status, http_reason(status), content_type, r->meta.request_id);

	ASSERT(n > 0 && (size_t)n < sizeof(text));
	r->rec.bytes_out += (size_t)n;
	r->door->write(r->door_arg, str_of(text, (size_t)n), false);
}

/* Status line and headers; more: extra header lines, may be absent. */
static void
write_head(struct req *r, int status, const char *content_type, struct str more)
{
	struct buf head;

	buf_init(&head, HEAD_MAX);
	(void)!buf_room(&head, HEAD_USUAL + more.n);
	put_head(r, &head, status, content_type);
	buf_adds(&head, more);
	buf_addz(&head, "\r\n");
	r->rec.status = status;
	r->is_head_sent = true;
	if (head.failed) {
		write_plain_head(r, status, content_type);
	} else {
		r->rec.bytes_out += head.n;
		r->door->write(r->door_arg, buf_str(&head), false);
	}
	buf_fini(&head);
}

struct rate_names {
	struct str limit, remaining, reset;
};

#define TEXT(s)                     \
	{                           \
		"" s, sizeof(s) - 1 \
	}
#define RATE_NAMES(what)                                          \
	{                                                         \
		TEXT("x-ratelimit-limit-" what ": "),             \
		    TEXT("\r\nx-ratelimit-remaining-" what ": "), \
		    TEXT("\r\nx-ratelimit-reset-" what ": ")      \
	}

static const struct rate_names requests = RATE_NAMES("requests");
static const struct rate_names tokens = RATE_NAMES("tokens");

static void
put_rate(struct buf *b, const struct rate_names *names, int64_t limit,
    int64_t remaining, usec_t reset)
{
	char duration[HTTP_DURATION_SIZE];

	if (limit < 0)
		return;
	http_duration_print(reset, duration);
	buf_adds(b, names->limit);
	buf_addi(b, limit);
	buf_adds(b, names->remaining);
	buf_addi(b, remaining);
	buf_adds(b, names->reset);
	buf_addz(b, duration);
	buf_addz(b, "\r\n");
}

void
write_rate_headers(const struct req *r, struct buf *b)
{
	const struct gate_limit_result *l = &r->limit;

	if (!l->admitted && !l->limit)
		return; /* was not asked yet */
	put_rate(b, &requests, l->requests_limit, l->requests_remaining,
	    l->requests_reset);
	put_rate(
	    b, &tokens, l->tokens_limit, l->tokens_remaining, l->tokens_reset);
}

static void
put_own(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0 || !http_value_is_safe(value))
		return;
	buf_addz(b, name);
	buf_adds(b, value);
	buf_addz(b, "\r\n");
}

/* Not of a stream: its head goes out before anybody knows. */
static void
put_cost(const struct req *r, struct buf *more)
{
	char text[MONEY_TEXT_SIZE];
	nanousd_t cost;

	if (r->msg.stream || !price_request(r, &cost))
		return;
	money_print_usd(cost, text);
	put_own(more, "x-llmgw-cost: ", str_z(text));
}

/* Who answered, and at which attempt. */
static void
put_outcome(const struct req *r, struct buf *more)
{
	put_own(more, "x-llmgw-provider: ", r->rec.target->provider->name);
	put_own(more, "x-llmgw-model: ", r->rec.target->model);
	buf_addz(more, "x-llmgw-attempts: ");
	buf_addi(more, r->rec.n_attempts);
	buf_addz(more, "\r\nx-llmgw-overhead-us: ");
	buf_addi(more, r->rec.overhead);
	buf_addz(more, "\r\n");
}

/* The head of a 200: which target, how it went, what is left. */
void
write_answer_head(struct req *r)
{
	struct buf more;

	buf_init(&more, HEAD_MAX / 2);
	(void)!buf_room(&more, HEAD_USUAL);
	if (r->msg.stream)
		buf_addz(&more, "X-Accel-Buffering: no\r\n");
	put_own(&more, "x-llmgw-cache: ", str_z(r->rec.cache));
	/* A heartbeat's head comes before it is known who will answer. */
	if (api_norm_has_content(r->norm)) {
		put_outcome(r, &more);
		put_cost(r, &more);
	}
	if (r->attempt.has_http)
		put_own(&more,
		    "x-llmgw-dropped: ", buf_str(&r->attempt.http.dropped));
	write_rate_headers(r, &more);
	write_head(r, 200, api_answer_content_type(r->msg.stream),
	    more.failed ? (struct str){ 0 } : buf_str(&more));
	buf_fini(&more);
}

void
write_rest(struct req *r)
{
	if (r->out.cap <= FLOW_SPARE_MAX)
		buf_lend(&r->out, &r->flow->spare);
}

void
write_out(struct req *r, bool flush)
{
	if (r->out.n == 0)
		return;
	r->last_write = clock_mono();
	if (r->rec.first_byte < 0)
		r->rec.first_byte = r->last_write - r->started;
	r->rec.bytes_out += r->out.n;
	r->door->write(r->door_arg, buf_str(&r->out), flush);
	buf_reset(&r->out);
	write_rest(r);
}

void
write_page(struct req *r, int status, const char *content_type, struct str more)
{
	write_head(r, status, content_type, more);
	if (r->target.is_head)
		buf_reset(&r->out);
	write_out(r, false); /* goes with the end */
}
