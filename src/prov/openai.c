#include "prov/openai.h"

#include "prov/kinds.h"

const struct prov_kind prov_kind_openai = {
	.name = "openai",
	.caps = PROV_CAP_CHAT | PROV_CAP_OPENAI_DIALECT | PROV_CAP_URL_IMAGES |
		PROV_CAP_LEARNS,
	.default_base_url = "https://api.openai.com/v1",
	.build = openai_build,
	.answer_new = openai_answer_new,
	.answer_free = openai_answer_free,
	.answer_head = prov_collect_head,
	.answer_feed = prov_collect_feed,
	.answer_end = prov_collect_end,
	.models_path = "/v1/models",
};

const struct prov_kind prov_kind_compatible = {
	.name = "openai-compatible",
	.caps = PROV_CAP_CHAT | PROV_CAP_OPENAI_DIALECT | PROV_CAP_URL_IMAGES,
	.default_base_url = NULL,
	.build = openai_build,
	.answer_new = openai_answer_new,
	.answer_free = openai_answer_free,
	.answer_head = prov_collect_head,
	.answer_feed = prov_collect_feed,
	.answer_end = prov_collect_end,
	.models_path = "/v1/models",
};
