-- What programs called themselves when something was recorded. It has to be forgotten, which the record is not: the text is kept beside it.

-- A salted hash of what the program called itself, with the salt of the address.
ALTER TABLE audit_log ADD COLUMN agent_hash TEXT;

-- What such a hash was made of: it goes when its salt goes.
CREATE TABLE audit_agents (
    digest     TEXT NOT NULL PRIMARY KEY,
    user_id    TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX audit_agents_by_user ON audit_agents (user_id);
