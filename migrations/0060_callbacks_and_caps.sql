-- Where a job's own end is told, and what a key may spend in a month.

-- The key it came by, for that key's limits; no foreign key: jobs outlive keys.
ALTER TABLE jobs ADD COLUMN api_key_id TEXT;
ALTER TABLE jobs ADD COLUMN callback_url TEXT;
CREATE INDEX jobs_by_key ON jobs (api_key_id, created_at) WHERE api_key_id IS NOT NULL;

-- One endpoint of each user has no address: its secret signs what goes to the addresses that jobs name.
ALTER TABLE webhook_endpoints ADD COLUMN callbacks BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX webhook_endpoints_for_callbacks ON webhook_endpoints (user_id) WHERE callbacks;
-- Where it goes instead of to its endpoint's address.
ALTER TABLE webhook_deliveries ADD COLUMN url TEXT;

-- Of a calendar month (UTC); null is no limit, 0 is nothing.
ALTER TABLE api_keys ADD COLUMN jobs_monthly_max BIGINT CHECK (jobs_monthly_max >= 0);
-- Micro-credits.
ALTER TABLE api_keys ADD COLUMN credits_monthly_max BIGINT CHECK (credits_monthly_max >= 0);
