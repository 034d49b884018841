-- Lists that would read far more than they show.

-- Somebody's pictures by one model, newest first: without it, all that somebody has is read to find the few of a rare model.
CREATE INDEX images_by_user_and_model ON images (user_id, model, created_at, id) WHERE deleted_at IS NULL;

-- Everybody's jobs, and those in one state, newest first: for administrators.
CREATE INDEX jobs_by_time ON jobs (created_at, id);
CREATE INDEX jobs_by_state ON jobs (state, created_at, id);
-- Everybody's use, by day.
CREATE INDEX usage_by_day ON usage_daily (day);
