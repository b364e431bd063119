#ifndef UPSTREAM_ENGINE_H
#define UPSTREAM_ENGINE_H
/* Inside of the libcurl engine, shared by engine.c, xfer.c and easy.c. */
#include <curl/curl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "sys/loop.h"
#include "upstream/upstream.h"
#include "upstream/urls.h"

/*
 * Handles kept for the next call: making one costs more than resetting it, and
 * setting it up more than both. So one that has done its work well keeps its
 * options, and serves the next call of the same sort to the same URL.
 */
#define ENGINE_EASY_POOL 64

struct engine_easy {
	CURL *handle;
	uint64_t
	    url; /* its urls_entry's id; 0: no options, or such as few have */
	unsigned sort; /* bits of EASY_ */
};

/* What is known of a descriptor that dial_open has opened. */
struct engine_dialled {
	struct upstream_xfer *user; /* the last of those under way, or NULL */
	struct upstream_xfer *sender; /* of which more is to be sent, or NULL */
	bool is_ours; /* opened and not closed since */
};

struct engine {
	struct upstream base;
	struct loop *loop;
	CURLM *multi;
	struct timer timer;
	struct defer kick; /* curl wants to run now */
	struct upstream_xfer *gone; /* cancelled within a callback */
	struct upstream_xfer *live; /* all that are started */
	struct upstream_xfer *fed; /* to be told of the rest, by next_fed */
	unsigned depth; /* > 0: we are inside a call of curl's */
	struct engine_easy pool[ENGINE_EASY_POOL];
	unsigned n_pool;
	struct engine_dialled *dialled; /* by descriptor */
	int n_dialled;
	struct upstream_counts counts;
	struct urls urls;
};

struct upstream_xfer {
	struct engine *engine;
	struct upstream_xfer *next, *prev; /* in live or gone */
	struct upstream_xfer *next_fed;
	struct engine_easy easy; /* with the options it is to have */
	curl_socket_t fd; /* that curl had us watch last, for it */
	bool is_set_up; /* easy has its options already */
	bool is_done_well; /* it may keep them */
	struct curl_slist *headers_out; /* one block, texts included */
	size_t headers_bytes;
	struct urls_entry *url; /* NULL: libcurl parses it */
	const struct upstream_call *call; /* borrowed until done */
	const struct upstream_sink *sink;
	void *arg;
	_Atomic uint32_t *handed; /* handed.c; or NULL */
	enum upstream_handed how_handed;
	uint64_t out_bytes; /* of this request, since curl began with it */
	curl_socket_t out_fd; /* the rest goes out on it */
	struct arena *arena; /* answer's headers, dies with head */
	struct http_headers headers_in;
	struct timer watch; /* all of its time-outs */
	struct defer resume;
	usec_t started; /* all in clock_mono */
	usec_t first_byte;
	usec_t last_byte;
	uint64_t bytes_in;
	enum upstream_end end; /* why we stopped it; OK: curl decides */
	bool is_fed; /* in the engine's list */
	bool is_paused;
	bool is_head_done;
	bool is_cancelled;
	bool is_blocked; /* dial guard said no */
	bool is_new_connection;
};

/* engine.c */
/* Removes it from curl and frees it; not inside a call of curl's. */
void engine_forget(struct upstream_xfer *x);
/* Body was called: rest is due. */
void engine_fed(struct upstream_xfer *x);
/* Ends curl's pause; may deliver and finish. Not inside a call of curl's. */
void engine_unpause(struct upstream_xfer *x);
/* A handle from the pool or a new one. False: no memory. */
bool engine_easy_take(struct upstream_xfer *x);
/* Back to the pool. */
void engine_easy_put(struct upstream_xfer *x);

/* xfer.c: one transfer */
struct upstream_xfer *
xfer_new(struct engine *e, const struct upstream_call *call,
    const struct upstream_sink *sink, void *arg);
void xfer_free(struct upstream_xfer *x);
/* Looks at its time-outs when the next may be due; start: of a new one. */
MUST_CHECK enum err xfer_watch_start(struct upstream_xfer *x);
MUST_CHECK enum err xfer_watch(struct upstream_xfer *x);
/* Fills the result from curl's verdict. */
void xfer_result(
    const struct upstream_xfer *x, CURLcode code, struct upstream_result *r);
bool xfer_is_sent(const struct upstream_xfer *x);
bool xfer_may_be_asked(const struct upstream_xfer *x);
void xfer_pause(struct upstream_xfer *x);
void xfer_resume(struct upstream_xfer *x);

/* easy.c: options of a call on a handle */
#define EASY_STREAM 1u
#define EASY_HTTP2 2u
#define EASY_ALLOW_HTTP 4u
/*
 * Calls of one sort differ in nothing but their URL and what is set for each.
 * False: this one is a sort of its own.
 */
bool easy_sort(const struct upstream_call *call, unsigned *sort);
MUST_CHECK enum err easy_setup(struct upstream_xfer *x);
/* Takes back what was lent for this call. The rest stays. */
void easy_forget(CURL *easy);
void easy_headers_free(struct upstream_xfer *x);

/* dial.c */
/* CURLOPT_OPENSOCKETFUNCTION, clientp is the xfer. */
curl_socket_t
dial_open(void *clientp, curlsocktype purpose, struct curl_sockaddr *address);
/* CURLOPT_CLOSESOCKETFUNCTION, clientp is the engine: it outlives the xfer. */
int dial_close(void *clientp, curl_socket_t fd);
/* curl has fd watched for this transfer; dial_leave: it is over. */
void dial_use(struct upstream_xfer *x, curl_socket_t fd);
void dial_leave(struct upstream_xfer *x);
/* One whose bytes they may be, or NULL. A guess where streams share it. */
struct upstream_xfer *dial_user(const struct engine *e, curl_socket_t fd);
/* POLLSET_SOON's steps: asks for what its next bytes will touch. */
void dial_warm(const struct engine *e, curl_socket_t fd, unsigned step);
/* Was it opened by dial_open and not closed since, as far as we know? */
bool dial_is_ours(const struct engine *e, curl_socket_t fd);
/*
 * curl need not look at it for now, or never again: a connection that is kept
 * for the next call stays registered, anything else is taken out at once.
 */
void dial_rest(struct engine *e, CURL *easy, curl_socket_t fd);

#endif
