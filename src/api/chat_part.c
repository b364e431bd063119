#include "api/parse.h"

#include <inttypes.h>

/*
 * Content parts. Each type is a row: the word, what it becomes, and a function
 * that reads its members. Unknown types are kept raw (MSG_PART_OTHER).
 */

struct part_row {
	const char *word;
	enum msg_part_type type;
	enum err (*read)(struct api_parse *p, const struct api_where *w,
	    json_ref v, struct msg_part *part);
};

static enum err
read_text(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	struct api_where at = { w, "text", 0 };
	json_ref text = json_get_set(p->j, v, "text");

	if (text == JSON_NONE)
		return api_refuse_missing(p, &at);
	return api_opt_inner(p, w, "text", text, &part->text);
}

static enum err
read_refusal(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	struct api_where at = { w, "refusal", 0 };
	json_ref text = json_get_set(p->j, v, "refusal");

	if (text == JSON_NONE)
		return api_refuse_missing(p, &at);
	return api_opt_inner(p, w, "refusal", text, &part->text);
}

/* image_url and video_url: a string (many servers) or {url, detail}. */
static enum err
read_url(struct api_parse *p, const struct api_where *w, const char *name,
    json_ref v, struct msg_part *part)
{
	static const struct api_field fields[] = {
		API_FIELD("url"),
		API_FIELD("detail"),
	};
	struct api_where at = { w, name, 0 };
	json_ref link = json_get_set(p->j, v, name);
	json_ref f[2];
	enum err e;

	if (json_type(p->j, link) == JSON_T_STRING)
		return api_req_text(p, w, name, link, &part->url);
	e = api_req_object(p, w, name, link);
	if (e != ERR_OK)
		return e;
	api_fields(p, link, fields, 2, f);
	e = api_req_text(p, &at, "url", f[0], &part->url);
	if (e == ERR_OK)
		e = api_opt_text(p, &at, "detail", f[1], &part->detail);
	return e;
}

static enum err
read_image(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	if (++p->n_images > p->lim->images)
		return api_refuse(p, ERR_LIMIT, w,
		    "is one image too many; at most %" PRIu32
		    " are allowed in a request",
		    p->lim->images);
	return read_url(p, w, "image_url", v, part);
}

static enum err
read_video(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	return read_url(p, w, "video_url", v, part);
}

static enum err
read_audio(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	static const struct api_field fields[] = {
		API_FIELD("data"),
		API_FIELD("format"),
	};
	struct api_where at = { w, "input_audio", 0 };
	json_ref o = json_get_set(p->j, v, "input_audio");
	json_ref f[2];
	enum err e;

	e = api_req_object(p, w, "input_audio", o);
	if (e != ERR_OK)
		return e;
	api_fields(p, o, fields, 2, f);
	e = api_req_text(p, &at, "data", f[0], &part->data);
	if (e == ERR_OK)
		e = api_req_text(p, &at, "format", f[1], &part->format);
	return e;
}

static enum err
read_file(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	static const struct api_field fields[] = {
		API_FIELD("file_data"),
		API_FIELD("file_id"),
		API_FIELD("filename"),
	};
	struct api_where at = { w, "file", 0 };
	json_ref o = json_get_set(p->j, v, "file");
	json_ref f[3];
	enum err e;

	e = api_req_object(p, w, "file", o);
	if (e != ERR_OK)
		return e;
	api_fields(p, o, fields, 3, f);
	e = api_opt_text(p, &at, "file_data", f[0], &part->url);
	if (e == ERR_OK)
		e = api_opt_text(p, &at, "file_id", f[1], &part->file_id);
	if (e == ERR_OK)
		e = api_opt_text(p, &at, "filename", f[2], &part->filename);
	if (e == ERR_OK && !part->url.n && !part->file_id.n)
		e = api_refuse(p, ERR_RANGE, &at, "needs file_data or file_id");
	return e;
}

static enum err
read_thinking(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	static const struct api_field fields[] = {
		API_FIELD("thinking"),
		API_FIELD("signature"),
	};
	json_ref f[2];
	enum err e;

	api_fields(p, v, fields, 2, f);
	/* Mistral's is an array of text parts: only raw knows it */
	if (json_type(p->j, f[0]) == JSON_T_ARRAY) {
		part->type = MSG_PART_OTHER;
		return ERR_OK;
	}
	/* empty text with a signature is normal (wire.md 3.4) */
	part->text = STR("");
	e = api_opt_inner(p, w, "thinking", f[0], &part->text);
	if (e == ERR_OK)
		e = api_opt_text(p, w, "signature", f[1], &part->signature);
	return e;
}

static enum err
read_redacted(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	return api_req_text(
	    p, w, "data", json_get_set(p->j, v, "data"), &part->data);
}

/* OpenRouter's reasoning_details[]. */
static enum err
read_reasoning_text(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	static const struct api_field fields[] = {
		API_FIELD("text"),
		API_FIELD("signature"),
	};
	json_ref f[2];
	enum err e;

	api_fields(p, v, fields, 2, f);
	part->text = STR("");
	e = api_opt_inner(p, w, "text", f[0], &part->text);
	if (e == ERR_OK)
		e = api_opt_text(p, w, "signature", f[1], &part->signature);
	return e;
}

