/* The kind gemini: see fuzz_prov.h. */
#include "fuzz_prov.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const models[] = { "gemini-2.0-flash",
		"gemini-2.5-pro", "gemma-3", "gemini-3-pro", NULL };

	return fuzz_prov("gemini", models, data, size);
}
