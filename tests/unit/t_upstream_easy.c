#include "upstream/upstream.h"

#include <stdlib.h>

#include "upstream_help.h"

#define KEY "sk-very-secret-0123456789"

static void
set_header(struct ask *a, struct http_headers *h, struct arena *arena,
    const char *name, const char *value)
{
	if (!a->call.headers)
		http_headers_init(h, arena);
	a->call.headers = h;
	assert_int_equal(
	    http_headers_set(h, str_z(name), str_z(value)), ERR_OK);
}

/* The key goes into its header, once, and nowhere else. */
static void
test_credentials(void **state)
{
	static const struct {
		const char *name, *prefix, *line;
	} rows[] = {
		{ "Authorization", "Bearer ",
		    "Authorization: Bearer " KEY "\r\n" },
		{ "x-api-key", NULL, "x-api-key: " KEY "\r\n" },
		{ "api-key", "", "api-key: " KEY "\r\n" },
	};
	struct secret *key = secret_new(STR(KEY));
	struct ask a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		server_say(&server, OK_REPLY);
		buf_reset(&server.seen);
		ask_init(&a, server.url);
		a.call.key = key;
		a.call.key_header = rows[i].name;
		a.call.key_prefix = rows[i].prefix;
		ask_run(&a);
		assert_end(&a, UPSTREAM_OK);
		assert_int_equal(server_saw(rows[i].line), 1);
		assert_int_equal(server_saw(KEY), 1);
		ask_fini(&a);
	}
	/* the next call on that connection has none of it */
	server_say(&server, OK_REPLY);
	buf_reset(&server.seen);
	ask_init(&a, server.url);
	ask_run(&a);
	assert_true(a.result.reused);
	assert_int_equal(server_saw("sk-"), 0);
	assert_int_equal(server_saw("Authorization"), 0);
	/* a key without a header's name is not sent at all */
	server_say(&server, OK_REPLY);
	a.dones = a.heads = a.pieces = 0;
	a.call.key = key;
	ask_run(&a);
	assert_int_equal(server_saw("sk-"), 0);
	ask_fini(&a);
	secret_unref(key);
}

/* A key that would make headers of its own makes no call. */
static void
test_key_that_is_no_value(void **state)
{
	static const char *const bad[] = { "a\r\nHost: evil", "a\nb", "a\rb" };
	struct ask a;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct secret *key = secret_new(str_z(bad[i]));

		ask_init(&a, server.url);
		a.call.key = key;
		a.call.key_header = "x-api-key";
		assert_null(upstream_start(up, &a.call, &ask_sink, &a));
		secret_unref(key);
		ask_fini(&a);
	}
	assert_int_equal(a.heads + a.dones, 0);
}

static void
test_no_words_of_the_key_in_results(void **state)
{
	struct secret *key = secret_new(STR(KEY));
	struct ask a;

	(void)state;
	for (int i = 0; i < 3; i++) {
		server_say(&server, i == 0 ? "nonsense\r\n" : "")->after =
		    i == 1 ? SERVER_CLOSE : SERVER_RESET;
		ask_init(&a, server.url);
		a.call.key = key;
		a.call.key_header = "Authorization";
		a.call.key_prefix = "Bearer ";
		ask_run(&a);
		assert_true(a.result.end != UPSTREAM_OK);
		assert_true(a.result.detail[0] != '\0');
		assert_null(strstr(a.result.detail, "secret"));
		ask_fini(&a);
	}
	secret_unref(key);
}

static void
test_request_as_sent(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	struct http_headers h;
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	set_header(&a, &h, arena, "Content-Type", "application/json");
	set_header(&a, &h, arena, "X-Empty", "");
	a.call.body = STR("{\"a\":1}");
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(server_saw("POST /v1 HTTP/1.1\r\n"), 1);
	assert_int_equal(server_saw("Content-Type: application/json\r\n"), 1);
	assert_int_equal(server_saw("Content-Type"), 1);
	assert_int_equal(server_saw("Content-Length: 7\r\n"), 1);
	assert_int_equal(server_saw("\r\n\r\n{\"a\":1}"), 1);
	assert_int_equal(server_saw("Accept-Encoding: identity\r\n"), 1);
	assert_int_equal(server_saw("Expect"), 0);
	assert_int_equal(server_saw("Cookie"), 0);
	ask_fini(&a);
	arena_free(arena);
}

/* A large body is sent at once, without asking first. */
static void
test_large_body(void **state)
{
	size_t n = (size_t)3 << 20;
	char *body = malloc(n);
	struct ask a;

	(void)state;
	memset(body, 'b', n);
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.call.body = str_of(body, n);
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(server_saw("Expect"), 0);
	assert_true(server.seen.n > n);
	assert_memory_equal(server.seen.p + server.seen.n - n, body, n);
	ask_fini(&a);
	free(body);
}

