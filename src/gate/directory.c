#include "gate/directory.h"

#include <stdio.h>
#include <stdlib.h>

#include "gate/known.h"
#include "gate/pepper.h"

struct gate_directory {
	struct loop *loop;
	struct gate_source source;
	struct gate_directory_options options;
	char *state_dir;
	struct gate_pepper pepper;
	usec_t pepper_asked; /* when its file was not there */
	uint64_t pepper_stamp; /* of the file that it was read from */
	char *watched; /* state_dir for the job under way; NULL: not looked */
	uint64_t found_stamp; /* by it */

	struct gate_known *known;

	struct gate_look *waiting, **waiting_end;
	struct gate_look *answered, **answered_end; /* fn is due */
	uint32_t n_waiting;
	struct gate_batch *batch; /* one for all jobs */
	enum err outcome;
	bool is_running;
	bool is_closing;
	bool must_forget; /* what the job under way finds is of the past */
	uint64_t forgets; /* how often all was forgotten */
	struct timer timer;

	int64_t seen; /* the newest change, -1: none was asked for */
	usec_t asked; /* when the job under way began */
	usec_t good; /* when the last good one began; -1: never */
	bool is_away;
	char why[STORE_WHY_SIZE];
	uint64_t hits, misses, n_unknown;
};

static void start_or_wait(struct gate_directory *d);
static void read_pepper(struct gate_directory *d);

/* ---- who is known -------------------------------------------------------- */

static bool
is_too_stale(const struct gate_directory *d)
{
	return d->is_away && clock_mono() - d->good > d->options.stale_for;
}

enum gate_refusal
gate_directory_find(struct gate_directory *d, const struct gate_want *want,
    struct gate_person **out)
{
	struct gate_person *person = NULL;
	enum gate_refusal r;

	if (!d->is_running && !timer_is_set(&d->timer))
		start_or_wait(d);
	r = gate_known_find(d->known, want->id, &person);
	if (r == GATE_WELCOME && !is_too_stale(d)) {
		d->hits++;
		*out = gate_person_ref(person);
		return GATE_WELCOME;
	}
	d->misses++;
	return r == GATE_WELCOME ? GATE_AWAY : r;
}

/* ---- who waits ------------------------------------------------------------ */

static void
look_link(struct gate_look ***end, struct gate_look *l)
{
	l->next = NULL;
	l->at = *end;
	**end = l;
	*end = &l->next;
}

static void
look_unlink(struct gate_directory *d, struct gate_look *l)
{
	struct gate_look ***end =
	    l->is_answered ? &d->answered_end : &d->waiting_end;

	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	else
		*end = l->at;
	if (!l->is_answered)
		d->n_waiting--;
	l->next = NULL;
	l->at = NULL;
}

void
gate_directory_cancel(struct gate_directory *d, struct gate_look *l)
{
	if (l->at)
		look_unlink(d, l);
	gate_person_unref(l->person);
	l->person = NULL;
}

static void
look_answer(struct gate_directory *d, struct gate_look *l,
    enum gate_refusal refusal, struct gate_person *person)
{
	look_unlink(d, l);
	l->is_answered = true;
	l->refusal = refusal;
	l->person = person ? gate_person_ref(person) : NULL;
	look_link(&d->answered_end, l);
}

/* Each may cancel others, or look for more. */
static void
tell_answers(struct gate_directory *d)
{
	struct gate_look *l;

	while ((l = d->answered)) {
		struct gate_person *person = l->person;

		look_unlink(d, l);
		l->person = NULL;
		l->fn(l->arg, l->refusal, person);
	}
}

static const struct gate_answer *
answer_find(const struct gate_batch *b, const unsigned char *id)
{
	for (uint32_t i = 0; i < b->n_wants; i++)
		if (memcmp(b->want[i].id, id, HASH_KEY_BYTES) == 0)
			return &b->answer[i];
	return NULL;
}

/* ---- the job ---------------------------------------------------------------- */

static void
fill_batch(struct gate_directory *d)
{
	struct gate_batch *b = d->batch;

	b->seen = d->seen;
	b->known_at = 0;
	b->n_changes = 0;
	b->n_wants = 0;
	b->why[0] = '\0';
	for (const struct gate_look *l = d->waiting;
	     l && b->n_wants < GATE_BATCH_MAX; l = l->next) {
		if (answer_find(b, l->want.id))
			continue;
		b->answer[b->n_wants] = (struct gate_answer){ .err = ERR_IO };
		b->want[b->n_wants++] = l->want;
	}
}

