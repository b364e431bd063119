#include "gate/directory.h"

#include "gate/pepper.h"
#include "check.h"
#include "base/map.h"
#include "gate/auth.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static void
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

static enum err
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

static void
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

static void
tear_down(struct bed *b)
{
	gate_directory_free(b->d);
	loop_free(b->loop);
}

/* Time passes, and what is due in it happens. */
static void
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

static void
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

static void
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

static struct gate_want
want(unsigned char first, unsigned char second)
{
	struct gate_want w = { .sort = GATE_WANT_KEY };

	w.id[0] = first;
	w.id[1] = second;
	return w;
}

static void
ask(struct bed *b, struct asker *a, unsigned char first, unsigned char second)
{
	*a = (struct asker){ .d = b->d };
	a->look.want = want(first, second);
	assert_true(gate_directory_look(b->d, &a->look, on_told, a));
	assert_int_equal(a->told, 0);
}

/* As a request does: known at once, or looked up. */
static enum gate_refusal
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

static void
test_a_miss_and_then_hits(void **state)
{
	struct bed b;
	int runs;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	runs = b.fake.runs;
	for (int i = 0; i < 10; i++)
		assert_get(&b, 1, GATE_WELCOME, true);
	assert_int_equal(b.fake.runs, runs);
	tear_down(&b);
}

static void
put_pepper(const char *folder, const char *bytes)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/pepper", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, 32, f), 32);
	fclose(f);
}

#define KEY "llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* The hot path: whole credentials to a client, without memory or a thread. */
static void
test_a_hit_costs_nothing(void **state)
{
	enum {
		ROUNDS = 100000
	};
	struct gate_credentials cred = { .authorization = STR("Bearer " KEY),
		.address = STR("127.0.0.1") };
	struct gate_directory_options o = options;
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_client client = { 0 };
	struct gate_verdict v;
	struct msg_fail fail;
	struct conf conf = { .keys_by_hash = map_new(1) };
	struct asker a = { 0 };
	struct mallinfo2 before, after;
	usec_t start;
	struct bed b;
	int runs;

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	assert_int_equal(
	    gate_identify(&conf, b.d, NULL, &cred, &client, &v, &fail),
	    ERR_AGAIN);
	b.fake.row[0].first = v.want.id[0];
	a.look.want = v.want;
	assert_true(gate_directory_look(b.d, &a.look, on_told, &a));
	loop_turn(b.loop);
	assert_int_equal(a.refusal, GATE_WELCOME);
	runs = b.fake.runs;
	before = mallinfo2();
	clock_real();
	start = clock_mono();
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(
		    gate_identify(&conf, b.d, NULL, &cred, &client, &v, &fail),
		    ERR_OK);
		gate_client_fini(&client);
	}
	start = clock_mono() - start;
	after = mallinfo2();
	assert_int_equal(before.uordblks, after.uordblks);
	assert_int_equal(b.fake.runs, runs);
	print_message("a known key: %d ns\n", (int)(start * 1000 / ROUNDS));
	tear_down(&b);
	map_free(conf.keys_by_hash);
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	rmdir(folder);
}

static void
test_nobody_is_remembered_for_a_while(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	assert_get(&b, 99, GATE_UNKNOWN, true);
	assert_int_equal(b.fake.looks, 1);
	pass(&b, GATE_UNKNOWN_FOR);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	assert_int_equal(b.fake.looks, 2);
	/* and becomes known after the change is seen */
	b.fake.row[b.fake.n].first = 99;
	b.fake.row[b.fake.n++].key_id = 99;
	change(&b, GATE_CHANGE_KEY, 99);
	pass(&b, POLL);
	assert_get(&b, 99, GATE_WELCOME, false);
	tear_down(&b);
}

static void
test_revoked_within_a_poll(void **state)
{
	struct bed b;
	struct asker a;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 2, GATE_WELCOME, false);
	b.fake.row[0].is_blocked = true;
	change(&b, GATE_CHANGE_KEY, 1);
	pass(&b, POLL);
	assert_get(&b, 2, GATE_WELCOME, true); /* not concerned */
	assert_get(&b, 1, GATE_WELCOME, false);
	ask(&b, &a, 1, 0);
	loop_turn(b.loop);
	assert_true(a.is_blocked);
	tear_down(&b);
}

