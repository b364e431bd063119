#include "scenario.h"

/* Jansson and base/json.h share two names; here Jansson's are not needed. */
#define json_type jansson_type
#include <jansson.h>
#undef json_type
#undef json_is_true

#include "base/num.h"

/* What the client got, taken apart. */
struct got {
	struct str head;
	struct str body;
	int64_t status;
	struct buf text; /* content, collected */
	char finish[64];
	char error_type[96];
	char error_code[96];
	struct buf error_message;
	bool is_stream, is_done, has_error;
	int64_t n_chunks;
	int64_t total_tokens;
};

static const char *
string_at(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void
take_error(struct got *g, json_t *o)
{
	json_t *e = json_object_get(o, "error");

	if (!e)
		return;
	g->has_error = true;
	snprintf(
	    g->error_type, sizeof(g->error_type), "%s", string_at(e, "type"));
	snprintf(
	    g->error_code, sizeof(g->error_code), "%s", string_at(e, "code"));
	buf_addz(&g->error_message, string_at(e, "message"));
}

/* One JSON object of any of the four forms. */
static void
take_object(struct got *g, json_t *o)
{
	json_t *choice = json_array_get(json_object_get(o, "choices"), 0);
	json_t *from = choice ? choice : o;
	json_t *usage = json_object_get(o, "usage");

	take_error(g, o);
	buf_addz(
	    &g->text, string_at(json_object_get(from, "delta"), "content"));
	buf_addz(
	    &g->text, string_at(json_object_get(from, "message"), "content"));
	if (json_is_string(json_object_get(from, "finish_reason")))
		snprintf(g->finish, sizeof(g->finish), "%s",
		    string_at(from, "finish_reason"));
	if (json_is_object(usage))
		g->total_tokens =
		    json_integer_value(json_object_get(usage, "total_tokens"));
}

static void
take_text(struct got *g, struct str json)
{
	json_t *o = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);

	if (o)
		take_object(g, o);
	else
		buf_addz(&g->text, "<body is no JSON>");
	json_decref(o);
}

static void
take_stream(struct got *g)
{
	struct str rest = g->body;

	g->is_stream = true;
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');

		if (!str_starts(line, STR("data: ")))
			continue;
		line = str_skip(line, 6);
		if (str_eqz(line, "[DONE]")) {
			g->is_done = true;
			continue;
		}
		g->n_chunks++;
		take_text(g, line);
	}
}

static void
take_answer(struct got *g, const struct door *d)
{
	struct str all = buf_str(&d->out);
	size_t end = str_find(all, STR("\r\n\r\n"));
	struct str status;

	*g = (struct got){ .total_tokens = -1 };
	buf_init(&g->text, 1 << 24);
	buf_init(&g->error_message, 1 << 16);
	if (end == SIZE_MAX)
		return;
	g->head = str_of(all.p, end + 2);
	g->body = str_skip(all, end + 4);
	status = str_skip(g->head, strlen("Status: "));
	if (status.n > 3)
		status.n = 3;
	if (num_parse_i64(status, &g->status) != ERR_OK)
		g->status = -1;
	if (str_contains(g->head, STR("text/event-stream")))
		take_stream(g);
	else if (str_contains(g->head, STR("application/json")))
		take_text(g, g->body);
}

/* ---- checks: one per word of expect: ------------------------------------ */

struct check {
	const struct door *d;
	const struct script *s;
	const struct got *g;
	struct str log;
	struct buf *why;
};

static void
differs(struct check *c, const struct tree_node *want, struct str got)
{
	buf_printf(c->why, "line %u: %.*s: wanted '%.*s', got '%.*s'\n",
	    want->line, STR_ARG(want->key), STR_ARG(tree_text(want)),
	    STR_ARG(got));
}

static void
want_text(struct check *c, const struct tree_node *want, struct str got)
{
	if (!str_eq(tree_text(want), got))
		differs(c, want, got);
}

static void
want_int(struct check *c, const struct tree_node *want, int64_t got)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)got);
	if (tree_i64_or(want, INT64_MIN) != got)
		differs(c, want, str_z(text));
}

static void
want_bool(struct check *c, const struct tree_node *want, bool got)
{
	if (tree_is_true(want) != got)
		differs(c, want, got ? STR("true") : STR("false"));
}

static void
want_parts(
    struct check *c, const struct tree_node *list, struct str in, bool present)
{
	tree_each(list, part)
	{
		if (str_contains(in, tree_text(part)) == present)
			continue;
		buf_printf(c->why, "line %u: %.*s: %s '%.*s' in:\n%.*s\n",
		    part->line, STR_ARG(list->key), present ? "no" : "unwanted",
		    STR_ARG(tree_text(part)), STR_ARG(in));
	}
}

static struct str
header(const struct got *g, struct str name)
{
	struct str rest = g->head;

	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');

		if (str_case_starts(line, name) && line.n > name.n &&
		    line.p[name.n] == ':')
			return str_trim(str_skip(line, name.n + 1));
	}
	return (struct str){ 0 };
}

