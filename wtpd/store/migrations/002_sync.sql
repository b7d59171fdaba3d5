-- Two-way sync (spec: sync.md): channels, ledger of links, outbox, inbox, runs.

-- One connector at one site. `account` and `department` are the mapping in force; `scope` is a fingerprint of the
-- mapping for which the outbox was last filled.
CREATE TABLE channel (
  id TEXT PRIMARY KEY,                        -- connector/site
  connector TEXT NOT NULL,
  site TEXT NOT NULL,
  department TEXT NOT NULL,
  account TEXT NOT NULL,
  active INTEGER NOT NULL,
  scope TEXT NOT NULL DEFAULT '',
  paused_by TEXT,
  stopped TEXT,                               -- why it waits for a person: needs_token, mass_cancellation or mapping
  halted_at TEXT,                             -- since when it is paused or stopped
  cancellations TEXT NOT NULL DEFAULT '[]',   -- how many the partner cancelled of late, by minute
  leaving INTEGER NOT NULL DEFAULT 0,         -- how many the mapping would cancel there, if nobody has confirmed that
  confirmed TEXT NOT NULL DEFAULT '',         -- the scope that somebody has confirmed beforehand
  published TEXT NOT NULL DEFAULT '{}',       -- per day, the hash of what the partner was told can be booked
  publishing TEXT NOT NULL DEFAULT '{}',      -- the key and the hashes of a call that wasn't answered yet
  UNIQUE (connector, site)
) STRICT;
CREATE INDEX channel_by_site ON channel (site) WHERE active;

CREATE TABLE feed (
  channel TEXT NOT NULL REFERENCES channel (id),
  account TEXT NOT NULL,
  cursor TEXT NOT NULL,
  PRIMARY KEY (channel, account)
) STRICT, WITHOUT ROWID;

-- Not WITHOUT ROWID: its rows are longer than a quarter of a page, and each would take a page of its own.
CREATE TABLE link (
  channel TEXT NOT NULL REFERENCES channel (id),
  account TEXT NOT NULL,
  partner_id TEXT NOT NULL,
  appointment_id TEXT NOT NULL REFERENCES appointment (id),
  version INTEGER NOT NULL,
  base TEXT NOT NULL,
  tombstone INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (channel, account, partner_id)
) STRICT;
CREATE UNIQUE INDEX link_live ON link (channel, appointment_id) WHERE NOT tombstone;
CREATE INDEX link_by_appointment ON link (appointment_id);

-- What must be sent; written in the transaction of the change. The intent is stored before the call and repeated as
-- it is until it is answered.
CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  channel TEXT NOT NULL REFERENCES channel (id),
  appointment_id TEXT NOT NULL REFERENCES appointment (id),
  marked_version INTEGER NOT NULL,            -- counts the marks, so that one that comes during a call isn't missed
  marked_at TEXT NOT NULL,
  intent TEXT,
  intent_mark INTEGER,                        -- `marked_version` when the intent was decided
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,
  error TEXT,
  rejected TEXT,
  UNIQUE (channel, appointment_id)
) STRICT;
CREATE INDEX outbox_due ON outbox (channel, seq) WHERE rejected IS NULL;

-- Messages that couldn't be applied, kept whole until somebody decides (sync.md, 3).
CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL REFERENCES channel (id),
  account TEXT NOT NULL,
  partner_id TEXT,
  version INTEGER,
  at TEXT NOT NULL,
  payload TEXT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'quarantined' CHECK (state IN ('quarantined', 'applied', 'discarded')),
  decided_at TEXT,
  decided_by TEXT
) STRICT;
CREATE INDEX inbox_waiting ON inbox (channel, at) WHERE state = 'quarantined';
CREATE INDEX inbox_by_partner_id ON inbox (channel, partner_id) WHERE state = 'quarantined';

-- One row a run; runs in which nothing happened are counted together in one row.
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  trigger TEXT NOT NULL,                      -- start, interval, feed, local, manual
  started_at TEXT NOT NULL,
  ended_at TEXT NOT NULL,
  quiet INTEGER NOT NULL DEFAULT 0,           -- how many runs without a change stand in this row
  fetched INTEGER NOT NULL DEFAULT 0,
  applied INTEGER NOT NULL DEFAULT 0,
  sent INTEGER NOT NULL DEFAULT 0,
  published INTEGER NOT NULL DEFAULT 0,
  conflicts INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  error TEXT
) STRICT;
CREATE INDEX run_by_channel ON run (channel, started_at);
CREATE INDEX run_by_time ON run (started_at);
