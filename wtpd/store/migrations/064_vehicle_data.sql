-- Vehicle data may come from several sources: answers, counts and what a vehicle is at a source are kept by source.
-- Everything so far came from DAT. `subject`: the VIN or the plate that was asked about; `reference`: JSON that names the
-- vehicle in further calls to the source.

CREATE TABLE vehicle_answer (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  restriction TEXT NOT NULL,
  locale TEXT NOT NULL,
  at TEXT NOT NULL,
  answer TEXT NOT NULL,
  UNIQUE (source, subject, restriction, locale)
) STRICT;
INSERT INTO vehicle_answer (source, subject, restriction, locale, at, answer)
  SELECT 'dat', vin, restriction, locale, at, answer FROM identification ORDER BY id;
DROP TABLE identification;
CREATE INDEX vehicle_answer_by_time ON vehicle_answer (at);

CREATE TABLE vehicle_answer_unread (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  restriction TEXT NOT NULL,
  locale TEXT NOT NULL,
  at TEXT NOT NULL,
  reason TEXT NOT NULL,
  charset TEXT,
  content BLOB NOT NULL,
  UNIQUE (source, subject, restriction, locale)
) STRICT;
INSERT INTO vehicle_answer_unread (source, subject, restriction, locale, at, reason, charset, content)
  SELECT 'dat', vin, restriction, locale, at, reason, charset, content FROM identification_unread ORDER BY id;
DROP TABLE identification_unread;
CREATE INDEX vehicle_answer_unread_by_time ON vehicle_answer_unread (at);

-- How often a source was asked about a subject on a day. A query is counted before it is sent.
CREATE TABLE vehicle_query_count (
  day TEXT NOT NULL,                          -- the source's own day
  source TEXT NOT NULL,
  subject TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (day, source, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO vehicle_query_count SELECT day, 'dat', vin, count FROM identification_count;
DROP TABLE identification_count;

ALTER TABLE vehicle_identification RENAME TO vehicle_identification_of_dat;
CREATE TABLE vehicle_identification (
  vehicle_id TEXT NOT NULL REFERENCES vehicle (id),
  source TEXT NOT NULL,
  vin TEXT NOT NULL,
  code TEXT NOT NULL,
  extras INTEGER,
  reference TEXT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (vehicle_id, source)
) STRICT, WITHOUT ROWID;
INSERT INTO vehicle_identification
  SELECT vehicle_id, 'dat', vin, trim(datecode || ' ' || container), json_array_length(extras),
         json_object('datecode', datecode, 'container', container, 'construction_time', construction_time,
                     'extras', json(extras)),
         at, actor
    FROM vehicle_identification_of_dat;
DROP TABLE vehicle_identification_of_dat;
