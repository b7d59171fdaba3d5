-- Status e-mails (spec: mail.md): incidents, and the mails that wait until the server took them.
CREATE TABLE incident (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,                      -- what it is about, e.g. the channel
  opened_at TEXT NOT NULL,
  alarmed_at TEXT,
  reminders INTEGER NOT NULL DEFAULT 0,
  closed_at TEXT,
  message_id TEXT,
  data TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE UNIQUE INDEX incident_open ON incident (site, kind, subject) WHERE closed_at IS NULL;

CREATE TABLE mail (
  id INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE,
  recipient TEXT NOT NULL,
  message BLOB NOT NULL,
  queued_at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,
  sent_at TEXT,
  refused TEXT
) STRICT;
CREATE INDEX mail_waiting ON mail (id) WHERE sent_at IS NULL AND refused IS NULL;
