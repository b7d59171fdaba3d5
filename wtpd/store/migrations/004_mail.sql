-- Status e-mails (spec: mail.md): incidents, and the mails that wait until the server took them.

-- What is, or was, wrong. The box's own troubles (settings, disk) stand under the site that is mailed for them.
CREATE TABLE incident (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,                      -- what it is about, e.g. the channel
  opened_at TEXT NOT NULL,
  alarmed_at TEXT,                            -- when the first mail was written
  mailed_at TEXT,                             -- when the last one was
  reminders INTEGER NOT NULL DEFAULT 0,
  well_since TEXT,
  held INTEGER NOT NULL DEFAULT 0,            -- a mail is due, but the hour's ceiling is reached
  told INTEGER NOT NULL DEFAULT 0,            -- how far the news went that the last mail told
  closed_at TEXT,
  message_id TEXT,                            -- of the first mail: all others of its thread refer to it
  facts TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE UNIQUE INDEX incident_open ON incident (site, kind, subject) WHERE closed_at IS NULL;
CREATE INDEX incident_closed ON incident (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE mail (
  id INTEGER PRIMARY KEY,
  message_id TEXT NOT NULL UNIQUE,
  site TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  message BLOB NOT NULL,                      -- whole, as it goes over the wire
  queued_at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,
  error TEXT,                                 -- why it waits still
  sent_at TEXT,
  refused TEXT                                -- why it is not tried any more
) STRICT;
CREATE INDEX mail_waiting ON mail (id) WHERE sent_at IS NULL AND refused IS NULL;
CREATE INDEX mail_refused ON mail (id) WHERE refused IS NOT NULL;
CREATE INDEX mail_by_time ON mail (queued_at);

-- When each site was last told that all is well (`mail.when: always`).
CREATE TABLE all_clear (
  site TEXT PRIMARY KEY,
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