/* Bytes with a NUL in them, and none at all. */
static void
test_bodies(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.call.body = STR("a\0b");
	ask_run(&a);
	assert_memory_equal(server.seen.p + server.seen.n - 3, "a\0b", 3);
	ask_fini(&a);
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.call.body = (struct str){ 0 };
	ask_run(&a);
	assert_int_equal(server_saw("Content-Length: 0\r\n"), 1);
	ask_fini(&a);
}

static void
test_methods(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.call.method = "GET";
	ask_run(&a);
	assert_int_equal(server_saw("GET /v1 HTTP/1.1\r\n"), 1);
	assert_int_equal(server_saw("Content-Length"), 0);
	ask_fini(&a);
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	a.call.method = "DELETE";
	ask_run(&a);
	assert_int_equal(server_saw("DELETE /v1 HTTP/1.1\r\n"), 1);
	ask_fini(&a);
	/* a handle that did that makes a POST again */
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	ask_run(&a);
	assert_int_equal(server_saw("POST /v1 HTTP/1.1\r\n"), 1);
	ask_fini(&a);
}

static void
test_redirect_is_an_answer(void **state)
{
	static const char *const codes[] = { "301", "302", "307", "308" };
	struct secret *key = secret_new(STR(KEY));
	char reply[160];
	struct ask a;

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		snprintf(reply, sizeof(reply),
		    "HTTP/1.1 %s Elsewhere\r\nLocation: %s\r\n"
		    "Content-Length: 0\r\n\r\n",
		    codes[i], server.url);
		server_say(&server, reply);
		ask_init(&a, server.url);
		a.call.key = key;
		a.call.key_header = "x-api-key";
		ask_run(&a);
		assert_end(&a, UPSTREAM_OK);
		assert_int_equal(
		    a.status, 301 + (i > 0) + (i > 1) * 5 + (i > 2));
		assert_int_equal(server.n_requests, i + 1);
		ask_fini(&a);
	}
	secret_unref(key);
}

/* Whatever the environment says, and with it a request's Proxy: header. */
static void
test_no_proxy_from_the_environment(void **state)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY",
		"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	char proxy[64];
	struct ask a;

	(void)state;
	/* it would be seen: the server itself, asked as a proxy */
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
	for (size_t i = 0; i < COUNT(names); i++)
		setenv(names[i], proxy, 1);
	server_say(&server, OK_REPLY);
	ask_init(&a, server.url);
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(server_saw("POST /v1 HTTP/1.1\r\n"), 1);
	assert_int_equal(server_saw("POST http://"), 0);
	assert_int_equal(server_saw("Proxy"), 0);
	for (size_t i = 0; i < COUNT(names); i++)
		unsetenv(names[i]);
	ask_fini(&a);
}

static void
test_interim_answers_are_skipped(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server,
	    "HTTP/1.1 100 Continue\r\nX-Test: no\r\n\r\n"
	    "HTTP/1.1 103 Early Hints\r\nX-Test: no\r\n\r\n"
	    "HTTP/1.1 201 Made\r\nX-Test: yes\r\nContent-Length: 2\r\n\r\nok");
	ask_init(&a, server.url);
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(a.heads, 1);
	assert_int_equal(a.status, 201);
	assert_string_equal(a.header, "yes");
	ask_fini(&a);
}

static void
test_trailers_are_no_headers(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "5\r\nhello\r\n0\r\nX-Test: late\r\n\r\n");
	ask_init(&a, server.url);
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_int_equal(a.heads, 1);
	assert_string_equal(a.header, "");
	assert_str(buf_str(&a.body), "hello");
	ask_fini(&a);
}

static void
test_answers_without_a_body(void **state)
{
	static const char *const replies[] = {
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"0\r\n\r\n"
	};
	struct ask a;

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		server_say(&server, replies[i]);
		ask_init(&a, server.url);
		ask_run(&a);
		assert_end(&a, UPSTREAM_OK);
		assert_int_equal(a.heads, 1);
		assert_int_equal(a.pieces, 0);
		assert_int_equal(a.result.first_byte, -1);
		ask_fini(&a);
	}
}

/* A malformed line is skipped, the others count. */
static void
test_odd_headers(void **state)
{
	struct ask a;

	(void)state;
	server_say(&server, "HTTP/1.1 200\r\n: nothing\r\nX-Test:yes  \r\n"
			    "Content-Length: 2\r\n\r\nok");
	ask_init(&a, server.url);
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_string_equal(a.header, "yes");
	assert_int_equal(a.body.n, 2);
	ask_fini(&a);
}

/* ---- gzip, made by hand ------------------------------------------------ */

