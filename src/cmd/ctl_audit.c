/* llmgwctl audit: looking at the chain, never changing it. */
#include "cmd/ctl.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/json_out.h"
#include "base/num.h"
#include "store/audit.h"
#include "store/people.h"

#define DAY_USEC (86400 * USEC_PER_SEC)
#define PORTION 2000u
#define LINE_MAX_BYTES ((size_t)256 * 1024)
/* "SEQ:HASH" */
#define HEAD_SIZE (24 + 2 * STORE_AUDIT_HASH)

static struct {
	const char *from, *to;
	const char *actor, *action, *object, *tenant;
	const char *head;
	uint32_t limit;
} given = { .limit = 50 };

#define FROM_ROW                                                        \
	{                                                               \
		.name = "from", .type = OPT_TEXT, .value = &given.from, \
		.arg = "DATE",                                          \
		.help = "Only from this day on, in UTC: 2026-11-21."    \
	}
#define FILTER_ROWS                                                         \
	FROM_ROW,                                                           \
	    { .name = "to",                                                 \
		    .type = OPT_TEXT,                                       \
		    .value = &given.to,                                     \
		    .arg = "DATE",                                          \
		    .help = "Only to this day, itself included." },         \
	    { .name = "by",                                                 \
		    .type = OPT_TEXT,                                       \
		    .value = &given.actor,                                  \
		    .arg = "WHO",                                           \
		    .help = "Only what this one did: cli:root, "            \
			    "user:TENANT/NAME, key:TENANT/NAME; key:NAME "  \
			    "of the configuration; key:PUBLIC, its 8 "      \
			    "characters, of one that was refused." },       \
	    { .name = "action",                                             \
		    .type = OPT_TEXT,                                       \
		    .value = &given.action,                                 \
		    .arg = "WORDS",                                         \
		    .help = "Only actions that begin so: key. or "          \
			    "auth.refused." },                              \
	    { .name = "object",                                             \
		    .type = OPT_TEXT,                                       \
		    .value = &given.object,                                 \
		    .arg = "WHAT",                                          \
		    .help = "Only what was done to this: key:12." },        \
	{                                                                   \
		.name = "tenant", .type = OPT_TEXT, .value = &given.tenant, \
		.arg = "NAME", .help = "Only what belongs to this tenant."  \
	}

static const struct opt_row list_options[] = {
	FILTER_ROWS,
	{ .name = "limit",
	    .type = OPT_NUMBER,
	    .value = &given.limit,
	    .arg = "N",
	    .min = 1,
	    .max = 10000,
	    .help = "At most so many, the newest ones; 50 when it is not "
		    "given." },
	{ 0 },
};
static const struct opt_row export_options[] = { FILTER_ROWS, { 0 } };
static const struct opt_row verify_options[] = {
	FROM_ROW,
	{ .name = "head",
	    .type = OPT_TEXT,
	    .value = &given.head,
	    .arg = "SEQ:HASH",
	    .help = "A head that was kept somewhere else (llmgwctl audit "
		    "head): the chain must still have it." },
	{ 0 },
};

/* ---- what was asked for ----------------------------------------------------- */

/* 0 when it was not given. */
static int
read_day(struct ctl *c, const char *text, int64_t *day)
{
	*day = 0;
	if (text == NULL || store_day_parse(str_z(text), day) == ERR_OK)
		return CTL_OK;
	return ctl_fail(c, "'%s' is no date: it is written 2026-11-21", text);
}

static int
read_tenant(struct ctl *c, int64_t *id)
{
	struct store_tenant t;
	enum err e;

	if (given.tenant == NULL)
		return CTL_OK;
	e = store_tenant_find(c->store, str_z(given.tenant), c->arena, &t);
	if (e == ERR_NOT_FOUND)
		return ctl_fail(c,
		    "no tenant '%s'; llmgwctl tenant list shows them",
		    given.tenant);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	*id = t.id;
	return CTL_OK;
}

static int
read_filter(struct ctl *c, struct store_audit_filter *f)
{
	int64_t from, to;
	int status = read_day(c, given.from, &from);

	*f = (struct store_audit_filter){
		.actor = str_z(given.actor),
		.action = str_z(given.action),
		.object = str_z(given.object),
	};
	if (status == CTL_OK)
		status = read_day(c, given.to, &to);
	if (status != CTL_OK)
		return status;
	f->from = from * DAY_USEC;
	f->to = to > 0 ? (to + 1) * DAY_USEC : 0;
	return read_tenant(c, &f->tenant_id);
}

