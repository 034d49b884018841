-- What is asked of payment services and what comes of it: nothing is left half done, and nothing is paid that nobody sees.

-- Plans that are being changed at a payment service, written before it is asked: who is killed in between is looked after.
CREATE TABLE plan_changes (
    subscription_id TEXT   NOT NULL PRIMARY KEY REFERENCES subscriptions (id) ON DELETE CASCADE,
    -- Of this asking: another one takes its place.
    id              TEXT   NOT NULL UNIQUE,
    user_id         TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan            TEXT   NOT NULL,
    -- What it costs there from then on: `month` or `year`, in hundredths.
    paid_for        TEXT   NOT NULL,
    amount_cents    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    -- When what became of it is looked up.
    due_at          BIGINT NOT NULL
);
CREATE INDEX plan_changes_due ON plan_changes (due_at);
CREATE INDEX plan_changes_by_user ON plan_changes (user_id);

-- Money came for what was over: an operator pays it back.
ALTER TABLE purchases ADD COLUMN gave_nothing BOOLEAN NOT NULL DEFAULT FALSE;
