#ifndef TESTS_PROV_ANTHROPIC_H
#define TESTS_PROV_ANTHROPIC_H
/* Targets and pieces of JSON for the tests of the kind anthropic. */
#include "prov/prov.h"
#include "prov_ask.h"

static inline struct prov_target
target(const char *model)
{
	return (struct prov_target){
		.kind = prov_kind_find(STR("anthropic")),
		.provider = STR("claude"),
		.model = str_z(model),
	};
}
#define NEW target("claude-opus-4-7")
#define V46 target("claude-sonnet-4-6")
#define V45 target("claude-sonnet-4-5-20250929")
#define V4 target("claude-sonnet-4-20250514")
#define V35 target("claude-3-5-sonnet-20241022")

#define IS(t, req, body, dropped)                                        \
	do {                                                             \
		struct prov_target t_ = (t);                             \
		assert_true(prov_ask_is(&t_, (req), (body), (dropped))); \
	} while (0)
#define HAS(t, req, path, want, dropped)                                  \
	do {                                                              \
		struct prov_target t_ = (t);                              \
		assert_true(                                              \
		    prov_ask_has(&t_, (req), (path), (want), (dropped))); \
	} while (0)
#define FAILS(t, req, err, param)                                        \
	do {                                                             \
		struct prov_target t_ = (t);                             \
		assert_true(prov_ask_fails(&t_, (req), (err), (param))); \
	} while (0)

/* A request with these members after the messages. */
#define WITH(members) \
	"{'model':'m','messages':[{'role':'user','content':'hi'}]," members "}"
/* A request with these messages. */
#define MSGS(list) "{'model':'m','messages':[" list "]}"
#define USER(text) "{'role':'user','content':'" text "'}"
#define TEXT(text) "{'type':'text','text':'" text "'}"
#define TOOL_F                                                    \
	"{'type':'function','function':{'name':'f','parameters':" \
	"{'type':'object','properties':{}}}}"
#define CALL(id, name, args)                                         \
	"{'id':'" id "','type':'function','function':{'name':'" name \
	"','arguments':'" args "'}}"
#define RESULT(id, text) \
	"{'role':'tool','tool_call_id':'" id "','content':'" text "'}"
#define USE(id, name) \
	"{'type':'tool_use','id':'" id "','name':'" name "','input':{}}"
#define ANSWERED(id, text) \
	"{'type':'tool_result','tool_use_id':'" id "','content':'" text "'}"

#endif
