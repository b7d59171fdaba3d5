-- What a dealer management system brings (spec: planner.md, 8; vocabulary.md: elements, partner_record).

ALTER TABLE customer ADD COLUMN lease_company TEXT NOT NULL DEFAULT '';

ALTER TABLE vehicle ADD COLUMN engine_number TEXT NOT NULL DEFAULT '';
ALTER TABLE vehicle ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE vehicle ADD COLUMN warranty_start TEXT;
ALTER TABLE vehicle ADD COLUMN warranty_end TEXT;

ALTER TABLE appointment ADD COLUMN dms_notes TEXT NOT NULL DEFAULT '';
ALTER TABLE appointment ADD COLUMN dms_created_at TEXT;
ALTER TABLE appointment ADD COLUMN internal_order INTEGER NOT NULL DEFAULT 0;

-- A partner's own ids of what we keep. Two systems, or two companies of one system, may use the same number.
CREATE TABLE partner_record (
  connector TEXT NOT NULL,
  company TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('customer', 'vehicle', 'order')),
  partner_id TEXT NOT NULL,
  record_id TEXT NOT NULL,                    -- of our customer, vehicle or appointment
  version TEXT NOT NULL DEFAULT '',           -- as the partner writes it
  content_hash TEXT NOT NULL DEFAULT '',      -- of what was last taken over
  seen_at TEXT NOT NULL,
  PRIMARY KEY (connector, company, kind, partner_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX partner_record_of ON partner_record (kind, record_id);
