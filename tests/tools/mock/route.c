#include "mock.h"

#include <stdlib.h>
#include <string.h>

/* --- a finished answer ------------------------------------------------------ */

struct plain {
	struct mock_job job;
	int64_t delay;
	bool waited;
	struct buf bytes;
};

static enum mock_next
plain_step(struct mock_job *j, struct mock_conn *c)
{
	struct plain *p = (struct plain *)j;

	if (p->delay > 0 && !p->waited) {
		p->waited = true;
		c->wait = p->delay * USEC_PER_MSEC;
		return NEXT_AFTER;
	}
	buf_adds(&c->out, buf_str(&p->bytes));
	return c->wants_close ? NEXT_CLOSE : NEXT_DONE;
}

static void
plain_end(struct mock_job *j, bool is_aborted)
{
	struct plain *p = (struct plain *)j;

	if (is_aborted)
		mock_stats_abort("", 0);
	buf_fini(&p->bytes);
	free(p);
}

struct mock_job *
mock_job_plain(struct mock_conn *c, int status, const char *type,
    const char *head_extra, struct str body)
{
	struct plain *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->job = (struct mock_job){ plain_step, plain_end };
	buf_init(&p->bytes, MOCK_BODY_MAX);
	mock_http_head(&p->bytes, status, type, str_z(head_extra),
	    (int64_t)body.n, c->wants_close);
	buf_adds(&p->bytes, body);
	if (status > 0 && status < 600)
		mock_counters.by_status[status]++;
	return &p->job;
}

static struct mock_job *
delayed(struct mock_job *j, int64_t delay)
{
	if (j->step == plain_step)
		((struct plain *)j)->delay = delay;
	return j;
}

/* --- which maker ------------------------------------------------------------- */

struct place {
	const struct mock_maker *maker;
	enum mock_dialect dialect;
	struct str model; /* named by the path, still percent-encoded */
	bool is_stream; /* by the path */
	bool is_json_array; /* Gemini without alt=sse is not spoken here */
};

/* The segment after `mark`, e.g. the deployment of an Azure path. */
static struct str
segment_after(struct str path, struct str mark)
{
	size_t at = str_find(path, mark);
	struct str rest;

	if (at == SIZE_MAX)
		return (struct str){ NULL, 0 };
	rest = str_skip(path, at + mark.n);
	return str_cut(&rest, '/');
}

static bool
place_gemini(const struct mock_req *r, struct place *p)
{
	struct str verb = segment_after(r->path, STR("/models/"));

	if (!str_present(verb))
		return false;
	p->model = str_cut(&verb, ':');
	p->is_stream = str_eqz(verb, "streamGenerateContent");
	if (!p->is_stream && !str_eqz(verb, "generateContent"))
		return false;
	p->is_json_array =
	    p->is_stream && !str_contains(r->query, STR("alt=sse"));
	p->maker = &mock_gemini;
	p->dialect = DIALECT_GEMINI;
	return true;
}

static bool
place_of(const struct mock_req *r, struct place *p)
{
	*p = (struct place){ .maker = &mock_openai };
	if (str_ends(r->path, STR("/chat/completions"))) {
		p->model = segment_after(r->path, STR("/deployments/"));
		return true;
	}
	if (str_ends(r->path, STR("/messages"))) {
		p->maker = &mock_anthropic;
		p->dialect = DIALECT_ANTHROPIC;
		return true;
	}
	return place_gemini(r, p);
}

/* --- behaviour that is not an answer ------------------------------------------ */

static struct mock_job *
job_html(struct mock_conn *c, const struct mock_knobs *k)
{
	int status = k->status > 0 ? (int)k->status : 502;

	return mock_job_plain(c, status, "text/html", NULL,
	    STR("<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
		"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
		"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"));
}

static bool
fails_first(const struct mock_knobs *k, struct mock_model *row)
{
	if (k->failfirst == KNOB_OFF)
		return false;
	if (row->failed_first >= k->failfirst)
		return false;
	row->failed_first++;
	return true;
}

