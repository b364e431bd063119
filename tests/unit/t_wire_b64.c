#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/b64.h"

#define assert_str(s, z) assert_true(str_eqz((s), (z)) && str_present(s))

static void
pair(const char *plain, const char *coded)
{
	struct buf b;

	buf_init(&b, 256);
	b64_encode(&b, plain, strlen(plain));
	assert_str(buf_str(&b), coded);
	buf_reset(&b);
	assert_int_equal(b64_decode(&b, str_z(coded)), ERR_OK);
	assert_str(buf_str(&b), plain);
	buf_fini(&b);
}

static void
test_rfc_vectors(void **state)
{
	(void)state;
	pair("", "");
	pair("f", "Zg==");
	pair("fo", "Zm8=");
	pair("foo", "Zm9v");
	pair("foob", "Zm9vYg==");
	pair("fooba", "Zm9vYmE=");
	pair("foobar", "Zm9vYmFy");
}

static void
test_all_bytes(void **state)
{
	unsigned char bytes[256 * 3];
	struct buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + i / 256);
	buf_init(&text, 4096);
	buf_init(&back, 4096);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		buf_reset(&text);
		buf_reset(&back);
		b64_encode(&text, bytes, n);
		assert_int_equal(text.n, (n + 2) / 3 * 4);
		assert_int_equal(b64_decode(&back, buf_str(&text)), ERR_OK);
		assert_int_equal(back.n, n);
		if (n)
			assert_memory_equal(back.p, bytes, n);
	}
	buf_fini(&text);
	buf_fini(&back);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zm9",
		"Zm9v=", "====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n",
		"Zm 9", "Zm9-", "Zm_v", "=m9v", "Zm9v====", "\xc3\xa9xx" };
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	buf_addz(&b, "kept");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (b64_decode(&b, str_z(bad[i])) != ERR_SYNTAX)
			fail_msg("%s was taken", bad[i]);
		assert_str(buf_str(&b), "kept");
	}
	buf_fini(&b);
}

static void
test_no_room(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(b64_decode(&b, STR("Zm9vYmFy")), ERR_NOMEM);
	assert_true(b.failed);
	buf_reset(&b);
	b64_encode(&b, "foob", 4);
	assert_true(b.failed);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

static void
test_data_url(void **state)
{
	struct b64_data_url d;

	(void)state;
	assert_int_equal(
	    b64_data_url_parse(STR("data:image/png;base64,iVBORw0="), &d),
	    ERR_OK);
	assert_str(d.media_type, "image/png");
	assert_str(d.params, "");
	assert_str(d.payload, "iVBORw0=");
	assert_int_equal(
	    b64_data_url_parse(
		STR("DATA:text/plain;charset=utf-8;name=x;BASE64,"), &d),
	    ERR_OK);
	assert_str(d.media_type, "text/plain");
	assert_str(d.params, "charset=utf-8;name=x");
	assert_str(d.payload, "");
	assert_int_equal(
	    b64_data_url_parse(STR("data:;base64,AA=="), &d), ERR_OK);
	assert_false(str_present(d.media_type));
	d.payload = STR("kept");
	assert_int_equal(b64_data_url_parse(STR("data:text/plain,hello"), &d),
	    ERR_UNSUPPORTED);
	assert_int_equal(
	    b64_data_url_parse(STR("data:base64,AA=="), &d), ERR_UNSUPPORTED);
	assert_int_equal(
	    b64_data_url_parse(STR("data:image/png;base64"), &d), ERR_SYNTAX);
	assert_int_equal(
	    b64_data_url_parse(STR("https://h/a,b"), &d), ERR_SYNTAX);
	assert_int_equal(b64_data_url_parse(STR(""), &d), ERR_SYNTAX);
	assert_str(d.payload, "kept");
}

static const char *
sniff(const char *bytes, size_t n)
{
	struct buf b;
	const char *type;

	buf_init(&b, 256);
	b64_encode(&b, bytes, n);
	type = b64_sniff_image(buf_str(&b));
	buf_fini(&b);
	return type;
}

#define SNIFF(lit) sniff(lit, sizeof(lit) - 1)

static void
test_sniff(void **state)
{
	(void)state;
	assert_string_equal(
	    SNIFF("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png");
	assert_string_equal(SNIFF("\xff\xd8\xff\xe0\0\x10JFIF"), "image/jpeg");
	assert_string_equal(SNIFF("GIF89a\1\0\1\0\0\0"), "image/gif");
	assert_string_equal(SNIFF("GIF87a\1\0\1\0\0\0"), "image/gif");
	assert_string_equal(SNIFF("RIFF\1\2\3\4WEBPVP8 "), "image/webp");
	assert_null(SNIFF("RIFF\1\2\3\4WAVEfmt "));
	assert_null(SNIFF("%PDF-1.7 something"));
	assert_null(SNIFF("\x89PNG\r\n"));
	assert_null(SNIFF(""));
	assert_null(b64_sniff_image(STR("iVBO!!!!GgoAAAAN")));
	assert_string_equal(b64_sniff_image(STR("/9j/")), "image/jpeg");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_vectors),
		cmocka_unit_test(test_all_bytes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_data_url),
		cmocka_unit_test(test_sniff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
