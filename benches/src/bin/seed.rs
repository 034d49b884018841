//! Fills a database with as many people and pictures as a large installation has, so that the server can be measured over it.
//!
//! `cargo run --release -p easel-benches --bin seed -- sqlite:/path/easel.db` makes 100,000 people and 1,000,000 pictures. The database must be
//! new; it is migrated first. There are no files: only what lists, pages and searches read.

use std::{error::Error, time::Instant};

use clap::Parser;
use easel_platform::{
    Context,
    accounts::{self, Accounts, Caps, NewKey, Scope},
    plans::Catalogue,
};
use easel_store::{Db, Settings, users};
use easel_testing::{Size, seed, seeded_user};

#[derive(Debug, Parser)]
#[command(about = "Fills a new database with people and pictures")]
struct Options {
    /// `sqlite:/path/easel.db` or `postgres://user:password@host/database`
    database: String,
    /// People
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(i64).range(100..))]
    users: i64,
    /// Pictures
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(i64).range(1..))]
    images: i64,
    /// Prints an API key of each of the first so many people, for `endpoints`
    #[arg(long, default_value_t = 0)]
    keys: i64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let begun = Instant::now();
    let db = Db::open(&Settings::new(&options.database)).await?;
    db.migrate().await?;
    db.close().await;
    seed(&options.database, Size { users: options.users, images: options.images }).await?;
    eprintln!("{} people and {} pictures in {:.0} s", options.users, options.images, begun.elapsed().as_secs_f64());
    let context = Context::system(Db::open(&Settings::new(&options.database)).await?);
    let accounts = Accounts::new(context.clone(), Catalogue::embedded(), accounts::Settings::default())?;
    for number in 0..options.keys {
        let user = users::by_id(&context.db, &seeded_user(number)).await?.ok_or("a person who was just made")?;
        let key = accounts
            .create_key(&user, NewKey { name: "bench", scopes: Scope::ALL, expires_at: None, caps: Caps::default() })
            .await?;
        println!("{}", key.text);
    }
    context.db.close().await;
    Ok(())
}
