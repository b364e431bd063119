#ifndef API_MODELS_H
#define API_MODELS_H
/* GET /v1/models and /v1/models/{id}: bodies from a plain list. */
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct api_model {
	struct str name; /* text: the alias */
	int64_t created; /* seconds since 1970 */
	struct str owned_by; /* text */
	const struct str *tags; /* texts */
	size_t n_tags; /* 0: no "tags" */
};

/*
 * {"object":"list","data":[{"id","object":"model","created","owned_by",
 * "tags":[...]}]}
 */
void
api_models_print(const struct api_model *models, size_t n, struct buf *out);
void api_model_print(const struct api_model *model, struct buf *out);

#endif