static void
on_work(void *arg)
{
	struct gate_directory *d = arg;

	if (d->watched)
		d->found_stamp = gate_pepper_stamp(str_z(d->watched));
	d->outcome = d->source.run(d->source.arg, d->batch);
}

/* Not when it went away: the one that is known stays in force. */
static void
heed_pepper(struct gate_directory *d)
{
	bool is_new = d->watched && d->found_stamp != 0 &&
		      d->found_stamp != d->pepper_stamp &&
		      strcmp(d->watched, d->state_dir) == 0;

	free(d->watched);
	d->watched = NULL;
	if (is_new)
		read_pepper(d);
}

static void
take_answers(struct gate_directory *d)
{
	struct gate_batch *b = d->batch;

	d->seen = b->seen;
	for (uint32_t i = 0; i < b->n_changes; i++)
		gate_known_change(d->known, &b->change[i]);
	for (uint32_t i = 0; i < b->n_wants; i++) {
		const struct gate_answer *a = &b->answer[i];

		if (d->must_forget)
			continue;
		if (a->err == ERR_OK) {
			gate_known_put(d->known, b->want[i].id, a->person);
		} else if (a->err == ERR_NOT_FOUND && a->refusal != GATE_NEW) {
			gate_known_put_unknown(
			    d->known, b->want[i].id, a->refusal);
			d->n_unknown++;
		}
	}
}

/* Not kept in the list: changes since then may be unknown here. */
static bool
is_still_known(const struct gate_directory *d)
{
	usec_t at = d->batch->known_at;

	return at > 0 && clock_wall() - at <= d->options.stale_for;
}

/*
 * Who came while the job ran is in the next one: known_at is of the wants that
 * it had.
 */
static void
answer_looks(struct gate_directory *d, bool is_good)
{
	bool is_known = is_good || is_still_known(d);
	struct gate_look *l, *next;

	for (l = d->waiting; l; l = next) {
		const struct gate_answer *a = answer_find(d->batch, l->want.id);

		next = l->next;
		if (!a)
			continue;
		if (is_known && a->err == ERR_OK)
			look_answer(d, l, GATE_WELCOME, a->person);
		else if (is_good && a->err == ERR_NOT_FOUND)
			look_answer(d, l, a->refusal, NULL);
		else
			look_answer(d, l, GATE_AWAY, NULL);
	}
}

static void
answer_away(struct gate_directory *d)
{
	while (d->waiting)
		look_answer(d, d->waiting, GATE_AWAY, NULL);
}

static void
set_away(struct gate_directory *d, bool is_away)
{
	if (d->is_away == is_away)
		return;
	d->is_away = is_away;
	if (d->options.on_away)
		d->options.on_away(d->options.arg, is_away);
}

static void
on_done(void *arg)
{
	struct gate_directory *d = arg;
	bool is_good = d->outcome == ERR_OK;

	d->is_running = false;
	snprintf(d->why, sizeof(d->why), "%s", is_good ? "" : d->batch->why);
	if (is_good) {
		d->good = d->asked;
		take_answers(d);
	}
	set_away(d, !is_good);
	answer_looks(d, is_good);
	heed_pepper(d);
	/* Of the past, too: who was waiting for the next job then. */
	d->must_forget = d->waiting && d->waiting->forgets != d->forgets;
	for (uint32_t i = 0; i < d->batch->n_wants; i++)
		gate_person_unref(d->batch->answer[i].person);
	d->batch->n_wants = 0;
	tell_answers(d);
	if (!d->is_closing)
		start_or_wait(d);
}

static bool
start(struct gate_directory *d)
{
	if (d->is_running)
		return true;
	timer_stop(d->loop, &d->timer);
	fill_batch(d);
	d->watched = strdup(d->state_dir);
	d->asked = clock_mono();
	if (loop_work(d->loop, on_work, on_done, d) != ERR_OK) {
		d->batch->n_wants = 0;
		free(d->watched);
		d->watched = NULL;
		return false;
	}
	d->is_running = true;
	return true;
}

static void
on_poll(void *arg)
{
	struct gate_directory *d = arg;

	if (!start(d))
		start_or_wait(d);
}

/* Somebody waits: at once. Otherwise when the next poll is due. */
static void
start_or_wait(struct gate_directory *d)
{
	if (d->is_running || (d->waiting && start(d)))
		return;
	if (d->waiting) {
		answer_away(d);
		tell_answers(d);
	}
	/* Without memory for a timer: gate_directory_find tries again. */
	(void)!timer_set(d->loop, &d->timer, d->options.poll, on_poll, d);
}

