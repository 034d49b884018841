-- Prompts that people no longer want to be shown among their earlier ones. The prompts themselves are in their jobs and are not kept twice.

CREATE TABLE forgotten_prompts (
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of what was written, in hexadecimal; `*` for all of it.
    digest       TEXT   NOT NULL,
    -- What was asked for up to then is not shown; the same words used again are.
    forgotten_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, digest)
);
