//! For tests only: a database for each of them, on SQLite and on PostgreSQL, gone afterwards.
//!
//! A PostgreSQL is taken from `EASEL_TEST_POSTGRES` (an address whose user may create databases), else one of our own is started from the
//! installed programs (`server.rs`) and stopped with the test program, however that ends, else a server on this machine lets us in.
//! Where none of these works the test fails and says what to install: a test that is skipped proves nothing.
//!
//! [`seed`] fills a database with as many people and pictures as lists and loads are to be tried with.
//! A [`RedisServer`] is a test's own, to be stopped and started again.
//!
//! [`on_both_engines`] makes two tests of one story. At most [`STORIES_MAX`] of a test program run at a time, so that on a machine with many
//! cores they stay within the hundred connections a server has by default.

mod database;
mod find;
mod redis;
mod seed;
mod server;

pub use database::{Database, Engine};
pub use find::TestingError;
pub use redis::RedisServer;
pub use seed::{SEEDED_ALBUM, SEEDED_EVERY, SEEDED_FROM, Size, seed, seed_gallery, seeded_image, seeded_user};
pub use server::PostgresServer;
use tokio::sync::Semaphore;

/// Stories of one test program at a time; others wait. One may use several databases, which is why it is stories that wait: two of them that
/// had one database each and waited for another would wait for ever.
pub const STORIES_MAX: usize = 4;

static STORIES: Semaphore = Semaphore::const_new(STORIES_MAX);

/// Makes of `async fn story(database: &Database)` a test on SQLite and one on PostgreSQL, named `story::sqlite` and `story::postgres`.
///
/// The body may use `?` on anything; an error fails the test.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $story:ident($database:ident: &Database) $body:block)+) => {$(
        $(#[$attribute])*
        mod $story {
            #[allow(unused_imports)]
            use super::*;

            async fn story($database: &$crate::Database) -> Result<(), Box<dyn std::error::Error>> {
                $body
                #[allow(unreachable_code)]
                Ok(())
            }

            #[test]
            fn sqlite() {
                $crate::run_story($crate::Engine::Sqlite, async |database| story(database).await);
            }

            #[test]
            fn postgres() {
                $crate::run_story($crate::Engine::Postgres, async |database| story(database).await);
            }
        }
    )+};
}

/// Runs one story on a runtime of its own with a database that has its tables and nothing in them; what [`on_both_engines`] expands to.
///
/// # Panics
/// If the story fails, or there is no database to run it on.
pub fn run_story(engine: Engine, story: impl AsyncFnOnce(&Database) -> Result<(), Box<dyn std::error::Error>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let _place = STORIES.acquire().await.expect("the semaphore is never closed. This is a bug.");
        let database = Database::migrated(engine).await.unwrap_or_else(|error| panic!("{error}"));
        if let Err(error) = story(&database).await {
            panic!("{error} ({error:?})");
        }
    });
}
