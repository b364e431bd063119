#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/num.h"

#define BODY_MAX ((size_t)64 << 20)
#define HEADERS_MAX 65536

static const char usage[] =
    "Usage: loadgen --to ADDR --path PATH [--body FILE] [options]\n"
    "  --to ADDR          127.0.0.1:PORT or unix:PATH\n"
    "  --header LINE      one more request header; may be repeated\n"
    "  --connections N    closed loop of N connections (1)\n"
    "  --requests N       stop after N requests, or\n"
    "  --duration 5s      stop sending after this time (5s)\n"
    "  --warmup 1s        do not count requests sent before\n"
    "  --close            a new connection for each request\n"
    "  --streams N        N streams at once instead\n"
    "  --ramp 2s          spread their start over this time\n"
    "  --rounds N         streams one after another on each connection (1)\n"
    "  --expect N         content chunks that each stream must have\n"
    "  --timeout 30s      of one request\n"
    "Prints one JSON object; times in microseconds, \"all\" counts the "
    "warm-up.\n";

static struct buf headers = { .max = HEADERS_MAX };

static bool
read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	size_t n = 1;

	if (!f) {
		perror(path);
		return false;
	}
	while (n) {
		char *room = buf_room(out, 65536);

		n = room ? fread(room, 1, 65536, f) : 0;
		out->n += n;
	}
	fclose(f);
	return !out->failed;
}

static bool
make_request(const char *path, const char *body_file)
{
	static struct buf out = { .max = BODY_MAX + HEADERS_MAX * 2 };
	struct buf body;

	buf_init(&body, BODY_MAX);
	if (body_file && !read_file(body_file, &body))
		return false;
	buf_printf(&out, "%s %s HTTP/1.1\r\nHost: loadgen\r\n",
	    body_file ? "POST" : "GET", path);
	if (body_file)
		buf_printf(&out,
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n",
		    body.n);
	if (load_options.is_close)
		buf_addz(&out, "Connection: close\r\n");
	buf_adds(&out, buf_str(&headers));
	buf_addz(&out, "\r\n");
	buf_adds(&out, buf_str(&body));
	buf_fini(&body);
	load_options.request = buf_str(&out);
	return !out.failed;
}

static void
print_hist(const char *name, const struct hist *h)
{
	printf("\"%s_p50_us\":%lld,\"%s_p90_us\":%lld,\"%s_p99_us\":%lld,"
	       "\"%s_max_us\":%lld",
	    name, (long long)hist_at(h, 0.5), name, (long long)hist_at(h, 0.9),
	    name, (long long)hist_at(h, 0.99), name, (long long)h->max);
}

static void
print_errors(const struct load_result *r)
{
	printf("\"errors\":%lld,\"error_kinds\":{\"connect\":%lld,"
	       "\"status\":%lld,\"early\":%lld,\"timeout\":%lld,"
	       "\"syntax\":%lld,\"short\":%lld,\"unfinished\":%lld},"
	       "\"last_bad_status\":%d,\"reconnects\":%lld",
	    (long long)r->errors, (long long)r->e_connect,
	    (long long)r->e_status, (long long)r->e_early,
	    (long long)r->e_timeout, (long long)r->e_syntax,
	    (long long)r->e_short, (long long)r->unfinished, r->last_bad_status,
	    (long long)r->reconnects);
}

static void
print_result(void)
{
	const struct load_result *r = &load_result;
	double seconds = (double)(r->until - r->from) / 1e6;
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	printf("{\"requests\":%lld,\"all\":%lld,\"seconds\":%.3f,"
	       "\"rps\":%.1f,",
	    (long long)r->done, (long long)r->all, seconds,
	    seconds > 0 ? (double)r->done / seconds : 0.0);
	print_hist("latency", &r->latency);
	printf(",\"p50_us\":%lld,\"p90_us\":%lld,\"p99_us\":%lld,"
	       "\"max_us\":%lld,\"mean_us\":%lld,\"bytes\":%llu,",
	    (long long)hist_at(&r->latency, 0.5),
	    (long long)hist_at(&r->latency, 0.9),
	    (long long)hist_at(&r->latency, 0.99), (long long)r->latency.max,
	    (long long)(r->latency.total
			    ? r->latency.sum / (usec_t)r->latency.total
			    : 0),
	    (unsigned long long)r->bytes);
	if (load_options.is_stream) {
		print_hist("ttft", &r->ttft);
		putchar(',');
		print_hist("gap", &r->gap);
		printf(",\"chunks\":%lld,\"open_max\":%lld,",
		    (long long)r->chunks, (long long)r->open_max);
	}
	print_errors(r);
	printf(",\"cpu_us\":%lld}\n",
	    (long long)((use.ru_utime.tv_sec + use.ru_stime.tv_sec) *
			    1000000LL +
			use.ru_utime.tv_usec + use.ru_stime.tv_usec));
}

/* --- options ------------------------------------------------------------------ */

static const struct option options[] = {
	{ "to", required_argument, NULL, 't' },
	{ "path", required_argument, NULL, 'p' },
	{ "body", required_argument, NULL, 'b' },
	{ "header", required_argument, NULL, 'H' },
	{ "connections", required_argument, NULL, 'c' },
	{ "requests", required_argument, NULL, 'n' },
	{ "duration", required_argument, NULL, 'd' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "close", no_argument, NULL, 'C' },
	{ "streams", required_argument, NULL, 's' },
	{ "ramp", required_argument, NULL, 'r' },
	{ "rounds", required_argument, NULL, 'R' },
	{ "expect", required_argument, NULL, 'e' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool
set_number(const char *text, int64_t least, int64_t *out)
{
	return num_parse_i64(str_z(text), out) == ERR_OK && *out >= least &&
	       *out <= 100000000;
}

static bool
set_time(const char *text, usec_t *out)
{
	return num_parse_duration(str_z(text), out) == ERR_OK;
}

static bool
set_option(int o, const char *arg, const char **path, const char **body)
{
	struct load_options *l = &load_options;

	switch (o) {
	case 't':
		l->to = arg;
		return true;
	case 'p':
		*path = arg;
		return true;
	case 'b':
		*body = arg;
		return true;
	case 'H':
		buf_addz(&headers, arg);
		buf_addz(&headers, "\r\n");
		return !headers.failed;
	case 'C':
		l->is_close = true;
		return true;
	case 's':
		l->is_stream = true;
		return set_number(arg, 1, &l->connections);
	case 'c':
		return set_number(arg, 1, &l->connections);
	case 'n':
		return set_number(arg, 1, &l->requests);
	case 'R':
		return set_number(arg, 1, &l->rounds);
	case 'e':
		return set_number(arg, 0, &l->expect);
	case 'd':
		return set_time(arg, &l->duration);
	case 'w':
		return set_time(arg, &l->warmup);
	case 'r':
		return set_time(arg, &l->ramp);
	case 'T':
		return set_time(arg, &l->timeout);
	default:
		return false;
	}
}

int
main(int argc, char **argv)
{
	const char *path = NULL, *body = NULL;
	int o;

	load_options = (struct load_options){ .connections = 1,
		.rounds = 1,
		.duration = 5 * USEC_PER_SEC,
		.timeout = 30 * USEC_PER_SEC };
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (!set_option(o, optarg, &path, &body)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!load_options.to || !path || !make_request(path, body)) {
		fputs(usage, stderr);
		return 2;
	}
	if (!load_run()) {
		fputs("loadgen: could not start\n", stderr);
		return 1;
	}
	print_result();
	return 0;
}
