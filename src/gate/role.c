#include "gate/role.h"

#define V (1u << GATE_VIEWER)
#define D (1u << GATE_DEVELOPER)
#define O (1u << GATE_OPERATOR)
#define A (1u << GATE_ADMIN)
#define U (1u << GATE_AUDITOR)

const struct gate_permission_row gate_permission_table[GATE_PERMISSION__MAX] = {
	[GATE_USE_MODELS] = { "models.use", D | O | A },
	[GATE_SEE_OWN_USAGE] = { "usage.own", V | D | O | A | U },
	[GATE_SEE_USAGE] = { "usage.all", V | O | A | U },
	[GATE_SEE_SETTINGS] = { "settings.see", V | O | A | U },
	[GATE_MANAGE_OWN_KEYS] = { "keys.own", D | O | A },
	[GATE_MANAGE_KEYS] = { "keys.manage", O | A },
	[GATE_MANAGE_LIMITS] = { "limits.manage", O | A },
	[GATE_MANAGE_PRICES] = { "prices.manage", O | A },
	[GATE_MANAGE_PEOPLE] = { "people.manage", A },
	[GATE_MANAGE_ROLES] = { "roles.manage", A },
	[GATE_MANAGE_SECRETS] = { "secrets.manage", A },
	[GATE_READ_AUDIT] = { "audit.read", A | U },
};

const char *const gate_role_words[GATE_ROLE__MAX] = {
	[GATE_VIEWER] = "viewer",
	[GATE_DEVELOPER] = "developer",
	[GATE_OPERATOR] = "operator",
	[GATE_ADMIN] = "admin",
	[GATE_AUDITOR] = "auditor",
};

enum err
gate_role_parse(struct str word, enum gate_role *out)
{
	for (int i = 0; i < GATE_ROLE__MAX; i++)
		if (str_eqz(word, gate_role_words[i])) {
			*out = (enum gate_role)i;
			return ERR_OK;
		}
	return ERR_RANGE;
}

bool
gate_role_may(unsigned roles, enum gate_permission permission)
{
	return (gate_permission_table[permission].roles & roles) != 0;
}
