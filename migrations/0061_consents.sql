-- Which versions of which papers people have agreed to, and when.

CREATE TABLE consents (
    user_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- `terms` or `privacy`.
    document TEXT   NOT NULL CHECK (document IN ('terms', 'privacy')),
    -- What the operator called it.
    version  TEXT   NOT NULL,
    given_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, document, version)
);
