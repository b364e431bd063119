-- Schema 1 of the LLM Gateway for SQLite. Times are microseconds since 1970
-- UTC, money is nano-dollars, prices are pico-dollars per token. Made by
-- "llmgwctl db init"; not for running by hand. Table meta is there before it.

-- What changed, for workers that keep copies: they ask every second for what
-- is newer than what they have seen.
CREATE TABLE change_log (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	at INTEGER NOT NULL,
	sort TEXT NOT NULL, -- tenant team user key grant limit secret price
	object_id INTEGER NOT NULL
);
CREATE INDEX change_log_at ON change_log (at);

-- ---- people ---------------------------------------------------------------

CREATE TABLE tenant (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	title TEXT NOT NULL DEFAULT '',
	timezone TEXT NOT NULL DEFAULT 'UTC',
	residency TEXT NOT NULL DEFAULT '', -- tags, with blanks between
	is_blocked INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL
);

CREATE TABLE team (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant_id INTEGER NOT NULL REFERENCES tenant (id),
	name TEXT NOT NULL,
	title TEXT NOT NULL DEFAULT '',
	is_blocked INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	UNIQUE (tenant_id, name)
);

CREATE TABLE user_account (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant_id INTEGER NOT NULL REFERENCES tenant (id),
	name TEXT NOT NULL, -- REMOTE_USER, a certificate's DN, a JWT's subject
	title TEXT NOT NULL DEFAULT '',
	email TEXT NOT NULL DEFAULT '',
	is_blocked INTEGER NOT NULL DEFAULT 0,
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	UNIQUE (tenant_id, name)
);
CREATE INDEX user_account_name ON user_account (name);

CREATE TABLE team_member (
	team_id INTEGER NOT NULL REFERENCES team (id),
	user_id INTEGER NOT NULL REFERENCES user_account (id),
	PRIMARY KEY (team_id, user_id)
) WITHOUT ROWID;
CREATE INDEX team_member_user ON team_member (user_id);

-- viewer, developer, operator, admin, auditor
CREATE TABLE role_grant (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant_id INTEGER REFERENCES tenant (id), -- NULL: in all tenants
	user_id INTEGER REFERENCES user_account (id),
	team_id INTEGER REFERENCES team (id),
	role TEXT NOT NULL,
	created INTEGER NOT NULL
);
CREATE INDEX role_grant_user ON role_grant (user_id);
CREATE INDEX role_grant_team ON role_grant (team_id);

-- Which models: exactly one of tenant (its whole), team, user, key, role.
CREATE TABLE model_grant (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant_id INTEGER NOT NULL REFERENCES tenant (id),
	team_id INTEGER REFERENCES team (id),
	user_id INTEGER REFERENCES user_account (id),
	key_id INTEGER REFERENCES client_key (id),
	role TEXT,
	sort TEXT NOT NULL, -- name tag
	pattern TEXT NOT NULL, -- '*' stands for any run
	is_allowed INTEGER NOT NULL, -- 0: denied whatever else allows it
	created INTEGER NOT NULL
);
CREATE INDEX model_grant_tenant ON model_grant (tenant_id);
CREATE INDEX model_grant_user ON model_grant (user_id);
CREATE INDEX model_grant_key ON model_grant (key_id);

CREATE TABLE client_key (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant_id INTEGER NOT NULL REFERENCES tenant (id),
	team_id INTEGER REFERENCES team (id),
	user_id INTEGER REFERENCES user_account (id),
	name TEXT NOT NULL,
	public TEXT NOT NULL UNIQUE, -- the 8 characters after llmgw_
	hash BLOB NOT NULL UNIQUE, -- keyed BLAKE2b of the whole key
	pepper_id TEXT NOT NULL, -- which pepper
	is_blocked INTEGER NOT NULL DEFAULT 0,
	expires INTEGER, -- rotation sets it: the grace period
	replaced_by INTEGER REFERENCES client_key (id),
	models TEXT NOT NULL DEFAULT '', -- narrows what grants allow
	networks TEXT NOT NULL DEFAULT '', -- CIDR, with blanks between
	hours TEXT NOT NULL DEFAULT '', -- "mon-fri 08:00-18:00"
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL,
	UNIQUE (tenant_id, name)
);
CREATE INDEX client_key_user ON client_key (user_id);
CREATE INDEX client_key_team ON client_key (team_id);

