-- People and how they are let in. Every time is microseconds since 1970 UTC; every id is a UUIDv7 in lower case.

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    -- Trimmed and in lower case; `erased:<id>` after erasure, so that it stays unique.
    email         TEXT    NOT NULL UNIQUE,
    username      TEXT    NOT NULL UNIQUE,
    -- PHC string; null for people who come from an identity provider.
    password_hash TEXT,
    full_name     TEXT,
    avatar_key    TEXT,
    locale        TEXT,
    role          TEXT    NOT NULL CHECK (role IN ('user', 'moderator', 'admin', 'superuser')),
    plan          TEXT    NOT NULL,
    plan_ends_at  BIGINT,
    is_active     BOOLEAN NOT NULL,
    is_verified   BOOLEAN NOT NULL,
    -- Raised by whatever must end every session and key at once; they carry the value they were made with.
    auth_epoch    BIGINT  NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    deleted_at    BIGINT
);

-- One for each login: a family of refresh tokens.
CREATE TABLE sessions (
    id             TEXT   NOT NULL PRIMARY KEY,
    user_id        TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    auth_epoch     BIGINT NOT NULL,
    user_agent     TEXT,
    ip             TEXT,
    created_at     BIGINT NOT NULL,
    last_used_at   BIGINT NOT NULL,
    -- However often it is refreshed.
    expires_at     BIGINT NOT NULL,
    revoked_at     BIGINT,
    revoked_reason TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE session_tokens (
    -- SHA-256 of the token in hexadecimal; the token itself is nowhere.
    hash       TEXT   NOT NULL PRIMARY KEY,
    session_id TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL CHECK (kind IN ('access', 'refresh')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When a refresh token was exchanged; using it again revokes the session.
    used_at    BIGINT
);
CREATE INDEX session_tokens_by_session ON session_tokens (session_id);
CREATE INDEX session_tokens_by_expiry ON session_tokens (expires_at);

-- Sent by mail, good once.
CREATE TABLE mail_tokens (
    hash       TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose    TEXT   NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    -- The address it was sent to: a token for an old address verifies nothing.
    email      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX mail_tokens_by_user ON mail_tokens (user_id);

CREATE TABLE api_keys (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT   NOT NULL,
    -- What people see of it, and what finds the row.
    prefix       TEXT   NOT NULL UNIQUE,
    hash         TEXT   NOT NULL,
    -- Space-separated.
    scopes       TEXT   NOT NULL,
    auth_epoch   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    revoked_at   BIGINT
);
CREATE INDEX api_keys_by_user ON api_keys (user_id);

-- Failed logins, by a hash of the account and the address they came from.
CREATE TABLE login_failures (
    subject       TEXT   NOT NULL PRIMARY KEY,
    failures      BIGINT NOT NULL,
    first_at      BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX login_failures_by_time ON login_failures (first_at);

-- Mail to be sent, written in the transaction that causes it.
CREATE TABLE mails (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   REFERENCES users (id) ON DELETE CASCADE,
    recipient  TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    sent_at    BIGINT,
    dead_at    BIGINT,
    last_error TEXT
);
CREATE INDEX mails_due ON mails (due_at) WHERE sent_at IS NULL AND dead_at IS NULL;
