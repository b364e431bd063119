#ifndef FLOW_LIFE_H
#define FLOW_LIFE_H
/*
 * Inside of flow: a request and the steps it goes through. Not for other rooms
 * (they see req.h and flow.h).
 *
 * A request is in one step at a time. A step function does its work and names
 * the next step; FLOW_WAIT leaves the request where it is until the world
 * (door, upstream, timer) moves it on with flow_go. Which step may follow which
 * is in the table of step.c and checked at every move.
 */
#include <stdbool.h>
#include <stdint.h>

#include "api/answer.h"
#include "api/chat.h"
#include "api/norm.h"
#include "api/table.h"
#include "base/arena.h"
#include "base/buf.h"
#include "flow/flow.h"
#include "flow/req.h"
#include "gate/auth.h"
#include "gate/policy.h"
#include "gate/limit.h"
#include "gate/remote.h"
#include "gate/rule.h"
#include "gate/source.h"
#include "meter/booking.h"
#include "meter/metrics.h"
#include "meter/price.h"
#include "meter/record.h"
#include "prov/prov.h"
#include "route/keys.h"
#include "route/plan.h"

enum flow_step {
	FLOW_RECEIVE, /* variables: route, ids, limits of the body */
	FLOW_IDENTIFY, /* who asks */
	FLOW_READ, /* the body comes in */
	FLOW_PARSE, /* body -> canonical request */
	FLOW_ADMIT, /* may he use the alias, and how much */
	FLOW_CHOOSE, /* candidates in order */
	FLOW_FETCH, /* images by URL, for targets that cannot */
	FLOW_TRANSLATE, /* canonical -> the target's request */
	FLOW_SEND, /* the upstream call is under way */
	FLOW_PAUSE, /* before the same target is tried again */
	FLOW_PAGE, /* models, health, metrics */
	FLOW_REFUSE, /* an error answer */
	FLOW_SETTLE, /* log, metrics, limits; then it is gone */
	FLOW__MAX,
	FLOW_WAIT = FLOW__MAX, /* "not now", as a next step */
};

/* What the variables said, copied to the arena. No credential among it. */
struct req_meta {
	struct str content_type;
	int64_t content_length; /* -1: not told */
	usec_t read_timeout; /* x-stainless-read-timeout; 0: not told */
	char request_id[API_REQUEST_ID_SIZE];
};

/* How far the booking of an attempt has come: ledger.c. */
struct req_booking {
	struct spool_slot *slot; /* NULL: none is open */
	usec_t began; /* wall */
	uint64_t weight; /* of what has come: meter/estimate.h */
	int status;
	bool was_sent; /* the provider may have got it */
	bool is_ended; /* the answer told its end, or its failure */
	bool is_complete; /* its end */
};

/* One try at one target. */
struct req_attempt {
	unsigned char ledger_id[METER_BOOKING_ID];
	struct req_booking booking;
	struct prov_target target;
	struct prov_http http;
	struct upstream_call call;
	struct upstream_xfer *xfer; /* NULL: none under way */
	struct prov_answer *answer; /* 2xx only */
	struct buf error_body; /* other statuses */
	struct arena *headers_arena; /* of a failed answer's headers */
	struct http_headers headers;
	int status;
	usec_t started;
	const struct route_key *key; /* of the request's ring; NULL: none */
	bool is_key_probe; /* its outcome decides whether the key is in */
	bool stream; /* the provider was asked to stream */
	bool has_http; /* http is initialised */
	bool ended; /* END or FAIL came; what follows is ignored */
};

/* An image that is being fetched. */
struct req_fetch {
	struct upstream_call call;
	struct upstream_xfer *xfer; /* NULL: none under way */
	struct msg_part *part;
	uint32_t message, index; /* where the part stands */
	uint32_t n; /* fetched for this request */
	int status;
	struct buf body;
};

/* Keys of one target that a request tries at most. */
#define FLOW_KEYS_TRIED_MAX 16

struct req {
	struct flow *flow;
	struct req *next, *prev; /* all of the worker */
	struct conf *conf; /* the snapshot it began with; may be NULL */
	struct arena *arena;
	const struct req_door *door;
	void *door_arg;