-- ---- providers' keys --------------------------------------------------------

CREATE TABLE provider_secret (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE, -- sealed:NAME
	provider TEXT NOT NULL DEFAULT '',
	master_id TEXT NOT NULL, -- which master key sealed it
	sealed BLOB NOT NULL, -- XChaCha20-Poly1305; the row's id is bound to it
	weight INTEGER NOT NULL DEFAULT 1,
	not_before INTEGER NOT NULL DEFAULT 0,
	not_after INTEGER, -- rotation with overlap
	out_since INTEGER, -- a provider refused it
	out_why TEXT NOT NULL DEFAULT '',
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL
);

-- ---- limits -----------------------------------------------------------------

-- A rule holds for requests that match all that is not NULL.
CREATE TABLE limit_rule (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	tenant_id INTEGER REFERENCES tenant (id),
	team_id INTEGER REFERENCES team (id),
	user_id INTEGER REFERENCES user_account (id),
	key_id INTEGER REFERENCES client_key (id),
	model TEXT, -- alias, '*' stands for any run
	provider TEXT,
	each_of TEXT NOT NULL DEFAULT '', -- tenant team user key model provider:
				-- counts for each of them on its own
	sort TEXT NOT NULL, -- requests tokens input output concurrent money
	amount INTEGER NOT NULL, -- money: nano-dollars
	per INTEGER NOT NULL DEFAULT 0, -- microseconds
	period TEXT NOT NULL DEFAULT '', -- day week month quarter
	mode TEXT NOT NULL DEFAULT 'enforce', -- or shadow
	soft_percent INTEGER NOT NULL DEFAULT 0, -- 0: no event
	created INTEGER NOT NULL,
	changed INTEGER NOT NULL
);
CREATE INDEX limit_rule_key ON limit_rule (key_id);
CREATE INDEX limit_rule_user ON limit_rule (user_id);

-- ---- prices -----------------------------------------------------------------

CREATE TABLE price_version (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	source TEXT NOT NULL, -- catalogue, litellm, models.dev, genai-prices, hand
	note TEXT NOT NULL DEFAULT '',
	digest TEXT NOT NULL, -- of the rows: the same are not stored twice
	created INTEGER NOT NULL
);

-- The newest version's row of a model counts. above: tokens of the prompt from
-- which this row counts (tiers). NULL: this sort of token has no price of its
-- own and is priced as its parent (cached as input, reasoning as output ...).
CREATE TABLE price (
	version_id INTEGER NOT NULL REFERENCES price_version (id),
	provider TEXT NOT NULL, -- provider's or vendor's kind, '*': any
	model TEXT NOT NULL, -- '*' stands for any run
	above INTEGER NOT NULL DEFAULT 0,
	batch INTEGER NOT NULL DEFAULT 0, -- 1: price of batch processing
	input INTEGER,
	output INTEGER,
	cached INTEGER,
	cache_write INTEGER,
	cache_write_1h INTEGER,
	reasoning INTEGER,
	audio_in INTEGER,
	audio_out INTEGER,
	image_in INTEGER,
	per_request INTEGER, -- nano-dollars
	PRIMARY KEY (version_id, provider, model, above, batch)
) WITHOUT ROWID;

-- ---- ledger -----------------------------------------------------------------

