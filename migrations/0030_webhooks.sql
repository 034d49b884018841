-- Where users want to be told of what happens to their jobs, and every telling.

CREATE TABLE webhook_endpoints (
    id                   TEXT   NOT NULL PRIMARY KEY,
    user_id              TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    url                  TEXT   NOT NULL,
    description          TEXT   NOT NULL,
    -- Space-separated; empty is all of them.
    topics               TEXT   NOT NULL,
    -- Sealed by the key ring. The one before is signed with too until its time is up.
    secret               TEXT   NOT NULL,
    previous_secret      TEXT,
    previous_valid_until BIGINT,
    -- Since when nothing has arrived.
    failing_since        BIGINT,
    disabled_at          BIGINT,
    -- `owner`, `failing`, `gone`.
    disabled_reason      TEXT,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CHECK ((previous_secret IS NULL) = (previous_valid_until IS NULL))
);
CREATE INDEX webhook_endpoints_by_user ON webhook_endpoints (user_id, created_at, id);

-- One for each event and endpoint.
CREATE TABLE webhook_deliveries (
    id           TEXT   NOT NULL PRIMARY KEY,
    endpoint_id  TEXT   NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    -- What the receiver sees as `webhook-id`: the same for every attempt.
    event_id     TEXT   NOT NULL,
    topic        TEXT   NOT NULL,
    subject_id   TEXT   NOT NULL,
    -- The event's place among its subject's, which arrive in this order.
    seq          BIGINT NOT NULL,
    -- The body, as it is signed and sent.
    body         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    -- When trying began, from which giving up is counted: later than `created_at` for what was sent again by hand.
    begun_at     BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    delivered_at BIGINT,
    dead_at      BIGINT,
    -- What the receiver answered last.
    last_status  BIGINT,
    last_error   TEXT,
    UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE delivered_at IS NULL AND dead_at IS NULL;
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, created_at, id);