	enum flow_step step;
	usec_t started;
	usec_t ready; /* the body was complete */
	usec_t deadline;

	struct req_meta meta;
	struct api_target target;
	struct gate_client client;
	struct gate_look *look; /* NULL: nobody is being looked up */
	usec_t new_until; /* a user who is being made is waited for; 0: none */
	struct secret *token; /* waits for its key; NULL: does not */
	struct req *next_waiting, **prev_waiting; /* of those that do */
	bool has_waited; /* once is enough */
	struct buf body;
	struct arena *msg_arena; /* what msg points to, beside body */
	struct msg_request msg;
	const struct conf_model *model;
	struct route_plan plan;
	struct gate_policy_result *policy; /* NULL: none was asked */
	struct gate_limit_result limit; /* of the client, for headers */
	struct gate_holds holds; /* what its limits have taken for us */
	struct gate_wait wait; /* for what other hosts have taken */
	struct gate_rules *rules; /* that these were taken by; may be NULL */
	uint32_t seed_rounds; /* so often was the ledger asked for them */
	struct gate_holds call_holds; /* and the provider's, for the attempt */
	int64_t guess_output; /* tokens of the answer; -1: nobody asked */
	struct gate_use used; /* by all attempts so far */
	/* the target that turned out to refuse `stream`: asked without */
	const struct conf_target *no_stream;
	/* the target whose parameters were learned from its refusal */
	const struct conf_target *learned;

	struct route_ring *ring; /* providers' keys; may be NULL */
	const struct conf_target *keys_target; /* whom these were for: */
	uint64_t keys_tried[FLOW_KEYS_TRIED_MAX];
	uint32_t n_keys_tried;
	usec_t slowed; /* paused before the first attempt */

	struct req_attempt attempt;
	int64_t prompt_estimate; /* tokens, once is_estimated */
	struct req_fetch *fetch; /* NULL: nothing was fetched */
	struct api_norm *norm; /* of the present attempt, or NULL */
	struct api_answer *writer;
	struct buf out; /* a stream's has memory only while it is in use */
	struct msg_fail fail;
	struct msg_fail *told; /* what a provider itself said last, or NULL */

	struct timer pause; /* between attempts */
	struct timer heartbeat;
	struct timer linger; /* answer complete, upstream not yet */
	usec_t last_write;

	struct flow_job *jobs; /* under way for it */

	bool is_estimated;
	bool wants_body;
	bool is_body_whole; /* before it was known who asks */
	bool is_head_sent;
	bool is_upstream_paused;

	struct meter_record rec;
};

/* The largest output buffer that is kept for the next stream. */
#define FLOW_SPARE_MAX 65536

/* Of two lines of the log, each with its newline. */
#define FLOW_LINES_MAX (2 * (16384 + 1))

/* price.c */
struct flow_prices {
	struct meter_prices *now; /* NULL: nothing has a price */
	struct arena *arena; /* of stored */
	struct price_row *stored; /* the database's */
	size_t n_stored;
};

/* stored.c: what is held whole of the database */
enum flow_stored {
	FLOW_STORED_KEYS, /* of providers: sealed */
	FLOW_STORED_PRICES,
	FLOW_STORED_LIMITS, /* rules */
	FLOW_STORED__MAX
};

/* audit.c */
struct flow_audit {
	flow_audit_fn fn; /* NULL: nobody wants them */
	void *arg;
	struct meter_tally *tally; /* of refusals; NULL: none yet */
	struct timer due; /* of its window */
};

