-- The processes that share the database, as each says of itself every few seconds.

CREATE TABLE nodes (
    -- Drawn at each start.
    id           TEXT   NOT NULL PRIMARY KEY,
    -- Where it listens.
    address      TEXT   NOT NULL,
    -- `all`, `serve` or `worker`.
    role         TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    -- JSON: its devices, their memory and the models in it.
    devices      TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL
);
