#include "check.h"

#include "base/crc.h"

/* RFC 3720 B.4, and the check value that catalogues of CRCs give. */
static void
test_known(void **state)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++) {
		up[i] = (unsigned char)i;
		down[i] = (unsigned char)(31 - i);
	}
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c(0, "", 0), 0);
}

/* Both ways agree at each length, and a run may be cut anywhere. */
static void
test_same(void **state)
{
	unsigned char bytes[100];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		uint32_t whole = crc32c(0, bytes, n);

		assert_int_equal(crc32c_portable(0, bytes, n), whole);
		for (size_t cut = 0; cut <= n; cut++)
			assert_int_equal(
			    crc32c(crc32c(0, bytes, cut), bytes + cut, n - cut),
			    whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests_name("base/crc", tests, NULL, NULL);
}