struct flow {
	struct loop *loop;
	struct upstream *upstream;
	struct shm *shm;
	struct store_pool *store; /* NULL: no database */
	struct gate_directory *directory; /* NULL: no database, or no conf */
	struct flow_jwks *jwks; /* NULL: no auth.jwt */
	struct jwks_keeping *jwks_keeping; /* NULL: none is being written */
	struct conf *conf;
	struct route_ring *ring; /* of conf; NULL: none, or no memory */
	struct store_secrets *sealed; /* may be NULL */
	bool is_ending;
	struct gate_limit limit;
	struct gate_remote *remote; /* NULL: this host counts alone */
	struct meter_metrics *metrics;
	struct flow_prices prices;
	struct gate_rules *rules; /* of the database; may be NULL */
	struct watch *stored[FLOW_STORED__MAX]; /* NULL: no database */
	usec_t seed_after; /* clock_mono: the ledger was away */
	struct req *all;
	uint32_t active;
	uint32_t n_jobs; /* with the thread pool, also of requests now gone */
	bool is_draining;
	struct buf lines; /* of the log, until the turn ends */
	struct defer lines_due;
	struct buf spare; /* memory for the next stream that has to write */
	char conf_problem[512]; /* "" when the newest file is in force */
	char log_problem[512]; /* "" when lines go where they should */
	struct spool *spool; /* NULL: calls are not booked, or cannot be */
	struct flow_audit audit;
	char ledger_problem[256]; /* why they cannot; "" when nobody wants it */
	unsigned problems_told; /* in the log: page.c's bits */
	usec_t unenforced_quiet; /* wall: until then nothing is said of them */
};

/* req.c: the maximum of a request's arenas */
size_t req_arena_max(const struct conf *c);

/* step.c */
void flow_go(struct req *r, enum flow_step next);
/* fail is r->fail: answers with it, or ends a stream with it. */
enum flow_step flow_refuse(struct req *r);

/* job.c */
/*
 * Blocking work for a request: work(job) on the thread pool, where it may look
 * at nothing but the job; then, on the loop, done(r, job), which names the next
 * step as a step does. The job is done's from then on. When the request has gone
 * meanwhile (its client left) it is drop(job) instead; drop may be NULL.
 *
 * For a step's last line: FLOW_WAIT, or FLOW_REFUSE with r->fail when there is
 * no memory (the job has been dropped then).
 */
MUST_CHECK enum flow_step flow_work(struct req *r, void (*work)(void *job),
    enum flow_step (*done)(struct req *r, void *job), void *job,
    void (*drop)(void *job));
/* The request goes: what is under way for it will be dropped. */
void job_leave_all(struct req *r);

/* The steps. */
enum flow_step step_receive(struct req *r); /* receive.c */
enum flow_step step_read(struct req *r);
enum flow_step step_identify(struct req *r); /* identify.c */
enum flow_step step_parse(struct req *r); /* admit.c */
enum flow_step step_admit(struct req *r);
enum flow_step step_choose(struct req *r); /* choose.c */
enum flow_step step_translate(struct req *r);
enum flow_step step_pause(struct req *r);
enum flow_step step_fetch(struct req *r); /* fetch.c */
enum flow_step step_send(struct req *r); /* send.c */
enum flow_step step_page(struct req *r); /* page.c */
enum flow_step step_refuse(struct req *r); /* finish.c */
enum flow_step step_settle(struct req *r);

/* receive.c: what the variables say, before the first step */
void receive_vars(struct req *r, const struct req_var *vars, size_t n,
    struct gate_credentials *cred);

/* identify.c */
/* Who asks, as far as that is known at once: the next step. */
enum flow_step identify_now(struct req *r, const struct gate_credentials *cred);
/* The key set that it waited for has come, or will not. */
void identify_again(struct req *r);
/* The request goes. */
void identify_drop(struct req *r);
/* f->conf is a new one. */
void identify_conf(struct flow *f);

/*
 * jwks_kept.c: the last good one on disk (0600, replaced whole), for processes
 * that begin while its server is away. Written on the thread pool unless it is
 * there already; a failure is logged.
 */
#define JWKS_KEPT_MAX (JWT_KEY_SET_BYTES_MAX + 64u)
void jwks_keep(struct flow *f, struct conf *conf, struct str text);
/* Blocks. Into out, which takes JWKS_KEPT_MAX. ERR_NOT_FOUND: none of this issuer's. */
MUST_CHECK enum err jwks_kept_read(const struct conf *conf, struct buf *out);

/* jwks.c: the key set of auth.jwt */
/* f->conf is a new one. */
void jwks_conf(struct flow *f);
/* NULL is allowed. */
void jwks_free(struct flow_jwks *j);
/* NULL: there is none, or none yet. */
const struct jwt_keys *jwks_keys(const struct flow *f);
/*
 * A token's key is not in it. True: it is being read again, or was not read
 * yet; who comes again may be let in.
 */
