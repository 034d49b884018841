-- Limits of one person in the place of their plan's, by an administrator's decision; why is in the audit log.

CREATE TABLE user_limits (
    user_id           TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Pictures a day; null is the plan's.
    images_daily_max  BIGINT CHECK (images_daily_max >= 0),
    -- Jobs that have not ended; null is the plan's.
    jobs_open_max     BIGINT CHECK (jobs_open_max >= 0),
    -- Bytes of stored pictures; null is the plan's.
    storage_bytes_max BIGINT CHECK (storage_bytes_max >= 0),
    updated_at        BIGINT NOT NULL
);
