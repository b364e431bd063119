/* The kind `anthropic`: POST /v1/messages (wire.md 1, 2, 3, 6.4). */
#include "prov/anthropic.h"

#include "prov/kinds.h"

const struct prov_kind prov_kind_anthropic = {
	.name = "anthropic",
	.caps = PROV_CAP_CHAT | PROV_CAP_ALWAYS_STREAM | PROV_CAP_URL_IMAGES,
	.default_base_url = "https://api.anthropic.com",
	.build = anthropic_build,
	.answer_new = anthropic_answer_new,
	.answer_free = anthropic_answer_free,
	.answer_head = prov_collect_head,
	.answer_feed = prov_collect_feed,
	.answer_end = prov_collect_end,
	.models_path = "/v1/models?limit=1",
};
