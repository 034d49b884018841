//! Where the PostgreSQL of the tests is: told, found, or started. Looked for once in each test program.

use std::{env, io, sync::OnceLock, time::Duration};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use thiserror::Error;

use crate::server;

/// The variable that names a server.
pub(crate) const VARIABLE: &str = "EASEL_TEST_POSTGRES";

/// Where a server that lets us in may be, tried in this order.
const USUAL: &[&str] = &[
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://root@127.0.0.1:5432/postgres",
    "postgres://postgres@localhost/postgres?host=/var/run/postgresql",
    "postgres://root@localhost/postgres?host=/var/run/postgresql",
    "postgres://postgres@localhost/postgres?host=/tmp",
];

/// A server on this machine answers at once or not at all.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why a test has no database.
#[derive(Debug, Error)]
pub enum TestingError {
    /// No server, and no programs to start one from.
    #[error(
        "these tests need PostgreSQL 14 or later: install it (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install \
         postgresql-server; macOS: brew install postgresql), or name a server in {VARIABLE}=postgres://user:password@host/postgres \
         whose user may create databases"
    )]
    NoPostgres,
    /// No Redis.
    #[error(
        "these tests need Redis: install it (Debian, Ubuntu: apt-get install redis-server; Fedora: dnf install valkey; macOS: brew install redis)"
    )]
    NoRedis,
    /// The server named in the variable cannot be used.
    #[error("the PostgreSQL named in {VARIABLE} cannot be used: {0}")]
    Named(String),
    /// The installed programs do not start.
    #[error("PostgreSQL is installed but does not start: {0}")]
    Start(String),
    /// The server was found and refuses.
    #[error("the PostgreSQL of the tests refuses: {0}")]
    Refused(#[from] sqlx::Error),
    /// A migration failed.
    #[error("the tables cannot be made: {0}")]
    Tables(#[source] easel_store::StoreError),
    /// No temporary files.
    #[error("temporary files cannot be written: {0}")]
    Files(#[source] io::Error),
}

/// A server whose user may create databases.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Its path is `/postgres`.
    pub(crate) address: String,
    /// Whether it ends with this program.
    pub(crate) ours: bool,
}

pub(crate) fn server() -> Result<Server, TestingError> {
    static FOUND: OnceLock<Result<Server, String>> = OnceLock::new();
    let mut first = None;
    let found = FOUND.get_or_init(|| find().map_err(|error| first.insert(error).to_string()));
    match (found, first) {
        (Ok(server), _) => Ok(server.clone()),
        (Err(_), Some(error)) => Err(error),
        (Err(text), None) => Err(TestingError::Start(text.clone())),
    }
}

/// One of our own rather than one that runs here: it does not wait for the disk, which is most of what making and dropping databases takes.
fn find() -> Result<Server, TestingError> {
    if let Some(named) = env::var(VARIABLE).ok().filter(|named| !named.is_empty()) {
        let address = maintenance(&named);
        return usable(&address).map(|()| Server { address, ours: false }).map_err(TestingError::Named);
    }
    let started = match server::start() {
        Ok(address) => return usable(&address).map(|()| Server { address, ours: true }).map_err(TestingError::Start),
        Err(error) => error,
    };
    let usual = USUAL.iter().find(|usual| usable(usual).is_ok()).ok_or(started)?;
    Ok(Server { address: (*usual).to_owned(), ours: false })
}

/// The address with `/postgres` as its database, whatever it named.
fn maintenance(address: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let authority = path.find("://").map_or(0, |at| at + 3);
    let base = path[authority..].find('/').map_or(path, |slash| &path[..authority + slash]);
    query.map_or_else(|| format!("{base}/postgres"), |query| format!("{base}/postgres?{query}"))
}

/// Whether the server answers and lets us create databases.
fn usable(address: &str) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(tokio::time::timeout(ANSWER_WITHIN, async {
        let mut connection = PgConnection::connect(address).await?;
        let question = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user";
        let may: (bool,) = sqlx::query_as(AssertSqlSafe(question)).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(may.0)
    }));
    match asked {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("the user may not create databases".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_made_from_the_maintenance_one() {
        assert_eq!(maintenance("postgres://u:p@h"), "postgres://u:p@h/postgres");
        assert_eq!(maintenance("postgres://u:p@h:1/mine"), "postgres://u:p@h:1/postgres");
        assert_eq!(maintenance("postgres:///mine?host=/run"), "postgres:///postgres?host=/run");
    }

    #[test]
    fn the_message_says_what_to_install() {
        let text = TestingError::NoPostgres.to_string();
        assert!(text.contains("apt-get install postgresql") && text.contains(VARIABLE), "{text}");
    }
}
