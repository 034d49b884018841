-- Pictures that are on their way to the storage itself, by a signed address. What comes is judged before anything may use it; then it is an
-- upload of the same id.

CREATE TABLE awaited_uploads (
    id          TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Where the bytes go, among the temporary ones.
    storage_key TEXT   NOT NULL UNIQUE,
    -- How many were announced.
    bytes       BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    -- When the address ends.
    expires_at  BIGINT NOT NULL
);
CREATE INDEX awaited_uploads_by_user ON awaited_uploads (user_id, created_at, id);
CREATE INDEX awaited_uploads_by_age ON awaited_uploads (created_at);
