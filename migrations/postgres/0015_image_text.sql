-- Finding pictures by the words of their prompts and titles. `store/src/search.rs` says how it is asked.

-- Words between punctuation, in lower case and not stemmed: prompts are of every language. Punctuation first becomes spaces, because the parser
-- would take `red/blue` for a file and `sci-fi` for three words.
CREATE FUNCTION easel_words(prompt TEXT, title TEXT) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', translate(
        left(prompt, 8000) || ' ' || left(COALESCE(title, ''), 500),
        '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
$$;

CREATE INDEX images_by_words ON images USING GIN (easel_words(prompt, title));
