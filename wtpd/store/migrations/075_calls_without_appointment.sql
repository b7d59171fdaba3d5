-- Questions to sources of vehicle data are kept beside the messages about appointments, without one, and are looked up
-- by their channel. `operation` is `identify` or `value` then, `partner_id` the VIN or plate.
CREATE INDEX message_loose_by_channel ON message (channel, id) WHERE appointment_id IS NULL;
