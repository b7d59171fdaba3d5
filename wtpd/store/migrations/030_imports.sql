-- Imports that come in whole (docs/adr/0046). While one is written, readers don't see its new records.

-- The import that is under way; at most one. `plan` is the file beside the database that says what is to be written.
CREATE TABLE import_run (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  plan TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('checking', 'writing', 'telling')),
  at TEXT NOT NULL,
  actor TEXT NOT NULL
) STRICT;

-- New records of that import: written, and not seen yet; or seen, and not told yet.
CREATE TABLE import_pending (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('advisor', 'courtesy_car', 'customer', 'vehicle', 'appointment'))
) STRICT, WITHOUT ROWID;
CREATE INDEX import_pending_by_kind ON import_pending (kind, id);

-- Older records that the import has changed, so that it isn't done twice after an interruption.
CREATE TABLE import_changed (
  id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Who refers to a new record, or changes it, while it is still hidden, shows it with that: a partner's booking finds the
-- customer that is coming in, and the appointment must not be seen without its customer.
CREATE TRIGGER import_shown_by_appointment AFTER INSERT ON appointment
WHEN EXISTS (SELECT 1 FROM import_run WHERE state = 'writing')
  AND NOT EXISTS (SELECT 1 FROM import_pending WHERE id = NEW.id)
BEGIN
  DELETE FROM import_pending WHERE id IN (NEW.customer_id, NEW.vehicle_id, NEW.courtesy_car);
END;
CREATE TRIGGER import_shown_by_appointments_change AFTER UPDATE ON appointment
WHEN EXISTS (SELECT 1 FROM import_run WHERE state = 'writing')
BEGIN
  DELETE FROM import_pending WHERE id IN (NEW.id, NEW.customer_id, NEW.vehicle_id, NEW.courtesy_car);
END;
CREATE TRIGGER import_shown_by_vehicle AFTER INSERT ON vehicle
WHEN EXISTS (SELECT 1 FROM import_run WHERE state = 'writing')
  AND NOT EXISTS (SELECT 1 FROM import_pending WHERE id = NEW.id)
BEGIN
  DELETE FROM import_pending WHERE id IN (NEW.driver, NEW.owner, NEW.contractor);
END;
CREATE TRIGGER import_shown_by_vehicles_change AFTER UPDATE ON vehicle
WHEN EXISTS (SELECT 1 FROM import_run WHERE state = 'writing')
BEGIN
  DELETE FROM import_pending WHERE id IN (NEW.id, NEW.driver, NEW.owner, NEW.contractor);
END;
CREATE TRIGGER import_shown_by_customers_change AFTER UPDATE ON customer
WHEN EXISTS (SELECT 1 FROM import_run WHERE state = 'writing')
BEGIN
  DELETE FROM import_pending WHERE id = NEW.id;
END;
CREATE TRIGGER import_shown_with AFTER DELETE ON import_pending
WHEN EXISTS (SELECT 1 FROM import_run WHERE state = 'writing')
BEGIN
  DELETE FROM import_pending WHERE id IN (
    SELECT v.driver FROM vehicle v WHERE v.id = OLD.id AND OLD.kind = 'vehicle'
    UNION SELECT v.owner FROM vehicle v WHERE v.id = OLD.id AND OLD.kind = 'vehicle'
    UNION SELECT v.contractor FROM vehicle v WHERE v.id = OLD.id AND OLD.kind = 'vehicle'
    UNION SELECT a.customer_id FROM appointment a WHERE a.id = OLD.id AND OLD.kind = 'appointment'
    UNION SELECT a.vehicle_id FROM appointment a WHERE a.id = OLD.id AND OLD.kind = 'appointment'
    UNION SELECT a.courtesy_car FROM appointment a WHERE a.id = OLD.id AND OLD.kind = 'appointment');
END;