/* NULL: an ordinary answer. */
static struct mock_job *
by_knobs(struct mock_conn *c, const struct place *p, const struct mock_knobs *k,
    const struct mock_ask *ask, struct mock_model *row)
{
	static const struct mock_error no_stream = { .status = 400,
		.openai_type = "invalid_request_error",
		.openai_code = "unsupported_value",
		.openai_param = "stream",
		.anthropic_type = "invalid_request_error",
		.gemini_status = "INVALID_ARGUMENT",
		.message = "Unsupported value: 'stream' does not support true "
			   "with this model." };
	const struct mock_error *e = NULL;
	bool counts = k->failfirst == KNOB_OFF || fails_first(k, row);

	if (k->nostream != KNOB_OFF && ask->is_stream)
		return mock_job_error(
		    c, p->maker, &no_stream, (struct str){ NULL, 0 }, -1);
	if (!counts || k->errorat != KNOB_OFF)
		return NULL;
	if (k->html != KNOB_OFF)
		return job_html(c, k);
	if (str_present(k->err))
		e = mock_error_by_word(k->err);
	else if (k->status > 0)
		e = mock_error_by_status((int)k->status);
	else if (k->failfirst != KNOB_OFF)
		e = mock_error_by_status(500);
	if (!e)
		return NULL;
	return mock_job_error(
	    c, p->maker, e, (struct str){ NULL, 0 }, k->retryafter);
}

/* --- routing ------------------------------------------------------------------- */

static struct mock_job *
job_unknown_knob(
    struct mock_conn *c, const struct mock_maker *m, struct str bad)
{
	char text[256];
	int n = snprintf(text, sizeof(text),
	    "mockprov: no such behaviour in the model name: %.*s",
	    (int)(bad.n < 100 ? bad.n : 100), bad.p);

	return mock_job_error(c, m, mock_error_by_word(STR("model")),
	    str_of(text, (size_t)n), -1);
}

static struct mock_job *
answer(const struct mock_req *r, struct mock_conn *c, const struct place *p,
    struct mock_ask *ask, struct str model)
{
	struct mock_knobs k;
	struct mock_model *row = mock_stats_model(model);
	struct mock_job *j;
	struct str bad = { NULL, 0 };

	row->requests++;
	j = mock_replay_find(c, r->path, model);
	if (j)
		return j;
	j = mock_refuse(r, c, p->maker, ask);
	if (j)
		return j;
	if (!mock_knobs_parse(model, &k, &bad) ||
	    (str_present(k.err) && !mock_error_by_word(k.err)))
		return job_unknown_knob(c, p->maker, bad.p ? bad : k.err);
	j = by_knobs(c, p, &k, ask, row);
	if (j)
		return delayed(j, k.delay);
	return mock_script(r, c, p->maker, ask, model);
}

static struct mock_job *
post(const struct mock_req *r, struct mock_conn *c, const struct place *p)
{
	struct mock_ask ask;
	struct mock_job *j;
	struct buf name;

	mock_counters.requests++;
	mock_scan(r->body, p->dialect, &ask);
	if (p->dialect == DIALECT_GEMINI)
		ask.is_stream = p->is_stream;
	if (p->is_json_array)
		return mock_job_error(c, p->maker, mock_error_by_status(400),
		    STR("mockprov streams with alt=sse only"), -1);
	buf_init(&name, 4096);
	if (str_present(p->model))
		mock_url_decode(p->model, &name);
	else
		mock_unescape(ask.model, &name);
	j = answer(r, c, p, &ask, buf_str(&name));
	buf_fini(&name);
	return j;
}

static struct mock_job *
get_models(const struct mock_req *r, struct mock_conn *c)
{
	const struct mock_maker *m = &mock_openai;
	struct mock_job *j;
	struct buf body;

	if (str_present(mock_req_header(r, "anthropic-version")))
		m = &mock_anthropic;
	else if (str_contains(r->path, STR("/v1beta/models")))
		m = &mock_gemini;
	buf_init(&body, 65536);
	m->models(&body);
	j = mock_job_plain(c, 200, m->json_type, NULL, buf_str(&body));
	buf_fini(&body);
	return j;
}

struct mock_job *
mock_route(const struct mock_req *r, struct mock_conn *c)
{
	struct place p;
	struct mock_job *j;

	if (str_starts(r->path, STR("/_mock/")))
		return mock_control(r, c);
	if (str_eqz(r->method, "POST") && place_of(r, &p))
		return post(r, c, &p);
	/* recordings of other surfaces */
	j = mock_replay_find(c, r->path, STR(""));
	if (j)
		return j;
	if (str_eqz(r->method, "GET") && str_ends(r->path, STR("/models")))
		return get_models(r, c);
	return mock_job_error(c, &mock_openai, mock_error_by_status(404),
	    STR("mockprov: no such path"), -1);
}
