-- Words of letters that search documents have, under themselves and under themselves without one letter: near misses
-- (wtpd/store/search/vocabulary.py).

CREATE TABLE search_slip (
  key TEXT NOT NULL,
  word TEXT NOT NULL,
  PRIMARY KEY (key, word)
) STRICT, WITHOUT ROWID;

-- Words that left a document: dropped from `search_slip` when no document has them.
CREATE TABLE search_left_word (
  word TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

WITH RECURSIVE
  document (words) AS (
    SELECT words FROM search_appointment_text
    UNION ALL SELECT words FROM search_customer_text
    UNION ALL SELECT words FROM search_vehicle_text),
  known (word) AS (
    SELECT DISTINCT one.value FROM document, json_each('["' || replace(document.words, ' ', '","') || '"]') one
    WHERE length(one.value) BETWEEN 3 AND 21 AND one.value NOT GLOB '*[^a-z]*'),
  place (letter) AS (SELECT 1 UNION ALL SELECT letter + 1 FROM place WHERE letter < 21)
INSERT OR IGNORE INTO search_slip (key, word)
  SELECT word, word FROM known
  UNION ALL
  SELECT substr(word, 1, letter - 1) || substr(word, letter + 1), word FROM known JOIN place ON letter <= length(word)
  ORDER BY 1, 2;
