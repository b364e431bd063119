#include "api/health.h"

#include "base/json_out.h"

void
api_live_print(struct buf *out)
{
	buf_addz(out, "{\"status\":\"live\"}\n");
}

static void
put_problems(const struct api_health *h, struct json_out *o)
{
	json_out_key(o, "problems");
	json_out_arr(o);
	if (!h->has_conf)
		json_out_strz(o, "no valid configuration has been loaded");
	if (h->conf_problem.n > 0)
		json_out_str(o, h->conf_problem);
	if (h->store_problem.n > 0)
		json_out_str(o, h->store_problem);
	if (h->log_problem.n > 0)
		json_out_str(o, h->log_problem);
	for (struct str rest = h->notes; rest.n > 0;)
		json_out_str(o, str_cut(&rest, '\n'));
	if (h->ledger_problem.n > 0)
		json_out_str(o, h->ledger_problem);
	if (h->is_draining)
		json_out_strz(o, "this worker is shutting down");
	if (h->has_conf && h->n_models == 0)
		json_out_strz(o, "no model is configured");
	else if (h->has_conf && h->n_usable == 0)
		json_out_strz(o, "every target of every model is out of "
				 "service (circuit breakers are open, or "
				 "keys are missing)");
	json_out_end(o);
}

bool
api_health_print(const struct api_health *h, struct buf *out)
{
	bool ready = h->has_conf && !h->is_draining && h->n_usable > 0 &&
		     !(h->must_book && h->ledger_problem.n > 0);
	struct json_out o;

	json_out_init(&o, out);
	json_out_obj(&o);
	json_out_key(&o, "status");
	json_out_strz(&o, ready ? "ready" : "not_ready");
	put_problems(h, &o);
	json_out_kv_i64(&o, "models", h->n_models);
	json_out_kv_i64(&o, "usable", h->n_usable);
	json_out_end(&o);
	buf_addc(out, '\n');
	return ready;
}
