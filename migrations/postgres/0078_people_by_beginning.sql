-- Finding people by how their name or their address begins (`store/src/users.rs`). The unique indexes of both columns are in the database's own
-- collation, by which a range of texts is not what begins alike; SQLite compares bytes, and needs no more than these.
CREATE INDEX users_by_username ON users (username COLLATE "C");
CREATE INDEX users_by_email ON users (email COLLATE "C");
