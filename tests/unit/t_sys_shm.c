#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/shm.h"

static char dir[64];
static char path[96];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/llmgw-shm.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/shm", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static struct shm *
open_it(const char *p, uint32_t slots)
{
	struct shm *s = NULL;

	assert_int_equal(shm_open_file(p, slots, &s), ERR_OK);
	assert_non_null(s);
	return s;
}

/* When the file was made, whoever opens it. */
static void
test_since(void **state)
{
	usec_t before = clock_wall(), since;
	struct shm *s = open_it(path, 64), *t;

	(void)state;
	since = shm_since(s);
	assert_true(since >= before && since <= clock_wall());
	shm_close(s);
	t = open_it(path, 64);
	assert_int_equal(shm_since(t), since);
	shm_close(t);
	t = open_it(path, 128);
	assert_true(shm_since(t) > since);
	/* counts were lost, as several workers tell */
	since = shm_since(t) + 2 * SHM_LOST_REST;
	shm_lost(t, since);
	assert_int_equal(shm_since(t), since);
	shm_lost(t, since + SHM_LOST_REST - 1);
	assert_int_equal(shm_since(t), since);
	shm_lost(t, since + SHM_LOST_REST);
	assert_int_equal(shm_since(t), since + SHM_LOST_REST);
	shm_lost(t, since); /* the clock was set back */
	assert_int_equal(shm_since(t), since);
	shm_close(t);
}

static void
test_slots(void **state)
{
	struct shm *s = open_it(NULL, 64);
	struct shm_slot *a = shm_slot(s, 17), *b = shm_slot(s, UINT64_MAX);
	uint32_t pos = 0, n = 0;
	struct shm_slot *w;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(shm_slot(s, 17), a);
	assert_int_equal(shm_used(s), 2);
	atomic_store(&a->cell[SHM_CELLS - 1], -5);
	assert_int_equal(atomic_load(&b->cell[SHM_CELLS - 1]), 0);
	while ((w = shm_next(s, &pos))) {
		assert_true(w == a || w == b);
		n++;
	}
	assert_int_equal(n, 2);
	shm_close(s);
}

/* Full: NULL and counted for new ones; those that are there are found. */
static void
test_full(void **state)
{
	struct shm *s = open_it(NULL, 64);
	uint64_t id = 1;

	(void)state;
	while (shm_slot(s, id))
		id++;
	assert_int_equal(id - 1, 56);
	assert_int_equal(shm_used(s), 56);
	assert_int_equal(shm_refused(s), 1);
	for (uint64_t i = 1; i < id; i++)
		assert_int_equal(atomic_load(&shm_slot(s, i)->identity), i);
	assert_null(shm_slot(s, UINT64_C(1) << 40));
	assert_int_equal(shm_refused(s), 2);
	shm_close(s);
}

static void
test_file(void **state)
{
	struct shm *s = open_it(path, 128), *t;
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	atomic_store(&shm_slot(s, 5)->cell[0], 42);
	atomic_fetch_add(shm_counter(s, SHM_COUNTERS - 1), 7);
	/* another process of the host */
	t = open_it(path, 128);
	assert_int_equal(atomic_load(&shm_slot(t, 5)->cell[0]), 42);
	assert_int_equal(atomic_load(shm_counter(t, SHM_COUNTERS - 1)), 7);
	shm_close(t);
	shm_close(s);
	/* a later one: the file stays */
	s = open_it(path, 128);
	assert_int_equal(shm_used(s), 1);
	assert_int_equal(atomic_load(&shm_slot(s, 5)->cell[0]), 42);
	shm_close(s);
}

/* Who is not to decide on the size takes what is there, and its successor. */
static void
test_any_size(void **state)
{
	struct shm *s, *t;
	int fd;

	(void)state;
	assert_int_equal(shm_open_any(path, 64, &s), ERR_OK);
	t = open_it(path, 64);
	atomic_store(&shm_slot(t, 5)->cell[0], 42);
	assert_true(shm_is_at(s, path));
	shm_close(t);
	t = open_it(path, 1024);
	assert_false(shm_is_at(s, path));
	assert_true(shm_is_at(t, path));
	shm_close(s);
	assert_int_equal(shm_open_any(path, 64, &s), ERR_OK);
	assert_true(shm_is_at(s, path));
	assert_int_equal(shm_tallies_size(s), 1024 * SHM_TALLIES_PER_SLOT);
	/* the counters lie behind slots of that many */
	shm_tally(t, 9)->cell[0] = 43;
	assert_int_equal(shm_tally(s, 9)->cell[0], 43);
	shm_close(s);
	shm_close(t);
	/* what is none of ours is replaced by one of the size asked for */
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "garbage!", 8, 0), 8);
	close(fd);
	assert_int_equal(shm_open_any(path, 64, &s), ERR_OK);
	assert_int_equal(shm_tallies_size(s), 64 * SHM_TALLIES_PER_SLOT);
	shm_close(s);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(shm_open_any(path, 64, &s), ERR_OK);
	assert_true(shm_is_at(s, path));
	shm_close(s);
}

