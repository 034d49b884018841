-- What people have set in programs that were made for A1111: those of its settings that differ from the usual, as JSON. All nodes read them.

CREATE TABLE client_settings (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    settings   TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);
