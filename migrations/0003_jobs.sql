-- Jobs, who works on them, and what they leave behind.

CREATE TABLE jobs (
    id                TEXT    NOT NULL PRIMARY KEY,
    user_id           TEXT    NOT NULL,
    state             TEXT    NOT NULL CHECK (state IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    model             TEXT    NOT NULL,
    -- JSON, as the API took it.
    request           TEXT    NOT NULL,
    images_wanted     BIGINT  NOT NULL CHECK (images_wanted > 0),
    images_delivered  BIGINT  NOT NULL,
    -- Price of one picture in micro-credits, as quoted.
    unit_price        BIGINT  NOT NULL CHECK (unit_price >= 0),
    -- Null for a job that costs nothing.
    hold_id           TEXT    UNIQUE REFERENCES transfers (id),
    priority          BIGINT  NOT NULL,
    -- The order of the queue: when it was submitted, moved ahead by its priority. Waiting makes every job the first one some day.
    queue_order       BIGINT  NOT NULL,
    -- Not to be claimed before: the pause after a failed attempt.
    not_before        BIGINT  NOT NULL,
    -- A job that nobody has claimed until then fails.
    queue_ends_at     BIGINT  NOT NULL,
    -- Counted at each claim, and the fence: a worker writes only under the number it was given.
    attempt           BIGINT  NOT NULL,
    attempts_max      BIGINT  NOT NULL,
    lease_owner       TEXT,
    lease_expires_at  BIGINT,
    cancel_requested  BOOLEAN NOT NULL,
    -- Thousandths.
    progress          BIGINT  NOT NULL,
    provider          TEXT,
    provider_task_id  TEXT,
    error_code        TEXT,
    error_message     TEXT,
    created_at        BIGINT  NOT NULL,
    started_at        BIGINT,
    finished_at       BIGINT,
    CHECK ((state = 'processing') = (lease_owner IS NOT NULL)),
    CHECK ((state = 'processing') = (lease_expires_at IS NOT NULL)),
    CHECK ((state IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE INDEX jobs_to_claim ON jobs (queue_order) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_expires_at) WHERE state = 'processing';
CREATE INDEX jobs_open_by_user ON jobs (user_id) WHERE state IN ('queued', 'processing');
CREATE INDEX jobs_by_user ON jobs (user_id, created_at, id);

-- What somebody asked for once and may ask for again without its happening twice.
CREATE TABLE idempotency_keys (
    principal    TEXT   NOT NULL,
    idem_key     TEXT   NOT NULL,
    -- SHA-256 of the request in hexadecimal.
    request_hash TEXT   NOT NULL,
    -- What it made.
    result_id    TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (principal, idem_key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Events, written in the transaction they tell of and sent on at least once.
CREATE TABLE outbox (
    id           TEXT   NOT NULL PRIMARY KEY,
    topic        TEXT   NOT NULL,
    subject_id   TEXT   NOT NULL,
    -- 0, 1, … within the subject, whose events go out in this order.
    seq          BIGINT NOT NULL,
    user_id      TEXT,
    payload      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    delivered_at BIGINT,
    dead_at      BIGINT,
    last_error   TEXT,
    UNIQUE (subject_id, seq)
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE delivered_at IS NULL AND dead_at IS NULL;

CREATE TABLE usage_daily (
    user_id TEXT   NOT NULL,
    -- Days since 1970 UTC.
    day     BIGINT NOT NULL,
    jobs    BIGINT NOT NULL,
    images  BIGINT NOT NULL,
    -- Micro-credits.
    credits BIGINT NOT NULL,
    bytes   BIGINT NOT NULL,
    gpu_ms  BIGINT NOT NULL,
    PRIMARY KEY (user_id, day)
);