/* Another size, or bytes that are not ours: a new file takes its place. */
static void
test_replaced(void **state)
{
	struct shm *s = open_it(path, 128), *t;
	int fd;

	(void)state;
	atomic_store(&shm_slot(s, 5)->cell[0], 42);
	t = open_it(path, 1024);
	assert_int_equal(shm_used(t), 0);
	/* who had the old one goes on with it */
	assert_int_equal(atomic_load(&shm_slot(s, 5)->cell[0]), 42);
	shm_close(s);
	shm_close(t);

	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "garbage!", 8, 0), 8);
	close(fd);
	s = open_it(path, 1024);
	assert_non_null(shm_slot(s, 1));
	shm_close(s);
}

static void
test_bad_path(void **state)
{
	struct shm *s = NULL;

	(void)state;
	assert_int_equal(shm_open_file("/nonexistent/dir/shm", 64, &s), ERR_IO);
	assert_null(s);
	/* a symbolic link is not followed */
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(shm_open_file(path, 64, &s), ERR_IO);
}

/* Eight processes claim the same thousand identities and count in each. */
static void
test_processes(void **state)
{
	enum {
		PROCS = 8,
		IDS = 1000,
		ROUNDS = 20
	};
	struct shm *s = open_it(NULL, 2048);
	int status;

	(void)state;
	for (int p = 0; p < PROCS; p++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid != 0)
			continue;
		for (int r = 0; r < ROUNDS; r++)
			for (uint64_t id = 1; id <= IDS; id++)
				atomic_fetch_add(&shm_slot(s, id)->cell[3], 1);
		_exit(0);
	}
	for (int p = 0; p < PROCS; p++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(shm_used(s), IDS);
	for (uint64_t id = 1; id <= IDS; id++)
		assert_int_equal(
		    atomic_load(&shm_slot(s, id)->cell[3]), PROCS * ROUNDS);
	shm_close(s);
}

/* A child takes a number, tells it, and dies or gives it back. */
static unsigned
child_takes(struct shm *s, bool gives_back, pid_t *out)
{
	int fd[2], status;
	unsigned n = UINT_MAX;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (shm_worker_take(s) == ERR_OK)
			n = shm_worker(s);
		(void)(write(fd[1], &n, sizeof(n)) == sizeof(n));
		if (gives_back)
			shm_worker_give_back(s);
		_exit(0);
	}
	assert_int_equal(read(fd[0], &n, sizeof(n)), sizeof(n));
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*out = pid;
	return n;
}

static void
test_worker_numbers(void **state)
{
	struct shm *s = open_it(NULL, 64);
	pid_t pid;

	(void)state;
	assert_int_equal(shm_worker(s), 0);
	assert_int_equal(shm_worker_take(s), ERR_OK);
	assert_int_equal(shm_worker(s), 0);
	assert_int_equal(shm_worker_pid(s, 0), getpid());
	assert_int_equal(child_takes(s, true, &pid), 1);
	assert_int_equal(shm_worker_pid(s, 1), 0);
	/* a dead one's number is free, before and after the parent says so */
	assert_int_equal(child_takes(s, false, &pid), 1);
	assert_int_equal(shm_worker_pid(s, 1), 0);
	assert_int_equal(child_takes(s, false, &pid), 1);
	shm_worker_died(s, pid);
	assert_int_equal(shm_worker_pid(s, 1), 0);
	shm_worker_give_back(s);
	assert_int_equal(shm_worker_pid(s, 0), 0);
	assert_int_equal(child_takes(s, false, &pid), 0);
	shm_close(s);
}

/* Takes a number and lives until the other end of the pipe is closed. */
static pid_t
child_holds(struct shm *s, int *end)
{
	int told[2], hold[2];
	unsigned n = UINT_MAX;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(hold), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(hold[1]);
		if (shm_worker_take(s) == ERR_OK)
			n = shm_worker(s);
		(void)(write(told[1], &n, sizeof(n)) == sizeof(n));
		(void)(read(hold[0], &n, sizeof(n)) == sizeof(n));
		_exit(0);
	}
	assert_int_equal(read(told[0], &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 0);
	close(told[0]);
	close(told[1]);
	close(hold[0]);
	*end = hold[1];
	return pid;
}

/* Writes another boot's id over the present one's. */
static void
change_boot(void)
{
	char id[37] = "", head[4096];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
	char *at;

	assert_true(fd >= 0);
	assert_int_equal(read(fd, id, 36), 36);
	close(fd);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
	at = memmem(head, sizeof(head), id, 36);
	assert_non_null(at);
	*at = *at == 'f' ? '0' : 'f';
	assert_int_equal(pwrite(fd, at, 1, at - head), 1);
	close(fd);
}

