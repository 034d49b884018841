-- What a payment service's books say against ours, day by day.

CREATE TABLE payment_comparisons (
    provider            TEXT   NOT NULL,
    -- Days since 1970 UTC.
    day                 BIGINT NOT NULL,
    compared_at         BIGINT NOT NULL,
    -- Orders that are paid there and not here.
    unknown_here_count  BIGINT NOT NULL,
    -- Orders that are paid here and not there.
    unknown_there_count BIGINT NOT NULL,
    -- The first of them, as a JSON array of ids.
    unknown_here        TEXT   NOT NULL,
    unknown_there       TEXT   NOT NULL,
    PRIMARY KEY (provider, day)
);
