-- Why a channel waits for a person, as it was said when it stopped (a text as JSON).
ALTER TABLE channel ADD COLUMN halt_reason TEXT;
-- Channels that wait for credentials without a known reason ask once more: it may have been a key that was missing for
-- a while. A partner that refuses them says so again.
UPDATE channel SET stopped = NULL, halted_at = NULL WHERE stopped = 'needs_token';
