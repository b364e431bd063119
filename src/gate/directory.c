#include "gate/directory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/map.h"
#include "gate/pepper.h"

/* Changes that are remembered; an entry behind them is looked up again. */
#define RING 512u

struct entry {
	unsigned char id[HASH_KEY_BYTES];
	struct gate_person *person;
	uint64_t epoch; /* changes up to this one do not concern it */
	struct entry *newer, *older;
};

/* What was not found. One place per hash: a new one drives out an old one. */
struct unknown {
	unsigned char id[HASH_KEY_BYTES];
	enum gate_refusal refusal; /* GATE_WELCOME: nothing is here */
	uint64_t epoch;
	usec_t until;
};

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

	struct map *by_id;
	struct entry *newest, *oldest;
	struct unknown *unknown; /* GATE_UNKNOWN_MAX */

	uint64_t epoch; /* changes seen */
	uint64_t all_epoch; /* the last that concerned anybody */
	struct gate_change ring[RING];

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

static struct str
id_str(const unsigned char *id)
{
	return str_of((const char *)id, HASH_KEY_BYTES);
}

_Static_assert(GATE_PEPPERS_MAX == 1 + STORE_PERSON_OLDER_MAX, "one each");

static void start_or_wait(struct gate_directory *d);
static void read_pepper(struct gate_directory *d);

/* ---- entries ------------------------------------------------------------- */

static void
list_remove(struct gate_directory *d, struct entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		d->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		d->oldest = e->newer;
}

static void
list_add(struct gate_directory *d, struct entry *e)
{
	e->newer = NULL;
	e->older = d->newest;
	if (e->older)
		e->older->newer = e;
	else
		d->oldest = e;
	d->newest = e;
}

static void
entry_drop(struct gate_directory *d, struct entry *e)
{
	map_remove(d->by_id, id_str(e->id));
	list_remove(d, e);
	gate_person_unref(e->person);
	free(e);
}

static bool
concerns(const struct gate_change *c, const struct store_person *f)
{
	switch (c->sort) {
	case GATE_CHANGE_TENANT:
		return c->id == f->tenant_id;
	case GATE_CHANGE_USER:
		return c->id == f->user_id;
	case GATE_CHANGE_KEY:
		return c->id == f->key_id;
	case GATE_CHANGE_ALL:
		return true;
	}
	return true;
}

/*
 * Has nothing changed that concerns it? Asked when it is wanted, not for all
 * entries when something changes: a poll costs the same with one and with
 * 100 000 of them.
 */
static bool
is_current(struct gate_directory *d, struct entry *e)
{
	if (e->epoch == d->epoch)
		return true;
	if (e->epoch < d->all_epoch || d->epoch - e->epoch > RING)
		return false;
	for (uint64_t i = e->epoch; i < d->epoch; i++)
		if (concerns(&d->ring[i % RING], &e->person->facts))
			return false;
	e->epoch = d->epoch;
	return true;
}

static void
add_change(struct gate_directory *d, const struct gate_change *c)
{
	d->ring[d->epoch++ % RING] = *c;
	if (c->sort == GATE_CHANGE_ALL)
		d->all_epoch = d->epoch;
}

static void
entry_put(struct gate_directory *d, const unsigned char *id,
    struct gate_person *person)
{
	struct entry *e = map_find(d->by_id, id_str(id));

	if (e)
		entry_drop(d, e);
	while (map_count(d->by_id) >= d->options.max_people)
		entry_drop(d, d->oldest);
	e = fault("directory.entry") ? NULL : calloc(1, sizeof(*e));
	if (!e)
		return; /* the next request looks again */
	memcpy(e->id, id, sizeof(e->id));
	e->epoch = d->epoch;
	if (map_put(d->by_id, id_str(e->id), e) != ERR_OK) {
		free(e);
		return;
	}
	e->person = gate_person_ref(person);
	list_add(d, e);
}

static struct unknown *
unknown_place(struct gate_directory *d, const unsigned char *id)
{
	return &d->unknown[hash_u64(id_str(id)) % GATE_UNKNOWN_MAX];
}

static void
unknown_put(struct gate_directory *d, const unsigned char *id,
    enum gate_refusal refusal)
{
	struct unknown *u = unknown_place(d, id);

	memcpy(u->id, id, sizeof(u->id));
	u->refusal = refusal;
	u->epoch = d->epoch;
	u->until = clock_mono() + GATE_UNKNOWN_FOR;
	d->n_unknown++;
}

static enum gate_refusal
unknown_find(struct gate_directory *d, const unsigned char *id)
{
	const struct unknown *u = unknown_place(d, id);

	if (u->refusal == GATE_WELCOME || u->epoch != d->epoch ||
	    clock_mono() >= u->until || !hash_equal(u->id, id, sizeof(u->id)))
		return GATE_AWAY;
	return u->refusal;
}

