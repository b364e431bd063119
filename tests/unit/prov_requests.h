#ifndef TESTS_PROV_REQUESTS_H
#define TESTS_PROV_REQUESTS_H
/* Chat requests in pieces of JSON, and what a kind's build makes of them. */
#include "check.h"
#include "prov/prov.h"
#include "prov_ask.h"

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
#define CALL(id, name, args)                                         \
	"{'id':'" id "','type':'function','function':{'name':'" name \
	"','arguments':'" args "'}}"
#define RESULT(id, text) \
	"{'role':'tool','tool_call_id':'" id "','content':'" text "'}"

/* Text goes as the escaped bytes that it is. */
static inline void
assert_spliced(struct prov_target t)
{
	struct prov_ask a = { 0 };

	prov_ask(&a, &t, MSGS(USER("\\u00e9\\/\\ud83d\\ude00 \\\"x\\\"")));
	assert_int_equal(a.err, ERR_OK);
	assert_true(str_contains(buf_str(&a.http.body),
	    STR("\"\\u00e9\\/\\ud83d\\ude00 \\\"x\\\"\"")));
	prov_ask_fini(&a);
}

#endif
