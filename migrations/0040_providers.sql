-- Work that is given to somebody else's service: who may, what was begun, what it cost, and people's own accounts there.

-- From then on it may be sent elsewhere; null is never.
ALTER TABLE jobs ADD COLUMN leaves_at BIGINT;
-- JSON: what it may cost elsewhere, who served it and why, what was dropped.
ALTER TABLE jobs ADD COLUMN away TEXT;
-- Pictures its owner has paid for elsewhere, with a key of their own.
ALTER TABLE jobs ADD COLUMN images_free BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_to_send ON jobs (queue_order) WHERE state = 'queued' AND leaves_at IS NOT NULL;

-- Every attempt, from before it is sent to its end.
CREATE TABLE provider_attempts (
    -- Job, part, account and count: what servers that honour it see as `Idempotency-Key`.
    attempt_key TEXT   NOT NULL PRIMARY KEY,
    job_id      TEXT   NOT NULL REFERENCES jobs (id),
    provider    TEXT   NOT NULL,
    -- The part of the job, from 0.
    part        BIGINT NOT NULL,
    -- JSON: the reason, the model there, what was dropped.
    terms       TEXT   NOT NULL,
    -- JSON: intended, accepted or ended. Null: money is set aside, and nothing was sent.
    step        TEXT,
    -- What the provider calls it.
    task_id     TEXT,
    -- JSON: the pictures that came of it, until the job ends.
    kept        TEXT,
    -- Millionths of a US dollar, of the day and month (since 1970, UTC) in which it was begun.
    reserved    BIGINT NOT NULL,
    day         BIGINT NOT NULL,
    month       BIGINT NOT NULL,
    -- Null while it is under way.
    spent       BIGINT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE INDEX provider_attempts_by_job ON provider_attempts (job_id, created_at, attempt_key);
CREATE INDEX provider_attempts_by_task ON provider_attempts (provider, task_id) WHERE task_id IS NOT NULL;

-- What was spent and is set aside, for all nodes together.
CREATE TABLE provider_spend (
    provider TEXT   NOT NULL,
    -- `day` or `month`.
    period   TEXT   NOT NULL CHECK (period IN ('day', 'month')),
    -- Since 1970, UTC.
    number   BIGINT NOT NULL,
    spent    BIGINT NOT NULL CHECK (spent >= 0),
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (provider, period, number)
);

-- Breakers as the operator has set them by hand, last.
CREATE TABLE provider_switches (
    provider   TEXT    NOT NULL PRIMARY KEY,
    is_open    BOOLEAN NOT NULL,
    changed_at BIGINT  NOT NULL
);

-- People's own accounts.
CREATE TABLE api_configs (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    provider   TEXT    NOT NULL,
    -- Of a server of their own.
    base_url   TEXT,
    -- Sealed by the key ring.
    secret     TEXT    NOT NULL,
    -- The end of the key, to tell it by.
    key_hint   TEXT    NOT NULL,
    -- The model there.
    model      TEXT    NOT NULL,
    is_active  BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE INDEX api_configs_by_user ON api_configs (user_id, created_at, id);

-- Who lets their prompts leave this host, and to whom.
CREATE TABLE provider_consents (
    user_id        TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    allow_external BOOLEAN NOT NULL,
    -- Space-separated; empty is any.
    providers      TEXT    NOT NULL,
    regions        TEXT    NOT NULL,
    updated_at     BIGINT  NOT NULL
);
