#include "meter/family.h"

const struct family_histogram family_duration = {
	.name = "gen_ai_client_operation_duration_seconds",
	.help = "Duration of an upstream attempt.",
	.unit = 1e6,
	.n_bounds = 14,
	.bounds = { 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12,
	    10.24, 20.48, 40.96, 81.92 },
};

const struct family_histogram family_first_byte = {
	.name = "gen_ai_server_time_to_first_token_seconds",
	.help = "Time from an attempt's start to the first byte of its body.",
	.unit = 1e6,
	.n_bounds = 16,
	.bounds = { 0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5,
	    0.75, 1.0, 2.5, 5.0, 7.5, 10.0 },
};

const struct family_histogram family_tokens = {
	.name = "gen_ai_client_token_usage",
	.help = "Tokens of a request, by type, as the provider told them.",
	.unit = 1,
	.n_bounds = 14,
	.bounds = { 1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144,
	    1048576, 4194304, 16777216, 67108864 },
};

void
family_observe(
    const struct family_histogram *h, _Atomic int64_t *cells, int64_t value)
{
	uint32_t i = 0;

	while (i < h->n_bounds && (double)value > h->bounds[i] * h->unit)
		i++;
	atomic_fetch_add_explicit(&cells[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(
	    &cells[h->n_bounds + 1], value, memory_order_relaxed);
}

void
family_head(
    struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
family_histogram_head(const struct family_histogram *h, struct buf *out)
{
	family_head(out, h->name, "histogram", h->help);
}

void
family_gauge(struct buf *out, const char *name, const char *help, double value)
{
	family_head(out, name, "gauge", help);
	buf_printf(out, "%s %.17g\n", name, value);
}

/* Label values escape backslash, quote and line feed. */
static void
put_label(struct buf *out, const char *name, struct str value)
{
	buf_addz(out, name);
	buf_addz(out, "=\"");
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\\' || c == '"')
			buf_addc(out, '\\');
		if (c == '\n')
			buf_addz(out, "\\n");
		else
			buf_addc(out, c);
	}
	buf_addc(out, '"');
}

void
family_target_labels(struct buf *out, const struct conf_target *t)
{
	put_label(out, "gen_ai_provider_name", t->provider->name);
	buf_addc(out, ',');
	put_label(out, "gen_ai_request_model", t->model);
}

static void
put_series(const struct family_histogram *h, const char *suffix,
    const struct conf_target *t, const char *label, struct buf *out)
{
	buf_addz(out, h->name);
	buf_addz(out, suffix);
	buf_addc(out, '{');
	family_target_labels(out, t);
	buf_addc(out, ',');
	buf_addz(out, label);
}

void
family_histogram(const struct family_histogram *h, const _Atomic int64_t *cells,
    const struct conf_target *t, const char *label, struct buf *out)
{
	long long count = 0;

	for (uint32_t i = 0; i <= h->n_bounds; i++) {
		count += (long long)atomic_load_explicit(
		    &cells[i], memory_order_relaxed);
		put_series(h, "_bucket", t, label, out);
		if (i < h->n_bounds)
			buf_printf(
			    out, ",le=\"%.15g\"} %lld\n", h->bounds[i], count);
		else
			buf_printf(out, ",le=\"+Inf\"} %lld\n", count);
	}
	put_series(h, "_sum", t, label, out);
	buf_printf(out, "} %.17g\n",
	    (double)atomic_load_explicit(
		&cells[h->n_bounds + 1], memory_order_relaxed) /
		h->unit);
	put_series(h, "_count", t, label, out);
	buf_printf(out, "} %lld\n", count);
}
