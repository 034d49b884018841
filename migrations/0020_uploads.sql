-- Pictures that people sent, for jobs to start from. Kept for a while, then removed: what is drawn from one does not need it any more.

CREATE TABLE uploads (
    id          TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    storage_key TEXT   NOT NULL UNIQUE,
    -- SHA-256 of the stored bytes in hexadecimal.
    sha256      TEXT   NOT NULL,
    bytes       BIGINT NOT NULL,
    width       BIGINT NOT NULL,
    height      BIGINT NOT NULL,
    format      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX uploads_by_user ON uploads (user_id, created_at, id);
CREATE INDEX uploads_by_age ON uploads (created_at);
