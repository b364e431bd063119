-- Schema 1 of the LLM Gateway for MariaDB: see sql/sqlite/1.sql, which has the
-- same tables and columns. Made by "llmgwctl db init"; not for running by hand.
-- Table meta is there before it.
--
-- MariaDB commits each statement here by itself, and one that was killed is
-- run again: each must be able to run twice. Texts compare by bytes, and a
-- blank at the end counts (nopad). Lengths: STORE_NAME_MAX in src/store/store.h.

-- What changed, for workers that keep copies: they ask every second for what
-- is newer than what they have seen.
CREATE TABLE IF NOT EXISTS change_log (
	seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	at BIGINT NOT NULL,
	sort VARCHAR(32) NOT NULL, -- see sqlite
	object_id BIGINT NOT NULL,
	INDEX change_log_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- people ---------------------------------------------------------------

CREATE TABLE IF NOT EXISTS tenant (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name VARCHAR(190) NOT NULL UNIQUE,
	title VARCHAR(1000) NOT NULL DEFAULT '',
	timezone VARCHAR(64) NOT NULL DEFAULT 'UTC',
	residency VARCHAR(1000) NOT NULL DEFAULT '', -- tags, with blanks between
	is_blocked BIGINT NOT NULL DEFAULT 0,
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS team (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tenant_id BIGINT NOT NULL,
	name VARCHAR(190) NOT NULL,
	title VARCHAR(1000) NOT NULL DEFAULT '',
	is_blocked BIGINT NOT NULL DEFAULT 0,
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	UNIQUE (tenant_id, name),
	FOREIGN KEY (tenant_id) REFERENCES tenant (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS user_account (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tenant_id BIGINT NOT NULL,
	-- REMOTE_USER, a certificate's DN, a JWT's subject
	name VARCHAR(190) NOT NULL,
	title VARCHAR(1000) NOT NULL DEFAULT '',
	email VARCHAR(320) NOT NULL DEFAULT '',
	is_blocked BIGINT NOT NULL DEFAULT 0,
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	UNIQUE (tenant_id, name),
	INDEX user_account_name (name),
	FOREIGN KEY (tenant_id) REFERENCES tenant (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS team_member (
	team_id BIGINT NOT NULL,
	user_id BIGINT NOT NULL,
	PRIMARY KEY (team_id, user_id),
	INDEX team_member_user (user_id),
	FOREIGN KEY (team_id) REFERENCES team (id),
	FOREIGN KEY (user_id) REFERENCES user_account (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- viewer, developer, operator, admin, auditor
CREATE TABLE IF NOT EXISTS role_grant (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tenant_id BIGINT, -- NULL: in all tenants
	user_id BIGINT,
	team_id BIGINT,
	role VARCHAR(32) NOT NULL,
	created BIGINT NOT NULL,
	INDEX role_grant_team (team_id),
	INDEX role_grant_user (user_id),
	FOREIGN KEY (tenant_id) REFERENCES tenant (id),
	FOREIGN KEY (user_id) REFERENCES user_account (id),
	FOREIGN KEY (team_id) REFERENCES team (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS client_key (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tenant_id BIGINT NOT NULL,
	team_id BIGINT,
	user_id BIGINT,
	name VARCHAR(190) NOT NULL,
	public VARCHAR(32) NOT NULL UNIQUE, -- the 8 characters after llmgw_
	hash VARBINARY(64) NOT NULL UNIQUE, -- keyed BLAKE2b of the whole key
	pepper_id VARCHAR(64) NOT NULL, -- which pepper
	is_blocked BIGINT NOT NULL DEFAULT 0,
	expires BIGINT, -- rotation sets it: the grace period
	replaced_by BIGINT,
	models VARCHAR(4000) NOT NULL DEFAULT '', -- narrows what grants allow
	networks VARCHAR(4000) NOT NULL DEFAULT '', -- CIDR, with blanks between
	hours VARCHAR(1000) NOT NULL DEFAULT '', -- "mon-fri 08:00-18:00"
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	UNIQUE (tenant_id, name),
	INDEX client_key_team (team_id),
	INDEX client_key_user (user_id),
	FOREIGN KEY (tenant_id) REFERENCES tenant (id),
	FOREIGN KEY (team_id) REFERENCES team (id),
	FOREIGN KEY (user_id) REFERENCES user_account (id),
	FOREIGN KEY (replaced_by) REFERENCES client_key (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- Which models: exactly one of tenant (its whole), team, user, key, role.
CREATE TABLE IF NOT EXISTS model_grant (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	tenant_id BIGINT NOT NULL,
	team_id BIGINT,
	user_id BIGINT,
	key_id BIGINT,
	role VARCHAR(32),
	sort VARCHAR(32) NOT NULL, -- name tag
	pattern VARCHAR(190) NOT NULL, -- '*' stands for any run
	is_allowed BIGINT NOT NULL, -- 0: denied whatever else allows it
	created BIGINT NOT NULL,
	INDEX model_grant_key (key_id),
	INDEX model_grant_user (user_id),
	INDEX model_grant_tenant (tenant_id),
	FOREIGN KEY (tenant_id) REFERENCES tenant (id),
	FOREIGN KEY (team_id) REFERENCES team (id),
	FOREIGN KEY (user_id) REFERENCES user_account (id),
	FOREIGN KEY (key_id) REFERENCES client_key (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- providers' keys ------------------------------------------------------

CREATE TABLE IF NOT EXISTS provider_secret (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name VARCHAR(190) NOT NULL UNIQUE, -- sealed:NAME
	provider VARCHAR(128) NOT NULL DEFAULT '',
	master_id VARCHAR(64) NOT NULL, -- which master key sealed it
	sealed BLOB NOT NULL, -- XChaCha20-Poly1305; the row's id is bound to it
	weight BIGINT NOT NULL DEFAULT 1,
	not_before BIGINT NOT NULL DEFAULT 0,
	not_after BIGINT, -- rotation with overlap
	out_since BIGINT, -- a provider refused it
	out_why VARCHAR(1000) NOT NULL DEFAULT '',
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- limits ---------------------------------------------------------------

-- A rule holds for requests that match all that is not NULL.
CREATE TABLE IF NOT EXISTS limit_rule (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	name VARCHAR(190) NOT NULL UNIQUE,
	tenant_id BIGINT,
	team_id BIGINT,
	user_id BIGINT,
	key_id BIGINT,
	model VARCHAR(190), -- alias, '*' stands for any run
	provider VARCHAR(128),
	-- tenant team user key model provider: for each of them on its own
	each_of VARCHAR(64) NOT NULL DEFAULT '',
	sort VARCHAR(32) NOT NULL, -- requests tokens input output concurrent money
	amount BIGINT NOT NULL, -- money: nano-dollars
	per BIGINT NOT NULL DEFAULT 0, -- microseconds
	period VARCHAR(16) NOT NULL DEFAULT '', -- day week month quarter
	mode VARCHAR(16) NOT NULL DEFAULT 'enforce', -- or shadow
	soft_percent BIGINT NOT NULL DEFAULT 0, -- 0: no event
	created BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	INDEX limit_rule_user (user_id),
	INDEX limit_rule_key (key_id),
	FOREIGN KEY (tenant_id) REFERENCES tenant (id),
	FOREIGN KEY (team_id) REFERENCES team (id),
	FOREIGN KEY (user_id) REFERENCES user_account (id),
	FOREIGN KEY (key_id) REFERENCES client_key (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- prices ---------------------------------------------------------------

CREATE TABLE IF NOT EXISTS price_version (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	-- catalogue, litellm, models.dev, genai-prices, hand
	source VARCHAR(64) NOT NULL,
	note VARCHAR(1000) NOT NULL DEFAULT '',
	digest VARCHAR(128) NOT NULL, -- of the rows: the same are not stored twice
	created BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- The newest version's row of a model counts. above: tokens of the prompt from
-- which this row counts (tiers). NULL: this sort of token has no price of its
-- own and is priced as its parent (cached as input, reasoning as output ...).
CREATE TABLE IF NOT EXISTS price (
	version_id BIGINT NOT NULL,
	provider VARCHAR(128) NOT NULL, -- provider's or vendor's kind, '*': any
	model VARCHAR(190) NOT NULL, -- '*' stands for any run
	above BIGINT NOT NULL DEFAULT 0,
	batch BIGINT NOT NULL DEFAULT 0, -- 1: price of batch processing
	input BIGINT,
	output BIGINT,
	cached BIGINT,
	cache_write BIGINT,
	cache_write_1h BIGINT,
	reasoning BIGINT,
	audio_in BIGINT,
	audio_out BIGINT,
	image_in BIGINT,
	per_request BIGINT, -- nano-dollars
	PRIMARY KEY (version_id, provider, model, above, batch),
	FOREIGN KEY (version_id) REFERENCES price_version (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- ledger ---------------------------------------------------------------

-- One row for each call to a provider; id is made by the worker, so a record
-- that is drained twice is one row.
CREATE TABLE IF NOT EXISTS ledger (
	day BIGINT NOT NULL, -- days since 1970 UTC of `began`
	id BINARY(16) NOT NULL, -- 6 bytes of milliseconds, 10 random
	request_id VARCHAR(128) NOT NULL,
	attempt BIGINT NOT NULL, -- 1 ...
	began BIGINT NOT NULL,
	ended BIGINT,
	node VARCHAR(128) NOT NULL,
	tenant_id BIGINT,
	team_id BIGINT,
	user_id BIGINT,
	key_id BIGINT,
	client VARCHAR(190) NOT NULL, -- key's or user's name
	surface VARCHAR(64) NOT NULL,
	alias VARCHAR(190) NOT NULL,
	provider VARCHAR(128) NOT NULL,
	model VARCHAR(190) NOT NULL,
	state VARCHAR(16) NOT NULL, -- meter/booking.h
	status BIGINT, -- the provider's
	is_estimated BIGINT NOT NULL, -- tokens are counted by us
	prompt BIGINT, -- tokens, all of the prompt
	completion BIGINT, -- tokens, all of the answer
	cached BIGINT, -- of prompt
	cache_write BIGINT, -- of prompt
	cache_write_1h BIGINT, -- of cache_write
	reasoning BIGINT, -- of completion
	audio_in BIGINT, -- of prompt
	audio_out BIGINT, -- of completion
	cost BIGINT, -- nano-dollars; NULL: unpriced
	price_version BIGINT,
	PRIMARY KEY (day, id),
	INDEX ledger_request (request_id),
	INDEX ledger_began (began)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin
	PARTITION BY RANGE (day) (
		PARTITION p_rest VALUES LESS THAN MAXVALUE
	);

-- Sums by minute, hour and day; what is not known is '' or 0.
CREATE TABLE IF NOT EXISTS usage_rollup (
	span VARCHAR(8) NOT NULL, -- minute hour day
	start BIGINT NOT NULL,
	tenant_id BIGINT NOT NULL,
	team_id BIGINT NOT NULL,
	user_id BIGINT NOT NULL,
	key_id BIGINT NOT NULL,
	client VARCHAR(190) NOT NULL,
	alias VARCHAR(190) NOT NULL,
	provider VARCHAR(128) NOT NULL,
	model VARCHAR(190) NOT NULL,
	requests BIGINT NOT NULL,
	failed BIGINT NOT NULL,
	lost BIGINT NOT NULL,
	estimated BIGINT NOT NULL,
	unpriced BIGINT NOT NULL,
	prompt BIGINT NOT NULL,
	completion BIGINT NOT NULL,
	cached BIGINT NOT NULL,
	reasoning BIGINT NOT NULL,
	cost BIGINT NOT NULL,
	PRIMARY KEY (span, start, tenant_id, team_id, user_id, key_id, client,
	    alias, provider, model)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- How far each spool segment has been taken over.
CREATE TABLE IF NOT EXISTS spool_segment (
	node VARCHAR(128) NOT NULL,
	name VARCHAR(190) NOT NULL,
	taken BIGINT NOT NULL, -- bytes
	changed BIGINT NOT NULL,
	PRIMARY KEY (node, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- audit ----------------------------------------------------------------

-- A partitioned table's keys must have the day: seq counts on (audit_head), and
-- an event that came by the spool has one day.
CREATE TABLE IF NOT EXISTS audit (
	seq BIGINT NOT NULL,
	day BIGINT NOT NULL,
	at BIGINT NOT NULL,
	actor VARCHAR(400) NOT NULL, -- "cli:root", "user:acme/kim", "key:AbCd1234"
	action VARCHAR(190) NOT NULL, -- "key.create", "auth.refused"
	object VARCHAR(400) NOT NULL, -- "key:12"
	tenant_id BIGINT,
	result VARCHAR(190) NOT NULL, -- ok, or why not
	reason VARCHAR(1000) NOT NULL DEFAULT '', -- as the actor gave it
	address VARCHAR(190) NOT NULL DEFAULT '',
	detail MEDIUMTEXT NOT NULL DEFAULT '', -- JSON object
	source_id VARBINARY(32), -- of an event that came by the spool
	hash VARBINARY(64) NOT NULL, -- of the row and the hash before it
	PRIMARY KEY (seq, day),
	UNIQUE (source_id, day),
	INDEX audit_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin
	PARTITION BY RANGE (day) (
		PARTITION p_rest VALUES LESS THAN MAXVALUE
	);

-- Against mistakes; who owns the schema can drop these, and the chain tells what
-- was changed. Days before meta's audit_kept_from are no longer kept.
CREATE OR REPLACE TRIGGER audit_is_kept BEFORE DELETE ON audit
FOR EACH ROW
BEGIN
	IF OLD.day >= (SELECT CAST(IFNULL(MAX(value), '0') AS INTEGER)
	    FROM meta WHERE name = 'audit_kept_from') THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
		    'rows of the audit are kept until their day is dropped';
	END IF;
END;

CREATE OR REPLACE TRIGGER audit_is_final BEFORE UPDATE ON audit
FOR EACH ROW
BEGIN
	SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
	    'rows of the audit are never changed';
END;

-- The end of the chain, in the one row 0, and of each day.
CREATE TABLE IF NOT EXISTS audit_head (
	day BIGINT NOT NULL PRIMARY KEY, -- 0: now
	seq BIGINT NOT NULL,
	hash VARBINARY(64) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- ---- logs by day -------------------------------------------------------------

-- For src/store/logday.c: accounts that may not change tables call these with
-- the powers of the schema's owner. p_rest has what no day was made for; a
-- day's partition takes what is there of it and of days before.
CREATE OR REPLACE PROCEDURE log_day_add(IN log_name VARCHAR(16),
	IN log_day BIGINT)
	MODIFIES SQL DATA
	SQL SECURITY DEFINER
BEGIN
	IF log_name NOT IN ('ledger', 'audit') THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such log';
	END IF;
	EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', log_name,
	    ' REORGANIZE PARTITION p_rest INTO (PARTITION p', log_day,
	    ' VALUES LESS THAN (', log_day + 1,
	    '), PARTITION p_rest VALUES LESS THAN MAXVALUE)');
END;

-- The last week of the audit is nobody's to drop.
CREATE OR REPLACE PROCEDURE log_day_drop(IN log_name VARCHAR(16),
	IN log_day BIGINT)
	MODIFIES SQL DATA
	SQL SECURITY DEFINER
BEGIN
	IF log_name NOT IN ('ledger', 'audit') THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no such log';
	END IF;
	IF log_name = 'audit' AND
	    log_day > UNIX_TIMESTAMP() DIV 86400 - 7 THEN
		SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'too new to drop';
	END IF;
	EXECUTE IMMEDIATE CONCAT('ALTER TABLE ', log_name,
	    ' DROP PARTITION p', log_day);
END;
