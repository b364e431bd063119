-- Schema 2 for MariaDB: see sql/sqlite/2.sql, and 1.sql for how statements here
-- must be.

ALTER TABLE ledger ADD COLUMN IF NOT EXISTS image_in BIGINT; -- of prompt
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS image_out BIGINT; -- of completion
ALTER TABLE price ADD COLUMN IF NOT EXISTS image_out BIGINT;

CREATE TABLE IF NOT EXISTS usage_fold (
	id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
	shape VARCHAR(8) NOT NULL, -- caller whole
	first_day BIGINT NOT NULL, -- since 1970 UTC
	last_day BIGINT NOT NULL, -- included
	dropped BIGINT NOT NULL, -- when; 0: it counts
	INDEX usage_fold_last (last_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS usage_folded (
	fold_id BIGINT NOT NULL,
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
	PRIMARY KEY (fold_id, tenant_id, team_id, user_id, key_id, client,
	    alias, provider, model)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
	COLLATE utf8mb4_nopad_bin;

-- Who makes a fold locks this row, who adds to days shares it.
INSERT IGNORE INTO meta (name, value) VALUES ('usage.fold', '0');

-- Hours again without user, key and client. "hourmodel" has nine letters.
ALTER TABLE usage_rollup MODIFY span VARCHAR(16) NOT NULL;
DELETE FROM usage_rollup WHERE span = 'hourmodel';
INSERT IGNORE INTO usage_rollup (span, start, tenant_id, team_id, user_id,
    key_id, client, alias, provider, model, requests, failed, lost, estimated,
    unpriced, prompt, completion, cached, reasoning, cost)
SELECT 'hourmodel', start, tenant_id, team_id, 0, 0, '', alias, provider, model,
    SUM(requests), SUM(failed), SUM(lost), SUM(estimated), SUM(unpriced),
    SUM(prompt), SUM(completion), SUM(cached), SUM(reasoning), SUM(cost)
FROM usage_rollup WHERE span = 'hour'
GROUP BY start, tenant_id, team_id, alias, provider, model;
