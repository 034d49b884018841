-- Archives of everything there is about somebody, which are written in the background and kept for a while.

CREATE TABLE exports (
    id          TEXT   NOT NULL PRIMARY KEY,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'running', 'ready', 'failed')),
    -- Counted whenever somebody takes it, and the fence: who writes it says under which number.
    attempts    BIGINT NOT NULL,
    -- Not to be taken before: when it may begin, or when who writes it is thought to be gone.
    due_at      BIGINT NOT NULL,
    -- Where the archive lies or is being written to.
    storage_key TEXT   UNIQUE,
    bytes       BIGINT,
    created_at  BIGINT NOT NULL,
    -- When it was last begun.
    started_at  BIGINT,
    finished_at BIGINT,
    -- When the archive, or that it failed, is forgotten.
    expires_at  BIGINT,
    CHECK ((state = 'ready') = (bytes IS NOT NULL)),
    CHECK ((state IN ('ready', 'failed')) = (finished_at IS NOT NULL)),
    CHECK ((state IN ('ready', 'failed')) = (expires_at IS NOT NULL))
);
-- One at a time for each person.
CREATE UNIQUE INDEX exports_open ON exports (user_id) WHERE state IN ('pending', 'running');
CREATE INDEX exports_by_user ON exports (user_id, created_at, id);
CREATE INDEX exports_due ON exports (due_at) WHERE state IN ('pending', 'running');
CREATE INDEX exports_by_end ON exports (expires_at);
