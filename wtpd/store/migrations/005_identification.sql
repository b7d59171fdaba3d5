-- Vehicles identified by their VIN at DAT (spec: credentials.md): a query costs money, and too many of one VIN on a day
-- lock it there.

CREATE TABLE identification (
  id INTEGER PRIMARY KEY,
  vin TEXT NOT NULL,
  restriction TEXT NOT NULL,
  locale TEXT NOT NULL,
  at TEXT NOT NULL,
  answer TEXT NOT NULL,
  UNIQUE (vin, restriction, locale)
) STRICT;
CREATE INDEX identification_by_time ON identification (at);

-- How often a VIN was asked for on a day. A query is counted before it is sent.
CREATE TABLE identification_count (
  day TEXT NOT NULL,                          -- DAT's own day
  vin TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, vin)
) STRICT, WITHOUT ROWID;

-- What a vehicle of the book is at DAT, as somebody chose it; needed for its valuation.
CREATE TABLE vehicle_identification (
  vehicle_id TEXT PRIMARY KEY REFERENCES vehicle (id),
  vin TEXT NOT NULL,
  datecode TEXT NOT NULL,
  container TEXT NOT NULL,
  construction_time INTEGER,
  at TEXT NOT NULL,
  actor TEXT NOT NULL
) STRICT;
