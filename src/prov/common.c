#include "prov/common.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/url.h"

/* Kept free at the end of `dropped` for the mark that more was dropped. */
#define MORE ",..."

void
prov_http_init(struct prov_http *h, size_t max_body)
{
	*h = (struct prov_http){ .method = "POST", .key_prefix = "" };
	buf_init(&h->body, max_body);
	buf_init(&h->dropped, PROV_DROPPED_MAX);
}

void
prov_http_fini(struct prov_http *h)
{
	buf_fini(&h->body);
	buf_fini(&h->dropped);
}

static void
dropped_add(struct prov_http *h, struct str field)
{
	struct buf *d = &h->dropped;
	struct str rest = buf_str(d);

	while (d->n != 0 && str_present(rest)) {
		if (str_eq(str_cut(&rest, ','), field))
			return;
	}
	if (str_ends(buf_str(d), STR(MORE)))
		return;
	if (d->n + 1 + field.n + sizeof(MORE) > PROV_DROPPED_MAX) {
		buf_addz(d, MORE);
		return;
	}
	if (d->n != 0)
		buf_addc(d, ',');
	buf_adds(d, field);
}

/* A header's value: a client's own words must not break out of it. */
static void
clean(char *z)
{
	for (; *z != '\0'; z++) {
		unsigned char c = (unsigned char)*z;

		if (c <= ' ' || c >= 127 || c == ',')
			*z = '_';
	}
}

void
prov_dropped(struct prov_http *h, const char *fmt, ...)
{
	char field[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(field, sizeof(field), fmt, ap);
	va_end(ap);
	clean(field);
	dropped_add(h, str_z(field));
}

enum err
prov_lose(const struct prov_call *call, struct prov_http *h,
    struct msg_fail *fail, enum prov_loss what, const char *fmt, ...)
{
	enum prov_unsupported how = call->target->on_unsupported;
	char field[MSG_FAIL_WORD_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(field, sizeof(field), fmt, ap);
	va_end(ap);
	if (how == PROV_DROP_ALL ||
	    (how == PROV_DROP_TUNING && what == PROV_LOSS_TUNING)) {
		clean(field);
		dropped_add(h, str_z(field));
		return ERR_OK;
	}
	msg_fail_set(fail, MSG_FAIL_INVALID,
	    "%s is not supported by the model's provider (%.*s)", field,
	    STR_ARG(call->target->provider));
	(void)snprintf(fail->param, sizeof(fail->param), "%s", field);
	(void)snprintf(fail->code, sizeof(fail->code), "unsupported_parameter");
	return ERR_UNSUPPORTED;
}

enum err
prov_refuse(struct msg_fail *fail, const char *param, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	msg_fail_set(fail, MSG_FAIL_INVALID, "%s", text);
	(void)snprintf(fail->param, sizeof(fail->param), "%s", param);
	return ERR_SYNTAX;
}

enum err
prov_http_header(struct prov_http *h, const char *name, struct str value)
{
	return http_headers_set(&h->headers, str_z(name), value);
}

enum err
prov_http_begin(const struct prov_call *call, struct prov_http *h,
    struct str path, struct msg_fail *fail)
{
	const struct prov_target *t = call->target;

	return prov_http_begin_at(call, h,
	    t->base_url.n != 0 ? t->base_url : str_z(t->kind->default_base_url),
	    path, fail);
}

enum err
prov_http_begin_at(const struct prov_call *call, struct prov_http *h,
    struct str base, struct str path, struct msg_fail *fail)
{
	const struct prov_target *t = call->target;
	enum err e;

	h->method = "POST";
	http_headers_init(&h->headers, call->arena);
	e = url_join(call->arena, base, path, &h->url);
	if (e == ERR_OK)
		e = prov_http_header(
		    h, "content-type", STR("application/json"));
	if (e == ERR_OK)
		e = prov_http_header(h, "accept",
		    call->stream ? STR("text/event-stream")
				 : STR("application/json"));
	if (e != ERR_OK && e != ERR_NOMEM)
		msg_fail_set(fail, MSG_FAIL_INTERNAL,
		    "the base_url of provider %.*s cannot be used: %s",
		    STR_ARG(t->provider), err_word(e));
	return e;
}

enum err
prov_http_done(
    const struct prov_call *call, struct prov_http *h, struct msg_fail *fail)
{
	if (arena_failed(call->arena))
		return ERR_NOMEM;
	if (!h->body.failed)
		return ERR_OK;
	/* A buf fails by its maximum, or for want of memory. */
	if (h->body.n < h->body.max / 2)
		return ERR_NOMEM;
	msg_fail_set(fail, MSG_FAIL_TOO_LARGE,
	    "the request is larger than %zu bytes when written for the "
	    "provider",
	    h->body.max);
	return ERR_LIMIT;
}

bool
prov_tool_is_allowed(const struct msg_request *req, const struct msg_tool *t)
{
	if (req->choice != MSG_CHOICE_ALLOWED)
		return true;
	for (const struct msg_names *n = req->allowed_names; n != NULL;
	     n = n->next) {
		if (str_eq(n->name, t->name))
			return true;
	}
	return false;
}