bool jwks_wanted(struct flow *f);
/*
 * Is it being read? Then the request waits for it, and identify_again is called
 * when it was read, or could not be.
 */
MUST_CHECK bool jwks_wait(struct req *r);
/* The request goes, or waits no more. One that does not wait is allowed. */
void jwks_leave(struct req *r);

/* req.c: the body is complete: the next step */
enum flow_step read_body_end(struct req *r);

/* admit.c */
/*
 * Content has gone out, nobody will ask another target: a stream of minutes
 * need not hold its prompt.
 */
void admit_body_over(struct req *r);

/* audit.c */
/* The request is over: its event, if it is to have one. */
/* llmgw-jobd shall make that user. */
void audit_new_user(struct req *r, const struct gate_want *w);
void audit_request(struct req *r);
/* A limit has reached its soft_percent by this request. amount: in words. */
void audit_soft(struct req *r, const struct conf_limit *l, const char *amount,
    int64_t percent);
/* Tells what was counted and not written. */
void audit_fini(struct flow *f);

/* policy.c */
/* Asks the policies and lowers what they clamp. ERR_DENIED: r->fail. */
MUST_CHECK enum err policy_check(struct req *r);
/* Of the plan just made, leaves out targets that policies forbid. */
void policy_restrict(struct req *r);
/* Tells x-llmgw-dropped of the present attempt what was clamped. */
void policy_tell(struct req *r);

/* choose.c */
/* The attempt failed with r->fail and nothing has gone out: what now? */
enum flow_step choose_after_failure(struct req *r);
/* Is the request's time over? Then r->fail says so. */
bool choose_is_late(struct req *r);
/* What is left of the request's time, for limits; at least a millisecond. */
usec_t choose_left(const struct req *r);
/* Sets right what the provider's limits hold for the present attempt. */
void choose_release(struct req *r, const struct gate_use *use);

/* limits.c */
/* After the snapshot was swapped. */
void limits_conf(struct flow *f);
void limits_fini(struct flow *f);
/* A line when hosts count each for itself. */
void limits_notes(struct flow *f, struct buf *out);
/* A line when limits were let pass since there is no place to count them. */
void limits_table_notes(struct flow *f, struct buf *out);
/* Of the key or the provider, of the file, of the database. */
#define LIMITS_LISTS_MAX (2 + GATE_RULE_LISTS)
/* The provider's (they are asked with ask->provider), or NULL: the client's. */
uint32_t limits_lists(const struct req *r, const struct conf_provider *p,
    struct gate_limits lists[LIMITS_LISTS_MAX]);
/* Who asks for what; how much is left out. Borrowed from the request. */
void limits_who(const struct req *r, struct gate_ask *ask);
/* The client's limits: CHOOSE, REFUSE, or WAIT for what other hosts have. */
enum flow_step limits_take(struct req *r);
/* Those of the provider that is to be asked; ERR_DENIED: r->fail. */
MUST_CHECK enum err
limits_take_call(struct req *r, const struct conf_provider *p);
/* The request is over: what it was. */
void limits_settle(struct req *r);
/* How much of a provider's own limits is in use. */
void limits_share(
    struct req *r, const struct conf_provider *p, struct gate_share *out);

/* echo.c: the text for the log, without what it quotes of the prompt */
struct str echo_hidden(struct req *r, struct str message);

/* keys.c: the provider's key of an attempt */
void keys_conf_set(struct flow *f); /* f->conf is another */
/*
 * What was opened from the database, in place of what there was; taken. Until
 * the first one sealed keys are missing, and health says so.
 */
void keys_sealed_take(struct flow *f, struct store_secrets *set);
void keys_fini(struct flow *f);
/* What is used of the limits before a target: for route_plan_make. */
void keys_used(
    void *arg, const struct conf_target *t, usec_t now, struct route_used *out);
