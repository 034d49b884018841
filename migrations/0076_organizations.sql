-- Groups of people who see one another and nobody else, on a server that divides people (`multi_tenant`).

CREATE TABLE organizations (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- A short name for programs: lower case letters, digits and dashes.
    slug       TEXT   NOT NULL UNIQUE,
    -- As people write it.
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- Whose they are; null is the default one, in which everybody begins.
ALTER TABLE users ADD COLUMN organization_id TEXT REFERENCES organizations (id);
-- Its owner's, and changed with theirs.
ALTER TABLE jobs ADD COLUMN organization_id TEXT REFERENCES organizations (id);
-- Its owner's, and changed with theirs.
ALTER TABLE images ADD COLUMN organization_id TEXT REFERENCES organizations (id);

-- What everybody of one organisation sees. Empty, and nothing to keep, while there is none.
CREATE INDEX images_recent_of_organization ON images (organization_id, published_at, id)
    WHERE organization_id IS NOT NULL AND is_public AND deleted_at IS NULL AND hidden_at IS NULL;
CREATE INDEX images_trending_of_organization ON images (organization_id, trend, id)
    WHERE organization_id IS NOT NULL AND is_public AND deleted_at IS NULL AND hidden_at IS NULL;
CREATE INDEX images_of_model_of_organization ON images (organization_id, model, published_at, id)
    WHERE organization_id IS NOT NULL AND is_public AND deleted_at IS NULL AND hidden_at IS NULL;
