-- Whether a person has decided this very message already, when it comes again.
CREATE INDEX inbox_decided ON inbox (channel, partner_id) WHERE decided_at IS NOT NULL;
