#include "conf/yaml.h"

#include <errno.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/map.h"
#include "base/utf8.h"
#include "conf/file.h"

struct reader {
	struct tree *tree;
	struct conf_problems *problems;
	struct str name; /* in the tree's arena */
	struct tree_node *root;
	struct tree_node *at; /* the open list or map */
	struct str key; /* of the member whose value comes next */
	uint32_t key_line;
	uint32_t depth;
	uint32_t documents;
	struct map *seen; /* parent and key of every member */
	enum err err; /* sticky */
	bool is_partial; /* the tree is not all that the file says */
	bool is_done;
};

/* The tree has it all: what else is wrong can still be told. */
static void
flaw(struct reader *r, uint32_t line, enum err e, const char *what)
{
	struct conf_where where = { .file = r->name, .line = line };

	if (r->at != NULL)
		where.path = tree_path(r->at, r->problems->arena);
	conf_problem_add(r->problems, &where, "%s", what);
	if (r->err == ERR_OK)
		r->err = e;
}

static void
problem(struct reader *r, uint32_t line, enum err e, const char *what)
{
	flaw(r, line, e, what);
	r->is_partial = true;
}

/* Ends the reading: what follows would only be noise. */
static void
give_up(struct reader *r, uint32_t line, enum err e, const char *what)
{
	problem(r, line, e, what);
	r->is_done = true;
}

static uint32_t
line_of(const yaml_event_t *ev)
{
	return (uint32_t)ev->start_mark.line + 1;
}

/* A map over (parent, key) finds duplicates without walking siblings. */
static bool
is_duplicate(struct reader *r, struct str key, uint32_t line)
{
	char *id = arena_raw(r->tree->arena, sizeof(r->at) + key.n);
	struct str s = { id, sizeof(r->at) + key.n };

	if (id == NULL) {
		give_up(r, line, ERR_NOMEM, "out of memory");
		return false;
	}
	memcpy(id, &r->at, sizeof(r->at));
	if (key.n > 0)
		memcpy(id + sizeof(r->at), key.p, key.n);
	if (map_find(r->seen, s) != NULL)
		return true;
	if (map_put(r->seen, s, r->tree) != ERR_OK)
		give_up(r, line, ERR_NOMEM, "too many keys");
	return false;
}

static void
take_key(struct reader *r, struct str key, uint32_t line)
{
	r->key = arena_str(r->tree->arena, key);
	r->key_line = line;
	if (!str_present(r->key)) {
		give_up(r, line, ERR_NOMEM, "out of memory");
	} else if (is_duplicate(r, key, line)) {
		struct tree_node *old = tree_find_str(r->at, key);
		struct str text = arena_printf(r->problems->arena,
		    "\"%.*s\" is here twice, first on line %u",
		    STR_ARG(utf8_clip(key, 64)),
		    old != NULL ? (unsigned)old->key_line : 0u);

		flaw(r, line, ERR_SYNTAX,
		    str_present(text) ? text.p : "a key is here twice");
	}
}

static bool
wants_key(const struct reader *r)
{
	return r->at != NULL && r->at->type == TREE_MAP && !str_present(r->key);
}

static struct tree_node *
add_node(struct reader *r, enum tree_type type, const yaml_event_t *ev)
{
	struct tree_node *node;

	node = tree_add(r->tree, r->at, type, r->key);
	if (node == NULL) {
		give_up(r, line_of(ev), ERR_LIMIT,
		    "the configuration has too many values");
		return NULL;
	}
	node->file = r->name;
	node->line = line_of(ev);
	node->key_line = str_present(r->key) ? r->key_line : node->line;
	r->key = (struct str){ NULL, 0 };
	if (r->root == NULL)
		r->root = node;
	return node;
}

static void
check_properties(struct reader *r, const yaml_event_t *ev,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		problem(r, line_of(ev), ERR_SYNTAX,
		    "anchors (&name) are not supported: write the value out "
		    "where it is used");
	if (tag != NULL)
		problem(r, line_of(ev), ERR_SYNTAX,
		    "tags (!name) are not supported: quote a text instead");
}

static bool
is_null(const yaml_event_t *ev, struct str text)
{
	if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return text.n == 0 || str_eqz(text, "~") || str_eqz(text, "null") ||
	       str_eqz(text, "Null") || str_eqz(text, "NULL");
}

static void
on_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct str text =
	    str_of((const char *)ev->data.scalar.value, ev->data.scalar.length);
	struct tree_node *node;

	check_properties(r, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (wants_key(r)) {
		take_key(r, text, line_of(ev));
		return;
	}
	node = add_node(r, is_null(ev, text) ? TREE_NULL : TREE_SCALAR, ev);
	if (node == NULL || node->type == TREE_NULL)
		return;
	node->is_quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_str(r->tree->arena, text);
	if (!str_present(node->text))
		give_up(r, line_of(ev), ERR_NOMEM,
		    "the configuration is too large");
}

