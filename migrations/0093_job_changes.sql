-- When a job last changed.

-- Its state, or what whoever works on it said of it.
ALTER TABLE jobs ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE jobs SET updated_at = COALESCE(finished_at, started_at, created_at);