-- One row for each call to a provider; id is made by the worker, so a record
-- that is drained twice is one row.
CREATE TABLE ledger (
	day INTEGER NOT NULL, -- days since 1970 UTC of `began`
	id BLOB NOT NULL, -- 6 bytes of milliseconds, 10 random
	request_id TEXT NOT NULL,
	attempt INTEGER NOT NULL, -- 1 ...
	began INTEGER NOT NULL,
	ended INTEGER,
	node TEXT NOT NULL,
	tenant_id INTEGER,
	team_id INTEGER,
	user_id INTEGER,
	key_id INTEGER,
	client TEXT NOT NULL, -- key's or user's name
	surface TEXT NOT NULL,
	alias TEXT NOT NULL,
	provider TEXT NOT NULL,
	model TEXT NOT NULL,
	state TEXT NOT NULL, -- meter/booking.h
	status INTEGER, -- the provider's
	is_estimated INTEGER NOT NULL, -- tokens are counted by us
	prompt INTEGER, -- tokens, all of the prompt
	completion INTEGER, -- tokens, all of the answer
	cached INTEGER, -- of prompt
	cache_write INTEGER, -- of prompt
	cache_write_1h INTEGER, -- of cache_write
	reasoning INTEGER, -- of completion
	audio_in INTEGER, -- of prompt
	audio_out INTEGER, -- of completion
	cost INTEGER, -- nano-dollars; NULL: unpriced
	price_version INTEGER,
	PRIMARY KEY (day, id)
) WITHOUT ROWID;
CREATE INDEX ledger_began ON ledger (began);
CREATE INDEX ledger_request ON ledger (request_id);

-- Sums by minute, hour and day; what is not known is '' or 0.
CREATE TABLE usage_rollup (
	span TEXT NOT NULL, -- minute hour day
	start INTEGER NOT NULL,
	tenant_id INTEGER NOT NULL,
	team_id INTEGER NOT NULL,
	user_id INTEGER NOT NULL,
	key_id INTEGER NOT NULL,
	client TEXT NOT NULL,
	alias TEXT NOT NULL,
	provider TEXT NOT NULL,
	model TEXT NOT NULL,
	requests INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	lost INTEGER NOT NULL,
	estimated INTEGER NOT NULL,
	unpriced INTEGER NOT NULL,
	prompt INTEGER NOT NULL,
	completion INTEGER NOT NULL,
	cached INTEGER NOT NULL,
	reasoning INTEGER NOT NULL,
	cost INTEGER NOT NULL,
	PRIMARY KEY (span, start, tenant_id, team_id, user_id, key_id, client,
	    alias, provider, model)
) WITHOUT ROWID;

-- How far each spool segment has been taken over.
CREATE TABLE spool_segment (
	node TEXT NOT NULL,
	name TEXT NOT NULL,
	taken INTEGER NOT NULL, -- bytes
	changed INTEGER NOT NULL,
	PRIMARY KEY (node, name)
) WITHOUT ROWID;

-- ---- audit ------------------------------------------------------------------

CREATE TABLE audit (
	seq INTEGER NOT NULL PRIMARY KEY,
	day INTEGER NOT NULL,
	at INTEGER NOT NULL,
	actor TEXT NOT NULL, -- "cli:root", "user:acme/kim", "key:AbCd1234"
	action TEXT NOT NULL, -- "key.create", "auth.refused"
	object TEXT NOT NULL, -- "key:12"
	tenant_id INTEGER,
	result TEXT NOT NULL, -- ok, or why not
	reason TEXT NOT NULL DEFAULT '', -- as the actor gave it
	address TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT '', -- JSON object
	source_id BLOB UNIQUE, -- of an event that came by the spool
	hash BLOB NOT NULL -- of the row and the hash before it
);
CREATE INDEX audit_at ON audit (at);

-- Against mistakes; who owns the file can drop these, and the chain tells what
-- was changed. Days before meta's audit_kept_from are no longer kept.
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
WHEN OLD.day >= (SELECT CAST(IFNULL(MAX(value), '0') AS INTEGER) FROM meta
    WHERE name = 'audit_kept_from')
BEGIN
	SELECT RAISE(ABORT, 'rows of the audit are kept until their day is dropped');
END;
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
BEGIN
	SELECT RAISE(ABORT, 'rows of the audit are never changed');
END;
-- REPLACE would delete without asking.
CREATE TRIGGER audit_is_added BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)
BEGIN
	SELECT RAISE(ABORT, 'rows of the audit are never replaced');
END;

-- The end of the chain, in the one row 0, and of each day.
CREATE TABLE audit_head (
	day INTEGER NOT NULL PRIMARY KEY, -- 0: now
	seq INTEGER NOT NULL,
	hash BLOB NOT NULL
);
