/* Base64: what is taken has one spelling only; bytes go there and back. */
#include <string.h>

#include "fuzz.h"
#include "wire/b64.h"

static void
check_text(struct str text)
{
	struct buf bytes, again;
	enum err e;

	buf_init(&bytes, text.n + 4);
	buf_init(&again, text.n + 4);
	e = b64_decode(&bytes, text);
	if (e == ERR_OK) {
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
	struct buf coded, back;

	check_text(text);
	(void)b64_sniff_image(text);
	if (b64_data_url_parse(text, &url) == ERR_OK)
		check_text(url.payload);
	buf_init(&coded, 2 * size + 8);
	b64_encode(&coded, data, size);
	FUZZ_CHECK(!coded.failed);
	buf_init(&back, size + 4);
	FUZZ_CHECK(b64_decode(&back, buf_str(&coded)) == ERR_OK);
	FUZZ_CHECK(str_eq(buf_str(&back), str_of((const char *)data, size)));
	buf_fini(&back);
	buf_fini(&coded);
	return 0;
}