static bool
is_too_stale(const struct gate_directory *d)
{
	return d->is_away && clock_mono() - d->good > d->options.stale_for;
}

enum gate_refusal
gate_directory_find(struct gate_directory *d, const struct gate_want *want,
    struct gate_person **out)
{
	struct entry *e = map_find(d->by_id, id_str(want->id));

	if (!d->is_running && !timer_is_set(&d->timer))
		start_or_wait(d);
	if (e && is_current(d, e) && !is_too_stale(d)) {
		if (e != d->newest) {
			list_remove(d, e);
			list_add(d, e);
		}
		d->hits++;
		*out = gate_person_ref(e->person);
		return GATE_WELCOME;
	}
	d->misses++;
	return e ? GATE_AWAY : unknown_find(d, want->id);
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
		add_change(d, &b->change[i]);
	for (uint32_t i = 0; i < b->n_wants; i++) {
		const struct gate_answer *a = &b->answer[i];

		if (d->must_forget)
			continue;
		if (a->err == ERR_OK)
			entry_put(d, b->want[i].id, a->person);
		else if (a->err == ERR_NOT_FOUND && a->refusal != GATE_NEW)
			unknown_put(d, b->want[i].id, a->refusal);
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
	d->by_id = map_new(GATE_PEOPLE_MAX);
	d->unknown = calloc(GATE_UNKNOWN_MAX, sizeof(*d->unknown));
	d->batch = calloc(1, sizeof(*d->batch));
	if (d->by_id && d->unknown && d->batch) {
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
	while (d->oldest)
		entry_drop(d, d->oldest);
	gate_pepper_fini(&d->pepper);
	free(d->watched);
	free(d->state_dir);
	map_free(d->by_id);
	free(d->unknown);
	free(d->batch);
	free(d);
}

void
gate_directory_forget(struct gate_directory *d)
{
	while (d->oldest)
		entry_drop(d, d->oldest);
	memset(d->unknown, 0, GATE_UNKNOWN_MAX * sizeof(*d->unknown));
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
	memset(d->unknown, 0, GATE_UNKNOWN_MAX * sizeof(*d->unknown));
	while (map_count(d->by_id) > options->max_people)
		entry_drop(d, d->oldest);
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
	struct str name;

	if (key.n != STORE_KEY_SIZE || !str_starts(key, STR(STORE_KEY_PREFIX)))
		return false;
	name = str_of(key.p + sizeof(STORE_KEY_PREFIX) - 1, STORE_KEY_PUBLIC);
	if (name.p[name.n] != '_')
		return false;
	if (!d->pepper.bytes && clock_mono() - d->pepper_asked >= PEPPER_AGAIN)
		read_pepper(d);
	if (!d->pepper.bytes)
		return false;
	*out = (struct gate_want){ .sort = GATE_WANT_KEY };
	memcpy(out->public_part, name.p, name.n);
	out->public_part[name.n] = '\0';
	gate_pepper_hash(&d->pepper, key, out->id);
	out->n_older = d->pepper.n_older;
	for (uint32_t i = 0; i < out->n_older; i++)
		gate_pepper_hash_old(&d->pepper, i, key, out->older[i]);
	return true;
}

static bool
copy_name(char to[GATE_NAME_SIZE], struct str from)
{
	if (from.n == 0 || from.n >= GATE_NAME_SIZE ||
	    memchr(from.p, '\0', from.n))
		return false;
	memcpy(to, from.p, from.n);
	to[from.n] = '\0';
	return true;
}

/* Keys and names are hashed with different secrets: they never meet. */
bool
gate_want_user(struct str tenant, struct str user, struct gate_want *out)
{
	char text[2 * GATE_NAME_SIZE];

	*out = (struct gate_want){ .sort = GATE_WANT_USER };
	if (!copy_name(out->tenant, tenant) || !copy_name(out->user, user))
		return false;
	memcpy(text, tenant.p, tenant.n);
	text[tenant.n] = '\0';
	memcpy(text + tenant.n + 1, user.p, user.n);
	hash_key(str_of(text, tenant.n + 1 + user.n), STR("user"), out->id);
	return true;
}

void
gate_want_token(struct str token, struct gate_want *out)
{
	*out = (struct gate_want){ .sort = GATE_WANT_USER };
	hash_key(token, STR("token"), out->id);
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
		.n_people = (uint32_t)map_count(d->by_id),
		.hits = d->hits,
		.misses = d->misses,
		.unknown = d->n_unknown,
	};
}