struct bits {
	struct buf out;
	unsigned acc, n;
};

static void
put_bits(struct bits *b, unsigned v, unsigned n)
{
	b->acc |= v << b->n;
	for (b->n += n; b->n >= 8; b->n -= 8) {
		buf_addc(&b->out, (char)(b->acc & 0xff));
		b->acc >>= 8;
	}
}

/* Huffman codes are stored with their first bit first. */
static void
put_code(struct bits *b, unsigned code, unsigned n)
{
	while (n-- > 0)
		put_bits(b, code >> n & 1, 1);
}

/* A fixed-code block's letter (below 144). */
static void
put_letter(struct bits *b, unsigned char c)
{
	put_code(b, 0x30u + c, 8);
}

static void
gzip_begin(struct bits *b)
{
	*b = (struct bits){ 0 };
	buf_init(&b->out, (size_t)8 << 20);
	buf_add(&b->out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	put_bits(b, 1, 1); /* the last block */
	put_bits(b, 1, 2); /* fixed codes */
}

/* 258 bytes like the last one, in 13 bits. */
static void
put_long_run(struct bits *b)
{
	put_code(b, 0xc5, 8); /* length 258 */
	put_code(b, 0, 5); /* distance 1 */
}

static uint32_t
crc32_of(struct str s)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void
gzip_end(struct bits *b, struct str plain)
{
	uint32_t crc = crc32_of(plain), n = (uint32_t)plain.n;

	put_code(b, 0, 7); /* end of block */
	put_bits(b, 0, 7); /* up to the byte */
	b->n = 0;
	buf_add(&b->out, &crc, 4); /* both little endian, as is the host */
	buf_add(&b->out, &n, 4);
}

static void
test_gzip_is_decoded(void **state)
{
	static const struct str plain = { "{\"decoded\": 1}", 14 };
	struct bits z;
	struct buf reply;
	struct ask a;

	(void)state;
	gzip_begin(&z);
	for (size_t i = 0; i < plain.n; i++)
		put_letter(&z, (unsigned char)plain.p[i]);
	gzip_end(&z, plain);
	buf_init(&reply, 4096);
	buf_printf(&reply,
	    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    z.out.n);
	buf_adds(&reply, buf_str(&z.out));
	server_say_n(&server, reply.p, reply.n);
	ask_init(&a, server.url);
	ask_run(&a);
	assert_end(&a, UPSTREAM_OK);
	assert_str(buf_str(&a.body), plain.p);
	assert_int_equal(a.result.bytes_in, plain.n);
	ask_fini(&a);
	buf_fini(&reply);
	buf_fini(&z.out);
}

#define BOMB_RUNS 1000000u /* 1.6 MB that want to be 258 MB */
#define BOMB_MAX (1u << 20)

static void
test_gzip_bomb(void **state)
{
	struct bits z;
	struct buf reply;
	struct ask a;

	(void)state;
	gzip_begin(&z);
	put_letter(&z, 'A');
	for (unsigned i = 0; i < BOMB_RUNS; i++)
		put_long_run(&z);
	put_code(&z, 0, 7);
	put_bits(&z, 0, 7);
	assert_false(z.out.failed);
	buf_init(&reply, (size_t)8 << 20);
	buf_printf(&reply,
	    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    z.out.n);
	buf_adds(&reply, buf_str(&z.out));
	server_say_n(&server, reply.p, reply.n);
	ask_init(&a, server.url);
	a.call.max_body_bytes = BOMB_MAX;
	ask_run(&a);
	assert_end(&a, UPSTREAM_TOO_LARGE);
	assert_in_range(a.body.n, 1, BOMB_MAX);
	assert_int_equal(a.body.p[a.body.n - 1], 'A');
	ask_fini(&a);
	buf_fini(&reply);
	buf_fini(&z.out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UPSTREAM_TEST(test_credentials),
		UPSTREAM_TEST(test_key_that_is_no_value),
		UPSTREAM_TEST(test_no_words_of_the_key_in_results),
		UPSTREAM_TEST(test_request_as_sent),
		UPSTREAM_TEST(test_large_body),
		UPSTREAM_TEST(test_bodies),
		UPSTREAM_TEST(test_methods),
		UPSTREAM_TEST(test_redirect_is_an_answer),
		UPSTREAM_TEST(test_no_proxy_from_the_environment),
		UPSTREAM_TEST(test_interim_answers_are_skipped),
		UPSTREAM_TEST(test_trailers_are_no_headers),
		UPSTREAM_TEST(test_answers_without_a_body),
		UPSTREAM_TEST(test_odd_headers),
		UPSTREAM_TEST(test_gzip_is_decoded),
		UPSTREAM_TEST(test_gzip_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
