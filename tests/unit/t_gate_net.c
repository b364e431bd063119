#include "gate/net.h"

#include "check.h"

static void
test_valid(void **state)
{
	static const char *const good[] = { "127.0.0.1", "127.0.0.0/8",
		"0.0.0.0/0", "10.1.2.3/32", "::1", "::/0", "2001:db8::/32",
		"fe80::1/128", "::ffff:10.0.0.0/104" };
	static const char *const bad[] = { "", "/", "/8", "127.0.0.1/",
		"127.0.0.1/33", "127.0.0.1/-1", "127.0.0.1/8/8", "127.0.0.1/8 ",
		" 127.0.0.1", "127.0.0", "127.0.0.256", "127.0.0.1/0x8",
		"::/129", ":::", "localhost", "[::1]", "fe80::1%eth0",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!gate_net_valid(str_z(good[i])))
			fail_msg("%s is refused", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (gate_net_valid(str_z(bad[i])))
			fail_msg("%s is taken", bad[i]);
	assert_false(gate_net_valid((struct str){ 0 }));
	assert_false(gate_net_valid(STR("::1\0")));
	assert_false(gate_net_valid(STR("127.0.0.1\0.evil")));
}

static void
test_allowed(void **state)
{
	static const struct {
		const char *net, *address;
		bool allowed;
	} rows[] = {
		{ "127.0.0.0/8", "127.255.255.255", true },
		{ "127.0.0.0/8", "128.0.0.0", false },
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "127.0.0.2", false },
		{ "10.32.0.0/11", "10.63.255.255", true },
		{ "10.32.0.0/11", "10.64.0.0", false },
		{ "10.32.0.0/11", "10.31.255.255", false },
		{ "192.168.1.7/32", "192.168.1.7", true },
		{ "192.168.1.7/32", "192.168.1.6", false },
		/* what lies beyond the mask does not matter */
		{ "10.1.2.3/8", "10.9.9.9", true },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1", "::1", true },
		{ "::1", "0:0:0:0:0:0:0:1", true },
		{ "::1", "127.0.0.1", false },
		/* a web server with a dual-stack socket writes IPv4 so */
		{ "127.0.0.0/8", "::ffff:127.0.0.1", true },
		{ "127.0.0.0/8", "::ffff:128.0.0.1", false },
		{ "::ffff:127.0.0.0/104", "127.1.2.3", true },
		{ "127.0.0.0/8", "", false },
		{ "127.0.0.0/8", "unix:", false },
		{ "127.0.0.0/8", "127.0.0.1:80", false },
		{ "not a network", "127.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str net = str_z(rows[i].net);

		if (gate_net_allowed(&net, 1, str_z(rows[i].address)) !=
		    rows[i].allowed)
			fail_msg("%s in %s", rows[i].address, rows[i].net);
	}
}

static void
test_any_of_several(void **state)
{
	const struct str nets[] = { STR("10.0.0.0/8"), STR("nonsense"),
		STR("::1") };

	(void)state;
	assert_true(gate_net_allowed(nets, 3, STR("10.1.1.1")));
	assert_true(gate_net_allowed(nets, 3, STR("::1")));
	assert_false(gate_net_allowed(nets, 3, STR("11.1.1.1")));
	assert_false(gate_net_allowed(nets, 0, STR("10.1.1.1")));
	assert_false(gate_net_allowed(nets, 3, (struct str){ 0 }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_any_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
