-- What was said to partners and by them about appointments, kept for `retention.messages` days (spec: tui.md, trace).

-- A call of ours (`out`) is one row, however often it is repeated under its key; `outcome` NULL: no answer yet. An item
-- of a partner (`in`) has what was decided about it as its `operation`. `payload` is JSON, deflated; NULL where it stands
-- elsewhere (the intent in the outbox, the inbox) or says nothing new (what we wrote comes back in the feed).
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  channel TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  appointment_id TEXT,                        -- NULL: it concerns none of ours (yet)
  operation TEXT NOT NULL,                    -- out: create, update, cancel, look, same, differs, gone, anew;
                                              -- in: create, update, cancel, none, echo, late, quarantine
  fields TEXT,                                -- out: the names of the fields that an update sends
  key TEXT,                                   -- out: the idempotency key
  actor TEXT,                                 -- out: who asked for it to be sent again
  partner_id TEXT,
  version INTEGER,                            -- the partner's
  attempts INTEGER NOT NULL DEFAULT 0,        -- out: calls made; in: how often it was received
  outcome TEXT,                               -- out: ok, refused, failed; in: ok, ignored, quarantined
  status INTEGER,                             -- of HTTP
  error TEXT,                                 -- why it was refused, failed or quarantined
  answered_at TEXT,
  echoed_at TEXT,                             -- out: when the partner's feed told of it
  inbox INTEGER,                              -- in: the row of the inbox that has the payload
  payload BLOB
) STRICT;
CREATE INDEX message_by_appointment ON message (appointment_id) WHERE appointment_id IS NOT NULL;
CREATE UNIQUE INDEX message_by_key ON message (key) WHERE key IS NOT NULL;
CREATE INDEX message_unlinked ON message (partner_id) WHERE appointment_id IS NULL;
CREATE INDEX message_by_inbox ON message (inbox) WHERE inbox IS NOT NULL;
CREATE INDEX message_by_time ON message (at);
CREATE INDEX attention_of_inbox ON attention (once) WHERE kind = 'quarantine';

-- Somebody asked to send it again: what the partner has is fetched first, and what differs is sent.
ALTER TABLE outbox ADD COLUMN look INTEGER NOT NULL DEFAULT 0;
