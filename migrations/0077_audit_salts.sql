-- Addresses in the audit log can be checked for a while: a salt goes when it is old, and the next record makes a new one.

ALTER TABLE audit_salts ADD COLUMN made_at BIGINT NOT NULL DEFAULT 0;
-- Those there are begin to age with the last record.
UPDATE audit_salts SET made_at = (SELECT COALESCE(MAX(at), 0) FROM audit_log);
CREATE INDEX audit_salts_by_age ON audit_salts (made_at);