static void
on_open(struct reader *r, enum tree_type type, const yaml_event_t *ev)
{
	struct tree_node *node;

	if (type == TREE_SEQ)
		check_properties(r, ev, ev->data.sequence_start.anchor,
		    ev->data.sequence_start.tag);
	else
		check_properties(r, ev, ev->data.mapping_start.anchor,
		    ev->data.mapping_start.tag);
	if (wants_key(r)) {
		give_up(r, line_of(ev), ERR_SYNTAX,
		    "a list or map cannot be a key (is a { or [ meant to be "
		    "text? then quote it)");
		return;
	}
	if (++r->depth > TREE_DEPTH_MAX) {
		give_up(r, line_of(ev), ERR_LIMIT, "nested too deeply");
		return;
	}
	node = add_node(r, type, ev);
	if (node != NULL)
		r->at = node;
}

static void
on_alias(struct reader *r, const yaml_event_t *ev)
{
	problem(r, line_of(ev), ERR_SYNTAX,
	    "aliases (*name) are not supported: write the value out, or quote "
	    "a text that begins with *");
	if (wants_key(r))
		take_key(r, STR("*"), line_of(ev));
	else
		(void)add_node(r, TREE_NULL, ev);
}

static void
on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents > 1)
			give_up(r, line_of(ev), ERR_SYNTAX,
			    "only one document per file: remove the \"---\"");
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(r, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(r, TREE_SEQ, ev);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(r, TREE_MAP, ev);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		r->at = r->at->parent;
		break;
	case YAML_ALIAS_EVENT:
		on_alias(r, ev);
		break;
	case YAML_STREAM_END_EVENT:
		r->is_done = true;
		break;
	default:
		break;
	}
}

/* libyaml says where in up to two places; the problem's own is the better. */
static void
on_syntax(struct reader *r, const yaml_parser_t *parser)
{
	const char *why = parser->problem != NULL ? parser->problem : "no YAML";
	struct str text;

	if (parser->error == YAML_MEMORY_ERROR) {
		give_up(r, 0, ERR_NOMEM, "out of memory");
		return;
	}
	if (parser->context != NULL)
		text = arena_printf(
		    r->problems->arena, "%s %s", why, parser->context);
	else
		text = str_z(why);
	give_up(r, (uint32_t)parser->problem_mark.line + 1, ERR_SYNTAX,
	    str_present(text) ? text.p : why);
}

static void
read_events(struct reader *r, struct str text)
{
	yaml_parser_t parser;
	yaml_event_t ev;

	if (fault("conf.yaml") || !yaml_parser_initialize(&parser)) {
		give_up(r, 0, ERR_NOMEM, "out of memory");
		return;
	}
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)text.p, text.n);
	while (!r->is_done) {
		if (!yaml_parser_parse(&parser, &ev)) {
			on_syntax(r, &parser);
			break;
		}
		on_event(r, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
}

enum err
yaml_read(struct tree *t, struct str text, struct str name,
    struct tree_node **root, struct conf_problems *p)
{
	struct reader r = { .tree = t, .problems = p };

	r.name = arena_str(t->arena, name);
	r.seen = map_new(TREE_NODES_MAX);
	if (!str_present(r.name) || r.seen == NULL)
		give_up(&r, 0, ERR_NOMEM, "out of memory");
	else if (text.n > TREE_FILE_MAX)
		give_up(&r, 0, ERR_LIMIT, "the file is larger than 4 MiB");
	else
		read_events(&r, str_present(text) ? text : STR(""));
	if (r.err == ERR_OK && r.root == NULL) {
		r.root = tree_add(t, NULL, TREE_NULL, (struct str){ NULL, 0 });
		if (r.root == NULL)
			r.err = ERR_NOMEM;
		else
			r.root->file = r.name;
	}
	map_free(r.seen);
	if (r.err == ERR_OK || !r.is_partial)
		*root = r.root;
	return r.err;
}

enum err
yaml_read_file(struct tree *t, const char *path, struct tree_node **root,
    struct conf_problems *p)
{
	struct conf_where where = { .file = str_z(path) };
	struct buf text;
	enum err e;

	buf_init(&text, TREE_FILE_MAX);
	e = conf_file_read(path, &text, NULL);
	if (e != ERR_OK)
		conf_problem_add(
		    p, &where, "cannot be read: %s", conf_file_why(e, errno));
	else
		e = yaml_read(t, buf_str(&text), str_z(path), root, p);
	buf_fini(&text);
	return e;
}
