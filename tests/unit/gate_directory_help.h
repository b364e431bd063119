#ifndef TESTS_UNIT_GATE_DIRECTORY_HELP_H
#define TESTS_UNIT_GATE_DIRECTORY_HELP_H
/* A directory on a virtual clock, a database of a few keys, and who asks. */
#include "check.h"
#include "gate/directory.h"

#define POLL (500 * USEC_PER_MSEC)
#define STALE (3600 * USEC_PER_SEC)

/* A database of up to 8 keys, known by the first byte of their hash. */
struct fake {
	struct {
		unsigned char first;
		int64_t key_id, user_id, tenant_id;
		bool is_blocked;
	} row[8];
	uint32_t n;
	struct gate_change change[GATE_CHANGES_MAX];
	int64_t n_changes;
	bool is_away, is_broken;
	usec_t known_at;
	int runs, looks;
	uint32_t widest; /* wants of one job */
};

struct bed {
	struct loop *loop;
	struct fake fake;
	struct gate_directory *d;
};

static inline void
look_up(struct fake *f, const struct gate_want *w, struct gate_answer *a)
{
	f->looks++;
	a->err = ERR_NOT_FOUND;
	a->refusal = GATE_UNKNOWN;
	if (f->is_broken)
		a->err = ERR_LIMIT;
	for (uint32_t i = 0; !f->is_broken && i < f->n; i++) {
		struct store_person p = { .tenant_id = f->row[i].tenant_id,
			.user_id = f->row[i].user_id,
			.key_id = f->row[i].key_id,
			.is_blocked = f->row[i].is_blocked,
			.key = STR("k") };

		if (f->row[i].first != w->id[0])
			continue;
		a->err = gate_person_new(&p, &a->person);
		assert_int_equal(a->err, ERR_OK);
	}
}

static inline enum err
run(void *arg, struct gate_batch *b)
{
	struct fake *f = arg;

	f->runs++;
	if (b->n_wants > f->widest)
		f->widest = b->n_wants;
	if (f->is_away) {
		b->known_at = f->known_at;
		for (uint32_t i = 0; f->known_at && i < b->n_wants; i++)
			look_up(f, &b->want[i], &b->answer[i]);
		return ERR_CLOSED;
	}
	for (int64_t i = b->seen < 0 ? f->n_changes : b->seen; i < f->n_changes;
	     i++)
		b->change[b->n_changes++] = f->change[i];
	b->seen = f->n_changes;
	for (uint32_t i = 0; i < b->n_wants; i++)
		look_up(f, &b->want[i], &b->answer[i]);
	return ERR_OK;
}

static struct gate_directory_options options = {
	.poll = POLL, .stale_for = STALE, .max_people = 4
};

static inline void
set_up(struct bed *b)
{
	struct gate_source source = { run, &b->fake };

	*b = (struct bed){ .loop = loop_new_virtual() };
	clock_set(1000 * USEC_PER_SEC, 2000 * USEC_PER_SEC);
	for (unsigned char i = 1; i <= 6; i++) {
		b->fake.row[b->fake.n].first = i;
		b->fake.row[b->fake.n].key_id = i;
		b->fake.row[b->fake.n].user_id = 10 + i % 2;
		b->fake.row[b->fake.n++].tenant_id = 100;
	}
	b->d = gate_directory_new(b->loop, &source, &options);
	assert_non_null(b->d);
	loop_turn(b->loop);
}

static inline void
tear_down(struct bed *b)
{
	gate_directory_free(b->d);
	loop_free(b->loop);
}

/* Time passes, and what is due in it happens. */
static inline void
pass(struct bed *b, usec_t t)
{
	usec_t end = clock_mono() + t, due;

	while ((due = loop_next_due(b->loop)) >= 0 && due <= end) {
		clock_set(due, due + 1000 * USEC_PER_SEC);
		loop_turn(b->loop);
	}
	clock_set(end, end + 1000 * USEC_PER_SEC);
	loop_turn(b->loop);
}

static inline void
change(struct bed *b, enum gate_change_sort sort, int64_t id)
{
	b->fake.change[b->fake.n_changes++] = (struct gate_change){ sort, id };
}

struct asker {
	struct gate_look look;
	int told;
	enum gate_refusal refusal;
	int64_t key_id;
	bool is_blocked;
	struct gate_directory *d;
	struct asker *victim; /* is cancelled when this one is told */
};

static inline void
on_told(void *arg, enum gate_refusal refusal, struct gate_person *person)
{
	struct asker *a = arg;

	a->told++;
	a->refusal = refusal;
	assert_int_equal(refusal == GATE_WELCOME, person != NULL);
	if (person) {
		a->key_id = person->facts.key_id;
		a->is_blocked = person->facts.is_blocked;
	}
	gate_person_unref(person);
	if (a->victim)
		gate_directory_cancel(a->d, &a->victim->look);
}

static inline struct gate_want
want(unsigned char first, unsigned char second)
{
	struct gate_want w = { .sort = GATE_WANT_KEY };

	w.id[0] = first;
	w.id[1] = second;
	return w;
}

static inline void
ask(struct bed *b, struct asker *a, unsigned char first, unsigned char second)
{
	*a = (struct asker){ .d = b->d };
	a->look.want = want(first, second);
	assert_true(gate_directory_look(b->d, &a->look, on_told, a));
	assert_int_equal(a->told, 0);
}

/* As a request does: known at once, or looked up. */
static inline enum gate_refusal
get(struct bed *b, unsigned char first, int64_t *key_id, bool *is_hit)
{
	struct gate_want w = want(first, 0);
	struct gate_person *p = NULL;
	struct asker a;
	enum gate_refusal r = gate_directory_find(b->d, &w, &p);

	*is_hit = r != GATE_AWAY;
	*key_id = p ? p->facts.key_id : 0;
	gate_person_unref(p);
	if (*is_hit)
		return r;
	ask(b, &a, first, 0);
	loop_turn(b->loop);
	assert_int_equal(a.told, 1);
	*key_id = a.key_id;
	return a.refusal;
}

#define assert_get(b, first, refusal, hit)                                   \
	do {                                                                 \
		bool hit_;                                                   \
		int64_t id_;                                                 \
		assert_int_equal(get((b), (first), &id_, &hit_), (refusal)); \
		assert_int_equal(hit_, (hit));                               \
		if ((refusal) == GATE_WELCOME)                               \
			assert_int_equal(id_, (first));                      \
	} while (0)

#endif
