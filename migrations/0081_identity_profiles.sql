-- What an identity provider last said of somebody: to tell identities apart by, and to tell whether a name here is still the provider's.

ALTER TABLE user_identities ADD COLUMN email TEXT;
ALTER TABLE user_identities ADD COLUMN name TEXT;
