/* The groups of commands, in the order of help and manual. */
#include "cmd/ctl.h"

const struct ctl_group ctl_groups[] = {
	{ ctl_audit_commands },
	{ ctl_check_commands },
	{ ctl_config_commands },
	{ ctl_db_commands },
	{ ctl_tenant_commands },
	{ ctl_team_commands },
	{ ctl_user_commands },
	{ ctl_role_commands },
	{ ctl_grant_commands },
	{ ctl_key_commands },
	{ ctl_limit_commands },
	{ ctl_secret_commands },
	{ ctl_price_commands },
	{ ctl_usage_commands },
	{ ctl_help_commands },
	{ NULL },
};
