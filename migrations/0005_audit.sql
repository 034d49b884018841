-- The record of what was done: each row's hash covers the one before it.

CREATE TABLE audit_log (
    seq         BIGINT NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    actor_kind  TEXT   NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'operator', 'system')),
    actor_id    TEXT,
    action      TEXT   NOT NULL,
    target_kind TEXT,
    target_id   TEXT,
    -- A salted hash of the address: whoever destroys the salt destroys the address.
    ip_hash     TEXT,
    request_id  TEXT,
    -- JSON without secrets and without personal data.
    detail      TEXT   NOT NULL,
    prev_hash   TEXT   NOT NULL,
    hash        TEXT   NOT NULL
);
CREATE INDEX audit_log_by_target ON audit_log (target_id, seq);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, seq);

-- The end of the chain: its one row makes writers take turns, and a cut-off tail show.
CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE audit_salts (
    user_id TEXT NOT NULL PRIMARY KEY,
    salt    TEXT NOT NULL
);

-- Who asked to be forgotten and how far that is; a restored backup is brought up to date with it.
CREATE TABLE erasures (
    user_id      TEXT   NOT NULL PRIMARY KEY,
    requested_at BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    finished_at  BIGINT
);