bool
gate_directory_look(struct gate_directory *d, struct gate_look *l,
    void (*fn)(
	void *arg, enum gate_refusal refusal, struct gate_person *person),
    void *arg)
{
	if (d->n_waiting >= GATE_LOOKS_MAX)
		return false;
	l->fn = fn;
	l->arg = arg;
	l->is_answered = false;
	l->forgets = d->forgets;
	l->person = NULL;
	d->n_waiting++;
	look_link(&d->waiting_end, l);
	if (start(d))
		return true;
	look_unlink(d, l);
	return false;
}

/* ---- life -------------------------------------------------------------------- */

struct gate_directory *
gate_directory_new(struct loop *loop, const struct gate_source *source,
    const struct gate_directory_options *options)
{
	struct gate_directory *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->loop = loop;
	d->source = *source;
	d->seen = -1;
	d->good = clock_mono();
	d->waiting_end = &d->waiting;
	d->answered_end = &d->answered;
	d->known = gate_known_new();
	d->batch = calloc(1, sizeof(*d->batch));
	if (d->known && d->batch) {
		gate_directory_set(d, options);
		if (d->state_dir && start(d))
			return d;
	}
	gate_directory_free(d);
	return NULL;
}

void
gate_directory_free(struct gate_directory *d)
{
	if (!d)
		return;
	ASSERT(!d->waiting && !d->answered);
	d->is_closing = true;
	if (d->is_running)
		loop_finish_work(d->loop);
	timer_stop(d->loop, &d->timer);
	gate_pepper_fini(&d->pepper);
	free(d->watched);
	free(d->state_dir);
	gate_known_free(d->known);
	free(d->batch);
	free(d);
}

void
gate_directory_forget(struct gate_directory *d)
{
	gate_known_forget(d->known);
	d->must_forget = d->is_running;
	d->forgets++;
}

/* One that cannot be read now leaves the old one, and its people, in force. */
static void
read_pepper(struct gate_directory *d)
{
	struct gate_pepper p;

	d->pepper_asked = clock_mono();
	/* Before it is read: what is written meanwhile is read again. */
	d->pepper_stamp = gate_pepper_stamp(str_z(d->state_dir));
	if (gate_pepper_load(str_z(d->state_dir), &p) != ERR_OK)
		return;
	if (d->pepper.bytes && !gate_pepper_same(&p, &d->pepper))
		gate_directory_forget(d);
	gate_pepper_fini(&d->pepper);
	d->pepper = p;
}

void
gate_directory_set(
    struct gate_directory *d, const struct gate_directory_options *options)
{
	char *dir = strndup(options->state_dir.p ? options->state_dir.p : "",
	    options->state_dir.n);

	d->options = *options;
	d->options.state_dir = (struct str){ 0 };
	/* Who was nobody may be somebody now (auth.jwt.create_users). */
	gate_known_forget_unknown(d->known);
	gate_known_limit(d->known, options->max_people);
	if (!dir)
		return; /* the old one then */
	free(d->state_dir);
	d->state_dir = dir;
	read_pepper(d);
}

/* ---- who is wanted ------------------------------------------------------------ */

/* Without a pepper no key can be right; its file is asked for so often. */
#define PEPPER_AGAIN (100 * USEC_PER_MSEC)

bool
gate_directory_want_key(
    struct gate_directory *d, struct str key, struct gate_want *out)
{
	if (!gate_key_has_form(key))
		return false;
	if (!d->pepper.bytes && clock_mono() - d->pepper_asked >= PEPPER_AGAIN)
		read_pepper(d);
	return d->pepper.bytes && gate_want_key(&d->pepper, key, out);
}

/* ---- for doors and pages ------------------------------------------------------ */

void
gate_directory_refresh(struct gate_directory *d)
{
	if (d->is_running)
		loop_finish_work(d->loop);
	if (!d->is_running && clock_mono() - d->asked >= d->options.poll &&
	    start(d))
		loop_finish_work(d->loop);
}

void
gate_directory_state(
    const struct gate_directory *d, struct gate_directory_state *out)
{
	usec_t age = clock_mono() - d->good;

	*out = (struct gate_directory_state){
		.is_away = d->is_away,
		.why = d->why,
		.away_for = d->is_away ? age : 0,
		.known_until =
		    age < d->options.stale_for ? d->options.stale_for - age : 0,
		.n_people = gate_known_count(d->known),
		.hits = d->hits,
		.misses = d->misses,
		.unknown = d->n_unknown,
	};
}
