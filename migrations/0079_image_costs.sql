-- What a picture has cost and how long it took, of each; what was drawn before says neither.

-- Milliseconds on a device, or from the start of its job where that is not known; shared among the pictures of a job.
ALTER TABLE images ADD COLUMN generation_ms BIGINT;
-- Micro-credits, charged or counted.
ALTER TABLE images ADD COLUMN cost BIGINT;
