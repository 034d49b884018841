//! Tables are made once, whoever comes first, and what is booked stays.

use crate::common::{NOON, at, open};
use easel_store::{Credits, Db, Engine, RandomIds, Settings, ledger};
use easel_testing::{Database, on_both_engines};

on_both_engines! {
    async fn migrating_again_changes_nothing(database: &Database) {
        let database = Database::create(database.engine()).await?;
        let db = Db::open(&Settings::new(database.url())).await?;
        assert_eq!(db.version().await?, 0);
        let first = db.migrate().await?;
        assert!(first.version >= 5 && first.applied > 5, "{first:?}");
        let second = db.migrate().await?;
        assert_eq!((second.version, second.applied), (first.version, 0));
        db.check().await?;
    }

    async fn nodes_that_start_at_once_share_the_work(database: &Database) {
        let database = Database::create(database.engine()).await?;
        let nodes = (0..6).map(|_| {
            let settings = Settings { connections_max: 2, ..Settings::new(database.url()) };
            tokio::spawn(async move {
                let db = Db::open(&settings).await?;
                db.migrate().await?;
                db.check().await?;
                db.version().await
            })
        });
        for node in nodes.collect::<Vec<_>>() {
            assert!(node.await?? >= 5);
        }
    }

    async fn the_clock_of_the_database_goes_forward(database: &Database) {
        let db = open(database).await?;
        let (first, second) = (db.clock().await?, db.clock().await?);
        // Whatever the machine's clock says, it is after this was written and goes forward.
        assert!(first.0 > 1_700_000_000_000_000 && second >= first, "{first:?} {second:?}");
    }

    async fn what_is_booked_cannot_be_changed(database: &Database) {
        let db = open(database).await?;
        let ids = RandomIds::seeded(1);
        let mut tx = db.begin().await?;
        let event = ledger::Event { key: "first", job_id: None, actor: None, reason: "a gift" };
        let new = ledger::NewGrant { user_id: "u", amount: Credits(5), source: "adjust", expires_at: None };
        ledger::grant(&mut tx, &at(NOON, &ids), new, event).await?;
        let record = easel_store::audit::NewRecord {
            actor_kind: "system", actor_id: None, action: "test", target: None, ip: None, user_agent: None, request_id: None, detail: "{}",
        };
        easel_store::audit::append(&mut tx, &at(NOON, &ids), record).await?;
        tx.commit().await?;
        db.close().await;

        for table in ["transfers", "entries", "audit_log"] {
            for statement in [format!("DELETE FROM {table}"), format!("UPDATE {table} SET {} = 'x'", first_text_column(table))] {
                let refused = raw(database, &statement).await.expect_err(&statement);
                assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
            }
        }
    }

    async fn a_credits_account_below_zero_is_refused_by_the_table_itself(database: &Database) {
        let db = open(database).await?;
        db.close().await;
        raw(database, "INSERT INTO accounts (id, user_id, kind, posted, pending) VALUES ('credits:u', 'u', 'credits', 5, 5)").await?;
        for statement in ["UPDATE accounts SET posted = 4", "UPDATE accounts SET pending = 6", "UPDATE accounts SET pending = -1"] {
            assert!(raw(database, statement).await.is_err(), "{statement}");
        }
        raw(database, "UPDATE accounts SET pending = 4").await?;
    }
}

fn first_text_column(table: &str) -> &'static str {
    match table {
        "transfers" => "reason",
        "entries" => "account_id",
        _ => "action",
    }
}

/// A statement behind the back of this crate, which has no way to say such things.
async fn raw(database: &Database, statement: &str) -> Result<(), sqlx::Error> {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    let statement = AssertSqlSafe(statement.to_owned());
    match database.engine() {
        easel_testing::Engine::Sqlite => {
            let mut connection = sqlx::SqliteConnection::connect(database.url()).await?;
            connection.execute(statement).await?;
            connection.close().await
        }
        easel_testing::Engine::Postgres => {
            let mut connection = sqlx::PgConnection::connect(database.url()).await?;
            connection.execute(statement).await?;
            connection.close().await
        }
    }
}

#[tokio::test]
async fn other_databases_are_refused_by_name() {
    for url in ["mysql://h/d", "sqlite::memory:", "sqlite:file?mode=memory", "easel.db"] {
        let refused = Db::open(&Settings::new(url)).await.expect_err(url);
        assert!(refused.to_string().starts_with("the database cannot be opened"), "{url}: {refused}");
    }
    assert_eq!(format!("{:?}", Settings::new("postgres://u:secret@h/d")).find("secret"), None);
    assert_ne!(Engine::Sqlite, Engine::Postgres);
}
