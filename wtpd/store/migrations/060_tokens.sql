-- Tokens of programs on the local network (spec: api.md). The secret part is random of 256 bits, so its plain SHA-256
-- can't be turned back by trying; only that is kept.
CREATE TABLE token (
  id TEXT PRIMARY KEY,
  connector TEXT NOT NULL,
  site TEXT NOT NULL,
  account TEXT NOT NULL,           -- the dealer number that it stands for
  role TEXT NOT NULL CHECK (role IN ('push')),
  name TEXT NOT NULL,
  hash BLOB NOT NULL,
  addresses TEXT NOT NULL,         -- JSON list of networks; empty: all that the listener lets in
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  revoked_by TEXT,
  last_used_at TEXT,
  last_address TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX token_by_scope ON token (connector, site, created_at);
