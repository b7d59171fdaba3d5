-- Rental cars for the time of an appointment, with the partner's reference (spec: carloop.md).
CREATE TABLE rental (
  id TEXT PRIMARY KEY,
  appointment_id TEXT NOT NULL REFERENCES appointment (id),
  customer_id TEXT,
  site TEXT NOT NULL,
  connector TEXT NOT NULL,
  reference TEXT NOT NULL UNIQUE,          -- ours
  number TEXT NOT NULL,                    -- the partner's; '' until it is known
  state TEXT NOT NULL,
  start TEXT NOT NULL,
  "end" TEXT NOT NULL,
  car TEXT NOT NULL,                       -- JSON
  station TEXT NOT NULL,
  price TEXT,                              -- decimal, with VAT
  currency TEXT,
  version INTEGER NOT NULL,
  changed_at TEXT,
  by_partner INTEGER NOT NULL,
  is_overdue INTEGER NOT NULL,
  cancel_reason TEXT NOT NULL,
  out_at TEXT,
  back_at TEXT,
  replaces TEXT,
  is_replaced INTEGER NOT NULL,
  wanted_end TEXT,
  reason TEXT,                             -- JSON
  made_by TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
-- An appointment holds one car, whoever asks for another at the same moment.
CREATE UNIQUE INDEX rental_held ON rental (appointment_id)
  WHERE state NOT IN ('returned', 'cancelled', 'no_show', 'refused', 'withdrawn') AND is_replaced = 0;
CREATE INDEX rental_by_appointment ON rental (appointment_id, id);
CREATE INDEX rental_by_customer ON rental (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX rental_by_number ON rental (connector, number) WHERE number != '';
CREATE INDEX rental_live ON rental (connector, site)
  WHERE state NOT IN ('returned', 'cancelled', 'no_show', 'refused', 'withdrawn');

CREATE TABLE rental_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rental_id TEXT NOT NULL REFERENCES rental (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  changes TEXT NOT NULL                    -- JSON: field → [old, new]
) STRICT;
CREATE INDEX rental_history_by_rental ON rental_history (rental_id, id);

-- How far the changed rentals were read, for each entry of credentials.
CREATE TABLE rental_feed (
  connector TEXT NOT NULL,
  scope TEXT NOT NULL,
  cursor TEXT NOT NULL,
  read_at TEXT NOT NULL,
  PRIMARY KEY (connector, scope)
) STRICT, WITHOUT ROWID;
