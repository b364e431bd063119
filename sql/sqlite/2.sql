-- Schema 2: tokens of images apart, sums by hour without callers, and sums of
-- several days (src/store/fold.h).

ALTER TABLE ledger ADD COLUMN image_in INTEGER; -- of prompt
ALTER TABLE ledger ADD COLUMN image_out INTEGER; -- of completion
ALTER TABLE price ADD COLUMN image_out INTEGER;

-- Sums of whole days, first_day to last_day, all of which are over. One that is
-- dropped no longer counts: a late row or another price has come to its days.
CREATE TABLE usage_fold (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	shape TEXT NOT NULL, -- caller: without alias, provider, model; whole
	first_day INTEGER NOT NULL, -- since 1970 UTC
	last_day INTEGER NOT NULL, -- included
	dropped INTEGER NOT NULL -- when; 0: it counts
);
CREATE INDEX usage_fold_last ON usage_fold (last_day);

CREATE TABLE usage_folded (
	fold_id INTEGER NOT NULL,
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
	PRIMARY KEY (fold_id, tenant_id, team_id, user_id, key_id, client,
	    alias, provider, model)
) WITHOUT ROWID;

-- Who makes a fold locks this row, who adds to days shares it.
INSERT OR IGNORE INTO meta (name, value) VALUES ('usage.fold', '0');

-- Hours again without user, key and client, as daymodel is of days.
INSERT OR REPLACE INTO usage_rollup (span, start, tenant_id, team_id, user_id,
    key_id, client, alias, provider, model, requests, failed, lost, estimated,
    unpriced, prompt, completion, cached, reasoning, cost)
SELECT 'hourmodel', start, tenant_id, team_id, 0, 0, '', alias, provider, model,
    SUM(requests), SUM(failed), SUM(lost), SUM(estimated), SUM(unpriced),
    SUM(prompt), SUM(completion), SUM(cached), SUM(reasoning), SUM(cost)
FROM usage_rollup WHERE span = 'hour'
GROUP BY start, tenant_id, team_id, alias, provider, model;
