-- A mail can be given up by a person, and sent to another address than its site's (spec: mail.md).
ALTER TABLE mail ADD COLUMN dismissed_at TEXT;
ALTER TABLE mail ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0;  -- 1: a person chose the recipient; wtpd.yaml doesn't
DROP INDEX mail_waiting;
DROP INDEX mail_refused;
CREATE INDEX mail_waiting ON mail (id) WHERE sent_at IS NULL AND refused IS NULL AND dismissed_at IS NULL;
CREATE INDEX mail_refused ON mail (id) WHERE refused IS NOT NULL AND sent_at IS NULL AND dismissed_at IS NULL;
CREATE INDEX mail_by_sent ON mail (sent_at) WHERE sent_at IS NOT NULL;
