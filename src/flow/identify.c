/* Who asks: known at once, or looked up while the body may come in. */
#include "flow/life.h"

#include "base/secret.h"
#include "sys/stats.h"

/* ---- the directory of a worker -------------------------------------------- */

static void
on_away(void *arg, bool is_away)
{
	struct flow *f = arg;

	stats_gauge_add(f->shm, STATS_G_STORE_AWAY, is_away ? 1 : -1);
}

/*
 * Without memory for a directory nobody of the database is let in
 * (identify_now), until the next configuration.
 */
void
identify_conf(struct flow *f)
{
	const struct conf *c = f->conf;
	struct gate_directory_options options = {
		.poll = c->auth_poll,
		.stale_for = c->auth_stale_for,
		.max_people = c->auth_max_known,
		.state_dir = c->state_dir,
		.on_away = on_away,
		.arg = f,
	};

	if (f->directory) {
		gate_directory_set(f->directory, &options);
	} else if (f->store) {
		struct gate_source source = gate_source_store(f->store);

		f->directory = gate_directory_new(f->loop, &source, &options);
	}
	jwks_conf(f);
}

void
flow_refresh(struct flow *f)
{
	if (f->directory)
		gate_directory_refresh(f->directory);
	flow_stored_read(f);
}

/* ---- a request -------------------------------------------------------------- */

static bool
is_post(const struct req *r)
{
	return r->target.route == API_ROUTE_CHAT_COMPLETIONS ||
	       r->target.route == API_ROUTE_CHAT;
}

/* What can be told of a body before it comes. ERR_DENIED: r->fail. */
static enum err
check_body_head(struct req *r)
{
	int64_t told = r->meta.content_length;

	if (!api_content_type_ok(r->meta.content_type, &r->fail))
		return ERR_DENIED;
	if (told < -1) {
		msg_fail_set(&r->fail, MSG_FAIL_INVALID,
		    "Content-Length is not a number.");
		return ERR_DENIED;
	}
	if (told > 0 && (uint64_t)told > r->conf->max_body) {
		msg_fail_set(&r->fail, MSG_FAIL_TOO_LARGE,
		    "The request body of %lld bytes is larger than the %llu "
		    "bytes allowed.",
		    (long long)told, (unsigned long long)r->conf->max_body);
		return ERR_DENIED;
	}
	return ERR_OK;
}

/* The one place where somebody is refused for who he is: r->fail is set. */
static enum flow_step
turn_away(struct req *r, enum gate_refusal why)
{
	r->rec.refusal = gate_refusal_words[why];
	stats_add(r->flow->shm, STATS_CREDENTIALS_REFUSED, 1);
	return flow_refuse(r);
}

static void
is_known(struct req *r)
{
	/* A name out of the variables goes with them. */
	if (!r->client.person)
		r->client.name = arena_str(r->arena, r->client.name);
	r->rec.client = r->client.name;
}

static enum flow_step
no_memory(struct req *r)
{
	msg_fail_set(&r->fail, MSG_FAIL_INTERNAL, "Out of memory.");
	return flow_refuse(r);
}

/*
 * For the audit: which key it is, or seems to be, or which user the web server
 * or the issuer of a token vouches for.
 */
static void
keep_credential(struct req *r, const struct gate_want *want)
{
	if (want->sort == GATE_WANT_KEY && want->public_part[0] != '\0')
		r->rec.credential =
		    arena_printf(r->arena, "key:%s", want->public_part);
	else if (want->sort == GATE_WANT_USER && want->user[0] != '\0')
		r->rec.credential = arena_printf(
		    r->arena, "user:%s/%s", want->tenant, want->user);
}

/* Not "no": it cannot be told now. */
static enum flow_step
come_again(struct req *r)
{
	enum gate_refusal away = GATE_AWAY;

	if (gate_let_in(NULL, &away, r->rec.remote_addr, &r->client,
		&r->fail) == ERR_OK)
		ASSERT(!"nobody was let in");
	return turn_away(r, away);
}

/* Its token is not the door's any more then: a copy that is wiped. */
static enum flow_step
wait_for_keys(struct req *r, struct str token)
{
	if (r->has_waited)
		return come_again(r);
	r->has_waited = true;
	r->token = secret_new(token);
	return r->token ? FLOW_IDENTIFY : no_memory(r);
}

