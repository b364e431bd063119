/*
 * Answers of generateContent -> events (wire.md 3, 5.4). A stream is a run of
 * whole GenerateContentResponses, as server-sent events or as the elements of
 * one array; so one function reads them all.
 */
#include "prov/gemini.h"

#include <stdlib.h>

#include "base/fault.h"

#define EXTRA_MAX 65536
#define PARTIAL_MAX ((size_t)4 << 20)

struct gemini_answer {
	struct prov_collect c; /* first */
	bool has_start;
	bool has_finish;
	bool has_candidates;
	bool has_content;
	uint32_t calls; /* so far: their keys */
	/* A call whose arguments come in pieces. */
	struct gemini_partial *partial;
	uint32_t partial_choice, partial_call;
	/* groundingMetadata as it came last: chunks repeat it */
	struct buf grounding;
	uint32_t grounding_choice;
	struct buf scratch;
};

static void
emit(struct gemini_answer *a, struct msg_event ev)
{
	prov_answer_emit(&a->c.a, &ev);
}

static struct str
text_of(struct gemini_answer *a, const struct json *j, json_ref v)
{
	return prov_answer_text(&a->c, j, v);
}

static void
put_text(struct gemini_answer *a, uint32_t choice, struct str inner)
{
	a->has_content |= inner.n != 0;
	if (inner.n != 0)
		emit(a,
		    (struct msg_event){
			.type = MSG_EV_TEXT, .choice = choice, .text = inner });
}

static void
too_large(struct gemini_answer *a)
{
	prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
	    "a part of the provider's answer is too large");
}

/* ---- function calls ----------------------------------------------------- */

static void
put_arguments(
    struct gemini_answer *a, uint32_t choice, uint32_t call, struct str json)
{
	struct buf inner;

	buf_init(&inner, a->c.body.max);
	json_escape(&inner, json);
	if (inner.failed)
		too_large(a);
	else
		emit(a, (struct msg_event){ .type = MSG_EV_CALL_ARGS,
			    .choice = choice,
			    .call = call,
			    .text = buf_str(&inner) });
	buf_fini(&inner);
}

/* What has been gathered goes out whole: pieces need not come in order. */
static void
partial_end(struct gemini_answer *a)
{
	struct buf text;

	if (a->partial == NULL)
		return;
	buf_init(&text, a->c.body.max);
	gemini_partial_put(a->partial, &text);
	gemini_partial_free(a->partial);
	a->partial = NULL;
	if (text.failed)
		too_large(a);
	else
		put_arguments(
		    a, a->partial_choice, a->partial_call, buf_str(&text));
	buf_fini(&text);
	emit(a, (struct msg_event){ .type = MSG_EV_CALL_END,
		    .choice = a->partial_choice,
		    .call = a->partial_call });
}

static void
partial_add(struct gemini_answer *a, const struct json *j, json_ref call)
{
	json_each (j, json_get(j, call, "partialArgs"), e) {
		enum err err = gemini_partial_add(a->partial, j, e);

		if (err == ERR_OK)
			continue;
		prov_answer_failf(&a->c.a, MSG_FAIL_BAD_ANSWER,
		    "the provider's pieces of a tool call do not fit "
		    "together: %s",
		    err_word(err));
		return;
	}
	if (!json_is_true(j, json_get(j, call, "willContinue")))
		partial_end(a);
}

static void
start_call(struct gemini_answer *a, uint32_t choice, const struct json *j,
    json_ref part, json_ref call)
{
	json_ref args = json_get_set(j, call, "args");
	bool in_pieces = json_is_true(j, json_get(j, call, "willContinue")) ||
			 json_get(j, call, "partialArgs") != JSON_NONE;
	uint32_t key = a->calls++;

	a->has_content = true;
	emit(a, (struct msg_event){ .type = MSG_EV_CALL_START,
		    .choice = choice,
		    .call = key,
		    .id = text_of(a, j, json_get_set(j, call, "id")),
		    .name = text_of(a, j, json_get(j, call, "name")),
		    .signature = text_of(
			a, j, json_get_set(j, part, "thoughtSignature")) });
	if (in_pieces) {
		a->partial = gemini_partial_new(PARTIAL_MAX);
		a->partial_choice = choice;
		a->partial_call = key;
		if (a->partial == NULL)
			prov_answer_no_memory(&a->c.a);
		else
			partial_add(a, j, call);
		return;
	}
	if (json_count(j, args) != 0)
		put_arguments(a, choice, key, json_raw(j, args));
	emit(a, (struct msg_event){
		    .type = MSG_EV_CALL_END, .choice = choice, .call = key });
}

