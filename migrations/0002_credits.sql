-- Money: an append-only double-entry ledger. Amounts are micro-credits (1 credit = 1,000,000).
-- Credits come out of `issued` accounts and go to `earned` or `expired` ones, so that all entries sum to zero.

CREATE TABLE accounts (
    -- `credits:<user>`, `metered:<user>`, or `issued:<shard>`, `earned:<shard>`, `expired:<shard>`.
    id      TEXT    NOT NULL PRIMARY KEY,
    -- No foreign key: the ledger outlives the person, under an id that says nothing.
    user_id TEXT,
    kind    TEXT    NOT NULL CHECK (kind IN ('credits', 'metered', 'issued', 'earned', 'expired')),
    -- What the entries sum to, kept beside them; `easel fsck` compares.
    posted  BIGINT  NOT NULL,
    -- The sum of the open holds.
    pending BIGINT  NOT NULL CHECK (pending >= 0),
    CHECK (kind <> 'credits' OR posted - pending >= 0)
);
CREATE INDEX accounts_by_user ON accounts (user_id);

CREATE TABLE transfers (
    id            TEXT   NOT NULL PRIMARY KEY,
    kind          TEXT   NOT NULL CHECK (kind IN ('grant', 'hold', 'capture', 'release', 'refund', 'expire', 'adjust')),
    -- Says which real event this is: the same event is booked once.
    idem_key      TEXT   NOT NULL UNIQUE,
    account_id    TEXT   NOT NULL REFERENCES accounts (id),
    -- Change of the account; for a hold and a release what is set aside or let go.
    amount        BIGINT NOT NULL,
    -- What the account had posted afterwards.
    posted_after  BIGINT NOT NULL,
    -- Of a capture or release: a hold is resolved once.
    hold_id       TEXT   UNIQUE REFERENCES transfers (id),
    job_id        TEXT,
    actor         TEXT,
    reason        TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    CHECK ((kind IN ('capture', 'release')) = (hold_id IS NOT NULL))
);
CREATE INDEX transfers_by_account ON transfers (account_id, created_at, id);
CREATE INDEX transfers_by_job ON transfers (job_id);

CREATE TABLE entries (
    transfer_id TEXT   NOT NULL REFERENCES transfers (id),
    account_id  TEXT   NOT NULL REFERENCES accounts (id),
    amount      BIGINT NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (transfer_id, account_id)
);
CREATE INDEX entries_by_account ON entries (account_id);

-- Where an account's credits came from and until when they are good; what is spent comes from the one that ends first.
CREATE TABLE grants (
    -- The transfer that brought it.
    id         TEXT   NOT NULL PRIMARY KEY REFERENCES transfers (id),
    account_id TEXT   NOT NULL REFERENCES accounts (id),
    source     TEXT   NOT NULL,
    amount     BIGINT NOT NULL CHECK (amount > 0),
    -- Neither spent nor set aside by a hold.
    remaining  BIGINT NOT NULL CHECK (remaining >= 0 AND remaining <= amount),
    -- Null is never; BIGINT's largest value in `ends_order`, so that NULL sorts alike on both databases.
    expires_at BIGINT,
    ends_order BIGINT NOT NULL
);
CREATE INDEX grants_to_spend ON grants (account_id, ends_order, id) WHERE remaining > 0;
CREATE INDEX grants_to_expire ON grants (expires_at) WHERE remaining > 0;

-- Which grants an open or captured hold took from.
CREATE TABLE hold_parts (
    hold_id  TEXT   NOT NULL REFERENCES transfers (id),
    grant_id TEXT   NOT NULL REFERENCES grants (id),
    amount   BIGINT NOT NULL CHECK (amount > 0),
    PRIMARY KEY (hold_id, grant_id)
);
