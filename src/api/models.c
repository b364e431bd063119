#include "api/models.h"

#include "base/json_out.h"

static void
print(struct json_out *o, const struct api_model *m)
{
	json_out_obj(o);
	json_out_kv_str(o, "id", m->name);
	json_out_kv_str(o, "object", STR("model"));
	json_out_kv_i64(o, "created", m->created);
	json_out_kv_str(o, "owned_by", m->owned_by);
	if (m->n_tags > 0) {
		json_out_key(o, "tags");
		json_out_arr(o);
		for (size_t i = 0; i < m->n_tags; i++)
			json_out_str(o, m->tags[i]);
		json_out_end(o);
	}
	json_out_end(o);
}

void
api_models_print(const struct api_model *models, size_t n, struct buf *out)
{
	struct json_out o;
	size_t i;

	json_out_init(&o, out);
	json_out_obj(&o);
	json_out_kv_str(&o, "object", STR("list"));
	json_out_key(&o, "data");
	json_out_arr(&o);
	for (i = 0; i < n; i++)
		print(&o, &models[i]);
	json_out_end(&o);
	json_out_end(&o);
}

void
api_model_print(const struct api_model *model, struct buf *out)
{
	struct json_out o;

	json_out_init(&o, out);
	print(&o, model);
}
