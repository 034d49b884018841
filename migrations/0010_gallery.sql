-- The gallery: what pictures are found by, the trash, and what others see of them.

-- How it was drawn, taken out of `parameters` so that lists are filtered by it.
ALTER TABLE images ADD COLUMN sampler TEXT;
ALTER TABLE images ADD COLUMN mode TEXT;
-- When it was made public, last; stays when it is no longer.
ALTER TABLE images ADD COLUMN published_at BIGINT;
-- Others see, find and may use the prompt too: its owner's choice.
ALTER TABLE images ADD COLUMN shows_prompt BOOLEAN NOT NULL DEFAULT FALSE;
-- A moderator hid it, and why, for its owner to read. Stays public in its owner's eyes, so that restoring it brings it back.
ALTER TABLE images ADD COLUMN hidden_at BIGINT;
ALTER TABLE images ADD COLUMN hidden_reason TEXT;
-- Kept sums, changed in the transaction of what they count.
ALTER TABLE images ADD COLUMN like_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN comment_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE images ADD COLUMN view_count BIGINT NOT NULL DEFAULT 0;
-- Its place among trending ones: when it was published, moved ahead by its likes. Waiting moves nothing, so it is kept and never recomputed.
ALTER TABLE images ADD COLUMN trend BIGINT;
-- When what is in the trash is removed for good.
ALTER TABLE images ADD COLUMN purge_at BIGINT;

UPDATE images SET published_at = created_at, trend = created_at WHERE is_public;
UPDATE images SET purge_at = deleted_at WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

DROP INDEX images_public;
DROP INDEX images_to_purge;
-- What everybody sees: queries say these three conditions in these words, or they find no index.
CREATE INDEX images_recent ON images (published_at, id) WHERE is_public AND deleted_at IS NULL AND hidden_at IS NULL;
CREATE INDEX images_trending ON images (trend, id) WHERE is_public AND deleted_at IS NULL AND hidden_at IS NULL;
CREATE INDEX images_public_by_user ON images (user_id, published_at, id) WHERE is_public AND deleted_at IS NULL AND hidden_at IS NULL;
CREATE INDEX images_public_by_model ON images (model, published_at, id) WHERE is_public AND deleted_at IS NULL AND hidden_at IS NULL;
CREATE INDEX images_public_with_prompt ON images (id) WHERE is_public AND deleted_at IS NULL AND hidden_at IS NULL AND shows_prompt;
CREATE INDEX images_favourite ON images (user_id, created_at, id) WHERE is_favourite AND deleted_at IS NULL;
CREATE INDEX images_trash ON images (user_id, deleted_at, id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;
CREATE INDEX images_to_purge ON images (purge_at) WHERE purge_at IS NOT NULL AND purged_at IS NULL;
-- Answers how much somebody has stored without looking at the pictures.
CREATE INDEX images_stored ON images (user_id, deleted_at, bytes) WHERE purged_at IS NULL;

DROP INDEX image_tags_by_tag;
CREATE INDEX image_tags_by_tag ON image_tags (tag, image_id);

-- Their order, smallest first; their cover; both their owner's choice.
ALTER TABLE albums ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
ALTER TABLE albums ADD COLUMN cover_image_id TEXT;
ALTER TABLE albums ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE albums SET updated_at = created_at, position = created_at;
ALTER TABLE album_images ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
UPDATE album_images SET position = added_at;
DROP INDEX albums_by_user;
CREATE INDEX albums_by_user ON albums (user_id, position, id);
CREATE INDEX album_images_in_order ON album_images (album_id, position, image_id);
CREATE INDEX album_images_by_image ON album_images (image_id);
