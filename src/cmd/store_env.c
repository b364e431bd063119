#include "cmd/store_env.h"

#include <stdlib.h>

#define VARIABLE "LLMGW_STORE_PASSWORD"

struct secret *
store_env_password(void)
{
	static struct secret *password;
	char *value;

	if (password == NULL) {
		value = getenv(VARIABLE);
		if (value == NULL || value[0] == '\0')
			return NULL;
		password = secret_new(str_z(value));
		if (password == NULL)
			return NULL;
		secret_wipe(value, strlen(value));
		(void)unsetenv(VARIABLE);
	}
	return secret_ref(password);
}
