#include "api/answer.h"
#include "base/json_out.h"

/* Errors in the client's dialect: whole bodies and events in mid-stream. */

static void
print_openai(const struct msg_fail *fail, struct json_out *o)
{
	const struct msg_fail_row *row = &msg_fail_table[fail->class];

	json_out_key(o, "message");
	json_out_strz(o, fail->message);
	json_out_key(o, "type");
	json_out_strz(o, row->type);
	json_out_key(o, "param");
	if (fail->param[0])
		json_out_strz(o, fail->param);
	else
		json_out_null(o);
	json_out_key(o, "code");
	if (fail->code[0])
		json_out_strz(o, fail->code);
	else if (row->code)
		json_out_strz(o, row->code);
	else
		json_out_null(o);
}

static void
print_chat(const struct msg_fail *fail, struct json_out *o)
{
	json_out_key(o, "type");
	json_out_strz(o, msg_fail_table[fail->class].chat_type);
	json_out_key(o, "message");
	json_out_strz(o, fail->message);
}

void
api_error_print(enum msg_dialect dialect, const struct msg_fail *fail,
    struct str request_id, struct buf *out)
{
	struct json_out o;

	(void)request_id;
	json_out_init(&o, out);
	json_out_obj(&o);
	json_out_key(&o, "error");
	json_out_obj(&o);
	if (dialect == MSG_DIALECT_CHAT)
		print_chat(fail, &o);
	else
		print_openai(fail, &o);
	json_out_end(&o);
	json_out_end(&o);
}
