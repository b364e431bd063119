/* The kind anthropic: see fuzz_prov.h. */
#include "fuzz_prov.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const models[] = { "claude-3-haiku-20240307",
		"claude-sonnet-4-5", "claude-opus-4-7", NULL };

	return fuzz_prov("anthropic", models, data, size);
}
