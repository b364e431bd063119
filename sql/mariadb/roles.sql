-- The database and its three accounts. As MariaDB's administrator:
--
--	mariadb <roles.sql			the database and the accounts
--	llmgwctl db init --store 'mariadb://llmgw_owner@localhost/llmgw?socket=/run/mysqld/mysqld.sock'
--	mariadb <roles.sql			what each may; again after an upgrade
--
-- It may run as often as you like. Another name of the database: change it in
-- all lines here.
--
--	llmgw_owner	makes and changes tables (db init, db upgrade); nothing
--			that runs all day has this account
--	llmgw		llmgw-fcgi and llmgw-jobd: `store:` of llmgw.yaml
--	llmgw_console	changes people, keys, limits, prices: llmgwctl --store,
--			the console
--
-- Nobody but the owner can change or delete a row of the audit; its days are
-- dropped by a procedure of the owner, which keeps the last week.
--
-- A server with a binary log (replicas) wants, before db init and db upgrade:
--	SET GLOBAL log_bin_trust_function_creators = 1;
-- or it refuses the audit's triggers to who is no administrator (error 1419).
--
-- unix_socket: the user of the operating system who has the account's name
-- needs no password. For others, and for accounts of other hosts:
--	ALTER USER llmgw_owner@localhost IDENTIFIED BY '...';
-- and ?password_file=/PATH in the url, or LLMGW_STORE_PASSWORD.

CREATE DATABASE IF NOT EXISTS llmgw
	CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

CREATE USER IF NOT EXISTS llmgw_owner@localhost IDENTIFIED VIA unix_socket;
CREATE USER IF NOT EXISTS llmgw@localhost IDENTIFIED VIA unix_socket;
CREATE USER IF NOT EXISTS llmgw_console@localhost IDENTIFIED VIA unix_socket;

GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES,
	TRIGGER, CREATE ROUTINE, ALTER ROUTINE, EXECUTE
	ON llmgw.* TO llmgw_owner@localhost;

-- Both read everything; what a key's hash or a sealed secret is good for needs
-- the pepper or the master key, which are not in the database.
GRANT SELECT, SHOW VIEW ON llmgw.* TO llmgw@localhost;
GRANT SELECT, SHOW VIEW ON llmgw.* TO llmgw_console@localhost;

DELIMITER //
BEGIN NOT ATOMIC
	IF NOT EXISTS (SELECT 1 FROM information_schema.tables
	    WHERE table_schema = 'llmgw' AND table_name = 'audit_head') THEN
		SELECT 'accounts made; now llmgwctl db init, then this file again' AS note;
	ELSE
		-- What happened: added, settled, summed up. The audit is only added to.
		GRANT INSERT ON llmgw.audit TO llmgw@localhost;
		GRANT INSERT, UPDATE ON llmgw.audit_head TO llmgw@localhost;
		GRANT INSERT, DELETE ON llmgw.change_log TO llmgw@localhost;
		GRANT INSERT, UPDATE ON llmgw.ledger TO llmgw@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.usage_rollup TO llmgw@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.usage_fold TO llmgw@localhost;
		GRANT INSERT, DELETE ON llmgw.usage_folded TO llmgw@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.spool_segment TO llmgw@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.meta TO llmgw@localhost;
		-- A key that a provider refused is taken out; what is sealed stays.
		GRANT UPDATE (out_since, out_why, changed)
			ON llmgw.provider_secret TO llmgw@localhost;
		-- auth.jwt.create_users: a user without roles and grants; what is
		-- there cannot be changed.
		GRANT INSERT ON llmgw.user_account TO llmgw@localhost;
		GRANT EXECUTE ON PROCEDURE llmgw.log_day_add TO llmgw@localhost;
		GRANT EXECUTE ON PROCEDURE llmgw.log_day_drop TO llmgw@localhost;

		-- Who may and how much; not what it cost.
		GRANT INSERT ON llmgw.audit TO llmgw_console@localhost;
		GRANT INSERT, UPDATE ON llmgw.audit_head TO llmgw_console@localhost;
		GRANT INSERT ON llmgw.change_log TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.tenant TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.team TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.user_account TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.team_member TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.role_grant TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.model_grant TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.client_key TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.provider_secret TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.limit_rule TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.price_version TO llmgw_console@localhost;
		GRANT INSERT, UPDATE, DELETE ON llmgw.price TO llmgw_console@localhost;
	END IF;
END //
DELIMITER ;
