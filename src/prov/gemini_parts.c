/* Content parts -> parts of a Content. */
#include "prov/gemini.h"

#include "wire/b64.h"

#define FILES_BASE "https://generativelanguage.googleapis.com/v1beta/"

static void
lose_part(struct gemini_build *b, const struct msg *m, unsigned index)
{
	PROV_LOSE(b, PROV_LOSS_CONTRACT, "messages[%u].content[%u]",
	    (unsigned)m->index, index);
}

void
gemini_put_text(struct gemini_build *b, struct str inner, struct str signature)
{
	json_out_obj(&b->out);
	json_out_kv_inner(&b->out, "text", inner);
	if (signature.n != 0)
		json_out_kv_str(&b->out, "thoughtSignature", signature);
	json_out_end(&b->out);
}

static void
put_inline(struct gemini_build *b, struct str type, struct str data)
{
	json_out_obj(&b->out);
	json_out_key(&b->out, "inlineData");
	json_out_obj(&b->out);
	json_out_kv_str(&b->out, "mimeType", type);
	json_out_kv_str(&b->out, "data", data);
	json_out_end(&b->out);
	json_out_end(&b->out);
}

/* By the end of the path; NULL: not known. */
static const char *
type_of_url(struct str url)
{
	static const struct {
		const char *end;
		const char *type;
	} ends[] = {
		{ ".png", "image/png" },
		{ ".jpg", "image/jpeg" },
		{ ".jpeg", "image/jpeg" },
		{ ".webp", "image/webp" },
		{ ".gif", "image/gif" },
		{ ".heic", "image/heic" },
		{ ".pdf", "application/pdf" },
		{ ".txt", "text/plain" },
		{ ".mp4", "video/mp4" },
		{ ".webm", "video/webm" },
		{ ".mov", "video/quicktime" },
		{ ".mp3", "audio/mp3" },
		{ ".wav", "audio/wav" },
	};
	struct str path = str_of(url.p, str_chr(url, '?'));

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i].end);

		if (path.n > n &&
		    str_case_eq(str_skip(path, path.n - n), str_z(ends[i].end)))
			return ends[i].type;
	}
	return NULL;
}

static bool
put_uri(struct gemini_build *b, struct str uri)
{
	const char *type = type_of_url(uri);

	json_out_obj(&b->out);
	json_out_key(&b->out, "fileData");
	json_out_obj(&b->out);
	if (type != NULL) {
		json_out_key(&b->out, "mimeType");
		json_out_strz(&b->out, type);
	}
	json_out_kv_str(&b->out, "fileUri", uri);
	json_out_end(&b->out);
	json_out_end(&b->out);
	return true;
}

/* data: by what it is (wire.md 10 #80), https: and gs: by name. */
static bool
put_url(struct gemini_build *b, struct str url)
{
	struct b64_data_url d;
	const char *sniffed;

	if (str_case_starts(url, STR("https://")) ||
	    str_starts(url, STR("gs://")))
		return put_uri(b, url);
	if (b64_data_url_parse(url, &d) != ERR_OK || d.payload.n == 0)
		return false;
	sniffed = b64_sniff_image(d.payload);
	if (sniffed != NULL)
		d.media_type = str_z(sniffed);
	if (d.media_type.n == 0)
		return false;
	put_inline(b, d.media_type, d.payload);
	return true;
}

static bool
put_audio(struct gemini_build *b, const struct msg_part *p)
{
	struct str type =
	    arena_printf(b->call->arena, "audio/%.*s", STR_ARG(p->format));

	if (p->data.n == 0 || p->format.n == 0)
		return false;
	put_inline(b, type, p->data);
	return true;
}

static bool
put_file(struct gemini_build *b, const struct msg_part *p)
{
	struct str id = p->file_id;

	if (p->url.n != 0)
		return put_url(b, p->url);
	if (str_starts(id, STR("https://")) || str_starts(id, STR("gs://")))
		return put_uri(b, id);
	if (!str_starts(id, STR("files/")))
		return false;
	return put_uri(
	    b, arena_printf(b->call->arena, FILES_BASE "%.*s", STR_ARG(id)));
}

bool
gemini_part_is_void(const struct msg_part *p)
{
	return (p->type == MSG_PART_TEXT || p->type == MSG_PART_REFUSAL) &&
	       p->text.n == 0;
}

bool
gemini_put_part(struct gemini_build *b, const struct msg *m,
    const struct msg_part *p, unsigned index, struct str signature)
{
	bool is_put = false;

	if (str_present(p->cache_control)) /* caching is implicit there */
		PROV_LOSE(b, PROV_LOSS_TUNING, "cache_control");
	switch (p->type) {
	case MSG_PART_TEXT:
	case MSG_PART_REFUSAL:
		if (gemini_part_is_void(p))
			return false;
		gemini_put_text(b, p->text, signature);
		return true;
	case MSG_PART_IMAGE:
		is_put = put_url(b, p->url);
		if (p->detail.n != 0 && !str_eqz(p->detail, "auto"))
			PROV_LOSE(b, PROV_LOSS_TUNING,
			    "messages[%u].content[%u].image_url.detail",
			    (unsigned)m->index, index);
		break;
	case MSG_PART_VIDEO:
		is_put = put_url(b, p->url);
		break;
	case MSG_PART_AUDIO:
		is_put = put_audio(b, p);
		break;
	case MSG_PART_FILE:
		is_put = put_file(b, p);
		break;
	case MSG_PART_THINKING:
	case MSG_PART_REDACTED:
		/* Signed by another maker: of no use here. */
		PROV_LOSE(b, PROV_LOSS_TUNING, "messages[].thinking_blocks");
		return false;
	case MSG_PART_OTHER:
	case MSG_PART__MAX:
		break;
	}
	if (!is_put)
		lose_part(b, m, index);
	return is_put;
}
