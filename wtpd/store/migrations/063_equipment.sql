-- The special equipment that a vehicle was identified with, as DAT's numbers (JSON); NULL where it isn't known, since the
-- vehicle was identified before this was kept.
ALTER TABLE vehicle_identification ADD COLUMN extras TEXT;

-- Answers to VIN queries that were paid for and can't be read, as they came (compressed), so that nobody pays again.
CREATE TABLE identification_unread (
  id INTEGER PRIMARY KEY,
  vin TEXT NOT NULL,
  restriction TEXT NOT NULL,
  locale TEXT NOT NULL,
  at TEXT NOT NULL,
  reason TEXT NOT NULL,
  charset TEXT,
  content BLOB NOT NULL,
  UNIQUE (vin, restriction, locale)
) STRICT;
CREATE INDEX identification_unread_by_time ON identification_unread (at);