/*
 * A file that is older than the boot names processes that are gone, whoever has
 * their pids now: what they held is held no more, what was counted stays.
 */
static void
test_boot(void **state)
{
	struct shm *s = open_it(path, 64), *again;
	struct shm_slot *slot;
	int end, status;
	pid_t pid;

	(void)state;
	pid = child_holds(s, &end);
	slot = shm_slot(s, 7);
	assert_non_null(slot);
	atomic_store(&slot->cell[SHM_CELL_WORKER], 5);
	atomic_store(shm_counter(s, 3), 11);
	again = open_it(path, 64);
	assert_int_equal(shm_worker_pid(again, 0), pid);
	shm_close(again);

	change_boot();
	again = open_it(path, 64);
	assert_int_equal(shm_worker_pid(again, 0), 0);
	slot = shm_slot(again, 7);
	assert_non_null(slot);
	shm_slot_reclaim(again, slot, 1);
	assert_int_equal(atomic_load(&slot->cell[SHM_CELL_WORKER]), 0);
	assert_int_equal(atomic_load(shm_counter(again, 3)), 11);
	shm_close(again);
	/* the second to come leaves alone who came first */
	assert_int_equal(shm_worker_take(s), ERR_OK);
	again = open_it(path, 64);
	assert_int_equal(shm_worker_pid(again, 0), getpid());
	shm_close(again);
	shm_close(s);
	close(end);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
test_find(void **state)
{
	struct shm *s = open_it(NULL, 16);
	struct shm_slot *slot;

	(void)state;
	assert_null(shm_find(s, 7));
	assert_int_equal(shm_used(s), 0);
	slot = shm_slot(s, 7);
	assert_ptr_equal(shm_find(s, 7), slot);
	for (uint64_t id = 8; shm_slot(s, id); id++)
		;
	assert_ptr_equal(shm_find(s, 7), slot);
	assert_null(shm_find(s, 1000));
	shm_close(s);
}

/* A program that only looks sees what is there, and makes nothing. */
static void
test_looking(void **state)
{
	struct shm *s, *look = NULL;
	struct shm_slot *slot;
	int fd;

	(void)state;
	assert_int_equal(shm_open_there(path, &look), ERR_NOT_FOUND);
	assert_int_not_equal(access(path, F_OK), 0);
	s = open_it(path, 128);
	slot = shm_slot(s, 7);
	slot->cell[3] = 42;
	shm_tally(s, 9)->cell[1] = 43;
	assert_int_equal(shm_open_there(path, &look), ERR_OK);
	assert_int_equal(shm_find(look, 7)->cell[3], 42);
	assert_int_equal(shm_tally_find(look, 9)->cell[1], 43);
	assert_null(shm_find(look, 8));
	assert_null(shm_tally_find(look, 8));
	slot->cell[3] = 44;
	assert_int_equal(shm_find(look, 7)->cell[3], 44);
	shm_close(look);
	shm_close(s);
	fd = open(path, O_WRONLY);
	assert_int_equal(ftruncate(fd, 30000), 0);
	close(fd);
	assert_int_equal(shm_open_there(path, &look), ERR_NOT_FOUND);
}

/* The table of small slots: found again, full at last, apart from slots. */
static void
test_tallies(void **state)
{
	struct shm *s = open_it(NULL, 16);
	struct shm_tally *a = shm_tally(s, 17);
	uint32_t n = 1;

	(void)state;
	assert_non_null(a);
	assert_ptr_equal(shm_tally(s, 17), a);
	assert_ptr_equal(shm_tally_find(s, 17), a);
	assert_null(shm_tally_find(s, 18));
	assert_int_equal(shm_tallies_used(s), 1);
	assert_int_equal(shm_used(s), 0);
	a->cell[SHM_TALLY_CELLS - 1] = 42;
	assert_non_null(shm_slot(s, 17));
	for (uint64_t id = 100; shm_tally(s, id); id++)
		n++;
	assert_int_equal(n, 16 * SHM_TALLIES_PER_SLOT * 7 / 8);
	assert_int_equal(shm_tallies_used(s), n);
	assert_true(shm_refused(s) > 0);
	assert_int_equal(shm_tally(s, 17)->cell[SHM_TALLY_CELLS - 1], 42);
	assert_non_null(shm_slot(s, 18));
	shm_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_since, make_dir, remove_dir),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_tallies),
		cmocka_unit_test_setup_teardown(
		    test_looking, make_dir, remove_dir),
		cmocka_unit_test(test_full),
		cmocka_unit_test_setup_teardown(
		    test_file, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_any_size, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_replaced, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
		    test_bad_path, make_dir, remove_dir),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_worker_numbers),
		cmocka_unit_test_setup_teardown(
		    test_boot, make_dir, remove_dir),
	};

	return cmocka_run_group_tests_name("sys/shm", tests, NULL, NULL);
}