/* Sets attempt.key, NULL where none is wanted. Otherwise r->fail. */
MUST_CHECK enum err keys_pick(struct req *r, const struct conf_provider *p);
void keys_send(struct req *r);
void keys_head(struct req *r, int status, const struct http_headers *h);
/* r->fail is what came of it. True: another key of the target may do. */
bool keys_failed(struct req *r);
/* The attempt is over, whatever is not told by now will not be told. */
void keys_drop(struct req *r);
void keys_record(const struct req *r, struct meter_attempt *m);
/* Is there a key to ask with, or is none wanted? */
bool keys_usable(struct flow *f, const struct conf_provider *p);
/* Lines on keys that are out or missing. */
void keys_notes(struct flow *f, struct buf *out);
void keys_metrics(struct flow *f, struct buf *out);

/* fetch.c: cancels a fetch */
void fetch_drop(struct req *r);

/* send.c: ends the attempt, cancels what is under way, frees its parts */
void send_drop(struct req *r);
/* Cancels the exchange that is under way, if any, and records it so. */
void send_stop(struct req *r);

/*
 * finish.c: what the present attempt used, also if it failed, joins the
 * request's usage; norm ends with it. Returns its share.
 */
struct gate_use settle_attempt(struct req *r);

/* ledger.c: the booking of the present attempt */
/* Tokens of the prompt, counted once; while the request has its body. */
int64_t ledger_prompt_estimate(struct req *r);
/* Before anything is sent. ERR_LIMIT: it cannot be booked, r->fail says so. */
MUST_CHECK enum err ledger_begin(struct req *r);
/* Where upstream says how far the request has gone; NULL: nobody asks. */
_Atomic uint32_t *ledger_handed(const struct req *r);
/* The head has come. */
void ledger_status(const struct req *r);
/* Usage was told, or the answer is complete. */
void ledger_told(const struct req *r);
/* What has come. */
void ledger_event(struct req *r, const struct msg_event *ev);
/* How the exchange ended; before the attempt's parts are freed. */
void ledger_ended(struct req *r, bool was_sent);
/*
 * What is booked of the present attempt: what the provider told, or what was
 * counted. Nothing when there is none.
 */
void
ledger_used(struct req *r, const struct msg_usage *told, struct msg_usage *out);
/* Books it; told: by the provider. Nothing happens when none is open. */
void ledger_settle(struct req *r, const struct msg_usage *told);
/* price.c */
void flow_prices_fini(struct flow_prices *p);
/* After the snapshot was swapped. */
void flow_prices_renew(struct flow *f);
/*
 * In place of what there was; fresh, which may lie in its own arena, is taken.
 * is_of_conf: its lists were made with the present snapshot.
 */
void flow_prices_take(
    struct flow *f, const struct flow_prices *fresh, bool is_of_conf);

/*
 * seed.c: of limits that this host has not counted in their window, the
 * client's and those of the providers that may be asked, the ledger is asked
 * first: WAIT, then `next` runs. Otherwise next runs now.
 */
enum flow_step
seed_limits(struct req *r, enum flow_step (*next)(struct req *r));

/* stored.c */
void stored_conf(struct flow *f); /* f->conf is another */
void stored_fini(struct flow *f);

/*
 * What tokens of the present attempt cost. False: unpriced. version: the
 * ledger's (meter/price.h).
 */
MUST_CHECK bool price_attempt(const struct req *r, const struct msg_usage *u,
    nanousd_t *cost, int64_t *version);
/* The same of all attempts of the request so far, the present one included. */
MUST_CHECK bool price_request(const struct req *r, nanousd_t *cost);
/* Books the present attempt's tokens in the record. */
void price_book(struct req *r, const struct msg_usage *u);

/* write.c: to the client */
void write_answer_head(struct req *r);
/* x-ratelimit-*: what is left of the key's limits, if it has any. */
void write_rate_headers(const struct req *r, struct buf *b);
/* Sends what lies in r->out. */
void write_out(struct req *r, bool flush);
/* r->out is empty: its memory is for the next stream that writes. */
void write_rest(struct req *r);
/* A whole answer: head and r->out as the body. */
void write_page(
    struct req *r, int status, const char *content_type, struct str more);

/* answer.c: events of the provider's module -> client */
void answer_event(void *arg, const struct msg_event *ev);
/* norm and writer for a new attempt. ERR_NOMEM. */
MUST_CHECK enum err answer_begin(struct req *r);
/* Arms the heartbeat of a stream. */
void answer_heartbeat(struct req *r);

#endif
