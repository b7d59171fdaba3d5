-- Bodies that partners' programs sent to the listener: stored whole before they are acknowledged, applied afterwards
-- (spec: api.md).
CREATE TABLE pushed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  connector TEXT NOT NULL,
  site TEXT NOT NULL,
  account TEXT NOT NULL,
  token TEXT NOT NULL,
  address TEXT NOT NULL,
  path TEXT NOT NULL,
  headers TEXT NOT NULL,           -- JSON: the content's type and coding, and the partner's own
  key TEXT,                        -- Idempotency-Key
  state TEXT NOT NULL CHECK (state IN ('receiving', 'stored', 'done', 'unreadable', 'failed')),
  size INTEGER NOT NULL DEFAULT 0,
  hash BLOB,                       -- SHA-256 of the bytes as they came
  applied INTEGER NOT NULL DEFAULT 0,      -- items that are applied; a crash goes on behind them
  accepted INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  repeats INTEGER NOT NULL DEFAULT 0,      -- times that the same body came again
  status INTEGER,
  media_type TEXT,
  reply BLOB,
  error TEXT,
  done_at TEXT,
  dismissed_at TEXT,               -- a person has seen that it failed, and wants nothing more of it
  erased INTEGER NOT NULL DEFAULT 0        -- 1: its pieces are gone, as they named a person who was erased; 2: they go once it is applied
) STRICT;
CREATE INDEX pushed_by_hash ON pushed (connector, account, hash);
CREATE INDEX pushed_by_key ON pushed (connector, account, key) WHERE key IS NOT NULL;
CREATE INDEX pushed_open ON pushed (id) WHERE state IN ('receiving', 'stored');
CREATE INDEX pushed_trouble ON pushed (state) WHERE state IN ('unreadable', 'failed') AND dismissed_at IS NULL;
CREATE INDEX pushed_by_time ON pushed (at);

CREATE TABLE pushed_piece (
  pushed INTEGER NOT NULL REFERENCES pushed (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (pushed, number)
) STRICT;

-- Items that weren't simply accepted, for the answer and for people.
CREATE TABLE pushed_item (
  pushed INTEGER NOT NULL REFERENCES pushed (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  key TEXT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('accepted', 'unchanged', 'quarantined')),
  reason TEXT NOT NULL,
  field TEXT NOT NULL,
  PRIMARY KEY (pushed, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX pushed_item_by_key ON pushed_item (key);
