-- Pictures, and how people order them.

CREATE TABLE images (
    id            TEXT    NOT NULL PRIMARY KEY,
    job_id        TEXT    NOT NULL REFERENCES jobs (id),
    -- 0, 1, … within the job: a job that is run again leaves no second picture.
    job_index     BIGINT  NOT NULL,
    user_id       TEXT    NOT NULL,
    storage_key   TEXT    NOT NULL UNIQUE,
    thumbnail_key TEXT,
    -- SHA-256 of the stored bytes in hexadecimal.
    sha256        TEXT    NOT NULL,
    bytes         BIGINT  NOT NULL,
    width         BIGINT  NOT NULL,
    height        BIGINT  NOT NULL,
    format        TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    prompt        TEXT    NOT NULL,
    title         TEXT,
    blurhash      TEXT,
    -- JSON: seed, sampler, steps and what else was used.
    parameters    TEXT    NOT NULL,
    is_public     BOOLEAN NOT NULL,
    is_favourite  BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    -- Gone for its owner; the file follows.
    deleted_at    BIGINT,
    -- The file is gone too.
    purged_at     BIGINT,
    UNIQUE (job_id, job_index)
);
CREATE INDEX images_by_user ON images (user_id, created_at, id);
CREATE INDEX images_public ON images (created_at, id) WHERE is_public AND deleted_at IS NULL;
CREATE INDEX images_to_purge ON images (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

CREATE TABLE image_tags (
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    tag      TEXT NOT NULL,
    PRIMARY KEY (image_id, tag)
);
CREATE INDEX image_tags_by_tag ON image_tags (tag);

CREATE TABLE albums (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title      TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX albums_by_user ON albums (user_id, created_at, id);

CREATE TABLE album_images (
    album_id TEXT   NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
    image_id TEXT   NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (album_id, image_id)
);
