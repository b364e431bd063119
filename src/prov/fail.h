#ifndef PROV_FAIL_H
#define PROV_FAIL_H
/*
 * Reading a maker's failure. Private to the room: kinds call prov_fail_parse
 * and prov_fail_object (prov.h).
 *
 *	fail.c		takes the words out of whatever body came
 *	fail_class.c	words and status -> class
 *	fail_text.c	a sentence for the client: no tags, no secrets
 */
#include "prov/prov.h"

#define PROV_FAIL_WORD 96
/* What is read of a maker's message. */
#define PROV_FAIL_TEXT_MAX 2048

/* What a maker said, as far as it can be told. Words are "" when absent. */
struct prov_fail_facts {
	int status; /* HTTP; the body's own when that is one; 0: none */
	char type[PROV_FAIL_WORD]; /* error.type, error_type */
	char code[PROV_FAIL_WORD]; /* error.code when it is no status */
	char word[PROV_FAIL_WORD]; /* Google's status, x-amzn-errortype */
	char inner[PROV_FAIL_WORD]; /* innererror.code, details[].reason */
	char param[PROV_FAIL_WORD];
	usec_t retry_after; /* as the body tells it; -1 */
	bool is_daily_quota; /* waiting some seconds will not help */
	bool is_moderation; /* OpenRouter: metadata.reasons */
	struct buf text; /* decoded message, perhaps empty */
};

enum msg_fail_class prov_fail_class(const struct prov_fail_facts *f);
/* The code for the client where the class alone does not say enough. */
void prov_fail_code(const struct prov_fail_facts *f, enum msg_fail_class class,
    char out[MSG_FAIL_WORD_SIZE]);

/*
 * Appends text to out as one line: control bytes taken out, runs of blanks made
 * one. has_tags: HTML's tags go too, with what scripts and styles hold.
 */
void prov_text_strip(struct buf *out, struct str text, bool has_tags);
/*
 * Appends text with keys, tokens, organisation and project ids and the host
 * (may be absent) replaced by "[redacted]".
 */
void prov_text_redact(struct buf *out, struct str text, struct str host);

#endif
