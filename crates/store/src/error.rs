//! What can go wrong with the database. Its own words stay in the sources, which are for logs and never for clients.

use std::io;

use sqlx::error::ErrorKind;
use thiserror::Error;

/// Why something cannot be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A row with this unique value exists already. PostgreSQL names the constraint, SQLite the columns.
    #[error("there is one already: {on}")]
    Exists {
        /// The constraint or the columns.
        on: String,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// What it refers to is not there.
    #[error("what it refers to does not exist")]
    Missing(#[source] sqlx::Error),
    /// A CHECK or NOT NULL that callers must not run into.
    #[error("the database refuses the value: {0}")]
    Refused(#[source] sqlx::Error),
    /// Booked and recorded rows are never changed.
    #[error("booked and recorded rows cannot be changed")]
    AppendOnly(#[source] sqlx::Error),
    /// Another transaction was in the way: doing the same again may succeed.
    #[error("another change was in the way: try again")]
    Busy(#[source] sqlx::Error),
    /// No connection, or none in time.
    #[error("the database is not available: try again later")]
    Unavailable(#[source] sqlx::Error),
    /// Anything else, which is our mistake or a damaged database.
    #[error("the database cannot answer")]
    Unexpected(#[source] sqlx::Error),
    /// The database is of another version.
    #[error("the database cannot be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Files beside the database.
    #[error("a file of the database cannot be used")]
    File(#[from] io::Error),
    /// Settings that make no sense.
    #[error("the database cannot be opened: {0}")]
    Settings(String),
    /// A stored value that this version does not know.
    #[error("the database holds a value that this version does not know: {0}")]
    Unknown(String),
}

impl StoreError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "already_exists",
            Self::Missing(_) => "not_found",
            Self::Busy(_) => "try_again",
            Self::Unavailable(_) => "database_unavailable",
            Self::Refused(_)
            | Self::AppendOnly(_)
            | Self::Unexpected(_)
            | Self::Migrate(_)
            | Self::File(_)
            | Self::Settings(_)
            | Self::Unknown(_) => "internal_error",
        }
    }

    /// Whether the same may succeed if it is done again at once.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Whether it is about a unique value of this column.
    pub fn exists_on(&self, column: &str) -> bool {
        matches!(self, Self::Exists { on, .. } if on.contains(column))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        let database = match &error {
            Error::Database(database) => database,
            Error::PoolTimedOut | Error::PoolClosed | Error::Io(_) | Error::Tls(_) | Error::WorkerCrashed => {
                return Self::Unavailable(error);
            }
            _ => return Self::Unexpected(error),
        };
        match database.kind() {
            ErrorKind::UniqueViolation => {
                let after_colon = || database.message().rsplit("failed: ").next().unwrap_or_default().to_owned();
                let on = database.constraint().map_or_else(after_colon, str::to_owned);
                Self::Exists { on, source: error }
            }
            ErrorKind::ForeignKeyViolation => Self::Missing(error),
            ErrorKind::CheckViolation | ErrorKind::NotNullViolation => Self::Refused(error),
            _ => match database.code().as_deref() {
                // SQLITE_CONSTRAINT_TRIGGER, and what our trigger raises on PostgreSQL.
                Some("1811" | "23000") => Self::AppendOnly(error),
                // SQLITE_BUSY and its kin, SQLITE_LOCKED; serialization failure, deadlock, lock not available.
                Some("5" | "6" | "261" | "517" | "40001" | "40P01" | "55P03") => Self::Busy(error),
                // Shutting down, starting up, too many connections; no room, no memory.
                Some("57P01" | "57P02" | "57P03" | "53300" | "53100" | "53200") => Self::Unavailable(error),
                // SQLITE_FULL, and SQLITE_IOERR with its kin: no room, or a disk that does not answer.
                Some(code) if code == "13" || code.parse::<u32>().is_ok_and(|code| code & 0xff == 10) => Self::Unavailable(error),
                // Text that the database cannot hold: a NUL.
                Some("22021") => Self::Refused(error),
                _ => Self::Unexpected(error),
            },
        }
    }
}
