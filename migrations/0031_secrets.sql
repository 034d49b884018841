-- Secrets that the server must be able to read again: of identity providers and of image providers.

CREATE TABLE secrets (
    -- `oidc:google`, `provider:fal`.
    name       TEXT   NOT NULL PRIMARY KEY,
    -- Sealed by the key ring.
    value      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);
