-- Finding pictures by the words of their prompts and titles. `store/src/search.rs` says how it is asked.

-- A number for each picture, in the order they came: rows of a table without a number of their own get others when the file is compacted.
CREATE TABLE image_docs (
    doc      INTEGER NOT NULL PRIMARY KEY,
    image_id TEXT    NOT NULL UNIQUE
);

-- `who` is the owner's id without dashes, and `public` if everybody may find it. Only the index is kept, not the texts again, and what is
-- deleted from it is removed at once.
CREATE VIRTUAL TABLE image_text USING fts5 (who, words, content = '', tokenize = 'unicode61 remove_diacritics 0');
INSERT INTO image_text (image_text, rank) VALUES ('secure-delete', 1);

-- What is in the index of a picture: one text, so that what goes in comes out again.
CREATE VIEW image_words AS
SELECT d.doc AS doc, i.id AS id,
    replace(i.user_id, '-', '')
        || CASE WHEN i.is_public AND i.shows_prompt AND i.deleted_at IS NULL AND i.hidden_at IS NULL THEN ' public' ELSE '' END AS who,
    substr(i.prompt, 1, 8000) || ' ' || substr(COALESCE(i.title, ''), 1, 500) AS words
FROM images i JOIN image_docs d ON d.image_id = i.id;

INSERT INTO image_docs (image_id) SELECT id FROM images ORDER BY id;
INSERT INTO image_text (rowid, who, words) SELECT doc, who, words FROM image_words;

CREATE TRIGGER images_text_insert AFTER INSERT ON images
BEGIN
    INSERT INTO image_docs (image_id) VALUES (NEW.id);
    INSERT INTO image_text (rowid, who, words) SELECT doc, who, words FROM image_words WHERE id = NEW.id;
END;

CREATE TRIGGER images_text_before_update BEFORE UPDATE OF prompt, title, is_public, shows_prompt, deleted_at, hidden_at ON images
BEGIN
    INSERT INTO image_text (image_text, rowid, who, words) SELECT 'delete', doc, who, words FROM image_words WHERE id = OLD.id;
END;

CREATE TRIGGER images_text_after_update AFTER UPDATE OF prompt, title, is_public, shows_prompt, deleted_at, hidden_at ON images
BEGIN
    INSERT INTO image_text (rowid, who, words) SELECT doc, who, words FROM image_words WHERE id = NEW.id;
END;

CREATE TRIGGER images_text_delete BEFORE DELETE ON images
BEGIN
    INSERT INTO image_text (image_text, rowid, who, words) SELECT 'delete', doc, who, words FROM image_words WHERE id = OLD.id;
    DELETE FROM image_docs WHERE image_id = OLD.id;
END;