static void
put_call(struct gemini_answer *a, uint32_t choice, const struct json *j,
    json_ref part, json_ref call)
{
	bool has_name = json_get_set(j, call, "name") != JSON_NONE;

	if (a->partial != NULL && !has_name) {
		partial_add(a, j, call);
		return;
	}
	partial_end(a);
	/* "functionCall":{} ends the pieces; without any it says nothing. */
	if (has_name)
		start_call(a, choice, j, part, call);
}

/* ---- parts -------------------------------------------------------------- */

/*
 * The signature of a text (or of nothing: an empty last part), in the shape of
 * Google's own OpenAI surface, to come back with the next request.
 */
static void
put_signature(struct gemini_answer *a, uint32_t choice, struct str raw)
{
	buf_reset(&a->scratch);
	buf_addz(&a->scratch,
	    "\"extra_content\":{\"google\":{\"thought_signature\":");
	buf_adds(&a->scratch, raw);
	buf_addz(&a->scratch, "}}");
	if (!a->scratch.failed)
		emit(a, (struct msg_event){ .type = MSG_EV_EXTRA,
			    .choice = choice,
			    .extra_delta = buf_str(&a->scratch) });
}

/* A picture: message.images[] as OpenRouter has it. */
static void
put_inline(
    struct gemini_answer *a, uint32_t choice, const struct json *j, json_ref v)
{
	struct str type = json_inner(j, json_get(j, v, "mimeType"));
	struct str data = json_inner(j, json_get(j, v, "data"));
	struct buf raw;

	if (!str_starts(type, STR("image/")) || data.n == 0)
		return;
	a->has_content = true;
	buf_init(&raw, type.n + data.n + 128);
	buf_addz(
	    &raw, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:");
	buf_adds(&raw, type);
	buf_addz(&raw, ";base64,");
	buf_adds(&raw, data);
	buf_addz(&raw, "\"}}");
	if (raw.failed)
		too_large(a);
	else
		emit(a, (struct msg_event){ .type = MSG_EV_IMAGE,
			    .choice = choice,
			    .raw = buf_str(&raw) });
	buf_fini(&raw);
}

/* Code that ran at Google's, and what came out, as fenced text. */
static void
put_fenced(struct gemini_answer *a, uint32_t choice, const char *language,
    struct str inner)
{
	if (inner.n == 0)
		return;
	put_text(a, choice, STR("\\n```"));
	put_text(a, choice, str_z(language));
	put_text(a, choice, STR("\\n"));
	put_text(a, choice, prov_inner_rtrim(inner));
	put_text(a, choice, STR("\\n```\\n"));
}

static void
put_part(
    struct gemini_answer *a, uint32_t choice, const struct json *j, json_ref v)
{
	struct str text = json_inner(j, json_get(j, v, "text"));
	struct str signature =
	    json_raw(j, json_get_set(j, v, "thoughtSignature"));
	json_ref call = json_get_set(j, v, "functionCall");

