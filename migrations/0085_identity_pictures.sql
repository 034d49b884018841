-- Pictures of people as their identity providers have them, which are taken over until another is chosen here.

-- Where the one was that was taken over last.
ALTER TABLE user_identities ADD COLUMN picture TEXT;
-- The file that came of it: a person who has another has chosen it here.
ALTER TABLE user_identities ADD COLUMN picture_key TEXT;
