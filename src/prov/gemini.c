/* The kind `gemini`: generateContent of the Gemini API (wire.md 1, 2, 3, 6.3). */
#include "prov/gemini.h"

#include "prov/kinds.h"

const struct prov_kind prov_kind_gemini = {
	.name = "gemini",
	.caps = PROV_CAP_CHAT,
	.default_base_url = "https://generativelanguage.googleapis.com",
	.build = gemini_build,
	.answer_new = gemini_answer_new,
	.answer_free = gemini_answer_free,
	.answer_head = prov_collect_head,
	.answer_feed = prov_collect_feed,
	.answer_end = prov_collect_end,
	.models_path = "/v1beta/models?pageSize=1",
};
