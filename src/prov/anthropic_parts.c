/* Content parts -> content blocks. */
#include "prov/anthropic.h"

#include "base/utf8.h"
#include "wire/b64.h"

/* Where in the client's request a part stands, for reports. */
#define WHERE "messages[%u].content[%u]"

static void
block(struct anthropic_build *b, const char *type)
{
	json_out_obj(&b->out);
	json_out_key(&b->out, "type");
	json_out_strz(&b->out, type);
	b->is_document = str_eqz(STR("document"), type);
}

static void
source(struct anthropic_build *b, const char *type)
{
	json_out_key(&b->out, "source");
	json_out_obj(&b->out);
	json_out_key(&b->out, "type");
	json_out_strz(&b->out, type);
}

static void
lose_part(struct anthropic_build *b, const struct msg *m, unsigned index)
{
	PROV_LOSE(b, PROV_LOSS_CONTRACT, WHERE, (unsigned)m->index, index);
}

void
anthropic_put_text(
    struct anthropic_build *b, struct str inner, struct str cache)
{
	block(b, "text");
	json_out_kv_inner(&b->out, "text", inner);
	anthropic_put_cache(b, cache);
	json_out_end(&b->out);
}

/* ---- images and documents ---------------------------------------------- */

static bool
is_image_type(struct str t)
{
	return str_case_eq(t, STR("image/png")) ||
	       str_case_eq(t, STR("image/jpeg")) ||
	       str_case_eq(t, STR("image/gif")) ||
	       str_case_eq(t, STR("image/webp"));
}

static void
put_base64(struct anthropic_build *b, const char *block_type, struct str type,
    struct str payload)
{
	block(b, block_type);
	source(b, "base64");
	json_out_kv_str(&b->out, "media_type", type);
	json_out_kv_str(&b->out, "data", payload);
	json_out_end(&b->out);
}

/* A document of plain text; false when it is not valid text. */
static bool
put_text_document(struct anthropic_build *b, struct str payload)
{
	struct buf text;
	bool ok;

	buf_init(&text, b->http->body.max);
	ok = b64_decode(&text, payload) == ERR_OK && text.n != 0 &&
	     utf8_valid(buf_str(&text));
	if (ok) {
		block(b, "document");
		source(b, "text");
		json_out_key(&b->out, "media_type");
		json_out_strz(&b->out, "text/plain");
		json_out_kv_str(&b->out, "data", buf_str(&text));
		json_out_end(&b->out);
	}
	if (text.failed && b->err == ERR_OK)
		b->err = ERR_NOMEM;
	buf_fini(&text);
	return ok;
}

static bool
is_text_type(struct str t)
{
	return str_case_starts(t, STR("text/")) ||
	       str_case_eq(t, STR("application/json")) ||
	       str_case_eq(t, STR("application/xml"));
}

/*
 * Opens a block for a data: URL, by what it is and not by the part that it
 * came in (wire.md 10 #80, #81, #82). False: nothing was written.
 */
static bool
open_data(struct anthropic_build *b, struct str url)
{
	struct b64_data_url d;
	const char *sniffed;

	if (b64_data_url_parse(url, &d) != ERR_OK || d.payload.n == 0)
		return false;
	sniffed = b64_sniff_image(d.payload);
	if (sniffed != NULL)
		put_base64(b, "image", str_z(sniffed), d.payload);
	else if (is_image_type(d.media_type))
		put_base64(b, "image", d.media_type, d.payload);
	else if (str_case_eq(d.media_type, STR("application/pdf")) ||
		 str_starts(d.payload, STR("JVBERi")))
		put_base64(b, "document", STR("application/pdf"), d.payload);
	else if (is_text_type(d.media_type))
		return put_text_document(b, d.payload);
	else
		return false;
	return true;
}

static bool
open_url(struct anthropic_build *b, const char *block_type, struct str url)
{
	if (str_case_starts(url, STR("data:")))
		return open_data(b, url);
	if (!str_case_starts(url, STR("https://")))
		return false;
	block(b, block_type);
	source(b, "url");
	json_out_kv_str(&b->out, "url", url);
	json_out_end(&b->out);
	return true;
}

static bool
put_image(struct anthropic_build *b, const struct msg *m,
    const struct msg_part *p, unsigned index, struct str cache)
{
	if (!open_url(b, "image", p->url)) {
		lose_part(b, m, index);
		return false;
	}
	if (p->detail.n != 0 && !str_eqz(p->detail, "auto"))
		PROV_LOSE(b, PROV_LOSS_TUNING, WHERE ".image_url.detail",
		    (unsigned)m->index, index);
	anthropic_put_cache(b, cache);
	json_out_end(&b->out);
	return true;
}