static void
want_headers(struct check *c, const struct tree_node *map)
{
	tree_each(map, want)
	{
		struct str got = header(c->g, want->key);

		if (want->type == TREE_NULL ? str_present(got)
					    : !str_eq(got, tree_text(want)))
			differs(c, want, got);
	}
}

/* Was this call made for the request? */
static bool
is_own(const struct check *c, uint32_t i)
{
	return c->s->calls[i].owner == c->d->owner;
}

/* The hosts asked for this request, in order. */
static void
want_tried(struct check *c, const struct tree_node *want)
{
	char got[4096] = "", listed[4096] = "";
	size_t n = 0;

	for (uint32_t i = c->d->first_call; i < c->d->end_call; i++)
		if (is_own(c, i))
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s",
			    n ? " " : "", c->s->calls[i].host);
	n = 0;
	tree_each(want, h) n += (size_t)snprintf(listed + n, sizeof(listed) - n,
	    "%s%.*s", n ? " " : "", STR_ARG(tree_text(h)));
	if (strcmp(got, listed) != 0)
		buf_printf(c->why, "line %u: tried: wanted [%s], got [%s]\n",
		    want->line, listed, got);
}

static bool
any_call(const struct check *c, bool paused)
{
	for (uint32_t i = c->d->first_call; i < c->d->end_call; i++) {
		const struct script_call *call = &c->s->calls[i];

		if (is_own(c, i) &&
		    (paused ? call->was_paused : call->is_cancelled))
			return true;
	}
	return false;
}

static void
want_sent(struct check *c, const struct tree_node *list, bool present)
{
	struct buf all;

	buf_init(&all, 1 << 24);
	for (uint32_t i = c->d->first_call; i < c->d->end_call; i++) {
		if (!is_own(c, i))
			continue;
		buf_adds(&all, buf_str(&c->s->calls[i].head));
		buf_adds(&all, buf_str(&c->s->calls[i].body));
		buf_addc(&all, '\n');
	}
	want_parts(c, list, buf_str(&all), present);
	buf_fini(&all);
}

static void
want_time(struct check *c, const struct tree_node *want, bool is_least)
{
	usec_t took = c->d->ended - c->d->began;
	usec_t limit = scenario_duration(want, -1);
	char text[32];

	snprintf(text, sizeof(text), "%lldus", (long long)took);
	if (limit < 0 || (is_least ? took < limit : took > limit))
		differs(c, want, str_z(text));
}

static bool
check_answer(struct check *c, const struct tree_node *w)
{
	const struct got *g = c->g;

	if (str_eqz(w->key, "status"))
		want_int(c, w, g->status);
	else if (str_eqz(w->key, "text"))
		want_text(c, w, buf_str(&g->text));
	else if (str_eqz(w->key, "finish"))
		want_text(c, w, str_z(g->finish));
	else if (str_eqz(w->key, "error_type"))
		want_text(c, w, str_z(g->error_type));
	else if (str_eqz(w->key, "error_code"))
		want_text(c, w, str_z(g->error_code));
	else if (str_eqz(w->key, "error"))
		want_bool(c, w, g->has_error);
	else if (str_eqz(w->key, "message_has"))
		want_parts(c, w, buf_str(&g->error_message), true);
	else if (str_eqz(w->key, "done"))
		want_bool(c, w, g->is_done);
	else if (str_eqz(w->key, "chunks"))
		want_int(c, w, g->n_chunks);
	else if (str_eqz(w->key, "total_tokens"))
		want_int(c, w, g->total_tokens);
	else if (str_eqz(w->key, "headers"))
		want_headers(c, w);
	else if (str_eqz(w->key, "has"))
		want_parts(c, w, g->body, true);
	else if (str_eqz(w->key, "lacks"))
		want_parts(c, w, g->body, false);
	else
		return false;
	return true;
}

static bool
check_world(struct check *c, const struct tree_node *w)
{
	if (str_eqz(w->key, "tried"))
		want_tried(c, w);
	else if (str_eqz(w->key, "sent_has"))
		want_sent(c, w, true);
	else if (str_eqz(w->key, "sent_lacks"))
		want_sent(c, w, false);
	else if (str_eqz(w->key, "cancelled"))
		want_bool(c, w, any_call(c, false));
	else if (str_eqz(w->key, "paused"))
		want_bool(c, w, any_call(c, true));
	else if (str_eqz(w->key, "at_least"))
		want_time(c, w, true);
	else if (str_eqz(w->key, "at_most"))
		want_time(c, w, false);
	else if (str_eqz(w->key, "log_has"))
		want_parts(c, w, c->log, true);
	else if (str_eqz(w->key, "log_lacks"))
		want_parts(c, w, c->log, false);
	else
		return false;
	return true;
}

