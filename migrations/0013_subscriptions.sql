-- What people have agreed to pay for, and until when it is paid. `users.plan` and `users.plan_ends_at` follow it.

CREATE TABLE subscriptions (
    id                   TEXT    NOT NULL PRIMARY KEY,
    user_id              TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan                 TEXT    NOT NULL,
    -- The plan from the next period on.
    next_plan            TEXT,
    state                TEXT    NOT NULL CHECK (state IN ('active', 'past_due', 'cancelled', 'expired')),
    -- Who takes the money, and what the subscription is called there; `manual` where an operator does.
    provider             TEXT    NOT NULL,
    provider_ref         TEXT,
    period_starts_at     BIGINT  NOT NULL,
    period_ends_at       BIGINT  NOT NULL,
    cancel_at_period_end BOOLEAN NOT NULL,
    created_at           BIGINT  NOT NULL,
    updated_at           BIGINT  NOT NULL,
    CHECK (period_starts_at < period_ends_at)
);
-- One at a time.
CREATE UNIQUE INDEX subscriptions_live ON subscriptions (user_id) WHERE state IN ('active', 'past_due');
CREATE UNIQUE INDEX subscriptions_by_ref ON subscriptions (provider, provider_ref) WHERE provider_ref IS NOT NULL;
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, created_at);
CREATE INDEX subscriptions_to_end ON subscriptions (period_ends_at) WHERE state IN ('active', 'past_due');
