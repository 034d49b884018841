-- Who was here lately is counted by when their sessions and keys were last used.

CREATE INDEX sessions_by_use ON sessions (last_used_at, user_id);
CREATE INDEX api_keys_by_use ON api_keys (last_used_at, user_id);
