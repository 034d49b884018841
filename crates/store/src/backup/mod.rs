//! Copies of the database: a file that SQLite writes while others go on, and a portable dump that either database reads.
//!
//! A dump is text, one JSON value a line: a header, then for each table its name and columns and its rows, then a line with the number of
//! rows and the SHA-256 of everything before it, so that one that was cut off or changed is refused. It holds what the tables hold: hashes of
//! passwords and of tokens, addresses, prompts. It is to be kept like the database itself.

mod dump;
mod restore;
mod tables;

use std::path::Path;

use thiserror::Error;

use crate::{Db, StoreError, db::Pools};

pub use dump::dump;
pub use restore::restore;

/// The form of a dump this version writes and reads.
const FORMAT: &str = "easel-dump-1";

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    /// The number of the last migration.
    pub version: i64,
    /// Rows of all tables.
    pub rows: u64,
}

/// Why there is no copy.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Only a SQLite database is a file.
    #[error("this database is a PostgreSQL: make a dump, or use pg_dump")]
    NotAFile,
    /// There is one already.
    #[error("there is a file of that name already")]
    InTheWay,
    /// Not a copy, or not a whole one.
    #[error("the copy cannot be used: {0}")]
    Dump(String),
    /// Only into an empty database.
    #[error("the database is not empty: restore into a new one")]
    NotEmpty,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading or writing the copy.
    #[error("the copy cannot be read or written: {0}")]
    File(#[from] std::io::Error),
}

impl BackupError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAFile => "backup_needs_sqlite",
            Self::InTheWay => "file_exists",
            Self::Dump(_) => "dump_invalid",
            Self::NotEmpty => "database_not_empty",
            Self::Store(error) => error.code(),
            Self::File(_) => "file_unusable",
        }
    }
}

/// Copies a SQLite database to a new file while others go on reading and writing; the copy is of one moment, and compact.
pub async fn copy_file(db: &Db, to: &Path) -> Result<(), BackupError> {
    let Pools::Sqlite { read, .. } = &db.pools else { return Err(BackupError::NotAFile) };
    if to.exists() {
        return Err(BackupError::InTheWay);
    }
    let name = to.to_str().ok_or_else(|| StoreError::Settings("a file name must be UTF-8".to_owned()))?;
    // Readers of this pool may not write; VACUUM INTO writes, though not to this database.
    let mut connection = read.acquire().await.map_err(StoreError::from)?.detach();
    sqlx::query("PRAGMA query_only = OFF").execute(&mut connection).await.map_err(StoreError::from)?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut connection).await.map_err(StoreError::from)?;
    sqlx::Connection::close(connection).await.map_err(StoreError::from)?;
    let file = std::fs::File::open(to)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    // On the disk before we say that it is there.
    file.sync_all()?;
    Ok(())
}

/// Whether a SQLite database is what it was written as, page by page; the first thing that is not. A server looks after itself.
pub async fn damage(db: &Db) -> Result<Option<String>, StoreError> {
    let Pools::Sqlite { read, .. } = &db.pools else { return Ok(None) };
    // On a connection of its own: one that has looked before remembers what the search index was made of, and takes for lost what has been
    // merged since.
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&read.connect_options()).await?;
    let found: (String,) = sqlx::query_as("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
    sqlx::Connection::close(connection).await?;
    Ok(Some(found.0).filter(|found| found != "ok"))
}

/// Puts a copy made by [`copy_file`] into the place of a database that is not there. It is looked through first; what is damaged, or of a
/// newer version, is refused and nothing is left of it.
pub async fn restore_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::InTheWay);
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part).to_owned();
    std::fs::copy(from, &part)?;
    let checked = look_through(&part).await;
    if checked.is_ok() {
        std::fs::rename(&part, to)?;
        // The new name is on the disk before we say that it is there.
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::File::open(folder)?.sync_all()?;
        }
    }
    for companion in ["", "-wal", "-shm", ".migrating"] {
        let mut name = part.as_os_str().to_owned();
        name.push(companion);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    checked
}

async fn look_through(file: &Path) -> Result<(), BackupError> {
    let unusable = |what: &str| BackupError::Dump(what.to_owned());
    let name = file.to_str().ok_or_else(|| unusable("its name is not UTF-8"))?;
    let db =
        Db::open(&crate::Settings::new(format!("sqlite:{name}"))).await.map_err(|_| unusable("it is not a SQLite database"))?;
    let checked = async {
        if let Some(damage) = damage(&db).await.map_err(|_| unusable("it is damaged"))? {
            return Err(unusable(&damage));
        }
        // Also makes an older one what this version needs.
        db.migrate().await?;
        Ok(())
    }
    .await;
    db.close().await;
    if checked.is_ok() {
        std::fs::File::open(file)?.sync_all()?;
    }
    checked
}
