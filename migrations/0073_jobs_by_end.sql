-- Jobs that ended long ago are forgotten, oldest end first.

CREATE INDEX jobs_by_end ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;
