-- What services have answered that answer at once, from its arrival to the end of the attempt: whoever comes after a crash goes on from it.

CREATE TABLE provider_answers (
    attempt_key TEXT   NOT NULL PRIMARY KEY REFERENCES provider_attempts (attempt_key),
    -- JSON: the pictures in base64, or where they are for a while.
    answer      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);
