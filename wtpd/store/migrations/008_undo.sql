-- Taking a change back: the entry of the history that an entry takes back.
ALTER TABLE history ADD COLUMN undoes INTEGER REFERENCES history (id);

DROP TRIGGER history_is_final;
CREATE TRIGGER history_is_final BEFORE UPDATE ON history
WHEN NOT EXISTS (SELECT 1 FROM erasure WHERE done = 0)
  OR NEW.id IS NOT OLD.id OR NEW.appointment_id IS NOT OLD.appointment_id OR NEW.at IS NOT OLD.at
  OR NEW.actor IS NOT OLD.actor OR NEW.channel IS NOT OLD.channel OR NEW.action IS NOT OLD.action
  OR NEW.version IS NOT OLD.version OR NEW.undoes IS NOT OLD.undoes
BEGIN
  SELECT RAISE (ABORT, 'the history is append-only');
END;

-- Day views, the load of a day, and any place in the list of a site, in its order and from the index alone.
DROP INDEX appointment_by_day;
CREATE INDEX appointment_by_day ON appointment (site, drop_off, id, department, status, labour_units);

-- What somebody made of a message in quarantine before it was applied; the original stays in `payload`.
ALTER TABLE inbox ADD COLUMN edited TEXT;
