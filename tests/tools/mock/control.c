#include "mock.h"

#include "base/num.h"

static struct mock_job *
say(struct mock_conn *c, int status, struct buf *body)
{
	struct mock_job *j =
	    mock_job_plain(c, status, "application/json", NULL, buf_str(body));

	/* control requests are not the provider's */
	mock_counters.by_status[status]--;
	buf_fini(body);
	return j;
}

static size_t
query_n(struct str query)
{
	uint64_t n;

	while (str_present(query)) {
		struct str part = str_cut(&query, '&');

		if (str_starts(part, STR("n=")) &&
		    num_parse_u64(str_skip(part, 2), &n) == ERR_OK)
			return n < 1000000 ? (size_t)n : 1000000;
	}
	return 1;
}

struct mock_job *
mock_control(const struct mock_req *r, struct mock_conn *c)
{
	bool is_post = str_eqz(r->method, "POST");
	const char *fault;
	struct buf body;

	buf_init(&body, MOCK_BODY_MAX);
	if (str_eqz(r->path, "/_mock/stats")) {
		mock_stats_json(&body);
		return say(c, 200, &body);
	}
	if (str_eqz(r->path, "/_mock/last")) {
		mock_stats_last(&body, query_n(r->query),
		    str_contains(r->query, STR("brief")));
		return say(c, 200, &body);
	}
	if (is_post && str_eqz(r->path, "/_mock/reset")) {
		mock_stats_reset();
		(void)mock_keys_refuse((struct str){ NULL, 0 });
		buf_addz(&body, "{}\n");
		return say(c, 200, &body);
	}
	if (is_post && str_eqz(r->path, "/_mock/keys")) {
		fault = mock_keys_refuse(r->body);
		buf_addz(&body,
		    fault ? "{\"error\":\"lines KEY STATUS\"}\n" : "{}\n");
		return say(c, fault ? 400 : 200, &body);
	}
	if (is_post && str_eqz(r->path, "/_mock/answer")) {
		fault = mock_replay_add(r->body);
		buf_addz(&body, "{\"error\":");
		if (fault)
			mock_json_str(&body, str_z(fault));
		else
			buf_addz(&body, "null");
		buf_addz(&body, "}\n");
		return say(c, fault ? 400 : 200, &body);
	}
	buf_addz(&body, "{\"error\":\"GET /_mock/stats, GET /_mock/last?n=K, "
			"POST /_mock/answer, POST /_mock/reset\"}\n");
	return say(c, 404, &body);
}
