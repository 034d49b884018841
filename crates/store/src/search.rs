//! Finding pictures by the words of their prompts and titles: everything in which the two databases differ about it.
//!
//! Both know whole words between punctuation, whatever the case, and want all of them. SQLite has an FTS5 index beside the table
//! (`migrations/sqlite/0014_image_text.sql`), kept by triggers; the owner and whether everybody may find the picture are words in it too, so
//! that nobody's search reads what only others have. PostgreSQL has a GIN index over the same text (`migrations/postgres/0015_image_text.sql`)
//! and chooses between it and the list's own order by how common the words are. Languages without spaces are found by whole runs only.

use crate::{
    Db, Engine, StoreError, Timestamp,
    images::{COLUMNS, Image, PUBLIC, select},
    organizations::Among,
    public::IN_ORGANIZATION,
    query::{Query, query},
};

/// No search has more.
const WORDS_MAX: usize = 16;
/// No word is longer, in characters.
const LETTERS_MAX: usize = 64;

/// What is looked for: letters and digits only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Of what somebody typed. `None` if there is no word in it.
    pub fn of(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let mut words = Vec::new();
        for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS_MAX) {
            let word: String = word.chars().take(LETTERS_MAX).collect();
            if !words.contains(&word) {
                words.push(word);
            }
        }
        (!words.is_empty()).then_some(Self(words))
    }

    /// In FTS5's words: of this owner, or everybody's.
    fn matching(&self, who: &str) -> String {
        let words: Vec<String> = self.0.iter().map(|word| format!("words : \"{word}\"")).collect();
        format!("who : \"{who}\" AND {}", words.join(" AND "))
    }

    fn spaced(&self) -> String {
        self.0.join(" ")
    }
}

/// CROSS JOIN: in this order, so that the index's own is the list's and what is not shown is never read.
const BY_INDEX: &str = "FROM image_text CROSS JOIN image_docs d ON d.doc = image_text.rowid CROSS JOIN images i ON i.id = d.image_id WHERE image_text MATCH ";

/// The beginning of a list of one user's pictures: those that have these words, to which conditions are added and [`after`].
pub(crate) fn of_owner<'c>(db: &'c Db, user_id: &str, words: &Words) -> Query<'c> {
    match db.engine() {
        Engine::Sqlite => {
            let who: String = user_id.chars().filter(char::is_ascii_alphanumeric).collect();
            query(db, COLUMNS).push(BY_INDEX).push_bind(words.matching(&who))
        }
        Engine::Postgres => with_words(select(db).push("WHERE TRUE"), words),
    }
}

/// The end of such a list: at most so many, the newest first, of those that are older than this one (time and name). In SQLite that is the order in
/// which they came.
pub(crate) fn after<'c>(listing: Query<'c>, engine: Engine, before: Option<(Timestamp, &str)>, limit: i64) -> Query<'c> {
    match engine {
        Engine::Sqlite => index_after(listing, before.map(|(_, id)| id), limit),
        Engine::Postgres => {
            let listing = match before {
                Some((at, id)) => listing.push(" AND (i.created_at, i.id) < (").push_bind(at).push(", ").push_bind(id).push(")"),
                None => listing,
            };
            listing.push(" ORDER BY i.created_at DESC, i.id DESC LIMIT ").push_bind(limit)
        }
    }
}

fn index_after<'c>(mut listing: Query<'c>, before: Option<&str>, limit: i64) -> Query<'c> {
    if let Some(before) = before {
        // One that is gone since had its place before the next that came.
        let text = " AND image_text.rowid < COALESCE((SELECT doc FROM image_docs WHERE image_id >= ";
        listing = listing.push(text).push_bind(before).push(" ORDER BY image_id LIMIT 1), 9223372036854775807)");
    }
    listing.push(" ORDER BY image_text.rowid DESC LIMIT ").push_bind(limit)
}

/// Pictures that everybody may see with their prompts and that have these words, newest made first, made before this one.
pub async fn public(db: &Db, words: &Words, among: &Among, before: Option<&str>, limit: i64) -> Result<Vec<Image>, StoreError> {
    listing(db, words, among, before, limit).all().await
}

pub(crate) fn listing<'c>(db: &'c Db, words: &Words, among: &Among, before: Option<&str>, limit: i64) -> Query<'c> {
    match db.engine() {
        Engine::Sqlite => {
            let listing = query(db, COLUMNS).push(BY_INDEX).push_bind(words.matching("public"));
            index_after(among.filter(listing, IN_ORGANIZATION), before, limit)
        }
        Engine::Postgres => {
            let listing = with_words(select(db).push("WHERE ").push(PUBLIC).push(" AND i.shows_prompt"), words);
            let mut listing = among.filter(listing, IN_ORGANIZATION);
            if let Some(before) = before {
                listing = listing.push(" AND i.id < ").push_bind(before);
            }
            listing.push(" ORDER BY i.id DESC LIMIT ").push_bind(limit)
        }
    }
}

fn with_words<'c>(listing: Query<'c>, words: &Words) -> Query<'c> {
    let text = " AND easel_words(i.prompt, i.title) @@ plainto_tsquery('pg_catalog.simple', ";
    listing.push(text).push_bind(words.spaced()).push(")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_letters_and_digits_whatever_is_typed() {
        fn words(text: &str) -> Option<Vec<String>> {
            Words::of(text).map(|words| words.0)
        }
        assert_eq!(words(" Red\"CAT* (cat:1.2), Straße "), Some(["red", "cat", "1", "2", "straße"].map(str::to_owned).to_vec()));
        assert_eq!(words("\" * ' ; --"), None);
        assert_eq!(words(&"a b c ".repeat(100)).map(|words| words.len()), Some(3));
        assert_eq!(words(&"x".repeat(1000)).map(|words| words[0].len()), Some(LETTERS_MAX));
        assert_eq!(Words::of("red cat").unwrap().matching("public"), "who : \"public\" AND words : \"red\" AND words : \"cat\"");
    }
}
