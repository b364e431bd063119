#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "prov/prov.h"

static void
found_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; prov_kinds[i] != NULL; i++)
		assert_ptr_equal(
		    prov_kind_find(str_z(prov_kinds[i]->name)), prov_kinds[i]);
	assert_non_null(prov_kind_find(STR("openai")));
	assert_non_null(prov_kind_find(STR("azure")));
	assert_non_null(prov_kind_find(STR("openai-compatible")));
	assert_null(prov_kind_find(STR("")));
	assert_null(prov_kind_find(STR("OpenAI")));
	/* the template is compiled, not offered */
	assert_null(prov_kind_find(STR("skeleton")));
}

static void
each_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; prov_kinds[i] != NULL; i++) {
		const struct prov_kind *k = prov_kinds[i];

		assert_true(k->caps & PROV_CAP_CHAT);
		assert_non_null(k->build);
		assert_non_null(k->answer_new);
		assert_non_null(k->answer_free);
		assert_non_null(k->answer_head);
		assert_non_null(k->answer_feed);
		assert_non_null(k->answer_end);
		assert_int_equal(k->models_path[0], '/');
		/* as free() */
		k->answer_free(NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name),
		cmocka_unit_test(each_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
