//! `docs/database.md` says what the tables are: a table that was changed and not written anew fails this.
//!
//! `EASEL_WRITE_DATABASE=1 cargo test -p easel-store document` writes it. Columns, keys and indexes are the database's own after every migration;
//! what they mean is what the migrations say above them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs, io,
    path::PathBuf,
};

use crate::common::open;
use easel_testing::{Database, Engine, on_both_engines};
use sqlx::Connection;

/// What the migrations say of a table (no column) or of a column.
type Meanings = BTreeMap<(String, Option<String>), String>;

#[derive(Default)]
struct Table {
    /// Name, type, whether it is never null, whether it is of the primary key.
    columns: Vec<(String, String, bool, bool)>,
    /// Column, the table it refers to, what deleting there does.
    references: Vec<(String, String, String)>,
    /// Whether it is unique, and its columns.
    indexes: Vec<(bool, String)>,
}

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The databases' own, and SQLite's search index.
fn is_ours(table: &str) -> bool {
    !["_sqlx", "sqlite_", "image_text", "image_docs"].iter().any(|start| table.starts_with(start))
}

/// The comments of the migrations, by what follows them.
fn meanings() -> io::Result<Meanings> {
    let mut files = Vec::new();
    for entry in fs::read_dir(top().join("migrations"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "sql") {
            files.push(path);
        }
    }
    files.sort();
    let mut found = Meanings::new();
    for file in files {
        let (mut said, mut table) = (String::new(), None);
        for line in fs::read_to_string(file)?.lines().map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let inside = table.clone();
            let place = match (&words[..], &inside) {
                (["--", ..], _) => {
                    said = format!("{said} {}", line.trim_start_matches('-').trim()).trim().to_owned();
                    continue;
                }
                (["CREATE", "TABLE", name, ..], _) => {
                    table = Some(name.to_string());
                    Some((name.to_string(), None))
                }
                (["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..], _) => Some((name.to_string(), Some(column.to_string()))),
                ([");", ..], _) => {
                    table = None;
                    None
                }
                ([column, _, ..], Some(name)) => Some((name.clone(), Some(column.to_string()))),
                _ => None,
            };
            if let Some(place) = place.filter(|_| !said.is_empty()) {
                found.insert(place, said.clone());
            }
            said.clear();
        }
    }
    Ok(found)
}

async fn tables(database: &Database) -> Result<BTreeMap<String, Table>, sqlx::Error> {
    let mut on = sqlx::SqliteConnection::connect(database.url()).await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    let columns: Vec<(String, String, String, i64, i64)> = sqlx::query_as(
        "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_master m, pragma_table_info(m.name) c \
         WHERE m.type = 'table' ORDER BY m.name, c.cid",
    )
    .fetch_all(&mut on)
    .await?;
    for (table, name, kind, never_null, key) in columns.into_iter().filter(|row| is_ours(&row.0)) {
        tables.entry(table).or_default().columns.push((name, kind.to_lowercase(), never_null != 0, key != 0));
    }
    let references: Vec<(String, String, String, String)> = sqlx::query_as(
        "SELECT m.name, f.\"from\", f.\"table\", f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
         WHERE m.type = 'table' ORDER BY m.name, f.\"from\", f.seq",
    )
    .fetch_all(&mut on)
    .await?;
    for (table, from, to, on_delete) in references.into_iter().filter(|row| is_ours(&row.0)) {
        tables.entry(table).or_default().references.push((from, to, on_delete.to_lowercase()));
    }
    let indexes: Vec<(String, String, i64, i64, Option<String>)> = sqlx::query_as(
        "SELECT m.name, i.name, i.\"unique\", x.seqno, x.name FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x \
         WHERE m.type = 'table' AND i.origin <> 'pk' ORDER BY m.name, i.name, x.seqno",
    )
    .fetch_all(&mut on)
    .await?;
    for (table, _, unique, place, column) in indexes.into_iter().filter(|row| is_ours(&row.0)) {
        let column = column.unwrap_or_else(|| "an expression".to_owned());
        let known = &mut tables.entry(table).or_default().indexes;
        match known.last_mut().filter(|_| place > 0) {
            Some((_, columns)) => *columns = format!("{columns}, {column}"),
            None => known.push((unique != 0, column)),
        }
    }
    Ok(tables)
}

fn document(tables: &BTreeMap<String, Table>, meanings: &Meanings) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "# The database\n\nWritten by `crates/store/tests/stories/document.rs` from the migrations; a test fails where it is not what they say.\n\n\
         The tables are the same on SQLite and PostgreSQL. Times are microseconds since 1970 UTC, credits millionths of one, names UUIDv7 as text. \
         What outlives a person or what it belongs to has no foreign key.\n\n## What belongs to what\n\n```mermaid\nerDiagram\n",
    );
    for (name, table) in tables {
        for (column, to, _) in &table.references {
            writeln!(text, "    {to} ||--o{{ {name} : {column}")?;
        }
    }
    text.push_str("```\n\n## Tables\n");
    for (name, table) in tables {
        writeln!(text, "\n### `{name}`\n")?;
        if let Some(meaning) = meanings.get(&(name.clone(), None)) {
            writeln!(text, "{meaning}\n")?;
        }
        text.push_str("| column | type | | meaning |\n|---|---|---|---|\n");
        for (column, kind, never_null, key) in &table.columns {
            let mut marks = Vec::new();
            if *key {
                marks.push("key".to_owned());
            }
            if !*never_null {
                marks.push("may be null".to_owned());
            }
            for (_, to, on_delete) in table.references.iter().filter(|(from, _, _)| from == column) {
                marks.push(format!("of `{to}`, deleting: {on_delete}"));
            }
            let meaning = meanings.get(&(name.clone(), Some(column.clone()))).map_or("", String::as_str);
            writeln!(text, "| `{column}` | {kind} | {} | {} |", marks.join("; "), meaning.replace('|', "\\|"))?;
        }
        if !table.indexes.is_empty() {
            let listed = |(unique, columns): &(bool, String)| format!("{}({columns})", if *unique { "unique " } else { "" });
            writeln!(text, "\nIndexes: {}.", table.indexes.iter().map(listed).collect::<Vec<_>>().join(", "))?;
        }
    }
    Ok(text)
}

on_both_engines! {
    async fn the_document_says_what_the_tables_are(database: &Database) {
        open(database).await?.close().await;
        let path = top().join("docs/database.md");
        if database.engine() == Engine::Sqlite {
            let text = document(&tables(database).await?, &meanings()?)?;
            if std::env::var_os("EASEL_WRITE_DATABASE").is_some() {
                fs::write(&path, &text)?;
            }
            let written = fs::read_to_string(&path)?;
            assert!(written == text, "docs/database.md is not what the tables are: EASEL_WRITE_DATABASE=1 cargo test -p easel-store document");
        } else {
            // The same tables and columns, whoever keeps them.
            let mut on = sqlx::PgConnection::connect(database.url()).await?;
            let listing = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()";
            let rows: Vec<(String, String)> = sqlx::query_as(listing).fetch_all(&mut on).await?;
            let found: BTreeSet<_> = rows.into_iter().filter(|(table, _)| is_ours(table)).collect();
            let other = Database::create(Engine::Sqlite).await?;
            open(&other).await?.close().await;
            let known: BTreeSet<_> = tables(&other).await?.into_iter()
                .flat_map(|(table, of)| of.columns.into_iter().map(move |column| (table.clone(), column.0)).collect::<Vec<_>>())
                .collect();
            assert_eq!(found, known);
        }
    }
}
