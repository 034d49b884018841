-- What people order, and what payment services tell of it.

CREATE TABLE purchases (
    id                TEXT    NOT NULL PRIMARY KEY,
    -- No foreign key: books of money outlive the person, under an id that says nothing.
    user_id           TEXT    NOT NULL,
    kind              TEXT    NOT NULL CHECK (kind IN ('pack', 'plan')),
    -- The pack's or the plan's name.
    product           TEXT    NOT NULL,
    -- `month` or `year`, of plans.
    paid_for          TEXT,
    -- Of packs: what is granted, in micro-credits; 0 of plans.
    credits           BIGINT  NOT NULL CHECK (credits >= 0),
    amount_cents      BIGINT  NOT NULL CHECK (amount_cents > 0),
    currency          TEXT    NOT NULL,
    -- Who takes the money: `manual`, `external`, `stripe`.
    provider          TEXT    NOT NULL,
    -- What the payment is called there, and who paid.
    provider_ref      TEXT,
    provider_customer TEXT,
    state             TEXT    NOT NULL CHECK (state IN ('pending', 'paid', 'cancelled', 'refunded')),
    created_at        BIGINT  NOT NULL,
    updated_at        BIGINT  NOT NULL,
    paid_at           BIGINT,
    CHECK ((kind = 'plan') = (paid_for IS NOT NULL)),
    CHECK ((kind = 'pack') = (credits > 0))
);
CREATE INDEX purchases_by_user ON purchases (user_id, created_at, id);
CREATE INDEX purchases_by_time ON purchases (created_at, id);
CREATE INDEX purchases_by_state ON purchases (state, created_at, id);
CREATE UNIQUE INDEX purchases_by_ref ON purchases (provider, provider_ref) WHERE provider_ref IS NOT NULL;

-- Which events of a payment service were dealt with: each is told at least once.
CREATE TABLE payment_events (
    provider     TEXT   NOT NULL,
    event_id     TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    -- SHA-256 of the body in hexadecimal; the body itself is not kept.
    body_hash    TEXT   NOT NULL,
    processed_at BIGINT NOT NULL,
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX payment_events_by_age ON payment_events (processed_at);
