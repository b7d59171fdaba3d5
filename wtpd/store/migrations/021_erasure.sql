-- What an erasure leaves behind (spec: planner.md, 11 and 12; docs/adr/0042).

-- When the file was rewritten after the erasure, so that no gap in it can hold an old copy; NULL: it is due.
ALTER TABLE erasure ADD COLUMN cleaned_at TEXT;
UPDATE erasure SET cleaned_at = at WHERE done = 1;

-- Keyed hashes of an erased person's number, VINs, e-mail addresses and telephone numbers, so that an old list doesn't
-- bring the person back. The key lies beside the database, not in it.
CREATE TABLE erased_key (
  hash TEXT NOT NULL,
  kind TEXT NOT NULL,                         -- number, vin, email, phone
  at TEXT NOT NULL,
  PRIMARY KEY (hash, kind)
) STRICT, WITHOUT ROWID;