static void
test_changes_concern_who_belongs_to_it(void **state)
{
	static const struct {
		struct gate_change change;
		bool drops_1, drops_2; /* 1: user 11, 2: user 10 */
	} rows[] = {
		{ { GATE_CHANGE_USER, 11 }, true, false },
		{ { GATE_CHANGE_USER, 10 }, false, true },
		{ { GATE_CHANGE_TENANT, 100 }, true, true },
		{ { GATE_CHANGE_TENANT, 101 }, false, false },
		{ { GATE_CHANGE_KEY, 10 }, false, false },
		{ { GATE_CHANGE_ALL, 0 }, true, true },
	};
	struct bed b;

	(void)state;
	set_up(&b);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct asker a;

		ask(&b, &a, 1, 0);
		loop_turn(b.loop);
		ask(&b, &a, 2, 0);
		loop_turn(b.loop);
		change(&b, rows[i].change.sort, rows[i].change.id);
		pass(&b, POLL);
		assert_get(&b, 1, GATE_WELCOME, !rows[i].drops_1);
		assert_get(&b, 2, GATE_WELCOME, !rows[i].drops_2);
	}
	tear_down(&b);
}

/* More changes than are remembered: who was not asked for is looked up. */
static void
test_many_changes(void **state)
{
	struct bed b;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	for (int round = 0; round < 3; round++) {
		b.fake.n_changes = 0;
		for (int i = 0; i < 200; i++)
			change(&b, GATE_CHANGE_KEY, 1000 + i);
		/* the fake starts its count again */
		b.fake.runs = 0;
		pass(&b, POLL);
		assert_true(b.fake.runs > 0);
		b.fake.n_changes = 0;
		pass(&b, POLL);
	}
	assert_get(&b, 1, GATE_WELCOME, false);
	tear_down(&b);
}

static void
test_least_recently_seen_goes(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	for (unsigned char i = 1; i <= 4; i++)
		assert_get(&b, i, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, true);
	assert_get(&b, 5, GATE_WELCOME, false); /* drives out 2 */
	assert_get(&b, 1, GATE_WELCOME, true);
	assert_get(&b, 2, GATE_WELCOME, false);
	gate_directory_state(b.d, &st);
	assert_int_equal(st.n_people, 4);
	options.max_people = 1;
	gate_directory_set(b.d, &options);
	gate_directory_state(b.d, &st);
	assert_int_equal(st.n_people, 1);
	assert_get(&b, 2, GATE_WELCOME, true);
	options.max_people = 4;
	tear_down(&b);
}

static void
test_database_away(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	b.fake.is_away = true;
	pass(&b, 10 * POLL);
	assert_get(&b, 1, GATE_WELCOME, true);
	assert_get(&b, 2, GATE_AWAY, false);
	assert_get(&b, 99, GATE_AWAY, false);
	gate_directory_state(b.d, &st);
	assert_true(st.is_away);
	assert_true(st.away_for >= 10 * POLL);
	pass(&b, STALE - 11 * POLL);
	assert_get(&b, 1, GATE_WELCOME, true);
	pass(&b, 2 * POLL);
	assert_get(&b, 1, GATE_AWAY, false); /* too long */
	b.fake.is_away = false;
	pass(&b, POLL);
	assert_get(&b, 1, GATE_WELCOME, true); /* it has been there */
	assert_get(&b, 2, GATE_WELCOME, false);
	gate_directory_state(b.d, &st);
	assert_false(st.is_away);
	assert_int_equal(st.away_for, 0);
	tear_down(&b);
}

/* Who is known on the host, while the database is away. */
static void
test_known_on_the_host(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	b.fake.is_away = true;
	b.fake.known_at = clock_wall() - STALE / 2;
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, false); /* it is not kept */
	assert_get(&b, 99, GATE_AWAY, false); /* may be new */
	gate_directory_state(b.d, &st);
	assert_true(st.is_away);
	b.fake.known_at = clock_wall() - STALE - 1;
	assert_get(&b, 1, GATE_AWAY, false);
	b.fake.is_away = false;
	pass(&b, POLL);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, true);
	tear_down(&b);
}

/* A fault of one row is not the database's, and not a "no" either. */
static void
test_one_row_that_cannot_be_read(void **state)
{
	struct gate_directory_state st;
	struct bed b;

	(void)state;
	set_up(&b);
	b.fake.is_broken = true;
	assert_get(&b, 1, GATE_AWAY, false);
	gate_directory_state(b.d, &st);
	assert_false(st.is_away);
	b.fake.is_broken = false;
	assert_get(&b, 1, GATE_WELCOME, false);
	tear_down(&b);
}

/* The same key asked for many times at once is one look-up. */
static void
test_batches(void **state)
{
	static struct asker a[300];
	struct bed b;

	(void)state;
	set_up(&b);
	for (unsigned i = 0; i < COUNT(a); i++)
		ask(&b, &a[i], 1, (unsigned char)(i % 100));
	loop_turn(b.loop);
	for (unsigned i = 0; i < COUNT(a); i++) {
		assert_int_equal(a[i].told, 1);
		assert_int_equal(a[i].refusal, GATE_WELCOME);
	}
	assert_int_equal(b.fake.looks, 100);
	assert_int_equal(b.fake.widest, GATE_BATCH_MAX);
	tear_down(&b);
}