static bool
put_file(struct anthropic_build *b, const struct msg *m,
    const struct msg_part *p, unsigned index, struct str cache)
{
	bool is_open = false;

	if (p->url.n != 0) {
		is_open = open_url(b, "document", p->url);
	} else if (p->file_id.n != 0) {
		block(b, "document");
		source(b, "file");
		json_out_kv_str(&b->out, "file_id", p->file_id);
		json_out_end(&b->out);
		b->uses_files = true;
		is_open = true;
	}
	if (!is_open) {
		lose_part(b, m, index);
		return false;
	}
	if (p->filename.n != 0 && b->is_document)
		json_out_kv_str(&b->out, "title", p->filename);
	anthropic_put_cache(b, cache);
	json_out_end(&b->out);
	return true;
}

/* ---- thinking ---------------------------------------------------------- */

/*
 * The client kept the block as it was given: spliced byte for byte
 * (wire.md 10 #60). Other shapes (reasoning_details) are written anew.
 */
static bool
is_native(struct anthropic_build *b, const struct msg_part *p)
{
	static const char *const keys[] = { "type", "thinking", "signature",
		"data" };
	struct json j;
	json_ref type;

	if (!prov_tape_scan(&b->tape, p->raw, &j))
		return false;
	json_each (&j, 0, k) {
		size_t i = 0;

		while (i < 4 && !json_str_is(&j, k, keys[i]))
			i++;
		if (i == 4)
			return false;
	}
	type = json_get(&j, 0, "type");
	if (p->type == MSG_PART_REDACTED)
		return json_str_is(&j, type, "redacted_thinking");
	return json_str_is(&j, type, "thinking") &&
	       json_type(&j, json_get(&j, 0, "thinking")) == JSON_T_STRING;
}

bool
anthropic_put_thinking(struct anthropic_build *b, const struct msg_part *p)
{
	/* Without a signature it is another maker's, and refused. */
	if (anthropic_part_is_void(p)) {
		PROV_LOSE(b, PROV_LOSS_TUNING, "messages[].thinking_blocks");
		return false;
	}
	if (is_native(b, p)) {
		json_out_raw(&b->out, p->raw);
		return true;
	}
	if (p->type == MSG_PART_REDACTED) {
		block(b, "redacted_thinking");
		json_out_kv_str(&b->out, "data", p->data);
	} else {
		block(b, "thinking");
		json_out_kv_inner(&b->out, "thinking",
		    str_present(p->text) ? p->text : STR(""));
		json_out_kv_str(&b->out, "signature", p->signature);
	}
	json_out_end(&b->out);
	return true;
}

/* ---- any part ---------------------------------------------------------- */

bool
anthropic_part_is_void(const struct msg_part *p)
{
	switch (p->type) {
	case MSG_PART_TEXT:
	case MSG_PART_REFUSAL:
		return prov_inner_is_blank(p->text);
	case MSG_PART_THINKING:
		return p->signature.n == 0;
	case MSG_PART_REDACTED:
		return p->data.n == 0;
	case MSG_PART_IMAGE:
	case MSG_PART_AUDIO:
	case MSG_PART_FILE:
	case MSG_PART_VIDEO:
	case MSG_PART_OTHER:
	case MSG_PART__MAX:
		break;
	}
	return false;
}

bool
anthropic_put_part(struct anthropic_build *b, const struct msg *m,
    const struct msg_part *p, unsigned index, struct str cache)
{
	switch (p->type) {
	case MSG_PART_TEXT:
	case MSG_PART_REFUSAL:
		/* "text content blocks must be non-empty" */
		if (anthropic_part_is_void(p))
			return false;
		anthropic_put_text(b, p->text, cache);
		return true;
	case MSG_PART_IMAGE:
		return put_image(b, m, p, index, cache);
	case MSG_PART_FILE:
		return put_file(b, m, p, index, cache);
	case MSG_PART_THINKING:
	case MSG_PART_REDACTED:
		return anthropic_put_thinking(b, p);
	case MSG_PART_AUDIO:
	case MSG_PART_VIDEO:
	case MSG_PART_OTHER:
	case MSG_PART__MAX:
		break;
	}
	lose_part(b, m, index);
	return false;
}
