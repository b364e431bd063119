#ifndef BASE_CRC_H
#define BASE_CRC_H
/*
 * CRC32C (Castagnoli, reflected 0x82F63B78; RFC 3720 appendix B.4): tells
 * whether bytes are what was written, not who wrote them. By the processor's
 * instruction where it has one.
 */
#include <stddef.h>
#include <stdint.h>

/* Of n bytes after those that gave `before` (0: none). */
uint32_t crc32c(uint32_t before, const void *p, size_t n);
/* The same without the instruction: for the test of both. */
uint32_t crc32c_portable(uint32_t before, const void *p, size_t n);

#endif