enum flow_step
identify_now(struct req *r, const struct gate_credentials *cred)
{
	struct flow *f = r->flow;
	struct gate_verdict v;

	v.want.sort = GATE_WANT_USER; /* nobody is wanted yet */
	v.want.user[0] = '\0';
	if (f->store && !f->directory)
		return no_memory(r);
	switch (gate_identify(r->conf, f->directory, jwks_keys(f), cred,
	    &r->client, &v, &r->fail)) {
	case ERR_OK:
		is_known(r);
		return FLOW_IDENTIFY;
	case ERR_AGAIN:
		r->look = ARENA_NEW(r->arena, struct gate_look);
		if (!r->look)
			return no_memory(r);
		r->look->want = v.want;
		return FLOW_IDENTIFY;
	default:
		keep_credential(r, &v.want);
		if (v.wants_keys && jwks_wanted(f))
			return wait_for_keys(r, v.token);
		return turn_away(r, v.refusal);
	}
}

/* The token leaves with it: what comes now is the last word. */
void
identify_again(struct req *r)
{
	struct secret *token = r->token;
	const struct gate_credentials cred = { .x_api_key = secret_str(token),
		.address = r->rec.remote_addr };
	enum flow_step next;

	r->token = NULL;
	r->fail = (struct msg_fail){ 0 };
	next = identify_now(r, &cred);
	secret_unref(token);
	flow_go(r, next == FLOW_IDENTIFY ? step_identify(r) : next);
}

static enum flow_step
go_in(struct req *r)
{
	if (!is_post(r))
		return FLOW_PAGE;
	if (check_body_head(r) != ERR_OK)
		return flow_refuse(r);
	return FLOW_READ;
}

static void
on_looked(void *arg, enum gate_refusal refusal, struct gate_person *person);

/*
 * A user whom a token names and who is not there: llmgw-jobd makes him of an
 * event, within some tenths of a second.
 */
#define NEW_LOOK (100 * USEC_PER_MSEC)
#define NEW_FOR (3 * USEC_PER_SEC)

static void
look_again(void *arg)
{
	struct req *r = arg;

	if (gate_directory_look(r->flow->directory, r->look, on_looked, r))
		return;
	r->look = NULL;
	flow_go(r, come_again(r));
}

/* False: he was waited for long enough. */
static bool
wait_for_new(struct req *r)
{
	usec_t now = clock_mono();

	if (r->new_until == 0) {
		audit_new_user(r, &r->look->want);
		r->new_until = now + NEW_FOR;
	}
	return now < r->new_until && timer_set(r->flow->loop, &r->pause,
					 NEW_LOOK, look_again, r) == ERR_OK;
}

static void
on_looked(void *arg, enum gate_refusal refusal, struct gate_person *person)
{
	struct req *r = arg;

	if (refusal == GATE_NEW && wait_for_new(r))
		return;
	keep_credential(r, &r->look->want);
	r->look = NULL;
	if (gate_let_in(person, &refusal, r->rec.remote_addr, &r->client,
		&r->fail) != ERR_OK) {
		flow_go(r, turn_away(r, refusal));
		return;
	}
	is_known(r);
	flow_go(r, go_in(r));
}

/* May the body come in already? Its head is judged when it is known who asks. */
static bool
may_read_ahead(const struct req *r)
{
	int64_t told = r->meta.content_length;

	return is_post(r) && told >= -1 &&
	       (told < 0 || (uint64_t)told <= r->conf->max_body);
}

enum flow_step
step_identify(struct req *r)
{
	if (r->token) {
		r->wants_body = !r->is_body_whole && may_read_ahead(r);
		if (jwks_wait(r))
			return FLOW_WAIT;
		/* it was read at once, from a file */
		identify_again(r);
		return FLOW_WAIT;
	}
	if (!r->look)
		return go_in(r);
	stats_add(r->flow->shm, STATS_CREDENTIALS_LOOKED_UP, 1);
	if (gate_directory_look(r->flow->directory, r->look, on_looked, r)) {
		r->wants_body = !r->is_body_whole && may_read_ahead(r);
		return FLOW_WAIT;
	}
	r->look = NULL;
	return come_again(r);
}

void
identify_drop(struct req *r)
{
	if (r->look)
		gate_directory_cancel(r->flow->directory, r->look);
	r->look = NULL;
	jwks_leave(r);
	secret_unref(r->token);
	r->token = NULL;
	gate_client_fini(&r->client);
}