static int
hex_digit(char ch)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = ch != '\0' ? strchr(digits, ch) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

static int
read_head(struct ctl *c, struct store_audit_head *head)
{
	struct str hash = str_z(given.head);
	struct str seq;
	bool good;

	if (given.head == NULL)
		return CTL_OK;
	seq = str_cut(&hash, ':');
	good = num_parse_i64(seq, &head->seq) == ERR_OK && head->seq > 0 &&
	       hash.n == (size_t)2 * STORE_AUDIT_HASH;
	for (size_t i = 0; good && i < STORE_AUDIT_HASH; i++) {
		int high = hex_digit(hash.p[2 * i]);
		int low = hex_digit(hash.p[2 * i + 1]);

		good = high >= 0 && low >= 0;
		head->hash[i] = (unsigned char)(high * 16 + low);
	}
	if (good)
		return CTL_OK;
	return ctl_fail(c,
	    "'%s' is no head: llmgwctl audit head prints SEQ:HASH", given.head);
}

static void
print_head(const struct store_audit_head *h, char out[HEAD_SIZE])
{
	char hex[2 * STORE_AUDIT_HASH + 1];

	hash_hex(h->hash, STORE_AUDIT_HASH, hex);
	(void)snprintf(out, HEAD_SIZE, "%lld:%s", (long long)h->seq, hex);
}

/* ---- list -------------------------------------------------------------------- */

static enum err
list_row(void *arg, const struct store_audit *row)
{
	struct ctl *c = arg;

	ctl_put_int(c, row->seq);
	ctl_put_time(c, row->at);
	ctl_put_text(c, row->actor);
	ctl_put_text(c, row->action);
	ctl_put_text(c, row->object);
	ctl_put_text(c, row->result);
	ctl_put_text(c, row->reason);
	ctl_put_text(c, row->address);
	ctl_put_text(c, row->detail);
	return ERR_OK;
}

static int
run_list(struct ctl *c)
{
	static const char *const columns[] = { "seq", "time", "actor", "action",
		"object", "result", "reason", "address", "detail", NULL };
	struct store_audit_filter f;
	int status = read_filter(c, &f);
	enum err e;

	if (status != CTL_OK)
		return status;
	f.newest_first = true;
	ctl_list_begin(c, columns);
	e = store_audit_each(c->store, &f, given.limit, list_row, c);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	return ctl_list_end(c);
}

/* ---- export ------------------------------------------------------------------ */

struct export
{
	struct buf line;
	uint32_t portion;
	int64_t seq;
	FILE *to;
};

static void
put_hex(struct json_out *o, const char *key, struct str s)
{
	char hex[2 * 64 + 1] = "";

	if (s.n <= 64)
		hash_hex((const unsigned char *)s.p, s.n, hex);
	json_out_key(o, key);
	if (str_present(s))
		json_out_strz(o, hex);
	else
		json_out_null(o);
}

/* All columns as they are, so that the hashes can be made again of them. */
static enum err
export_row(void *arg, const struct store_audit *row)
{
	struct export *x = arg;
	char time[CLOCK_ISO_SIZE], day[STORE_DAY_SIZE];
	struct json_out o;

	clock_iso(row->at, time);
	store_day_print(row->day, day);
	buf_reset(&x->line);
	json_out_init(&o, &x->line);
	json_out_obj(&o);
	json_out_kv_i64(&o, "seq", row->seq);
	json_out_kv_str(&o, "day", str_z(day));
	json_out_kv_str(&o, "time", str_z(time));
	json_out_kv_str(&o, "actor", row->actor);
	json_out_kv_str(&o, "action", row->action);
	json_out_kv_str(&o, "object", row->object);
	json_out_kv_i64(&o, "tenant_id", row->tenant_id);
	json_out_kv_str(&o, "result", row->result);
	json_out_kv_str(&o, "reason", row->reason);
	json_out_kv_str(&o, "address", row->address);
	json_out_kv_str(&o, "detail", row->detail);
	put_hex(&o, "source_id", row->source_id);
	put_hex(&o, "hash", str_of((const char *)row->hash, sizeof(row->hash)));
	json_out_end(&o);
	buf_addc(&x->line, '\n');
	x->portion++;
	x->seq = row->seq;
	if (x->line.failed)
		return ERR_NOMEM;
	return fwrite(x->line.p, 1, x->line.n, x->to) == x->line.n ? ERR_OK
								   : ERR_CLOSED;
}

