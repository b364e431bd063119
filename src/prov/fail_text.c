#include "prov/fail.h"

/* ---- tags -------------------------------------------------------------- */

/* Length of the tag at s ("<...>"), or 0 when it is a mere '<'. */
static size_t
tag_length(struct str s)
{
	size_t end;

	if (s.n < 2 || s.p[0] != '<')
		return 0;
	if (s.p[1] != '/' && s.p[1] != '!' && s.p[1] != '?' &&
	    !((s.p[1] | 32) >= 'a' && (s.p[1] | 32) <= 'z'))
		return 0;
	end = str_chr(s, '>');
	return end == s.n ? s.n : end + 1;
}

/* Elements whose inside is not for readers. */
static size_t
hidden_length(struct str s, size_t tag)
{
	static const struct {
		struct str open, close;
	} hidden[] = {
		{ STR("<script"), STR("</script") },
		{ STR("<style"), STR("</style") },
		{ STR("<!--"), STR("-->") },
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++) {
		struct str rest = str_skip(s, hidden[i].open.n);
		size_t at = 0;

		if (!str_case_starts(s, hidden[i].open))
			continue;
		while (at < rest.n &&
		       !str_case_starts(str_skip(rest, at), hidden[i].close))
			at++;
		/* an end tag is a tag of its own; that of a comment is not */
		if (hidden[i].close.p[0] == '-')
			at += str_skip(rest, at).n != 0 ? hidden[i].close.n : 0;
		return hidden[i].open.n + at;
	}
	return tag;
}

void
prov_text_strip(struct buf *out, struct str text, bool has_tags)
{
	bool blank = true; /* at the beginning none is wanted */

	for (size_t i = 0; i < text.n;) {
		struct str rest = str_skip(text, i);
		size_t tag = has_tags ? tag_length(rest) : 0;
		unsigned char c = (unsigned char)text.p[i];

		if (tag != 0)
			tag = hidden_length(rest, tag);
		if (tag != 0 || c <= ' ' || c == 127) {
			if (!blank)
				buf_addc(out, ' ');
			blank = true;
			i += tag != 0 ? tag : 1;
			continue;
		}
		buf_addc(out, (char)c);
		blank = false;
		i++;
	}
	if (out->n != 0 && out->p[out->n - 1] == ' ')
		out->n--;
}

/* ---- secrets ----------------------------------------------------------- */

/*
 * How keys and ids of accounts begin. A message that echoes one (OpenAI's 401,
 * Groq's 429 with its org) must not carry it to a client.
 */
static const struct str marks[] = { STR("sk-"), STR("pk-"), STR("rk-"),
	STR("sess-"), /* OpenAI & others */
	STR("org-"), STR("org_"), STR("proj-"), STR("proj_"), STR("user-"),
	STR("gsk_"), STR("xai-"), STR("hf_"), STR("AIza"), STR("AIzv"),
	STR("ya29."), STR("eyJ"), STR("csk-"), STR("pplx-"), STR("AKIA"),
	STR("ASIA"), STR("r8_"), STR("key-"), STR("nvapi-"), STR("tgp_"),
	STR("fw_"), STR("ABSK"), STR("llmgw_"), STR("projects/"),
	STR("project_number:") };

/* After these the next word is a credential, whatever it looks like. */
static const struct str heads[] = { STR("bearer "), STR("key provided: "),
	STR("api key: "), STR("api_key: "), STR("x-api-key: ") };

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
	       c == '*';
}

static bool
is_marked(struct str w)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		/* four more characters: not the "key-" of a sentence */
		if (w.n >= marks[i].n + 4 && str_starts(w, marks[i]))
			return true;
	}
	return false;
}

/* 32 and more letters and digits, both of them, and nothing else. */
static bool
is_random(struct str w)
{
	bool letter = false, digit = false;

	if (w.n < 32)
		return false;
	for (size_t i = 0; i < w.n; i++) {
		if (w.p[i] >= '0' && w.p[i] <= '9')
			digit = true;
		else if (w.p[i] == '_' || w.p[i] == '-' || w.p[i] == '.')
			return false;
		else
			letter = true;
	}
	return letter && digit;
}

static bool
follows_head(struct str text, size_t at)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		if (at >= heads[i].n &&
		    str_case_eq(
			str_of(text.p + at - heads[i].n, heads[i].n), heads[i]))
			return true;
	}
	return false;
}

/* Bytes from the beginning of a word that must go; 0: none. */
static size_t
secret_length(struct str text, size_t at)
{
	struct str rest = str_skip(text, at);
	size_t n = 0;
	struct str w;

	while (n < rest.n && is_word(rest.p[n]))
		n++;
	/* a sentence's full stop is no part of it */
	while (n > 0 && rest.p[n - 1] == '.')
		n--;
	w = str_of(rest.p, n);
	if (n == 0)
		return 0;
	if (str_contains(w, STR("***")) || is_random(w) ||
	    follows_head(text, at))
		return n;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		char last = marks[i].p[marks[i].n - 1];

		/* "projects/ID": the mark itself ends the word */
		if (is_word(last) || !str_starts(rest, marks[i]))
			continue;
		n = marks[i].n;
		while (n < rest.n && is_word(rest.p[n]))
			n++;
		return n;
	}
	return is_marked(w) ? n : 0;
}

void
prov_text_redact(struct buf *out, struct str text, struct str host)
{
	bool inside = false; /* of a word */

	for (size_t i = 0; i < text.n;) {
		size_t n = inside ? 0 : secret_length(text, i);

		/* the host also where something stands before it */
		if (n == 0 && host.n != 0 &&
		    str_case_starts(str_skip(text, i), host))
			n = host.n;
		if (n != 0) {
			buf_addz(out, "[redacted]");
			i += n;
			continue;
		}
		inside = is_word(text.p[i]);
		buf_addc(out, text.p[i]);
		i++;
	}
}