static void
test_cancel(void **state)
{
	struct asker a, c, e;
	struct bed b;

	(void)state;
	set_up(&b);
	ask(&b, &a, 1, 0);
	ask(&b, &c, 2, 0);
	ask(&b, &e, 3, 0);
	gate_directory_cancel(b.d, &c.look);
	gate_directory_cancel(b.d, &c.look);
	a.victim = &e; /* whose answer is there, but not told yet */
	loop_turn(b.loop);
	assert_int_equal(a.told, 1);
	assert_int_equal(c.told, 0);
	assert_int_equal(e.told, 0);
	ask(&b, &a, 4, 0);
	gate_directory_cancel(b.d, &a.look);
	tear_down(&b); /* with a job under way */
	assert_int_equal(a.told, 0);
}

static void
test_not_more_than_so_many_wait(void **state)
{
	struct asker *a = calloc(GATE_LOOKS_MAX + 1, sizeof(*a));
	struct bed b;

	(void)state;
	assert_non_null(a);
	set_up(&b);
	for (uint32_t i = 0; i < GATE_LOOKS_MAX; i++)
		ask(&b, &a[i], 1, (unsigned char)i);
	a[GATE_LOOKS_MAX].look.want = want(1, 1);
	assert_false(gate_directory_look(
	    b.d, &a[GATE_LOOKS_MAX].look, on_told, &a[GATE_LOOKS_MAX]));
	loop_turn(b.loop);
	for (uint32_t i = 0; i < GATE_LOOKS_MAX; i++)
		assert_int_equal(a[i].told, 1);
	assert_int_equal(a[GATE_LOOKS_MAX].told, 0);
	tear_down(&b);
	free(a);
}

/* Another pepper: what was known and what is being asked is of the past. */
static void
test_pepper(void **state)
{
	struct gate_directory_options o = options;
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_want w, w2;
	struct asker a;
	struct bed b;

	(void)state;
	assert_non_null(mkdtemp(folder));
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	assert_false(gate_directory_want_key(b.d, STR(KEY), &w));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	pass(&b, POLL);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w));
	assert_int_equal(w.sort, GATE_WANT_KEY);
	assert_string_equal(w.public_part, "AAAAAAAA");
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	gate_directory_set(b.d, &o); /* the same pepper */
	assert_get(&b, 1, GATE_WELCOME, true);
	ask(&b, &a, 2, 0);
	put_pepper(folder, "fedcba9876543210fedcba9876543210");
	gate_directory_set(b.d, &o);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w2));
	assert_memory_not_equal(w.id, w2.id, sizeof(w.id));
	loop_turn(b.loop);
	assert_int_equal(a.told, 1);
	assert_get(&b, 2, GATE_WELCOME, false);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 99, GATE_UNKNOWN, false);
	/* a file that went leaves the pepper that is known */
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	gate_directory_set(b.d, &o);
	assert_get(&b, 1, GATE_WELCOME, true);
	tear_down(&b);
	rmdir(folder);
}

/* Another file is seen with the next poll; older ones go with each want. */
static void
test_older_peppers(void **state)
{
	struct gate_directory_options o = options;
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_pepper now = { 0 };
	struct gate_want w, w2;
	struct bed b;

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w));
	assert_int_equal(w.n_older, 0);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_int_equal(gate_pepper_add(str_z(folder), &now), ERR_OK);
	gate_pepper_fini(&now);
	assert_get(&b, 1, GATE_WELCOME, true);
	pass(&b, POLL);
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w2));
	assert_int_equal(w2.n_older, 1);
	assert_memory_equal(w2.older[0], w.id, sizeof(w.id));
	assert_memory_not_equal(w2.id, w.id, sizeof(w.id));
	assert_get(&b, 1, GATE_WELCOME, false);
	pass(&b, POLL); /* the same file: nothing is forgotten */
	assert_get(&b, 1, GATE_WELCOME, true);
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	pass(&b, POLL);
	assert_get(&b, 1, GATE_WELCOME, true);
	tear_down(&b);
	rmdir(folder);
}

