#ifndef PROV_PARAMS_H
#define PROV_PARAMS_H
/*
 * What kinds of another dialect do with the parameters of a request: loss of
 * those that they have no place for, and readings that they share. Private to
 * the room.
 */
#include "prov/common.h"
#include "prov/inner.h"

/*
 * prov_lose for a builder b that has call, http, fail and err: keeps its first
 * error.
 */
#define PROV_LOSE(b, what, ...)                                               \
	do {                                                                  \
		if ((b)->err == ERR_OK)                                       \
			(b)->err = prov_lose((b)->call, (b)->http, (b)->fail, \
			    (what), __VA_ARGS__);                             \
	} while (0)

/* The same with prov_refuse. */
#define PROV_REFUSE(b, param, ...)                                        \
	do {                                                              \
		if ((b)->err == ERR_OK)                                   \
			(b)->err =                                        \
			    prov_refuse((b)->fail, (param), __VA_ARGS__); \
	} while (0)

/* Bit of a parameter, for sets of them. */
#define PROV_P(p) (UINT64_C(1) << (p))

/*
 * Drops or refuses (prov_lose) every parameter that was given, is not in
 * `known` and does not merely say what is so anyway (n: 1, logprobs: false,
 * store: false, presence_penalty: 0, modalities: ["text"] ...), and every
 * member that the gateway does not know and that is not in `members` (a list
 * that ends in NULL; NULL: none).
 */
MUST_CHECK enum err
prov_params_lose(const struct prov_call *call, struct prov_http *h,
    struct msg_fail *fail, uint64_t known, const char *const *members);

/* How much reasoning was asked for, by whichever parameter. */
enum prov_effort {
	PROV_EFFORT_UNSET,
	PROV_EFFORT_NONE,
	PROV_EFFORT_MINIMAL,
	PROV_EFFORT_LOW,
	PROV_EFFORT_MEDIUM,
	PROV_EFFORT_HIGH,
	PROV_EFFORT_XHIGH,
	PROV_EFFORT_MAX,
	PROV_EFFORT__MAX
};

struct prov_reasoning {
	enum prov_effort effort;
	int64_t budget; /* tokens; 0: not given, the effort decides */
	bool is_hidden; /* its text is not wanted */
	/* The parameter that said so, for reports: "reasoning_effort". */
	const char *param;
};

/*
 * thinking (Anthropic's and DeepSeek's) before reasoning (OpenRouter's) before
 * reasoning_effort. A budget comes with the effort it amounts to.
 */
struct prov_reasoning
prov_reasoning_asked(const struct msg_request *req, struct prov_tape *tape);
/* Tokens of reasoning that an effort stands for where budgets are counted. */
int64_t prov_effort_budget(enum prov_effort e);

/* The text of a parameter that is a string; absent otherwise. */
struct str prov_param_text(
    const struct prov_call *call, enum msg_param p, struct prov_tape *tape);

#endif
