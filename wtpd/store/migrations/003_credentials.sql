-- Credentials by scope, encrypted (spec: credentials.md).
CREATE TABLE credential (
  provider TEXT NOT NULL,
  scope TEXT NOT NULL,                        -- general, office:<id>, assessor:<id>, user:<id>
  field TEXT NOT NULL,
  key_id TEXT NOT NULL,
  sealed BLOB NOT NULL,
  PRIMARY KEY (provider, scope, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential_entry (
  provider TEXT NOT NULL,
  scope TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  set_at TEXT NOT NULL,
  set_by TEXT NOT NULL,
  last_used_at TEXT,
  last_result TEXT,
  expires_at TEXT,
  PRIMARY KEY (provider, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential_audit (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,                       -- set, first use, test, reveal, remove, rotate, start over
  provider TEXT NOT NULL,
  scope TEXT NOT NULL,
  result TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TRIGGER credential_audit_stays BEFORE DELETE ON credential_audit
BEGIN
  SELECT RAISE (ABORT, 'the audit is append-only');
END;
CREATE TRIGGER credential_audit_is_final BEFORE UPDATE ON credential_audit
BEGIN
  SELECT RAISE (ABORT, 'the audit is append-only');
END;
