/* llmgwctl key: the peppers that the hashes of keys are keyed with */
#include "cmd/ctl_key.h"

#include "gate/pepper.h"

int
ctl_pepper_fail(struct ctl *c, enum err e)
{
	const char *why = err_word(e);

	if (e == ERR_SYNTAX)
		why = "its size is not one to four times 32 bytes, or a "
		      "pepper is in it twice";
	else if (e == ERR_AGAIN)
		why = "another llmgwctl changes it; try again";
	else if (e == ERR_LIMIT)
		why = "it has four already; llmgwctl key drop-pepper takes an "
		      "old one away";
	else if (e == ERR_NOT_FOUND)
		why = "there is none yet; it is made with the first key, or "
		      "copied from the host that has it";
	return ctl_fail(c, "%.*s/pepper: %s", STR_ARG(c->state_dir), why);
}

static int
load(struct ctl *c, struct gate_pepper *p)
{
	enum err e = gate_pepper_load(c->state_dir, p);

	return e == ERR_OK ? CTL_OK : ctl_pepper_fail(c, e);
}

/* ---- looking ------------------------------------------------------------- */

struct counts {
	struct str id;
	int64_t secrets, lasting;
};

struct listing {
	struct ctl *c;
	struct counts in_file[GATE_PEPPERS_MAX];
	uint32_t n; /* of them */
};

static void
put(struct ctl *c, struct str id, const char *state, int64_t secrets,
    int64_t lasting)
{
	ctl_put_text(c, id);
	ctl_put_text(c, str_z(state));
	ctl_put_int(c, secrets);
	ctl_put_int(c, lasting);
}

static enum err
on_pepper(void *arg, struct str id, int64_t secrets, int64_t lasting)
{
	struct listing *l = arg;

	for (uint32_t i = 0; i < l->n; i++) {
		if (!str_eq(l->in_file[i].id, id))
			continue;
		l->in_file[i].secrets = secrets;
		l->in_file[i].lasting = lasting;
		return ERR_OK;
	}
	if (l->c)
		put(l->c, id, "missing", secrets, lasting);
	return ERR_OK;
}

/* c: NULL when those that no file has are not to be listed. */
static enum err
count(struct listing *l, struct ctl *c, struct store *s,
    const struct gate_pepper *p)
{
	*l = (struct listing){ .c = c };
	if (p->bytes)
		l->in_file[l->n++].id = str_z(p->id);
	for (uint32_t i = 0; i < p->n_older; i++)
		l->in_file[l->n++].id = str_z(p->older[i].id);
	return store_key_peppers(s, clock_wall(), on_pepper, l);
}

int
ctl_pepper_list(struct ctl *c)
{
	static const char *const columns[] = { "pepper", "state", "secrets",
		"lasting", NULL };
	struct gate_pepper p = { 0 };
	struct listing l;
	int status;
	enum err e = gate_pepper_load(c->state_dir, &p);

	/* Without the file all are missing. */
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return ctl_pepper_fail(c, e);
	ctl_list_begin(c, columns);
	e = count(&l, c, c->store, &p);
	for (uint32_t i = 0; i < l.n; i++)
		put(c, l.in_file[i].id, i == 0 ? "present" : "old",
		    l.in_file[i].secrets, l.in_file[i].lasting);
	status = ctl_list_read(c, e);
	gate_pepper_fini(&p);
	return status;
}

/* ---- changing ------------------------------------------------------------ */

struct change {
	struct ctl *c;
	struct str drop; /* absent: a new one */
	struct gate_pepper now; /* what the file has then */
	int64_t lasting; /* that hang on the one to drop */
	enum err err; /* of the file */
	bool is_done;
};

