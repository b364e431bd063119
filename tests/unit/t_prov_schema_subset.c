/* JSON Schema -> Gemini's subset: rows 50 to 57 of wire.md 10. */
#include "check.h"

#include <stdlib.h>

#include "json_same.h"
#include "prov/schema.h"

static void
turns(const char *schema, const char *want, enum prov_subset how)
{
	char *text = json_quoted(schema);
	unsigned budget = PROV_SUBSET_BUDGET;
	struct buf out;

	buf_init(&out, 65536);
	assert_int_equal(prov_schema_subset(&out, str_z(text), &budget), how);
	if (want == NULL)
		assert_int_equal(out.n, 0);
	else
		assert_true(json_same(out.p, out.n, want));
	buf_fini(&out);
	free(text);
}
#define EXACT(schema, want) turns(schema, want, PROV_SUBSET_EXACT)
#define LOSSY(schema, want) turns(schema, want, PROV_SUBSET_LOSSY)
/* A property p with this schema. */
#define P(s) "{'type':'object','properties':{'p':" s "}}"

static void
row_50_strips_the_schema_mark(void **state)
{
	(void)state;
	EXACT("{'$schema':'x','$id':'y','type':'object','properties':{'a':"
	      "{'type':'string','$comment':'z','examples':['e']}}}",
	    "{'type':'object','properties':{'a':{'type':'string'}}}");
}

static void
row_51_strips_additional_properties(void **state)
{
	(void)state;
	EXACT("{'type':'object','properties':{'a':{'type':'object',"
	      "'properties':{'b':{'type':'integer'}},'additionalProperties':"
	      "false}},'additionalProperties':false}",
	    "{'type':'object','properties':{'a':{'type':'object',"
	    "'properties':{'b':{'type':'integer'}}}}}");
	LOSSY(P("{'type':'object','additionalProperties':{'type':'string'}}"),
	    P("{'type':'object'}"));
}

static void
row_52_rewrites_unions_and_constants(void **state)
{
	(void)state;
	EXACT(P("{'type':['string','null']}"),
	    P("{'type':'string','nullable':true}"));
	EXACT(P("{'type':['string','integer'],'description':'d'}"),
	    P("{'description':'d','anyOf':[{'type':'string'},"
	      "{'type':'integer'}]}"));
	EXACT(P("{'anyOf':[{'type':'integer','minimum':1},{'type':'null'}]}"),
	    P("{'type':'integer','minimum':1,'nullable':true}"));
	EXACT(P("{'oneOf':[{'type':'string'},{'oneOf':[{'type':'number'},"
		"{'type':'boolean'}]}]}"),
	    P("{'anyOf':[{'type':'string'},{'anyOf':[{'type':'number'},"
	      "{'type':'boolean'}]}]}"));
	EXACT(P("{'const':'x'}"), P("{'type':'string','enum':['x']}"));
	EXACT(P("{'allOf':[{'type':'object','properties':{'a':{'type':"
		"'string'}},'required':['a']},{'properties':{'b':{'type':"
		"'string'}},'required':['b']}]}"),
	    P("{'type':'object','properties':{'a':{'type':'string'},'b':"
	      "{'type':'string'}},'required':['a','b']}"));
}

static void
row_53_inlines_references(void **state)
{
	(void)state;
	EXACT("{'type':'object','properties':{'a':{'$ref':'#/$defs/A'},'b':"
	      "{'$ref':'#/$defs/A','description':'mine'}},'$defs':{'A':{'type':"
	      "'string','enum':['x','y'],'description':'d'}}}",
	    "{'type':'object','properties':{'a':{'type':'string','enum':['x',"
	    "'y'],'description':'d'},'b':{'type':'string','enum':['x','y'],"
	    "'description':'mine'}}}");
	EXACT("{'type':'object','properties':{'a':{'$ref':"
	      "'#/definitions/x~1y~0'}},'definitions':{'x/y~':{'type':"
	      "'boolean'}}}",
	    "{'type':'object','properties':{'a':{'type':'boolean'}}}");
	/* no such place */
	LOSSY(P("{'$ref':'#/$defs/zz'}"), P("{'type':'object'}"));
	LOSSY(P("{'$ref':'http://x/y'}"), P("{'type':'object'}"));
}

static void
ends_cycles(void **state)
{
	(void)state;
	LOSSY("{'type':'object','properties':{'n':{'$ref':'#/$defs/N'}},"
	      "'$defs':{'N':{'type':'object','properties':{'next':{'$ref':"
	      "'#/$defs/N'},'v':{'type':'integer'}}}}}",
	    "{'type':'object','properties':{'n':{'type':'object','properties':"
	    "{'next':{'type':'object'},'v':{'type':'integer'}}}}}");
	LOSSY(P("{'$ref':'#/properties/p'}"), P("{'type':'object'}"));
}