static int
run_export(struct ctl *c)
{
	struct export x = { .to = stdout };
	struct store_audit_filter f;
	int status = read_filter(c, &f);
	enum err e = ERR_OK;

	if (status != CTL_OK)
		return status;
	buf_init(&x.line, LINE_MAX_BYTES);
	do {
		x.portion = 0;
		f.after_seq = x.seq;
		e = store_audit_each(c->store, &f, PORTION, export_row, &x);
	} while (e == ERR_OK && x.portion == PORTION);
	buf_fini(&x.line);
	if (e == ERR_CLOSED && ferror(stdout))
		return ctl_flushed(CTL_FAILED);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	return ctl_flushed(CTL_OK);
}

/* ---- verify and head -------------------------------------------------------- */

static int
run_verify(struct ctl *c)
{
	static const char *const columns[] = { "is_whole", "first_seq", "rows",
		"head", NULL };
	struct store_audit_check check = { 0 };
	struct store_audit_verdict v;
	char head[HEAD_SIZE];
	int status = read_day(c, given.from, &check.from_day);
	enum err e;

	if (status == CTL_OK)
		status = read_head(c, &check.known);
	if (status != CTL_OK)
		return status;
	e = store_audit_verify(c->store, &check, &v);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	if (!v.is_whole)
		return ctl_fail(c,
		    "the audit was changed: %s (%lld rows "
		    "before it are as they were written)",
		    v.why, (long long)v.rows);
	print_head(&v.end, head);
	ctl_record_begin(c, columns);
	ctl_put_bool(c, true);
	ctl_put_int(c, v.first_seq);
	ctl_put_int(c, v.rows);
	ctl_put_text(c, str_z(head));
	return ctl_done(c,
	    "OK: %lld rows from %lld on are as they were "
	    "written; head %s",
	    (long long)v.rows, (long long)v.first_seq, head);
}

static enum err
keep_head(void *arg, const struct store_audit_head *h)
{
	struct store_audit_head *kept = arg;

	if (h->day == kept->day)
		*kept = *h;
	return ERR_OK;
}

static int
run_head(struct ctl *c)
{
	static const char *const columns[] = { "seq", "head", NULL };
	const char *date = c->n_operands > 0 ? c->operands[0] : NULL;
	struct store_audit_head h = { 0 };
	char text[HEAD_SIZE];
	int status = read_day(c, date, &h.day);
	enum err e;

	if (status != CTL_OK)
		return status;
	e = store_audit_heads(c->store, h.day, h.day, keep_head, &h);
	if (e != ERR_OK)
		return ctl_store_fail(c, e);
	if (h.seq == 0)
		return ctl_fail(c, date != NULL
				       ? "no row was written on that day"
				       : "nothing was written yet");
	print_head(&h, text);
	ctl_record_begin(c, columns);
	ctl_put_int(c, h.seq);
	ctl_put_text(c, str_z(text));
	return ctl_done(c, "%s", text);
}

const struct ctl_command ctl_audit_commands[] = {
	{ .group = "audit",
	    .verb = "list",
	    .operands = "",
	    .flags = CTL_STORE,
	    .options = list_options,
	    .help = "show who did what, the newest first",
	    .run = run_list },
	{ .group = "audit",
	    .verb = "verify",
	    .operands = "",
	    .flags = CTL_STORE,
	    .options = verify_options,
	    .help = "tell whether anything in the audit was changed",
	    .more = "Each row has a hash of itself and of the hash before "
		    "it. All rows are read; the first place that does not "
		    "fit is told: a row that is not as it was written, a "
		    "gap, rows missing at the beginning or at the end. Who "
		    "can write all of the database can also make a new chain; "
		    "a head that was kept elsewhere tells that.",
	    .run = run_verify },
	{ .group = "audit",
	    .verb = "export",
	    .operands = "",
	    .flags = CTL_STORE | CTL_RAW,
	    .options = export_options,
	    .help = "print it as one JSON object per line, the oldest first",
	    .more = "All columns are there as they are kept, so that whoever "
		    "gets the lines can make the hashes again.",
	    .run = run_export },
	{ .group = "audit",
	    .verb = "head",
	    .operands = "[DATE]",
	    .max = 1,
	    .flags = CTL_STORE,
	    .help = "print the end of the chain, or of a day, to be kept "
		    "elsewhere",
	    .run = run_head },
	{ 0 },
};