	if (json_type(j, call) == JSON_T_OBJECT) {
		put_call(a, choice, j, v, call);
		return;
	}
	if (!json_is_true(j, json_get(j, v, "thought")))
		put_text(a, choice, text);
	else if (text.n != 0)
		emit(a, (struct msg_event){ .type = MSG_EV_REASONING,
			    .choice = choice,
			    .text = text });
	put_inline(a, choice, j, json_get_set(j, v, "inlineData"));
	put_fenced(a, choice, "python",
	    json_inner(j, json_at(j, v, "executableCode", "code", NULL)));
	put_fenced(a, choice, "",
	    json_inner(
		j, json_at(j, v, "codeExecutionResult", "output", NULL)));
	if (str_present(signature) && json_get(j, v, "text") != JSON_NONE)
		put_signature(a, choice, signature);
}

/* ---- finish ------------------------------------------------------------- */

/*
 * Numbers come with $alt=json;enum-encoding=int (R). Above 5 the Gemini API
 * and Vertex count differently; 6 to 9 are kinds of filter in most.
 */
static const struct {
	const char *word;
	enum msg_finish finish;
	int number;
} finishes[] = {
	{ "FINISH_REASON_UNSPECIFIED", MSG_FINISH_STOP, 0 },
	{ "STOP", MSG_FINISH_STOP, 1 },
	{ "MAX_TOKENS", MSG_FINISH_LENGTH, 2 },
	{ "SAFETY", MSG_FINISH_CONTENT_FILTER, 3 },
	{ "RECITATION", MSG_FINISH_CONTENT_FILTER, 4 },
	{ "OTHER", MSG_FINISH_STOP, 5 },
	{ "LANGUAGE", MSG_FINISH_CONTENT_FILTER, 6 },
	{ "BLOCKLIST", MSG_FINISH_CONTENT_FILTER, 7 },
	{ "PROHIBITED_CONTENT", MSG_FINISH_CONTENT_FILTER, 8 },
	{ "SPII", MSG_FINISH_CONTENT_FILTER, 9 },
	{ "MALFORMED_FUNCTION_CALL", MSG_FINISH_STOP, 10 },
	{ "IMAGE_SAFETY", MSG_FINISH_CONTENT_FILTER, 11 },
	{ "IMAGE_PROHIBITED_CONTENT", MSG_FINISH_CONTENT_FILTER, -1 },
	{ "IMAGE_RECITATION", MSG_FINISH_CONTENT_FILTER, -1 },
	{ "MODEL_ARMOR", MSG_FINISH_CONTENT_FILTER, -1 },
	{ "UNEXPECTED_TOOL_CALL", MSG_FINISH_STOP, -1 },
	{ "TOO_MANY_TOOL_CALLS", MSG_FINISH_STOP, -1 },
	{ "NO_IMAGE", MSG_FINISH_STOP, -1 },
	{ "IMAGE_OTHER", MSG_FINISH_STOP, -1 },
	{ "CONTINUATION", MSG_FINISH_LENGTH, -1 },
};

/* message: the provider's own words about it, or absent. */
static void
emit_finish(struct gemini_answer *a, struct msg_event ev, struct str message)
{
	buf_reset(&a->scratch);
	if (str_present(message)) {
		buf_addz(&a->scratch, "\"finish_message\":");
		buf_adds(&a->scratch, message);
		if (!a->scratch.failed)
			ev.extra_choice = buf_str(&a->scratch);
	}
	a->has_finish = true;
	emit(a, ev);
}

static void
put_finish(struct gemini_answer *a, uint32_t choice, const struct json *j,
    json_ref candidate)
{
	json_ref v = json_get_set(j, candidate, "finishReason");
	struct str message =
	    json_raw(j, json_get_set(j, candidate, "finishMessage"));
	struct msg_event ev = { .type = MSG_EV_FINISH, .choice = choice };
	int64_t number = json_i64_or(j, v, -2);

	if (json_type(j, v) != JSON_T_STRING && number == -2)
		return;
	ev.native = text_of(a, j, v);
	for (size_t i = 0; i < sizeof(finishes) / sizeof(*finishes); i++) {
		if (str_eqz(ev.native, finishes[i].word) ||
		    number == finishes[i].number) {
			ev.finish = finishes[i].finish;
			ev.native = str_z(finishes[i].word);
		}
	}
	emit_finish(a, ev, message);
}

/* No candidates and the reason why: a 200 that says no. */
static void
put_blocked(struct gemini_answer *a, const struct json *j, json_ref feedback)
{
	json_ref why = json_get_set(j, feedback, "blockReason");
	struct str message =
	    json_raw(j, json_get_set(j, feedback, "blockReasonMessage"));
	struct msg_event ev = { .type = MSG_EV_FINISH,
		.finish = MSG_FINISH_CONTENT_FILTER };

	if (why == JSON_NONE && (!str_present(message) || a->has_candidates))
		return;
	ev.native = text_of(a, j, why);
	emit_finish(a, ev, message);
}

/* ---- what goes with it -------------------------------------------------- */

/*
 * groundingSupports say which bytes of the text rest on which of
 * groundingChunks: one annotation for each pair.
 */
static void
put_annotation(struct gemini_answer *a, const struct json *j, json_ref segment,
    json_ref web)
{
	struct str uri = json_raw(j, json_get_set(j, web, "uri"));
	struct str title = json_raw(j, json_get_set(j, web, "title"));

	if (!str_present(uri))
		return;
	buf_reset(&a->scratch);
	buf_addz(&a->scratch,
	    "{\"type\":\"url_citation\",\"url_citation\":{\"url\":");
	buf_adds(&a->scratch, uri);
	buf_addz(&a->scratch, ",\"title\":");
	buf_adds(&a->scratch, str_present(title) ? title : STR("\"\""));
	buf_printf(&a->scratch, ",\"start_index\":%lld,\"end_index\":%lld}}",
	    (long long)json_i64_or(j, json_get(j, segment, "startIndex"), 0),
	    (long long)json_i64_or(j, json_get(j, segment, "endIndex"), 0));
	if (!a->scratch.failed)
		emit(a, (struct msg_event){ .type = MSG_EV_ANNOTATION,
			    .choice = a->grounding_choice,
			    .raw = buf_str(&a->scratch) });
}

static void
flush_grounding(struct gemini_answer *a)
{
	struct prov_tape tape = { 0 };
	struct json j;
	json_ref chunks;

	if (a->grounding.n == 0 || a->grounding.failed ||
	    !prov_tape_scan(&tape, buf_str(&a->grounding), &j))
		return;
	chunks = json_get(&j, 0, "groundingChunks");
	json_each (&j, json_get(&j, 0, "groundingSupports"), s) {
		json_each (&j, json_get(&j, s, "groundingChunkIndices"), i) {
			int64_t n = json_i64_or(&j, i, -1);

			if (n < 0 || n >= json_count(&j, chunks))
				continue;
			put_annotation(a, &j, json_get(&j, s, "segment"),
			    json_get(
				&j, json_elem(&j, chunks, (uint32_t)n), "web"));
		}
	}
	prov_tape_fini(&tape);
	buf_reset(&a->scratch);
	buf_addz(&a->scratch, "\"grounding_metadata\":");
	buf_adds(&a->scratch, buf_str(&a->grounding));
	if (!a->scratch.failed)
		emit(a, (struct msg_event){ .type = MSG_EV_EXTRA,
			    .choice = a->grounding_choice,
			    .extra_choice = buf_str(&a->scratch) });
	buf_reset(&a->grounding);
}

static void
put_token(struct buf *b, const struct json *j, json_ref v)
{
	buf_addz(b, "{\"token\":");
	buf_adds(b, json_raw(j, json_get(j, v, "token")));
	buf_addz(b, ",\"logprob\":");
	buf_adds(b, json_raw(j, json_get(j, v, "logProbability")));
	buf_addz(b, ",\"bytes\":null");
}

static bool
is_token(const struct json *j, json_ref v)
{
	return json_type(j, json_get(j, v, "token")) == JSON_T_STRING &&
	       json_type(j, json_get(j, v, "logProbability")) == JSON_T_NUMBER;
}

static void
put_logprobs(
    struct gemini_answer *a, uint32_t choice, const struct json *j, json_ref v)
{
	json_ref tops = json_get(j, v, "topCandidates");
	json_ref top = json_first(j, tops);
	struct buf b;
	bool any = false;

	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	buf_init(&b, a->c.body.max);
	buf_addz(&b, "{\"content\":[");
	json_each (j, json_get(j, v, "chosenCandidates"), e) {
		bool more = false;

		if (!is_token(j, e))
			continue;
		buf_addz(&b, any ? "," : "");
		any = true;
		put_token(&b, j, e);
		buf_addz(&b, ",\"top_logprobs\":[");
		json_each (j, json_get(j, top, "candidates"), t) {
			if (!is_token(j, t))
				continue;
			buf_addz(&b, more ? "," : "");
			more = true;
			put_token(&b, j, t);
			buf_addc(&b, '}');
		}
		buf_addz(&b, "]}");
		if (top != JSON_NONE)
			top = json_next(j, tops, top);
	}
	buf_addz(&b, "],\"refusal\":null}");
	if (b.failed)
		too_large(a);
	else if (any)
		emit(a, (struct msg_event){ .type = MSG_EV_LOGPROBS,
			    .choice = choice,
			    .raw = buf_str(&b) });
	buf_fini(&b);
}

/* ---- usage -------------------------------------------------------------- */

static int64_t
count_of(const struct json *j, json_ref v, const char *key)
{
	return prov_answer_count(j, json_get(j, v, key));
}

/* The tokens of one modality; -1 when it is not listed. */
static int64_t
tokens_of(const struct json *j, json_ref list, const char *modality)
{
	json_each (j, list, e) {
		if (json_str_is(j, json_get(j, e, "modality"), modality))
			return count_of(j, e, "tokenCount");
	}
	return -1;
}

static int64_t
sum(int64_t a, int64_t b)
{
	return (a < 0 ? 0 : a) + (b < 0 ? 0 : b);
}

/*
 * candidatesTokenCount leaves the thoughts out and is absent when all went
 * into them; toolUsePromptTokenCount is beside the prompt (wire.md 3.3, #42).
 */
static void
put_usage(struct gemini_answer *a, const struct json *j, json_ref v)
{
	static const char *const known[] = { "promptTokenCount",
		"candidatesTokenCount", "totalTokenCount", "thoughtsTokenCount",
		"cachedContentTokenCount", NULL };
	struct msg_usage u = MSG_USAGE_UNKNOWN;
	int64_t prompt = count_of(j, v, "promptTokenCount");
	int64_t tools = count_of(j, v, "toolUsePromptTokenCount");
	int64_t answer = count_of(j, v, "candidatesTokenCount");
	json_ref details;

	u.reasoning = count_of(j, v, "thoughtsTokenCount");
	u.cached = count_of(j, v, "cachedContentTokenCount");
	if (json_type(j, v) != JSON_T_OBJECT)
		return;
	if (prompt >= 0 || tools >= 0)
		u.prompt = sum(prompt, tools);
	u.completion = sum(answer, u.reasoning);
	details = json_get(j, v, "promptTokensDetails");
	u.audio_in = tokens_of(j, details, "AUDIO");
	u.image_in = tokens_of(j, details, "IMAGE");
	details = json_get(j, v, "candidatesTokensDetails");
	u.audio_out = tokens_of(j, details, "AUDIO");
	u.image_out = tokens_of(j, details, "IMAGE");
	buf_reset(&a->scratch);
	prov_put_members(&a->scratch, j, v, known);
	if (!a->scratch.failed)
		u.extra = buf_str(&a->scratch);
	emit(a, (struct msg_event){ .type = MSG_EV_USAGE, .usage = u });
}

/* ---- a response --------------------------------------------------------- */

static void
put_start(struct gemini_answer *a, const struct json *j, json_ref v)
{
	usec_t when;
	struct msg_event ev = { .type = MSG_EV_START };

	if (a->has_start)
		return;
	a->has_start = true;
	ev.id = text_of(a, j, json_get_set(j, v, "responseId"));
	ev.model = text_of(a, j, json_get_set(j, v, "modelVersion"));
	if (http_rfc3339_parse(
		json_inner(j, json_get(j, v, "createTime")), &when) == ERR_OK &&
	    when > 0)
		ev.created = when / USEC_PER_SEC;
	emit(a, ev);
}

static void
put_candidate(struct gemini_answer *a, const struct json *j, json_ref v,
    uint32_t position)
{
	uint32_t choice =
	    (uint32_t)json_i64_or(j, json_get(j, v, "index"), position);
	json_ref grounding = json_get_set(j, v, "groundingMetadata");

	a->has_candidates = true;
	json_each (j, json_at(j, v, "content", "parts", NULL), e)
		put_part(a, choice, j, e);
	put_logprobs(a, choice, j, json_get_set(j, v, "logprobsResult"));
	if (json_count(j, grounding) != 0) {
		buf_reset(&a->grounding);
		buf_adds(&a->grounding, json_raw(j, grounding));
		a->grounding_choice = choice;
	}
	if (json_get_set(j, v, "finishReason") != JSON_NONE)
		partial_end(a);
	put_finish(a, choice, j, v);
}

static void
on_event(
    struct prov_collect *c, const struct json *j, json_ref v, struct str name)
{
	struct gemini_answer *a = (struct gemini_answer *)c;
	json_ref error = json_get_set(j, v, "error");
	struct msg_fail fail;
	uint32_t position = 0;

