-- Keeping what everybody sees fit to be seen. No prompt and no matched word is ever stored here.

-- One question to a moderator: is this one fit to be seen? There is one open case of a thing at a time.
CREATE TABLE moderation_cases (
    id           TEXT   NOT NULL PRIMARY KEY,
    target_kind  TEXT   NOT NULL CHECK (target_kind IN ('image', 'comment', 'user')),
    target_id    TEXT   NOT NULL,
    -- Whose it is. No foreign key: what was decided outlives the person, under an id that says nothing.
    owner_id     TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('open', 'decided', 'appealed', 'closed')),
    -- What it was first opened for.
    category     TEXT   NOT NULL,
    report_count BIGINT NOT NULL,
    -- The order of the queue: when it was opened, moved ahead by each report and by an appeal.
    queue_order  BIGINT NOT NULL,
    decision     TEXT   CHECK (decision IN ('approve', 'hide', 'remove', 'warn', 'ban')),
    -- For its owner to read.
    reason       TEXT,
    decided_by   TEXT,
    -- What its owner says against it, once.
    appeal       TEXT,
    appealed_at  BIGINT,
    -- Whether the appeal was granted.
    overturned   BOOLEAN,
    opened_at    BIGINT NOT NULL,
    decided_at   BIGINT,
    closed_at    BIGINT,
    CHECK ((decision IS NULL) = (state = 'open')),
    CHECK ((appealed_at IS NULL) OR (state IN ('appealed', 'closed')))
);
CREATE UNIQUE INDEX moderation_cases_open ON moderation_cases (target_kind, target_id) WHERE state IN ('open', 'appealed');
CREATE INDEX moderation_cases_queue ON moderation_cases (queue_order, id) WHERE state IN ('open', 'appealed');
CREATE INDEX moderation_cases_by_owner ON moderation_cases (owner_id, opened_at, id);

CREATE TABLE reports (
    id          TEXT   NOT NULL PRIMARY KEY,
    case_id     TEXT   NOT NULL REFERENCES moderation_cases (id) ON DELETE CASCADE,
    -- Each says it once of a case.
    reporter_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    category    TEXT   NOT NULL,
    note        TEXT,
    created_at  BIGINT NOT NULL,
    UNIQUE (case_id, reporter_id)
);
CREATE INDEX reports_by_reporter ON reports (reporter_id, created_at);

-- What filters and moderators found and did, and the strikes that come of it.
CREATE TABLE moderation_events (
    id          TEXT   NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    -- Whose doing it is about. No foreign key, as above.
    user_id     TEXT   NOT NULL,
    case_id     TEXT   REFERENCES moderation_cases (id) ON DELETE CASCADE,
    job_id      TEXT,
    -- Where it was seen: a prompt, a comment, a text of a profile, a title; or by a moderator.
    stage       TEXT   NOT NULL CHECK (stage IN ('prompt', 'title', 'comment', 'profile', 'review')),
    category    TEXT   NOT NULL,
    decision    TEXT   NOT NULL,
    reviewer_id TEXT,
    -- Strikes it is worth; those that were lifted count no more.
    strikes     BIGINT NOT NULL CHECK (strikes >= 0),
    lifted_at   BIGINT
);
CREATE INDEX moderation_events_by_user ON moderation_events (user_id, at, id);
CREATE INDEX moderation_events_by_case ON moderation_events (case_id);
CREATE INDEX moderation_events_by_time ON moderation_events (at, id);