static void
row_54_keeps_properties_of_any_name(void **state)
{
	(void)state;
	EXACT("{'type':'object','properties':{'pattern':{'type':'string'},"
	      "'format':{'type':'string'},'default':{'type':'string'},'$ref':"
	      "{'type':'string'},'not':{'type':'string'},'const':{'type':"
	      "'string'},'additionalProperties':{'type':'string'}},'required':"
	      "['pattern','$ref']}",
	    "{'type':'object','properties':{'pattern':{'type':'string'},"
	    "'format':{'type':'string'},'default':{'type':'string'},'$ref':"
	    "{'type':'string'},'not':{'type':'string'},'const':{'type':"
	    "'string'},'additionalProperties':{'type':'string'}},'required':"
	    "['pattern','$ref']}");
}

static void
row_55_strips_property_names(void **state)
{
	(void)state;
	LOSSY(P("{'type':'object','propertyNames':{'pattern':'^a'},"
		"'patternProperties':{'^a':{}},'not':{},'if':{},'then':{}}"),
	    P("{'type':'object'}"));
	LOSSY(P("{'type':'integer','exclusiveMinimum':1,'multipleOf':2}"),
	    P("{'type':'integer'}"));
}

static void
row_56_filters_required(void **state)
{
	(void)state;
	EXACT("{'type':'object','properties':{'a':{'type':'string'}},"
	      "'required':['a','b']}",
	    "{'type':'object','properties':{'a':{'type':'string'}},"
	    "'required':['a']}");
	EXACT("{'type':'object','properties':{'a':{'type':'string'}},"
	      "'required':['b']}",
	    "{'type':'object','properties':{'a':{'type':'string'}}}");
}

static void
row_57_drops_siblings_of_a_reference(void **state)
{
	(void)state;
	EXACT("{'type':'object','properties':{'a':{'$ref':'#/$defs/A',"
	      "'default':'x','title':'t'}},'$defs':{'A':{'type':'string'}}}",
	    "{'type':'object','properties':{'a':{'type':'string'}}}");
}

static void
rewrites_enums_and_formats(void **state)
{
	(void)state;
	LOSSY(P("{'enum':[1,2]}"),
	    P("{'type':'integer','description':'(one of: [1,2])'}"));
	EXACT(P("{'enum':['a','',null]}"),
	    P("{'type':'string','enum':['a'],'nullable':true}"));
	EXACT(P("{'type':'string','format':'date-time'}"),
	    P("{'type':'string','format':'date-time'}"));
	LOSSY(P("{'type':'string','format':'email'}"),
	    P("{'type':'string','description':'(format: \\'email\\')'}"));
	EXACT(P("{'type':'array'}"),
	    P("{'type':'array','items':{'type':'string'}}"));
	LOSSY(P("{'type':'array','items':[{'type':'integer'},{}]}"),
	    P("{'type':'array','items':{'type':'integer'}}"));
	EXACT(P("{}"), P("{'type':'string'}"));
}

static void
tells_an_empty_object(void **state)
{
	(void)state;
	turns("{'type':'object','properties':{}}", NULL, PROV_SUBSET_EMPTY);
	turns("{'type':'object'}", NULL, PROV_SUBSET_EMPTY);
	turns("[]", NULL, PROV_SUBSET_BAD);
}

/* 2^30 schemas if nobody counted. */
static void
bounds_what_references_expand_to(void **state)
{
	struct buf s, out;
	unsigned budget = PROV_SUBSET_BUDGET;

	(void)state;
	buf_init(&s, 65536);
	buf_addz(&s, "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":"
		     "\"#/$defs/d0\"}},\"$defs\":{");
	for (int i = 0; i < 30; i++)
		buf_printf(&s,
		    "%s\"d%d\":{\"properties\":{\"x\":{\"$ref\":"
		    "\"#/$defs/d%d\"},\"y\":{\"$ref\":\"#/$defs/d%d\"}}}",
		    i == 0 ? "" : ",", i, i + 1, i + 1);
	buf_addz(&s, "}}");
	buf_init(&out, (size_t)64 << 20);
	assert_int_equal(
	    prov_schema_subset(&out, buf_str(&s), &budget), PROV_SUBSET_LOSSY);
	assert_int_equal(budget, 0);
	buf_fini(&out);
	buf_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_50_strips_the_schema_mark),
		cmocka_unit_test(row_51_strips_additional_properties),
		cmocka_unit_test(row_52_rewrites_unions_and_constants),
		cmocka_unit_test(row_53_inlines_references),
		cmocka_unit_test(ends_cycles),
		cmocka_unit_test(row_54_keeps_properties_of_any_name),
		cmocka_unit_test(row_55_strips_property_names),
		cmocka_unit_test(row_56_filters_required),
		cmocka_unit_test(row_57_drops_siblings_of_a_reference),
		cmocka_unit_test(rewrites_enums_and_formats),
		cmocka_unit_test(tells_an_empty_object),
		cmocka_unit_test(bounds_what_references_expand_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
