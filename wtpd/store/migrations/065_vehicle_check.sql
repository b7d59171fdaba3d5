-- What a public register says of the vehicles of coming visits, by their plates. `asked_at`: when it was asked last;
-- `at` and `facts` (JSON): what it knew last, NULL if it never knew the plate; `filled` (JSON): the fields of the vehicle
-- that it filled in, with the values.
CREATE TABLE vehicle_check (
  vehicle_id TEXT NOT NULL REFERENCES vehicle (id),
  source TEXT NOT NULL,
  plate TEXT NOT NULL,
  asked_at TEXT NOT NULL,
  is_known INTEGER NOT NULL,
  at TEXT,
  facts TEXT,
  filled TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (vehicle_id, source)
) STRICT, WITHOUT ROWID;

-- A vehicle with another plate, or none, was never checked: what is known belongs to the old plate, by which its holder
-- can be found.
CREATE TRIGGER vehicle_check_of_old_plate AFTER UPDATE OF plate_key ON vehicle WHEN OLD.plate_key <> NEW.plate_key BEGIN
  DELETE FROM vehicle_answer
    WHERE (source, subject) IN (SELECT source, plate FROM vehicle_check WHERE vehicle_id = NEW.id);
  DELETE FROM vehicle_check WHERE vehicle_id = NEW.id;
END;
