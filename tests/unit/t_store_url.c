#include "store/url.h"

#include "check.h"

static char why[STORE_WHY_SIZE];

static void
test_sqlite(void **state)
{
	struct store_url u;

	(void)state;
	assert_int_equal(
	    store_url_parse(&u, STR("sqlite:///var/lib/a%20b.db"), why),
	    ERR_OK);
	assert_string_equal(u.path, "/var/lib/a b.db");
	assert_null(u.user);
	store_url_fini(&u);
}

static void
test_mariadb(void **state)
{
	struct store_url u;

	(void)state;
	assert_int_equal(
	    store_url_parse(&u,
		STR("mariadb://ll%40gw@db.example:3307/gate?socket=/run/a.sock"
		    "&password_file=/etc/p&ca_file=/etc/ca.pem"),
		why),
	    ERR_OK);
	assert_null(u.path);
	assert_string_equal(u.user, "ll@gw");
	assert_string_equal(u.host, "db.example");
	assert_int_equal(u.port, 3307);
	assert_string_equal(u.name, "gate");
	assert_string_equal(u.socket, "/run/a.sock");
	assert_string_equal(u.password_file, "/etc/p");
	assert_string_equal(u.ca_file, "/etc/ca.pem");
	assert_int_equal(u.tls, STORE_TLS_VERIFY);
	store_url_fini(&u);
	assert_int_equal(
	    store_url_parse(&u, STR("mariadb://a@[::1]:3306/b"), why), ERR_OK);
	assert_string_equal(u.host, "::1");
	assert_int_equal(u.port, 3306);
	assert_null(u.socket);
	store_url_fini(&u);
	assert_int_equal(
	    store_url_parse(&u, STR("mariadb://a@[::1]/b"), why), ERR_OK);
	assert_int_equal(u.port, 0);
	store_url_fini(&u);
}

static void
test_tls(void **state)
{
	static const struct {
		const char *query;
		enum store_tls tls;
	} rows[] = {
		{ "", STORE_TLS_NONE },
		{ "?socket=/run/s", STORE_TLS_NONE },
		{ "?tls=verify", STORE_TLS_VERIFY },
		{ "?tls=required", STORE_TLS_REQUIRED },
		{ "?tls=verify&ca_file=/ca", STORE_TLS_VERIFY },
		{ "?ca_file=/ca&cert_file=/c&key_file=/k", STORE_TLS_VERIFY },
		{ "?tls=required&cert_file=/c&key_file=/k",
		    STORE_TLS_REQUIRED },
	};
	struct store_url u;
	char url[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		(void)snprintf(
		    url, sizeof(url), "mariadb://u@h/n%s", rows[i].query);
		assert_int_equal(store_url_parse(&u, str_z(url), why), ERR_OK);
		assert_int_equal(u.tls, rows[i].tls);
		if (strstr(rows[i].query, "cert_file")) {
			assert_string_equal(u.cert_file, "/c");
			assert_string_equal(u.key_file, "/k");
		}
		store_url_fini(&u);
	}
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *url;
		const char *why;
	} rows[] = {
		{ "", "must begin with" },
		{ "postgres://a@b/c", "must begin with" },
		{ "sqlite://", "absolute path" },
		{ "sqlite:///", "absolute path" },
		{ "sqlite://a.db", "absolute path" },
		{ "sqlite:///a%zz", "absolute path" },
		{ "mariadb://h/n", "names no user" },
		{ "mariadb://@h/n", "names no user" },
		{ "mariadb://u:secret@h/n", "has a password inside" },
		{ "mariadb://u@/n", "names no host" },
		{ "mariadb://u@h", "names no database" },
		{ "mariadb://u@h/", "names no database" },
		{ "mariadb://u@h:0/n", "no good port" },
		{ "mariadb://u@h:70000/n", "no good port" },
		{ "mariadb://u@[::1]x/n", "no good port" },
		{ "mariadb://u@h/n?socket=a", "absolute paths" },
		{ "mariadb://u@h/n?socket", "absolute paths" },
		{ "mariadb://u@h/n?password=x", "may have" },
		{ "mariadb://u@h/n?tls=off", "not verify or required" },
		{ "mariadb://u@h/n?tls", "not verify or required" },
		{ "mariadb://u@h/n?tls=required&ca_file=/c", "tls=verify" },
		{ "mariadb://u@h/n?ca_file=/c&cert_file=/c", "has one of" },
		{ "mariadb://u@h/n?cert_file=/c&key_file=/k", "without" },
	};
	struct store_url u;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		why[0] = '\0';
		assert_int_equal(
		    store_url_parse(&u, str_z(rows[i].url), why), ERR_SYNTAX);
		store_url_fini(&u);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].url, why);
		assert_null(strstr(why, "secret"));
	}
}

static void
test_too_long(void **state)
{
	static char text[9000];
	struct store_url u;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "sqlite:///", 10);
	assert_int_equal(
	    store_url_parse(&u, str_of(text, sizeof(text)), why), ERR_LIMIT);
	store_url_fini(&u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sqlite),
		cmocka_unit_test(test_mariadb),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
