-- The appointment book (spec: planner.md). Times are RFC 3339 in UTC with whole seconds, so they sort as text.

CREATE TABLE customer (
  id TEXT PRIMARY KEY,
  number TEXT UNIQUE,
  company TEXT NOT NULL DEFAULT '',
  salutation TEXT NOT NULL DEFAULT '',
  title TEXT NOT NULL DEFAULT '',
  first_name TEXT NOT NULL DEFAULT '',
  last_name TEXT NOT NULL DEFAULT '',
  street TEXT NOT NULL DEFAULT '',
  house_number TEXT NOT NULL DEFAULT '',
  postcode TEXT NOT NULL DEFAULT '',
  city TEXT NOT NULL DEFAULT '',
  country TEXT NOT NULL DEFAULT '',
  email TEXT NOT NULL DEFAULT '',
  phone TEXT NOT NULL DEFAULT '',
  mobile TEXT NOT NULL DEFAULT '',
  business_email TEXT NOT NULL DEFAULT '',
  business_phone TEXT NOT NULL DEFAULT '',
  business_mobile TEXT NOT NULL DEFAULT '',
  origin TEXT NOT NULL,
  locked_by TEXT,
  permissions TEXT NOT NULL DEFAULT '{}',
  erased INTEGER NOT NULL DEFAULT 0,
  name_key TEXT NOT NULL DEFAULT '',          -- normalised name, for matching
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX customer_by_name ON customer (name_key);

-- The normalised addresses of a customer: e-mail in lower case, telephone in E.164.
CREATE TABLE customer_contact (
  contact TEXT NOT NULL,
  customer_id TEXT NOT NULL REFERENCES customer (id),
  PRIMARY KEY (contact, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_contact_by_customer ON customer_contact (customer_id);

CREATE TABLE vehicle (
  id TEXT PRIMARY KEY,
  plate TEXT NOT NULL DEFAULT '',
  plate_key TEXT NOT NULL DEFAULT '',         -- normalised plate, for finding
  vin TEXT NOT NULL DEFAULT '',
  make TEXT NOT NULL DEFAULT '',
  model TEXT NOT NULL DEFAULT '',
  fuel TEXT NOT NULL DEFAULT '',
  first_registration TEXT,
  inspection_due TEXT,
  odometer_km INTEGER,
  odometer_date TEXT,
  odometer_source TEXT NOT NULL DEFAULT '',
  driver TEXT REFERENCES customer (id),
  owner TEXT REFERENCES customer (id),
  contractor TEXT REFERENCES customer (id),
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX vehicle_by_vin ON vehicle (vin) WHERE vin <> '';
CREATE INDEX vehicle_by_plate ON vehicle (plate_key) WHERE plate_key <> '';
CREATE INDEX vehicle_by_driver ON vehicle (driver) WHERE driver IS NOT NULL;
CREATE INDEX vehicle_by_owner ON vehicle (owner) WHERE owner IS NOT NULL;
CREATE INDEX vehicle_by_contractor ON vehicle (contractor) WHERE contractor IS NOT NULL;

CREATE TABLE advisor (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  site TEXT NOT NULL,
  department TEXT NOT NULL,
  weekly_hours TEXT NOT NULL DEFAULT '{}',
  absences TEXT NOT NULL DEFAULT '[]',
  active INTEGER NOT NULL DEFAULT 1,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE courtesy_car (
  id TEXT PRIMARY KEY,
  plate TEXT NOT NULL,
  make TEXT NOT NULL DEFAULT '',
  model TEXT NOT NULL DEFAULT '',
  vehicle_class TEXT NOT NULL DEFAULT '',
  features TEXT NOT NULL DEFAULT '[]',
  site TEXT NOT NULL,
  out_of_service TEXT NOT NULL DEFAULT '[]',
  active INTEGER NOT NULL DEFAULT 1,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE closure (
  id TEXT PRIMARY KEY,
  site TEXT NOT NULL,
  department TEXT,
  "start" TEXT NOT NULL,
  "end" TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  version INTEGER NOT NULL,
  CHECK ("start" < "end")
) STRICT;
CREATE INDEX closure_by_site ON closure (site, "start");

CREATE TABLE appointment (
  id TEXT PRIMARY KEY,
  site TEXT NOT NULL,
  department TEXT NOT NULL,
  drop_off TEXT NOT NULL,
  collection TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN
    ('scheduled', 'arrived', 'in_work', 'ready', 'completed', 'cancelled', 'no_show')),
  customer_id TEXT REFERENCES customer (id),
  vehicle_id TEXT REFERENCES vehicle (id),
  advisor TEXT,
  interventions TEXT NOT NULL DEFAULT '[]',
  labour_units REAL NOT NULL DEFAULT 0,
  transport_option TEXT NOT NULL DEFAULT 'none',
  courtesy_car TEXT REFERENCES courtesy_car (id),
  customer_waiting INTEGER NOT NULL DEFAULT 0,
  notes TEXT NOT NULL DEFAULT '',
  origin TEXT NOT NULL,
  links TEXT NOT NULL DEFAULT '{}',
  dms_number TEXT,
  work_order TEXT,
  planned_in TEXT,
  planned_out TEXT,
  car_in TEXT,
  car_out TEXT,
  quote_made INTEGER NOT NULL DEFAULT 0,
  billed INTEGER NOT NULL DEFAULT 0,
  over_limit INTEGER NOT NULL DEFAULT 0,
  cancellation_reason TEXT,
  version INTEGER NOT NULL,
  CHECK (drop_off < collection)
) STRICT;
-- Day views and the load of a day; the last columns so that the load is read from the index alone.
CREATE INDEX appointment_by_day ON appointment (site, drop_off, department, status, labour_units);
CREATE INDEX appointment_by_time ON appointment (drop_off, id);
CREATE INDEX appointment_by_customer ON appointment (customer_id, drop_off);
CREATE INDEX appointment_by_vehicle ON appointment (vehicle_id, drop_off);
CREATE INDEX appointment_by_work_order ON appointment (work_order) WHERE work_order IS NOT NULL;
CREATE INDEX appointment_by_dms_number ON appointment (dms_number) WHERE dms_number IS NOT NULL;
CREATE INDEX appointment_by_car ON appointment (courtesy_car, drop_off)
  WHERE courtesy_car IS NOT NULL AND status NOT IN ('cancelled', 'no_show');

-- A courtesy car is lent from drop-off to collection, never twice at a time (planner.md, rule 2).
CREATE TRIGGER courtesy_car_on_insert BEFORE INSERT ON appointment
WHEN NEW.courtesy_car IS NOT NULL AND NEW.status NOT IN ('cancelled', 'no_show')
BEGIN
  SELECT RAISE (ABORT, 'courtesy car is lent already') WHERE EXISTS (
    SELECT 1 FROM appointment a
    WHERE a.courtesy_car = NEW.courtesy_car AND a.status NOT IN ('cancelled', 'no_show')
      AND a.drop_off < NEW.collection AND NEW.drop_off < a.collection AND a.id <> NEW.id);
END;
CREATE TRIGGER courtesy_car_on_update BEFORE UPDATE OF courtesy_car, drop_off, collection, status ON appointment
WHEN NEW.courtesy_car IS NOT NULL AND NEW.status NOT IN ('cancelled', 'no_show')
BEGIN
  SELECT RAISE (ABORT, 'courtesy car is lent already') WHERE EXISTS (
    SELECT 1 FROM appointment a
    WHERE a.courtesy_car = NEW.courtesy_car AND a.status NOT IN ('cancelled', 'no_show')
      AND a.drop_off < NEW.collection AND NEW.drop_off < a.collection AND a.id <> NEW.id);
END;
CREATE TRIGGER appointment_stays BEFORE DELETE ON appointment
BEGIN
  SELECT RAISE (ABORT, 'appointments are never deleted');
END;

CREATE TRIGGER appointment_is_new BEFORE INSERT ON appointment
WHEN EXISTS (SELECT 1 FROM appointment a WHERE a.id = NEW.id)
BEGIN
  SELECT RAISE (ABORT, 'there is an appointment of this id already');
END;

-- The partners' ids of an appointment, and the number it had where it was imported from.
CREATE TABLE reference (
  partner TEXT NOT NULL,
  partner_id TEXT NOT NULL,
  appointment_id TEXT NOT NULL REFERENCES appointment (id),
  PRIMARY KEY (partner, partner_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reference_by_appointment ON reference (appointment_id, partner);

-- The customer's data in the contract of a courtesy car, as they were at the booking (planner.md, rule 3).
CREATE TABLE courtesy_contract (
  appointment_id TEXT PRIMARY KEY REFERENCES appointment (id),
  courtesy_car TEXT NOT NULL REFERENCES courtesy_car (id),
  at TEXT NOT NULL,
  customer_id TEXT REFERENCES customer (id),
  customer TEXT NOT NULL
) STRICT;

CREATE TABLE history (
  id INTEGER PRIMARY KEY,
  appointment_id TEXT NOT NULL REFERENCES appointment (id),
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  channel TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('created', 'changed', 'cancelled')),
  version INTEGER NOT NULL,
  changes TEXT NOT NULL,
  UNIQUE (appointment_id, version)
) STRICT;

-- An erasure that is under way; the history may be blanked only while there is one (planner.md, rule 5).
CREATE TABLE erasure (
  id INTEGER PRIMARY KEY,
  customer_id TEXT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TRIGGER history_stays BEFORE DELETE ON history
BEGIN
  SELECT RAISE (ABORT, 'the history is append-only');
END;
-- REPLACE would delete without asking the trigger above.
CREATE TRIGGER history_is_appended BEFORE INSERT ON history
WHEN EXISTS (SELECT 1 FROM history h WHERE h.id = NEW.id
  OR (h.appointment_id = NEW.appointment_id AND h.version = NEW.version))
BEGIN
  SELECT RAISE (ABORT, 'the history is append-only');
END;
CREATE TRIGGER history_is_final BEFORE UPDATE ON history
WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE done = 0)
  OR NEW.id IS NOT OLD.id OR NEW.appointment_id IS NOT OLD.appointment_id OR NEW.at IS NOT OLD.at
  OR NEW.actor IS NOT OLD.actor OR NEW.channel IS NOT OLD.channel OR NEW.action IS NOT OLD.action
  OR NEW.version IS NOT OLD.version
BEGIN
  SELECT RAISE (ABORT, 'the history is append-only');
END;
CREATE TRIGGER erasure_stays BEFORE DELETE ON erasure
BEGIN
  SELECT RAISE (ABORT, 'the record of an erasure stays');
END;

-- What a repeated request with the same key is answered (planner.md, rule 4).
CREATE TABLE idempotency (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  at TEXT NOT NULL,
  request TEXT NOT NULL,                      -- hash of method, path and body
  status INTEGER NOT NULL,
  headers TEXT NOT NULL,
  body BLOB NOT NULL,
  appointment_id TEXT,
  PRIMARY KEY (caller, key)
) STRICT;
CREATE INDEX idempotency_by_time ON idempotency (at);

-- The event stream, kept a while for Last-Event-ID.
CREATE TABLE event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_time ON event (at);

-- What somebody has to decide or look at.
CREATE TABLE attention (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  channel TEXT,
  appointment_id TEXT REFERENCES appointment (id),
  at TEXT NOT NULL,
  data TEXT NOT NULL,
  once TEXT,
  resolved_at TEXT,
  resolved_by TEXT,
  resolution TEXT
) STRICT;
CREATE INDEX attention_open ON attention (kind, at) WHERE resolved_at IS NULL;
CREATE UNIQUE INDEX attention_once ON attention (kind, once) WHERE resolved_at IS NULL AND once IS NOT NULL;
CREATE INDEX attention_by_appointment ON attention (appointment_id);

-- Full-text search (wtpd/store/search.py): what each record is found by, as normalised words. `detail=none` and the
-- prefix indexes keep it small and every query a walk along sorted lists, newest first.

CREATE TABLE search_appointment_text (
  doc INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  words TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE search_appointment USING fts5 (
  words, content='search_appointment_text', content_rowid='doc', detail='none', columnsize=0, prefix='2 3 4 5 6 7',
  tokenize='ascii'
);

CREATE TABLE search_customer_text (
  doc INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  words TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE search_customer USING fts5 (
  words, content='search_customer_text', content_rowid='doc', detail='none', columnsize=0, prefix='2 3 4 5 6 7',
  tokenize='ascii'
);

CREATE TABLE search_vehicle_text (
  doc INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  words TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE search_vehicle USING fts5 (
  words, content='search_vehicle_text', content_rowid='doc', detail='none', columnsize=0, prefix='2 3 4 5 6 7',
  tokenize='ascii'
);
