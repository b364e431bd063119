#ifndef TESTS_PROV_ANTHROPIC_H
#define TESTS_PROV_ANTHROPIC_H
/* Targets and pieces of JSON for the tests of the kind anthropic. */
#include "prov/prov.h"
#include "prov_requests.h"

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

#define TEXT(text) "{'type':'text','text':'" text "'}"
#define TOOL_F                                                    \
	"{'type':'function','function':{'name':'f','parameters':" \
	"{'type':'object','properties':{}}}}"
#define USE(id, name) \
	"{'type':'tool_use','id':'" id "','name':'" name "','input':{}}"
#define ANSWERED(id, text) \
	"{'type':'tool_result','tool_use_id':'" id "','content':'" text "'}"

#endif
