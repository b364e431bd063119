#include "base/crc.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL UINT32_C(0x82F63B78)

static uint32_t table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ POLYNOMIAL : c >> 1;
		table[i] = c;
	}
}

uint32_t
crc32c_portable(uint32_t before, const void *p, size_t n)
{
	const unsigned char *c = p;
	uint32_t crc = ~before;

	pthread_once(&once, make_table);
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ table[(crc ^ c[i]) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t before, const unsigned char *c, size_t n)
{
	uint64_t crc = ~before & UINT64_C(0xffffffff), word;

	for (; n >= sizeof(word); n -= sizeof(word), c += sizeof(word)) {
		memcpy(&word, c, sizeof(word));
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; n > 0; n--, c++)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *c);
	return ~(uint32_t)crc;
}

uint32_t
crc32c(uint32_t before, const void *p, size_t n)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(before, p, n);
	return crc32c_portable(before, p, n);
}
#else
uint32_t
crc32c(uint32_t before, const void *p, size_t n)
{
	return crc32c_portable(before, p, n);
}
#endif
