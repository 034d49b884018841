//! Brings the tables up to date.
//!
//! The files of `migrations/` are for both databases; only the triggers that keep rows from being changed have a folder each. Numbers are
//! unique across all three. Two nodes may start at once: on PostgreSQL sqlx holds an advisory lock, on SQLite a lock on a file beside the
//! database does the same, so that one migrates and the other finds it done.

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use sqlx::migrate::{Migration, Migrator};

use crate::{Db, StoreError, db::Pools, query::query};

static SHARED: Migrator = sqlx::migrate!("../../migrations");
static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The number of the last migration that both databases have: what the tables look like.
    pub version: i64,
    /// How many were missing when it began.
    pub applied: usize,
}

impl Db {
    /// Runs the migrations that are missing. A database of a newer version is refused.
    pub async fn migrate(&self) -> Result<Migrated, StoreError> {
        let _lock = match &self.pools {
            Pools::Sqlite { path, .. } => Some(lock(path).await?),
            Pools::Postgres(_) => None,
        };
        let before = self.applied().await?;
        match &self.pools {
            Pools::Sqlite { write, .. } => merged(&SQLITE).run(write).await?,
            Pools::Postgres(pool) => merged(&POSTGRES).run(pool).await?,
        }
        let after = self.applied().await?;
        Ok(Migrated { version: newest(&after), applied: after.len().saturating_sub(before.len()) })
    }

    /// The number of the last migration that both databases have, 0 before the first.
    pub async fn version(&self) -> Result<i64, StoreError> {
        Ok(newest(&self.applied().await?))
    }

    async fn applied(&self) -> Result<Vec<i64>, StoreError> {
        let exists: i64 = query(
            self,
            crate::sql::sql![
                "SELECT COUNT(*) FROM ",
                sqlite "sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'",
                postgres "pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'"
            ],
        )
        .value()
        .await?;
        if exists == 0 {
            return Ok(Vec::new());
        }
        let versions: Vec<(i64,)> = query(self, "SELECT version FROM _sqlx_migrations WHERE success").all().await?;
        Ok(versions.into_iter().map(|(version,)| version).collect())
    }
}

/// Triggers do not count: a dump of one database is read by the other.
fn newest(applied: &[i64]) -> i64 {
    SHARED.iter().map(|migration| migration.version).filter(|version| applied.contains(version)).max().unwrap_or(0)
}

fn merged(own: &Migrator) -> Migrator {
    let mut all: Vec<Migration> = SHARED.iter().chain(own.iter()).cloned().collect();
    all.sort_by_key(|migration| migration.version);
    Migrator::with_migrations(all)
}

/// A lock that ends with the file, and with this program however it ends.
pub(crate) async fn lock(database: &Path) -> Result<File, StoreError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".migrating");
    let wait = move || {
        let file = OpenOptions::new().create(true).append(true).open(name)?;
        file.lock()?;
        Ok(file)
    };
    tokio::task::spawn_blocking(wait).await.expect("waiting for a lock does not panic. This is a bug.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_are_unique_across_the_folders() {
        let all: Vec<i64> =
            SHARED.iter().chain(SQLITE.iter()).chain(POSTGRES.iter()).map(|migration| migration.version).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
        assert!(SQLITE.iter().count() > 0 && POSTGRES.iter().count() > 0);
    }
}