void
expect_check(const struct door *d, const struct script *s,
    const struct tree_node *expect, struct str log, struct buf *why)
{
	struct got g;
	struct check c = { d, s, &g, log, why };

	take_answer(&g, d);
	if (!d->is_done)
		buf_addz(why, "the request never ended\n");
	tree_each(expect, want)
	{
		if (!check_answer(&c, want) && !check_world(&c, want))
			buf_printf(why, "line %u: no such check: %.*s\n",
			    want->line, STR_ARG(want->key));
	}
	buf_fini(&g.text);
	buf_fini(&g.error_message);
}

/* ---- torture ------------------------------------------------------------ */

/* Whole events only; [DONE] or an error is the last, and not both. */
static void
sane_stream(const struct got *g, struct buf *why)
{
	struct str rest = g->body, last = { 0 };

	if (g->body.n == 0 || !str_ends(g->body, STR("\n\n")))
		buf_addz(why, "the stream ends within an event\n");
	while (rest.n > 0) {
		struct str line = str_cut(&rest, '\n');

		if (str_starts(line, STR("data: ")))
			last = str_skip(line, 6);
		else if (line.n > 0 && line.p[0] != ':')
			buf_printf(why, "odd line: %.*s\n", STR_ARG(line));
	}
	if (g->is_done == g->has_error)
		buf_addz(why, "neither [DONE] nor an error, or both\n");
	if (g->is_done && !str_eqz(last, "[DONE]"))
		buf_addz(why, "something follows [DONE]\n");
	if (g->has_error && !str_starts(last, STR("{\"error\":")))
		buf_addz(why, "something follows the error\n");
}

static void
sane_whole(const struct got *g, struct buf *why)
{
	bool is_json = str_contains(g->head, STR("application/json"));

	if (g->status < 200 || g->status > 599)
		buf_printf(why, "status %lld\n", (long long)g->status);
	if (is_json && g->status < 400 && g->has_error)
		buf_addz(why, "an error with a good status\n");
	if (is_json && g->status >= 400 && !g->has_error &&
	    !str_contains(g->body, STR("\"status\":")))
		buf_addz(why, "a bad status without an error\n");
}

/* After a failure it may be the turn of another answer of the script. */
static bool
is_scripted(const struct script *s, struct str text)
{
	tree_each(s->answers, host) tree_each(host, answer)
	{
		const struct tree_node *t = tree_find(answer, "text");

		if (t && str_eq(tree_text(t), text))
			return true;
	}
	return false;
}

/* Is it the refusal of a limit of ours that the fault has brought nearer? */
static bool
is_sooner(const struct got *g, const struct sooner *sooner)
{
	struct str m = buf_str(&g->error_message);
	bool is_budget = str_starts(m, STR("Budget \"")),
	     is_limit = str_starts(m, STR("Limit \"")),
	     is_provider =
		 str_starts(m, STR("The provider's configured limit"));

	if (g->status != 429 || !sooner ||
	    !(is_budget || is_limit || is_provider))
		return false;
	/* Guesses are of tokens, and of what they will cost. */
	return sooner->by_calls ||
	       (sooner->by_guesses &&
		   (is_budget || str_contains(m, STR(" tokens "))));
}

/* The client is blamed only for what he did, or a provider says he did. */
static bool
may_blame(
    const struct got *g, const struct script *s, const struct tree_node *expect)
{
	if (g->status == tree_i64_or(tree_find(expect, "status"), 200))
		return true;
	tree_each(s->answers, host) tree_each(host, answer)
	{
		if (g->status == tree_i64_or(tree_find(answer, "status"), 200))
			return true;
	}
	return false;
}

/* What looks complete must be so. */
static void
sane_text(const struct got *g, const struct script *s,
    const struct tree_node *expect, struct buf *why)
{
	const struct tree_node *want = tree_find(expect, "text");
	struct str text = buf_str(&g->text);

	if (str_contains(text, STR("<body is no JSON>")))
		buf_printf(why, "no JSON: %.*s\n", STR_ARG(g->body));
	if (g->status != 200 || g->has_error || !want)
		return;
	if (g->finish[0] && !str_eq(tree_text(want), text) &&
	    !is_scripted(s, text))
		buf_printf(
		    why, "false %s after '%.*s'\n", g->finish, STR_ARG(text));
}

bool
expect_sane(const struct door *d, const struct tree_node *expect,
    const struct sooner *sooner, struct buf *why)
{
	bool is_expected;
	struct got g;

	take_answer(&g, d);
	if (!d->is_done)
		buf_addz(why, "the request never ended\n");
	if (d->is_done && !d->is_aborted) {
		if (g.is_stream)
			sane_stream(&g, why);
		else
			sane_whole(&g, why);
		if (g.status >= 400 && g.status < 500 &&
		    !may_blame(&g, d->script, expect) && !is_sooner(&g, sooner))
			buf_printf(why, "a false %lld: %.*s\n",
			    (long long)g.status, STR_ARG(g.body));
		sane_text(&g, d->script, expect, why);
	}
	is_expected = g.status == tree_i64_or(tree_find(expect, "status"), 200);
	buf_fini(&g.text);
	buf_fini(&g.error_message);
	return is_expected;
}
