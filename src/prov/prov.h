#ifndef PROV_PROV_H
#define PROV_PROV_H
/*
 * Providers: canonical message -> HTTP request, HTTP answer -> events. Pure:
 * no sockets, no clock, no configuration; flow hands everything in. A provider
 * is one file with one `struct prov_kind`, made from skeleton.c and listed in
 * prov/kinds.c.
 *
 * THREADS: none; everything belongs to one worker.
 */
#include <stdbool.h>
#include <stddef.h>

#include "api/msg.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/http.h"

/* What flow knows of the target it has chosen. Borrowed from the snapshot. */
struct prov_target {
	const struct prov_kind *kind;
	struct str provider; /* its name in the configuration */
	struct str vendor; /* row of the quirk table: "groq"; absent: by host */
	struct str base_url;
	struct str model; /* the provider's name for the model */
	struct str api_version; /* azure, anthropic; absent: the default */
	/*
	 * Which family the model belongs to where its name hides it (an Azure
	 * deployment): "gpt-5", "o3", "claude-opus-4-7" ... Absent: model.
	 */
	struct str family;
	/*
	 * It has refused a parameter as OpenAI's reasoning models do, so it is
	 * one, whatever its name says.
	 */
	bool is_reasoning;
	/* Sent when the client gave no limit and the maker demands one. */
	int64_t default_max_tokens; /* 0: the kind's own default */
	/* What to do with what the target cannot express (wire.md 2). */
	enum prov_unsupported {
		PROV_DROP_TUNING, /* default: drop what tunes, refuse the rest */
		PROV_DROP_ALL,
		PROV_REFUSE_ALL,
	} on_unsupported;
};

struct prov_call {
	const struct msg_request *req;
	const struct prov_target *target;
	struct arena *arena; /* the request's */
	bool stream; /* ask the provider to stream */
};

/* What was dropped, for x-llmgw-dropped: "seed,tools[2].strict". */
#define PROV_DROPPED_MAX 1024

struct prov_http {
	const char *method; /* "POST" */
	struct str url; /* arena */
	/* Without the credential, content-length and host. */
	struct http_headers headers;
	/* The credential goes as "key_header: key_prefix KEY"; static. */
	const char *key_header; /* "authorization" */
	const char *key_prefix; /* "Bearer " or "" */
	struct buf body; /* owned by the caller: prov_http_fini */
	struct buf dropped; /* comma separated; max PROV_DROPPED_MAX */
};
/* max_body bounds the translated request. */
void prov_http_init(struct prov_http *h, size_t max_body);
void prov_http_fini(struct prov_http *h);
/* Notes a field that the target cannot express. */
void prov_dropped(struct prov_http *h, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* State of one answer's parser; each kind embeds it as its first member. */
struct prov_answer {
	const struct prov_kind *kind;
	const struct prov_target *target;
	struct msg_sink sink;
	bool is_stream; /* what came is a stream (by content type) */
	bool ended; /* END or FAIL was emitted */
};

struct prov_answer_options {
	bool stream; /* a stream was asked for */
	size_t max_event; /* bytes of one stream event */
	size_t max_body; /* bytes of a collected answer */
};

enum prov_cap {
	PROV_CAP_CHAT = 1,
	/* Speaks the client's dialect: body spliced, not translated. */
	PROV_CAP_OPENAI_DIALECT = 2,
	/* A stream is asked for and collected even when the client wants none
	 * (the maker limits non-streaming requests in time). */
	PROV_CAP_ALWAYS_STREAM = 4,
	/* Takes images by https URL; for others flow may fetch them. */
	PROV_CAP_URL_IMAGES = 8,
	/* prov_target.is_reasoning means something to it */
	PROV_CAP_LEARNS = 16,
};

struct prov_kind {
	const char *name; /* in the configuration: kind: NAME */
	unsigned caps; /* enum prov_cap */
	const char *default_base_url; /* NULL: base_url must be given */
	/*
	 * Builds the upstream request into *http (initialised by the caller).
	 * ERR_UNSUPPORTED or ERR_SYNTAX with *fail filled when the request
	 * cannot be expressed (a 4xx naming the field); ERR_LIMIT when the body
	 * outgrew its maximum; ERR_NOMEM.
	 */
	enum err (*build)(const struct prov_call *call, struct prov_http *http,
	    struct msg_fail *fail);
	/* A parser for an answer with a 2xx status; NULL: no memory. */
	struct prov_answer *(*answer_new)(const struct prov_target *target,
	    const struct prov_answer_options *o, struct msg_sink sink);
	void (*answer_free)(struct prov_answer *a);
	/* Status line and headers of a 2xx, before the first feed. */
	void (*answer_head)(
	    struct prov_answer *a, int status, const struct http_headers *h);
	/*
	 * Bytes as they come, cut anywhere. Emits events. Failures become one
	 * FAIL event; feeding after END or FAIL is allowed and ignored.
	 */
	void (*answer_feed)(struct prov_answer *a, const char *p, size_t n);
	/* The body is complete: emits END, or FAIL when the answer is not. */
	void (*answer_end)(struct prov_answer *a);
	/*
	 * A whole answer with status >= 300: what went wrong. NULL: the
	 * general extractor (prov_fail_parse) is enough.
	 */
	void (*fail)(const struct prov_target *target, int status,
	    const struct http_headers *h, struct str body,
	    struct msg_fail *fail);
	/* Path below base_url that lists models, for health probes. */
	const char *models_path;
};

/* NULL when there is none of that name. */
const struct prov_kind *prov_kind_find(struct str name);
/* Whether `vendor: NAME` has a row (kind openai-compatible): "groq" ... */
bool prov_vendor_known(struct str vendor);
/*
 * Whose prices the models of a provider have: its vendor, as told or by the
 * host of base_url, or its kind. A word for ever; "generic": no such kind.
 */
const char *
prov_price_as(struct str kind, struct str vendor, struct str base_url);
/* NULL-terminated. */
extern const struct prov_kind *const prov_kinds[];

/*
 * The general error extractor and classifier of wire.md 4.1 and 4.2: reads any
 * maker's error body (JSON of whatever shape, HTML, text, nothing) and the
 * headers (retry-after and its kin, x-should-retry).
 */
void prov_fail_parse(const struct prov_target *target, int status,
    const struct http_headers *h, struct str body, struct msg_fail *fail);
/* What every kind's answer must be asked with: kind->fail or the above. */
void prov_fail(const struct prov_target *target, int status,
    const struct http_headers *h, struct str body, struct msg_fail *fail);
/*
 * An error object inside a 200 (stream event or body); v is the value of its
 * "error" member, or the whole object when it has none.
 */
void prov_fail_object(const struct prov_target *target, const struct json *j,
    json_ref v, int status, struct msg_fail *fail);

#endif