static enum err
read_reasoning_data(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	return api_opt_text(
	    p, w, "data", json_get_set(p->j, v, "data"), &part->data);
}

static const struct part_row part_rows[] = {
	{ "text", MSG_PART_TEXT, read_text },
	{ "image_url", MSG_PART_IMAGE, read_image },
	{ "input_audio", MSG_PART_AUDIO, read_audio },
	{ "file", MSG_PART_FILE, read_file },
	{ "refusal", MSG_PART_REFUSAL, read_refusal },
	{ "video_url", MSG_PART_VIDEO, read_video },
	{ "thinking", MSG_PART_THINKING, read_thinking },
	{ "redacted_thinking", MSG_PART_REDACTED, read_redacted },
	{ NULL, MSG_PART_OTHER, NULL },
};

static const struct part_row thinking_rows[] = {
	{ "thinking", MSG_PART_THINKING, read_thinking },
	{ "redacted_thinking", MSG_PART_REDACTED, read_redacted },
	{ "reasoning.text", MSG_PART_THINKING, read_reasoning_text },
	{ "reasoning.encrypted", MSG_PART_REDACTED, read_reasoning_data },
	{ NULL, MSG_PART_OTHER, NULL },
};

/* cache_control, or OpenAI's newer prompt_cache_breakpoint in its place. */
static enum err
read_cache(struct api_parse *p, const struct api_where *w, json_ref v,
    struct msg_part *part)
{
	static const struct api_field fields[] = {
		API_FIELD("cache_control"),
		API_FIELD("prompt_cache_breakpoint"),
	};
	json_ref f[2];
	enum json_type t;
	enum err e;

	api_fields(p, v, fields, 2, f);
	e = api_opt_object(p, w, "cache_control", f[0], &part->cache_control);
	t = json_type(p->j, f[1]);
	if (f[0] == JSON_NONE && (t == JSON_T_OBJECT || t == JSON_T_TRUE))
		part->cache_control = STR("{\"type\":\"ephemeral\"}");
	return e;
}

static enum err
part_parse(struct api_parse *p, const struct api_where *w,
    const struct part_row *row, json_ref v, struct msg_part *part)
{
	struct api_where at = { w, "type", 0 };
	json_ref type;
	enum err e;

	if (json_type(p->j, v) != JSON_T_OBJECT)
		return api_refuse_type(p, w, v, "an object");
	type = json_get_set(p->j, v, "type");
	if (type == JSON_NONE)
		return api_refuse_missing(p, &at);
	if (json_type(p->j, type) != JSON_T_STRING)
		return api_refuse_type(p, &at, type, "a string");
	while (row->word && !json_str_is(p->j, type, row->word))
		row++;
	part->type = row->type;
	part->raw = json_raw(p->j, v);
	if (row->read) {
		e = row->read(p, w, v, part);
		if (e != ERR_OK)
			return e;
	}
	return read_cache(p, w, v, part);
}

static enum err
parts_parse(struct api_parse *p, const struct api_where *w,
    const struct part_row *rows, json_ref v, struct msg_part **tail)
{
	struct api_where at = { w, NULL, 0 };
	enum err e;

	if (json_count(p->j, v) > p->lim->parts)
		return api_refuse(p, ERR_LIMIT, w,
		    "has %" PRIu32 " parts; at most %" PRIu32 " are allowed",
		    json_count(p->j, v), p->lim->parts);
	json_each (p->j, v, elem) {
		struct msg_part *part = ARENA_NEW(p->a, struct msg_part);

		if (!part)
			return api_nomem(p);
		e = part_parse(p, &at, rows, elem, part);
		if (e != ERR_OK)
			return e;
		*tail = part;
		tail = &part->next;
		at.index++;
	}
	return ERR_OK;
}

enum err
api_content_parse(
    struct api_parse *p, const struct api_where *up, json_ref v, struct msg *m)
{
	struct api_where w = { up, "content", 0 };
	struct msg_part *part;

	switch (json_type(p->j, v)) {
	case JSON_T_ARRAY:
		return parts_parse(p, &w, part_rows, v, &m->parts);
	case JSON_T_STRING:
		part = ARENA_NEW(p->a, struct msg_part);
		if (!part)
			return api_nomem(p);
		part->type = MSG_PART_TEXT;
		part->text = json_inner(p->j, v);
		part->raw = json_raw(p->j, v);
		m->parts = part;
		m->content_is_string = true;
		return ERR_OK;
	default:
		return api_refuse_type(
		    p, &w, v, "a string or an array of parts");
	}
}

enum err
api_thinking_parse(struct api_parse *p, const struct api_where *up,
    const char *name, json_ref v, struct msg *m)
{
	struct api_where w = { up, name, 0 };

	if (json_type(p->j, v) != JSON_T_ARRAY)
		return api_refuse_type(p, &w, v, "an array");
	return parts_parse(p, &w, thinking_rows, v, &m->thinking);
}
