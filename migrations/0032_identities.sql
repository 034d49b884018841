-- People as identity providers know them, and logins at those under way.

CREATE TABLE user_identities (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The operator's name for the provider when it was linked; what counts is the issuer.
    provider     TEXT   NOT NULL,
    issuer       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    -- Never the address: addresses change hands.
    UNIQUE (issuer, subject)
);
CREATE INDEX user_identities_by_user ON user_identities (user_id);

CREATE TABLE sign_ins (
    -- SHA-256 of `state` in hexadecimal. The row goes when the browser comes back, so it comes back once.
    state_hash   TEXT   NOT NULL PRIMARY KEY,
    provider     TEXT   NOT NULL,
    -- SHA-256 of what the browser keeps in a cookie meanwhile.
    browser_hash TEXT   NOT NULL,
    -- Nonce and PKCE verifier, sealed by the key ring.
    sealed       TEXT   NOT NULL,
    -- Who was logged in and wants the identity added; null for a login.
    user_id      TEXT   REFERENCES users (id) ON DELETE CASCADE,
    -- A path of ours.
    return_to    TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);
