/* See gemini.h. A small tree in an arena; everything in it is bounded. */
#include "prov/gemini.h"

#include "base/num.h"

#define DEPTH_MAX 32
#define NODES_MAX 4096
#define GAP_MAX 100 /* array elements that a path may leave out */

enum node_type {
	NODE_NULL,
	NODE_RAW,
	NODE_TEXT,
	NODE_OBJECT,
	NODE_ARRAY
};

struct piece {
	struct piece *next;
	struct str text; /* inner */
};

struct node {
	struct node *next; /* sibling */
	enum node_type type;
	struct str key; /* decoded: member of an object */
	struct node *child, *last; /* of a container */
	uint32_t count;
	struct str raw; /* RAW */
	struct piece *text, *text_end; /* TEXT */
};

struct gemini_partial {
	struct arena *arena;
	struct node *root;
	unsigned nodes;
};

struct gemini_partial *
gemini_partial_new(size_t max_bytes)
{
	struct arena *a = arena_new(max_bytes);
	struct gemini_partial *p;

	if (a == NULL)
		return NULL;
	p = ARENA_NEW(a, struct gemini_partial);
	if (p != NULL) {
		p->arena = a;
		p->root = ARENA_NEW(a, struct node);
	}
	if (p == NULL || p->root == NULL) {
		arena_free(a);
		return NULL;
	}
	p->root->type = NODE_OBJECT;
	return p;
}

void
gemini_partial_free(struct gemini_partial *p)
{
	if (p != NULL)
		arena_free(p->arena);
}

static struct node *
node_add(struct gemini_partial *p, struct node *parent, struct str key)
{
	struct node *n;

	if (p->nodes++ >= NODES_MAX)
		return NULL;
	n = ARENA_NEW(p->arena, struct node);
	if (n == NULL)
		return NULL;
	n->key = arena_str(p->arena, key);
	if (parent->last == NULL)
		parent->child = n;
	else
		parent->last->next = n;
	parent->last = n;
	parent->count++;
	return n;
}

/* A node becomes a container when a path first goes through it. */
static bool
become(struct node *n, enum node_type type)
{
	if (n->type == NODE_NULL)
		n->type = type;
	return n->type == type;
}

static enum err
member(struct gemini_partial *p, struct node **at, struct str key)
{
	struct node *n;

	if (!become(*at, NODE_OBJECT))
		return ERR_SYNTAX;
	/* Paths come in order: mostly it is the last. */
	n = (*at)->last;
	if (n == NULL || !str_eq(n->key, key)) {
		for (n = (*at)->child; n != NULL; n = n->next) {
			if (str_eq(n->key, key))
				break;
		}
	}
	if (n == NULL)
		n = node_add(p, *at, key);
	*at = n;
	return n == NULL ? ERR_LIMIT : ERR_OK;
}

static enum err
element(struct gemini_partial *p, struct node **at, int64_t index)
{
	struct node *n;

	if (index < 0 || !become(*at, NODE_ARRAY))
		return ERR_SYNTAX;
	if (index > (int64_t)(*at)->count + GAP_MAX)
		return ERR_LIMIT;
	while ((int64_t)(*at)->count <= index) {
		if (node_add(p, *at, STR("")) == NULL)
			return ERR_LIMIT;
	}
	if (index == (int64_t)(*at)->count - 1) {
		n = (*at)->last;
	} else {
		n = (*at)->child;
		while (index-- > 0)
			n = n->next;
	}
	*at = n;
	return ERR_OK;
}

/* ['key'] or [0], *rest behind the bracket. */
static enum err
bracket(struct gemini_partial *p, struct node **at, struct str *rest)
{
	char quote = rest->n != 0 ? rest->p[0] : '\0';
	struct str word;
	size_t n;
	int64_t index;

	if (quote == '\'' || quote == '"') {
		*rest = str_skip(*rest, 1);
		n = str_chr(*rest, quote);
		word = str_of(rest->p, n);
		*rest = str_skip(*rest, n + 1);
		if (rest->n == 0 || rest->p[0] != ']')
			return ERR_SYNTAX;
		*rest = str_skip(*rest, 1);
		return member(p, at, word);
	}
	n = str_chr(*rest, ']');
	if (n == rest->n || num_parse_i64(str_of(rest->p, n), &index) != ERR_OK)
		return ERR_SYNTAX;
	*rest = str_skip(*rest, n + 1);
	return element(p, at, index);
}