/* What has not the form of a key costs no look at all. */
static void
test_form_of_keys(void **state)
{
	static const char *const bad[] = { "", "sk-proj-abc",
		"llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"llmgw_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"llmgw_AAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"LLMGW_AAAAAAAA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char folder[] = "/tmp/llmgw-directory-XXXXXX", path[128];
	struct gate_directory_options o = options;
	struct gate_want w;
	struct bed b;

	(void)state;
	assert_non_null(mkdtemp(folder));
	put_pepper(folder, "0123456789abcdef0123456789abcdef");
	o.state_dir = str_z(folder);
	set_up(&b);
	gate_directory_set(b.d, &o);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(gate_directory_want_key(b.d, str_z(bad[i]), &w));
	assert_true(gate_directory_want_key(b.d, STR(KEY), &w));
	tear_down(&b);
	snprintf(path, sizeof(path), "%s/pepper", folder);
	unlink(path);
	rmdir(folder);
}

static void
test_names(void **state)
{
	static char name[GATE_NAME_SIZE];
	struct gate_want a, b;

	(void)state;
	assert_true(gate_want_user(STR("acme"), STR("kim"), &a));
	assert_int_equal(a.sort, GATE_WANT_USER);
	assert_string_equal(a.tenant, "acme");
	assert_string_equal(a.user, "kim");
	assert_true(gate_want_user(STR("acmek"), STR("im"), &b));
	assert_memory_not_equal(a.id, b.id, sizeof(a.id));
	memset(name, 'x', sizeof(name));
	assert_false(gate_want_user(STR("acme"), STR(""), &b));
	assert_false(gate_want_user(STR(""), STR("kim"), &b));
	assert_false(gate_want_user(STR("acme"), STR("ki\0m"), &b));
	assert_false(
	    gate_want_user(STR("acme"), str_of(name, sizeof(name)), &b));
	assert_true(
	    gate_want_user(STR("acme"), str_of(name, sizeof(name) - 1), &b));
}

static int n_away, n_back;

static void
on_away(void *arg, bool is_away)
{
	(void)arg;
	n_away += is_away;
	n_back += !is_away;
}

static void
test_tells_of_being_away(void **state)
{
	struct gate_directory_options o = options;
	struct bed b;

	(void)state;
	n_away = n_back = 0;
	o.on_away = on_away;
	set_up(&b);
	gate_directory_set(b.d, &o);
	b.fake.is_away = true;
	pass(&b, 3 * POLL);
	assert_int_equal(n_away, 1);
	assert_int_equal(n_back, 0);
	b.fake.is_away = false;
	pass(&b, 3 * POLL);
	assert_int_equal(n_away, 1);
	assert_int_equal(n_back, 1);
	tear_down(&b);
}

/* A loop that stands still between requests. */
static void
test_refresh(void **state)
{
	struct bed b;
	usec_t later;
	int runs;

	(void)state;
	set_up(&b);
	assert_get(&b, 1, GATE_WELCOME, false);
	runs = b.fake.runs;
	gate_directory_refresh(b.d);
	assert_int_equal(b.fake.runs, runs);
	later = clock_mono() + POLL;
	clock_set(later, later + 1000 * USEC_PER_SEC);
	change(&b, GATE_CHANGE_KEY, 1);
	gate_directory_refresh(b.d);
	assert_int_equal(b.fake.runs, runs + 1);
	assert_get(&b, 1, GATE_WELCOME, false);
	tear_down(&b);
}

/* Nor are those kept who were asked for before, and looked up later. */
static void
test_forget(void **state)
{
	struct asker first, second, third;
	struct bed b;

	(void)state;
	set_up(&b);
	ask(&b, &first, 1, 0);
	ask(&b, &second, 2, 0); /* in the next job */
	gate_directory_forget(b.d);
	loop_turn(b.loop);
	assert_int_equal(first.told + second.told, 2);
	assert_int_equal(second.refusal, GATE_WELCOME);
	assert_get(&b, 1, GATE_WELCOME, false);
	assert_get(&b, 2, GATE_WELCOME, false);
	assert_get(&b, 2, GATE_WELCOME, true);
	ask(&b, &third, 3, 0);
	loop_turn(b.loop);
	gate_directory_forget(b.d);
	assert_get(&b, 3, GATE_WELCOME, false);
	assert_get(&b, 3, GATE_WELCOME, true);
	tear_down(&b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_miss_and_then_hits),
		cmocka_unit_test(test_a_hit_costs_nothing),
		cmocka_unit_test(test_nobody_is_remembered_for_a_while),
		cmocka_unit_test(test_revoked_within_a_poll),
		cmocka_unit_test(test_changes_concern_who_belongs_to_it),
		cmocka_unit_test(test_many_changes),
		cmocka_unit_test(test_least_recently_seen_goes),
		cmocka_unit_test(test_database_away),
		cmocka_unit_test(test_known_on_the_host),
		cmocka_unit_test(test_one_row_that_cannot_be_read),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_not_more_than_so_many_wait),
		cmocka_unit_test(test_pepper),
		cmocka_unit_test(test_older_peppers),
		cmocka_unit_test(test_form_of_keys),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_tells_of_being_away),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
