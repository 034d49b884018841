//! The database: opened once, cloned freely, written to in transactions.
//!
//! SQLite has one connection that writes and several that read. Every write is a `BEGIN IMMEDIATE` on that one connection, so that writers of
//! this program wait for one another in turn instead of failing; other programs on the same file (`easel fsck`, a backup) wait by the busy
//! timeout. `synchronous=FULL`: a commit that was answered survives a power cut. PostgreSQL runs at READ COMMITTED, which is enough because
//! every balance is a guarded update of one fixed row.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Postgres, Sqlite, Transaction,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};
use tracing::log::LevelFilter;

use crate::{
    StoreError, Timestamp,
    faults::{Faults, Planned, Point},
    query::{On, Place, query},
    sql::sql,
};

/// How long SQLite waits for another program's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the database is and how much of it we may use.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite:/path/to/easel.db` or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections of this program: readers on SQLite, all of them on PostgreSQL.
    pub connections_max: u32,
    /// How long a transaction waits for a connection before it fails as unavailable.
    pub wait_max: Duration,
}

impl Settings {
    /// With the usual limits: 8 connections, 30 s.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), connections_max: 8, wait_max: Duration::from_secs(30) }
    }
}

impl fmt::Debug for Settings {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// One file.
    Sqlite,
    /// A server.
    Postgres,
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pools: Pools,
    planned: Planned,
}

#[derive(Debug, Clone)]
pub(crate) enum Pools {
    Sqlite { read: SqlitePool, write: SqlitePool, path: PathBuf },
    Postgres(PgPool),
}

impl Db {
    /// Opens it and makes the file of a new SQLite database, which only its owner may read. The tables are [`Self::migrate`]'s business.
    pub async fn open(settings: &Settings) -> Result<Self, StoreError> {
        let scheme = settings.url.split(':').next().unwrap_or_default();
        let pools = match scheme {
            "sqlite" => open_sqlite(settings).await?,
            "postgres" | "postgresql" => open_postgres(settings).await?,
            _ => return Err(StoreError::Settings("its address begins with sqlite: or postgres:".to_owned())),
        };
        Ok(Self { pools, planned: Planned::default() })
    }

    /// The same database, in which some calls fail: for tests.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self { pools: self.pools.clone(), planned: Planned(Some(faults)) }
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres(_) => Engine::Postgres,
        }
    }

    /// The file of a SQLite database.
    pub fn path(&self) -> Option<&Path> {
        match &self.pools {
            Pools::Sqlite { path, .. } => Some(path),
            Pools::Postgres(_) => None,
        }
    }

    /// Begins a transaction that may write. Dropped without a commit, it never was.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let within = match &self.pools {
            Pools::Sqlite { write, .. } => InTx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => InTx::Postgres(pool.begin().await?),
        };
        Ok(Tx { within, planned: self.planned.clone() })
    }

    /// Begins a transaction that only reads and sees the whole database as it is at one moment.
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        let within = match &self.pools {
            Pools::Sqlite { read, .. } => InTx::Sqlite(read.begin().await?),
            Pools::Postgres(pool) => InTx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?),
        };
        Ok(Tx { within, planned: self.planned.clone() })
    }

    /// What the database's own clock says. Nodes that share a PostgreSQL judge leases by it, so that a node whose clock is off takes nobody's.
    pub async fn clock(&self) -> Result<Timestamp, StoreError> {
        let text = sql![
            "SELECT CAST(", postgres "EXTRACT(EPOCH FROM clock_timestamp()) * 1000000", sqlite "unixepoch('subsec') * 1000000", " AS BIGINT)"
        ];
        query(self, text).value().await
    }

    /// Whether it answers, and takes writes.
    pub async fn check(&self) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        query(&mut tx, "UPDATE audit_head SET seq = seq WHERE id = 1").run().await?;
        tx.commit().await
    }

    /// Writes what SQLite keeps beside its file into it, so that what was deleted is nowhere any more. As much as readers allow; a server
    /// does this by itself.
    pub async fn compact(&self) -> Result<(), StoreError> {
        if let Pools::Sqlite { write, .. } = &self.pools {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(write).await?;
        }
        Ok(())
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction.
pub struct Tx {
    within: InTx,
    planned: Planned,
}

enum InTx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Tx {
    /// Makes everything in it true at once, and lasting.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.planned.at(Point::BeforeCommit)?;
        match self.within {
            InTx::Sqlite(tx) => tx.commit().await?,
            InTx::Postgres(tx) => tx.commit().await?,
        }
        self.planned.at(Point::AfterCommit)
    }

    pub(crate) fn engine(&self) -> Engine {
        match self.within {
            InTx::Sqlite(_) => Engine::Sqlite,
            InTx::Postgres(_) => Engine::Postgres,
        }
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

impl<'c> From<&'c Db> for On<'c> {
    fn from(db: &'c Db) -> Self {
        let place = match &db.pools {
            Pools::Sqlite { read, .. } => Place::SqlitePool(read),
            Pools::Postgres(pool) => Place::PostgresPool(pool),
        };
        On { place, planned: db.planned.clone() }
    }
}

impl<'c> From<&'c mut Tx> for On<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        let place = match &mut tx.within {
            InTx::Sqlite(tx) => Place::Sqlite(tx),
            InTx::Postgres(tx) => Place::Postgres(tx),
        };
        On { place, planned: tx.planned.clone() }
    }
}

async fn open_sqlite(settings: &Settings) -> Result<Pools, StoreError> {
    let options = SqliteConnectOptions::from_str(&settings.url).map_err(|error| StoreError::Settings(error.to_string()))?;
    let path = options.get_filename().to_owned();
    if path.as_os_str().is_empty() || settings.url.contains(":memory:") || settings.url.contains("mode=memory") {
        return Err(StoreError::Settings("SQLite needs a file".to_owned()));
    }
    make_private(&path)?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten: erasing a person leaves nothing in free pages.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT)
        .log_statements(LevelFilter::Trace);
    let pool = |connections: u32| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(settings.wait_max);
    // The first to open a new file changes it to a write-ahead log, which others must not be in the way of.
    let turn = crate::migrate::lock(&path).await?;
    let write = pool(1).connect_with(options.clone()).await?;
    drop(turn);
    let read = pool(settings.connections_max.max(1)).connect_with(options.pragma("query_only", "ON")).await?;
    Ok(Pools::Sqlite { read, write, path })
}

/// Makes the file before SQLite does: what is in it is nobody else's business. SQLite gives its companions the same permissions.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?;
    Ok(())
}

async fn open_postgres(settings: &Settings) -> Result<Pools, StoreError> {
    let options = PgConnectOptions::from_str(&settings.url).map_err(|error| StoreError::Settings(error.to_string()))?;
    let options = options
        .application_name("easel")
        // A lock that is not given by then, or a transaction that is left open, is a mistake that must not stop everybody.
        .options([("lock_timeout", "60s"), ("idle_in_transaction_session_timeout", "120s")])
        .log_statements(LevelFilter::Trace);
    let pool = PgPoolOptions::new().max_connections(settings.connections_max.max(1)).acquire_timeout(settings.wait_max);
    Ok(Pools::Postgres(pool.connect_with(options).await?))
}
