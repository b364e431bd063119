#include "sys/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "sys/zone_int.h"

#define SEC USEC_PER_SEC
#define HOUR 3600

static const struct zone *
zone(const char *name)
{
	const struct zone *z = NULL;

	assert_int_equal(zone_find(str_z(name), &z), ERR_OK);
	assert_non_null(z);
	return z;
}

static void
test_names(void **state)
{
	static const char *const good[] = { "UTC", "Europe/Berlin",
		"Etc/GMT+12", "America/Argentina/Buenos_Aires",
		"America/Port-au-Prince" };
	static const char *const bad[] = { "", "/etc/passwd", "../x", "a b",
		"Europe/", "Europe/Ber.lin", "x\n",
		"a234567890123456789012345678901234567890"
		"1234567890123456789012345" };
	const struct zone *z = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(zone_name_valid(str_z(good[i])));
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(zone_name_valid(str_z(bad[i])));
		assert_int_equal(zone_find(str_z(bad[i]), &z), ERR_SYNTAX);
	}
	assert_int_equal(zone_find(STR("Europe/Nowhere"), &z), ERR_NOT_FOUND);
	assert_int_equal(zone_find(STR("Europe"), &z), ERR_NOT_FOUND);
	/* a file of that folder that is no zone */
	assert_int_equal(zone_find(STR("tzdata"), &z), ERR_NOT_FOUND);
	assert_null(z);
	assert_ptr_equal(zone("UTC"), zone_utc());
	assert_ptr_equal(zone("Europe/Berlin"), zone("Europe/Berlin"));
}

static void
test_period_words(void **state)
{
	enum zone_period p = ZONE_PERIOD__MAX;

	(void)state;
	for (int i = 0; i < ZONE_PERIOD__MAX; i++) {
		assert_int_equal(
		    zone_period_parse(str_z(zone_period_words[i]), &p), ERR_OK);
		assert_int_equal(p, i);
	}
	assert_int_equal(zone_period_parse(STR("year"), &p), ERR_RANGE);
	assert_int_equal(zone_period_parse(STR(""), &p), ERR_RANGE);
}

static void
test_civil(void **state)
{
	struct zone_civil c;

	(void)state;
	/* 2026-11-21T17:12:14Z, a Saturday */
	zone_civil(zone("Asia/Kathmandu"), 1795281134 * SEC + 5, &c);
	assert_int_equal(c.year, 2026);
	assert_int_equal(c.month, 11);
	assert_int_equal(c.day, 21);
	assert_int_equal(c.hour, 22);
	assert_int_equal(c.minute, 57);
	assert_int_equal(c.second, 14);
	assert_int_equal(c.weekday, 5);
	assert_int_equal(c.offset, 5 * HOUR + 45 * 60);
	/* before 1970, and before the zone's first change */
	zone_civil(zone_utc(), -1, &c);
	assert_int_equal(c.year, 1969);
	assert_int_equal(c.month, 12);
	assert_int_equal(c.day, 31);
	assert_int_equal(c.second, 59);
	assert_int_equal(c.weekday, 2);
	assert_int_equal(
	    zone_offset(zone("Europe/Berlin"), -4000000000 * SEC), 3208);
}

/* Germany's clocks, in the table of a fat file and by its rule. */
static void
test_known_changes(void **state)
{
	const struct zone *z = zone("Europe/Berlin");
	struct zone_span day;

	(void)state;
	/* 2026-03-29T01:00Z */
	assert_int_equal(zone_offset(z, 1774746000 * SEC - 1), HOUR);
	assert_int_equal(zone_offset(z, 1774746000 * SEC), 2 * HOUR);
	day = zone_span_of(z, ZONE_DAY, 1774746000 * SEC);
	assert_int_equal(day.end - day.start, 23 * HOUR * SEC);
	/* 2026-10-25T01:00Z */
	assert_int_equal(zone_offset(z, 1792890000 * SEC - 1), 2 * HOUR);
	assert_int_equal(zone_offset(z, 1792890000 * SEC), HOUR);
	day = zone_span_of(z, ZONE_DAY, 1792890000 * SEC);
	assert_int_equal(day.end - day.start, 25 * HOUR * SEC);
	/* 2080-03-31T01:00Z and 2080-10-27T01:00Z */
	assert_int_equal(zone_offset(z, 3479072400 * SEC - 1), HOUR);
	assert_int_equal(zone_offset(z, 3479072400 * SEC), 2 * HOUR);
	assert_int_equal(zone_offset(z, 3497216400 * SEC - 1), 2 * HOUR);
	assert_int_equal(zone_offset(z, 3497216400 * SEC), HOUR);
}

/* The 30th of December 2011 did not take place in Samoa. */
static void
test_day_that_never_was(void **state)
{
	const struct zone *z = zone("Pacific/Apia");
	usec_t change = 1325239200 * SEC; /* 2011-12-30T10:00Z */
	struct zone_span before = zone_span_of(z, ZONE_DAY, change - 1);
	struct zone_span after = zone_span_of(z, ZONE_DAY, change);

	(void)state;
	assert_int_equal(before.end, change);
	assert_int_equal(after.start, change);
	assert_int_equal(after.end - after.start, 24 * HOUR * SEC);
}

/* ---- against Python's zoneinfo ------------------------------------------ */

