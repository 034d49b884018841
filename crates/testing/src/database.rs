//! One database, dropped with the value.

use std::{fmt, path::PathBuf, str::FromStr, thread};

use easel_store::{Db, Settings};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::find::{Server, TestingError, server};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// A database that is dropped with this value.
#[derive(Debug)]
pub struct Database {
    engine: Engine,
    url: String,
    dir: TempDir,
    server: Option<Created>,
}

#[derive(Debug)]
struct Created {
    address: String,
    name: String,
}

impl Database {
    /// An empty one.
    ///
    /// # Errors
    /// If there is no PostgreSQL and none can be started; the message says what to install.
    pub async fn create(engine: Engine) -> Result<Self, TestingError> {
        match engine {
            Engine::Sqlite => Self::file(),
            Engine::Postgres => Self::on(found().await?, "").await,
        }
    }

    /// One that has its tables: a copy of what the migrations made once in this program, which is quicker than making it again.
    ///
    /// # Errors
    /// As [`Self::create`], and if a migration fails.
    pub async fn migrated(engine: Engine) -> Result<Self, TestingError> {
        static FILE: OnceCell<Vec<u8>> = OnceCell::const_new();
        static MODEL: OnceCell<()> = OnceCell::const_new();
        const NAME: &str = "easel_test_model";
        if engine == Engine::Sqlite {
            let file = FILE.get_or_try_init(async || {
                let first = Self::file()?;
                migrate(&first.url).await?;
                std::fs::read(first.path()).map_err(TestingError::Files)
            });
            let (file, new) = (file.await?, Self::file()?);
            std::fs::write(new.path(), file).map_err(TestingError::Files)?;
            return Ok(new);
        }
        let server = found().await?;
        if !server.ours {
            // Nothing is left behind on somebody's server.
            let new = Self::on(server, "").await?;
            migrate(&new.url).await?;
            return Ok(new);
        }
        let made = MODEL.get_or_try_init(async || {
            execute(&server.address, format!("CREATE DATABASE {NAME}")).await?;
            migrate(&with_database(&server.address, NAME)).await
        });
        made.await?;
        Self::on(server, &format!(" TEMPLATE {NAME}")).await
    }

    fn file() -> Result<Self, TestingError> {
        let dir = TempDir::with_prefix("easel-test-").map_err(TestingError::Files)?;
        let url = format!("sqlite:{}", dir.path().join("easel.db").display());
        Ok(Self { engine: Engine::Sqlite, url, dir, server: None })
    }

    async fn on(Server { address, .. }: Server, how: &str) -> Result<Self, TestingError> {
        let dir = TempDir::with_prefix("easel-test-").map_err(TestingError::Files)?;
        let name = format!("easel_test_{}", uuid::Uuid::new_v4().simple());
        execute(&address, format!("CREATE DATABASE {name}{how}")).await?;
        let url = with_database(&address, &name);
        Ok(Self { engine: Engine::Postgres, url, dir, server: Some(Created { address, name }) })
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("easel.db")
    }

    /// Which one it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Its address, as `DATABASE_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder of this test's own, for files beside the database.
    pub fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(Created { address, name }) = &self.server else { return };
        let (address, statement) = (address.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // On a thread of its own: the runtime this is dropped in cannot be blocked on.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(execute(&address, statement)).ok()
        });
        // What is left over would be seen on the server; it must not hide why a test failed.
        let _ = dropping.join();
    }
}

/// Looking for a server starts programs and waits for them.
async fn found() -> Result<Server, TestingError> {
    tokio::task::spawn_blocking(server).await.expect("looking for a server does not panic. This is a bug.")
}

/// Makes the tables and lets go of the database: a model that is in use cannot be copied.
async fn migrate(url: &str) -> Result<(), TestingError> {
    let db = Db::open(&Settings::new(url)).await.map_err(TestingError::Tables)?;
    db.migrate().await.map_err(TestingError::Tables)?;
    db.close().await;
    Ok(())
}

/// Runs one statement on a connection of its own.
pub(crate) async fn execute(address: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(&PgConnectOptions::from_str(address)?).await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

/// The address with another database in the place of `/postgres`, which [`address`] always ends its path with.
fn with_database(address: &str, name: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let base = path.rsplit_once('/').map_or(path, |(base, _)| base);
    query.map_or_else(|| format!("{base}/{name}"), |query| format!("{base}/{name}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_takes_the_place_of_the_maintenance_database() {
        assert_eq!(with_database("postgres://u:p@h:1/postgres", "x"), "postgres://u:p@h:1/x");
        assert_eq!(with_database("postgres://u@localhost/postgres?host=/run/a", "x"), "postgres://u@localhost/x?host=/run/a");
    }
}
