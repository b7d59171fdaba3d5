-- Telephone numbers and plates follow the country of the site (spec: planner.md, 7).

-- The countries in which the keys of telephone numbers and plates were made, as the configuration had them.
CREATE TABLE site_country (
  site TEXT PRIMARY KEY,
  country TEXT NOT NULL                       -- ISO 3166, two letters
) STRICT, WITHOUT ROWID;

-- The row is there while keys are being made again: up to which customer and vehicle that is done.
CREATE TABLE rekeying (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  customer TEXT NOT NULL DEFAULT '',
  vehicle TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO rekeying (id) VALUES (1);

-- The site through which a customer came into the book; '' while it isn't known.
ALTER TABLE customer ADD COLUMN home_site TEXT NOT NULL DEFAULT '';