static FILE *
oracle(pid_t *pid)
{
	int fd[2];
	FILE *f;

	assert_int_equal(pipe(fd), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		execlp("python3", "python3",
		    TOP_SRCDIR "/tests/unit/zone_oracle.py", (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	f = fdopen(fd[0], "r");
	assert_non_null(f);
	return f;
}

static void
test_same_as_python(void **state)
{
	char name[80];
	long long wall, offset, start[4], end[4];
	int status = -1, n = 0;
	pid_t pid;
	FILE *f = oracle(&pid);

	(void)state;
	while (
	    fscanf(f, "%79s %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld",
		name, &wall, &offset, &start[0], &end[0], &start[1], &end[1],
		&start[2], &end[2], &start[3], &end[3]) == 11) {
		const struct zone *z = zone(name);

		n++;
		if (zone_offset(z, wall * SEC) != offset)
			fail_msg("%s %lld: offset %d, not %lld", name, wall,
			    zone_offset(z, wall * SEC), offset);
		for (int p = 0; p < ZONE_PERIOD__MAX; p++) {
			struct zone_span s = zone_span_of(
			    z, (enum zone_period)p, wall * SEC + SEC - 1);

			if (s.start != start[p] * SEC || s.end != end[p] * SEC)
				fail_msg("%s %lld: %s %lld..%lld, not "
					 "%lld..%lld",
				    name, wall, zone_period_words[p],
				    (long long)(s.start / SEC),
				    (long long)(s.end / SEC), start[p], end[p]);
		}
	}
	assert_true(feof(f));
	fclose(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(n > 5000);
	print_message("%d moments agree with Python's zoneinfo\n", n);
}

/* ---- rules and files ----------------------------------------------------- */

static void
test_rules(void **state)
{
	static const char *const good[] = { "UTC0",
		"CET-1CEST,M3.5.0,M10.5.0/3", "<-03>3", "<+0330>-3:30",
		"EST5EDT4,0/0,J365/25", "IST-1GMT0,M10.5.0,M3.5.0/1",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
		"AAA0BBB,J60/-167,J300/167:59:59" };
	static const char *const bad[] = { "", "UT", "UTC", "UTC25", "<>3",
		"<-03", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.1.0,J1",
		"CET-1CEST,M3.6.0,J1", "CET-1CEST,M3.5.7,J1", "CET-1CEST,J0,J1",
		"CET-1CEST,366,J1", "UTC0 ", "UTC0:60", "CET-1CEST,J1/168,J2",
		"CET-1CEST,J1,J2,J3" };
	struct zone_rule r;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (zone_rule_parse(str_z(good[i]), &r) != ERR_OK)
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (zone_rule_parse(str_z(bad[i]), &r) == ERR_OK)
			fail_msg("accepted: %s", bad[i]);
}

/* Every way to write a date, through a file of nothing but its rule. */
static void
rule_zone(const char *rule, struct zone **out)
{
	static const char head[44] = "TZif2";
	char file[256] = { 0 };
	size_t n = sizeof(head);

	memcpy(file, head, sizeof(head));
	memcpy(file + n, head, sizeof(head));
	file[n + 39] = 1; /* one type, UTC */
	n += sizeof(head) + 6;
	n += (size_t)snprintf(file + n, sizeof(file) - n, "\n%s\n", rule);
	assert_int_equal(zone_parse(str_of(file, n), out), ERR_OK);
}

static void
test_dates_of_rules(void **state)
{
	struct zone *z;

	(void)state;
	/* 2024 is a leap year: J60 is the 1st of March, 59 the 29th */
	rule_zone("AAA0BBB,J60/0,J300/0", &z);
	assert_int_equal(zone_offset(z, 1709251200 * SEC - 1), 0);
	assert_int_equal(zone_offset(z, 1709251200 * SEC), HOUR);
	zone_free(z);
	rule_zone("AAA0BBB,59/0,J300/0", &z);
	assert_int_equal(zone_offset(z, 1709164800 * SEC - 1), 0);
	assert_int_equal(zone_offset(z, 1709164800 * SEC), HOUR);
	zone_free(z);
	/* always ahead: RFC 8536's own example */
	rule_zone("XXX3EDT4,0/0,J365/23", &z);
	for (int64_t day = 0; day < 800; day++)
		assert_int_equal(
		    zone_offset(z, (1704067200 + day * 86400 + 8000) * SEC),
		    -4 * HOUR);
	zone_free(z);
}

static void
test_broken_files(void **state)
{
	static char file[65536 + 2];
	struct zone *z = NULL;
	FILE *f = fopen(ZONE_DIR "/Europe/Berlin", "r");
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(file, 1, sizeof(file), f);
	fclose(f);
	assert_int_equal(zone_parse(str_of(file, n), &z), ERR_OK);
	zone_free(z);
	z = NULL;
	for (size_t cut = 0; cut < n; cut++)
		assert_true(zone_parse(str_of(file, cut), &z) != ERR_OK);
	file[4] = '\0'; /* version 1 */
	assert_int_equal(zone_parse(str_of(file, n), &z), ERR_UNSUPPORTED);
	assert_int_equal(
	    zone_parse(str_of(file, ZONE_FILE_MAX + 1), &z), ERR_SYNTAX);
	assert_null(z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_period_words),
		cmocka_unit_test(test_civil),
		cmocka_unit_test(test_known_changes),
		cmocka_unit_test(test_day_that_never_was),
		cmocka_unit_test(test_same_as_python),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_dates_of_rules),
		cmocka_unit_test(test_broken_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