	(void)name;
	if (json_type(j, v) != JSON_T_OBJECT) {
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer is no JSON object");
		return;
	}
	if (error != JSON_NONE) {
		prov_fail_object(c->a.target, j, error, 200, &fail);
		prov_answer_fail(&c->a, &fail);
		return;
	}
	put_start(a, j, v);
	json_each (j, json_get(j, v, "candidates"), e)
		put_candidate(a, j, e, position++);
	put_blocked(a, j, json_get(j, v, "promptFeedback"));
	put_usage(a, j, json_get(j, v, "usageMetadata"));
}

/* Complete as it came, though without a finish reason, if it says anything. */
static void
on_body(struct prov_collect *c, const struct json *j, json_ref v)
{
	struct gemini_answer *a = (struct gemini_answer *)c;

	on_event(c, j, v, str_of(NULL, 0));
	if (a->has_finish || c->a.ended)
		return;
	if (!a->has_content) {
		prov_answer_failf(&c->a, MSG_FAIL_BAD_ANSWER,
		    "the provider's answer has neither content nor a reason");
		return;
	}
	a->has_finish = true;
	emit(a, (struct msg_event){
		    .type = MSG_EV_FINISH, .finish = MSG_FINISH_STOP });
}

static void
on_end(struct prov_collect *c)
{
	struct gemini_answer *a = (struct gemini_answer *)c;

	if (!a->has_finish) {
		prov_answer_failf(&c->a, MSG_FAIL_CUT,
		    "the provider's answer ended before it was complete");
		return;
	}
	partial_end(a);
	flush_grounding(a);
	prov_answer_end(&c->a);
}

static const struct prov_collect_ops ops = {
	.event = on_event,
	.body = on_body,
	.end = on_end,
};

struct prov_answer *
gemini_answer_new(const struct prov_target *target,
    const struct prov_answer_options *o, struct msg_sink sink)
{
	struct gemini_answer *a =
	    fault("prov.gemini") ? NULL : calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	prov_collect_init(&a->c, target, o, sink, &ops);
	buf_init(&a->grounding, EXTRA_MAX * 4);
	buf_init(&a->scratch, EXTRA_MAX * 4 + 256);
	return &a->c.a;
}

void
gemini_answer_free(struct prov_answer *answer)
{
	struct gemini_answer *a = (struct gemini_answer *)answer;

	if (a == NULL)
		return;
	prov_collect_fini(&a->c);
	gemini_partial_free(a->partial);
	buf_fini(&a->grounding);
	buf_fini(&a->scratch);
	free(a);
}
