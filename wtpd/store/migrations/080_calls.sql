-- Durable calls: what must be done at a partner exactly once, stored before it is asked for (docs/adr/0088). The calls of
-- appointments both ways stand in the outbox.
CREATE TABLE call (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  site TEXT NOT NULL,
  body TEXT,                       -- as it is sent; NULL: erased
  details TEXT NOT NULL,           -- JSON: texts by name
  saga TEXT NOT NULL,
  step INTEGER NOT NULL,
  by TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'begun', 'done', 'refused', 'withdrawn')),
  is_withdrawn INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  settled_at TEXT
) STRICT;
CREATE INDEX call_open ON call (channel, seq) WHERE state IN ('waiting', 'begun');
CREATE INDEX call_open_of_saga ON call (saga, seq) WHERE state IN ('waiting', 'begun');
CREATE INDEX call_by_subject ON call (subject, seq);
CREATE INDEX call_settled ON call (settled_at) WHERE settled_at IS NOT NULL;
