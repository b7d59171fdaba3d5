-- Sync whose knowledge is stale (spec: sync.md, 13 to 25).

-- `link.tombstone`: 0 live, 1 cancelled, 2 let go (it left the connected department when it was past; not cancelled).
-- `apart`: agreed differences, our value by field, where `base` has the partner's. `made`: the creation facts of the
-- partner's appointment, as JSON [our id, created by, created at]; NULL: never seen. `wrote`: `version` was written by
-- us. `rounds`: how often in a row another program wrote over what we had written.
ALTER TABLE link ADD COLUMN apart TEXT NOT NULL DEFAULT '{}';
ALTER TABLE link ADD COLUMN made TEXT;
ALTER TABLE link ADD COLUMN wrote INTEGER NOT NULL DEFAULT 0;
ALTER TABLE link ADD COLUMN rounds INTEGER NOT NULL DEFAULT 0;

-- Cancelled appointments of the partner that were never ours: an older message about one doesn't book it.
CREATE TABLE passed_by (
  channel TEXT NOT NULL REFERENCES channel (id),
  account TEXT NOT NULL,
  partner_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (channel, account, partner_id)
) STRICT, WITHOUT ROWID;

-- `replay`: the feed is read from its beginning; until its end an item may be older than what comes later.
ALTER TABLE feed ADD COLUMN replay INTEGER NOT NULL DEFAULT 0;

-- `restored`: the database is an older copy of itself, and no run has compared it with the partner yet. `signs`: JSON
-- list of the advisors and courtesy cars that were published to this dealer number.
ALTER TABLE channel ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channel ADD COLUMN signs TEXT NOT NULL DEFAULT '[]';

-- Whether an entry was ever listed, for those that are listed once.
CREATE INDEX attention_ever ON attention (once) WHERE kind = 'possible_double';
