-- Jobs as people tell them apart: by a number, by what they were made from, by what they were ordered with.

-- How many jobs somebody has ordered: the number of the last one.
ALTER TABLE users ADD COLUMN jobs_made BIGINT NOT NULL DEFAULT 0;
-- 1, 2, … of its owner's jobs, never given twice; 0 for what no order made.
ALTER TABLE jobs ADD COLUMN task_no BIGINT NOT NULL DEFAULT 0;
-- The job whose picture it starts from; no foreign key: it may be forgotten first.
ALTER TABLE jobs ADD COLUMN parent_id TEXT;
-- What all jobs of one batch share.
ALTER TABLE jobs ADD COLUMN batch_key TEXT;
-- When it will be finished, as its worker last foretold.
ALTER TABLE jobs ADD COLUMN estimated_completion_at BIGINT;

UPDATE jobs SET task_no = numbered.task_no
FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY created_at, id) AS task_no FROM jobs) AS numbered
WHERE numbered.id = jobs.id;
UPDATE users SET jobs_made = (SELECT COUNT(*) FROM jobs WHERE jobs.user_id = users.id);

CREATE UNIQUE INDEX jobs_by_number ON jobs (user_id, task_no) WHERE task_no > 0;
CREATE INDEX jobs_by_batch ON jobs (user_id, batch_key) WHERE batch_key IS NOT NULL;
CREATE INDEX jobs_by_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;
