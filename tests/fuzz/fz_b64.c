/* Base64: what is taken has one spelling only; bytes go there and back. */
#include <string.h>

#include "fuzz.h"
#include "wire/b64.h"

static void
check_text(struct str text)
{
	struct buf bytes, again;
	size_t n = 0;
	enum err e;

	buf_init(&bytes, text.n + 4);
	buf_init(&again, text.n + 4);
	e = b64_decode(&bytes, text);
	FUZZ_CHECK(e == b64_check(text, &n));
	if (e == ERR_OK) {
		FUZZ_CHECK(n == bytes.n);
		b64_encode(&again, bytes.p, bytes.n);
		FUZZ_CHECK(str_eq(buf_str(&again), text));
	} else {
		FUZZ_CHECK(e == ERR_SYNTAX && bytes.n == 0);
	}
	buf_fini(&bytes);
	buf_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_of((const char *)data, size);
	struct b64_data_url url;
	struct buf coded;

	check_text(text);
	(void)b64_sniff_image(text);
	if (b64_data_url_parse(text, &url) == ERR_OK)
		check_text(url.payload);
	buf_init(&coded, 2 * size + 8);
	b64_encode(&coded, data, size);
	FUZZ_CHECK(!coded.failed && b64_check(buf_str(&coded), NULL) == ERR_OK);
	buf_fini(&coded);
	return 0;
}
