-- What people do with others' pictures. Everything here goes with the picture and with the person.

CREATE TABLE image_likes (
    image_id   TEXT   NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, user_id)
);
CREATE INDEX image_likes_by_user ON image_likes (user_id, created_at, image_id);

CREATE TABLE image_comments (
    id            TEXT   NOT NULL PRIMARY KEY,
    image_id      TEXT   NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    body          TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    -- A moderator hid it, and why.
    hidden_at     BIGINT,
    hidden_reason TEXT
);
CREATE INDEX image_comments_by_image ON image_comments (image_id, created_at, id);
CREATE INDEX image_comments_by_user ON image_comments (user_id, created_at, id);

CREATE TABLE user_follows (
    follower_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    followed_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (follower_id, followed_id),
    CHECK (follower_id <> followed_id)
);
CREATE INDEX user_follows_by_followed ON user_follows (followed_id, created_at, follower_id);

-- What they say of themselves, and kept sums.
ALTER TABLE users ADD COLUMN bio TEXT;
ALTER TABLE users ADD COLUMN follower_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN following_count BIGINT NOT NULL DEFAULT 0;

-- Links by which somebody without an account sees one picture.
CREATE TABLE image_shares (
    id           TEXT    NOT NULL PRIMARY KEY,
    image_id     TEXT    NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the link's token in hexadecimal; the token itself is nowhere.
    hash         TEXT    NOT NULL UNIQUE,
    shows_prompt BOOLEAN NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    view_count   BIGINT  NOT NULL
);
CREATE INDEX image_shares_by_image ON image_shares (image_id, created_at, id);
CREATE INDEX image_shares_by_user ON image_shares (user_id, created_at, id);