/* $.a.b[0]['c d'] */
static enum err
walk(struct gemini_partial *p, struct str path, struct node **at)
{
	enum err e = ERR_OK;
	unsigned depth = 0;

	*at = p->root;
	if (path.n == 0 || path.p[0] != '$')
		return ERR_SYNTAX;
	path = str_skip(path, 1);
	while (path.n != 0 && e == ERR_OK) {
		char c = path.p[0];
		size_t n = 0;

		if (++depth > DEPTH_MAX)
			return ERR_LIMIT;
		path = str_skip(path, 1);
		if (c == '[') {
			e = bracket(p, at, &path);
			continue;
		}
		while (n < path.n && path.p[n] != '.' && path.p[n] != '[')
			n++;
		if (c != '.' || n == 0)
			return ERR_SYNTAX;
		e = member(p, at, str_of(path.p, n));
		path = str_skip(path, n);
	}
	return depth == 0 ? ERR_SYNTAX : e;
}

static enum err
add_text(struct gemini_partial *p, struct node *n, struct str inner)
{
	struct piece *piece = ARENA_NEW(p->arena, struct piece);

	if (!become(n, NODE_TEXT))
		return ERR_SYNTAX;
	if (piece == NULL)
		return ERR_LIMIT;
	piece->text = arena_str(p->arena, inner);
	if (n->text_end == NULL)
		n->text = piece;
	else
		n->text_end->next = piece;
	n->text_end = piece;
	return arena_failed(p->arena) ? ERR_LIMIT : ERR_OK;
}

enum err
gemini_partial_add(struct gemini_partial *p, const struct json *j, json_ref v)
{
	static const char *const scalars[] = { "numberValue", "boolValue" };
	struct str path = json_text(j, json_get(j, v, "jsonPath"), p->arena);
	json_ref text = json_get_set(j, v, "stringValue");
	struct node *n;
	enum err e = walk(p, path, &n);

	if (e != ERR_OK)
		return e;
	if (json_type(j, text) == JSON_T_STRING)
		return add_text(p, n, json_inner(j, text));
	for (size_t i = 0; i < 2; i++) {
		struct str raw = json_raw(j, json_get_set(j, v, scalars[i]));

		if (!str_present(raw))
			continue;
		if (!become(n, NODE_RAW))
			return ERR_SYNTAX;
		n->raw = arena_str(p->arena, raw);
	}
	return arena_failed(p->arena) ? ERR_LIMIT : ERR_OK;
}

static void
put(const struct node *n, struct buf *out)
{
	bool is_object = n->type == NODE_OBJECT;

	switch (n->type) {
	case NODE_NULL:
		buf_addz(out, "null");
		return;
	case NODE_RAW:
		buf_adds(out, n->raw);
		return;
	case NODE_TEXT:
		buf_addc(out, '"');
		for (const struct piece *t = n->text; t != NULL; t = t->next)
			buf_adds(out, t->text);
		buf_addc(out, '"');
		return;
	case NODE_OBJECT:
	case NODE_ARRAY:
		break;
	}
	buf_addc(out, is_object ? '{' : '[');
	for (const struct node *c = n->child; c != NULL; c = c->next) {
		if (c != n->child)
			buf_addc(out, ',');
		if (is_object) {
			buf_addc(out, '"');
			json_escape(out, c->key);
			buf_addz(out, "\":");
		}
		put(c, out); /* DEPTH_MAX deep */
	}
	buf_addc(out, is_object ? '}' : ']');
}

void
gemini_partial_put(const struct gemini_partial *p, struct buf *out)
{
	put(p->root, out);
}