/* The file within the transaction: neither without the other's row. */
static enum err
change_file(struct change *ch)
{
	struct str dir = ch->c->state_dir;

	if (ch->is_done) /* it runs again */
		return ERR_OK;
	ch->err = str_present(ch->drop)
		      ? gate_pepper_drop(dir, ch->drop, &ch->now)
		      : gate_pepper_add(dir, &ch->now);
	ch->is_done = ch->err == ERR_OK;
	return ch->is_done ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err
count_lasting(struct change *ch, struct store *s)
{
	struct gate_pepper p = { 0 };
	struct listing l;
	enum err e = gate_pepper_load(ch->c->state_dir, &p);

	ch->lasting = 0;
	if (e == ERR_OK)
		e = count(&l, NULL, s, &p);
	for (uint32_t i = 0; e == ERR_OK && i < l.n; i++)
		if (str_eq(l.in_file[i].id, ch->drop))
			ch->lasting = l.in_file[i].lasting;
	gate_pepper_fini(&p);
	return e;
}

static enum err
apply(struct store *s, void *arg)
{
	struct change *ch = arg;
	bool is_drop = str_present(ch->drop);
	enum err e = ERR_OK;
	struct ctl_pair detail[] = { { "pepper", ch->drop }, { 0 } };

	if (is_drop && !ch->is_done) {
		e = count_lasting(ch, s);
		if (e == ERR_OK && ch->lasting > 0)
			return ERR_UNSUPPORTED;
	}
	if (e == ERR_OK)
		e = change_file(ch);
	if (e != ERR_OK)
		return e;
	if (!is_drop)
		detail[0].value = str_z(ch->now.id);
	return ctl_act(ch->c, is_drop ? "pepper.drop" : "pepper.create",
	    "pepper", 0, 0, ctl_detail(ch->c, detail));
}

static int
say_why(struct change *ch)
{
	struct ctl *c = ch->c;

	if (ch->lasting > 0)
		return ctl_fail(c,
		    "%lld secrets that last hang on '%.*s': rotate their keys "
		    "or let them expire (llmgwctl key list --all --pepper "
		    "%.*s)",
		    (long long)ch->lasting, STR_ARG(ch->drop),
		    STR_ARG(ch->drop));
	if (ch->err == ERR_RANGE)
		return ctl_fail(c,
		    "'%.*s' is no old pepper of %.*s/pepper; llmgwctl key "
		    "peppers shows them",
		    STR_ARG(ch->drop), STR_ARG(c->state_dir));
	return ctl_pepper_fail(c, ch->err);
}

static int
run(struct change *ch, const char *done)
{
	static const char *const columns[] = { "pepper", "older", NULL };
	struct ctl *c = ch->c;
	enum err e = store_atomically(c->store, apply, ch);
	int status = CTL_OK;

	if (e == ERR_UNSUPPORTED || (e != ERR_OK && ch->err != ERR_OK))
		status = say_why(ch);
	else if (e != ERR_OK)
		status = ctl_store_fail(c, e);
	if (status == CTL_OK) {
		ctl_record_begin(c, columns);
		ctl_put_text(c, str_z(ch->now.id));
		ctl_put_int(c, ch->now.n_older);
		status = ctl_done(c,
		    "%.*s/pepper: %s; copy it to the other "
		    "hosts of this database, if there are any",
		    STR_ARG(c->state_dir), done);
	}
	gate_pepper_fini(&ch->now);
	return status;
}

int
ctl_pepper_add(struct ctl *c)
{
	struct change ch = { .c = c };

	return run(&ch, "new secrets hang on a new pepper");
}

int
ctl_pepper_drop(struct ctl *c)
{
	struct change ch = { .c = c, .drop = ctl_operand(c, 0) };
	struct gate_pepper p = { 0 };
	int status = load(c, &p);

	if (status == CTL_OK && str_eqz(ch.drop, p.id))
		status = ctl_fail(c,
		    "'%s' is the present pepper; llmgwctl key new-pepper "
		    "makes another one first",
		    p.id);
	gate_pepper_fini(&p);
	return status == CTL_OK ? run(&ch, "the old pepper is gone") : status;
}
